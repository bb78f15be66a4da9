-- A queue of jobs. PUT /jobs/ID puts one there, and again does nothing; GET /jobs/ID says how it stands. A job that fails is
-- tried again, later each time. One that was running when the queue failed is run again: work must bear that.
local actor, cjson, work = require "actor", require "cjson", require "work"
local args = ...
local tries, idle = tonumber(args.tries), tonumber(args.at_once)
local store, queue = ngx.shared.jobs, {}

local start

local function save(job, state, seconds)
    job.state = state
    store:set(job.id, cjson.encode(job), seconds or 0)
end

local function attempt(job)
    job.tries = job.tries + 1
    save(job, "running")
    local ok, err = pcall(work, job.data)
    job.error = not ok and tostring(err) or nil
    idle = idle + 1
    if ok or job.tries >= tries then
        save(job, ok and "done" or "failed", tonumber(args.keep))
        return start()
    end
    save(job, "waiting")
    start()
    ngx.sleep(args.delay * 2 ^ (job.tries - 1))
    start(job)
end

function start(job)
    queue[#queue + 1] = job
    while idle > 0 and queue[1] do
        idle = idle - 1
        actor.fork(attempt, table.remove(queue, 1))
    end
end

local function answer(status, text)
    return status, { ["Content-Type"] = "application/json" }, text .. "\n"
end

local function request(r)
    local id = r.uri:match("^/jobs/([%w-]+)$")
    if not id then
        return answer(200, cjson.encode(store:get_keys(1000)))
    end
    if r.method == "PUT" and not store:get(id) then
        local ok, data = pcall(cjson.decode, r.body or "")
        if not ok then
            return answer(400, cjson.encode(data))
        end
        local job = { id = id, data = data, tries = 0, state = "queued" }
        if not store:safe_add(id, cjson.encode(job)) then
            return answer(503, cjson.encode("too many jobs"))
        end
        start(job)
    end
    local job = store:get(id)
    return answer(job and 200 or 404, job or cjson.encode("no such job"))
end

for _, id in ipairs(store:get_keys(0)) do -- what a predecessor has left
    local job = cjson.decode(store:get(id))
    if job.state ~= "done" and job.state ~= "failed" then
        start(job)
    end
end
actor.on { call = { request = request } }
