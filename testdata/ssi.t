=== ssi: echo, its encodings and defaults
--- config
location / { ssi on; ssi_types text/plain; set $v "<a&b>"; }
--- user_files
>>> t
<!--#echo var="v" -->|<!--# echo var="V" encoding="none"-->|<!--#echo encoding='url' var='v' -->|<!--#echo var="none" -->|<!--#echo var="none" default="dflt" -->|<!--#echo var="none" default="" -->
--- request
GET /t
--- response_headers
!Content-Length
!Last-Modified
!Accept-Ranges
--- response_body
&lt;a&amp;b&gt;|<a&b>|%3Ca&b%3E|(none)|dflt|

=== ssi: set, variables in texts
--- config
location / { ssi on; ssi_types text/plain; }
--- user_files
>>> t
<!--#set var="a" value="1" --><!--#set var="b" value="${a}2$A\$x\"" --><!--#echo var="b" encoding="none" -->
--- request
GET /t
--- response_body
121$x"

=== ssi: includes share what is set, and stand in their places
--- config
location / { ssi on; ssi_types text/plain; }
--- user_files
>>> d/t
(<!--#set var="a" value="x" --><!--#include virtual="u?q=1" wait="yes" -->)(<!--#include file="v" -->)(<!--#include virtual="/d/none?" -->)
>>> d/u
<!--#echo var="a" --> <!--#echo var="arg_q" --><!--#set var="a" value="y" -->
>>> d/v
<!--#echo var="a" -->
--- request
GET /d/t
--- response_body_like
\(x 1
\)\(y
404 Not Found
--- error_log
failed (2: No such file or directory)

=== ssi: a response into a variable
--- config
location / { ssi on; ssi_types text/plain; }
location /in { return 200 "from $uri"; }
--- user_files
>>> t
<!--#include virtual="/in" set="v" -->[<!--#echo var="v" -->]
--- request
GET /t
--- response_body
[from /in]

=== ssi: a stub for what is empty or fails
--- config
location / { ssi on; ssi_types text/plain; }
location /empty { return 204; }
location /full { return 200 full; }
--- user_files
>>> t
<!--#block name="b" -->B<!--#echo var="arg_x" -->;<!--#endblock --><!--#include virtual="/empty?x=1" stub="b" --><!--#include virtual="/none?x=2" stub="b" --><!--#include virtual="/full" stub="b" -->
--- request
GET /t
--- response_body
B1;B2;full
--- error_log
failed (2: No such file or directory)

=== ssi: if in if
--- config
location / { ssi on; ssi_types text/plain; }
--- user_files
>>> t
<!--#if expr="$arg_a" -->a<!--#if expr="$arg_b = x" -->bx<!--#elif expr="$arg_b = /^(?<rest>y.*)/" -->b<!--#echo var="rest" --><!--#echo var="1" --><!--#else -->b<!--#endif --><!--#else -->no <!--#if expr="$arg_b" -->b<!--#else -->c<!--#endif --><!--#endif -->
--- request
GET /t?a=1&b=yz
--- response_body
abyzyz

=== ssi: commands that are wrong
--- config
location / { ssi on; ssi_types text/plain; ssi_value_length 8; }
--- user_files
>>> t
<!--#config errmsg="E" --><!--#nope --><!--#echo --><!--#echo var="a" x="b" --><!--#echo var="a" var="b" --><!--#echo var="123456789" --><!--#endif --><!--#if expr="a ? b" -->-<!--#endif --><!--#include --><!--#echo var=a -->.<!--#set var="a" value="${" -->
--- request
GET /t
--- response_body
EEEEEEEEE.E
--- error_log
invalid SSI command: "nope"
mandatory "var" parameter is absent in "echo" SSI command
invalid parameter name: "x" in "echo" SSI command
duplicate "var" parameter in "echo" SSI command
too long value of a parameter in SSI command "echo"
invalid context of SSI command: "endif"
invalid expression in "a ? b"
no parameter in "include" SSI command
a value without quotes in SSI command "echo"
the closing bracket in "${" variable is missing

=== ssi: errors in silence
--- config
location / { ssi on; ssi_types text/plain; ssi_silent_errors on; }
--- user_files
>>> t
[<!--#nope -->]
--- request
GET /t
--- response_body
[]
--- error_log
invalid SSI command: "nope"

=== ssi: what looks like a command and is none
--- config
location / { ssi on; ssi_types text/plain; }
--- user_files
>>> t
<!-- a --><!-<!--#echo var="arg_a" --><!--# no end
--- request
GET /t?a=x
--- response_body
<!-- a --><!-x<!--# no end

=== ssi: dates
--- config
location / { ssi on; ssi_types text/plain; }
--- user_files
>>> t
<!--#config timefmt="%Y%%" --><!--#echo var="date_gmt" -->
--- request
GET /t
--- response_body_like
^20\d\d%

=== ssi: not for other types, nor for what is empty
--- config
location / { ssi on; }
--- user_files
>>> t
<!--#echo var="uri" -->
--- request
GET /t
--- response_body
<!--#echo var="uri" -->

=== ssi: a page that includes itself
--- config
location / { ssi on; ssi_types text/plain; }
--- user_files
>>> t
x<!--#include virtual="/t" -->
--- request
GET /t
--- response_body_like
^(x)+
--- error_log
subrequests cycle while processing "/t"

=== ssi: a proxied page in small pieces
--- config
location / { ssi on; ssi_types text/plain; proxy_pass http://127.0.0.1:$server_port/in/; }
location /in/ { echo -n "a<"; echo_flush; echo -n "!--"; echo_flush; echo -n '#echo va'; echo_flush; echo -n 'r="arg_a" --'; echo_flush; echo '>z'; }
--- request
GET /?a=x
--- response_body
axz

=== ssi: a response too big for a variable
--- config
location / { ssi on; ssi_types text/plain; }
location /in { subrequest_output_buffer_size 10; return 200 "more than ten bytes"; }
--- user_files
>>> t
<!--#include virtual="/in" set="v" -->
--- request
GET /t
--- status: none
--- error_log
too big subrequest response
