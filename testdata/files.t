=== a file
--- config
--- user_files
>>> a.html
text
--- request
GET /a.html
--- response_headers
Content-Type: text/html
Content-Length: 5
--- response_body
text

=== HEAD of a file
--- config
--- user_files
>>> a.html
text
--- request
HEAD /a.html
--- response_headers
Content-Length: 5
--- response_body

=== a file that is not there
--- config
--- user_files
>>> dir/x
x
--- request
GET /dir/y
--- status: 404
--- error_log
html/dir/y" failed (2: No such file or directory)

=== POST to a file is not allowed
--- config
--- user_files
>>> a.html
text
--- request
POST /a.html
body
--- status: 405

=== PUT is not allowed
--- config
--- request
PUT /a.html
body
--- status: 405

=== log_not_found off
--- config
log_not_found off;
--- request
GET /none
--- status: 404
--- no_error_log
failed

=== a file below a file is not found
--- config
--- user_files
>>> a
text
--- request
GET /a/b
--- status: 404
--- error_log
failed (20: Not a directory)

=== a directory without its slash
--- config
absolute_redirect off;
--- user_files
>>> a b/c
text
--- request
GET /a%20b?x=1
--- status: 301
--- response_headers
Location: /a%20b/?x=1

=== a directory without an index is forbidden
--- config
--- user_files
>>> a/c
text
--- request
GET /a/
--- status: 403
--- error_log
directory index of
html/a/" is forbidden

=== the index of a directory
--- config
index none.html b.html;
--- user_files
>>> a/b.html
text
--- request
GET /a/
--- response_headers
Content-Type: text/html
--- response_body
text

=== an index that is another location
--- config
index /t;
location /t { return 200 "$uri\n"; }
--- request
GET /a/
--- response_body
/t

=== an index with variables
--- config
index $arg_i;
--- user_files
>>> a/x
text
--- request
GET /a/?i=x
--- response_body
text

=== an index in a directory that is not there
--- config
--- request
GET /none/
--- status: 404
--- error_log
html/none/index.html" is not found (2: No such file or directory)

=== an index that is its own location is a cycle
--- config
index /a/;
--- request
GET /a/
--- status: 500
--- error_log
rewrite or internal redirection cycle while internally redirecting to "/a/"

=== alias
--- config
location /x/ { alias $PREFIX/html/a/; }
--- user_files
>>> a/b
text
--- request
GET /x/b
--- response_body
text

=== alias in a regex location
--- config
location ~ ^/x/(.*)$ { alias $PREFIX/html/a/$1; }
--- user_files
>>> a/b
text
--- request
GET /x/b
--- response_body
text

=== a nested location inherits the alias
--- config
location /x/ { alias $PREFIX/html/a/; location ~ b { } }
--- user_files
>>> a/b
text
--- request
GET /x/b
--- response_body
text

=== alias has no meaning for a URI that was changed
--- config
location /x/ { alias $PREFIX/html/a/; rewrite ^ /y break; }
--- request
GET /x/b
--- status: 500
--- error_log
"alias" cannot be used in location "/x/" where URI was rewritten

=== try_files takes the first that is there
--- config
location / { try_files /none $uri /b =404; }
--- user_files
>>> b
text
--- request
GET /a
--- response_body
text

=== try_files with a code
--- config
location / { try_files $uri =403; }
--- request
GET /a
--- status: 403

=== try_files with a URI and its arguments
--- config
location / { try_files $uri /f?x=$arg_y; }
location /f { return 200 "$uri $args\n"; }
--- request
GET /a?y=1
--- response_body
/f x=1

=== try_files with a named location
--- config
location / { try_files $uri @f; }
location @f { return 200 "$uri $args\n"; }
--- request
GET /a?y=1
--- response_body
/a y=1

=== try_files with directories
--- config
index i;
location / { try_files $uri $uri/ =404; }
--- user_files
>>> a/i
text
--- request
GET /a/
--- response_body
text

=== try_files in a location with an alias
--- config
location /x/ { alias $PREFIX/html/a/; try_files $uri /b =404; }
--- user_files
>>> a/b
text
--- request
GET /x/b
--- response_body
text

=== try_files in a regex location with an alias
--- config
location ~ ^/x { alias $PREFIX/html; try_files /a$uri =404; }
--- user_files
>>> a/x/b
text
--- request
GET /x/b
--- response_body
text

=== try_files is not inherited
--- config
try_files /none =403;
location /a { return 200 "ok\n"; }
--- request
GET /a
--- response_body
ok

=== try_files of a server is for requests without a location
--- config
try_files /none =403;
location /a { return 200 ok; }
--- request
GET /b
--- status: 403

=== deny
--- config
location / { deny 127.0.0.0/8; allow all; }
--- request
GET /
--- status: 403
--- error_log
access forbidden by rule

=== allow before deny
--- config
location / { allow 127.0.0.1; deny all; try_files none =418; }
--- request
GET /
--- status: 418

=== a location's rules take the place of its server's
--- config
deny all;
location / { allow ::1; try_files none =418; }
--- request
GET /
--- status: 418

=== a named pipe is not a regular file
--- config
root /dev;
--- request
GET /null
--- status: 404
--- error_log
"/dev/null" is not a regular file

=== post_action asks for another location when the response has left
--- config
error_log stderr debug;
location / { post_action /after; }
location /after { rewrite_log on; rewrite ^/after$ /else last; }
location /else { return 200 hidden; }
--- user_files
>>> a
text
--- request
GET /a
--- response_body
text
--- error_log
rewritten data: "/else"

=== flv from a place in the file on
--- config
location / { flv; }
--- user_files
>>> a.flv
0123456789
--- request
GET /a.flv?start=4
--- response_headers
Content-Length: 20
--- response_body_like
^FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00456789

=== flv: a place that there is not
--- config
location / { flv; }
--- user_files
>>> a.flv
0123456789
--- request
GET /a.flv?start=40
--- response_body
0123456789

=== disable_symlinks on
--- config
disable_symlinks on;
location / { root /proc/self/cwd; }
--- request
GET /go.mod
--- status: 403
--- error_log
failed (40: Too many levels of symbolic links)

=== disable_symlinks on, behind a part that may have them
--- config
disable_symlinks on from=/proc/self/cwd;
location / { root /proc/self/cwd; default_type text/plain; }
--- request
GET /go.mod
--- response_body_like
^module

=== disable_symlinks if_not_owner
--- config
disable_symlinks if_not_owner;
location / { root /proc/self/cwd; default_type text/plain; }
--- request
GET /go.mod
--- response_body_like
^module

=== disable_symlinks: try_files, if and index do not see links
--- config
disable_symlinks on;
root /proc/self/cwd;
location / { set $found no; if (-f /proc/self/cwd/go.mod) { set $found yes; } try_files /go.mod /none; }
location /none { return 200 "$found"; }
--- request
GET /x
--- response_body_like
^no$
--- error_log
stat() "/proc/self/cwd/go.mod" failed (40: Too many levels of symbolic links)

=== disable_symlinks without links
--- config
disable_symlinks on from=$document_root;
location / { index a.html; }
--- user_files
>>> d/a.html
text
--- request
GET /d/
--- response_body
text

=== the port that the client names
--- config
location / { return 200 "$request_port $is_request_port"; }
--- request
GET /
--- more_headers
Host: a:81
--- response_body_like
^81 :$

=== the port in the request line
--- config
location / { return 200 "$request_port$is_request_port."; }
--- raw_request
GET http://a/ HTTP/1.1\r\nHost: a:81\r\nConnection: close\r\n\r\n
--- response_body_like
^\.$
