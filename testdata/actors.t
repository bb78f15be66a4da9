=== spawn, call, send and names
--- config
location /t {
    content_by_lua_block {
        local actor = require "actor"
        local a = actor.spawn(function(args)
            local actor = require "actor"
            local n = args.start
            actor.on {
                call = {
                    add = function(k) n = n + k return n end,
                    echo = function(...) return ... end,
                    forget = function() end,
                    raise = function() error("ouch") end,
                },
                cast = { set = function(k) n = k end },
            }
        end, { name = "counter", args = { start = 5 } })
        ngx.say(actor.call(a, "add", 3))
        ngx.say(actor.send(a, "set", 1))
        ngx.say(actor.call("counter", "add", 1))
        local t = actor.call(a, "echo", { 1, { x = "y" } })
        ngx.say(t[1], t[2].x)
        ngx.say(select("#", actor.call(a, "echo", nil, 1, nil)))
        local ok, err = actor.pcall(a, "forget")
        ngx.say(ok, " ", err.code, " ", err.msg)
        ok, err = actor.pcall(a, "raise")
        ngx.say(ok, " ", err.code, " ", err.msg)
        ok, err = actor.pcall(a, "set", 3)
        ngx.say(ok, " ", err.code)
        ngx.say(actor.whereis("counter") == a, actor.whereis("nobody"))
        ngx.say(actor.send("nobody", "x"))
        ok, err = actor.pcall("nobody", "x")
        ngx.say(ok, " ", tostring(err))
        ngx.say(actor.kill(a, "enough"))
        ok, err = actor.pcall(a, "add", 1)
        ngx.say(ok, " ", err.code, " ", err.msg)
        ngx.say(actor.whereis("counter"))
    }
}
--- request
GET /t
--- response_body
8
true
2
1y
3
false ENOREPLY the handler at content_by_lua(nginx.conf:10):10 ended without an answer
false EERROR content_by_lua(nginx.conf:10):11: ouch
false ENOCALL
truenil
nilENOACTOR
false actor call nobody.x: ENOACTOR: there is no actor of this name
true
false EDEAD enough
nil
