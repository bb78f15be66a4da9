=== auth_basic asks for a password
--- config

location / { auth_basic "the place"; auth_basic_user_file $PREFIX/html/users; }
--- user_files
>>> users
me:{PLAIN}secret
>>> a
--- request
GET /a
--- status: 401
--- response_headers
WWW-Authenticate: Basic realm="the place"

=== auth_basic does not ask what rewrites answer
--- config
auth_basic "x"; auth_basic_user_file $PREFIX/html/users;
location / { return 200 "open"; }
--- request
GET /a
--- response_body_like: ^open$

=== auth_basic: a user, its password behind a comment
--- config
auth_basic "x"; auth_basic_user_file $PREFIX/html/users;
location / { echo $remote_user; }
--- user_files
>>> users
# me:{PLAIN}no
mee:{PLAIN}no

me:$apr1$saltsalt$yAAkm4libquA.ZWLHbSBq/:a comment
--- request
GET /
--- more_headers
Authorization: Basic bWU6cGFzc3dvcmQ=
--- response_body
me

=== auth_basic: a wrong password
--- config
auth_basic "x"; auth_basic_user_file $PREFIX/html/users;
location / { echo x; }
--- user_files
>>> users
me:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=
--- request
GET /
--- more_headers
Authorization: Basic bWU6UGFzc3dvcmQ=
--- status: 401
--- error_log
user "me": password mismatch

=== auth_basic: nobody of that name
--- config
auth_basic "x"; auth_basic_user_file $PREFIX/html/users;
location / { echo x; }
--- user_files
>>> users
me:{PLAIN}x
--- request
GET /
--- more_headers
Authorization: Basic bTp4
--- status: 401
--- error_log
user "m" was not found in

=== auth_basic: no password file
--- config
auth_basic "x"; auth_basic_user_file $PREFIX/html/none;
location / { echo x; }
--- request
GET /
--- more_headers
Authorization: Basic bTp4
--- status: 403
--- error_log
html/none" failed (2: No such file or directory)

=== auth_basic: a hash that is not known
--- config
auth_basic "x"; auth_basic_user_file $PREFIX/html/users;
location / { echo x; }
--- user_files
>>> users
me:$y$j9T$salt$hash
--- request
GET /
--- more_headers
Authorization: Basic bWU6eA==
--- status: 500
--- error_log
is stored in a form that is not known

=== auth_basic off inside, by a variable too
--- http_config
map $uri $realm { default off; /closed x; }
--- config
auth_basic "x"; auth_basic_user_file $PREFIX/html/users;
location / { auth_basic $realm; echo x; }
--- request
GET /
--- response_body
x

=== satisfy any: an address instead of a password
--- config
satisfy any; allow 127.0.0.1; deny all;
auth_basic "x"; auth_basic_user_file $PREFIX/html/users;
location / { echo x; }
--- request
GET /
--- response_headers
!WWW-Authenticate
--- response_body
x

=== auth_delay holds 401 up
--- config
auth_basic "x"; auth_basic_user_file $PREFIX/html/users; auth_delay 2ms;
location / { echo x; }
--- request
GET /
--- status: 401
--- error_log
delaying unauthorized request

