=== userid gives a number
--- config
userid on; userid_domain example.org; userid_flags secure httponly; userid_p3p "policyref=x";
location / { echo "$uid_got"; }
--- request
GET /
--- response_headers
P3P: policyref=x

=== userid knows what it gave
--- config
userid on;
location / { add_header X-Got $uid_got; add_header X-Set "[$uid_set]"; return 200; }
--- request
GET /
--- more_headers
Cookie: a=b; uid=fwAAAWsGv6LSX5ZlAwMWAg==
--- response_headers
X-Got: uid=0100007FA2BF066B65965FD202160303
X-Set: []
!Set-Cookie

=== userid: a changed mark
--- config
userid on; userid_mark x;
location / { return 200; }
--- request
GET /
--- more_headers
Cookie: uid=fwAAAWsGv6LSX5ZlAwMWAg==
--- response_headers
Set-Cookie: uid=fwAAAWsGv6LSX5ZlAwMWAgx=; path=/

=== userid: cookies that are none
--- config
userid log;
location / { echo "[$uid_got]"; }
--- request
GET /
--- more_headers
Cookie: uid=*wAAAWsGv6LSX5ZlAwMWAg==
--- response_body
[]
--- error_log
client sent invalid userid cookie "*wAAAWsGv6LSX5ZlAwMWAg=="

=== userid: a short cookie
--- config
userid log;
location / { echo "[$uid_got]"; }
--- request
GET /
--- more_headers
Cookie: uid=fwAA
--- response_body
[]
--- error_log
client sent too short userid cookie "fwAA"

=== userid: uid_reset
--- http_config
map $arg_r $uid_reset { default 0; log log; }
--- config
userid v1; userid_service 7;
location / { add_header X-Set "$uid_set"; return 200; }
--- request
GET /?r=log
--- more_headers
Cookie: uid=fwAAAWsGv6LSX5ZlAwMWAg==
--- error_log
userid cookie "uid=0100007FA2BF066B65965FD202160303" was reset

=== post_action
--- config
location / { post_action /post; return 200 "seen"; }
location /post { access_log off; add_header X-Post 1; return 404 "not seen"; }
--- request
GET /
--- response_headers
!X-Post
--- response_body_like: ^seen$

=== post_action to a named location, with a body
--- config
location / { post_action @post; echo seen; }
location @post { proxy_pass http://127.0.0.1:$server_port/post; }
location /post { content_by_lua_block { ngx.req.read_body() ngx.log(ngx.WARN, "post of ", ngx.req.get_body_data()) } }
--- request
POST /
data
--- response_body
seen
--- error_log
post of data
