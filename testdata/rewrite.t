=== return answers with a text of the type that the name has
--- config
location /t { return 200 "uri $uri\n"; }
--- request
GET /t.html
--- response_headers
Content-Type: text/html
--- response_body
uri /t.html

=== return redirects
--- config
absolute_redirect off; location /t { return 301 /x?y; }
--- request
GET /t
--- status: 301
--- response_headers
Location: /x?y

=== return of a URL alone redirects
--- config
location /t { return https://example.org/; }
--- request
GET /t
--- status: 302
--- response_headers
Location: https://example.org/

=== return of an error without a text shows its page
--- config
location /t { return 405; }
--- request
GET /t
--- status: 405
--- response_body_like
405 Not Allowed

=== return 444 closes the connection
--- config
location /t { return 444; }
--- request
GET /t
--- status: none

=== a rewrite chooses another location
--- config
location /a { rewrite ^/a(.*) /b$1 last; return 500; }
location /b { return 200 "$uri|$args\n"; }
--- request
GET /a/x?y=1
--- response_body
/b/x|y=1

=== a rewrite with break stays
--- config
location /a { rewrite ^/a(.*) /b$1 break; return 200 "no"; }
--- user_files
>>> b/x
here
--- request
GET /a/x
--- response_body
here

=== a rewrite without a flag goes on with the next operation
--- config
location /a { rewrite ^/a /b; rewrite ^/b /c; }
location /b { return 200 "b\n"; }
location /c { return 200 "c\n"; }
--- request
GET /a
--- response_body
c

=== break after a rewrite keeps the location
--- config
location /a { rewrite ^/a /b; break; return 200 no; }
location /b { return 200 "b\n"; }
--- user_files
>>> b
file
--- request
GET /a
--- response_body
file

=== arguments of the replacement come before those of the request
--- config
location /a { rewrite ^/a /b?x=1; }
location /b { return 200 "$args\n"; }
--- request
GET /a?y=2
--- response_body
x=1&y=2

=== a question mark at the end drops the request's arguments
--- config
location /a { rewrite ^/a /b?x=1?; }
location /c { rewrite ^/c /b?; }
location /b { return 200 "[$args]\n"; }
--- request
GET /a?y=2
--- response_body
[x=1]

=== captures in arguments are escaped if the path was
--- config
location /a { rewrite ^/a/(.*) /b?x=$1?; }
location /b { return 200 "$args\n"; }
--- request
GET /a/%26%20
--- response_body
x=%26%20

=== an absolute replacement redirects with the arguments
--- config
location /a { rewrite ^/a/(.*) http://example.org/$1; }
--- request
GET /a/b%20c?d
--- status: 302
--- response_headers
Location: http://example.org/b%20c?d

=== permanent
--- config
absolute_redirect off; location /a { rewrite ^ /b permanent; }
--- request
GET /a
--- status: 301
--- response_headers
Location: /b

=== ten rewrites are a cycle
--- config
location /a { rewrite ^ /a; }
--- request
GET /a
--- status: 500
--- error_log
rewrite or internal redirection cycle while processing "/a"

=== rewrite_log tells what matched
--- config
rewrite_log on;
location /a { rewrite ^/b /x; rewrite ^/a /c?d last; }
location /c { return 200 ok; }
--- request
GET /a
--- error_log
"^/b" does not match "/a"
"^/a" matches "/a"
rewritten data: "/c", args: "d"

=== a rewrite to nothing
--- config
location /a { rewrite ^/a$ $nothing; set $nothing ""; }
--- request
GET /a
--- status: 500
--- error_log
the rewritten URI has a zero length

=== set and if
--- config
location /t {
    set $x "$arg_a";
    if ($x) { set $y "${y}t"; }
    if ($x = b) { set $y "${y}e"; }
    if ($x != b) { set $y "${y}n"; }
    if ($x ~ ^(B)) { set $y "${y}s"; }
    if ($x ~* ^(B)) { set $y "${y}i$1"; }
    if ($x !~ ^B) { set $y "${y}!"; }
    return 200 "$y\n";
}
--- request
GET /t?a=b
--- response_body
teib!

=== if with an empty value and with 0
--- config
location /t {
    set $y "";
    if ($arg_a) { set $y "${y}a"; }
    if ($arg_b) { set $y "${y}b"; }
    if ($arg_c = "") { set $y "${y}c"; }
    return 200 "$y\n";
}
--- request
GET /t?a=0
--- response_body
c

=== if with files
--- config
location /t {
    set $p $document_root/f;
    if (-f $p) { set $y "${y}f"; }
    if (!-f $p) { set $y "${y}F"; }
    if (-d $p) { set $y "${y}d"; }
    if (!-d $p) { set $y "${y}D"; }
    if (-e $p) { set $y "${y}e"; }
    if (!-e $p) { set $y "${y}E"; }
    if (-x $p) { set $y "${y}x"; }
    if (!-x $p) { set $y "${y}X"; }
    if (-d $document_root) { set $y "${y}r"; }
    return 200 "$y\n";
}
--- user_files
>>> f
text
--- request
GET /t
--- response_body
fDeXr

=== the location of an if is the request's
--- config
location /t {
    if ($arg_a) { error_page 404 /e; }
    log_not_found off;
}
location /e { return 200 "page\n"; }
--- request
GET /t?a=1
--- status: 404
--- response_body
page

=== if in a server
--- config
if ($arg_a) { return 200 "a\n"; }
set $v server;
location /t { return 200 "$v\n"; }
--- request
GET /t
--- response_body
server

=== a return in an if of a server
--- config
if ($arg_a) { return 200 "a\n"; }
location /t { return 200 no; }
--- request
GET /t?a=1
--- response_body
a

=== a variable that was not set yet
--- config
location /t { return 200 "[$x]\n"; }
location /u { set $x 1; }
--- request
GET /t
--- response_body
[]
--- error_log
using uninitialized "x" variable

=== uninitialized_variable_warn off
--- config
uninitialized_variable_warn off;
location /t { return 200 "[$x]\n"; }
location /u { set $x 1; }
--- request
GET /t
--- response_body
[]
--- no_error_log
uninitialized

=== a builtin variable is set
--- config
location /t { set $args a=1; return 200 "$arg_a\n"; }
--- request
GET /t?b
--- response_body
1

=== captures of a failed match are gone
--- config
location /t {
    if ($uri ~ ^/(t)) { set $a "$1"; }
    if ($uri ~ ^/(x)) { set $a no; }
    return 200 "$a[$1]\n";
}
--- request
GET /t
--- response_body
t[]

=== named captures are variables
--- config
location ~ ^/(?<who>\w+)/(?<what>\w+) { return 200 "$who $what $1\n"; }
--- request
GET /a/b
--- response_body
a b a

=== an error page that returns another status
--- config
location /a { error_page 404 /b; return 404; }
location /b { return 405; }
--- request
GET /a
--- status: 405

=== an error page that answers keeps the status
--- config
location /a { error_page 404 /b; return 404; }
location /b { return 200 "text\n"; }
--- request
GET /a
--- status: 404
--- response_body
text
