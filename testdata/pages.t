=== a status without a phrase has no page
--- config
location /t { return 418; }
--- request
GET /t
--- status: 418
--- response_headers
Content-Length: 0
!Content-Type
--- response_body

=== the page of 401 has a title of its own
--- config
location /t { return 401; }
--- request
GET /t
--- status: 401
--- response_body_like
<title>401 Authorization Required</title>

=== 408 and 499 close the connection like 444
--- config
location /t { return 408; }
--- request
GET /t
--- status: none

=== 444 ends the connection without a response
--- config
location /t { return 444; }
--- request
GET /t
--- status: none

=== 204 has neither a body nor what describes one
--- config
location /t { default_type text/html; return 204 "text\n"; }
--- request
GET /t
--- status: 204
--- response_headers
!Content-Type
!Content-Length
--- response_body

=== HEAD of an error says how long the page would be
--- config
location /t { return 403; }
--- request
HEAD /t
--- status: 403
--- response_headers
Content-Length: 146
--- response_body

=== an error page keeps the status
--- config
error_page 403 /page;
location /t { return 403; }
location = /page { return 200 "page\n"; }
--- request
GET /t
--- status: 403
--- response_body
page

=== or gets another one
--- config
error_page 403 =202 /page;
location /t { return 403; }
location = /page { return 200 "page\n"; }
--- request
GET /t
--- status: 202
--- response_body
page

=== or says it itself
--- config
error_page 403 = @page;
location /t { return 403; }
location @page { return 207 "page\n"; }
--- request
GET /t
--- status: 207
--- response_body
page

=== an error page that fails is replaced by the built-in one
--- config
error_page 403 404 /page;
location /t { return 403; }
location = /page { return 404; }
--- request
GET /t
--- status: 404
--- response_body_like
<title>404 Not Found</title>

=== unless the location says that its pages have pages
--- config
error_page 403 /page;
location /t { recursive_error_pages on; return 403; }
location = /page { error_page 404 /other; return 404; }
location = /other { return 200 "other\n"; }
--- request
GET /t
--- status: 404
--- response_body
other

=== a named location that is not there is an error
--- config
error_page 403 @none;
location /t { return 403; }
--- request
GET /t
--- status: 500
--- error_log
could not find named location "@none"

=== an error page elsewhere is a redirect of 302
--- config
error_page 301 http://example.org/;
location /t { return 301 /there; }
--- request
GET /t
--- status: 302
--- response_headers
Location: http://example.org/

=== or of the kind that is asked for
--- config
error_page 404 =307 http://example.org/$uri;
location /t { return 404; }
--- request
GET /t
--- status: 307
--- response_headers
Location: http://example.org//t

=== the method of an error page is GET
--- config
error_page 405 /page;
location /t { return 405; }
location = /page { content_by_lua_block { ngx.say(ngx.req.get_method(), " ", ngx.var.request_method) } }
--- request
POST /t
--- status: 405
--- response_body
GET GET

=== a body that is too large has an error page
--- config
client_max_body_size 1k;
error_page 413 /page;
location /t { return 200 "never\n"; }
location = /page { return 200 "page\n"; }
--- request
POST /t
--- more_headers
Content-Length: 100000
--- status: 413
--- response_body
page
--- error_log
client intended to send too large body: 100000 bytes
--- lens: plain (the body never comes)

=== an error page with arguments
--- config
error_page 404 /page?a=b;
location /t { return 404; }
location = /page { return 200 "$args\n"; }
--- request
GET /t?c=d
--- status: 404
--- response_body
a=b

=== an error page whose name has variables
--- config
error_page 404 /page/$arg_c?a=$arg_c;
location /t { return 404; }
location /page/ { return 200 "$uri $args\n"; }
--- request
GET /t?c=d
--- status: 404
--- response_body
/page/d a=d

=== pages that lead in circles end
--- config
recursive_error_pages on;
error_page 404 /t;
location /t { return 404; }
--- request
GET /t
--- status: 500
--- error_log
rewrite or internal redirection cycle while internally redirecting to "/t"
