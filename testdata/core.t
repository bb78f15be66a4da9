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
