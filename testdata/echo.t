=== arguments are joined by spaces and end in a newline
--- config
location /t { echo hello "big world" $arg_a; echo; echo -n no newline; echo -n; echo; echo -- -n; }
--- request
GET /t?a=x
--- response_body
hello big world x

no newline
-n
--- response_headers
Content-Type: text/plain

=== HEAD has no body
--- config
location /t { echo hello; }
--- request
HEAD /t
--- response_body

=== commands run in their order
--- config
location /t {
    echo_reset_timer;
    echo_duplicate 3 ab; echo;
    echo_duplicate 1_0 x; echo;
    echo_duplicate 0 x;
    echo_flush;
    echo_sleep 0.011;
    echo_read_request_body;
    echo_request_body;
    echo -n "|$echo_request_body|$echo_request_method|$echo_timer_elapsed";
}
--- request
POST /t
hello
--- response_body_like
^ababab\nxxxxxxxxxx\nhello\|hello\|POST\|0\.0[1-9][0-9]$

=== a duration that is none
--- config
location /t { echo_sleep x1; }
--- request
GET /t
--- status: 500
--- error_log
invalid sleep duration "x1"

=== the status of the response
--- config
location /t { echo_status 404; echo -n; echo $echo_response_status; }
--- request
GET /t
--- status: 404
--- response_body
404

=== a subrequest's output stands where its command does
--- config
location /t { echo a; echo_location /sub x=1; echo b; echo_location /sub?x=2; echo $echo_incr; }
location /sub { echo "sub $arg_x $echo_request_method $echo_client_request_method $uri $echo_request_uri $echo_incr"; }
--- request
POST /t
body
--- response_body
a
sub 1 GET POST /sub /sub 1
b
sub 2 GET POST /sub /sub 2
3

=== subrequests with a method, arguments and a body
--- config
location /t { echo_subrequest POST /sub -q a=b -b 'some body'; echo_subrequest PUT /sub; echo_subrequest POST /sub -f html/body.txt; }
location /sub { echo "$echo_request_method $query_string $http_content_length"; echo_read_request_body; echo_request_body; echo; }
--- user_files
>>> body.txt
in a file
--- request
GET /t
--- response_body
POST a=b 9
some body
PUT  

POST  10
in a file


=== subrequests beside the commands keep their order
--- config
location /t { echo_location_async /slow; echo mid; echo_subrequest_async GET /fast; echo_location /fast; echo end $echo_timer_elapsed; }
location /slow { echo_sleep 0.05; echo slow; }
location /fast { echo fast; }
--- request
GET /t
--- response_body_like
^slow\nmid\nfast\nfast\nend 0\.0[0-4][0-9]\n$

=== subrequests of subrequests
--- config
location /a { echo_location /b; echo a; }
location /b { echo_location /c; echo b; }
location /c { echo c; }
location /d { echo_location_async /b; echo d; }
--- request
GET /d
--- response_body
c
b
d

=== a subrequest that does not exist brings its error page
--- config
location /t { echo a; echo_location /no; echo b; }
error_page 404 /404;
location /404 { echo "not here: $uri"; }
--- request
GET /t
--- response_body
a
not here: /404
b
--- error_log
html/no" failed (2: No such file or directory)

=== endless subrequests end
--- config
location /t { echo_location /t; echo -n x; }
--- request
GET /t
--- response_body_like
^x{50}
--- error_log
subrequests cycle while processing "/t"

=== another location answers
--- config
location /t { echo_exec /u?a=1; }
location /u { echo_exec @named; }
location @named { echo "$uri $args"; }
--- request
GET /t
--- response_body
/u a=1

=== a loop over the parts of a text
--- config
location /t { echo_foreach_split ',' $arg_l; echo "[$echo_it]"; echo_end; echo "end$echo_it"; }
--- request
GET /t?l=a,bb,,c
--- response_body
[a]
[bb]
[c]
end

=== a loop over nothing
--- config
location /t { echo_foreach_split ',' $arg_l; echo "[$echo_it]"; echo_end; echo end; }
--- request
GET /t?l=,
--- response_body
end

=== texts around the body
--- config
location /t { echo_before_body -n "<$arg_a>"; echo_before_body second; echo body; echo_after_body last $uri; }
--- request
GET /t?a=x
--- response_body
<x>second
body
last /t

=== texts around an error page
--- config
echo_after_body bye;
location /t { internal; }
--- request
GET /t
--- status: 404
--- response_headers
!Content-Length
--- response_body_like
nginx.*\n.*\n.*\nbye

=== texts around subrequests' bodies
--- config
location /t { echo_location /sub; echo_location /sub; }
location /sub { echo sub; echo_after_body after; }
--- request
GET /t
--- response_body
sub
after
sub
after

=== the head as it came
--- config
location /t { echo -n $echo_client_request_headers; }
--- raw_request
\r\nGET /t HTTP/1.1\r\nHost:  a\r\nfOO: bar\r\nConnection: close\r\n\r\n
--- response_body_like
^GET /t HTTP/1.1\r\nHost:  a\r\nfOO: bar\r\nConnection: close\r\n\r\n$

=== a captured subrequest that fails has no page
--- config
error_page 404 /page;
location /page { echo page; }
location /404 { return 404; }
location /302 { return 302 /x; }
location /t {
    content_by_lua_block {
        for _, uri in ipairs { "/404", "/302" } do
            local res = ngx.location.capture(uri)
            ngx.say(res.status, " [", res.body, "] ", res.header.Location)
        end
    }
}
--- request
GET /t
--- response_body
404 [] nil
302 [] /x

=== a filter that fails in a subrequest ends the connection
--- config
location /sub { echo x; body_filter_by_lua_block { return ngx.ERROR } }
location /t { content_by_lua_block { ngx.location.capture("/sub") ngx.say("on") } }
--- request
GET /t
--- status: none

=== a failed condition is the answer, whoever sent the head
--- config
error_page 412 /page;
location /page { return 412 "page\n"; }
location /t { rewrite_by_lua_block { ngx.send_headers() } echo content; }
--- request
GET /t
--- more_headers
If-Match: "x"
--- status: 412
--- response_body
page
