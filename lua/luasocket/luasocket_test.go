package luasocket

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/lua/luatest"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// run runs a script; what it returns is joined by blanks. D is a directory.
func run(t testing.TB, script string) string {
	t.Helper()
	m := stdlib.New(vm.Options{})
	defer m.Close()
	Register(m, Host{
		Wait:  waitBlocking,
		Sleep: func(_ *vm.Thread, d time.Duration) { time.Sleep(d) },
		Lookup: func(_ *vm.Thread, name string) ([]netip.Addr, error) {
			if name == "two.example" {
				return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}, nil
			}
			return nil, ErrUnknown
		},
		Offload:    func(f func()) { f() },
		Disconnect: func(int) error { return nil },
	})
	m.Globals().SetStr("D", vm.String(t.TempDir()+"/"))
	return luatest.Run(t, m.NewThread(), prelude+script)
}

// prelude has what LuaSocket has in Lua: a server and its client.
const prelude = `local socket, mime = require "socket.core", require "mime.core"
local function server() local s = socket.tcp4() s:setoption("reuseaddr", true) assert(s:bind("127.0.0.1", 0)) assert(s:listen()) return s, (select(2, s:getsockname())) end
local function pair() local s, port = server() local c = assert(socket.connect("127.0.0.1", port)) local a = assert(s:accept()) s:close() return c, a end
`

// waitBlocking is a Host.Wait by select(2).
func waitBlocking(_ *vm.Thread, list []Interest, limit time.Duration) (bool, error) {
	var readers, writers syscall.FdSet
	bit := func(fd int) (int, int64) { return fd / 64, 1 << (fd % 64) }
	for _, in := range list {
		i, b := bit(in.FD)
		if in.Read {
			readers.Bits[i] |= b
		}
		if in.Write {
			writers.Bits[i] |= b
		}
	}
	var left *syscall.Timeval
	if limit >= 0 {
		v := syscall.NsecToTimeval(int64(limit))
		left = &v
	}
	n, err := syscall.Select(1024, &readers, &writers, nil, left)
	for k := range list {
		i, b := bit(list[k].FD)
		list[k].Readable, list[k].Writable = n > 0 && readers.Bits[i]&b != 0, n > 0 && writers.Bits[i]&b != 0
	}
	return n > 0, err
}

