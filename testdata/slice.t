=== slice: parts make the whole
--- config
location / { slice 3; proxy_pass http://127.0.0.1:$server_port/in$uri; proxy_set_header Range $slice_range; }
location /in/ { alias $PREFIX/html/; }
--- user_files
>>> t
0123456789
--- request
GET /t
--- response_headers
Content-Length: 11
!Content-Range
--- response_body
0123456789

=== slice: a range over two parts
--- config
location / { slice 3; proxy_pass http://127.0.0.1:$server_port/in$uri; proxy_set_header Range $slice_range; }
location /in/ { alias $PREFIX/html/; add_header X-Range $http_range; }
--- user_files
>>> t
0123456789
--- request
GET /t
--- more_headers
Range: bytes=4-6
--- status: 206
--- response_headers
Content-Range: bytes 4-6/11
X-Range: bytes=3-5
--- response_body_like: ^456$

=== slice: a range at the end
--- config
location / { slice 3; proxy_pass http://127.0.0.1:$server_port/in$uri; proxy_set_header Range $slice_range; }
location /in/ { alias $PREFIX/html/; }
--- user_files
>>> t
0123456789
--- request
GET /t
--- more_headers
Range: bytes=-3
--- status: 206
--- response_headers
Content-Range: bytes 8-10/11
--- response_body
89

=== slice: several ranges are the whole
--- config
location / { slice 3; proxy_pass http://127.0.0.1:$server_port/in$uri; proxy_set_header Range $slice_range; }
location /in/ { alias $PREFIX/html/; }
--- user_files
>>> t
0123456789
--- request
GET /t
--- more_headers
Range: bytes=1-2,4-5
--- response_body
0123456789

=== slice: a peer without ranges
--- config
location / { slice 3; proxy_pass http://127.0.0.1:$server_port/in; proxy_set_header Range $slice_range; }
location /in { echo all; }
--- request
GET /t
--- response_body
all

=== slice: parts of different wholes
--- config
location / { slice 3; proxy_pass http://127.0.0.1:$server_port/in; proxy_set_header Range $slice_range; }
location /in { if ($http_range ~ "=(0)-") { add_header ETag a; add_header Content-Range "bytes 0-2/6"; return 206 abc; } add_header Content-Range "bytes 3-5/6"; add_header ETag b; return 206 def; }
--- request
GET /t
--- status: none
--- error_log
etag mismatch in slice response
missing slice response

=== slice: a peer that sends something else
--- config
location / { slice 3; proxy_pass http://127.0.0.1:$server_port/in; proxy_set_header Range $slice_range; }
location /in { add_header Content-Range "bytes 1-3/6"; return 206 abc; }
--- request
GET /t
--- status: none
--- error_log
unexpected range in slice response: 1-4
