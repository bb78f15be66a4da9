-- resty.websocket.protocol, .server and .client: RFC 6455 with the interface of lua-resty-websocket.
-- The host makes and reads the bytes: frame, unmask, unfinished, key.
local host = ...
local byte, char, find, lower, sub = string.byte, string.char, string.find, string.lower, string.sub

local protocol, server, client = { _VERSION = "0.13" }, { _VERSION = "0.13" }, { _VERSION = "0.13" }

local defaultMax = 65535 -- bytes of a frame's payload
local names = { [0] = "continuation", "text", "binary", [8] = "close", [9] = "ping", [10] = "pong" }
local invalidText = "invalid UTF-8 in a text"

function protocol.new_tab() return {} end

-- Whether a status may stand in a close frame, RFC 6455, 7.4.
local function sendable(code)
    return code >= 3000 and code < 5000 or code >= 1000 and code < 1015 and (code < 1004 or code > 1006)
end

local function payloadLength(sock, second)
    local len = second % 0x80
    if len == 126 then
        local data, err = sock:receive(2)
        if not data then
            return nil, "failed to receive the 2 byte payload length: " .. (err or "unknown")
        end
        local a, b = byte(data, 1, 2)
        return a * 0x100 + b
    elseif len == 127 then
        local data, err = sock:receive(8)
        if not data then
            return nil, "failed to receive the 8 byte payload length: " .. (err or "unknown")
        end
        if sub(data, 1, 4) ~= "\0\0\0\0" or byte(data, 5) >= 0x80 then
            return nil, "payload len too large"
        end
        local a, b, c, d = byte(data, 5, 8)
        return ((a * 0x100 + b) * 0x100 + c) * 0x100 + d
    end
    return len
end

local function closing(data)
    if #data == 0 then
        return "", "close", nil
    elseif #data == 1 then
        return nil, nil, "close frame with a body must carry a 2-byte status code"
    end
    local a, b = byte(data, 1, 2)
    local code = a * 0x100 + b
    if not sendable(code) then
        return nil, nil, "bad status code " .. code .. " in a close frame"
    end
    data = sub(data, 3)
    if host.unfinished(data) ~= 0 then
        return nil, nil, invalidText
    end
    return data, "close", code
end

-- recv_frame reads one frame: its payload, its type, and of a close frame the status, of a frame that
-- is not the last of its message "again".
function protocol.recv_frame(sock, max, mustBeMasked)
    local data, err = sock:receive(2)
    if not data then
        return nil, nil, "failed to receive the first 2 bytes: " .. (err or "unknown")
    end
    local first, second = byte(data, 1, 2)
    local final, opcode, masked = first >= 0x80, first % 0x10, second >= 0x80
    if first % 0x80 >= 0x10 then
        return nil, nil, "bad RSV1, RSV2, or RSV3 bits"
    elseif not names[opcode] then
        return nil, nil, opcode < 8 and "reserved non-control frames" or "reserved control frames"
    elseif mustBeMasked and not masked then
        return nil, nil, "frame unmasked"
    end
    local len
    len, err = payloadLength(sock, second)
    if not len then
        return nil, nil, err
    elseif opcode >= 8 and len > 125 then
        return nil, nil, "too long payload for control frame"
    elseif opcode >= 8 and not final then
        return nil, nil, "fragmented control frame"
    elseif len > max then
        return nil, nil, "exceeding max payload len"
    end
    local rest = masked and len + 4 or len
    data = ""
    if rest > 0 then
        data, err = sock:receive(rest)
        if not data then
            return nil, nil, "failed to read masking-len and payload: " .. (err or "unknown")
        end
    end
    if masked then
        data = host.unmask(data)
    end
    if opcode == 8 then
        return closing(data)
    elseif opcode == 1 and final and host.unfinished(data) ~= 0 then
        return nil, nil, invalidText
    end
    return data, names[opcode], not final and "again" or nil
end

function protocol.build_frame(final, opcode, len, payload, masking)
    if len > 0x7fffffff then
        return nil, "payload too big"
    end
    return host.frame(final, opcode, payload, masking)
end

