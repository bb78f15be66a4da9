=== lines, numbers of bytes, everything
--- config
location /peer {
    lua_socket_buffer_size 3;
    content_by_lua_block {
        local sock = ngx.req.socket(true)
        sock:send({ "first\r\n", { "sec", "ond\n", 12, "" }, "34rest\n" })
    }
}
location /t {
    content_by_lua_block {
        local sock = ngx.socket.tcp()
        ngx.say(sock:connect("127.0.0.1", ngx.var.server_port))
        ngx.say(sock:send("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n"))
        ngx.say(sock:receive())
        ngx.say(sock:receive("*l"))
        ngx.say(sock:receive(3), sock:receive("1"), sock:receive(0))
        ngx.say(sock:receive("*a"))
        ngx.say(sock:receive(1))
        ngx.say(sock:receive())
        ngx.say(sock:close(), sock:close())
        ngx.say(sock:send("x"))
        ngx.say(pcall(sock.receive, sock, "*x"))
    }
}
--- request
GET /t
--- response_body
1
31
first
second
1234
rest

nilclosed
nilclosed
1nilclosed
nilclosed
truenilclosed
--- error_log
attempt to receive data on a closed socket
attempt to send data on a closed socket

=== reading up to a text, whole and in parts
--- config
location /peer {
    content_by_lua_block { ngx.req.socket(true):send("aab1ab1ab2x--abc---abcyz") }
}
location /t {
    lua_socket_buffer_size 2;
    content_by_lua_block {
        local sock = ngx.socket.connect("127.0.0.1", ngx.var.server_port)
        sock:send("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n")
        ngx.say(sock:receiveuntil("ab1ab2")())
        ngx.say(sock:receiveuntil("c-", { inclusive = true })())
        local part = sock:receiveuntil("--abc")
        local all = ""
        while true do
            local data, err = part(1)
            if not data then ngx.say("[", all, "] ", err) break end
            all = all .. data
        end
        ngx.say(part())
        ngx.say(sock:receiveuntil(""))
        ngx.say(pcall(sock.receiveuntil, sock, "x", { inclusive = 1 }))
        sock:close()
    }
}
--- request
GET /t
--- response_body
aab1
x--abc-
[] nil
nilclosedyz
nilpattern is empty
falsebad "inclusive" option value type: number

