package resty

import (
	"testing"

	"github.com/luahttpd/luahttpd/lua/luatest"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// run runs a script with the modules at hand; the clock stands at now.
func run(t *testing.T, script string) string {
	t.Helper()
	m := stdlib.New(vm.Options{})
	defer m.Close()
	now := 1000.0
	Register(m, Host{Now: func() float64 { return now }})
	m.Globals().SetStr("pass", m.NewFunc("pass", func(t *vm.Thread) int { now += t.CheckNumber(1); return 0 }))
	return luatest.Run(t, m.NewThread(), script)
}

func TestModules(t *testing.T) {
	const radix = `local R = require "resty.radixtree" `
	const aes = `local aes, hex = require "resty.aes", require("resty.string").to_hex `
	for _, c := range []struct{ name, script, want string }{
		{"chash", `local h = require("resty.chash"):new{a = 1, b = 2, c = 1} local n = {}
			for i = 1, 1000 do local id = h:find(i) n[id] = (n[id] or 0) + 1 end return n.a + n.b + n.c, n.b > n.a, n.b > n.c, h:find("key")`, "1000 true true c 352"},
		{"chash: same after a change and back", `local h = require("resty.chash"):new{a = 1, b = 2} local id, i = h:find("x")
			h:incr("a") h:set("c", 3) h:decr("a") h:delete("c") local id2, i2 = h:find("x") return id == id2, i == i2, h:set("a", 1)`, "true true true"},
		{"chash: next goes round", `local h = require("resty.chash"):new{a = 1} local _, i = h:next(159) return i, h:next(-1)`, "0 a 0"},
		{"chash: empty", `local h = require("resty.chash"):new{} return h:find("x")`, "nil"},
		{"chash: too large", `return pcall(require("resty.chash").new, nil, {a = 1e9})`, "false no memory"},
		{"ipmatcher", `local ip = require("resty.ipmatcher").new{"127.0.0.1", "10.0.0.0/8", "::1", "fe80::/32"} local r = {}
			for _, a in ipairs{"127.0.0.1", "127.0.0.2", "10.9.9.9", "::1", "::2", "fe80::7"} do r[#r + 1] = tostring(ip:match(a)) end
			return table.concat(r, " "), ip:match("x")`, "true false true true false true false invalid ip address, not ipv4 and ipv6"},
		{"ipmatcher: values", `local m = require "resty.ipmatcher" local ip = m.new_with_value{["10.0.0.0/8"] = "a", ["10.1.0.0/16"] = "b", ["0.0.0.0/0"] = "c"}
			return ip:match("10.1.2.3"), ip:match("8.8.8.8"), ip:match_bin("\1\2\3\4"), m.parse_ipv4("1.2.3.4"), m.parse_ipv6("::2")[4], m.new{"300.1.1.1"}`,
			"c c c 16909060 2 nil invalid ip address: 300.1.1.1"},
		{"radixtree", radix + `local rx = R.new{{paths = {"/a", "/b/*"}, metadata = 1}, {paths = "/b/:id/x", metadata = 2, priority = 5}, {paths = "/b", metadata = 3}}
			local m = {} return rx:match("/a"), rx:match("/b"), rx:match("/b/7"), rx:match("/b/7/x", {matched = m}), m.id, m._path, rx:match("/c")`, "1 3 1 2 7 /b/:id/x nil"},
		{"radixtree: conditions", radix + `local rx = R.new{{paths = "/*", methods = {"GET", "PUT"}, hosts = {"*.a.org", "b.org"}, remote_addrs = {"10.0.0.0/8"}, metadata = 1}}
			local o = {method = "GET", host = "X.a.ORG", remote_addr = "10.1.1.1"} local a = rx:match("/x", o) o.method = "POST" local b = rx:match("/x", o)
			o.method, o.host = "PUT", "a.org" local c = rx:match("/x", o) o.host, o.remote_addr = "b.org", "11.1.1.1" local d = rx:match("/x", o) o.remote_addr = "10.0.0.0"
			return a, b, c, d, rx:match("/x", o), rx:match("/x")`, "1 nil nil nil 1 nil"},
		{"radixtree: dispatch", radix + `local got local rx = R.new{{paths = "/x/*rest", filter_fun = function(vars, opts, n) return vars.v == n end, handler = function(...) got = table.concat({...}, ",") end}}
			local m = {} return rx:dispatch("/x/y/z", {vars = {v = 5}, matched = m}, 5, 6), got, m.rest, rx:dispatch("/x/y", {vars = {v = 5}}, 6)`, "true 5,6 y/z nil"},
		{"radixtree: changes", radix + `local a, b = {id = 1, paths = {"/a", "/b*"}, metadata = "a"}, {id = 1, paths = {"/a", "/c*"}, metadata = "b"} local rx = R.new{a}
			rx:add_route{id = 2, paths = "/d", metadata = "d"} rx:update_route(a, b) local before = {rx:match("/a"), tostring(rx:match("/bx")), rx:match("/cx"), rx:match("/d")}
			rx:delete_route(b) return table.concat(before, " "), rx:match("/a"), rx:match("/cx"), rx:match("/d")`, "b nil b d nil nil d"},
		{"radixtree: wrong", radix + `return pcall(R.new, {{paths = "/a"}})`, "false missing argument metadata or handler"},
		{"radixtree: nothing", radix + `return R.new()`, "nil missing argument route"},
		{"signal", `local s = require "resty.signal" return s.signum("HUP"), s.signum(7), s.kill(2^31 - 1, "NONE")`, "1 7 nil No such process"},
		{"signal, unknown", `local s = require "resty.signal" return s.kill(nil, "FOO")`, "nil unknown signal name"},
		{"lrucache", `local l = require "resty.lrucache" local c = l.new(2)
			c:set("a", 1) c:set("b", false, nil, 5) c:get("a") c:set("c", 3)
			return tostring(c:get("b")), c:get("a"), c:count(), c:capacity(), table.concat(c:get_keys(), ",")`, "nil 1 2 2 a,c"},
		{"lrucache: one argument less", `return require("resty.lrucache").new(0)`, "nil size too small"},
		{"lrucache: stale", `local c = require("resty.lrucache.pureffi").new(5) c:set("a", "x", 2, 7) pass(3)
			return c:get("a")`, "nil x 7"},
		{"lrucache: fresh", `local c = require("resty.lrucache").new(5) c:set("a", false, 2) pass(1) return c:get("a")`, "false nil 0"},
		{"lrucache: delete, flush", `local c = require("resty.lrucache").new(2) c:set("a", 1) c:set("b", 2) c:delete("a") c:set("d", 3)
			local n = c:count() c:flush_all() return n, c:count(), #c:get_keys(0, {1})`, "2 0 0"},
		{"lrucache: hasht", `local c = require("resty.lrucache").new(2) c:set("a", 1) c:set("b", 2) c:set("c", 3) c:delete("b")
			local n = 0 for _ in pairs(c.hasht) do n = n + 1 end return n, c.hasht.c, c:get("c")`, "1 3 3 nil 0"},
		{"lrucache: buckets", `local l = require("resty.lrucache.pureffi") return l.new(1, 0.25).bucket_sz, l.new(3, 0.05).bucket_sz, l.new(3, 2.1).bucket_sz`,
			"4 32 4"},
		{"lrucache: keys of all types", `local c = require("resty.lrucache").new(9) local k = {} c:set(k, 1) c:set(true, 2) c:set(1.5, 3) c:set(print, 4)
			c:set("1.5", 5) return tostring(c:get({})), c:get(k) + c:get(true) + c:get(1.5) + c:get(print) + c:get("1.5"), pcall(c.set, c, nil, 1)`,
			"nil 15 false bad argument #2 to '?' (nil, NaN and light userdata are no keys)"},
		{"lrucache: a bad object", `return pcall(require("resty.lrucache").get, {}, "a")`, "false bad argument #1 to '?' (bad object)"},
		{"xxhash", `local x = require "luaxxhash" return x(""), x("", 1), x("a"), x("abc"), x("Nobody inspects the spammish repetition")`, "46947589 187479954 1426945110 852579327 3794352943"},
		{"string", `local s = require "resty.string" return s.to_hex("a\255"), s.atoi("12"), s.atoi("1x"), s.atoi("")`, "61ff 12 -1 -1"},
		{"random", `local r = require "resty.random" return #r.bytes(5), #r.bytes(16, true), r.bytes(8) ~= r.bytes(8)`, "5 16 true"},
		{"base64", `local b = require "ngx.base64" return b.encode_base64url("\255\254a"), b.decode_base64url("__5h") == "\255\254a", b.decode_base64url("a?")`,
			"__5h true nil invalid input"},
		{"md5", `local m = require("resty.md5"):new() m:update("hel") m:update("lo") return require("resty.string").to_hex(m:final())`,
			"5d41402abc4b2a76b9719d911017c592"},
		{"sha256", `local m = require("resty.sha256"):new() m:update("x") m:reset() m:update("hello") return require("resty.string").to_hex(m:final())`,
			"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
		{"sha lengths", `local n = {} for _, k in ipairs{"sha1", "sha224", "sha384", "sha512"} do n[#n + 1] = #require("resty." .. k):new():final() end
			return table.concat(n, " ")`, "20 28 48 64"},
		{"hmac", `local h = require "resty.hmac" local m = h:new("key", h.ALGOS.SHA1) m:update("hel") return m:final("lo", true)`,
			"b34ceac4516ff23a143e61d79d0fa7a4fbe5f266"},
		{"aes cbc", aes + `local k = aes:new("AKeyForAES", "MySat!1!") local s = k:encrypt("hello") return hex(s), k:decrypt(s)`,
			"e4f526b97fe44ef20638a231816659c8 hello"},
		{"aes cbc without salt", aes + `return hex(aes:new("AKeyForAES"):encrypt("hello"))`, "aa9e16011001441050ebacd82fd6d7d2"},
		{"aes 256, sha512", aes + `local k = aes:new("AKeyForAES", "MySat!1!", aes.cipher(256, "cbc"), aes.hash.sha512) return hex(k:encrypt("hello"))`,
			"ca25c658919c92328d4d0034f062f18d"},
		{"aes ecb", aes + `local k = aes:new("AKeyForAES", "MySat!1!", aes.cipher(256, "ecb"), aes.hash.sha1) return hex(k:encrypt("hello")), k:decrypt(k:encrypt("x"))`,
			"a2e8eea2151c9caa93e45d62dcbf44ad x"},
		{"aes ctr", aes + `local k = aes:new("AKeyForAES", "MySat!1!", aes.cipher(128, "ctr")) return hex(k:encrypt("hello")), k:decrypt(k:encrypt("x"))`, "37cbe5f66b x"},
		{"aes ofb", aes + `return hex(aes:new("AKeyForAES", "MySat!1!", aes.cipher(128, "ofb")):encrypt("hello"))`, "37cbe5f66b"},
		{"aes cfb8", aes + `local k = aes:new("AKeyForAES", "MySat!1!", aes.cipher(128, "cfb8")) return hex(k:encrypt("hello")), k:decrypt(k:encrypt("hello"))`,
			"37fde539e7 hello"},
		{"aes cfb128", aes + `local k = aes:new("AKeyForAES", "MySat!1!", aes.cipher(128, "cfb128")) local s = ("hello"):rep(9) return k:decrypt(k:encrypt(s)) == s, hex(k:encrypt("hello"))`,
			"true 37cbe5f66b"},
		{"aes gcm", aes + `local k = aes:new("AKeyForAES", nil, aes.cipher(256, "gcm"), {iv = ("1"):rep(12), method = function() return ("k"):rep(32) end})
			local r = k:encrypt("hello", "aad") return #r[1], #r[2], k:decrypt(r[1], r[2], "aad"), k:decrypt(r[1], r[2], "other")`,
			"5 16 hello nil EVP_DecryptFinal_ex failed"},
		{"aes, iv", aes + `local key, c = ("k"):rep(16), aes.cipher(128, "cbc")
			local short, zeros = aes:new(key, nil, c, {iv = "1"}), aes:new(key, nil, c, {iv = "1" .. ("\0"):rep(15)})
			return short:encrypt("x") == zeros:encrypt("x"), aes:new(key, nil, c, {iv = ("1"):rep(17)})`, "true nil bad iv length"},
		{"aes without self", aes + `local x = aes:new("k").encrypt("x") return x`, "t:1: bad argument #1 self: table expected, got string"},
		{"aes, wrong", aes + `return aes:new("k", "short")`, "nil salt must be 8 characters or nil"},
		{"aes, wrong text", aes + `return aes:new("k"):decrypt("not whole blocks")`, "nil EVP_DecryptFinal_ex failed"},
		{"aes, too many rounds", aes + `return aes:new("k", nil, aes.cipher(), nil, 1e9)`, "nil too many rounds"},
		{"aes, no such cipher", aes + `return aes.cipher(129, "cbc")`, "nil"},
		{"tablepool", `local p = require "tablepool" local t = p.fetch("x", 1, 1) t.a = 1 p.release("x", t)
			local u = p.fetch("x", 1, 1) return t == u, u.a, p.fetch("x", 0, 0) ~= u, pcall(p.release, "x")`, "true nil true false object empty"},
	} {
		if got := run(t, c.script); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}
