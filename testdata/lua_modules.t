=== locks between requests
--- http_config
lua_shared_dict locks 64k;
--- config
location /t {
    content_by_lua_block {
        local lock = require "resty.lock"
        ngx.say(lock:new("nosuch"))
        local a, b = lock:new("locks", { timeout = 0.01, exptime = 1 }), lock:new("locks", { timeout = 1 })
        ngx.say(a:lock("k"), a:lock("k"))
        local waiter = ngx.thread.spawn(function() return (b:lock("k")) > 0 end)
        local c = lock:new("locks", { timeout = 0 })
        ngx.say(c:lock("k"))
        ngx.say(c:unlock())
        ngx.say(a:expire(2), a:unlock(), a:expire())
        ngx.say(ngx.thread.wait(waiter))
        ngx.say(a:lock("k"))
        ngx.say(b:unlock(), a:lock())
    }
}
--- request
GET /t
--- response_body
nildictionary not found
0nillocked
niltimeout
nilunlocked
true1nilunlocked
truetrue
niltimeout
1nilnil key

=== keys of ngx.ssl in resty.openssl
--- config
location /t {
    content_by_lua_block {
        local pkey, ffi, ssl = require "resty.openssl.pkey", require "ffi", require "ngx.ssl"
        local key = pkey.new({ type = "EC" })
        local held = ssl.parse_pem_priv_key(key:to_PEM("private"))
        local again = pkey.new(ffi.gc(ffi.cast("EVP_PKEY*", held), nil))
        ngx.say(type(held), " ", again:to_PEM() == key:to_PEM(), " ", type(again.ctx))
        ngx.say(ngx.socket.tcp():setclientcert(again.ctx, again.ctx))
        local kdf = require "resty.openssl.kdf"
        ngx.say(#kdf.derive { type = kdf.PBKDF2, outlen = 32, pass = "x", md = "sha256", pbkdf2_iter = 20000 })
    }
}
--- request
GET /t
--- response_body
cdata true cdata
nilbad cert arg: cdata expected, got userdata
32

=== what locks refer to
--- http_config
lua_shared_dict locks 64k;
--- config
location /t {
    content_by_lua_block {
        local lock = require "resty.lock"
        local ref = lock.ref_obj("x")
        ngx.say(lock.memo[ref], lock.ref_obj(nil))
        lock.unref_obj(ref)
        local a = lock:new("locks")
        ngx.say(lock.memo[ref])
        a:lock("k")
        ref = lock.ref_obj("y")
        a:unlock()
        ngx.say(lock.ref_obj("z") ~= ref)
    }
}
--- request
GET /t
--- response_body
x-1
locks
true

=== values in strings
--- config
location /t {
    content_by_lua_block {
        local buffer = require "string.buffer"
        local v = { 1, 2.5, "three", { a = true, b = false }, n = -7 }
        local text = buffer.encode(v)
        local w = buffer.decode(text)
        ngx.say(w[1], w[2], w[3], w[4].a, w[4].b, w.n, #w)
        ngx.say((buffer.encode({ "x" }):gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
        local b = buffer.new():encode(nil):encode(("s"):rep(300)):put("rest")
        ngx.say(b:decode(), #b:decode(), b:get())
        for _, bad in ipairs { "", "\x06ab", "\x0c\xff\xff\xff\xff\x7f", "\x30abc", "\x01\x01", "\x1f" } do
            ngx.say(pcall(buffer.decode, bad))
        end
        ngx.say(pcall(buffer.encode, print))
        local loop = {} loop[1] = loop
        ngx.say(pcall(buffer.encode, loop))
        ngx.say(("%q %q"):format(false, 12))
    }
}
--- request
GET /t
--- response_body
12.5threetruefalse-74
0c022178
nil300rest
falseunexpected end of buffer
falseunexpected end of buffer
falseunexpected end of buffer
falseunexpected end of buffer
falseleft-over data in buffer
falsebad tag 0x1f in buffer
falsecannot serialize function
falsetoo deep to serialize
"false" "12"

=== a websocket
--- config
location /t {
    content_by_lua_block {
        ngx.status = 101
        ngx.header.Upgrade = "websocket"
        ngx.send_headers()
        ngx.flush(true)
        local sock = ngx.req.socket(true)
        sock:send("got " .. sock:receive() .. "\n")
    }
}
--- raw_request
GET /t HTTP/1.1\r\n
Host: a\r\n
Upgrade: websocket\r\n
Connection: Upgrade\r\n
\r\n
hello\n
--- lens
plain
--- status: 101

=== ${prefix} of lua_package_path ends with a slash
--- http_config
lua_package_path "${prefix}html/?.lua;;";
--- config
location = /t { content_by_lua_block { ngx.say(require "mine") } }
--- user_files
>>> mine.lua
return "found"
--- request
GET /t
--- response_body
found
