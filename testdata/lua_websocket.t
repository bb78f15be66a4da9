=== a server and a client
--- config
location /s {
    content_by_lua_block {
        local wb = assert(require("resty.websocket.server"):new { timeout = 5000, max_payload_len = 1000 })
        local text = ""
        while true do
            local data, kind, err = wb:recv_frame()
            if not data then
                return wb:send_close(nil, err)
            elseif kind == "close" then
                return wb:send_close(err, data)
            elseif kind == "ping" then
                wb:send_pong(data)
            elseif kind == "binary" then
                wb:send_binary(data)
            else
                text = text .. data
                if not err then
                    wb:send_text(text)
                    text = ""
                end
            end
        end
    }
}
location /t {
    content_by_lua_block {
        local client = require "resty.websocket.client"
        local function open(options)
            local wb = client:new { timeout = 5000 }
            local ok, err, res = wb:connect("ws://127.0.0.1:" .. ngx.var.server_port .. "/s", options)
            assert(ok, err)
            return wb, res
        end
        local wb, res = open { protocols = { "chat", "talk" }, origin = "http://a", headers = { "X-A: 1" } }
        ngx.say(res:match("^[^\r]+"), " ", res:match("Protocol: (%S+)"))
        wb:send_text("héllo")
        ngx.say(wb:recv_frame())
        wb:send_binary("\255")
        ngx.say(#wb:recv_frame())
        wb:send_ping("p")
        ngx.say(wb:recv_frame())
        wb:send_frame(false, 1, "h\195")
        wb:send_ping("between")
        wb:send_frame(false, 0, "")
        wb:send_frame(true, 0, "\169llo")
        ngx.say(wb:recv_frame())
        ngx.say(wb:recv_frame())
        wb:send_close(3000, "enough")
        ngx.say(wb:recv_frame())
        ngx.say(wb:close())
        for _, frames in ipairs { { { false, 1, "\195" }, { true, 0, "x" } }, { { false, 1, "x" }, { true, 1, "x" } }, { { true, 2, ("x"):rep(1001) } }, { { true, 1, "\255" } } } do
            wb = open()
            for _, frame in ipairs(frames) do assert(wb:send_frame(unpack(frame))) end
            ngx.say(wb:recv_frame())
            ngx.say(wb:close())
        end
        wb = open()
        ngx.say(wb:send_text(("x"):rep(70000)))
        ngx.say(wb:send_text("x"))
    }
}
--- lens
plain
--- request
GET /t
--- response_body
HTTP/1.1 101 Switching Protocols chat
héllotextnil
1
ppongnil
betweenpongnil
héllotextnil
enoughclose3000
1
invalid UTF-8 in a textclose1007
1
a message within another oneclose1002
1
exceeding max payload lenclose1009
1
invalid UTF-8 in a textclose1007
1
nilpayload too big
nilfatal error already happened

=== requests that are no handshake
--- config
location /s {
    content_by_lua_block {
        local wb, err = require("resty.websocket.server"):new()
        ngx.status = 400
        ngx.say(err)
    }
}
location /t {
    content_by_lua_block {
        for _, head in ipairs {
            "Upgrade: h2c\r\nConnection: Upgrade",
            "Upgrade: WebSocket",
            "Upgrade: websocket\r\nConnection: keep-alive, Upgrade",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 8",
        } do
            local sock = ngx.socket.connect("127.0.0.1", ngx.var.server_port)
            sock:send("GET /s HTTP/1.1\r\nHost: a\r\n" .. head .. "\r\n\r\n")
            sock:receiveuntil("\r\n\r\n")()
            sock:receive()
            ngx.say(sock:receive())
            sock:close()
        end
    }
}
--- lens
plain
--- request
GET /t
--- response_body
bad "upgrade" request header: h2c
bad "connection" request header
bad "sec-websocket-key" request header
bad "sec-websocket-version" request header
