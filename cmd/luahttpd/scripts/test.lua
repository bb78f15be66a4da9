-- luahttpd test: tests in busted's style, with servers to ask.
local host = ...
local stdout = io.stdout

---------------------------------------------------------------- assertions

local function show(v, depth)
    if type(v) == "string" then return (string.format("%q", v):gsub("\\\n", "\\n")) end
    if type(v) ~= "table" or (depth or 0) > 3 then return tostring(v) end
    local keys, parts = {}, {}
    for k in pairs(v) do keys[#keys + 1] = k end
    table.sort(keys, function(a, b)
        if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
        return type(a) < type(b)
    end)
    for _, k in ipairs(keys) do
        local name = type(k) == "string" and k or "[" .. tostring(k) .. "]"
        parts[#parts + 1] = name .. " = " .. show(v[k], (depth or 0) + 1)
    end
    return "{ " .. table.concat(parts, ", ") .. " }"
end

local function same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then return a == b end
    for k, v in pairs(a) do if not same(v, b[k]) then return false end end
    for k in pairs(b) do if a[k] == nil then return false end end
    return true
end

-- check: what it is about, and whether it holds.
local checks = {}
function checks.equal(want, got) return got == want, "expected " .. show(want) .. "\ngot      " .. show(got) end
function checks.same(want, got) return same(want, got), "expected " .. show(want) .. "\ngot      " .. show(got) end
checks.equals = checks.equal
function checks.truthy(v) return not not v, "truthy value, got " .. show(v) end
function checks.falsy(v) return not v, "falsy value, got " .. show(v) end
checks["true"] = function(v) return v == true, "true, got " .. show(v) end
checks["false"] = function(v) return v == false, "false, got " .. show(v) end
checks["nil"] = function(v) return v == nil, "nil, got " .. show(v) end
for _, kind in ipairs { "table", "string", "number", "boolean", "function", "userdata", "thread" } do
    checks[kind] = function(v) return type(v) == kind, "a " .. kind .. ", got " .. show(v) end
end
function checks.matches(pattern, text, init, plain)
    return type(text) == "string" and text:find(pattern, init, plain) ~= nil, "a match of " .. show(pattern) .. "\ngot " .. show(text)
end
checks.match = checks.matches
function checks.near(want, got, within)
    return math.abs(want - got) <= within, show(want) .. " within " .. show(within) .. ", got " .. show(got)
end
function checks.error(f, want)
    local ok, err = pcall(f)
    if ok then return false, "an error" end
    return want == nil or same(want, err) or type(err) == "string" and err:gsub("^[^\n]-:%d+: ", "") == want,
        "error " .. show(want) .. ", got " .. show(err)
end
checks.errors = checks.error
function checks.error_matches(f, pattern)
    local ok, err = pcall(f)
    return not ok and tostring(err):find(pattern) ~= nil, "an error that matches " .. show(pattern) .. ", got " .. show(err)
end

local glue = { is = true, are = true, has = true, have = true, be = true, was = true, does = true, a = true, an = true, to = true, of = true }

local chain
local function step(state, word)
    local name = state.name and state.name .. "_" .. word or word
    if checks[name] then return chain { negated = state.negated, check = checks[name] } end
    for part in name:gmatch "[^_]+" do
        if checks[part] and name:sub(-#part) == part then
            local negated = state.negated
            for w in name:sub(1, -#part - 1):gmatch "[^_]+" do
                if w == "no" or w == "not" then negated = not negated
                elseif not glue[w] then error("there is no assertion " .. name, 3) end
            end
            return chain { negated = negated, check = checks[part] }
        end
    end
    if word == "no" or word == "not" then return chain { negated = not state.negated } end
    if word:find "_not$" or word:find "_no$" then return chain { negated = not state.negated } end
    if glue[word] then return chain { negated = state.negated } end
    return chain { negated = state.negated, name = name }
end

function chain(state)
    return setmetatable({}, {
        __index = function(_, word) return step(state, word) end,
        __call = function(_, ...)
            if not state.check then error("there is no assertion " .. tostring(state.name), 2) end
            local ok, what = state.check(...)
            if ok == not state.negated then return ... end
            error({ failure = (state.negated and "not " or "") .. what, trace = debug.traceback("", 2) }, 0)
        end,
    })
end

local plain = assert
local root = chain { negated = false }
assert = setmetatable({}, {
    __index = function(_, word) return root[word] end,
    __call = function(_, ok, message, ...)
        if ok then return ok, message, ... end
        error({ failure = message == nil and "assertion failed" or message, trace = debug.traceback("", 2) }, 0)
    end,
})

---------------------------------------------------------------- servers

local started = {}

local fieldsOf = { __index = function(t, name)
    if type(name) ~= "string" then return nil end
    name = name:lower():gsub("_", "-")
    for k, v in pairs(t) do if k:lower() == name then return v end end
end }

local function receive(sock, method)
    local line, err = sock:receive("*l")
    if not line then return nil, err end
    local status, reason = line:match "^HTTP/%d%.%d (%d+) ?(.*)"
    if not status then return nil, "no answer: " .. line end
    local res = { status = tonumber(status), reason = reason, headers = setmetatable({}, fieldsOf), body = "" }
    while true do
        line, err = sock:receive("*l")
        if not line then return nil, err end
        if line == "" then break end
        local name, value = line:match "^([^:]+):%s*(.-)%s*$"
        local old = rawget(res.headers, name)
        if old == nil then res.headers[name] = value
        elseif type(old) == "table" then old[#old + 1] = value
        else res.headers[name] = { old, value } end
    end
    if res.status == 100 then return receive(sock, method) end
    if method == "HEAD" or res.status == 204 or res.status == 304 then return res end
    if res.headers["transfer-encoding"] == "chunked" then
        local parts = {}
        while true do
            local size = sock:receive("*l")
            local n = size and tonumber(size:match "^%x+", 16)
            if not n then res.cut = true break end
            if n == 0 then sock:receive("*l") break end
            local part = sock:receive(n)
            if not part then res.cut = true break end
            parts[#parts + 1] = part
            sock:receive("*l")
        end
        res.body = table.concat(parts)
    else
        local n = tonumber(res.headers["content-length"])
        local body, err, part = sock:receive(n or "*a")
        res.body, res.cut = body or part or "", not body
    end
    return res
end

local Server = {}
Server.__index = Server

-- request{ method, path, headers, body, args } asks the server.
function Server:request(o)
    if type(o) == "string" then o = { path = o } end
    local method = o.method or (o.body and "POST") or "GET"
    local path = o.path or "/"
    if o.args then path = path .. "?" .. ngx.encode_args(o.args) end
    local head = { method .. " " .. path .. " HTTP/1.1" }
    local given = {}
    for name, value in pairs(o.headers or {}) do
        given[name:lower()] = true
        for _, v in ipairs(type(value) == "table" and value or { value }) do
            head[#head + 1] = name .. ": " .. tostring(v)
        end
    end
    if not given.host then head[#head + 1] = "Host: " .. (o.host or "localhost") end
    if not given.connection then head[#head + 1] = "Connection: close" end
    if o.body and not given["content-length"] then head[#head + 1] = "Content-Length: " .. #o.body end
    local sock = ngx.socket.tcp()
    sock:settimeout((o.timeout or 10) * 1000)
    plain(sock:connect("unix:" .. self.socket))
    plain(sock:send(table.concat(head, "\r\n") .. "\r\n\r\n" .. (o.body or "")))
    local res, err = receive(sock, method)
    sock:close()
    return res, err
end

for _, method in ipairs { "get", "head", "post", "put", "delete", "patch", "options" } do
    Server[method] = function(self, path, o)
        local ask = { method = method:upper(), path = path }
        if type(o) == "string" then ask.body = o else for k, v in pairs(o or {}) do ask[k] = v end end
        return self:request(ask)
    end
end

-- log is what the server has logged so far.
function Server:log() return host.log(self.id) end

function Server:stop()
    if not self.stopped then
        self.stopped = true
        host.stop(self.id)
    end
end

local phasesOf = { "set", "rewrite", "access", "precontent", "content", "header_filter", "body_filter", "log" }

-- server{ conf = file } or server{ main =, http =, server =, location = } with
-- pieces of a configuration, or the scripts of its phases: content = "…".
function server(o)
    if type(o) == "string" then o = { conf = o } end
    local text
    if not o.conf then
        local inside = { o.location or "" }
        local scripts = {}
        for _, phase in ipairs(phasesOf) do
            if o[phase] then scripts[#scripts + 1] = phase .. "_by_lua_block {" .. o[phase] .. "\n}" end
        end
        if #scripts > 0 then inside[#inside + 1] = "location / {\n" .. table.concat(scripts, "\n") .. "\n}" end
        text = string.format([[%s
events {}
http {
lua_package_path "%s";
%s
%s
%s
server { listen 127.0.0.1:1; server_name localhost; root "%s";
%s
%s
}
}
]], o.main or "", package.path, o.init and "init_by_lua_block {" .. o.init .. "\n}" or "",
            o.init_worker and "init_worker_by_lua_block {" .. o.init_worker .. "\n}" or "", o.http or "", host.dir, o.server or "", table.concat(inside, "\n"))
    end
    local id, socket = host.start(text, o.conf, o.prefix)
    if not id then error("the server does not start: " .. socket, 2) end
    local s = setmetatable({ id = id, socket = socket }, Server)
    started[#started + 1] = s
    return s
end

---------------------------------------------------------------- structure

local top = { name = "", depth = 0, children = {}, hooks = {} }
local block = top
local counts = { passed = 0, failed = 0, pending = 0 }
local failures = {}

local function add(kind)
    return function(name, f)
        if type(name) == "function" then name, f = "", name end
        block.children[#block.children + 1] = { kind = f and kind or "pending", name = name, f = f, parent = block, depth = block.depth + 1, children = {}, hooks = {} }
    end
end

describe, it, pending = add "describe", add "it", add "pending"
context, insulate, expose, spec, test = describe, describe, describe, it, it

for _, hook in ipairs { "before_each", "after_each", "setup", "teardown" } do
    _G[hook] = function(f)
        local list = block.hooks[hook] or {}
        block.hooks[hook] = list
        list[#list + 1] = f
    end
end
lazy_setup, lazy_teardown, strict_setup, strict_teardown = setup, teardown, setup, teardown

local finalizer
function finally(f) finalizer = f end

local function line(node, mark, more)
    stdout:write(("  "):rep(node.depth - 1), mark, node.name, more or "", "\n")
end

local function path(node)
    local names = {}
    while node and node.name ~= "" do
        table.insert(names, 1, node.name)
        node = node.parent
    end
    return table.concat(names, " › ")
end

local function explain(e)
    if type(e) == "table" and e.failure ~= nil then return { text = type(e.failure) == "string" and e.failure or show(e.failure), trace = e.trace } end
    return { text = type(e) == "string" and e or show(e), trace = debug.traceback("", 2), error = true }
end

local function try(f) return xpcall(f, explain) end

-- where is the line of the test file that an assertion stands in.
local function where(file, trace)
    for at in (trace or ""):gmatch "[^\n]+" do
        local n = at:match "^%s*(.-:%d+):"
        if n and n:find(file, 1, true) then return n end
    end
end

-- What the servers log during a test is told when it fails, at most this many lines of it.
local most, logged = 12, {}

local function markLogs()
    logged = {}
    for _, s in ipairs(started) do logged[s.id] = #s:log() end
end

local function newLogs()
    local lines, loud = {}, false
    for _, s in ipairs(started) do
        for text in s:log():sub((logged[s.id] or 0) + 1):gmatch "[^\n]+" do
            local level = text:match "^%[(%l+)%] "
            if level then loud = level ~= "debug" end -- other lines belong to the one before
            if loud then lines[#lines + 1] = (text:gsub(", client: unix:.*", "")) end
        end
    end
    if #lines == 0 then return "" end
    if #lines > most then
        lines[most] = "… and " .. #lines - most + 1 .. " lines more"
        for i = #lines, most + 1, -1 do lines[i] = nil end
    end
    return "\nthe server logged:\n  " .. table.concat(lines, "\n  ")
end

local function fail(file, node, e)
    counts.failed = counts.failed + 1
    failures[#failures + 1] = { at = where(file, e.trace), path = path(node), text = e.text .. newLogs() }
end

local function hooks(node, name, outermost)
    local list = {}
    while node do
        local own = node.hooks[name] or {}
        if outermost then
            for i = #own, 1, -1 do table.insert(list, 1, own[i]) end
        else
            for _, f in ipairs(own) do list[#list + 1] = f end
        end
        node = node.parent
    end
    return list
end

local run

local function runTest(file, node)
    finalizer = nil
    local begun = ngx.now()
    markLogs()
    local ok, e = try(function()
        for _, f in ipairs(hooks(node.parent, "before_each", true)) do f() end
        node.f()
    end)
    if finalizer then
        local done, fe = try(finalizer)
        if ok then ok, e = done, fe end
    end
    for _, f in ipairs(hooks(node.parent, "after_each", false)) do
        local done, fe = try(f)
        if ok then ok, e = done, fe end
    end
    ngx.update_time()
    local took = (ngx.now() - begun) * 1000
    if ok then
        counts.passed = counts.passed + 1
        line(node, "✓ ", took >= 100 and string.format(" (%d ms)", took) or "")
    else
        line(node, "✗ ")
        fail(file, node, e)
    end
end

function run(file, node)
    local filter = host.filter
    if node.kind ~= "describe" and filter and not path(node):find(filter) then return end
    if node.kind == "pending" then
        counts.pending = counts.pending + 1
        return line(node, "– ", " (pending)")
    end
    if node.kind == "it" then
        return runTest(file, node)
    end
    if node ~= top and node.name ~= "" then line(node, "") end
    local before = #started
    local ok, e = true, nil
    if node.f then
        block = node
        ok, e = try(node.f)
        block = top
    end
    if ok then ok, e = try(function() for _, f in ipairs(node.hooks.setup or {}) do f() end end) end
    if ok then
        for _, child in ipairs(node.children) do run(file, child) end
    else
        fail(file, node, e)
    end
    for _, f in ipairs(node.hooks.teardown or {}) do
        local done, te = try(f)
        if not done then fail(file, node, te) end
    end
    for i = #started, before + 1, -1 do
        started[i]:stop()
        started[i] = nil
    end
end

local function runFile(file)
    stdout:write(file, "\n")
    block, top.children, top.hooks, logged = top, {}, {}, {}
    local f, err = loadfile(file)
    if not f then
        counts.failed = counts.failed + 1
        failures[#failures + 1] = { path = file, text = err }
        return
    end
    top.f = f
    run(file, top)
    stdout:write("\n")
end

return function(files)
    local begun = ngx.now()
    for _, file in ipairs(files) do runFile(file) end
    for _, f in ipairs(failures) do
        stdout:write("FAILED ", f.at and f.at .. ": " or "", f.path, "\n     ", (f.text:gsub("\n", "\n     ")), "\n\n")
    end
    ngx.update_time()
    stdout:write(string.format("%d passed, %d failed, %d pending in %.2f s\n", counts.passed, counts.failed, counts.pending, ngx.now() - begun))
    return os.exit(counts.failed > 0 and 1 or 0)
end
