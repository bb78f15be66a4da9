=== records in a shared dictionary, as lua-resty-limit-traffic keeps them
--- http_config
lua_shared_dict d 1m;
--- config
location /t {
    content_by_lua_block {
        local ffi = require "ffi"
        pcall(ffi.cdef, [[
            struct test_limit_rec {
                unsigned long        excess;
                uint64_t             last;  /* time in milliseconds */
            };
        ]])
        local ptr = ffi.typeof("const struct test_limit_rec*")
        local size = ffi.sizeof("struct test_limit_rec")
        local rec = ffi.new("struct test_limit_rec")
        rec.excess, rec.last = 1500, 1700000000123
        ngx.shared.d:set("k", ffi.string(rec, size))
        local got = ffi.cast(ptr, ngx.shared.d:get("k"))
        ngx.say(size, " ", tonumber(got.excess), " ", tonumber(got.last))
    }
}
--- request
GET /t
--- response_body
16 1500 1700000000123

=== a lock's destructor, as in lua-resty-lock
--- config
location /t {
    content_by_lua_block {
        local ffi = require "ffi"
        local freed = 0
        local ctype = ffi.metatype("struct { int key_id; int dict_id; }", { __gc = function(l) freed = freed + l.key_id end })
        local function lock()
            local cdata = ffi.new(ctype)
            cdata.key_id = 2
            cdata.dict_id = 3
            return type(cdata) .. " " .. cdata.dict_id
        end
        for i = 1, 10 do ngx.ctx.last = lock() end
        for i = 1, 50 do
            collectgarbage()
            if freed > 0 then break end -- registers may keep the last one
        end
        ngx.say(ngx.ctx.last, " ", freed > 0)
    }
}
--- request
GET /t
--- response_body
cdata 3 true

=== masking a frame, as in lua-resty-websocket
--- config
location /t {
    content_by_lua_block {
        local ffi, bit = require "ffi", require "bit"
        local text, mask = "hello", { 1, 2, 3, 4 }
        local bytes = ffi.new("unsigned char[?]", #text)
        for i = 1, #text do bytes[i - 1] = bit.bxor(text:byte(i), mask[(i - 1) % 4 + 1]) end
        ngx.say(ngx.encode_base64(ffi.string(bytes, #text)))
    }
}
--- request
GET /t
--- response_body
aWdvaG4=

=== what needs C says so
--- config
location /t {
    content_by_lua_block {
        local ffi = require "ffi"
        ffi.cdef "int kill(int pid, int sig);"
        ngx.say(select(2, pcall(function() return ffi.C.kill(0, 0) end)))
        ngx.say((pcall(ffi.load, "crypto")))
    }
}
--- request
GET /t
--- response_body_like
.*kill.*
false

=== buffers of resty.core.base
--- config
location /t {
    content_by_lua_block {
        local base, ffi = require "resty.core.base", require "ffi"
        local b = base.get_string_buf(3)
        b[0], b[1], b[2] = 97, 98, 99
        ngx.say(ffi.string(b, 3), b == base.get_string_buf(10), b == base.get_string_buf(10, true), base.get_string_buf_size())
        local big = base.get_string_buf(10000)
        big[9999] = 1
        base.get_size_ptr()[0] = 7
        ngx.say(base.get_size_ptr()[0], type(base.get_errmsg_ptr()))
    }
}
--- request
GET /t
--- response_body
abctruefalse4096
7cdata
