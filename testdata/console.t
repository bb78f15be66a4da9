=== the console's lists, and a call
--- http_config
actor counter html/counter.lua start=3;
--- user_files
>>> counter.lua
local actor = require "actor"
local n = tonumber((...).start)
actor.on { call = { add = function(k) n = n + k return n, { n = n } end } }
--- config
location = /console { debug_console; }
--- request
POST /console?cmd=call+counter+add+2
--- lens
plain
--- response_body
5
{"n":5}

=== what an actor's coroutines do, and a request's
--- http_config
lua_shared_dict seen 1m;
--- config
location = /console { debug_console; }
location = /t { content_by_lua_block {
    local actor = require "actor"
    local a = actor.spawn(function()
        require("actor").on { call = {
            wait = function()
                ngx.sleep(0.2)
                return 1
            end,
        } }
    end, { name = "waiter" })
    local t = ngx.thread.spawn(function() return actor.pcall(a, "wait") end)
    ngx.sleep(0.02)
    ngx.print(ngx.location.capture("/console?cmd=task+waiter").body)
    ngx.print(ngx.location.capture("/console?cmd=calls").body)
    ngx.print(ngx.location.capture("/console?cmd=task+http.0").body)
    ngx.thread.wait(t)
} }
--- lens
plain
--- request
GET /t
--- response_body_like
what: call wait session 2 from :00000001/http\.0
stack: 
	\[C\]: in function 'sleep'
	content_by_lua\(nginx.conf:11\):6: in function <content_by_lua\(nginx.conf:11\):5>
:1/http\.0  :2/waiter  wait     2        0\.\d+  running
waits for: :2/waiter\.wait session 2
content_by_lua\(nginx.conf:11\):15: in main chunk
light thread 1

=== a program in an actor: its globals, its handlers, its prints
--- http_config
actor counter html/counter.lua;
--- user_files
>>> counter.lua
local actor = require "actor"
local n = 7
actor.on { call = { add = function(k) n = n + k return n end } }
--- config
location = /console { debug_console; }
--- request
POST /console?cmd=inject+counter
seen = (seen or 0) + 1
print(seen, type(ngx), debug.getupvalue(_P.call.add, 1))
--- lens
plain
--- response_body
1	table	n	7

=== a program that fails, after it has printed
--- http_config
actor counter html/counter.lua;
--- user_files
>>> counter.lua
--- config
location = /console { debug_console; }
--- request
POST /console?cmd=inject+counter
print("so far")
error("ouch")
--- lens
plain
--- status: 400
--- response_body_like
so far
inject:2: ouch

=== a program that does not end
--- http_config
actor counter html/counter.lua;
--- user_files
>>> counter.lua
--- config
location = /console { debug_console; }
--- request
POST /console?cmd=inject+counter
while true do end
--- lens
plain
--- status: 400
--- response_body_like
lua burst timeout

=== a program that prints for ever
--- http_config
actor counter html/counter.lua;
--- user_files
>>> counter.lua
--- config
location = /console { debug_console; }
--- request
POST /console?cmd=inject+counter
local line = ("x"):rep(100000)
for i = 1, 12 do print(line) end
--- lens
plain
--- status: 400
--- response_body_like
inject:2: more than 1048576 bytes printed

