=== the name without its slash is a location of its own
--- config
location /api { return 200 "api\n"; }
location /api/ { proxy_pass http://127.0.0.1:1; }
--- request
GET /api
--- response_body
api

=== a location that passes requests on answers for its name without the slash
--- config
location /api/ { proxy_pass http://127.0.0.1:1; }
location ~ api { return 200 "expression\n"; }
--- request
GET /api?a=b HTTP/1.0
--- status: 301
--- response_headers_like
Location: http://localhost:\d+/api/\?a=b

=== that redirect comes before locations inside of a shorter name
--- config
location / {
    location ~ api { return 200 "expression\n"; }
}
location /api/ { proxy_pass http://127.0.0.1:1; }
--- request
GET /api
--- status: 301

=== an exact location that passes requests on does so too
--- config
absolute_redirect off;
location = /api/ { proxy_pass http://127.0.0.1:1; }
--- request
GET /api
--- status: 301
--- response_headers
Location: /api/

=== a preferred prefix keeps the expressions beside it away
--- config
location ^~ /a { return 200 "prefix\n"; }
location ~ b { return 200 "expression\n"; }
--- request
GET /ab
--- response_body
prefix

=== a preferred prefix does not keep those outside away
--- config
location /a { location ^~ /ab { return 200 "inside\n"; } }
location ~ b { return 200 "expression\n"; }
--- request
GET /abc
--- response_body
expression

=== an expression inside comes before those outside
--- config
location ~ c { return 200 "outside\n"; }
location /a { location ~ b { return 200 "inside\n"; } }
--- request
GET /abc
--- response_body
inside

=== what an expression holds is final
--- config
location /a {
    location ~ ^/ab { location /abc { return 200 "deepest\n"; } return 200 "inside\n"; }
}
location ~ d { return 200 "outside\n"; }
--- request
GET /abcd
--- response_body
deepest

=== an exact location ends the search
--- config
location = /a { return 200 "exact\n"; }
location ~ a { return 200 "expression\n"; }
--- request
GET /a
--- response_body
exact

=== the longest prefix wins, whatever the order
--- config
location /abc { return 200 "abc\n"; }
location / { return 200 "root\n"; }
location /ab { return 200 "ab\n"; }
--- request
GET /abd
--- response_body
ab

=== a content handler's location that is internal is not there for clients
--- config
location = /t { internal; return 200 "never\n"; }
error_page 404 = /page;
location = /page { internal; return 200 "page\n"; }
--- request
GET /t
--- response_body
page

=== other methods get what limit_except says
--- config
location /t {
    limit_except GET { deny all; }
    content_by_lua_block { ngx.say(ngx.req.get_method()) }
}
--- request
POST /t
--- status: 403
--- error_log
access forbidden by rule

=== and HEAD is as good as GET there
--- config
location /t {
    limit_except GET { deny all; }
    content_by_lua_block { ngx.say(ngx.req.get_method()) }
}
--- request
HEAD /t
--- response_body
