-- A cache: who asks for what is being fetched waits for it with the others. An answer is kept for ten seconds, a failure
-- for one. When more than mem_limit is kept it begins anew.
local actor = require "actor"
local args = ...
local kept, waiting = {}, {} -- by path

local function fetch(path)
    local sock = ngx.socket.tcp()
    sock:settimeout(3000)
    assert(sock:connect(args.host, tonumber(args.port)))
    assert(sock:send("GET " .. path .. " HTTP/1.0\r\nHost: " .. args.host .. "\r\n\r\n"))
    local status, body = assert(sock:receive("*a")):match("^HTTP/1%.%d (%d+).-\r\n\r\n(.*)$")
    sock:close()
    assert(status == "200", "the status is " .. tostring(status))
    return body
end

local function get(path)
    local answer = kept[path]
    if answer then
        return answer(actor.defer())
    elseif waiting[path] then
        table.insert(waiting[path], actor.defer())
        return
    end
    local all = { actor.defer() }
    waiting[path] = all
    local ok, body = pcall(fetch, path)
    kept[path] = function(reply)
        if ok then reply(body) else reply:fail(body) end
    end
    waiting[path] = nil
    for _, reply in ipairs(all) do
        kept[path](reply)
    end
    ngx.sleep(ok and 10 or 1)
    kept[path] = nil
end

actor.on { call = { get = get } }
