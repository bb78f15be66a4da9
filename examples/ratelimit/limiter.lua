-- Token buckets: a key has at most so many tokens, and gets some more each second.
local actor = require "actor"
local args = ...
local rate, most = tonumber(args.rate), tonumber(args.most)
local buckets = {}

-- take says whether the key has a token, and if not in how many seconds.
local function take(key)
    local now, b = ngx.now(), buckets[key]
    if not b then
        b = { tokens = most, at = now }
        buckets[key] = b
    end
    b.tokens = math.min(most, b.tokens + math.max(0, now - b.at) * rate)
    b.at = now
    if b.tokens < 1 then
        return false, (1 - b.tokens) / rate
    end
    b.tokens = b.tokens - 1
    return true, 0
end

-- What would be full again need not be kept.
actor.fork(function()
    while true do
        ngx.sleep(most / rate)
        local old = ngx.now() - most / rate
        for key, b in pairs(buckets) do
            if b.at < old then
                buckets[key] = nil
            end
        end
    end
end)

actor.on { call = { take = take } }
