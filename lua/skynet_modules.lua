-- skynet.service, skynet.datacenter, skynet.multicast and skynet.snax, made of actors.
local host = ...
local actor = require "actor"
local skynet = require "skynet"

-- Services of functions, each once by its name.
local service = {}

function service.new(name, main, ...) return host.spawn(main, name, ...) end
function service.query(name) return skynet.queryservice(name) end

function service.close(name)
    local a = host.find("." .. name)
    return a ~= nil and actor.kill(a, "normal") ~= nil
end

-- A tree of values for all services, and who waits for one.
local function keeper()
    local skynet = require "skynet"
    local root, waiting = {}, {} -- waiting: lists of answers, by the path

    local function find(keys, n)
        local at = root
        for i = 1, n do
            if type(at) ~= "table" then
                return nil
            end
            at = at[keys[i]]
        end
        return at
    end

    local function answer(path, ok, value)
        local list = waiting[path] or {}
        waiting[path] = nil
        for _, reply in ipairs(list) do
            reply(ok, value)
        end
    end

    local command = {}

    function command.get(keys) skynet.retpack(find(keys, #keys)) end

    function command.set(keys, value)
        local at = root
        for i = 1, #keys - 1 do
            local key = keys[i]
            if type(at[key]) ~= "table" then
                at[key] = {}
            end
            at = at[key]
            answer(table.concat(keys, "\0", 1, i), false)
        end
        local key = keys[#keys]
        local old = at[key]
        at[key] = value
        if value ~= nil then
            answer(table.concat(keys, "\0"), type(value) ~= "table", value)
        end
        skynet.retpack(old)
    end

    function command.wait(keys)
        local value, path = find(keys, #keys), table.concat(keys, "\0")
        if type(value) == "table" then
            error("the datacenter has a branch there")
        elseif value ~= nil then
            return skynet.retpack(value)
        end
        waiting[path] = waiting[path] or {}
        table.insert(waiting[path], skynet.response())
    end

    skynet.start(function()
        skynet.dispatch("lua", function(_, _, cmd, ...) command[cmd](...) end)
    end)
end

local datacenter, center = {}, nil

local function ask(cmd, keys, value)
    center = center or host.spawn(keeper, "DATACENTER")
    return skynet.call(center, "lua", cmd, keys, value)
end

function datacenter.get(...) return ask("get", { ... }) end
function datacenter.wait(...) return ask("wait", { ... }) end

function datacenter.set(...)
    local n = select("#", ...)
    local keys = { ... }
    local value = keys[n]
    keys[n] = nil
    return ask("set", keys, value)
end

-- Channels to which services subscribe.
local multicast, channel = {}, {}
local channels = 0
channel.__index = channel
channel.__tostring = function(self) return string.format("[Multicast:%x]", self.channel) end

function multicast.new(conf)
    conf = conf or {}
    if not conf.channel then
        channels = channels + 1
    end
    return setmetatable({ channel = conf.channel or skynet.self() * 0x10000 + channels, dispatch = conf.dispatch }, channel)
end

local function topic(self) return "skynet.multicast." .. self.channel end

function channel:publish(...) actor.publish(topic(self), skynet.self(), ...) end

function channel:subscribe()
    self.subscribed = self.subscribed or actor.subscribe(topic(self), function(source, ...) self.dispatch(self, source, ...) end)
end

function channel:unsubscribe()
    if self.subscribed then
        self.subscribed:cancel()
        self.subscribed = nil
    end
end
channel.delete = channel.unsubscribe

-- Services whose functions are in tables: of accept nobody waits for an answer, of response the caller does.
local snax = {}

skynet.register_protocol { name = "snax", id = skynet.PTYPE_SNAX, pack = skynet.pack, unpack = skynet.unpack }

local function post(handle, f, ...) skynet.send(handle, "snax", "accept", f, ...) end
local function req(handle, f, ...) return skynet.call(handle, "snax", "response", f, ...) end

local function functions(handle, way)
    return setmetatable({}, { __index = function(_, f)
        return function(...) return way(handle, f, ...) end
    end })
end

function snax.bind(handle, kind)
    return setmetatable({ post = functions(handle, post), req = functions(handle, req), type = kind, handle = handle },
        { __tostring = function(self) return string.format("[%s:%x]", self.type, self.handle) end })
end

local function program(...)
    require("skynet.snax").serve(...)
end

function snax.newservice(name, ...) return snax.bind(host.spawn(program, false, name, ...), name) end
function snax.uniqueservice(name, ...) return snax.bind(host.spawn(program, name, name, ...), name) end
function snax.queryservice(name) return snax.bind(skynet.queryservice(name), name) end
snax.globalservice, snax.queryglobal = snax.uniqueservice, snax.queryservice

function snax.self() return snax.bind(skynet.self(), SERVICE_NAME) end
function snax.kill(obj, ...) skynet.call(obj.handle, "snax", "system", "exit", ...) end
function snax.exit(...) snax.kill(snax.self(), ...) end
function snax.hotfix(obj, source, ...) return skynet.call(obj.handle, "snax", "system", "hotfix", source, ...) end
function snax.profile_info(obj) return skynet.call(obj.handle, "debug", "INFO") end
function snax.enablecluster() end

-- upvalues finds the variables of functions by their names.
local function upvalues(f, known)
    for i = 1, math.huge do
        local name, value = debug.getupvalue(f, i)
        if not name then
            return known
        elseif not known[name] then
            known[name] = { f, i }
            if type(value) == "function" then
                upvalues(value, known)
            end
        end
    end
end

-- Functions of a source take the place of those of the same name, with the variables that these have.
local function hotfix(env, source, ...)
    local known = {}
    for _, functions in ipairs { env.accept, env.response, { env.init, env.exit } } do
        for _, f in pairs(functions) do
            upvalues(f, known)
        end
    end
    local fix = setmetatable({ accept = {}, response = {} }, { __index = env })
    setfenv(assert(loadstring(source, "=hotfix")), fix)()
    local function join(f)
        for name, at in pairs(upvalues(f, {})) do
            local old = known[name] or error("there is no variable " .. name .. " to take over")
            debug.upvaluejoin(at[1], at[2], old[1], old[2])
        end
        return f
    end
    for _, part in ipairs { "accept", "response" } do
        for name, f in pairs(fix[part]) do
            env[part][name] = join(f)
        end
    end
    for _, name in ipairs { "init", "exit" } do
        env[name] = rawget(fix, name) and join(fix[name]) or env[name]
    end
    local once = rawget(fix, "hotfix")
    if once then
        return join(once)(...)
    end
end

-- serve is what a service of snax does.
function snax.serve(name, ...)
    SERVICE_NAME = name
    local path, tried = package.searchpath(name, package.path)
    if not path then
        error("there is no service " .. name .. ":" .. tried)
    end
    local env, calls = setmetatable({ accept = {}, response = {} }, { __index = _G }), {}
    setfenv(assert(loadfile(path)), env)()
    local system = {
        hotfix = function(...) skynet.retpack(hotfix(env, ...)) end,
        exit = function(...)
            if env.exit then
                env.exit(...)
            end
            skynet.ret()
            skynet.exit()
        end,
    }
    local function dispatch(_, _, part, name, ...)
        if part == "system" then
            return system[name](...)
        end
        local f = env[part][name] or error(SERVICE_NAME .. " has no " .. part .. "." .. name)
        local at, entry = host.now(), calls[name] or { count = 0, time = 0 }
        calls[name] = entry
        entry.count = entry.count + 1
        if part == "accept" then
            f(...)
        else
            skynet.retpack(f(...))
        end
        entry.time = entry.time + host.now() - at
    end
    local n, args = select("#", ...), { ... }
    skynet.start(function()
        skynet.info_func(function() return calls end)
        skynet.dispatch("snax", dispatch)
        if env.init then
            env.init(unpack(args, 1, n))
        end
    end)
end

return { service = service, datacenter = datacenter, multicast = multicast, snax = snax }
