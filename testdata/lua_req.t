=== the method, and what stands for it
--- config
location /t {
    rewrite_by_lua_block {
        ngx.req.set_method(ngx.HTTP_PUT)
        ngx.say(pcall(ngx.req.set_method, 3))
        ngx.say(pcall(ngx.req.set_method, "GET"))
        ngx.say(ngx.req.get_method(), " ", ngx.req.http_version(), " ", ngx.req.is_internal())
    }
}
--- request
GET /t
--- response_body
falseunsupported HTTP method: 3
falsebad method number
PUT 1.1 false

=== another URI, with a jump and without
--- config
location /a {
    rewrite_by_lua_block {
        ngx.req.set_uri_args({ x = "1", y = { "a", true } })
        ngx.req.set_uri("/b", true)
        ngx.log(ngx.ERR, "never")
    }
}
location /b {
    rewrite_by_lua_block { ngx.req.set_uri("/c") }
    content_by_lua_block { ngx.say(ngx.var.uri, "?", ngx.var.args) }
}
location /c { return 500; }
--- request
GET /a?z
--- response_body
/c?x=1&y=a&y
--- no_error_log
never

=== a jump is for the rewrite phase
--- config
location /t {
    content_by_lua_block {
        ngx.say(pcall(ngx.req.set_uri, "/x", true))
        ngx.say(pcall(ngx.req.set_uri, ""))
        ngx.say(pcall(ngx.req.set_uri, "/a\nb"))
        ngx.req.set_uri("/a\nb", false, true)
        ngx.say(#ngx.var.uri)
    }
}
--- request
GET /t
--- response_body
falseAPI disabled in the context of content_by_lua*
falseattempt to use zero-length uri
falseunsafe byte "0x0a" in uri "/a\x0Ab" (maybe you want to set the 'binary' argument?)
4

=== arguments
--- config
location /t {
    content_by_lua_block {
        local a, err = ngx.req.get_uri_args(3)
        ngx.say(a.a, " ", a.b, " ", a.c, " ", err)
        local into = { old = 1 }
        a = ngx.req.get_uri_args(0, into)
        ngx.say(a == into, a.old, a.e, table.concat(a.c, ","))
        ngx.req.set_uri_args("q=%20\r")
        ngx.say(ngx.var.args)
    }
}
--- request
GET /t?a&b=&c=1&c=%32&=x&e=a+b
--- response_body
true  1 truncated
truenila b1,2
q=%20%0D

=== fields, found by any letters
--- config
location /t {
    content_by_lua_block {
        ngx.req.set_header("X-New", { "1", "2" })
        require "ngx.req".add_header("X-New", 3)
        ngx.req.clear_header("x-old")
        ngx.req.set_header("Bad\nName", "v\r\n")
        local h = ngx.req.get_headers()
        ngx.say(table.concat(h["x-new"], ","), " ", table.concat(h.X_New, ","), " ", h.x_old, " ", h["bad%0aname"])
        local raw, err = ngx.req.get_headers(1, true)
        for k, v in pairs(raw) do ngx.say(k, "=", v, " ", err) end
        ngx.say(ngx.var.http_x_new)
    }
}
--- raw_request
GET /t HTTP/1.1\r\n
Host: a.b:80\r\n
X-Old: 1\r\n
Connection: close\r\n
\r\n
--- response_body
1,2,3 1,2,3 nil v%0D%0A
Host=a.b:80 truncated
1, 2, 3

=== the host and the length follow their fields
--- config
location /t {
    content_by_lua_block {
        ngx.req.set_header("Host", "Other.Example:8080")
        ngx.say(ngx.var.host, " ", ngx.var.http_host)
        ngx.req.set_header("Content-Length", 5)
        ngx.req.read_body()
        ngx.say(ngx.req.get_body_data(), " ", ngx.req.get_body_data(2))
    }
}
--- request
POST /t
hello world
--- response_body
other.example Other.Example:8080
hello he

=== a body of our own, in memory and in a file
--- config
location /t {
    client_body_buffer_size 4;
    content_by_lua_block {
        ngx.say(pcall(ngx.req.set_body_data, "x"))
        ngx.req.read_body()
        ngx.say(ngx.req.get_body_data(), " ", ngx.req.get_body_file() ~= nil)
        ngx.say(ngx.req.get_post_args())
        ngx.req.set_body_data("a=1&b=2")
        ngx.say(ngx.req.get_body_data(), " ", ngx.req.get_body_file(), " ", ngx.var.http_content_length, " ", ngx.req.get_post_args().b)
        ngx.req.init_body(3)
        ngx.req.append_body("ab")
        ngx.req.append_body("cd")
        ngx.req.finish_body()
        local f = io.open(ngx.req.get_body_file())
        ngx.say(f:read("*a"), " ", ngx.var.http_content_length)
        f:close()
        ngx.req.set_body_file(ngx.var.document_root .. "/f.txt")
        ngx.say(ngx.req.get_body_file():match("[^/]*$"), " ", ngx.req.get_body_data())
        ngx.say(pcall(ngx.req.set_body_file, "/nosuch"))
    }
}
--- user_files
>>> f.txt
of the file
--- request
POST /t
hello world
--- response_body
falserequest body not read yet
nil true
nilrequest body in temp file not supported
a=1&b=2 nil 7 2
abcd 4
f.txt nil
falseopen() "/nosuch" failed
--- error_log
open() "/nosuch" failed (2: No such file or directory)

=== the body as it comes
--- config
location /t {
    lua_socket_buffer_size 4;
    content_by_lua_block {
        local sock, err = ngx.req.socket()
        ngx.say(sock:receive(3))
        ngx.say(sock:receiveuntil("--")())
        ngx.say(sock:receive())
        ngx.say(sock:receive("*a"))
        ngx.say(ngx.req.socket())
    }
}
--- request
POST /t
abcdef--line
rest
--- response_body
abc
def
line
rest
nilduplicate call

=== a chunked body as it comes
--- config
location /t {
    content_by_lua_block {
        local sock = ngx.req.socket()
        ngx.say(sock:receive(5))
        ngx.say(sock:receive(10))
    }
}
--- raw_request
POST /t HTTP/1.1\r\n
Host: a\r\n
Transfer-Encoding: chunked\r\n
Connection: close\r\n
\r\n
3\r\n
abc\r\n
4\r\n
defg\r\n
0\r\n
\r\n
--- response_body
abcde
nilclosedfg

=== no body to read
--- config
location /t {
    content_by_lua_block {
        ngx.say(ngx.req.socket())
        ngx.req.read_body()
        ngx.say(ngx.req.socket())
    }
}
--- request
GET /t
--- response_body
nilno body
nilrequest body already exists

=== the connection as it is
--- config
location /t {
    content_by_lua_block {
        local sock = ngx.req.socket(true)
        ngx.log(ngx.INFO, ngx.say("x"))
        local line = sock:receive()
        sock:send("HTTP/1.0 200 OK\r\n\r\ngot " .. line .. "\n")
    }
}
--- raw_request
GET /t HTTP/1.1\r\n
Host: a\r\n
\r\n
hello\n
--- response_body
got hello

=== the response's fields
--- config
location /t {
    content_by_lua_block {
        local resp = require "ngx.resp"
        ngx.header.x_a = { "1", "2" }
        resp.add_header("X-A", "3")
        resp.set_status(299, "Fine")
        ngx.header.content_length = 0
        local h = ngx.resp.get_headers()
        ngx.print(ngx.resp.get_headers()["content-length"] == "0" and table.concat(h.x_a) == "123" and "" or "bad")
    }
}
--- request
GET /t
--- status: 299
--- response_headers
X-A: 1, 2, 3

=== a body long enough to be read straight into a string
--- config
location = /t {
    content_by_lua_block {
        local body = ("0123456789abcdef"):rep(400)
        local sock = ngx.socket.tcp()
        assert(sock:connect("127.0.0.1", ngx.var.server_port))
        sock:send{"POST /inner HTTP/1.0\r\nHost: a\r\nContent-Length: ", #body, "\r\n\r\n", body}
        local answer = sock:receive("*a")
        ngx.say(answer:match("\r\n\r\n(.*)") == ngx.md5(body) .. " true 100 short")
    }
}
location = /inner {
    client_body_buffer_size 8k;
    content_by_lua_block {
        ngx.req.read_body()
        local d = ngx.req.get_body_data()
        ngx.print(ngx.md5(d), " ", d == ngx.req.get_body_data(), " ", #ngx.req.get_body_data(100), " ")
        ngx.req.set_body_data("short")
        ngx.print(ngx.req.get_body_data())
    }
}
--- request
GET /t
--- response_body
true

=== ngx.ctx is lost when set_uri jumps, as with other redirects
--- config
location = /t {
    rewrite_by_lua_block { ngx.ctx.foo = 32 ngx.req.set_uri("/f", true) }
}
location = /f { content_by_lua_block { ngx.say(ngx.ctx.foo) } }
location = /stays { rewrite_by_lua_block { ngx.ctx.foo = 32 ngx.req.set_uri("/f") } content_by_lua_block { ngx.say(ngx.ctx.foo) } }
location = /both { content_by_lua_block { ngx.print(ngx.location.capture("/t").body, ngx.location.capture("/stays").body) } }
--- request
GET /both
--- response_body
nil
32

=== a request socket has its connection's descriptor and options
--- config
location = /t {
    content_by_lua_block {
        local sock = assert(ngx.req.socket())
        ngx.say(sock:getfd() > 2, " ", sock:setoption("keepintvl", 7), " ", sock:getoption("keepintvl"))
        ngx.say(sock:getoption("colour"))
        ngx.say(sock:receive("*a"))
    }
}
--- request
POST /t
hello
--- response_body
true true 7
nilunsupported option colour
hello

=== what changes a request may be called wherever there is one
--- http_config
upstream u {
    server 0.0.0.1;
    balancer_by_lua_block {
        ngx.req.set_header("X-A", "b")
        ngx.req.set_uri_args("a=b")
        require "ngx.balancer".set_current_peer("127.0.0.1", ngx.var.server_port)
        ngx.ctx.seen = ngx.req.get_uri_args().a .. tostring(ngx.req.get_body_data())
    }
}
--- config
location = /t {
    proxy_pass http://u/peer;
    log_by_lua_block {
        ngx.req.set_uri("/blah") ngx.req.set_method(ngx.HTTP_PUT) ngx.req.clear_header("X-A")
        ngx.log(ngx.ERR, "in the log: ", ngx.var.uri, " ", ngx.req.get_method(), " ", ngx.ctx.seen, " ", ngx.var.http_x_a)
    }
}
location = /peer { return 200 "ok\n"; }
--- request
GET /t
--- response_body
ok
--- error_log
in the log: /blah PUT bnil nil

=== a body in a file is given as text up to lua_body_data_max
--- config
client_body_in_file_only clean;
location = /t { lua_body_data_max 5; content_by_lua_block { ngx.req.read_body() ngx.say(ngx.req.get_body_data(), " ", ngx.req.get_body_data(2), " ", ngx.req.get_post_args().a) } }
location = /u { lua_body_data_max 4; content_by_lua_block { ngx.req.read_body() ngx.say(ngx.req.get_body_data(), " ", ngx.req.get_post_args()) } }
location = /v {
    content_by_lua_block {
        ngx.req.read_body()
        for _, u in ipairs{"/t", "/u"} do
            ngx.print(ngx.location.capture(u, { method = ngx.HTTP_POST, always_forward_body = true }).body)
        end
    }
}
--- request
POST /v
a=bcd
--- response_body
a=bcd a= bcd
nil nilrequest body in temp file not supported
