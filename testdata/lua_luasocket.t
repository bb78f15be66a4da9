=== waiting for the server itself
--- config
location /peer { content_by_lua_block { ngx.sleep(0.002) ngx.say("from ", ngx.var.arg_n) } }
location /t {
    content_by_lua_block {
        local socket = require "socket.core"
        local function get(n)
            local c = assert(socket.connect("127.0.0.1", ngx.var.server_port))
            c:send("GET /peer?n=" .. n .. " HTTP/1.0\r\n\r\n")
            c:settimeout(5)
            repeat local line = assert(c:receive()) until line == ""
            return (c:receive("*a"))
        end
        local a, b = ngx.thread.spawn(get, 1), ngx.thread.spawn(get, 2)
        for _, t in ipairs{ a, b } do ngx.print(select(2, ngx.thread.wait(t))) end
    }
}
--- request
GET /t
--- response_body
from 1
from 2

=== what waits ends by close, kill and timeout
--- config
location /t {
    content_by_lua_block {
        local socket = require "socket.core"
        local function server() local s = socket.tcp4() s:bind("127.0.0.1", 0) s:listen() return s, (select(2, s:getsockname())) end
        local s, port = server()
        local c = socket.connect("127.0.0.1", port)
        local accepted = s:accept()
        local u = socket.udp4()
        u:setsockname("127.0.0.1", 0)
        local threads = {}
        for _, f in ipairs{ function() return s:accept() end, function() return c:receive() end, function() return u:receive() end,
            function() return #socket.select({ c }, nil) end } do
            threads[#threads + 1] = ngx.thread.spawn(f)
        end
        local killed = ngx.thread.spawn(function() accepted:receive() ngx.say("never") end)
        ngx.sleep(0.001)
        ngx.thread.kill(killed)
        s:close() c:close() u:close()
        for _, t in ipairs(threads) do ngx.say(ngx.thread.wait(t)) end
        local begin = socket.gettime()
        local again = server()
        again:settimeout(0.01)
        ngx.say(again:accept())
        ngx.say(#socket.select({ again }, nil, 0.01))
        socket.sleep(0.01)
        ngx.say(socket.gettime() - begin >= 0.03)
    }
}
--- request
GET /t
--- response_body
truenilclosed
truenilclosed
truenilrefused
true1
niltimeout
0
true

=== where nothing can wait it blocks
--- http_config
init_by_lua_block {
    local socket = require "socket.core"
    local s = socket.tcp4()
    s:bind("127.0.0.1", 0)
    s:listen()
    local c = socket.connect("127.0.0.1", (select(2, s:getsockname())))
    c:settimeout(0.01)
    atInit = tostring(select(2, c:receive())) .. " " .. socket.dns.toip("localhost")
    socket.sleep(0.001)
}
--- config
location /t {
    set_by_lua_block $set {
        local socket = require "socket.core"
        local c = socket.connect("127.0.0.1", ngx.var.server_port)
        c:settimeout(0.01)
        return select(2, c:receive())
    }
    content_by_lua_block { ngx.say(ngx.var.set) ngx.say(atInit) }
}
--- request
GET /t
--- response_body
timeout
timeout 127.0.0.1

=== in timers and worker threads
--- http_config
lua_shared_dict got 32k;
--- config
location /t {
    content_by_lua_block {
        local socket = require "socket.core"
        ngx.timer.at(0, function()
            local a, b = socket.udp4(), socket.udp4()
            a:setsockname("127.0.0.1", 0)
            local _, port = a:getsockname()
            ngx.timer.at(0.001, function() b:sendto("late", "127.0.0.1", port) end)
            ngx.shared.got:lpush("text", a:receive())
        end)
        repeat ngx.sleep(0.001) until ngx.shared.got:llen("text") > 0
        ngx.say(ngx.shared.got:lpop("text"))
        ngx.say((select(2, ngx.run_worker_thread("default", "socket.core", "gettime"))) > 1e9)
    }
}
--- request
GET /t
--- response_body
late
true

=== what takes long in worker threads
--- user_files
>>> far.lua
local M = {}
function M.work()
    local kdf, socket = require "resty.openssl.kdf", require "socket.core"
    local name = socket.dns.toip("localhost")
    local s = socket.tcp4()
    s:setoption("linger", { on = true, timeout = 1 })
    s:close()
    return #kdf.derive{ type = kdf.PBKDF2, outlen = 16, pass = "x", md = "sha256", pbkdf2_iter = 2000 }, name, socket.dns.tohostname("127.0.0.1") ~= ""
end
return M
--- http_config
lua_package_path "$PREFIX/html/?.lua;;";
--- config
location /t { content_by_lua_block { ngx.say(ngx.run_worker_thread("default", "far", "work")) } }
--- request
GET /t
--- response_body
true16127.0.0.1true
