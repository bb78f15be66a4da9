-- The measure of bench/actors.sh, for skynet and for luahttpd: what messages between services cost, and services themselves. In luahttpd
-- it says on which worker a service lives; skynet's threads take turns.
local skynet = require "skynet"
local has, actor = pcall(require, "actor")
local mode = ...

local service = {}

function service.answer()
    skynet.dispatch("lua", function(_, _, ...) skynet.ret(skynet.pack(...)) end)
end

-- Counts what is sent and answers to calls how much that was.
function service.count()
    local n = 0
    skynet.dispatch("lua", function(session)
        if session > 0 then
            skynet.ret(skynet.pack(n))
        else
            n = n + 1
        end
    end)
end

function service.idle() end

local function start(worker, mode)
    if has then
        return actor.spawn("actors", { worker = worker, args = mode, mailbox = 2000000 })
    end
    return skynet.newservice(SERVICE_NAME, mode)
end

-- Seconds of processor, and kilobytes of memory, of this process.
local function cpu()
    local f = io.open("/proc/self/stat")
    local u, s = f:read("*a"):match("%) %S" .. (" %S+"):rep(10) .. " (%d+) (%d+)")
    f:close()
    return (u + s) / 100
end

local function memory()
    collectgarbage()
    local f = io.open("/proc/self/status")
    local kb = f:read("*a"):match("VmRSS:%s*(%d+)")
    f:close()
    return tonumber(kb)
end

local function say(text)
    io.stderr:write(text, "\n")
end

local function measure(name, n, f)
    local at, used = skynet.now(), cpu()
    f()
    local wall = (skynet.now() - at) / 100
    say(("measure %s: %.2f us each, %.0f a second, %.2f us of processor"):format(name, wall / n * 1e6, n / wall, (cpu() - used) / n * 1e6))
end

-- f() in many coroutines at once.
local function together(many, f)
    local left, me = many, coroutine.running()
    for _ = 1, many do
        skynet.fork(function()
            f()
            left = left - 1
            if left == 0 then
                skynet.wakeup(me)
            end
        end)
    end
    skynet.wait(me)
end

local function calls(name, many, n, worker)
    local other = start(worker, "answer")
    measure(name, n, function()
        together(many, function()
            for _ = 1, n / many do
                skynet.call(other, "lua", 1, "two")
            end
        end)
    end)
end

local function sends(name, n, worker)
    local sink = start(worker, "count")
    measure(name, n, function()
        for i = 1, n do
            skynet.send(sink, "lua", 1, "two")
            if i % 1000 == 0 then
                skynet.yield()
            end
        end
        assert(skynet.call(sink, "lua") == n)
    end)
end

local function broadcast(name, services, rounds, workers)
    local all = {}
    for i = 1, services do
        all[i] = start(i % workers, "count")
    end
    measure(name, services * rounds, function()
        for _ = 1, rounds do
            for _, to in ipairs(all) do
                skynet.send(to, "lua", 1, "two")
            end
            skynet.yield()
        end
        for _, to in ipairs(all) do
            assert(skynet.call(to, "lua") == rounds)
        end
    end)
end

local function idle(n, workers)
    start(0, "idle")
    local before = memory()
    for i = 1, n do
        start(i % workers, "idle")
    end
    skynet.sleep(100)
    say(("measure an idle service, of %d: %.1f KB"):format(n, (memory() - before) / n))
end

if mode and service[mode] then
    skynet.start(service[mode])
else
    skynet.start(function()
        local threads = tonumber(os.getenv("THREADS"))
        local last = threads - 1 -- the worker of the other side
        skynet.fork(function()
            idle(5000, threads)
            local where = threads == 1 and "one thread" or "two threads"
            calls("call and answer, one at a time, " .. where, 1, 200000, last)
            calls("call and answer, 100 at a time, " .. where, 100, 400000, last)
            sends("a message through one mailbox, " .. where, 1000000, last)
            broadcast("a message to each of 1000 services, " .. where, 1000, 500, threads)
            say("measure end")
        end)
    end)
end
