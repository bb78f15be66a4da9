-- Notes when a request came to a phase. os.clock is the processor time of the
-- process in seconds: while it does nothing else, the time that passed.
local M = {}

local function list()
    local ctx = ngx.ctx
    if not ctx.notes then
        ctx.notes, ctx.began = {}, os.clock()
    end
    return ctx.notes, ctx.began
end

function M.note(phase)
    local notes, began = list()
    if notes[#notes] and notes[#notes].phase == phase then return end
    notes[#notes + 1] = { phase = phase, at = (os.clock() - began) * 1e6 }
end

-- keep stores the list of a request that is over under its id.
function M.keep()
    M.note("log")
    local lines = {}
    for i, n in ipairs(ngx.ctx.notes) do
        lines[i] = string.format("%s %d", n.phase, n.at)
    end
    ngx.shared.phases:set(ngx.var.request_id, table.concat(lines, "\n"), 60)
end

function M.show()
    local found = ngx.shared.phases:get(ngx.var.arg_id or "")
    if not found then return ngx.exit(404) end
    ngx.say(found)
end

return M
