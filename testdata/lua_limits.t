=== a run that computes for too long
--- config
location /t {
    lua_max_execution_time 30ms;
    content_by_lua_block {
        pcall(function() while true do end end)
        ngx.say("never")
    }
}
--- request
GET /t
--- status: 500
--- error_log
lua entry thread aborted: content_by_lua(
lua_max_execution_time of 30ms exceeded

=== waiting is no computing
--- config
location /t {
    lua_max_execution_time 30ms;
    content_by_lua_block {
        ngx.sleep(0.05)
        for i = 1, 50000 do end
        ngx.say("done")
    }
}
--- request
GET /t
--- response_body
done
--- no_error_log
[error]

=== a coroutine and a light thread are part of the run
--- config
location /t {
    lua_max_execution_time 30ms;
    content_by_lua_block {
        local co = ngx.thread.spawn(function()
            coroutine.wrap(function() while true do pcall(function() while true do end end) end end)()
        end)
        ngx.say(ngx.thread.wait(co))
    }
}
--- request
GET /t
--- response_body_like: ^falsecontent_by_lua\(.*\):3: lua_max_execution_time of 30ms exceeded
--- error_log
lua user thread aborted

=== a table that grows
--- config
location /t {
    lua_memory_limit 20m;
    content_by_lua_block {
        local t = {}
        pcall(function() for i = 1, 1e8 do t[i] = i end end)
        ngx.say("never")
    }
}
--- request
GET /t
--- status: 500
--- error_log
lua_memory_limit of 20m exceeded

=== many small tables
--- config
location /t {
    lua_memory_limit 20m;
    content_by_lua_block {
        local t = {}
        for i = 1, 1e8 do t = { t, name = i } end
    }
}
--- request
GET /t
--- status: 500
--- error_log
lua_memory_limit of 20m exceeded

=== one large string
--- config
location /t {
    lua_memory_limit 20m;
    content_by_lua_block {
        local s = string.rep("x", 2^22)
        local two = table.concat({ s, s })
        ngx.say(#string.rep("x", 2^25))
    }
}
--- request
GET /t
--- status: 500
--- error_log
not enough memory: lua_memory_limit of 20m exceeded

=== what becomes garbage does not count
--- config
location /t {
    lua_memory_limit 20m;
    content_by_lua_block {
        local s
        for i = 1, 100 do s = string.rep("x", 2^20) .. i end
        ngx.say(#s)
    }
}
--- request
GET /t
--- response_body
1048579

=== others have a turn while a script computes
--- http_config
lua_shared_dict d 1m;
--- config
location /t {
    lua_time_slice 1ms;
    content_by_lua_block {
        local other
        ngx.thread.spawn(function() ngx.sleep(0.001) other = true end)
        local n = 0
        while not other do n = n + 1 end
        ngx.say(other, " ", n > 1000)
    }
}
--- request
GET /t
--- response_body
true true

=== none has where scripts must not wait
--- config
location /t {
    lua_time_slice 1ms;
    content_by_lua_block { ngx.say("x") }
    header_filter_by_lua_block {
        for i = 1, 3e6 do end
        ngx.header.done = "yes"
    }
}
--- request
GET /t
--- response_headers
done: yes

=== os.exit does not end the server
--- config
location /t {
    content_by_lua_block { ngx.say(select(2, pcall(os.exit, 3))) }
}
--- request
GET /t
--- response_body
os.exit would end the server: use ngx.exit
