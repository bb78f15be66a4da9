-- skynet's names for actors: a service written for skynet in the 5.1 subset of Lua runs as it is.
-- Addresses are numbers and times are hundredths of a second, as there.
local host = ...
local actor = require "actor"

local skynet = {
    PTYPE_TEXT = 0, PTYPE_RESPONSE = 1, PTYPE_MULTICAST = 2, PTYPE_CLIENT = 3, PTYPE_SYSTEM = 4, PTYPE_HARBOR = 5,
    PTYPE_SOCKET = 6, PTYPE_ERROR = 7, PTYPE_QUEUE = 8, PTYPE_DEBUG = 9, PTYPE_LUA = 10, PTYPE_SNAX = 11,
    cache = { clear = function() end },
}

-- What skynet.pack gives: the values themselves, since the runtime copies them.
local packed = {}
packed.__index = packed

function skynet.pack(...)
    return setmetatable({ n = select("#", ...), ... }, packed)
end

function skynet.unpack(...)
    local msg = ...
    if getmetatable(msg) == packed then
        return unpack(msg, 1, msg.n)
    end
    return ...
end

function skynet.tostring(msg) return tostring(msg) end
function skynet.trash() end

local protocols = {}

function skynet.register_protocol(class)
    local old = protocols[class.name]
    if old and old.id ~= class.id then
        error("protocol " .. class.name .. " is registered already", 2)
    end
    protocols[class.name], protocols[class.id] = class, class
end

skynet.register_protocol { name = "lua", id = skynet.PTYPE_LUA, pack = skynet.pack, unpack = skynet.unpack }
skynet.register_protocol { name = "text", id = skynet.PTYPE_TEXT, pack = function(...) return ... end, unpack = skynet.tostring }
skynet.register_protocol { name = "response", id = skynet.PTYPE_RESPONSE }
skynet.register_protocol { name = "error", id = skynet.PTYPE_ERROR }

-- What is asked of every service.
local info = function() end
local debugging = {
    PING = function() return true end,
    INFO = function(...) return info(...) end,
    STAT = function() return { task = actor.stat(actor.self()).running, message = skynet.stat("message"), mqlen = skynet.mqlen(), cpu = 0 } end,
    GC = function() collectgarbage() end,
    MEM = function() return collectgarbage("count") end,
    EXIT = function() skynet.exit() end,
    TERM = function() end, -- calls of names that nobody has fail at once
}
skynet.register_protocol { name = "debug", id = skynet.PTYPE_DEBUG, pack = skynet.pack, unpack = skynet.unpack,
    dispatch = function(_, _, cmd, ...)
        local f = debugging[cmd] or error("the debug command " .. tostring(cmd) .. " is unknown")
        skynet.retpack(f(...))
    end }

local function protocol(typename)
    local p = protocols[typename]
    if not p then
        error("protocol " .. tostring(typename) .. " is unknown", 3)
    end
    return p
end

-- A message of the type lua is one of actors: its first value is the command, when it is a text. Others name
-- their type behind the command "@" and the sender's own address, which no text that a script was given is.
local function encode(p, ...)
    if p.name ~= "lua" then
        return "@", actor.self(), p.name, skynet.unpack(p.pack(...))
    end
    local first = ...
    if type(first) == "string" and first ~= "@" then
        return ...
    end
    return "@", actor.self(), "lua", ...
end

local function deliver(p, ...)
    if not p.dispatch then
        skynet.error("no dispatch for messages of the type " .. p.name)
        return
    end
    local session, source = skynet.context()
    p.dispatch(session, source, ...)
end

local function typed(name, ...)
    local p = protocols[name]
    if not p then
        skynet.error("a message of the unknown type " .. tostring(name))
        return
    end
    if p.unpack and p ~= protocols.lua then -- whose values come as they are
        return deliver(p, p.unpack(...))
    end
    return deliver(p, ...)
end

local function handler(...)
    local cmd, sender = ...
    if cmd == "@" and sender ~= nil then
        local _, source = actor.context()
        if sender == source then
            return typed(select(3, ...))
        end
    end
    return deliver(protocols.lua, ...)
end

function skynet.dispatch(typename, f)
    local p = protocol(typename)
    local old = p.dispatch
    if f then
        p.dispatch = f
        actor.on(handler)
    end
    return old
end

local inits, started = {}, false

