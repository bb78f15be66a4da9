=== a header filter waits
--- config
location /t {
    content_by_lua_block { ngx.say("body") }
    header_filter_by_lua_block {
        ngx.sleep(0.002)
        local t = ngx.thread.spawn(function() ngx.sleep(0.001) return "thread" end)
        local _, v = ngx.thread.wait(t)
        ngx.header["X-Waited"] = v
    }
}
--- request
GET /t
--- response_headers
X-Waited: thread
--- response_body
body

=== what other threads send waits behind a header filter that waits
--- config
location /t {
    content_by_lua_block {
        ngx.thread.spawn(function() ngx.say("first") end)
        ngx.say("second")
        ngx.thread.spawn(function() ngx.say("third") end)
    }
    header_filter_by_lua_block { ngx.sleep(0.005) ngx.header["X-Late"] = "yes" }
}
--- request
GET /t
--- response_headers
X-Late: yes
--- response_body
first
second
third

=== chunks stay in order in a body filter that waits
--- config
location /t {
    content_by_lua_block {
        for i = 1, 4 do ngx.thread.spawn(function() ngx.say(i) end) end
    }
    body_filter_by_lua_block {
        local n = tonumber(ngx.arg[1])
        if n then ngx.sleep((5 - n) / 1000) ngx.arg[1] = "<" .. n .. ">" end
    }
}
--- request
GET /t
--- response_body_like
^<1><2><3><4>$

=== a killed thread leaves the line to the others
--- config
location /t {
    content_by_lua_block {
        ngx.say("begin")
        local a = ngx.thread.spawn(function() ngx.print("slow") end)
        local b = ngx.thread.spawn(function() ngx.print("killed") end)
        ngx.thread.spawn(function() ngx.print("after") end)
        ngx.thread.kill(b)
    }
    body_filter_by_lua_block { if ngx.arg[1] == "slow" then ngx.sleep(0.005) end }
}
--- request
GET /t
--- response_body_like
^begin
slowafter$

=== set_by_lua waits, in order with what stands around it
--- config
location /t {
    set $a before;
    set_by_lua_block $b { ngx.sleep(0.002) return ngx.var.a .. " and " }
    set $c "${b}after";
    return 200 "$c\n";
}
--- request
GET /t
--- response_body
before and after

