=== captured lines of the error log
--- http_config
lua_capture_error_log 64k;
init_by_lua_block { assert(require "ngx.errlog".set_filter_level(ngx.WARN)) }
--- config
location /t {
    content_by_lua_block {
        local errlog = require "ngx.errlog"
        errlog.get_logs(0)
        ngx.log(ngx.INFO, "one")
        ngx.log(ngx.WARN, "two")
        errlog.raw_log(ngx.ERR, "three")
        local logs = errlog.get_logs(1)
        ngx.say(#logs, " ", logs[1], " ", math.abs(logs[2] - ngx.now()) < 2, " ", logs[3]:match("two"))
        logs = errlog.get_logs()
        ngx.say(#logs, " ", logs[1], " ", logs[3]:match("%[error%] %d+#0: %*%d+ three, client"))
        ngx.say(#errlog.get_logs())
    }
}
--- request
GET /t
--- error_log
three
--- response_body_like
^3 5 true two
3 4 \[error\] .* three, client
0
$

=== without the directive
--- config
location /t {
    content_by_lua_block { ngx.say(require "ngx.errlog".get_logs()) ngx.say(require "ngx.errlog".get_sys_filter_level()) }
}
--- request
GET /t
--- response_body
nildirective "lua_capture_error_log" is not set
8

=== the privileged agent
--- main_config
master_process on;
--- http_config
lua_shared_dict d 1m;
init_by_lua_block { assert(require "ngx.process".enable_privileged_agent()) }
init_worker_by_lua_block {
    local kind = require "ngx.process".type()
    ngx.shared.d:incr(kind, 1, 0)
    if kind == "privileged agent" then
        ngx.timer.at(0, function() ngx.shared.d:set("timer", tostring(ngx.worker.id())) end)
    end
}
--- config
location /t {
    content_by_lua_block {
        local d = ngx.shared.d
        while not d:get("timer") do ngx.sleep(0.001) end
        ngx.say(d:get("privileged agent") >= 1, " ", d:get("worker") >= 1, " ", d:get("timer"), " ", require "ngx.process".type())
    }
}
--- request
GET /t
--- response_body
true true nil worker

=== a program is written to, read from and waited for
--- lens: plain: stdout_read_any depends on how much is read at once
--- config
location /t {
    content_by_lua_block {
        local pipe = require "ngx.pipe"
        local p = assert(pipe.spawn({ "sh", "-c", "read a; echo got $a; printf '12345678'; echo err >&2; exit 3" }))
        ngx.say(p:pid() > 1)
        ngx.say(p:write({ "line", "\n" }))
        ngx.say(p:stdout_read_line())
        ngx.say(p:stdout_read_bytes(3))
        ngx.say(p:stdout_read_any(10))
        ngx.say(p:stderr_read_all())
        ngx.say(p:wait())
        ngx.say(p:wait())
        ngx.say(p:stdout_read_line())
        ngx.say(p:stdout_read_line())
        ngx.say(p:kill(9))
    }
}
--- request
GET /t
--- response_body
true
5
got line
123
45678
err

falseexit3
nilexited
nilclosed
nilclosed
nilexited

=== timeouts, signals, shutdown
--- config
location /t {
    content_by_lua_block {
        local pipe = require "ngx.pipe"
        local p = assert(pipe.spawn("cat; echo end >&2; sleep 100", { stdout_read_timeout = 2, merge_stderr = true }))
        p:write("some")
        ngx.sleep(0.05)
        ngx.say(p:stdout_read_line())
        p:set_timeouts(nil, 10000, nil, 2)
        ngx.say(p:shutdown("stdin"))
        ngx.say(p:shutdown("stdin"))
        ngx.say(p:write("x"))
        ngx.say(p:stdout_read_line())
        ngx.say(p:stderr_read_line())
        ngx.say(p:wait())
        p:set_timeouts(nil, nil, nil, 10000)
        ngx.say(p:kill(15))
        ngx.say(p:wait())
    }
}
--- request
GET /t
--- response_body
niltimeoutsome
true
nilclosed
nilclosed
end
nilmerged to stdout
niltimeout
true
falsesignal15

=== much goes through, and others run meanwhile
--- lens: plain: byte by byte it takes too long
--- config
location /t {
    content_by_lua_block {
        local p = assert(require "ngx.pipe".spawn({ "cat" }, { environ = { "A=b" } }))
        local n = 0
        local reader = ngx.thread.spawn(function() return #p:stdout_read_all() end)
        for i = 1, 20 do p:write(("x"):rep(100000)) end
        p:shutdown("stdin")
        ngx.say(select(2, ngx.thread.wait(reader)))
        ngx.say(p:wait())
        ngx.say(require "ngx.pipe".spawn({ "/nonexistent/program" }))
        ngx.say(require "ngx.pipe".spawn("echo $A", { environ = { "A=b" } }):stdout_read_all())
    }
}
--- request
GET /t
--- response_body
2000000
trueexit0
nilfork/exec /nonexistent/program: no such file or directory
b


=== in a log script, and one that is left running
--- config
location /t {
    content_by_lua_block { local p = require "ngx.pipe".spawn("sleep 100") ngx.say("ok") }
    log_by_lua_block { local p = require "ngx.pipe".spawn("echo out") ngx.log(ngx.WARN, "it says ", p:stdout_read_line()) }
}
--- request
GET /t
--- response_body
ok
--- error_log
it says out

=== what pipes, semaphores and the agent refuse
--- config
location = /t {
    content_by_lua_block {
        local pipe = require "ngx.pipe"
        local function try(f, ...) local ok, err = pcall(f, ...) ngx.say(err) end
        try(pipe.spawn, "true", { environ = "x" })
        try(pipe.spawn, "true", { environ = { 1 } })
        try(pipe.spawn, "true", { environ = { "A=", "=b" } })
        try(pipe.spawn, "true", { buffer_size = 0 })
        try(pipe.spawn, "true", { wait_timeout = -1 })
        local p = pipe.spawn("echo $A$B", { environ = { "A=1", "B=2" }, buffer_size = 1 })
        ngx.say(p:stdout_read_all())
        try(p.set_timeouts, p, 1, -1)
        local s = require "ngx.semaphore".new(0)
        try(s.post, s, 0)
        ngx.say(require "ngx.process".enable_privileged_agent())
        try(ngx.escape_uri, "a", "b")
    }
}
--- request
GET /t
--- response_body
bad environ option: table expected, got string
bad value at index 1 of environ option: string expected, got number
bad value at index 2 of environ option: 'name=[value]' format expected, got '=b'
bad buffer_size option
bad wait_timeout option
12

bad stdout_read_timeout option
positive number required
nilAPI disabled in the current context
"type" is not a number