function protocol.send_frame(sock, final, opcode, payload, max, masking)
    payload = payload and tostring(payload) or ""
    if #payload > max then
        return nil, "payload too big"
    elseif opcode >= 8 and #payload > 125 then
        return nil, "too much payload for control frame"
    elseif opcode >= 8 and not final then
        return nil, "fragmented control frame"
    end
    local frame, err = protocol.build_frame(final, opcode, #payload, payload, masking)
    if not frame then
        return nil, "failed to build frame: " .. err
    end
    local bytes
    bytes, err = sock:send(frame)
    if not bytes then
        return nil, "failed to send frame: " .. err
    end
    return bytes
end

-- What server and client have in common.

-- With what status what is wrong ends a connection; 1002 for the rest.
local statuses = { [invalidText] = 1007, ["exceeding max payload len"] = 1009, ["payload len too large"] = 1009 }

local function lasting(err) return not find(err, ": timeout", 1, true) end

-- No message begins within another one; characters may be cut by frames.
local function followed(self, data, kind, more)
    if self.fragments and kind ~= "continuation" then
        return nil, nil, "a message within another one"
    end
    local message = self.fragments or kind
    self.fragments = more and message or nil
    if message == "text" and (more or kind == "continuation") then
        local text = (self.cut or "") .. data
        local n = host.unfinished(text)
        if not n or n > 0 and not more then
            return nil, nil, invalidText
        end
        self.cut = n > 0 and sub(text, -n) or nil
    end
    return data, kind, more
end

local methods = {}

function methods:set_timeout(ms)
    if not self.sock then
        return nil, nil, "not initialized yet"
    end
    return self.sock:settimeout(ms)
end

function methods:recv_frame()
    if self.fatal then
        return nil, nil, "fatal error already happened"
    elseif not self.sock then
        return nil, nil, "not initialized yet"
    end
    local data, kind, err = protocol.recv_frame(self.sock, self.max_recv_len, self.serving)
    if data and (kind == "text" or kind == "binary" or kind == "continuation") then
        data, kind, err = followed(self, data, kind, err)
    end
    if not data and lasting(err) then
        self.fatal = true
        self.violation = not find(err, ": ", 1, true) and (statuses[err] or 1002) or nil -- no error of the socket
    end
    return data, kind, err
end

function methods:send_frame(final, opcode, payload)
    if self.fatal then
        return nil, "fatal error already happened"
    elseif self.closed then
        return nil, "already closed"
    elseif not self.sock then
        return nil, "not initialized yet"
    end
    local bytes, err = protocol.send_frame(self.sock, final, opcode, payload, self.max_send_len, self.masking)
    if not bytes and lasting(err) then
        self.fatal = true
    end
    return bytes, err
end

function methods:send_text(data) return self:send_frame(true, 1, data) end
function methods:send_binary(data) return self:send_frame(true, 2, data) end
function methods:send_ping(data) return self:send_frame(true, 9, data) end
function methods:send_pong(data) return self:send_frame(true, 10, data) end

-- send_close is the last that can be sent when a frame was wrong: its status then is that of the fault
-- when none is given.
function methods:send_close(code, text)
    local payload
    local wrong = self.violation
    if wrong then
        code, self.violation, self.fatal = code or wrong, nil, nil
    end
    if code then
        if type(code) ~= "number" or code > 0x7fff then
            return nil, "bad status code"
        end
        payload = char(math.floor(code / 0x100) % 0x100, code % 0x100) .. (text or "")
    end
    local bytes, err = self:send_frame(true, 8, payload)
    self.closed, self.fatal = bytes and not self.serving, self.fatal or wrong
    return bytes, err
end

for name, f in pairs(methods) do
    server[name], client[name] = f, f
end

local function limits(self, opts)
    local max = opts.max_payload_len or defaultMax
    self.max_recv_len, self.max_send_len = opts.max_recv_len or max, opts.max_send_len or max
    return self
end

local function accepting(key) return ngx.encode_base64(ngx.sha1_bin(key .. "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) end

local function first(header) return type(header) == "table" and header[1] or header end

-- has looks for a word in a header that lists some.
local function has(header, word)
    if type(header) == "table" then
        header = table.concat(header, ",")
    end
    return find("," .. lower(header or ""):gsub("%s", "") .. ",", "," .. word .. ",", 1, true)
end

-- new makes the request under way a WebSocket.
function server:new(opts)
    if ngx.headers_sent then
        return nil, "response header already sent"
    end
    ngx.req.read_body()
    if ngx.req.http_version() ~= 1.1 then
        return nil, "bad http version"
    end
    local headers = ngx.req.get_headers()
    local upgrade, key = first(headers.upgrade), first(headers["sec-websocket-key"])
    if not upgrade or lower(upgrade) ~= "websocket" then
        return nil, "bad \"upgrade\" request header: " .. tostring(upgrade)
    elseif not has(headers.connection, "upgrade") then
        return nil, "bad \"connection\" request header"
    elseif not key then
        return nil, "bad \"sec-websocket-key\" request header"
    elseif first(headers["sec-websocket-version"]) ~= "13" then
        return nil, "bad \"sec-websocket-version\" request header"
    end
    local wanted = first(headers["sec-websocket-protocol"])
    if wanted then -- one of the list is the answer
        ngx.header["Sec-WebSocket-Protocol"] = wanted:match("^[^%s,]+")
    end
    ngx.header["Upgrade"], ngx.header["Sec-WebSocket-Accept"], ngx.header["Content-Type"] = "websocket", accepting(key), nil
    ngx.status = 101
    local ok, err = ngx.send_headers()
    if not ok then
        return nil, "failed to send response header: " .. (err or "unknown")
    end
    ok, err = ngx.flush(true)
    if not ok then
        return nil, "failed to flush response header: " .. (err or "unknown")
    end
    local sock
    sock, err = ngx.req.socket(true)
    if not sock then
        return nil, err
    end
    opts = opts or {}
    if opts.timeout then
        sock:settimeout(opts.timeout)
    end
    return setmetatable(limits({ sock = sock, serving = true, masking = opts.send_masked }, opts), { __index = server })
end

function client:new(opts)
    local sock, err = ngx.socket.tcp()
    if not sock then
        return nil, err
    end
    opts = opts or {}
    if opts.timeout then
        sock:settimeout(opts.timeout)
    end
    return setmetatable(limits({ sock = sock, masking = not opts.send_unmasked }, opts), { __index = client })
end

local function request(opts, host, port, path, key)
    local lines = { "GET " .. path .. " HTTP/1.1", "Upgrade: websocket", "Host: " .. (opts.host or host .. ":" .. port),
        "Sec-WebSocket-Key: " .. key }
    local wanted = opts.protocols
    if wanted then
        lines[#lines + 1] = "Sec-WebSocket-Protocol: " .. (type(wanted) == "table" and table.concat(wanted, ",") or wanted)
    end
    lines[#lines + 1] = "Sec-WebSocket-Version: 13"
    if opts.origin then
        lines[#lines + 1] = "Origin: " .. opts.origin
    end
    lines[#lines + 1] = "Connection: Upgrade"
    for _, line in ipairs(opts.headers or {}) do
        lines[#lines + 1] = line
    end
    return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function checked(opts)
    if opts.server_name and type(opts.server_name) ~= "string" then
        return "SSL server_name must be a string"
    elseif opts.headers and type(opts.headers) ~= "table" then
        return "custom headers must be a table"
    elseif opts.host and type(opts.host) ~= "string" then
        return "custom host header must be a string"
    elseif opts.key and type(opts.key) ~= "string" then
        return "custom Sec-WebSocket-Key must be a string"
    end
end

local function secure(sock, opts, name)
    if opts.client_cert then
        assert(opts.client_priv_key, "client_priv_key must be provided with client_cert")
        local ok, err = sock:setclientcert(opts.client_cert, opts.client_priv_key)
        if not ok then
            return nil, "failed to set TLS client certificate: " .. err
        end
    end
    local ok, err = sock:sslhandshake(false, opts.server_name or opts.host or name, opts.ssl_verify)
    if not ok then
        return nil, "ssl handshake failed: " .. err
    end
    return true
end

-- connect also gives the head of the answer, as it came.
function client:connect(uri, opts)
    local sock = self.sock
    if not sock then
        return nil, "not initialized"
    end
    opts = opts or {}
    local scheme, rest = uri:match("^(wss?)://(.*)$")
    local host_, port, path = (rest or ""):match("^(%[[%x:.]+%]):?(%d*)(.*)$")
    if not host_ then
        host_, port, path = (rest or ""):match("^([^:/]+):?(%d*)(.*)$")
    end
    if not host_ then
        return nil, "bad websocket uri"
    end
    port = tonumber(port) or (scheme == "wss" and 443 or 80)
    path = path == "" and "/" or path
    local wrong = checked(opts)
    if wrong then
        return nil, wrong
    end
    self.closed, self.fatal, self.fragments, self.cut = nil, nil, nil, nil
    local ok, err = sock:connect(host_, port, { pool = opts.pool, pool_size = opts.pool_size, backlog = opts.backlog })
    if not ok then
        return nil, "failed to connect: " .. err
    end
    local times
    times, err = sock:getreusedtimes()
    if not times then
        return nil, "failed to get reused times: " .. tostring(err)
    elseif times > 0 then
        return 1, nil, "connection reused"
    end
    if scheme == "wss" then
        ok, err = secure(sock, opts, host_)
        if not ok then
            return nil, err
        end
    end
    local key = opts.key or ngx.encode_base64(host.key())
    ok, err = sock:send(request(opts, host_, port, path, key))
    if not ok then
        return nil, "failed to send the handshake request: " .. err
    end
    local head
    head, err = sock:receiveuntil("\r\n\r\n")()
    if not head then
        return nil, "failed to receive response header: " .. err
    elseif not head:find("^%s*HTTP/1%.1%s+101%s") then
        return nil, "bad HTTP response status line: " .. head, head
    elseif head:lower():match("\r\nsec%-websocket%-accept:%s*(%S+)") ~= accepting(key):lower() then
        return nil, "bad \"sec-websocket-accept\" response header", head
    end
    return 1, nil, head
end

function client:close()
    if self.fatal then
        return nil, "fatal error already happened"
    elseif not self.sock then
        return nil, "not initialized"
    end
    if not self.closed then
        local ok, err = self:send_close()
        if not ok then
            return nil, "failed to send close frame: " .. err
        end
    end
    return self.sock:close()
end

function client:set_keepalive(...)
    if not self.sock then
        return nil, "not initialized"
    end
    self.closed = true
    return self.sock:setkeepalive(...)
end

return { protocol = protocol, server = server, client = client }
