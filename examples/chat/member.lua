-- One client: reads what it says and writes what it is told.
local actor = require "actor"
local protocol = require "resty.websocket.protocol"
local TEXT, CLOSE, PONG = 1, 8, 10
local args = ...
local sock

local function read()
    actor.send(args.room, "join", actor.self(), args.name)
    while true do
        local data, kind = protocol.recv_frame(sock, 4096, true)
        if kind == "text" and data ~= "" then
            actor.send(args.room, "say", actor.self(), data)
        elseif kind == "ping" then
            actor.send(actor.self(), "write", PONG, data)
        elseif not data or kind == "close" then
            actor.exit("gone")
        end
    end
end

local function write(opcode, data)
    if not protocol.send_frame(sock, true, opcode, data, 65535) then
        actor.exit("gone")
    end
end

assert(actor.monitor(args.room, function() actor.exit("the room is closed") end))
actor.on {
    cast = {
        socket = function(s) sock = s actor.fork(read) end,
        write = write,
        text = function(text) write(TEXT, text) end,
    },
    exit = function() -- a last word, if the client takes it at once
        if sock then
            sock:settimeout(1)
            protocol.send_frame(sock, true, CLOSE, "", 125)
        end
    end,
}
