=== captured lines of the error log
--- http_config
lua_capture_error_log 64k;
init_by_lua_block { assert(require "ngx.errlog".set_filter_level(ngx.WARN)) }
--- config
location /t {
    content_by_lua_block {
        local errlog = require "ngx.errlog"
        errlog.get_logs(0)
        ngx.log(ngx.INFO, "one")
        ngx.log(ngx.WARN, "two")
        errlog.raw_log(ngx.ERR, "three")
        local logs = errlog.get_logs(1)
        ngx.say(#logs, " ", logs[1], " ", math.abs(logs[2] - ngx.now()) < 2, " ", logs[3]:match("two"))
        logs = errlog.get_logs()
        ngx.say(#logs, " ", logs[1], " ", logs[3]:match("%[error%] %d+#0: %*%d+ three, client"))
        ngx.say(#errlog.get_logs())
    }
}
--- request
GET /t
--- error_log
three
--- response_body_like
^3 5 true two
3 4 \[error\] .* three, client
0
$

=== without the directive
--- config
location /t {
    content_by_lua_block { ngx.say(require "ngx.errlog".get_logs()) ngx.say(require "ngx.errlog".get_sys_filter_level()) }
}
--- request
GET /t
--- response_body
nildirective "lua_capture_error_log" is not set
8

=== the privileged agent
--- main_config
master_process on;
--- http_config
lua_shared_dict d 1m;
init_by_lua_block { assert(require "ngx.process".enable_privileged_agent()) }
init_worker_by_lua_block {
    local kind = require "ngx.process".type()
    ngx.shared.d:incr(kind, 1, 0)
    if kind == "privileged agent" then
        ngx.timer.at(0, function() ngx.shared.d:set("timer", tostring(ngx.worker.id())) end)
    end
}
--- config
location /t {
    content_by_lua_block {
        local d = ngx.shared.d
        while not d:get("timer") do ngx.sleep(0.001) end
        ngx.say(d:get("privileged agent") >= 1, " ", d:get("worker") >= 1, " ", d:get("timer"), " ", require "ngx.process".type())
    }
}
--- request
GET /t
--- response_body
true true nil worker