=== in the workers' requests
--- config
location = /console { debug_console; }
location = /t { content_by_lua_block { ngx.print(#ngx.location.capture("/console?cmd=list").body > 0) } }
--- request
POST /console?cmd=inject+http.0
print(ngx.worker.id())
--- response_body
0

=== a command that is not
--- config
location = /console { debug_console; }
--- request
GET /console?cmd=%1b%5b1mx
--- status: 400
--- response_body
Invalid command "\x1b[1mx", type help for command list

=== what changes something is done by POST only
--- config
location = /console { debug_console; }
--- request
GET /console?cmd=gc
--- status: 405
--- response_headers
Allow: POST

=== not for a form of another site
--- config
location = /console { debug_console; }
--- request
POST /console
cmd=gc
--- more_headers
Content-Type: application/x-www-form-urlencoded
Origin: http://elsewhere.example
--- status: 403
--- error_log
debug_console: a request of another site

=== nor for one that hides where it comes from
--- config
location = /console { debug_console; }
--- request
POST /console
cmd=gc
--- more_headers
Content-Type: application/x-www-form-urlencoded
Origin: null
--- status: 403
--- error_log
debug_console: a request of another site

=== nor for one that a browser calls cross-site
--- config
location = /console { debug_console; }
--- request
POST /console?cmd=gc
--- more_headers
Sec-Fetch-Site: cross-site
--- status: 403
--- error_log
debug_console: a request of another site

=== the console's own form
--- config
location = /console { debug_console; }
--- request
POST /console
cmd=kill+nobody&format=text
--- more_headers
Content-Type: application/x-www-form-urlencoded
Origin: http://localhost
Sec-Fetch-Site: same-origin
--- status: 400
--- response_body
there is no actor "nobody"

=== nor under a name that somebody has pointed here
--- config
location = /console { debug_console; }
--- request
GET /console
--- more_headers
Host: rebound.example
--- status: 403
--- error_log
debug_console: the client is not of this machine

=== nor for clients of other machines, unless they are let in
--- config
set_real_ip_from 127.0.0.1;
location = /console { debug_console; }
location = /open { debug_console remote; allow 192.0.2.1; deny all; }
--- request
GET /console
--- more_headers
X-Real-IP: 192.0.2.1
--- status: 403
--- error_log
debug_console: the client is not of this machine

=== remote
--- config
set_real_ip_from 127.0.0.1;
location = /open { debug_console remote; allow 192.0.2.1; deny all; }
--- request
GET /open?cmd=list
--- more_headers
X-Real-IP: 192.0.2.1
Host: rebound.example
--- response_body_like
address +name +worker

=== the page escapes what it shows
--- config
location = /console { debug_console; }
--- request
GET /console?cmd=%3Cscript%3Ealert(1)%3C/script%3E&format=html
--- status: 400
--- response_headers_like
Content-Security-Policy: default-src 'none'; .*
Content-Type: text/html.*
--- response_body_like
<h2>&lt;script&gt;alert\(1\)&lt;/script&gt;</h2>
value="&lt;script&gt;

=== the page, for a browser
--- config
location = /console { debug_console; }
--- request
GET /console
--- more_headers
Accept: text/html,application/xhtml+xml
--- response_body_like
<h2>actors</h2>
<form method="post" action="/console">

=== answers for programs
--- config
location = /console { debug_console; }
location = /t { content_by_lua_block { ngx.print("") } }
--- lens
plain
--- request
GET /console?cmd=list&format=json
--- response_headers_like
Content-Type: application/json
--- response_body_like
"address": ":1/http\.0"

=== a task that is killed
--- config
location = /console { debug_console; }
location = /t { content_by_lua_block {
    local actor = require "actor"
    local a = actor.spawn(function()
        require("actor").on { call = { wait = function() ngx.sleep(60) end } }
    end, { name = "waiter" })
    local t = ngx.thread.spawn(function() return actor.pcall(a, "wait") end)
    ngx.sleep(0.02)
    local body = ngx.location.capture("/console?cmd=task+waiter").body
    local answer = ngx.location.capture("/console?cmd=killtask+waiter+" .. body:match("task: (%d+)"), { method = ngx.HTTP_POST })
    ngx.print(answer.body)
    local _, ok, err = ngx.thread.wait(t)
    ngx.say(ok, " ", err.code)
    ngx.say(ngx.location.capture("/console?cmd=killtask+waiter+77", { method = ngx.HTTP_POST }).body)
    ngx.say((ngx.location.capture("/console?cmd=list").body:match("waiter +0 +alive"):gsub(" +", " ")))
} }
--- lens
plain
--- request
GET /t
--- response_body
task 2 of :00000002/waiter is killed
false EDEAD
:00000002/waiter has no task 77

waiter 0 alive

=== a request that is killed
--- config
location = /console { debug_console; }
location = /slow { content_by_lua_block {
    local ok, err = pcall(ngx.sleep, 60)
    ngx.say("not here ", err)
} }
location = /t { content_by_lua_block {
    local line
    local t = ngx.thread.spawn(function()
        local s = ngx.socket.connect("127.0.0.1", ngx.var.server_port)
        s:send("GET /slow HTTP/1.0\r\nHost: localhost\r\n\r\n")
        line = s:receive()
    end)
    ngx.sleep(0.02)
    local id = ngx.location.capture("/console?cmd=task+http.0").body:match("task: (%d+)\nage: %S+\nwhat: content_by_lua%*, GET /slow")
    ngx.print(ngx.location.capture("/console?cmd=killtask+http.0+" .. id, { method = ngx.HTTP_POST }).body)
    ngx.thread.wait(t)
    ngx.say(line)
} }
--- lens
plain
--- request
GET /t
--- response_body
task 2 of :00000001/http.0 is killed
HTTP/1.1 500 Internal Server Error
--- error_log
killed by the debug console

=== messages that are traced
--- config
location = /console { debug_console; }
location = /t { content_by_lua_block {
    local actor = require "actor"
    local a = actor.spawn(function()
        require("actor").on { call = { one = function() return 1 end, later = function() require("actor").defer() end }, cast = { two = function() end } }
    end, { name = "traced" })
    local t = ngx.thread.spawn(function()
        ngx.sleep(0.05)
        actor.call(a, "one")
        actor.send(a, "two")
        actor.pcall({ a, timeout = 0.01 }, "later")
    end)
    local text = ngx.location.capture("/console?cmd=trace+traced+0.2", { method = ngx.HTTP_POST }).body
    for line in text:gmatch("[^\n]+") do ngx.say((line:gsub("^%S+ +", ""):gsub("0%.%d+", "S"):gsub(" +", " "))) end
} }
--- lens
plain
--- request
GET /t
--- response_body
from command session took end
:1/http.0 one 2 S answered
:1/http.0 two 0 S -
:1/http.0 later 3 S deferred

=== dead letters
--- config
location = /console { debug_console; }
location = /t { content_by_lua_block {
    local actor = require "actor"
    actor.send("nobody", "hello")
    ngx.print(ngx.location.capture("/console?cmd=deadletters").body)
} }
--- lens
plain
--- request
GET /t
--- response_body_like
noactor +:00000001/http\.0 +nobody +hello +0
noactor 1, late 0, overflow 0, exit 0

=== numbers for Prometheus
--- http_config
lua_shared_dict dogs 1m;
actor counter html/counter.lua;
--- user_files
>>> counter.lua
require("actor").on { call = { add = function(k) return k end } }
--- config
location = /metrics { metrics; }
location = /t { content_by_lua_block {
    local actor = require "actor"
    actor.call("counter", "add", 1)
    actor.pcall("counter", "none")
    actor.pcall("nobody", "none")
    ngx.print(ngx.location.capture("/metrics").body)
} }
--- lens
plain
--- request
GET /t
--- response_body_like
(?m)^# TYPE luahttpd_requests_total counter$
(?m)^luahttpd_requests_total 1$
(?m)^luahttpd_actors 2$
(?m)^luahttpd_actor_messages_total 3$
(?m)^luahttpd_actor_call_errors_total\{code="ENOACTOR"\} 1$
(?m)^luahttpd_actor_call_errors_total\{code="ENOCALL"\} 1$
(?m)^luahttpd_actor_dead_letters_total\{reason="noactor"\} 1$
(?m)^luahttpd_actor_mailbox_messages\{actor="counter"\} 0$
(?m)^luahttpd_zone_free_bytes\{zone="dogs",kind="lua_shared_dict"\} \d+$
