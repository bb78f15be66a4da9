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

=== regular expressions are part of the run
--- config
location /t {
    lua_max_execution_time 30ms;
    content_by_lua_block {
        for i = 1, 100 do
            pcall(ngx.re.match, string.rep("a", 28) .. "b", "^(a+)+$", "jo")
        end
        ngx.say("never")
    }
}
--- request
GET /t
--- status: 500
--- error_log
lua_max_execution_time of 30ms exceeded

=== others have a turn while an expression is matched
--- http_config
lua_regex_match_limit 1000000;
--- config
location /t {
    lua_time_slice 1ms;
    content_by_lua_block {
        local other
        ngx.thread.spawn(function() ngx.sleep(0.001) other = true end)
        local _, err = ngx.re.match(string.rep("a", 28) .. "b", "^(a+)+$", "jo")
        ngx.say(other, " ", err)
    }
}
--- request
GET /t
--- response_body
true pcre_exec() failed: -47

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

=== what others hold does not count
--- config
location /t {
    lua_memory_limit 20m;
    content_by_lua_block {
        ngx.thread.spawn(ngx.location.capture, "/hold")
        local s
        for i = 1, 200 do s = string.rep("x", 2^20) .. i ngx.sleep(0.0002) end
        ngx.say(#s)
    }
}
location /hold {
    lua_memory_limit 0;
    content_by_lua_block {
        local t = {}
        for i = 1, 30 do t[i] = string.rep("x", 2^20) .. i ngx.sleep(0) end
        ngx.sleep(0.2)
        ngx.say(#t)
    }
}
--- request
GET /t
--- response_body
1048579
--- no_error_log
[error]

=== what is kept in a global does
--- config
location /t {
    lua_memory_limit 20m;
    content_by_lua_block {
        kept = {}
        for i = 1, 100 do kept[i] = string.rep("x", 2^20) .. i end
        ngx.say("never")
    }
    log_by_lua_block { kept = nil }
}
--- request
GET /t
--- status: 500
--- error_log
lua_memory_limit of 20m exceeded

=== what is kept in a string buffer does
--- config
location /t {
    lua_memory_limit 20m;
    content_by_lua_block {
        local b, s = require "string.buffer".new(), string.rep("x", 2^18)
        for i = 1, 400 do b:put(s) end
        ngx.say("never")
    }
}
--- request
GET /t
--- status: 500
--- error_log
lua_memory_limit of 20m exceeded

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
