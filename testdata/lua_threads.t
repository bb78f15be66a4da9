=== threads run until they wait, and are waited for
--- config
location /t {
    content_by_lua_block {
        local function f(n) ngx.say("begin ", n) ngx.sleep(0.1 * (n - 1)) ngx.say("end ", n) return n, n * 10 end
        local a = ngx.thread.spawn(f, 2)
        local b = ngx.thread.spawn(f, 1)
        ngx.say("spawned")
        ngx.say(ngx.thread.wait(a, b))
        ngx.say(ngx.thread.wait(a))
    }
}
--- request
GET /t
--- response_body
begin 2
begin 1
spawned
end 1
true110
end 2
true220

=== the request ends when all its threads have ended
--- config
location /t {
    content_by_lua_block {
        ngx.thread.spawn(function() ngx.sleep(0.002) ngx.say("late") end)
        ngx.say("done")
    }
}
--- request
GET /t
--- response_body
done
late

=== an exit in a thread ends the others
--- config
location /t {
    content_by_lua_block {
        ngx.thread.spawn(function() ngx.sleep(1) ngx.log(ngx.ERR, "never") end)
        ngx.thread.spawn(function() ngx.sleep(0.002) ngx.exit(403) end)
        ngx.sleep(1)
        ngx.log(ngx.ERR, "never")
    }
}
--- request
GET /t
--- status: 403
--- no_error_log
never

=== an exit before the first wait
--- config
location /t {
    content_by_lua_block {
        pcall(ngx.thread.spawn, function() ngx.thread.spawn(function() ngx.exit(404) end) ngx.say("never") end)
        ngx.say("never")
    }
}
--- request
GET /t
--- status: 404

=== an exit in a thread of a thread
--- config
location /t {
    content_by_lua_block {
        ngx.thread.spawn(function()
            ngx.sleep(0.001)
            ngx.thread.spawn(function() ngx.exit(404) end)
            ngx.log(ngx.ERR, "never")
        end)
        ngx.sleep(1)
    }
}
--- request
GET /t
--- status: 404
--- no_error_log
never

=== errors and kills of threads
--- config
location /t {
    content_by_lua_block {
        local a = ngx.thread.spawn(function() error("ouch") end)
        ngx.say(coroutine.status(a))
        ngx.say(ngx.thread.wait(a))
        ngx.say(coroutine.status(a))
        local b = ngx.thread.spawn(function() ngx.sleep(1) ngx.log(ngx.ERR, "never") end)
        ngx.say(ngx.thread.kill(b), ngx.thread.kill(b))
        ngx.say(ngx.thread.kill(coroutine.create(print)))
    }
}
--- request
GET /t
--- response_body
zombie
falseouchcontent_by_lua(nginx.conf:10):2: ouch
dead
1nilalready waited or killed
nilnot user thread
--- error_log
lua user thread aborted: runtime error: content_by_lua(nginx.conf:10):2: ouch
coroutine 1:
--- no_error_log
never

=== coroutines and yields
--- config
location /t {
    content_by_lua_block {
        local co = coroutine.wrap(function() ngx.sleep(0.001) coroutine.yield(1) ngx.say("in") return 2 end)
        ngx.say(co()) ngx.say(co())
        local t = ngx.thread.spawn(function() for i = 1, 2 do ngx.say("t", i) coroutine.yield() end end)
        for i = 1, 2 do ngx.say("m", i) coroutine.yield() end
    }
}
--- request
GET /t
--- response_body
1
in
2
t1
m1
t2
m2

=== semaphores
--- config
location /t {
    content_by_lua_block {
        local sem = require("ngx.semaphore").new()
        local t = ngx.thread.spawn(function() ngx.say("got ", sem:wait(1)) end)
        ngx.say(sem:count())
        sem:post()
        ngx.say("posted")
        ngx.thread.wait(t)
        ngx.say(sem:wait(0.001))
        sem:post(2)
        ngx.say(sem:wait(0), sem:count())
    }
}
--- request
GET /t
--- response_body
-1
posted
got true
niltimeout
true1

=== timers
--- http_config
init_worker_by_lua_block {
    n = 0
    ngx.timer.every(0.001, function(premature, by) if not premature then n = n + by end end, 2)
}
--- config
location /t {
    content_by_lua_block {
        local got
        ngx.timer.at(0, function(premature, a) got = tostring(premature) .. a .. ngx.get_phase() end, "x")
        ngx.say(got, " ", ngx.timer.pending_count() >= 1)
        ngx.sleep(0.01)
        ngx.say(got, " ", n > 2)
    }
}
--- request
GET /t
--- response_body
nil true
falsextimer true

=== an error in a timer
--- config
location /t {
    content_by_lua_block {
        ngx.timer.at(0, function() ngx.say("no") end)
        ngx.sleep(0.005)
    }
}
--- request
GET /t
--- error_log
lua entry thread aborted: runtime error: content_by_lua(nginx.conf:10):2: API disabled in the context of ngx.timer
, context: ngx.timer, client: 127.0.0.1, server: 127.0.0.1:

=== who spawns goes on behind those that were ready
--- config
location /t {
    content_by_lua_block {
        local g
        local function f() ngx.say("before g") ngx.thread.spawn(g) ngx.say("after g") end
        function g() ngx.say("in g") end
        ngx.say("before f")
        ngx.thread.spawn(f)
        ngx.say("after f")
        local function slices(name) for i = 1, 3 do ngx.say(name, i) coroutine.yield() end end
        ngx.thread.spawn(slices, "a")
        ngx.thread.spawn(slices, "b")
        ngx.say("done")
    }
}
--- request
GET /t
--- response_body
before f
before g
in g
after f
a1
after g
b1
a2
done
b2
a3
b3

=== an exit in the rewrite phase after output ends the request
--- config
location /t {
    rewrite_by_lua_block {
        ngx.thread.spawn(function() ngx.say("one") ngx.exit(0) end)
        ngx.say("never")
    }
    content_by_lua_block { ngx.say("never") }
}
--- request
GET /t
--- response_body
one

=== a function on a goroutine beside the worker
--- main_config
thread_pool tp threads=2;
--- http_config
lua_package_path "$PREFIX/html/?.lua;;";
--- user_files
>>> m.lua
local m = {}
function m.sum(t, f) local n = 0 for _, v in ipairs(t) do n = n + v end return n, {ngx.md5("a"), {x = f}} end
function m.bad() return print end
function m.err() error("ouch", 0) end
return m
--- config
location /t {
    content_by_lua_block {
        local ok, n, t = ngx.run_worker_thread("tp", "m", "sum", {1, 2, 3}, true)
        ngx.say(ok, n, t[1], t[2].x)
        ngx.say(ngx.run_worker_thread("tp", "m", "bad"))
        ngx.say(ngx.run_worker_thread("tp", "m", "err"))
        ngx.say(ngx.run_worker_thread("tp", "m", "no"))
        ngx.say(ngx.run_worker_thread("none", "m", "no"))
    }
}
--- request
GET /t
--- response_body
true60cc175b9c0f1b6a831c399e269772661true
falseunsupported Lua type: LUA_TFUNCTION in the return value
falseouch
falseinvalid function
falsethread pool none not found
