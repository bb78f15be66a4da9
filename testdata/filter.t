=== the last bytes of a file
--- config
--- user_files
>>> t.txt
0123456789
--- request
GET /t.txt
--- more_headers
Range: bytes=8-
--- status: 206
--- response_headers
Content-Range: bytes 8-10/11
Content-Length: 3
!Accept-Ranges
--- response_body
89

=== a response that can be had in parts says so
--- config
--- user_files
>>> t.txt
0123456789
--- request
GET /t.txt
--- response_headers
Accept-Ranges: bytes

=== several ranges in any order
--- config
--- user_files
>>> t.txt
0123456789
--- request
GET /t.txt
--- more_headers
Range: bytes=5-6,-3, 0-0
--- status: 206
--- response_body_like
^\r\n--([0-9]{20})\r\nContent-Type: text/plain\r\nContent-Range: bytes 5-6/11\r\n\r\n56\r\n--[0-9]{20}\r\nContent-Type: text/plain\r\nContent-Range: bytes 8-10/11\r\n\r\n89\n\r\n--[0-9]{20}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-0/11\r\n\r\n0\r\n--[0-9]{20}--\r\n$

=== a range beyond the end
--- config
--- user_files
>>> t.txt
0123456789
--- request
GET /t.txt
--- more_headers
Range: bytes=11-
--- status: 416
--- response_headers
Content-Range: bytes */11
!ETag
!Last-Modified
Content-Type: text/html

=== If-Range with another tag
--- config
--- user_files
>>> t.txt
0123456789
--- request
GET /t.txt
--- more_headers
Range: bytes=0-1
If-Range: "other"
--- status: 200
--- response_headers
Content-Length: 11

=== a HEAD request gets the head of the part
--- config
--- user_files
>>> t.txt
0123456789
--- request
HEAD /t.txt
--- more_headers
Range: bytes=-3
--- status: 206
--- response_headers
Content-Length: 3

=== not modified since then
--- config
location /t { content_by_lua_block { ngx.header.Last_Modified = "Tue, 15 Nov 1994 12:45:26 GMT"; ngx.say("x") } }
--- request
GET /t
--- more_headers
If-Modified-Since: Tue, 15 Nov 1994 12:45:26 GMT
--- status: 304
--- response_headers
Last-Modified: Tue, 15 Nov 1994 12:45:26 GMT

=== modified before counts only where that is wanted
--- config
if_modified_since before;
location /t { content_by_lua_block { ngx.header.Last_Modified = "Tue, 15 Nov 1994 12:45:26 GMT"; ngx.say("x") } }
--- request
GET /t
--- more_headers
If-Modified-Since: Tue, 15 Nov 1994 12:45:27 GMT
--- status: 304

=== a later time is not the exact one
--- config
location /t { content_by_lua_block { ngx.header.Last_Modified = "Tue, 15 Nov 1994 12:45:26 GMT"; ngx.say("x") } }
--- request
GET /t
--- more_headers
If-Modified-Since: Tue, 15 Nov 1994 12:45:27 GMT
--- status: 200

=== modified since a time that the client relies on
--- config
location /t { content_by_lua_block { ngx.header.Last_Modified = "Tue, 15 Nov 1994 12:45:26 GMT"; ngx.say("x") } }
--- request
GET /t
--- more_headers
If-Unmodified-Since: Tue, 15 Nov 1994 12:45:25 GMT
--- status: 412

=== Last-Modified and ETag are replaced
--- config
location /t {
    add_header ETag '"tag"'; add_header Last-Modified "Tue, 15 Nov 1994 12:45:26 GMT";
    content_by_lua_block { ngx.header.Last_Modified = "Tue, 15 Nov 1994 12:45:29 GMT"; ngx.header.ETag = '"x"' ngx.say("x") }
}
--- request
GET /t
--- response_headers
Last-Modified: Tue, 15 Nov 1994 12:45:26 GMT
ETag: "tag"

=== a tag out of a list, weakly
--- config
location /t { content_by_lua_block { ngx.header.ETag = '"b"'; ngx.header.Content_Length = 1; ngx.print("x") } }
--- request
GET /t
--- more_headers
If-None-Match: "a", W/"b"
--- status: 304
--- response_headers
ETag: "b"
!Content-Length
!Content-Type

=== a tag that is not the one the client has
--- config
location /t { content_by_lua_block { ngx.header.ETag = 'W/"b"'; ngx.print("x") } }
--- request
GET /t
--- more_headers
If-None-Match: "a", "c"
--- status: 200

=== a condition that fails
--- config
error_page 412 /failed;
location /failed { echo failed; }
location /t { content_by_lua_block { ngx.header.ETag = '"b"'; ngx.header.X = 1; ngx.print("x") } }
--- request
GET /t
--- more_headers
If-Match: "a"
--- status: 412
--- response_headers
!ETag
!X
--- response_body
failed