function skynet.init(f)
    if started then
        f()
    else
        inits[#inits + 1] = f
    end
end

function skynet.start(f)
    actor.on(handler)
    host.start(function()
        started = true
        for _, init in ipairs(inits) do
            init()
        end
        f()
    end)
end

local function target(address)
    return host.find(address) or error("there is no service " .. tostring(address), 3)
end

function skynet.send(address, typename, ...)
    local a = host.find(address)
    if not a then
        return nil
    end
    return actor.send(a, encode(protocol(typename), ...)) and 0 or nil
end

function skynet.call(address, typename, ...)
    return actor.call(target(address), encode(protocol(typename), ...))
end

function skynet.rawsend(address, typename, ...)
    return skynet.send(address, typename, skynet.unpack(...))
end

function skynet.rawcall(address, typename, ...)
    return skynet.pack(skynet.call(address, typename, skynet.unpack(...)))
end

function skynet.ret(...)
    return actor.reply(skynet.unpack(...))
end

function skynet.retpack(...)
    return actor.reply(...)
end

function skynet.ignoreret()
    actor.noreply()
end

function skynet.response(pack)
    if skynet.context() == 0 then
        return function() return false end
    end
    local answer, used = actor.defer(), false
    return function(ok, ...)
        if ok == "TEST" then
            return answer:alive()
        end
        if used then
            error("Can't response more than once", 2)
        end
        used = true
        if not ok then
            return answer:fail("the service has failed")
        elseif pack then
            return answer(skynet.unpack(pack(...)))
        end
        return answer(...)
    end
end

function skynet.context()
    return host.context()
end

-- Coroutines are known by what skynet.wakeup names: a token.
local tokens = setmetatable({}, { __mode = "k" })

local function mine(token)
    local co = coroutine.running()
    return token or tokens[co] or co
end

function skynet.fork(f, ...)
    local token = {}
    actor.fork(function(...)
        tokens[coroutine.running()] = token
        f(...)
    end, ...)
    return token
end

function skynet.wait(token) host.wait(mine(token)) end
function skynet.wakeup(token) return host.wakeup(token) end
function skynet.yield() ngx.sleep(0) end

function skynet.sleep(ti, token)
    if host.wait(mine(token), ti / 100) then
        return "BREAK"
    end
end

function skynet.timeout(ti, f)
    actor.fork(function()
        ngx.sleep(ti / 100)
        f()
    end)
end

function skynet.now() return math.floor(host.now() * 100) end
function skynet.starttime() return host.starttime() end
function skynet.time() return skynet.starttime() + skynet.now() / 100 end
function skynet.hpc() return host.now() * 1e9 end

function skynet.self() return host.id(actor.self()) end

function skynet.address(address)
    if type(address) == "number" then
        return string.format(":%08x", address)
    end
    return tostring(address)
end

function skynet.harbor() return 0, false end

local function names(...)
    local args = { ... }
    for i = 1, select("#", ...) do
        args[i] = tostring((select(i, ...)))
    end
    return args
end

function skynet.newservice(name, ...)
    return host.spawn(name, false, unpack(names(...)))
end

function skynet.launch(kind, name, ...)
    return skynet.newservice(kind == "snlua" and name or kind, ...)
end

function skynet.uniqueservice(global, ...)
    if type(global) == "boolean" then
        return host.spawn((...), (...), unpack(names(select(2, ...))))
    end
    return host.spawn(global, global, unpack(names(...)))
end

function skynet.queryservice(global, name)
    name = type(global) == "boolean" and name or global
    while true do
        local a = host.find("." .. name)
        if a then
            return host.id(a)
        end
        skynet.sleep(1)
    end
end

local function plain(name) return (name:gsub("^%.", "")) end

function skynet.localname(name)
    local a = host.find("." .. plain(name))
    return a and host.id(a)
end

function skynet.register(name) host.name(plain(name), actor.self()) end
function skynet.name(name, address) host.name(plain(name), target(address)) end
function skynet.kill(address) actor.kill(target(address), "killed") end
function skynet.exit() actor.exit("normal") end

function skynet.error(...)
    ngx.log(ngx.NOTICE, table.concat(names(...), " "))
end

function skynet.getenv(name) return os.getenv(name) end
function skynet.genid() return 1 end
function skynet.mqlen() return actor.stat(actor.self()).mailbox end
function skynet.queue() return actor.queue() end
function skynet.info_func(f) info = f end

-- What a service has cost is not measured, and a message that takes too long ends by lua_max_execution_time.
function skynet.stat(what)
    local stat = actor.stat(actor.self())
    local known = { mqlen = stat.mailbox, message = stat.handled, endless = false, cpu = 0, time = 0 }
    return known[what]
end

function skynet.task(list)
    if list == nil then
        return actor.stat(actor.self()).running
    end
end

-- Traces are not kept, and memory is limited by mem_limit.
for _, name in ipairs { "trace", "tracetag", "traceproto", "trace_timeout", "memlimit" } do
    skynet[name] = function() end
end

-- skynet.request{ { address, type, … }, … }: several calls, their answers as they come.
local request = {}
request.__index = request

function skynet.request(first)
    local r = setmetatable({ list = {}, by = {} }, request)
    return first and r:add(first) or r
end

function request:add(req)
    local call = { host.find(req[1]) or tostring(req[1]), encode(protocol(req[2]), unpack(req, 3)) }
    self.list[#self.list + 1], self.by[call] = call, req
    return self
end

request.__call = request.add

function request:select(timeout)
    self.calls = actor.select(self.list, timeout and timeout / 100)
    local function step(self)
        local answer = { self.calls() }
        if answer[1] == nil then
            return nil
        end
        if not answer[2] then
            if timeout and answer[3].code == "ETIMEOUT" then
                self.timeout = true
                self:close()
                return nil
            end
            return self.by[answer[1]], false
        end
        return self.by[answer[1]], { unpack(answer, 3) }
    end
    return step, self
end

function request:close() self.calls:close() end

return skynet
