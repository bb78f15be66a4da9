=== cjson by its name
--- config
location /t {
    content_by_lua_block {
        local cjson = require "cjson.safe"
        ngx.say(cjson.encode({1, {a = ngx.null}}), cjson.null == ngx.null, " ", cjson.decode("["))
        ngx.say(cjson.encode(cjson.decode('{"x":[1,2]}').x))
    }
}
--- request
GET /t
--- response_body
[1,{"a":null}]true nilExpected value but found T_END at character 2
[1,2]

=== regular expressions
--- config
location /t {
    content_by_lua_block {
        local m = ngx.re.match("hello, 1234", "(?<word>[a-z]+), ([0-9]+)(x)?", "jo")
        ngx.say(m[0], "|", m[1], "|", m.word, "|", m[2], "|", m[3])
        ngx.say(ngx.re.find("hello, 1234", "[0-9]+", "jo"))
        for m in ngx.re.gmatch("a1b2", "[a-z]([0-9])") do ngx.print(m[1], ";") end
        ngx.say()
        ngx.say(ngx.re.gsub("hello", "l(.)?", "[$0:$1:${1}:$$]"))
        ngx.say(ngx.re.sub("hello", "l", function(m) return m[0]:upper() end))
        ngx.say(table.concat(require("ngx.re").split("a,b,,c", ","), "|"))
        ngx.say(table.concat(require("ngx.re").split("abc", ""), "|"))
        ngx.say(pcall(ngx.re.match, "x", "x", "Q"))
        ngx.say(ngx.re.match("x", "(x"))
    }
}
--- request
GET /t
--- response_body
hello, 1234|hello|hello|1234|false
811
1;2;
he[ll:l:l:$]o1
heLlo1
a|b||c
a|b|c
falseunknown flag "Q" (flags "Q")
nilpcre2_compile() failed: missing closing parenthesis in "(x"

=== a bad template
--- config
location /t {
    content_by_lua_block { ngx.say(ngx.re.sub("b c", "b", "[$x]")) }
}
--- request
GET /t
--- response_body
nilnilfailed to compile the replacement template
--- error_log
attempt to use named capturing variable "x" (named captures not supported yet)

=== shared dictionaries
--- http_config
lua_shared_dict dogs 100k;
--- config
location /t {
    content_by_lua_block {
        local d = ngx.shared.dogs
        ngx.say(d:set("a", "x", 0, 7))
        ngx.say(d:get("a"))
        ngx.say(d:add("a", 1))
        ngx.say(d:incr("n", 2, 40))
        ngx.say(d:get(nil))
        ngx.say(d:capacity(), " ", d:free_space() < d:capacity())
        ngx.say(pcall(d.get, {}, "a"))
        ngx.say(ngx.shared.cats)
        d:flush_all()
        ngx.say(d:get("a"), #d:get_keys())
    }
}
--- request
GET /t
--- response_body
truenilfalse
x7
falseexistsfalse
42nilfalse
nilnil key
102400 true
falsebad "zone" argument
nil
nil0

=== modules that are built in
--- config
location /t {
    content_by_lua_block {
        for _, name in ipairs{"resty.core", "resty.core.base", "resty.core.regex", "resty.core.time", "resty.lrucache",
            "resty.string", "resty.sha256", "resty.aes", "resty.random", "resty.hmac", "tablepool", "ngx.base64", "ngx.re",
            "cjson", "cjson.safe", "bit", "jit", "table.new", "table.clear", "table.nkeys", "table.isempty", "table.isarray", "table.clone"} do
            local ok, m = pcall(require, name)
            if not ok then ngx.say(name, ": ", m) end
        end
        ngx.say("done")
    }
}
--- request
GET /t
--- response_body
done

=== what ngx.null prints as
--- config
location /t {
    content_by_lua_block {
        ngx.say(ngx.null, " ", tostring(ngx.null), " ", type(ngx.null), " ", require("cjson").encode{ngx.null})
    }
}
--- request
GET /t
--- response_body
null userdata: NULL userdata [null]
