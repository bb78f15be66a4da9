-- Sends back what it receives. Each connection has a coroutine of its own; a slow client slows only his.
local actor = require "actor"
local args = ...
local clients = 0

assert(actor.listen(args.listen, function(sock)
    clients = clients + 1
    sock:settimeout(60000)
    repeat
        local data = sock:receiveany(4096)
    until not data or not sock:send(data)
    sock:close()
    clients = clients - 1
end))

actor.on { call = { clients = function() return clients end } }
