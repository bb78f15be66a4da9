-- What answers a request of a location with an actor.
local actor, name, timeout = require "actor", ...
ngx.req.read_body()
local body = ngx.req.get_body_data()
if not body then
    local path = ngx.req.get_body_file()
    local file = path and io.open(path, "rb")
    if file then
        body = file:read("*a")
        file:close()
    end
end
local ok, status, headers, out = actor.pcall({ name, timeout = timeout }, "request", {
    method = ngx.req.get_method(), uri = ngx.var.uri, args = ngx.var.args, headers = ngx.req.get_headers(0),
    body = body, remote_addr = ngx.var.remote_addr, host = ngx.var.host,
})
if not ok then
    local codes = { ETIMEOUT = 504, ENOACTOR = 503, EDEAD = 503, EOVERFLOW = 503, ESHUTDOWN = 503, ENOCALL = 502 }
    ngx.log(ngx.ERR, tostring(status), status.traceback and "\n" .. status.traceback or "")
    return ngx.exit(codes[status.code] or 500)
end
if type(status) == "table" then
    status, headers, out = status.status, status.headers, status.body
elseif type(status) == "string" then
    status, headers, out = nil, headers, status
elseif type(headers) == "string" then
    headers, out = nil, headers
end
ngx.status = status or 200
for field, value in pairs(headers or {}) do
    ngx.header[field] = value
end
if out then
    ngx.print(out)
end