=== auth_request allows
--- config
location /t { auth_request /auth; auth_request_set $who $upstream_http_x_who; auth_request_set $seen "$uri$is_args"; echo "$who $seen"; }
location /auth { proxy_pass http://127.0.0.1:$server_port/who; }
location /who { add_header X-Who "me"; return 204; }
--- request
POST /t?a
a body
--- response_body
me /auth

=== auth_request forbids
--- config
location /t { auth_request /auth; echo x; }
location /auth { return 403; }
--- request
GET /t
--- status: 403

=== auth_request asks for a password
--- config
location /t { auth_request /auth; echo x; }
location /auth { proxy_pass http://127.0.0.1:$server_port/who; }
location /who { add_header WWW-Authenticate "Digest x" always; return 401; }
--- request
GET /t
--- status: 401
--- response_headers
WWW-Authenticate: Digest x

=== auth_request with another status
--- config
location /t { auth_request /auth; echo x; }
location /auth { return 404; }
--- request
GET /t
--- status: 500
--- error_log
auth request unexpected status: 404

=== auth_request off inside
--- config
auth_request /auth;
location /t { auth_request off; echo x; }
location /auth { return 403; }
--- request
GET /t
--- response_body
x

=== realip: a field of a trusted proxy
--- config
set_real_ip_from 127.0.0.0/8;
location / { echo "$remote_addr $remote_port $realip_remote_addr"; }
--- request
GET /
--- more_headers
X-Real-IP: 192.0.2.1:99
--- response_body
192.0.2.1 99 127.0.0.1

=== realip: not a trusted proxy
--- config
set_real_ip_from 10.0.0.0/8;
location / { echo $remote_addr; }
--- request
GET /
--- more_headers
X-Real-IP: 192.0.2.1
--- response_body
127.0.0.1

=== realip: a value that is no address
--- config
set_real_ip_from 127.0.0.1;
location / { echo $remote_addr; }
--- request
GET /
--- more_headers
X-Real-IP: unknown
--- response_body
127.0.0.1

=== realip: the list behind trusted proxies
--- config
set_real_ip_from 127.0.0.1; set_real_ip_from 10.0.0.0/8;
real_ip_header X-Forwarded-For; real_ip_recursive on;
location / { echo $remote_addr; }
--- request
GET /
--- more_headers
X-Forwarded-For: 198.51.100.1, 2001:db8::1
X-Forwarded-For: 10.0.0.2,
--- response_body
2001:db8::1

=== realip: a location decides too
--- config
location / { set_real_ip_from 127.0.0.1; real_ip_header X-Client; allow 192.0.2.0/24; deny all; echo $remote_addr; }
--- request
GET /
--- more_headers
X-Client: 192.0.2.1
--- response_body
192.0.2.1

=== limit_conn rejects, and by its own status
--- http_config
limit_conn_zone $arg_k zone=z:1m;
--- config
location /t { limit_conn z 1; limit_conn_status 429; proxy_pass http://127.0.0.1:$server_port/in?k=a; }
location /in { limit_conn z 1; limit_conn_status 429; limit_conn_log_level warn; echo x; }
--- request
GET /t?k=a
--- status: 429
--- error_log
limiting connections by zone "z"

=== limit_conn: other keys, no key, a dry run
--- http_config
limit_conn_zone $arg_k zone=z:1m;
--- config
location /t { limit_conn z 1; proxy_pass http://127.0.0.1:$server_port/in?k=a; }
location /in { limit_conn z 1; limit_conn_dry_run on; limit_conn_log_level warn; echo $limit_conn_status; }
--- request
GET /t?k=a
--- response_body
REJECTED_DRY_RUN
--- error_log
limiting connections, dry run, by zone "z"

=== limit_req rejects
--- http_config
limit_req_zone $server_name zone=z:1m rate=1r/m;
--- config
location /t { limit_req zone=z; limit_req_status 429; proxy_pass http://127.0.0.1:$server_port/in; }
location /in { limit_req zone=z; limit_req_status 429; echo x; }
--- request
GET /t
--- status: 429
--- error_log
limiting requests, excess: 1.000 by zone "z"

=== limit_req delays
--- http_config
limit_req_zone $server_name zone=z:1m rate=500r/s;
--- config
location /t { limit_req zone=z burst=100; proxy_pass http://127.0.0.1:$server_port/in; }
location /in { limit_req zone=z burst=100; echo $limit_req_status; }
--- request
GET /t
--- response_body_like
^(DELAYED|PASSED)

=== limit_req nodelay
--- http_config
limit_req_zone $server_name zone=z:1m rate=1r/m;
--- config
location /t { limit_req zone=z burst=9 nodelay; proxy_pass http://127.0.0.1:$server_port/in; }
location /in { limit_req zone=z burst=9 nodelay; echo $limit_req_status; }
--- request
GET /t
--- response_body
PASSED

=== limit_req: no key, no limit
--- http_config
limit_req_zone $arg_k zone=z:1m rate=1r/m;
--- config
location / { limit_req zone=z; echo "[$limit_req_status]"; }
--- request
GET /
--- response_body
[]

=== a referer that is not valid
--- config
valid_referers none blocked server_names *.example.org ~\.test/a;
location / { echo "[$invalid_referer]"; }
--- request
GET /
--- more_headers
Referer: http://www.example.com/
--- response_body
[1]

=== a referer by wildcard, expression, server name
--- config
location /1 { valid_referers *.example.org; echo "[$invalid_referer]"; }
location / { valid_referers server_names "~\.test/a"; proxy_set_header Referer "https://x.test/a"; proxy_pass http://127.0.0.1:$server_port/in; }
location /in { valid_referers "~\.test/a"; proxy_set_header Referer "http://WWW.example.org:1/"; proxy_pass http://127.0.0.1:$server_port/1; }
--- request
GET /
--- more_headers
Referer: http://localhost/
--- response_body
[]

=== secure_link
--- config
location / { secure_link $arg_h,$arg_e; secure_link_md5 "secret$uri$arg_e"; echo "[$secure_link] $secure_link_expires"; }
--- request
GET /a?h=CVl_F1ecgRBczogcWe9BfQ&e=4102444800
--- response_body
[1] 4102444800

=== secure_link whose checksum is of $secure_link_expires
--- config
location / { secure_link $arg_h,$arg_e; secure_link_md5 "secret$uri$secure_link_expires"; echo "[$secure_link] $secure_link_expires"; }
--- request
GET /a?h=CVl_F1ecgRBczogcWe9BfQ&e=4102444800
--- response_body
[1] 4102444800

=== secure_link whose checksum is of itself
--- config
location / { secure_link $arg_h,$arg_e; secure_link_md5 "$secure_link"; echo "[$secure_link]"; }
--- request
GET /a?h=x&e=4102444800
--- response_body
[]
--- error_log
cycle while evaluating variable "secure_link"

=== secure_link that is over
--- config
location / { secure_link $arg_h,$arg_e; secure_link_md5 "secret$uri$arg_e"; echo "[$secure_link]"; }
--- request
GET /a?h=jm1xD0lxfliHQsbllbxAdQ==&e=1
--- response_body
[0]

=== secure_link_secret
--- config
location /p/ { secure_link_secret secret; echo "[$secure_link]"; }
--- request
GET /p/d8e1fd016ad15eb2c3df25ab258042b8/a/b
--- response_body
[a/b]