func TestSockets(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"classes", `local s = socket.tcp() local c, a = pair() return tostring(s):match("^[^:]+"), tostring(c):match("^[^:]+"), c.class, (pcall(s.send, s, "x")),
			select(2, pcall(s.accept, s))`, "tcp{master} tcp{client} tcp{client} false bad argument #1 to '?' (tcp{server} expected)"},
		{"lines", `local c, a = pair() a:send("one\r\ntw\ro\nrest") a:close() return c:receive(), c:receive("*l"), c:receive()`, "one two nil closed rest"},
		{"bytes and a prefix", `local c, a = pair() a:send("7890x") return c:receive(10, "123456"), c:receive(1, "abc"), c:receive(2, "ab"), c:receive(1)`,
			"1234567890 abc ab x nil nil"},
		{"everything", `local c, a = pair() a:send("all") a:close() return c:receive("*a"), c:receive("*a")`, "all nil closed "},
		{"a pattern that is none", `local c = pair() return select(2, pcall(c.receive, c, "*x")), (pcall(c.receive, c, -1))`, "bad argument #2 to '?' (invalid receive pattern) false"},
		{"a part", `local c, a = pair() local r = {c:send("hello", 2, 3)} a:settimeout(1) return r[1], r[2], a:receive(2), c:send("x", 5), c:send("xyz", -2, -2)`,
			"3 nil el 4 2 nil nil"},
		{"nothing yet", `local c = pair() c:settimeout(0) local d = pair() d:settimeout(0.01) local e = pair() e:settimeout(0.01, "t") return c:receive(), d:receive(), e:receive(3, "p")`,
			"nil nil nil timeout p"},
		{"timeouts", `local c = pair() c:settimeout(2) c:settimeout(3, "t") local b, t = c:gettimeout() c:settimeout() return b, t, c:gettimeout(), pcall(c.settimeout, c, 1, "x")`,
			"2 3 -1 false bad argument #3 to '?' (invalid timeout mode)"},
		{"closed", `local c, a = pair() c:close() return c:getfd(), c:receive(), c:send("x"), a:getfd() >= 0, a:receive()`, "-1 nil nil true nil closed "},
		{"refused", `local s, port = server() s:close() return socket.connect("127.0.0.1", port)`, "nil connection refused"},
		{"a host that is not known", `return socket.connect("none.example", 1)`, "nil host or service not provided, or not known"},
		{"a service that is not known", `return socket.tcp():connect("127.0.0.1", "none")`, "nil service not supported for socket type"},
		{"the second address", `local s = socket.tcp6() if not s or not s:bind("::1", 0) then return "inet6 ::1" end s:listen() local _, port = s:getsockname()
			local c, e = socket.connect("two.example", port) if not c then return e end return c:getfamily(), (c:getpeername())`, "inet6 ::1"},
		{"connecting goes on", `local s, port = server() local c = socket.tcp() c:settimeout(0) local ok, e = c:connect("127.0.0.1", port)
			local _, w = socket.select(nil, {c}, 1) return ok or e == "timeout", w[1] == c, w[c], c:getoption("error")`, "true true 1 nil"},
		{"accept in vain", `local s = server() s:settimeout(0) return s:accept()`, "nil timeout"},
		{"names", `local c, a = pair() local h, p, f = c:getsockname() local h2, p2 = a:getpeername() return h == h2, p == p2, f, socket.tcp():getsockname()`,
			"true true inet nil Bad file descriptor"},
		{"statistics", `local c, a = pair() c:send("12345") a:settimeout(1) a:receive(3) local r, s, age = c:getstats() a:setstats(7, 8, 100) return r, s, age < 60, a:getstats() - 100`,
			"0 5 true -93"},
		{"shutdown", `local c, a = pair() c:shutdown("send") return a:receive(), pcall(c.shutdown, c, "x")`, "nil false bad argument #2 to '?' (invalid option 'x')"},
		{"select", `local c, a = pair() local d = pair() local r, w, e = socket.select({d, c}, nil, 0.01) a:send("x") local r2, w2, e2 = socket.select({d, c}, {d}, 1)
			return #r, #w, e, r2[1] == c, r2[c], w2[1] == d, e2`, "0 0 timeout true 1 true nil"},
		{"select: what is in the buffer", `local c, a = pair() a:send("one\ntwo\n") c:receive() local r, w = socket.select({c}, {}, 5) return c:dirty(), r[1] == c, #w`, "true true 0"},
		{"select: other objects", `local c, a = pair() local o = {getfd = function() return c:getfd() end, dirty = function() return false end} a:send("x")
			local r = socket.select({o, {}, {getfd = function() end}}, nil, 1) return r[1] == o, #r`, "true 1"},
		{"select: nothing", `return #socket.select(nil, nil, 0), (pcall(socket.select, 1))`, "0 false"},
		{"options", `local c = pair() c:setoption("tcp-nodelay", true) c:setoption("keepalive", true) c:setoption("linger", {on = true, timeout = 3}) c:setoption("recv-buffer-size", 9000)
			local l = c:getoption("linger") return c:getoption("tcp-nodelay"), c:getoption("keepalive"), l.on, l.timeout, c:getoption("recv-buffer-size") >= 9000, c:getoption("error"),
			select(2, pcall(c.setoption, c, "broadcast", true)), select(2, pcall(c.setoption, c, "linger", {}))`,
			"true true true 3 true nil bad argument #2 to '?' (unsupported option `broadcast') bad argument #3 to '?' (boolean 'on' field expected)"},
		{"options of closed sockets", `return socket.tcp():setoption("keepalive", true), socket.tcp():getoption("keepalive")`, "nil nil getsockopt failed"},
		{"udp", `local a, b = socket.udp(), socket.udp4() a:setsockname("127.0.0.1", 0) a:settimeout(1) local _, port = a:getsockname()
			b:sendto("hi", "127.0.0.1", port) local text, host = a:receivefrom() b:setpeername("127.0.0.1", port) b:send("") b:send("longer")
			return text, host, a:receive(), a:receive(4), tostring(b):match("^[^:]+"), (pcall(b.sendto, b, "x", "127.0.0.1", port)), b:setpeername("*"), tostring(b):match("^[^:]+")`,
			"hi 127.0.0.1  long udp{connected} false 1 udp{unconnected}"},
		{"udp: a name is none", `return socket.udp():sendto("x", "two.example", 5)`, "nil host or service not provided, or not known"},
		{"udp: nothing", `local a = socket.udp4() a:settimeout(0) return a:receive(), a:receivefrom()`, "nil nil timeout"},
		{"udp: options", `local a = socket.udp4() return a:setoption("broadcast", true), a:getoption("broadcast"), a:setoption("ip-multicast-ttl", 3), a:setoption("ip-multicast-if", "*"),
			a:getoption("ip-multicast-if"), select(2, pcall(a.setoption, a, "ip-add-membership", {multiaddr = "x", interface = "*"}))`,
			"1 true 1 1 0.0.0.0 bad argument #3 to '?' (invalid 'multiaddr' ip address)"},
		{"unix streams", `local unix = require "socket.unix" local s = unix() s:bind(D .. "s") s:listen() local c = unix.stream() c:connect(D .. "s") local a = s:accept()
			c:send("over there\n") return a:receive(), s:getsockname() == D .. "s", unix.tcp == unix.stream, unix():connect(D .. "none"), unix():bind(("x"):rep(200))`,
			"over there true true nil nil path too long"},
		{"unix datagrams", `local unix = require "socket.unix" local s, c = unix.dgram(), unix.udp() s:bind(D .. "s") c:bind(D .. "c") c:connect(D .. "s") c:send("one") local text, from = s:receivefrom()
			s:sendto("two", from) return text, from == D .. "c", c:receive()`, "one true two"},
		{"setfd", `local c, a = pair() local d = pair() local fd = c:getfd() local ok = pcall(d.setfd, d, fd) c:setfd(-1) d:setfd(fd) a:send("x\n") return ok, c:getfd(), d:receive()`, "false -1 x nil nil"},
		{"dns", `local ip, all = socket.dns.toip("two.example") local list = socket.dns.getaddrinfo("two.example") return ip, #all.ip, all.name, #list, list[2].family, list[2].addr,
			socket.dns.toip("none.example"), #socket.dns.gethostname() > 0, socket.dns.tohostname("two.example")`, ""},
		{"try", `local closed = 0 local try = socket.newtry(function() closed = closed + 1 end) local f = socket.protect(function(...) return try(...) end)
			local a, b, c = f(1, 2, 3) return a, b, c, closed, f(nil, "no"), select(2, f(false, {1}))[1], closed, pcall(socket.protect(error), "other")`, "1 2 3 0 nil 1 2 false other"},
		{"try without a finalizer", `return socket.protect(socket.newtry())(nil, "no")`, "nil no"},
		{"protect lets coroutines yield", `local co = coroutine.wrap(socket.protect(function() coroutine.yield(1) return 2 end)) return co(), co()`, "1 2"},
		{"skip", `return socket.skip(1, "a", "b", "c"), socket.skip(5, 1)`, "b"},
		{"skip all", `return socket.skip(2, 1, 2)`, ""},
		{"clock", `local t = socket.gettime() socket.sleep(0.01) socket.sleep(-1) return socket.gettime() - t >= 0.01, math.abs(t - os.time()) < 2`, "true true"},
	} {
		want := c.want
		if c.name == "dns" {
			want = "127.0.0.1 1 two.example 2 inet6 ::1 nil true two.example table:"
		}
		if got := run(t, c.script); got != want && !(c.name == "dns" && strings.HasPrefix(got, want)) {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, want)
		}
	}
}

