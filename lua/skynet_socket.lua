-- skynet.socket: sockets by numbers, which services pass to one another. A number means the same in
-- every service; start makes the connection this one's.
local host = ...
local skynet = require "skynet"

local socket = {}
local sockets = {} -- by number: what this service has started

local function mine(id)
    return sockets[id] or error("socket: there is no socket " .. tostring(id) .. " here", 3)
end

local function keep(id, sock)
    sockets[id] = { sock = sock, connected = true }
    return id
end

-- The other end has closed.
local function lost(s, id)
    if s.connected then
        s.connected = false
        if s.onclose then
            skynet.fork(s.onclose, id)
        end
    end
end

function socket.listen(address, port, backlog)
    if not port then
        local name, number = address:match("^(.*):(%d+)$")
        assert(name, "socket.listen: a port is missing")
        address, port = name:gsub("^%[(.*)%]$", "%1"), number
    end
    local id, name, number = host.listen(address, tonumber(port), backlog)
    return assert(id, name and "listen failed: " .. name) and id, name, number
end

function socket.start(id, func)
    if func and host.accept(id, func) then
        return id
    end
    if sockets[id] then
        return id
    end
    local sock, err = host.start(id)
    if not sock then
        return nil, err
    end
    return keep(id, sock)
end

function socket.open(address, port)
    if not port then
        local name, number = address:match("^(.*):(%d+)$")
        assert(name, "socket.open: a port is missing")
        address, port = name, number
    end
    local sock = ngx.socket.tcp()
    local ok, err = sock:connect(address, tonumber(port))
    if not ok then
        return nil, err
    end
    return keep(host.keep(sock), sock)
end

function socket.read(id, size)
    local s = mine(id)
    local data, err, part
    if size then
        data, err, part = s.sock:receive(size)
    else
        data, err, part = s.sock:receiveany(65536)
    end
    if data then
        return data
    end
    lost(s, id)
    return false, part or ""
end

function socket.readall(id)
    local s = mine(id)
    local data, err, part = s.sock:receive("*a")
    lost(s, id)
    data = data or part or ""
    return data ~= "" and data
end

function socket.readline(id, sep)
    local s = mine(id)
    local read, err = s.sock:receiveuntil(sep or "\n")
    if not read then
        error(err, 2)
    end
    local line, err, part = read()
    if line then
        return line
    end
    lost(s, id)
    return false, part or ""
end

function socket.block(id)
    local s = mine(id)
    if host.wait(s.sock) then
        return true
    end
    lost(s, id)
    return false
end

-- What is written while something is being written goes behind that; only the first one waits.
function socket.write(id, data, ...)
    local s = sockets[id]
    if not s or s.closing then
        return false
    end
    if type(data) == "table" then
        data = table.concat(data)
    end
    if s.writing then
        s.queue[#s.queue + 1] = data
        return true
    end
    s.writing, s.queue = true, {}
    local ok = s.sock:send(data)
    while ok and s.queue[1] do
        local queue = s.queue
        s.queue = {}
        ok = s.sock:send(queue)
    end
    s.writing, s.queue = false, nil
    if s.closing then
        host.close(id)
    end
    return ok and true or false
end
socket.lwrite = socket.write

function socket.close(id)
    local s = sockets[id]
    sockets[id] = nil
    if s and s.writing then
        s.closing = true
        return
    end
    if s then
        s.connected = false
    end
    host.close(id)
end
socket.shutdown, socket.close_fd = socket.close, socket.close

function socket.abandon(id)
    sockets[id] = nil
    host.abandon(id)
end

function socket.invalid(id) return sockets[id] == nil end

function socket.disconnected(id)
    local s = sockets[id]
    return s ~= nil and not s.connected
end

function socket.onclose(id, func) mine(id).onclose = func end

-- Bytes wait in the kernel until they are read, and writers wait for room: there is no buffer of
-- which these could tell.
function socket.warning() end
function socket.limit() end

function socket.header(text)
    local n = 0
    for i = 1, #text do
        n = n * 256 + text:byte(i)
    end
    return n
end

return socket
