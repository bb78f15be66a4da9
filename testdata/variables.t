=== map
--- http_config
map $arg_x $v { default d; a 1; "~^b(.*)" "b:$1"; ~*^C c; "" empty; \~x tilde; }
--- config
location / { return 200 "$v\n"; }
--- request
GET /?x=A
--- response_body
1

=== map with an expression
--- http_config
map $arg_x $v { default d; a 1; "~^b(.*)" "b:$1$uri"; ~*^C c; }
--- config
location / { return 200 "$v\n"; }
--- request
GET /u?x=bcd
--- response_body
b:cd/u

=== map with nothing
--- http_config
map $arg_x $v { default d; a 1; "~^" r; "" empty; }
--- config
location / { return 200 "$v\n"; }
--- request
GET /
--- response_body
empty

=== map without a default
--- http_config
map $arg_x $v { a 1; }
--- config
location / { return 200 "[$v]\n"; }
--- request
GET /
--- response_body
[]

=== map of host names
--- http_config
map $arg_x:$arg_y $v { hostnames; default d; *.a.org 1; .b.org 2; www.* 3; *.x.a.org 4; }
map $arg_x $w { hostnames; default d; *.a.org 1; .b.org 2; www.* 3; *.x.a.org 4; }
--- config
location / { set $x $w; return 200 "$w $v\n"; }
--- request
GET /?x=y.x.A.org.
--- response_body
4 d

=== a variable of a map may be set
--- http_config
map $arg_x $v { default d; }
--- config
location / { set $w $v; set $v 1; return 200 "$w$v\n"; }
--- request
GET /
--- response_body
d1

=== a volatile map is evaluated each time
--- http_config
map $x $v { volatile; default $x; }
map $x $w { default $x; }
--- config
location / { set $x 1; set $a $v$w; set $x 2; return 200 "$a$v$w\n"; }
--- request
GET /
--- response_body
1121

=== maps of each other
--- http_config
map $b $a { default $b; }
map $a $b { default $a; }
--- config
location / { return 200 "[$a]\n"; }
--- request
GET /
--- response_body
[]
--- error_log
cycle while evaluating variable

=== geo
--- http_config
geo $g { default d; 127.0.0.0/8 wide; 127.0.0.1 narrow; }
geo $arg_a $h { default d; 10.0.0.0/8 wide; 10.1.0.0/16 narrow; ::/0 six; delete 10.1.0.0/16; }
--- config
location / { return 200 "$g $h\n"; }
--- request
GET /?a=10.1.1.1
--- response_body
narrow wide

=== geo with ranges
--- http_config
geo $arg_a $h { ranges; default d; 10.0.0.0-10.0.0.9 a; 10.0.0.5-10.0.0.6 b; 10.0.0.20-10.0.0.30 c; }
geo $arg_b $i { ranges; default d; 10.0.0.0-10.0.0.9 a; 10.0.0.5-10.0.0.6 b; 10.0.0.20-10.0.0.30 c; }
geo $arg_c $j { ranges; default d; 10.0.0.0-10.0.0.9 a; 10.0.0.5-10.0.0.6 b; 10.0.0.20-10.0.0.30 c; }
geo $arg_d $k { ranges; default d; 10.0.0.0-10.0.0.9 a; 10.0.0.5-10.0.0.6 b; 10.0.0.20-10.0.0.30 c; }
--- config
location / { return 200 "$h$i$j$k\n"; }
--- request
GET /?a=10.0.0.6&b=10.0.0.7&c=10.0.0.19&d=10.0.0.20
--- response_body
badc

=== geo behind proxies
--- http_config
geo $g { proxy 127.0.0.1; proxy 10.0.0.0/8; proxy_recursive; default d; 192.0.2.0/24 yes; }
--- config
location / { return 200 "$g\n"; }
--- request
GET /
--- more_headers
X-Forwarded-For: 198.51.100.1, 192.0.2.1
X-Forwarded-For: 10.1.1.1
--- response_body
yes

=== split_clients
--- http_config
split_clients $arg_a $s { 50% a; * b; }
split_clients $arg_a $t { 100% "$arg_a"; }
--- config
location / { return 200 "$s$t\n"; }
--- request
GET /?a=xyz
--- response_body_like
^[ab]xyz