func TestMIME(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{`return mime.b64("ab"), mime.b64("ab", "cd"), mime.b64(nil), mime.b64("")`, "YWI= YWJj nil nil nil"},
		{`local a, rest = mime.b64("abcd", "e") return a, rest`, "YWJj de"},
		{`return mime.unb64("YW Jj"), mime.unb64("YWI=YWI="), mime.unb64("YQ=="), mime.unb64("YWJjZ", "")`, "abc abab a abc Z"},
		{`return mime.qp("a=\195\169 \r\nb "), mime.qp("x\r\ny", nil, "|")`, "a=3D=C3=A9=20\r\nb=20=\r\n x|y nil"},
		{`return mime.qp("a ", "\r"), mime.qp("a\r", "b")`, "a a=0Db "},
		{`return mime.unqp("a=3D=c3=A9=\r\nb=zz\1\r\nc\rd="), mime.unqp("=4", "1=")`, "a=\xc3\xa9b=zz\r\nc A ="},
		{`return mime.wrp(3, "abcdefg\nh\r", 3)`, "abc\r\ndef\r\ng\r\nh 2"},
		{`return mime.wrp(2, nil, 3), mime.wrp(3, nil, 3)`, "\r\n nil 3"},
		{`return mime.qpwrp(6, "ab=41cd=42", 6)`, "ab=41=\r\ncd=42 1"},
		{`return mime.eol(0, "a\r\nb\rc\n\nd\n\re", "|")`, "a|b|c||d|e 0"},
		{`local a, c = mime.eol(0, "a\r") local b = mime.eol(c, "\nb") return a .. b, mime.eol(0)`, "a\r\nb nil 0"},
		{`return mime.dot(2, ".a\r\n.b.\r\n"), mime.dot(0)`, "..a\r\n..b.\r\n nil 2"},
	} {
		if got := run(t, c.script); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.script, got, c.want)
		}
	}
}

