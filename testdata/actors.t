=== spawn, call, send and names
--- config
location /t {
    content_by_lua_block {
        local actor = require "actor"
        local a = actor.spawn(function(args)
            local actor = require "actor"
            local n = args.start
            actor.on {
                call = {
                    add = function(k) n = n + k return n end,
                    echo = function(...) return ... end,
                    forget = function() end,
                    raise = function() error("ouch") end,
                },
                cast = { set = function(k) n = k end },
            }
        end, { name = "counter", args = { start = 5 } })
        ngx.say(actor.call(a, "add", 3))
        ngx.say(actor.send(a, "set", 1))
        ngx.say(actor.call("counter", "add", 1))
        local t = actor.call(a, "echo", { 1, { x = "y" } })
        ngx.say(t[1], t[2].x)
        ngx.say(select("#", actor.call(a, "echo", nil, 1, nil)))
        local ok, err = actor.pcall(a, "forget")
        ngx.say(ok, " ", err.code, " ", err.msg)
        ok, err = actor.pcall(a, "raise")
        ngx.say(ok, " ", err.code, " ", err.msg)
        ok, err = actor.pcall(a, "set", 3)
        ngx.say(ok, " ", err.code)
        ngx.say(actor.whereis("counter") == a, actor.whereis("nobody"))
        ngx.say(actor.send("nobody", "x"))
        ok, err = actor.pcall("nobody", "x")
        ngx.say(ok, " ", tostring(err))
        ngx.say(actor.kill(a, "enough"))
        ok, err = actor.pcall(a, "add", 1)
        ngx.say(ok, " ", err.code, " ", err.msg)
        ngx.say(actor.whereis("counter"))
    }
}
--- lens
plain
--- request
GET /t
--- response_body
8
true
2
1y
3
false ENOREPLY the handler at content_by_lua(nginx.conf:10):10 ended without an answer
false EERROR content_by_lua(nginx.conf:10):11: ouch
false ENOCALL
truenil
nilENOACTOR
false actor call nobody.x: ENOACTOR: there is no actor of this name
true
false EDEAD enough
nil

=== exactly one answer, deferred answers, forgotten ones
--- config
location /t {
    content_by_lua_block {
        local actor = require "actor"
        local a = actor.spawn(function()
            local actor = require "actor"
            local kept
            actor.on { call = {
                twice = function()
                    local first = actor.reply(1)
                    local ok, err = pcall(actor.reply, 2)
                    return first, ok
                end,
                later = function()
                    local r = actor.defer()
                    actor.fork(function() ngx.sleep(0.01) r("later", r:alive()) end)
                end,
                keep = function() kept = actor.defer() end,
                give = function() local ok = kept:alive() kept:fail("no luck") return ok, pcall(kept) end,
                err = function() error({ code = 7 }) end,
                bad = function() return print end,
                cycle = function() local t = {} t.t = t return t end,
            } }
        end)
        ngx.say(actor.call(a, "twice"))
        ngx.say(actor.call(a, "later"))
        local t = ngx.thread.spawn(function() return actor.pcall(a, "keep") end)
        local alive, ok, err = actor.call(a, "give")
        ngx.say(alive, " ", ok, " ", type(err))
        local _, ok, err = ngx.thread.wait(t)
        ngx.say(ok, " ", err.code, " ", err.msg)
        for _, cmd in ipairs { "err", "bad", "cycle", "none" } do
            local ok, err = actor.pcall(a, cmd)
            ngx.say(cmd, " ", ok, " ", err.code, " ", err.session > 0, " ", err.msg)
        end
        ok, err = actor.pcall(a, "later", print)
        ngx.say(err.code, " ", err.msg)
        ok, err = actor.pcall(a, "later", { x = { 1, print } })
        ngx.say(err.code, " ", err.msg)
        local loop = {}
        loop.me = loop
        ok, err = pcall(actor.send, a, "later", 1, loop)
        ngx.say(ok, " ", err.code, " ", err.msg)
        ok, err = pcall(actor.call, a, "none")
        ngx.say(ok, " ", (tostring(err):gsub(":%x+", ":id")))
    }
}
--- lens
plain
--- request
GET /t
--- response_body
1
latertrue
true false table
false EERROR no luck
err false EERROR true the error is a table
bad false ETYPE true a function cannot be sent in the answer of the handler at content_by_lua(nginx.conf:10):19
cycle false ECYCLE true a table contains itself at [t] in the answer of the handler at content_by_lua(nginx.conf:10):20
none false ENOCALL true no such command
ETYPE a function cannot be sent
ETYPE a function cannot be sent at [x][2]
false ECYCLE a table contains itself at [me] (value 2)
false actor call :id.none session 10: ENOCALL: no such command