=== pools keep connections
--- lens
plain
--- config
location /t {
    content_by_lua_block {
        local function get(options, keep)
            local sock = ngx.socket.tcp()
            assert(sock:connect("127.0.0.1", ngx.var.server_port, options))
            sock:send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
            sock:receiveuntil("\r\n\r\n")()
            local body = sock:receive(2)
            ngx.say(body, " ", sock:getreusedtimes(), " ", keep and sock:setkeepalive(unpack(keep)) or sock:close())
        end
        get(nil, { 10000, 1 })
        get(nil, { 10000, 1 })
        get({ pool = "other" }, { 10000, 1 })
        get(nil, { 10000, 1 })
        get(nil)
        get(nil)
        local sock = ngx.socket.tcp()
        sock:connect("127.0.0.1", ngx.var.server_port)
        sock:send("GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
        sock:receive(1)
        ngx.say(sock:setkeepalive())
        ngx.say(sock:close())
        ngx.say(sock:setkeepalive())
    }
}
location /ok { return 200 "ok"; }
--- request
GET /t
--- response_body
ok 0 1
ok 1 1
ok 0 1
ok 2 1
ok 3 1
ok 0 1
nilunread data in buffer
1
nilclosed

=== connects wait for one another
--- config
location /t {
    content_by_lua_block {
        local options = { pool_size = 1, backlog = 1 }
        local function connect()
            local sock = ngx.socket.tcp()
            local ok, err = sock:connect("127.0.0.1", ngx.var.server_port, options)
            return ok and sock, err
        end
        local first = connect()
        local second = ngx.thread.spawn(function()
            local sock = connect()
            ngx.say("second ", sock:getreusedtimes())
            sock:close()
            local late = ngx.socket.tcp()
            late:settimeout(1)
            local one = connect()
            ngx.say(late:connect("127.0.0.1", ngx.var.server_port, options))
            one:close()
        end)
        ngx.say(select(2, connect()))
        ngx.say("first ", first:setkeepalive())
        ngx.thread.wait(second)
        ngx.say(pcall(first.connect, first, "127.0.0.1", 1, { pool_size = 0 }))
        ngx.say(pcall(first.connect, first, "127.0.0.1", 1, { backlog = -1 }))
    }
}
--- request
GET /t
--- response_body
too many waiting connect operations
first 1
second 1
niltimeout
falsebad argument #4 to '?' (bad "pool_size" option value: 0)
falsebad argument #4 to '?' (bad "backlog" option value: -1)
--- error_log
lua tcp socket queued connect timed out, when trying to connect to 127.0.0.1:

=== what cannot be connected to
--- config
location /t {
    content_by_lua_block {
        local function try(...) ngx.say(ngx.socket.tcp():connect(...)) end
        try("127.0.0.1", 1)
        try("unix:/nosuch")
        try("127.0.0.1")
        try("127.0.0.1", 70000)
        try("", 80)
        try("a b", 80)
    }
}
--- request
GET /t
--- response_body
nilconnection refused
nilno such file or directory
nilmissing the port number
nilbad port number: 70000
nilfailed to parse host name "": no host
nilfailed to parse host name "a b": invalid host
--- error_log
connect() failed (111: Connection refused), upstream: 127.0.0.1:1(127.0.0.1)
connect() to unix:/nosuch failed (2: No such file or directory)

=== timeouts, after which reading goes on
--- config
location /peer {
    content_by_lua_block {
        local sock = ngx.req.socket(true)
        sock:send("+ab")
        sock:receive(1)
        sock:send("c\n")
    }
}
lua_socket_log_errors off;
location /t {
    content_by_lua_block {
        local sock = ngx.socket.connect("127.0.0.1", ngx.var.server_port)
        sock:send("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n")
        sock:receive(1)
        sock:settimeouts(1000, 1000, 10)
        ngx.say(sock:receive())
        sock:settimeout(1000)
        sock:send("-")
        ngx.say(sock:receive())
        ngx.say(pcall(sock.settimeout, sock, -1))
    }
}
--- request
GET /t
--- response_body
niltimeoutab
c
falsebad timeout value

=== one reader and one writer at a time
--- config
location /t {
    content_by_lua_block {
        local sock = ngx.socket.connect("127.0.0.1", ngx.var.server_port)
        local reader = ngx.thread.spawn(function() return sock:receive() end)
        ngx.say(sock:receive())
        ngx.say(sock:close())
        ngx.say(sock:setkeepalive())
        ngx.say(sock:send("GET /ok HTTP/1.0\r\n\r\n"))
        ngx.say(ngx.thread.wait(reader))
    }
}
location /ok { return 200 "ok"; }
--- request
GET /t
--- response_body
nilsocket busy reading
nilsocket busy reading
nilsocket busy reading
20
trueHTTP/1.1 200 OK

=== a socket belongs to one request
--- config
location /t {
    content_by_lua_block {
        local box = package.loaded.box or {}
        package.loaded.box = box
        if not box.sock then
            box.sock = ngx.socket.tcp()
            box.sock:connect("127.0.0.1", ngx.var.server_port)
            local res = ngx.location.capture("/t")
            ngx.print(res.body)
            box.sock = nil
        else
            ngx.say(pcall(box.sock.send, box.sock, "x"))
            ngx.say(pcall(box.sock.receive, box.sock))
            ngx.say(pcall(box.sock.setkeepalive, box.sock))
            ngx.say(pcall(box.sock.close, box.sock))
            ngx.say(pcall(box.sock.connect, box.sock, "127.0.0.1", 1))
        end
    }
}
--- request
GET /t
--- response_body
falsebad request: the socket is another request's, to share a connection give it back by setkeepalive and connect again
falsebad request: the socket is another request's, to share a connection give it back by setkeepalive and connect again
falsebad request: the socket is another request's, to share a connection give it back by setkeepalive and connect again
falsebad request: the socket is another request's, to share a connection give it back by setkeepalive and connect again
falsebad request: the socket is another request's, to share a connection give it back by setkeepalive and connect again

=== datagrams
--- lens
plain
--- config
location /t {
    content_by_lua_block {
        local udp = ngx.socket.udp()
        ngx.say(udp:send("x"))
        ngx.say(udp:setpeername("127.0.0.1", 1))
        ngx.say(udp:send({ "a", "b" }))
        udp:settimeout(1000)
        ngx.say(udp:receive())
        ngx.say(udp:close(), udp:close())
    }
}
--- request
GET /t
--- response_body
nilclosed
1
1
nilconnection refused
1nilclosed
--- error_log
attempt to send data on a closed socket
recv() failed (111: Connection refused)

=== killed in the middle
--- config
location /t {
    content_by_lua_block {
        local sock = ngx.socket.connect("127.0.0.1", ngx.var.server_port)
        local t = ngx.thread.spawn(function() sock:receive() end)
        ngx.say(ngx.thread.kill(t))
        ngx.say(sock:send("GET /ok HTTP/1.0\r\n\r\n"))
        ngx.say(sock:receive())
    }
}
location /ok { return 200 "ok"; }
--- request
GET /t
--- response_body
1
20
HTTP/1.1 200 OK

=== a datagram socket without a way to its peer
--- config
location /t {
    content_by_lua_block {
        ngx.say(ngx.socket.udp():setpeername("255.255.255.255", 53))
    }
}
--- request
GET /t
--- response_body
nilpermission denied
--- error_log
[crit]
connect() failed (13: Permission denied)

=== cosocket: options
--- config
location = /t {
    content_by_lua_block {
        local sock = ngx.socket.tcp()
        ngx.say(sock:getoption("keepalive"))
        ngx.say(sock:setoption())
        ngx.say(sock:setoption("keepalive"))
        ngx.say(sock:setoption("ip-transparent", false))
        assert(sock:connect("127.0.0.1", ngx.var.server_port))
        for _, o in ipairs{{"keepalive", true}, {"keepalive", 0}, {"tcp-nodelay", 1}, {"reuseaddr", true}, {"keepintvl", 11}, {"keepcnt", 3}} do
            ngx.say(o[1], " ", sock:setoption(o[1], o[2]), " ", sock:getoption(o[1]))
        end
        assert(sock:setoption("sndbuf", 8192))
        ngx.say(sock:getoption("sndbuf") >= 8192)
        ngx.say(sock:setoption("colour", 1))
    }
}
--- request
GET /t
--- response_body
nilclosed
nilmissing the "option" argument
nilmissing the "value" argument
true
keepalive true 1
keepalive true 0
tcp-nodelay true 1
reuseaddr true 1
keepintvl true 11
keepcnt true 3
true
nilunsupported option colour

=== a kept connection whose peer has spoken or closed is not used again
--- lens
plain
--- config
location /t {
    content_by_lua_block {
        for _, what in ipairs { "silent", "speaks", "closes" } do
            local sock = ngx.socket.tcp()
            assert(sock:connect("127.0.0.1", ngx.var.server_port, { pool = what }))
            sock:send("GET /" .. what .. " HTTP/1.1\r\nHost: x\r\n\r\n")
            ngx.print(what, " ", sock:receive(3), " ", sock:setkeepalive())
            ngx.sleep(0.02)
            assert(sock:connect("127.0.0.1", ngx.var.server_port, { pool = what }))
            ngx.say(" ", sock:getreusedtimes())
            sock:close()
        end
    }
}
location / {
    error_log stderr alert; # a reset may be noticed
    content_by_lua_block {
        local sock = assert(ngx.req.socket(true))
        sock:send("one")
        ngx.sleep(0.005)
        if ngx.var.uri == "/speaks" then sock:send("two") end
        if ngx.var.uri ~= "/closes" then sock:receive(1) end
    }
}
--- request
GET /t
--- response_body
silent one 1 1
speaks one 1 0
closes one 1 0
