-- One room: knows who is in it, and tells all of them what one says. It ends with its last member.
local actor = require "actor"
local cjson = require "cjson"
local names = {} -- by member

local function tell(message)
    local text = cjson.encode(message)
    for member in pairs(names) do
        if not actor.send(member, "text", text) then
            actor.kill(member, "too slow")
        end
    end
end

actor.on {
    cast = {
        join = function(member, name)
            names[member] = name
            actor.monitor(member)
            tell { name = name, event = "joins" }
        end,
        say = function(member, text) tell { name = names[member], text = text } end,
    },
    down = function(member)
        local name = names[member]
        names[member] = nil
        if not next(names) then
            actor.exit("empty")
        end
        tell { name = name, event = "leaves" }
    end,
}