=== a balancer waits
--- http_config
upstream u {
    server 0.0.0.1;
    balancer_by_lua_block {
        ngx.sleep(0.002)
        assert(require "ngx.balancer".set_current_peer("127.0.0.1", tonumber(ngx.var.server_port)))
    }
}
--- config
location /t { proxy_pass http://u/back; }
location /back { return 200 "back\n"; }
--- request
GET /t
--- response_body
back

=== a log script waits with the request's data, and does not hold up the connection
--- config
location /t {
    content_by_lua_block { ngx.ctx.n = "kept" ngx.say("hi") }
    log_by_lua_block {
        ngx.sleep(0.005)
        ngx.log(ngx.WARN, "logged: ", ngx.var.uri, " ", ngx.status, " ", ngx.ctx.n, " ", ngx.var.arg_x)
    }
}
--- request
GET /t?x=1
--- response_body
hi
--- error_log
logged: /t 200 kept 1

=== sockets work where OpenResty has none
--- http_config
init_worker_by_lua_block {
    ngx.sleep(0.001)
    ngx.log(ngx.WARN, "init_worker: ", type(ngx.socket.tcp()))
}
init_by_lua_block {
    ngx.sleep(0.001)
    local t = ngx.thread.spawn(function() ngx.sleep(0.001) return 7 end)
    value = select(2, ngx.thread.wait(t))
}
--- config
location /t {
    return 200 "body";
    header_filter_by_lua_block {
        local sock = ngx.socket.tcp()
        assert(sock:connect("127.0.0.1", ngx.var.server_port))
        assert(sock:send("GET /back HTTP/1.0\r\n\r\n"))
        local all = sock:receive("*a")
        ngx.header["X-Back"] = all:match("value: %d") or all
    }
}
location /back { content_by_lua_block { ngx.say("value: ", value) } }
--- request
GET /t
--- response_headers
X-Back: value: 7
--- response_body_like
^body$
--- error_log
init_worker: table

=== coroutine.yield gives way in a filter
--- config
location /t {
    content_by_lua_block { ngx.say("body") }
    header_filter_by_lua_block {
        local co = coroutine.wrap(function() coroutine.yield(1) coroutine.yield(2) end)
        ngx.header.X = co() + co()
        coroutine.yield()
    }
}
--- request
GET /t
--- response_headers
X: 3

=== an error in a thread of a filter is logged
--- config
location /t {
    content_by_lua_block { ngx.say("body") }
    header_filter_by_lua_block { ngx.thread.spawn(function() ngx.sleep(0.001) error("oops") end) }
}
--- request
GET /t
--- response_body
body
--- error_log
lua user thread aborted: runtime error
oops

=== lua_strict_phases has OpenResty's errors: filters
--- config
lua_strict_phases on;
location /t {
    content_by_lua_block { ngx.print("body") }
    header_filter_by_lua_block {
        ngx.header.A = select(2, pcall(ngx.sleep, 0))
        ngx.header.B = select(2, pcall(ngx.socket.tcp))
        ngx.header.C = select(2, pcall(ngx.thread.spawn, print))
        ngx.header.D = select(2, pcall(coroutine.yield))
    }
    body_filter_by_lua_block { if ngx.arg[1] ~= "" then ngx.arg[1] = select(2, pcall(ngx.sleep, 0)) end }
    log_by_lua_block { ngx.log(ngx.WARN, select(2, pcall(ngx.sleep, 0))) }
}
--- request
GET /t
--- response_headers
A: API disabled in the context of header_filter_by_lua*
B: API disabled in the context of header_filter_by_lua*
C: API disabled in the context of header_filter_by_lua*
D: API disabled in the context of header_filter_by_lua*
--- response_body_like
^API disabled in the context of body_filter_by_lua\*$
--- error_log
API disabled in the context of log_by_lua*

=== lua_strict_phases in the http block reaches the scripts of the worker
--- http_config
lua_strict_phases on;
init_by_lua_block { a = select(2, pcall(ngx.sleep, 0)) }
init_worker_by_lua_block { b = select(2, pcall(ngx.socket.tcp)) }
--- config
set_by_lua_block $c { return select(2, pcall(ngx.sleep, 0)) }
location /t { content_by_lua_block { ngx.say(a) ngx.say(b) ngx.say(ngx.var.c) } }
--- request
GET /t
--- response_body
no request found
API disabled in the context of init_worker_by_lua*
API disabled in the context of set_by_lua*

=== a buffered body filter has the whole body, and the head says its new length
--- config
location /t {
    content_by_lua_block { for i = 1, 5 do ngx.print(i) ngx.flush() end }
    header_filter_by_lua_block { ngx.header["X-Head"] = "first" }
    body_filter_by_lua_block buffered {
        ngx.sleep(0.001)
        ngx.arg[1] = "<" .. ngx.arg[1] .. "> " .. tostring(ngx.arg[2]) .. "\n"
    }
}
--- request
GET /t
--- response_headers
X-Head: first
Content-Length: 13
!Transfer-Encoding
--- response_body
<12345> true

=== what told versions of a changed body apart goes
--- config
location /t.txt { body_filter_by_lua_block buffered max=10 { ngx.arg[1] = ngx.arg[1]:upper() } }
--- user_files
>>> t.txt
file
--- request
GET /t.txt
--- response_headers
!ETag
!Last-Modified
Content-Length: 5
--- response_body
FILE

=== what is unchanged keeps it
--- config
location /t.txt { body_filter_by_lua_block buffered { } }
--- user_files
>>> t.txt
file
--- request
GET /t.txt
--- response_headers_like
ETag: .*
Last-Modified: .*
--- response_body
file

=== a body that is too large for a buffered filter
--- config
location /t { proxy_pass http://127.0.0.1:$server_port/back; body_filter_by_lua_block buffered max=1k { ngx.arg[1] = #ngx.arg[1] } }
location /back { content_by_lua_block { for i = 1, 30 do ngx.print(("x"):rep(100)) ngx.flush() end } }
--- request
GET /t
--- status: 500
--- error_log
the response body is larger than the 1k of a buffered body_filter_by_lua*

=== a buffered filter sees plain text of a gzipped answer
--- config
location /t { proxy_pass http://127.0.0.1:$server_port/back; proxy_set_header Accept-Encoding gzip; body_filter_by_lua_block buffered { ngx.arg[1] = ngx.arg[1]:upper() } }
location /back { gzip on; gzip_min_length 1; gzip_types text/plain; return 200 "some text that is compressed\n"; }
--- request
GET /t
--- response_headers
!Content-Encoding
Content-Length: 29
--- response_body
SOME TEXT THAT IS COMPRESSED

=== an error in a buffered filter is status 500
--- config
location /t { return 200 "x"; body_filter_by_lua_block buffered { if ngx.arg[1] == "x" then error("oops") end } }
--- request
GET /t
--- status: 500
--- error_log
oops

=== a head alone has no length of the body as it was
--- config
location /t { return 200 "text"; body_filter_by_lua_block buffered { ngx.arg[1] = "other" } }
--- request
HEAD /t
--- response_headers
!Content-Length

=== scripts run at the tail of their phase
--- config
location /u { set $a 1; rewrite_by_lua_block { ngx.ctx.seen = ngx.var.a } content_by_lua_block { ngx.say(ngx.ctx.seen) } }
--- request
GET /u
--- response_body
1

=== or at their place with no_postpone
--- http_config
rewrite_by_lua_no_postpone on;
access_by_lua_no_postpone on;
--- config
location /t {
    set $a 1;
    rewrite_by_lua_block { ngx.ctx.seen = ngx.var.a == "" or ngx.var.a == nil }
    access_by_lua_block { ngx.say("access first, ", tostring(ngx.ctx.seen)) ngx.exit(200) }
    deny all;
}
--- request
GET /t
--- response_body
access first, true
--- error_log
using uninitialized "a" variable
