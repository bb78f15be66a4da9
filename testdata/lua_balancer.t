=== balancer: the peer, its tries and why the last one failed
--- http_config
upstream u {
    server 0.0.0.1;
    balancer_by_lua_block {
        local b = require "ngx.balancer"
        local try = (ngx.ctx.try or 0) + 1
        ngx.ctx.try = try
        local state, status = b.get_last_failure()
        ngx.ctx.log = (ngx.ctx.log or "") .. tostring(state) .. " " .. tostring(status) .. "; "
        if try == 1 then
            local ok, err = b.set_more_tries(4)
            ngx.ctx.log = ngx.ctx.log .. tostring(ok) .. " " .. tostring(err) .. "; "
            assert(b.set_current_peer("127.0.0.1", 1))
        else
            assert(b.set_current_peer("127.0.0.1", tostring(ngx.var.server_port)))
        end
    }
}
--- config
proxy_next_upstream_tries 3;
location = /t { proxy_pass http://u/bad; proxy_next_upstream error http_404; log_by_lua_block { ngx.log(ngx.ERR, "tries: ", ngx.ctx.log) } }
location = /bad { return 404; }
--- request
GET /t
--- status: 404
--- error_log
tries: nil nil; true reduced tries due to limit; failed 502; next 404;
Connection refused

=== balancer: what the functions refuse
--- http_config
upstream u {
    server 0.0.0.1;
    balancer_by_lua_block {
        local b = require "ngx.balancer"
        local list = {}
        local function try(f, ...)
            local ok, a, err = pcall(b[f], ...)
            list[#list + 1] = f .. ": " .. tostring(ok and a) .. " " .. tostring(ok and err or not ok and a or nil)
        end
        try("enable_keepalive")
        try("set_current_peer", "127.0.0.1", 99999)
        try("set_current_peer", "no such host", 80)
        try("set_current_peer", "127.0.0.1", ngx.var.server_port)
        try("enable_keepalive", -1)
        try("enable_keepalive", 1, -1)
        try("enable_keepalive", 0.5, 2)
        try("set_timeouts", 0)
        try("set_timeouts", nil, "x")
        try("set_timeouts", nil, nil, -1)
        try("set_timeouts", 1, 0.5)
        try("bind_to_local_addr", "x")
        try("bind_to_local_addr", "127.0.0.2:0")
        try("recreate_request")
        try("set_upstream_tls", true)
        try("set_upstream_tls", 0)
        ngx.ctx.list = table.concat(list, "\n")
    }
}
--- config
location = /t {
    proxy_pass http://u/peer;
    header_filter_by_lua_block { ngx.header.content_length = nil }
    body_filter_by_lua_block { if ngx.arg[2] then ngx.arg[1] = ngx.arg[1] .. ngx.ctx.list .. "\n" end }
}
location = /peer { return 200 "$remote_addr\n"; }
--- request
GET /t
--- response_body
127.0.0.2
enable_keepalive: nil no current peer set
set_current_peer: nil invalid port
set_current_peer: nil failed to parse host name "no such host": invalid host
set_current_peer: true nil
enable_keepalive: false bad argument #1 to '?' (expected >= 0)
enable_keepalive: false bad argument #2 to '?' (expected >= 0)
enable_keepalive: true nil
set_timeouts: false bad connect timeout
set_timeouts: false bad send timeout
set_timeouts: false bad read timeout
set_timeouts: true nil
bind_to_local_addr: nil invalid addr x
bind_to_local_addr: true nil
recreate_request: true nil
set_upstream_tls: nil the location passes to a URL without TLS
set_upstream_tls: true nil

=== balancer: a peer by name
--- http_config
upstream u {
    server 0.0.0.1;
    balancer_by_lua_block {
        assert(require "ngx.balancer".set_current_peer("localhost", ngx.var.server_port))
    }
}
--- config
location = /t { proxy_pass http://u/peer; }
location = /peer { return 200 "reached\n"; }
--- request
GET /t
--- response_body
reached

=== balancer: no peer by name where nothing may wait
--- http_config
lua_strict_phases on;
upstream u {
    server 0.0.0.1;
    balancer_by_lua_block {
        local ok, err = require "ngx.balancer".set_current_peer("localhost", ngx.var.server_port)
        ngx.log(ngx.ERR, "said: ", err)
        ngx.exit(503)
    }
}
--- config
location = /t { proxy_pass http://u/peer; }
--- request
GET /t
--- status: 503
--- error_log
said: no host allowed
