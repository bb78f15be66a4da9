=== a captured response
--- config
location /t {
    content_by_lua_block {
        local res = ngx.location.capture("/sub?a=1", { args = { b = "2" } })
        ngx.say(res.status, " ", res.body, " ", res.truncated, " ", res.header.x_y, " ", res.header["Content-Type"])
        ngx.say(table.concat(res.header["X-Two"], ","))
        res = ngx.location.capture("/404")
        ngx.say(res.status)
    }
}
location /404 { return 404; }
location /sub {
    content_by_lua_block {
        ngx.status = 201
        ngx.header["X-Y"] = "z"
        ngx.header["X-Two"] = { "1", "2" }
        ngx.print(ngx.var.args, " ", ngx.req.get_method(), " ", ngx.is_subrequest)
    }
}
--- request
POST /t
body
--- response_body
201 a=1&b=2 GET true false z text/plain
1,2
404

=== method and body
--- config
location /t {
    content_by_lua_block {
        ngx.req.read_body()
        local function show(o) ngx.say(ngx.location.capture("/sub", o).body) end
        show { method = ngx.HTTP_POST }
        show { method = ngx.HTTP_PUT, body = "own" }
        show { method = ngx.HTTP_DELETE }
        show { method = ngx.HTTP_DELETE, always_forward_body = true }
        show { headers = { ["X-H"] = "h" } }
        ngx.say(ngx.req.get_body_data(), ngx.var.http_x_h)
    }
}
location /sub {
    content_by_lua_block {
        ngx.req.read_body()
        ngx.print(ngx.req.get_method(), " ", ngx.req.get_body_data(), " ", ngx.var.http_content_length, " ", ngx.var.http_x_h)
    }
}
--- request
POST /t
hello
--- response_body
POST hello 5 nil
PUT own 3 nil
DELETE nil nil nil
DELETE hello 5 nil
GET nil nil h
hellonil

=== variables and the context
--- config
location /t {
    set $v "parent";
    content_by_lua_block {
        local function show(o) ngx.say(ngx.location.capture("/sub", o).body, " ", ngx.var.v) end
        show(nil)
        show { copy_all_vars = true }
        show { vars = { v = "given" } }
        show { share_all_vars = true }
        ngx.ctx.n = 1
        show { ctx = ngx.ctx }
        ngx.say(ngx.ctx.n)
    }
}
location /sub {
    content_by_lua_block {
        ngx.print("[", ngx.var.v, "] ", ngx.ctx.n)
        ngx.ctx.n = 2
        ngx.var.v = "changed"
    }
}
--- request
GET /t
--- response_body
[] nil parent
[parent] nil parent
[given] nil parent
[parent] nil changed
[] 1 changed
2

=== many beside one another
--- config
location /t {
    content_by_lua_block {
        local begun = ngx.now()
        local a, b, c = ngx.location.capture_multi { { "/sub?n=3" }, { "/sub?n=1" }, { "/sub", { args = "n=2" } } }
        ngx.say(a.body, b.body, c.body)
        ngx.say(pcall(ngx.location.capture_multi, {}))
        ngx.say(pcall(ngx.location.capture_multi, { 1 }))
        ngx.say(pcall(ngx.location.capture, "../x"))
    }
}
location /sub {
    content_by_lua_block {
        ngx.sleep(0.005 * ngx.var.arg_n)
        ngx.print(ngx.var.arg_n)
    }
}
--- request
GET /t
--- response_body
312
falseat least one subrequest should be specified
falsethe query argument 1 is not a table, but a number
falseunsafe uri in argument #1: ../x
--- error_log
unsafe URI "../x" was detected

=== nothing ends the request before its subrequests
--- config
location /t {
    content_by_lua_block {
        local t = ngx.thread.spawn(function() return ngx.location.capture("/slow").body end)
        ngx.say(pcall(ngx.exit, 403))
        ngx.say(ngx.thread.kill(t))
        ngx.say(ngx.thread.wait(t))
    }
}
location /slow { content_by_lua_block { ngx.sleep(0.01) ngx.print("slow") } }
--- request
GET /t
--- response_body
falseattempt to abort with pending subrequests
nilpending subrequests
trueslow

=== subrequests of subrequests end
--- config
location /t {
    content_by_lua_block {
        local res = ngx.location.capture("/t")
        ngx.say(res.status)
    }
}
--- request
GET /t
--- response_body_like
^\d+\s*$
--- error_log
subrequests cycle while processing "/t"
lua entry thread aborted

=== a subrequest has its parent's fields until one of them changes them
--- config
location /t {
    content_by_lua_block {
        ngx.req.set_header("X-A", "1")
        ngx.req.set_header("X-B", "2")
        local parent = ngx.thread.spawn(function()
            ngx.sleep(0.01)
            ngx.req.set_header("X-A", "3")
            ngx.req.clear_header("X-B")
        end)
        ngx.say(ngx.location.capture("/sub").body)
        ngx.thread.wait(parent)
        ngx.say(table.concat({ tostring(ngx.req.get_headers().x_a), tostring(ngx.req.get_headers().x_b), tostring(ngx.req.get_headers().x_c) }, " "))
        ngx.say(ngx.location.capture("/also").body)
    }
}
location /sub {
    content_by_lua_block {
        ngx.req.set_header("X-C", "sub")
        ngx.sleep(0.03)
        local h = ngx.req.get_headers()
        ngx.print(h.x_a, " ", h.x_b, " ", h.x_c)
    }
}
location /also {
    content_by_lua_block {
        ngx.sleep(0.01)
        local h = ngx.req.get_headers()
        ngx.print(h.x_a, " ", tostring(h.x_b), " ", tostring(h.x_c))
    }
}
--- request
GET /t
--- response_body
1 2 sub
3 nil nil
3 nil nil
