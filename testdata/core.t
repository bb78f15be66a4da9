=== nothing to serve is not found
--- config
location /x { internal; }
--- request
GET /x
--- status: 404
--- response_headers
Content-Type: text/html

=== a path above the root is refused
--- config
--- request
GET /../etc
--- status: 400

=== a chunk that is longer than the limit is refused at once
--- config
client_max_body_size 1k;
location = /t { content_by_lua_block { ngx.req.read_body() } }
--- raw_request
POST /t HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n100000005\r\nhello
--- status: 413
--- error_log
client intended to send too large chunked body

=== an aliased directory is not left by a name without slash
--- config
location /img { alias $PREFIX/html/img/; }
--- user_files
>>> secret.txt
no
>>> img/a.txt
yes
--- request
GET /img../secret.txt
--- status: 404
--- error_log
No such file

=== a status that is none becomes 500
--- config
location = /t { content_by_lua_block { ngx.status = 99999 ngx.say("x") } }
--- request
GET /t
--- status: 500
--- error_log
99999 is no status

=== a message with lines in it is one entry of the log
--- config
location = /t { content_by_lua_block { ngx.log(ngx.WARN, "one\ntwo") } }
--- request
GET /t
--- error_log
one
	two

=== a body that is a little larger than its buffer stays in memory
--- config
client_body_buffer_size 100;
location = /t { content_by_lua_block { ngx.req.read_body() ngx.say(ngx.req.get_body_file() and "file" or #ngx.req.get_body_data()) } }
--- request
POST /t
12345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345
--- response_body
125

=== but not much larger
--- config
client_body_buffer_size 100;
location = /t { content_by_lua_block { ngx.req.read_body() ngx.say(ngx.req.get_body_file() and "file" or #ngx.req.get_body_data()) } }
--- request
POST /t
123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456
--- response_body
file

=== one of unknown length not at all
--- config
client_body_buffer_size 10;
location = /t { content_by_lua_block { ngx.req.read_body() ngx.say(ngx.req.get_body_file() and "file" or #ngx.req.get_body_data()) } }
--- raw_request
POST /t HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n5\r\n67890\r\n0\r\n\r\nPOST /t HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n
--- response_body
file

=== a body in a file is what it was
--- config
client_body_buffer_size 8;
location = /t { content_by_lua_block {
    ngx.req.read_body()
    local f = io.open(ngx.req.get_body_file())
    ngx.say(f:read("*a"))
    f:close()
} }
--- request
POST /t
a body of some length that is in a file
--- response_body
a body of some length that is in a file

=== the length of a request counts its framing
--- config
location = /t { content_by_lua_block { ngx.req.read_body() ngx.say(ngx.var.request_length) } }
--- raw_request
POST /t HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n
--- response_body
97

=== a chunked body that nobody reads is bad
--- config
location / { return 200 "x"; }
--- raw_request
POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ntoolong\r\n0\r\n\r\n
--- status: 400
--- lens: plain in pieces the response is out before the body has come

=== msie_padding for browsers that hide short pages
--- config
location / { return 404; }
--- request
GET /
--- more_headers
User-Agent: Mozilla/5.0 Chrome/100
--- status: 404
--- response_headers
Content-Length: 548
--- response_body_like
a padding to disable MSIE and Chrome friendly error page

=== msie_padding off
--- config
msie_padding off;
location / { return 404; }
--- request
GET /
--- more_headers
User-Agent: Mozilla/5.0 Chrome/100
--- status: 404
--- response_headers
Content-Length: 146

=== msie_refresh
--- config
msie_refresh on;
location / { error_page 404 http://example.org/a"b; return 404; }
--- request
GET /
--- more_headers
User-Agent: Mozilla/4.0 (compatible; MSIE 5.5; x)
--- response_headers
!Location
--- response_body_like
^<html><head><meta http-equiv="Refresh" content="0; URL=http://example.org/a%22b"></head><body></body></html>
