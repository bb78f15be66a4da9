-- A request that becomes a WebSocket: its connection is given to an actor of its own and outlives the request.
local actor = require "actor"
local args = ngx.req.get_uri_args()
local name, room = tostring(args.name):sub(1, 20), tostring(args.room):sub(1, 20)

local ws, err = require("resty.websocket.server"):new()
if not ws then
    ngx.log(ngx.WARN, err)
    return ngx.exit(400)
end
actor.unique("room " .. room, "room")
-- serial: it writes one message after the other; mailbox: how many may wait for a slow client.
local member = actor.spawn("member", { args = { name = name, room = "room " .. room }, serial = true, mailbox = 64, restart = false })
ws.sock:settimeouts(1000, 10000, 90000) -- connect, send, read: the page says something every 30 s
ws.sock:give(member)