=== fields are added to good responses, with always to all
--- config
location /t { add_header X-A a$arg_v; add_header X-B "" always; add_header X-C c always; return 204; }
--- request
GET /t?v=1
--- status: 204
--- response_headers
X-A: a1
!X-B
X-C: c

=== fields of an error
--- config
location /t { add_header X-A a; add_header X-C c always; expires 1h; return 404; }
--- request
GET /t
--- status: 404
--- response_headers
!X-A
!Expires
X-C: c

=== a block with a field of its own has none of those around it
--- http_config
add_header X-Outer 1;
--- config
location /t { add_header X-Inner 2; return 200; }
location /u { return 200; }
--- request
GET /t
--- response_headers
!X-Outer
X-Inner: 2

=== fields of a block beside those around it
--- http_config
add_header X-Outer 1;
add_header_inherit merge;
--- config
add_header X-Server 2;
location /t { add_header X-Inner 3; return 200; }
--- request
GET /t
--- response_headers
X-Outer: 1
X-Server: 2
X-Inner: 3

=== a block that has nothing of those around it
--- http_config
add_header X-Outer 1;
--- config
location /t { add_header_inherit off; return 200; }
--- request
GET /t
--- response_headers
!X-Outer

=== expires in the future
--- config
location /t { expires 1d; add_header Cache-Control public; return 200; }
--- request
GET /t
--- response_headers
Cache-Control: max-age=86400, public

=== expires in the past
--- config
location /t { expires -1; return 200; }
--- request
GET /t
--- response_headers
Cache-Control: no-cache

=== expires at the epoch
--- config
location /t { expires epoch; return 200; }
--- request
GET /t
--- response_headers
Cache-Control: no-cache
Expires: Thu, 01 Jan 1970 00:00:01 GMT

=== expires by a variable
--- config
location /t { expires $arg_e; return 200; }
--- request
GET /t?e=max
--- response_headers
Cache-Control: max-age=315360000
Expires: Thu, 31 Dec 2037 23:55:55 GMT

=== expires by a variable that says nothing
--- config
location /t { expires $arg_e; return 200; }
--- request
GET /t
--- response_headers
!Cache-Control

=== headers-more sets, replaces and clears
--- config
location /t {
    add_header X-Twice 1;
    add_header X-Hidden-A 1;
    add_header X-Hidden-B 1;
    content_by_lua_block {
        ngx.header["X-Lua"] = "lua"; ngx.header["X-Hide-1"] = 1; ngx.header["X-Hide-2"] = 2; ngx.header["X-Gone"] = 1
        ngx.say("x")
    }
    more_set_headers 'X-Lua: more $arg_a' 'Server: me' 'Content-Type: text/x';
    more_clear_headers 'X-Hide-*' Date X-Gone;
    more_set_headers -a 'X-Twice: 2' 'X-Twice: 3';
}
--- request
GET /t?a=1
--- response_headers
X-Lua: more 1
Server: me
Content-Type: text/x
!X-Hide-1
!X-Hide-2
!X-Gone
!Date
X-Twice: 2, 3, 1

=== headers-more for a status and a type
--- config
more_set_headers -s '404 500' -t 'text/html text/css' 'X-A: 1';
location /t { more_set_headers -s 404 'X-B: 2'; more_set_headers -s 200 'X-C: 3'; more_set_headers -t text/css 'X-D: 4'; }
--- request
GET /t
--- status: 404
--- error_log
html/t" failed
--- response_headers
X-A: 1
X-B: 2
!X-C
!X-D

=== headers-more changes the request
--- config
location /t {
    more_set_input_headers 'X-A: $arg_a' 'Host: other:80' 'X-C:' ;
    more_set_input_headers -r 'X-D: d' 'X-E: e';
    more_clear_input_headers 'X-F*';
    more_set_input_headers -t 'text/x' 'X-G: g';
    echo "$http_x_a $host $http_host [$http_x_c] $http_x_d [$http_x_e] [$http_x_f1$http_x_f2] [$http_x_g]";
}
--- request
GET /t?a=1
--- more_headers
X-C: c
X-D: old
X-F1: 1
X-F2: 2
--- response_body
1 other other:80 [] d [] [] []

=== compressed on demand
--- config
gzip on; gzip_vary on; gzip_types text/plain; gzip_min_length 2;
location /t { return 200 "hello hello hello hello\n"; }
location /short { return 200 "h"; }
--- request
GET /t
--- more_headers
Accept-Encoding: deflate, gzip;q=0.5
--- response_headers
Content-Encoding: gzip
Vary: Accept-Encoding
!Accept-Ranges
!Content-Length

=== a client that does not take it
--- config
gzip on; gzip_vary on; gzip_types *;
location /t { return 200 "hello hello hello hello\n"; }
--- request
GET /t
--- more_headers
Accept-Encoding: deflate, gzip;q=0
--- response_headers
!Content-Encoding
Vary: Accept-Encoding
--- response_body
hello hello hello hello

=== a type that is not compressed
--- config
gzip on; gzip_vary on;
location /t { return 200 "hello hello hello hello\n"; }
--- request
GET /t
--- more_headers
Accept-Encoding: gzip
--- response_headers
!Content-Encoding
!Vary