=== timeouts, the chain, cycles and deadlocks
--- config
location /t {
    content_by_lua_block {
        local actor = require "actor"
        local b = actor.spawn(function()
            local actor = require "actor"
            actor.on { call = {
                slow = function() ngx.sleep(0.2) return "late" end,
                back = function(a) return actor.call(a, "ping") end,
                chain = function()
                    local session, source, chain, left = actor.context()
                    return #chain, left <= 0.5 and left > 0
                end,
                toserial = function() return actor.call("serial", "ping") end,
            } }
        end, { name = "b" })
        local a = actor.spawn(function()
            local actor = require "actor"
            local cs = actor.queue()
            actor.on { call = {
                ping = function() return cs(function() return "pong" end) end,
                go = function() return cs(function() return actor.call("b", "back", actor.self()) end) end,
                chain = function() return actor.call({ "b", timeout = 100 }, "chain") end,
            } }
        end, { name = "a" })
        actor.spawn(function()
            local actor = require "actor"
            actor.on { call = {
                ping = function() return "pong" end,
                go = function() return actor.call("b", "toserial") end,
            } }
        end, { name = "serial", serial = true })
        local ok, err = actor.pcall({ b, timeout = 0.05 }, "slow")
        ngx.say(ok, " ", err.code, " ", (tostring(err):match("ETIMEOUT after %d%.%ds")))
        ngx.say(actor.call(a, "go"))
        ngx.say(actor.call({ a, timeout = 0.5 }, "chain"))
        ngx.say(actor.call("serial", "ping"))
        ok, err = actor.pcall("serial", "go")
        ngx.say(ok, " ", err.msg:find("EDEADLOCK", 1, true) and err.msg:find("serial.ping", 1, true) and true)
        ngx.say(actor.call("serial", "ping"))
    }
}
--- lens
plain
--- request
GET /t
--- response_body
false ETIMEOUT ETIMEOUT after 0.1s
pong
2true
pong
false true
pong