// FuzzMIME: what is encoded can be decoded, however it comes in pieces, and the
// decoders stand everything.
func FuzzMIME(f *testing.F) {
	for _, s := range []string{"", "a=\r\n b", "YWI=", "=4", "=\r", "\r\r\n ", strings.Repeat("x ", 90)} {
		f.Add([]byte(s), 3)
	}
	m := stdlib.New(vm.Options{})
	Register(m, Host{})
	p, err := vm.Compile([]byte(`local mime = require "mime.core"
		local function both(f, s, n) -- in two pieces and as a whole
			local a, rest = f("", s:sub(1, n)) local b, rest2 = f(rest, s:sub(n + 1)) local c = f(rest2, nil)
			return a .. b .. (c or "")
		end
		local s, n = ...
		for _, f in ipairs{"b64", "unb64", "qp", "unqp"} do assert(both(mime[f], s, n) == (mime[f](s, nil) or ""), f) end
		assert((mime.unb64(mime.b64(s)) or "") == s or s == "")
		assert(s == "" or (mime.unqp(mime.qp(s))) == s or s:find("\r\n"), "qp")
		local a, c = mime.eol(0, s:sub(1, n)) local b = mime.eol(c, s:sub(n + 1)) assert(a .. b == (mime.eol(0, s)))
		local a, c = mime.dot(2, s:sub(1, n)) local b = mime.dot(c, s:sub(n + 1)) assert(a .. b == (mime.dot(2, s)))
		for _, w in ipairs{"wrp", "qpwrp"} do local a, c = mime[w](9, s:sub(1, n), 9) local b = mime[w](c, s:sub(n + 1), 9) assert(a .. b == (mime[w](9, s, 9))) end`), "=fuzz")
	if err != nil {
		f.Fatal(err)
	}
	fn := m.Load(p)
	f.Fuzz(func(t *testing.T, text []byte, n int) {
		if _, err := m.NewThread().Call(fn, vm.Bytes(text), vm.Int(min(max(n, 0), len(text)))); err != nil {
			t.Error(err)
		}
	})
}
