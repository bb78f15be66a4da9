=== hello from a block
--- config
location /t {
    content_by_lua_block { ngx.say("hi") }
}
--- request
GET /t
--- response_body
hi

=== hello from a string
--- config
location /t { content_by_lua 'ngx.say("hi \'you\'")'; }
--- request
GET /t
--- response_body
hi 'you'

=== hello from a file, by variable
--- user_files
>>> a.lua
ngx.say("file ", ngx.var.arg_f)
--- config
location /t { content_by_lua_file html/$arg_f.lua; }
--- request
GET /t?f=a
--- response_body
file a

=== a file that is not there is not found
--- config
location /t { content_by_lua_file nothing.lua; }
--- request
GET /t
--- status: 404
--- error_log
failed to load external Lua file "

=== a script that does not parse
--- config
location /t {
    content_by_lua_block {
        ngx.say(
    }
}
--- request
GET /t
--- status: 500
--- error_log
failed to load inlined Lua code: content_by_lua(

=== an error in a script
--- config
location /t {
    content_by_lua_block {
        local function f() error("ouch") end
        f()
    }
}
--- request
GET /t
--- status: 500
--- error_log
lua entry thread aborted: runtime error: content_by_lua(
stack traceback:
coroutine 0:
	[C]: in function 'error'

=== the phases in their order
--- config
location /t {
    set_by_lua_block $a { return "s" }
    rewrite_by_lua_block { ngx.ctx.way = ngx.var.a .. "r" }
    access_by_lua_block { ngx.ctx.way = ngx.ctx.way .. "a" }
    content_by_lua_block { ngx.say(ngx.ctx.way, "c ", ngx.get_phase()) }
    header_filter_by_lua_block { ngx.ctx.way = ngx.ctx.way .. "h" }
    body_filter_by_lua_block { ngx.ctx.way = ngx.ctx.way .. "b" }
    log_by_lua_block { ngx.log(ngx.ERR, "way: ", ngx.ctx.way) }
}
--- request
GET /t
--- response_body
srac content
--- error_log
way: srahb
while logging request, client:

=== set_by_lua with arguments
--- config
location /t {
    set_by_lua_block $x { return 3 }
    set_by_lua $sum 'return ngx.arg[1] + ngx.arg[2] + (...)' $x 4;
    content_by_lua_block { ngx.say(ngx.var.sum) }
}
--- request
GET /t
--- response_body
10

=== a body filter changes the body
--- config
location /t {
    content_by_lua_block { ngx.print("abc") ngx.say("def") }
    body_filter_by_lua_block { ngx.arg[1] = string.upper(ngx.arg[1]) }
}
--- request
GET /t
--- response_body
ABCDEF

=== a body filter ends the body
--- config
location /t {
    content_by_lua_block { ngx.say("one") ngx.say("two") }
    body_filter_by_lua_block { ngx.arg[2] = true }
}
--- request
GET /t
--- response_body
one

=== exit with a status
--- config
location /t { access_by_lua_block { ngx.exit(403) } }
--- request
GET /t
--- status: 403

=== exit with 200 and a status set before
--- config
location /t { content_by_lua_block { ngx.status = 404 ngx.say("gone") ngx.exit(ngx.HTTP_OK) ngx.say("never") } }
--- request
GET /t
--- status: 404
--- response_body
gone

=== exit passes pcall
--- config
location /t { content_by_lua_block { pcall(function() ngx.exit(405) end) ngx.say("never") } }
--- request
GET /t
--- status: 405

=== redirect
--- config
location /t { rewrite_by_lua_block { ngx.redirect("/foo", 301) } }
--- request
GET /t
--- status: 301

=== exec
--- config
location /t { content_by_lua_block { ngx.ctx.a = 1 ngx.exec("/u", {a = "1 2", b = true}) } }
location /u { content_by_lua_block { ngx.say(ngx.var.args, " ", tostring(ngx.ctx.a)) } }
--- request
GET /t
--- response_body
a=1%202&b nil

=== exec a named location
--- config
location /t { access_by_lua_block { ngx.exec("@u") } }
location @u { content_by_lua_block { ngx.say(ngx.var.uri) } }
--- request
GET /t
--- response_body
/t

=== a function in the wrong phase
--- config
location /t {
    content_by_lua_block { ngx.say("ok") }
    log_by_lua_block { ngx.say("no") }
}
--- request
GET /t
--- response_body
ok
--- error_log
failed to run log_by_lua*: log_by_lua(
API disabled in the context of log_by_lua*

=== HTTP/1.0 gets a length
--- config
location /t { content_by_lua_block { ngx.say("hello") ngx.say("world") } }
--- request
GET /t HTTP/1.0
--- response_headers
Content-Length: 12
!Transfer-Encoding
--- response_body
hello
world
--- lens: plain: one version in a pipeline

=== an exit in the header filter
--- config
location /t {
    content_by_lua_block { ngx.say("ok") }
    header_filter_by_lua_block { ngx.exit(409) }
}
--- request
GET /t
--- status: 409

=== init and init_worker run before requests
--- http_config
init_by_lua_block { a = ngx.get_phase() }
init_worker_by_lua_block { a = a .. " " .. ngx.get_phase() }
--- config
location /t { content_by_lua_block { ngx.say(a) } }
--- request
GET /t
--- response_body
init init_worker

=== without the code cache every request has its own VM
--- http_config
lua_code_cache off;
init_by_lua_block { n = 0 }
--- config
location /t {
    access_by_lua_block { n = n + 1 }
    content_by_lua_block { n = n + 1 ngx.say(n) }
}
--- request
GET /t
--- response_body
2
--- error_log
lua_code_cache is off; this will hurt performance

=== tables and types in say
--- config
location /t { content_by_lua_block { ngx.say({1, "a", {true, ngx.null}}, nil, false, 1.5, 1e15) } }
--- request
GET /t
--- response_body
1atruenullnilfalse1.51e+15

=== the head is sent once
--- config
location /t { content_by_lua_block { ngx.say(ngx.headers_sent) ngx.say(ngx.headers_sent) ngx.status = 500 } }
--- request
GET /t
--- response_body
false
true
--- error_log
attempt to set ngx.status after sending out response headers

=== fields of the response
--- config
location /t {
    content_by_lua_block {
        ngx.header.content_type = "text/x; charset=a"
        ngx.header["X-A"] = {"1", "2"}
        ngx.header.x_b = "b\r\nX-Evil: 1"
        ngx.header.content_length = 4
        ngx.say(type(ngx.header.x_a))
    }
}
--- request
GET /t
--- response_headers
Content-Type: text/x; charset=a
X-A: 1, 2
X-B: b%0D%0AX-Evil: 1
Content-Length: 4
--- response_body_like
tabl

=== sleep, time and text
--- config
location /t {
    content_by_lua_block {
        local t = ngx.now()
        ngx.sleep(0.002)
        ngx.say(ngx.now() - t >= 0.0019)
        ngx.say(ngx.md5("a"), " ", ngx.encode_base64("abc"), " ", ngx.decode_base64("YWJj"), " ", tostring(ngx.decode_base64("*")))
        ngx.say(ngx.http_time(784111777), "; ", ngx.cookie_time(784111777), "; ", ngx.parse_http_time("Sun, 06 Nov 1994 08:49:37 GMT"))
        ngx.say(ngx.escape_uri("a b/ü"), " ", ngx.unescape_uri("%41+b%"), " ", ngx.quote_sql_str("a'b\n"))
    }
}
--- request
GET /t
--- response_body
true
0cc175b9c0f1b6a831c399e269772661 YWJj abc nil
Sun, 06 Nov 1994 08:49:37 GMT; Sun, 06-Nov-94 08:49:37 GMT; 784111777
a%20b%2F%C3%BC A b% 'a\'b\n'

=== a global made by a request
--- config
location /t { content_by_lua_block { foo = 1 ngx.say(foo) } }
--- request
GET /t
--- response_body
1
--- error_log
writing a global Lua variable ('foo')

=== lua_ctx_inherit keeps ngx.ctx over internal redirects
--- config
lua_ctx_inherit on;
location = /a { rewrite_by_lua_block { ngx.ctx.n = 1 ngx.req.set_uri("/b", true) } }
location = /b { content_by_lua_block { ngx.ctx.n = ngx.ctx.n + 1 ngx.exec("/c") } }
location = /c { content_by_lua_block { ngx.ctx = { n = ngx.ctx.n + 1 } ngx.exit(404) } error_page 404 = @d; }
location @d { content_by_lua_block { ngx.say(ngx.ctx.n) ngx.print(ngx.location.capture("/e").body) } }
location = /e { content_by_lua_block { ngx.say(ngx.ctx.n) } }
--- request
GET /a
--- status: 404
--- response_body
3
nil

=== lua_ctx_inherit is of each location
--- config
lua_ctx_inherit on;
location = /e { content_by_lua_block { ngx.say(ngx.ctx.n) } }
location = /f { lua_ctx_inherit off; content_by_lua_block { ngx.ctx.n = 5 ngx.exec("/e") } }
--- request
GET /f
--- response_body
nil

=== a hook by count ends a script that runs too long, and others do not see it afterwards
--- config
location /t {
    content_by_lua_block {
        local before = debug.gethook()
        debug.sethook(function() debug.sethook() error("too long", 0) end, "", 100000)
        local _, err = pcall(function() while true do ngx.sleep(0) for i = 1, 1000 do end end end)
        ngx.say(before, " ", err, " ", debug.gethook())
    }
}
--- request
GET /t
--- response_body
nil too long nil0