=== monitors, death, restart
--- config
location /t {
    content_by_lua_block {
        local actor = require "actor"
        local watcher = actor.spawn(function()
            local actor = require "actor"
            local seen = {}
            actor.on {
                call = {
                    watch = function(a, own)
                        if own then
                            actor.monitor(a, function(addr, reason) seen[#seen + 1] = "own " .. reason end)
                        else
                            actor.monitor(a)
                        end
                        return true
                    end,
                    seen = function() return table.concat(seen, ",") end,
                },
                down = function(addr, reason) seen[#seen + 1] = reason end,
            }
        end)
        local function make(opts)
            return actor.spawn(function()
                local actor = require "actor"
                actor.on { call = {
                    exit = function() actor.exit("tired") end,
                    park = function() ngx.sleep(10) end,
                } }
            end, opts)
        end
        local a = make { name = "x" }
        actor.call(watcher, "watch", a)
        actor.call(watcher, "watch", a, true)
        local t = ngx.thread.spawn(function() return actor.pcall(a, "park") end)
        local ok, err = actor.pcall(a, "exit")
        ngx.say(ok, " ", err.code, " ", err.msg)
        local _, ok, err = ngx.thread.wait(t)
        ngx.say(ok, " ", err.code, " ", err.msg)
        actor.call(watcher, "watch", a)
        ngx.sleep(0.01)
        ngx.say(actor.call(watcher, "seen"))
        ngx.say(actor.whereis("x"))
        a = make { name = "x", restart = { max = 1, within = 10 } }
        actor.kill(a, "boom")
        ngx.sleep(0.01)
        local b = actor.whereis("x")
        ngx.say(b ~= nil and b ~= a)
        actor.kill("x", "boom")
        ngx.sleep(0.01)
        ngx.say(actor.whereis("x"))
        local ok, err = pcall(actor.spawn, function() error("bad start") end, { name = "y" })
        ngx.say(ok, " ", err.code, " ", err.msg)
        ngx.say(actor.whereis("y"))
        local u, fresh = actor.unique("u", function() ngx.sleep(0.01) end)
        local v, again = actor.unique("u", function() end)
        ngx.say(u == v, fresh, again)
    }
}
--- lens
plain
--- request
GET /t
--- response_body
false EDEAD tired
false EDEAD tired
tired,own tired,tired
nil
true
nil
false EERROR content_by_lua(nginx.conf:10):50: bad start
nil
truetruefalse

=== several calls at once, queues, topics, shared tables
--- config
location /t {
    content_by_lua_block {
        local actor = require "actor"
        local a = actor.spawn(function()
            local actor = require "actor"
            local cs, inside, most, got = actor.queue(), 0, 0, {}
            actor.subscribe("news", function(...) got[#got + 1] = table.concat({ ... }, "+") end)
            actor.on { call = {
                wait = function(s) ngx.sleep(s) return s end,
                crowd = function()
                    return cs(function(x)
                        inside = inside + 1
                        most = math.max(most, inside)
                        ngx.sleep(0.001)
                        inside = inside - 1
                        return x
                    end, most)
                end,
                most = function() return most end,
                got = function() return table.concat(got, " ") end,
                shared = function()
                    local t = actor.shared("conf")
                    return t.a, #t.list, t.list[2], pcall(function() t.a = 2 end), getmetatable(t)
                end,
                count = function(t) local n = 0 for _ in pairs(t) do n = n + 1 end return n end,
            } }
        end)
        for req, ok, v in actor.select({ { a, "wait", 0.03 }, { a, "wait", 0.01 }, { a, "none" } }, 1) do
            ngx.say(req[3], " ", ok, " ", ok and v or v.code)
        end
        local calls = {}
        for i = 1, 10 do calls[i] = { a, "crowd" } end
        for _, ok in actor.select(calls) do assert(ok) end
        ngx.say(actor.call(a, "most"))
        ngx.say(actor.publish("news", "a", 1), actor.publish("old", 1))
        ngx.say(actor.call(a, "got"))
        actor.share("conf", { a = 1, list = { 1, "two", { x = 1 } } })
        local t = actor.shared("conf")
        ngx.say(t.list[3].x, rawequal(t.list, t.list), actor.shared("no"))
        ngx.say(actor.call(a, "shared"))
        ngx.say(actor.call(a, "count", t))
        local all = {}
        for k, v in pairs(t) do all[#all + 1] = k end
        for i, v in ipairs(t.list) do all[#all + 1] = i end
        ngx.say(table.concat(all, " "))
    }
}
--- lens
plain
--- request
GET /t
--- response_body
nil false ENOCALL
0.01 true 0.01
0.03 true 0.03
1
10
a+1
1truenil
13twofalsefalse
2
a list 1 2 3

=== an actor of the configuration answers requests
--- http_config
actor web html/web.lua greeting=hello;
actor each html/each.lua workers=all;
--- user_files
>>> web.lua
local actor = require "actor"
local args = ...
actor.on { call = { request = function(r)
    if r.args == "forget" then return end
    if r.args == "raise" then error("ouch") end
    if r.args == "slow" then ngx.sleep(1) end
    return 201, { ["X-A"] = args.greeting }, r.method .. " " .. r.uri .. " " .. (r.args or "") .. " " .. r.headers.host .. " " .. (r.body or "") .. "\n"
end } }
>>> each.lua
require("actor").on { call = { id = function() return ngx.worker.id() end } }
--- config
location /t { actor web; }
location /id { content_by_lua_block { ngx.say(require("actor").call("each", "id") == ngx.worker.id()) } }
--- request
POST /t/x?y=1
body
--- status
201
--- response_headers
X-A: hello
--- response_body
POST /t/x y=1 localhost body

=== an actor that forgets to answer a request
--- http_config
actor web html/web.lua greeting=hello;
actor each html/each.lua workers=all;
--- user_files
>>> web.lua
local actor = require "actor"
local args = ...
actor.on { call = { request = function(r)
    if r.args == "forget" then return end
    if r.args == "raise" then error("ouch") end
    if r.args == "slow" then ngx.sleep(1) end
    return 201, { ["X-A"] = args.greeting }, r.method .. " " .. r.uri .. " " .. (r.args or "") .. " " .. r.headers.host .. " " .. (r.body or "") .. "\n"
end } }
>>> each.lua
require("actor").on { call = { id = function() return ngx.worker.id() end } }
--- config
location /t { actor web; }
location /id { content_by_lua_block { ngx.say(require("actor").call("each", "id") == ngx.worker.id()) } }
--- request
GET /t?forget
--- status
500
--- error_log
ENOREPLY
web.lua:3 ended without an answer

=== an actor that fails to answer a request
--- http_config
actor web html/web.lua greeting=hello;
actor each html/each.lua workers=all;
--- user_files
>>> web.lua
local actor = require "actor"
local args = ...
actor.on { call = { request = function(r)
    if r.args == "forget" then return end
    if r.args == "raise" then error("ouch") end
    if r.args == "slow" then ngx.sleep(1) end
    return 201, { ["X-A"] = args.greeting }, r.method .. " " .. r.uri .. " " .. (r.args or "") .. " " .. r.headers.host .. " " .. (r.body or "") .. "\n"
end } }
>>> each.lua
require("actor").on { call = { id = function() return ngx.worker.id() end } }
--- config
location /t { actor web; }
location /id { content_by_lua_block { ngx.say(require("actor").call("each", "id") == ngx.worker.id()) } }
--- request
GET /t?raise
--- status
500
--- error_log
web.lua:5: ouch

=== an actor too slow for a request
--- http_config
actor_call_timeout 100ms;
actor web html/web.lua greeting=hello;
actor each html/each.lua workers=all;
--- user_files
>>> web.lua
local actor = require "actor"
local args = ...
actor.on { call = { request = function(r)
    if r.args == "forget" then return end
    if r.args == "raise" then error("ouch") end
    if r.args == "slow" then ngx.sleep(1) end
    return 201, { ["X-A"] = args.greeting }, r.method .. " " .. r.uri .. " " .. (r.args or "") .. " " .. r.headers.host .. " " .. (r.body or "") .. "\n"
end } }
>>> each.lua
require("actor").on { call = { id = function() return ngx.worker.id() end } }
--- config
location /t { actor web; }
location /id { content_by_lua_block { ngx.say(require("actor").call("each", "id") == ngx.worker.id()) } }
--- request
GET /t?slow
--- status
504
--- error_log
ETIMEOUT after 0.

=== each worker has one
--- http_config
actor web html/web.lua greeting=hello;
actor each html/each.lua workers=all;
--- user_files
>>> web.lua
local actor = require "actor"
local args = ...
actor.on { call = { request = function(r)
    if r.args == "forget" then return end
    if r.args == "raise" then error("ouch") end
    if r.args == "slow" then ngx.sleep(1) end
    return 201, { ["X-A"] = args.greeting }, r.method .. " " .. r.uri .. " " .. (r.args or "") .. " " .. r.headers.host .. " " .. (r.body or "") .. "\n"
end } }
>>> each.lua
require("actor").on { call = { id = function() return ngx.worker.id() end } }
--- config
location /t { actor web; }
location /id { content_by_lua_block { ngx.say(require("actor").call("each", "id") == ngx.worker.id()) } }
--- request
GET /id
--- response_body
true

=== services of skynet
--- http_config
lua_package_path "$PREFIX/html/?.lua;;";
--- user_files
>>> store.lua
local skynet = require "skynet"
require "skynet.manager"
local db, command = {}, {}
function command.GET(key) return db[key] end
function command.SET(key, value) local last = db[key] db[key] = value return last end
function command.LATER()
    local answer = skynet.response()
    skynet.timeout(1, function() answer(true, "later", answer("TEST")) end)
end
local args = { ... }
skynet.init(function() db.init = "yes" end)
skynet.start(function()
    skynet.dispatch("lua", function(session, address, cmd, ...)
        local f = command[cmd:upper()]
        if cmd == "later" then
            f()
        elseif f then
            skynet.ret(skynet.pack(f(...)))
        elseif cmd == "args" then
            skynet.retpack(table.concat(args, " "), session > 0, type(address))
        else
            error("unknown command " .. cmd)
        end
    end)
    skynet.register ".store"
end)
>>> front.lua
local skynet = require "skynet"
local queue = require "skynet.queue"
skynet.start(function()
    local store = skynet.newservice("store", "one", 2)
    local cs = queue()
    skynet.dispatch("lua", function(session, source, ...)
        local out = {}
        local function say(...) for i = 1, select("#", ...) do out[#out + 1] = tostring((select(i, ...))) end end
        say(skynet.call(store, "lua", "set", "A", "hello"), skynet.call(".store", "lua", "get", "A"))
        say(skynet.call(store, "lua", "args"))
        say(skynet.call(store, "lua", "later"))
        say(skynet.call(store, "lua", "get", "init"))
        say((pcall(skynet.call, store, "lua", "boom")))
        local token = {}
        skynet.fork(function() skynet.wakeup(token) end)
        say(skynet.sleep(1000, token))
        local order = {}
        skynet.fork(function() cs(function() skynet.sleep(1) order[1] = 1 end) end)
        skynet.yield()
        cs(function() order[#order + 1] = 2 end)
        say(table.concat(order, ","))
        say(skynet.send(store, "lua", "set", "B", 1) ~= nil, skynet.call(store, "lua", "get", "B"))
        say(skynet.self() ~= store, skynet.localname(".store") == store, skynet.uniqueservice("store2") == skynet.uniqueservice("store2"))
        for req, answer in skynet.request { store, "lua", "get", "A" }:select() do say(req[4], answer[1]) end
        skynet.retpack(table.concat(out, " "))
        skynet.exit()
    end)
end)
>>> store2.lua
local skynet = require "skynet"
skynet.start(function() end)
--- config
location /t { content_by_lua_block {
    local skynet = require "skynet"
    ngx.say(skynet.call(skynet.newservice("front"), "lua", "run"))
} }
--- lens
plain
--- request
GET /t
--- response_body
nil hello one 2 true number later true yes false BREAK 1,2 true 1 true true true A hello

=== new code, the same state; limits; timers and light threads
--- config
location /t {
    content_by_lua_block {
        local actor = require "actor"
        local a = actor.spawn(function()
            local actor = require "actor"
            local n, list = 1, {}
            actor.on { call = { inc = function() n = n + 1 list[#list + 1] = n return n end } }
        end)
        ngx.say(actor.call(a, "inc"))
        ngx.say(actor.hotfix(a, [[
            local actor = require "actor"
            local n, list = 0, {}
            local function add(k) n = n + k list[#list + 1] = n end
            actor.on { call = {
                inc = function() add(10) return n, table.concat(list, ",") end,
            } }]]))
        ngx.say(actor.call(a, "inc"))
        local ok, err = pcall(actor.hotfix, a, "local = 1")
        ngx.say(ok, " ", err.code)
        ngx.say(actor.call(a, "inc"))

        local b = actor.spawn(function()
            local actor = require "actor"
            actor.on {
                call = {
                    spin = function() pcall(function() while true do end end) return "no" end,
                    hog = function() local t = {} for i = 1, 1e9 do t[i] = { i, ("x"):rep(100) .. i } end return #t end,
                    ping = function() return "pong" end,
                    timer = function()
                        local r = actor.defer()
                        ngx.timer.at(0.001, function(premature) r("timer", actor.self() ~= nil) end)
                    end,
                    threads = function()
                        local t = ngx.thread.spawn(function() ngx.sleep(0.001) return "t" end)
                        local _, v = ngx.thread.wait(t)
                        return v, coroutine.wrap(function() coroutine.yield(1) end)(), ("s"):upper(), math.max(1, 2)
                    end,
                    glob = function() x = 1 return x, ngx.get_phase(), _G.x, require("cjson").encode { 1 } end,
                },
            }
        end, { burst = 0.1, mem_limit = 40 * 2^20, name = "limited" })
        ok, err = actor.pcall(b, "spin")
        ngx.say(ok, " ", err.code, " ", (err.msg:gsub("^.-: ", "")))
        ngx.say(actor.call(b, "ping"))
        ngx.say(actor.call(b, "timer"))
        ngx.say(actor.call(b, "threads"))
        ngx.say(actor.call(b, "glob"))
        ngx.say(x == nil)
        local s = actor.stat(b)
        ngx.say(s.name, " ", s.state, " ", s.handled > 3, " ", s.errors)
        actor.kill(b)
    }
}
--- lens
plain
--- request
GET /t
--- response_body
2
true
122,12
false EERROR
222,12,22
false EERROR lua burst timeout: 100ms
pong
timertrue
t1S2
1actor1[1]
true
limited alive true 1

=== an actor with too much memory ends
--- config
location /t {
    content_by_lua_block {
        local actor = require "actor"
        local function program()
            local actor = require "actor"
            local kept = {}
            actor.on { call = {
                hog = function() local t = {} for i = 1, 1e9 do t[i] = { i, ("x"):rep(100) .. i } end return #t end,
                keep = function(s) kept[#kept + 1] = s return #kept end,
            } }
        end
        local a = actor.spawn(program, { mem_limit = 20 * 2^20, restart = false })
        local ok, err = actor.pcall(a, "hog")
        ngx.say(ok, " ", err.code, " ", err.msg:find("not enough memory", 1, true) ~= nil)
        ngx.sleep(0.01)
        ok, err = actor.pcall(a, "keep", 1)
        ngx.say(ok, " ", err.code)
        a = actor.spawn(program, { mem_limit = 2^20, restart = false })
        local n = 0
        for i = 1, 100 do
            ok, err = actor.pcall(a, "keep", ("y"):rep(50000) .. i)
            if not ok then break end
            n = i
        end
        ngx.say(n > 15 and n < 30, " ", ok, " ", err.code, " ", err.msg)
    }
}
--- lens
plain
--- request
GET /t
--- response_body
false EERROR true
false EDEAD
true false EDEAD mem_limit of 1m exceeded

=== sent from phases that cannot wait; loops; idle actors
--- config
location /t {
    header_filter_by_lua_block { ngx.ctx.sent = require("actor").send("count", "add", 1) }
    body_filter_by_lua_block { require("actor").send("count", "add", 10) }
    log_by_lua_block { require("actor").send("count", "add", 100) }
    set_by_lua_block $x { return require("actor").whereis("count") and "there" or "not" }
    content_by_lua_block {
        local actor = require "actor"
        actor.unique("count", function()
            local actor = require "actor"
            local n = 0
            actor.on { cast = { add = function(k) n = n + k end }, call = { get = function() return n end } }
        end)
        actor.spawn(function()
            local actor = require "actor"
            function main()
                for i = 1, 3 do ngx.sleep(0.001) end
                actor.send("count", "add", 1000)
            end
        end, { name = "loop", loop = "main" })
        actor.spawn(function() end, { name = "idle", idle = 0.01 })
        ngx.print(actor.whereis("loop") ~= nil, actor.whereis("idle") ~= nil)
        ngx.flush(true)
        ngx.sleep(0.05)
        ngx.say(actor.call("count", "get") > 1010, actor.whereis("loop"), actor.whereis("idle"), ngx.get_phase())
        local ok, err = pcall(function()
            local up = 1
            actor.spawn(function() return up end)
        end)
        ngx.say(err)
    }
}
--- lens
plain
--- request
GET /t
--- response_body_like
truetruetruenilnilcontent
the function of an actor must not use locals from outside: up

=== sockets that an actor listens on
--- config
location /t { content_by_lua_block {
    local actor = require "actor"
    local program = function(args)
        local actor = require "actor"
        local l, err = actor.listen("127.0.0.1:0", function(sock, peer)
            sock:settimeout(2000)
            sock:send("hello " .. peer:match("^127%.0%.0%.1:") .. "\n")
            while true do
                local line = sock:receive()
                if not line then return sock:close() end
                if line == "raise" then error("ouch") end
                sock:send(line:upper() .. "\n")
            end
        end)
        local port = tonumber(l:address():match("%d+$"))
        actor.on { call = {
            port = function() return port end,
            again = function() return select(2, actor.listen("127.0.0.1:" .. port, print)) end,
            bad = function() return select(2, actor.listen("nowhere:x", print)) end,
            stop = function() l:close() l:close() return "stopped" end,
        } }
    end
    local a = actor.spawn(program)
    local port = actor.call(a, "port")
    local one, two = ngx.socket.connect("127.0.0.1", port), ngx.socket.connect("127.0.0.1", port)
    ngx.say(one:receive(), two:receive())
    one:send("one\n") two:send("two\n")
    ngx.say(two:receive(), one:receive())
    two:send("raise\n")
    ngx.say(two:receive())
    ngx.say(actor.call(a, "again"))
    ngx.say(actor.call(a, "bad"))
    ngx.say(actor.call(a, "stop"))
    ngx.say(ngx.socket.connect("127.0.0.1", port))
    one:send("still\n")
    ngx.say(one:receive())
    actor.kill(a)
    ngx.say(one:receive())
} }
--- lens
plain
--- request
GET /t
--- response_body
hello 127.0.0.1:hello 127.0.0.1:
TWOONE
nilclosed
98: Address already in use
"nowhere:x" is no address to listen on
stopped
nilconnection refused
STILL
nilclosed
--- error_log
ouch
connect() failed (111: Connection refused)

=== skynet.socket: echoes, agents and who has a connection
--- http_config
lua_package_path "$PREFIX/html/?.lua;;";
--- user_files
>>> echo.lua
local skynet = require "skynet"
local socket = require "skynet.socket"

local mode, id = ...

local function echo(id)
    socket.start(id)
    while true do
        local str = socket.read(id)
        if not str then
            return socket.close(id)
        end
        socket.write(id, str)
    end
end

if mode == "agent" then
    id = tonumber(id)
    skynet.start(function()
        skynet.fork(function()
            echo(id)
            skynet.exit()
        end)
    end)
else
    skynet.start(function()
        local id, address, port = socket.listen("127.0.0.1", 0)
        local ways = {
            agent = function(id) skynet.newservice(SERVICE_NAME, "agent", id) end,
            fork = function(id) skynet.fork(echo, id) end,
            abandon = function(id)
                socket.start(id)
                socket.write(id, "Hello\n")
                skynet.newservice(SERVICE_NAME, "agent", id)
                socket.abandon(id)
            end,
            lines = function(id)
                socket.start(id)
                socket.write(id, { socket.readline(id), "|", socket.readline(id, "END"), "|", socket.read(id, 3), "|",
                    tostring(socket.block(id)), "|", socket.header("\1\2") })
                seen = { socket.readall(id), socket.disconnected(id), socket.invalid(id) }
                socket.close(id)
                seen[4], seen[5] = socket.invalid(id), socket.write(id, "x")
            end,
            refuse = socket.close,
        }
        local way
        seen = {}
        socket.start(id, function(id, peer)
            assert(peer:match("^127%.0%.0%.1:%d+$"))
            ways[way](id)
        end)
        skynet.dispatch("lua", function(_, _, name)
            way = name
            if name == "seen" then
                while #seen < 5 do skynet.sleep(1) end
                return skynet.retpack(unpack(seen))
            end
            skynet.retpack(port)
        end)
    end)
end
--- config
location /t { content_by_lua_block {
    local skynet = require "skynet"
    local echo = skynet.newservice("echo")
    for _, way in ipairs { "agent", "fork", "abandon" } do
        local port = skynet.call(echo, "lua", way)
        local s = ngx.socket.connect("127.0.0.1", port)
        s:settimeout(2000)
        if way == "abandon" then ngx.say(s:receive()) end
        s:send("one\n")
        local got = s:receive()
        s:send("two\n")
        ngx.say(way, " ", got, " ", s:receive())
        s:close()
    end
    local s = ngx.socket.connect("127.0.0.1", skynet.call(echo, "lua", "lines"))
    s:settimeout(2000)
    s:send("a line\nand\nmoreENDabcrest")
    ngx.say(s:receiveany(100))
    s:close()
    ngx.say(skynet.call(echo, "lua", "seen"))
    s = ngx.socket.connect("127.0.0.1", skynet.call(echo, "lua", "refuse"))
    s:settimeout(2000)
    ngx.say(s:receive())
} }
--- lens
plain
--- request
GET /t
--- response_body
agent one two
fork one two
Hello
abandon one two
a line|and
more|abc|true|258
resttruefalsetruefalse
nilclosed

=== an actor's modules are found by lua_package_path
--- http_config
lua_package_path "$PREFIX/html/?.lua;;";
--- user_files
>>> mod.lua
return { name = "found" }
--- config
location /t { content_by_lua_block {
    local actor = require "actor"
    local a = actor.spawn(function()
        local mod = require "mod"
        require("actor").on { call = { name = function() return mod.name end } }
    end)
    ngx.say(actor.call(a, "name"))
} }
--- lens
plain
--- request
GET /t
--- response_body
found

=== services of skynet: what their own examples do
--- http_config
lua_package_path "$PREFIX/html/?.lua;;";
actor first html/first.lua;
actor brief html/brief.lua;
--- user_files
>>> first.lua
local skynet = require "skynet"
local service = require "skynet.service"
local mode = ...
if mode == "slave" then
    skynet.start(function()
        skynet.info_func(function() return { a = 1 } end)
        skynet.dispatch("lua", function(_, _, cmd, ...)
            if cmd == "sleep" then skynet.sleep((...)) end
            if cmd == "fail" then error("ouch") end
            if cmd == "nothing" then return skynet.ret() end
            skynet.ret(skynet.pack(...))
        end)
    end)
    return
end
local slave = skynet.newservice(SERVICE_NAME, "slave")
local function many(text)
    local skynet = require "skynet"
    skynet.start(function() skynet.dispatch("lua", function() skynet.ret(skynet.pack("of a function")) end) end)
end
skynet.start(function()
    skynet.dispatch("lua", function()
        local out = {}
        local function say(...)
            for i = 1, select("#", ...) do out[#out + 1] = tostring((select(i, ...))) end
        end
        local reqs = skynet.request { slave, "lua", "sleep", 2, "two" } { slave, "lua", "sleep", 1, "one" } { slave, "lua", "fail" }
        for req, answer in reqs:select() do say(req[3], answer and answer[2] or answer) end
        say(reqs.timeout)
        reqs = skynet.request { slave, "lua", "sleep", 0, "soon" } { slave, "lua", "sleep", 100, "late" }
        for req, answer in reqs:select(10) do say(answer[2]) end
        say(reqs.timeout)
        say(select("#", skynet.call(slave, "lua", "nothing")))
        say(skynet.newservice("brief"))
        local one = service.new("many", many)
        say(one == service.new("many", many), skynet.call(one, "lua"), service.query("many") == one)
        say(skynet.call(slave, "debug", "PING"), skynet.call(slave, "debug", "INFO").a, skynet.stat("endless"), skynet.stat("message") > 0)
        for i = 1, 5000 do skynet.send(slave, "lua", "x") end
        say(skynet.call(slave, "lua", "x", "after 5000"))
        skynet.retpack(table.concat(out, " "))
    end)
end)
>>> brief.lua
local skynet = require "skynet"
skynet.start(function() skynet.exit() end)
--- config
location /t { content_by_lua_block {
    local skynet = require "skynet"
    ngx.say(skynet.call(".first", "lua"))
    ngx.say(skynet.localname(".brief"))
} }
--- lens
plain
--- request
GET /t
--- response_body
fail false sleep one sleep two nil soon true 0 nil true of a function true true 1 false true after 5000
nil

=== what is not waited for any more is cancelled: light threads, select
--- http_config
lua_shared_dict seen 1m;
--- config
location /t { content_by_lua_block {
    local actor = require "actor"
    local seen = ngx.shared.seen
    local function waiter()
        local actor, seen = require "actor", ngx.shared.seen
        actor.on { call = { wait = function(name)
            seen:set(name, "waits")
            for i = 1, 500 do
                if actor.cancelled() then seen:set(name, "cancelled") ngx.sleep(0.01) return end
                ngx.sleep(0.001)
            end
        end, quick = function() return 1 end } }
    end
    local w = actor.spawn(waiter, { name = "waiter" })
    local a = actor.spawn(function()
        local actor = require "actor"
        actor.on { call = {
            -- light threads of a handler that nobody waits for any more
            threads = function()
                ngx.thread.spawn(function()
                    local ok, err = actor.pcall("waiter", "wait", "thread")
                    ngx.shared.seen:set("code", err.code)
                end)
                ngx.thread.spawn(function()
                    for _, ok, err in actor.select({ { "waiter", "wait", "select in a thread" } }) do
                        ngx.shared.seen:set("select code", err.code)
                    end
                end)
                actor.pcall("waiter", "wait", "itself")
            end,
            -- one that leaves a loop, in a light thread
            leave = function()
                local function first(name)
                    for req, ok in actor.select({ { "waiter", "quick" }, { "waiter", "wait", name } }) do break end
                end
                ngx.thread.wait(ngx.thread.spawn(function() first("left in a thread") ngx.sleep(0.01) end))
                first("left")
                local select = actor.select({ { "waiter", "wait", "closed" } })
                ngx.sleep(0.01)
                select:close()
                ngx.sleep(0.01)
                return true
            end,
            mine = function()
                ngx.thread.spawn(function() actor.call("waiter", "wait", "killed") end)
                actor.call("waiter", "wait", "killed too")
            end,
        } }
    end, { name = "asks" })
    local names = {}
    local function all(...)
        for _, name in ipairs { ... } do
            for i = 1, 300 do
                if seen:get(name) and seen:get(name) ~= "waits" then break end
                ngx.sleep(0.001)
            end
            ngx.say(name, ": ", seen:get(name))
        end
    end
    local asks = ngx.thread.spawn(function() actor.call(a, "threads") end)
    ngx.sleep(0.02)
    ngx.thread.kill(asks)
    all("itself", "thread", "code", "select in a thread", "select code")
    local t = ngx.thread.spawn(function() actor.call(a, "leave") end)
    ngx.thread.wait(t)
    all("left in a thread", "left", "closed")
    t = ngx.thread.spawn(function() return actor.pcall(a, "mine") end)
    ngx.sleep(0.02)
    actor.kill(a, "enough")
    all("killed", "killed too")
    t = ngx.thread.spawn(function() actor.call(w, "wait", "a request's") end)
    local t2 = ngx.thread.spawn(function() for _ in actor.select({ { w, "wait", "another request's" } }) do end end)
    ngx.sleep(0.01)
    ngx.thread.kill(t)
    ngx.thread.kill(t2)
    all("a request's", "another request's")
} }
--- lens
plain
--- request
GET /t
--- response_body
itself: cancelled
thread: cancelled
code: ECANCELLED
select in a thread: cancelled
select code: ECANCELLED
left in a thread: cancelled
left: cancelled
closed: cancelled
killed: cancelled
killed too: cancelled
a request's: cancelled
another request's: cancelled

=== services of skynet: datacenter, multicast, snax
--- http_config
lua_package_path "$PREFIX/html/?.lua;;";
--- user_files
>>> all.lua
local skynet = require "skynet"
local datacenter, multicast, snax = require "skynet.datacenter", require "skynet.multicast", require "skynet.snax"
local mode, id = ...
if mode == "listener" then
    local got = {}
    local c = multicast.new { channel = tonumber(id), dispatch = function(c, source, ...) got[#got + 1] = table.concat({ ... }, "+") end }
    c:subscribe()
    skynet.start(function() skynet.dispatch("lua", function(_, _, cmd)
        if cmd == "leave" then c:unsubscribe() end
        skynet.retpack(table.concat(got, " "))
    end) end)
    return
end
skynet.start(function()
    skynet.dispatch("lua", function()
        local out = {}
        local function say(...)
            for i = 1, select("#", ...) do out[#out + 1] = tostring((select(i, ...))) end
        end
        say(datacenter.set("a", 1), datacenter.set("a", 2), datacenter.get("a"), datacenter.get("b", "c"))
        skynet.fork(function()
            skynet.sleep(1)
            datacenter.set("b", "c", "come")
        end)
        skynet.fork(function() say("branch", (pcall(datacenter.wait, "b"))) end)
        say(datacenter.wait("b", "c"), datacenter.get("b").c, (pcall(datacenter.wait, "b")), datacenter.wait("a"))

        local c = multicast.new()
        local one, two = skynet.newservice("all", "listener", c.channel), skynet.newservice("all", "listener", c.channel)
        c:publish("x", 1)
        say(skynet.call(one, "lua", "get"))
        skynet.call(two, "lua", "leave")
        c:publish("y", 2)
        say(skynet.call(one, "lua", "get"), skynet.call(two, "lua", "get"))

        local s = snax.newservice("counter", 5)
        say(s.post.add(2), s.req.get(), (pcall(s.req.none)))
        say(snax.hotfix(s, [[
            local n
            function accept.add(k) n = n + 10 * k end
            function hotfix(...) local old = n n = n + 100 return old, ... end
        ]], "fixed"))
        s.post.add(1)
        say(s.req.get(), skynet.call(s.handle, "debug", "INFO").add.count, (pcall(snax.hotfix, s, "local m function accept.x() m = 1 end")))
        snax.kill(s, "end")
        say(datacenter.get("ended"), (pcall(s.req.get)))
        local u = snax.uniqueservice("counter", 1)
        say(u.handle == snax.uniqueservice("counter", 2).handle, snax.queryservice("counter").req.get(), (pcall(snax.newservice, "nothing")))
        skynet.retpack(table.concat(out, " "))
    end)
end)
>>> counter.lua
local skynet = require "skynet"
local datacenter = require "skynet.datacenter"
local n
function init(from) n = from end
function exit(why) datacenter.set("ended", why .. n) end
function accept.add(k) n = n + k end
function response.get() return n, SERVICE_NAME end
--- config
location /t { content_by_lua_block {
    local skynet = require "skynet"
    ngx.say(skynet.call(skynet.newservice("all"), "lua"))
} }
--- lens
plain
--- request
GET /t
--- response_body
nil 1 2 nil branch false come come false 2 x+1 x+1 y+2 x+1 nil 7 false 7 fixed 117 2 false end117 false true 1 false

=== no command of a script runs a program in another actor
--- config
location /t { content_by_lua_block {
    local actor = require "actor"
    local a = actor.spawn(function() require("actor").on { call = { ok = function() return 1 end } } end)
    for _, cmd in ipairs { "\0inject", "\0hotfix", "inject", "hotfix" } do
        local ok, err = actor.pcall(a, cmd, "print('it runs') return { call = {} }")
        ngx.say(ok, " ", err.code)
    end
    ngx.say(actor.call(a, "ok"))
} }
--- lens
plain
--- request
GET /t
--- response_body
false ENOCALL
false ENOCALL
false ENOCALL
false ENOCALL
1

=== services of skynet: a command that a client has named is no protocol
--- http_config
actor service html/service.lua;
--- user_files
>>> service.lua
local skynet = require "skynet"
skynet.start(function()
    skynet.dispatch("lua", function(_, _, ...) skynet.ret(skynet.pack("lua", select("#", ...), ...)) end)
end)
--- config
location /t {
    content_by_lua_block {
        local actor, skynet = require "actor", require "skynet"
        ngx.say(actor.call("service", "@debug", "EXIT"))
        ngx.say(actor.call("service", "@"))
        ngx.say(actor.call("service", "@", "debug", "EXIT"))
        ngx.say((select("#", actor.call("service", "@", actor.whereis("service"), "debug", "EXIT"))))
        ngx.say(skynet.call("service", "lua", "@", 1))
        ngx.say(skynet.call("service", "lua", 1, nil))
        ngx.say(skynet.call("service", "debug", "PING"))
    }
}
--- request
GET /t
--- response_body
lua2@debugEXIT
lua1@
lua3@debugEXIT
6
lua2@1
lua21nil
true