=== through a proxy
--- config
gzip on; gzip_types *; gzip_proxied no-store;
location /t { add_header Cache-Control no-store; return 200 "hello hello hello hello\n"; }
--- request
GET /t
--- more_headers
Accept-Encoding: gzip
Via: 1.1 x
--- response_headers
Content-Encoding: gzip

=== a weak tag is left of a strong one
--- config
gzip on; gzip_types *;
location /t { add_header ETag '"tag"'; return 200 "hello hello hello hello\n"; }
--- request
GET /t
--- more_headers
Accept-Encoding: gzip
--- response_headers
ETag: W/"tag"

=== the charset is named
--- config
charset utf-8;
location /t { return 200 "x\n"; }
--- request
GET /t
--- response_headers
Content-Type: text/plain; charset=utf-8

=== from one byte to several and back
--- http_config
charset_map x utf-8 { C0 D0B0; C1 E282AC; }
--- config
location /t { charset utf-8; source_charset x; content_by_lua_block { ngx.print("a\xc0\xc1\xc2\n") } }
--- request
GET /t
--- response_headers
Content-Type: text/plain; charset=utf-8
--- response_body
aа€?

=== from several bytes, cut in between
--- http_config
charset_map x utf-8 { 41 D0B0; 42 E282AC; }
--- config
location /t {
    charset x; source_charset utf-8;
    content_by_lua_block { ngx.print("x\xd0"); ngx.flush(); ngx.print("\xb0\xe2"); ngx.flush() ngx.print("\x82") ngx.flush() ngx.print("\xac\xd0\xb1!\n") }
}
--- request
GET /t
--- response_body
xAB&#1073;!

=== texts are replaced across the borders of chunks
--- config
sub_filter_types *;
location /t {
    sub_filter 'Hello' 'bye $arg_x'; sub_filter 'll' '[]'; sub_filter_once off;
    content_by_lua_block { ngx.print("heL"); ngx.flush(); ngx.print("lo hel"); ngx.flush(); ngx.print("l he"); ngx.flush(); ngx.say("llo hel") }
}
--- request
GET /t?x=1
--- response_body
bye 1 he[] bye 1 hel

=== responses of other locations around a body
--- config
location /t { add_before_body /b; add_after_body /a; addition_types *; return 200 "body\n"; }
location /b { return 200 "before\n"; }
location /a { return 200 "after $uri\n"; }
--- request
GET /t
--- response_body
before
body
after /a

=== gzip around subrequests' bodies
--- config
gzip on; gzip_types *; gzip_min_length 0;
location /t { add_before_body /b; addition_types *; return 200 "body\n"; }
location /b { gzip on; return 200 "before before before before before\n"; }
--- request
GET /t
--- more_headers
Accept-Encoding: gzip
--- response_headers
Content-Encoding: gzip

=== the request is changed before scripts see it
--- config
location /t {
    more_set_input_headers 'X-A: a';
    rewrite_by_lua_block { ngx.ctx.a = ngx.var.http_x_a }
    content_by_lua_block { ngx.say(ngx.ctx.a) }
}
--- request
GET /t
--- response_body
a

=== trailers
--- config
location /t { add_trailer X-T $sent_http_x_h; add_header X-H h; return 200 "x\n"; }
--- request
GET /t
--- response_headers
!Content-Length
--- response_body
x

=== no trailers in HTTP/1.0
--- config
location /t { add_trailer X-T t; return 200 "x\n"; }
--- request
GET /t HTTP/1.0
--- response_headers
Content-Length: 2
--- response_body
x

=== add_trailer beside a range
--- config
location / { add_trailer X-T yes; }
--- user_files
>>> t
0123456789
--- request
GET /t
--- more_headers
Range: bytes=2-4
--- status: 206
--- response_headers
Content-Range: bytes 2-4/11
!Content-Length
--- response_body_like: ^234$

=== a file's compressed form for who takes it
--- config
brotli_static on;
gzip_static on;
gzip_vary on;
--- user_files
>>> t.txt
plain
>>> t.txt.br
as brotli
>>> t.txt.gz
as gzip
--- request
GET /t.txt
--- more_headers
Accept-Encoding: gzip, br
--- response_headers
Content-Encoding: br
Vary: Accept-Encoding
Content-Type: text/plain
--- response_body_like
^as brotli

=== a file's compressed form is not for everybody
--- config
brotli_static on;
zstd_static on;
--- user_files
>>> t.txt
plain
>>> t.txt.br
as brotli
--- request
GET /t.txt
--- more_headers
Accept-Encoding: gzip, br;q=0, zstd
--- response_headers
!Content-Encoding
--- response_body_like
^plain

=== a file's compressed form for everybody
--- config
zstd_static always;
--- user_files
>>> t.txt.zst
as zstd
--- request
GET /t.txt
--- response_headers
Content-Encoding: zstd
--- response_body_like
^as zstd
