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
