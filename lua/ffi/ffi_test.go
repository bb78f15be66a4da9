package ffi_test

import (
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/lua/ffi"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// run runs a script whose asserts are the test.
func run(t testing.TB, src string) error {
	t.Helper()
	m := vm.New(vm.Options{})
	defer m.Close()
	stdlib.Open(m)
	ffi.Register(m, vm.NamedLight("null"))
	p, err := vm.Compile([]byte("local ffi = require 'ffi'\n"+src), "=t")
	if err != nil {
		t.Fatal(err)
	}
	th := m.NewThread()
	_, err = th.Call(m.Load(p))
	return err
}

func TestFFI(t *testing.T) {
	for name, src := range map[string]string{
		"buffers": `
			local buf = ffi.new("char[?]", 8)
			assert(ffi.sizeof(buf) == 8 and type(buf) == "cdata")
			for i = 0, 3 do buf[i] = 65 + i end
			assert(ffi.string(buf) == "ABCD" and ffi.string(buf, 2) == "AB" and buf[1] == 66)
			ffi.copy(buf + 1, "xy", 2)
			assert(ffi.string(buf) == "AxyD")
			ffi.fill(buf, 4, 0x7a)
			assert(ffi.string(buf) == "zzzz")
			local u = ffi.new("unsigned char[3]", { 255, 256, -1 })
			assert(u[0] == 255 and u[1] == 0 and u[2] == 255)
			local s = ffi.new("int8_t[2]", 200)
			assert(s[0] == -56 and s[1] == -56)
			local d = ffi.new("double[1]", 1.5)
			assert(d[0] == 1.5)
			assert(ffi.string(ffi.new("char[6]", "hello")) == "hello")`,
		"records": `
			ffi.cdef[[
				typedef struct point_s point_t;
				struct point_s { int x, y; struct { uint8_t a; uint64_t b; }; const char *name; point_t *next; char tail[4]; };
				enum colour { RED, GREEN = 5, BLUE };
				typedef union { uint32_t n; uint8_t b[4]; } word;
				static const int LIMIT = 1 << 4;
			]]
			local p = ffi.new("point_t", { x = 1, y = -2, b = 3, name = "n" })
			assert(p.x == 1 and p.y == -2 and p.a == 0 and p.b == 3 and ffi.string(p.name) == "n" and p.next == nil)
			assert(ffi.sizeof("point_t") == 48 and ffi.offsetof("point_t", "b") == 16 and ffi.alignof("struct point_s") == 8)
			p.next = p
			p.next.x = 9
			assert(p.x == 9 and p.next.next == p.next)
			p.tail = "abc"
			assert(ffi.string(p.tail, 3) == "abc")
			assert(ffi.C.BLUE == 6 and ffi.C.LIMIT == 16)
			local w = ffi.new("word")
			w.n = 0x01020304
			assert(w.b[0] == 4 and w.b[3] == 1)
			local list = ffi.new("struct point_s[2]", { { 1 }, { 2, 3 } })
			assert(list[1].x == 2 and list[1].y == 3)
			local copy = ffi.new("point_t", p)
			assert(copy.x == 9 and ffi.string(copy.name) == "n" and copy ~= p)
			assert(ffi.istype("point_t", p) and not ffi.istype("word", p) and ffi.istype("int*", ffi.new("int*")))`,
		"pointers": `
			local a = ffi.new("int[4]", { 1, 2, 3, 4 })
			local p = ffi.cast("int*", a) + 1
			assert(p[0] == 2 and p[-1] == 1 and (p + 2)[0] == 4 and p - ffi.cast("int*", a) == 1 and p > ffi.cast("int*", a))
			assert(ffi.cast("void*", 0) == nil)
			local s = ffi.cast("const char *", "text")
			assert(s[1] == 101 and ffi.string(s + 2) == "xt")
			assert(ffi.cast("uint8_t*", a)[4] == 2 and ffi.cast("uintptr_t", a) > 0)
			assert(ffi.cast("uint32_t", -1) == 4294967295 and ffi.cast("int32_t", 2^31) == -2147483648 and ffi.cast("int", 1.9) == 1)
			local pp = ffi.new("char*[1]")
			assert(pp[0] == nil)
			pp[0] = ffi.new("char[3]", "ab")
			assert(ffi.string(pp[0]) == "ab")`,
		"metatypes": `
			ffi.cdef "typedef struct { double x, y; } vec;"
			local mt = { __add = function(a, b) return ffi.new("vec", a.x + b.x, a.y + b.y) end,
				__index = { length = function(v) return math.sqrt(v.x * v.x + v.y * v.y) end },
				__eq = function(a, b) return a.x == b.x and a.y == b.y end, __tostring = function() return "vec" end, __len = function() return 2 end }
			local vec = ffi.metatype("vec", mt)
			local v = vec(3, 4)
			assert(v:length() == 5 and (v + v).x == 6 and v == vec(3, 4) and tostring(v) == "vec" and #v == 2)
			assert(not pcall(ffi.metatype, "vec", {}))`,
		"collected": `
			local n = 0
			do
				ffi.cdef "typedef struct { int i; } held;"
				local held = ffi.metatype("held", { __gc = function(h) n = n + h.i end })
				held(1)
				ffi.gc(ffi.new("int[1]", 10), function(p) n = n + p[0] end)
				ffi.gc(ffi.gc(ffi.new("int[1]", 100), print), nil)
			end
			for i = 1, 50 do collectgarbage() if n == 11 then break end end
			assert(n == 11, n)`,
		"functions": `
			ffi.cdef [[
				typedef void (*callback)(int, char **); int (*handler)(void);
				size_t strlen(const char *s); int memcmp(const void *a, const void *b, size_t n); char *strerror(int n);
				int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
			]]
			assert(ffi.C.strlen("four") == 4 and ffi.C.memcmp("ab", "ac", 2) < 0)
			assert(ffi.string(ffi.C.strerror(2)) == "no such file or directory")
			ffi.cdef [[
				typedef unsigned char u_char; u_char *ngx_hex_dump(u_char *dst, const u_char *src, size_t len);
				intptr_t ngx_atoi(const unsigned char *line, size_t n); intptr_t ngx_hextoi(const u_char *line, size_t n);
				struct timeval { long tv_sec; long tv_usec; }; int gettimeofday(struct timeval *tv, void *tz);
			]]
			local to = ffi.new("u_char[?]", 5)
			assert(ffi.C.ngx_hex_dump(to, "\1\255", 2) - to == 4 and ffi.string(to, 4) == "01ff")
			assert(not pcall(ffi.C.ngx_hex_dump, to, "abc", 3) and not pcall(ffi.C.ngx_hex_dump, to, "a", 2))
			assert(ffi.C.ngx_atoi("120", 2) == 12 and ffi.C.ngx_atoi("1x", 2) == -1 and ffi.C.ngx_hextoi("fFg", 2) == 255 and ffi.C.ngx_hextoi("-1", 2) == -1)
			local tv = ffi.new("struct timeval[1]")
			assert(ffi.C.gettimeofday(tv, nil) == 0 and math.abs(tonumber(tv[0].tv_sec) - os.time()) < 2 and tonumber(tv[0].tv_usec) < 1e6)
			local function fails(text, f, ...) local ok, err = pcall(f, ...) assert(not ok and err:find(text, 1, true), err) end
			fails("undefined symbol: printf", function() return ffi.C.printf end)
			fails("missing declaration for symbol 'exit'", function() return ffi.C.exit end)
			fails("cannot open shared object file", ffi.load, "ssl")`,
		"errors": `
			local function fails(text, f, ...) local ok, err = pcall(f, ...) assert(not ok and err:find(text, 1, true), err) end
			ffi.cdef "typedef struct { int i; } rec; struct unknown;"
			fails("has no member named 'j'", function() return ffi.new("rec").j end)
			fails("out of bounds", function() return ffi.new("char[4]")[4] end)
			fails("out of bounds", function() ffi.new("char[4]")[-1] = 1 end)
			fails("NULL", function() return ffi.new("int*")[0] end)
			fails("cannot convert 'string' to 'int'", ffi.new, "int[1]", { "x" })
			fails("cannot convert 'table' to 'int *'", ffi.cast, "int*", {})
			fails("size of C type", ffi.new, "char[?]")
			fails("size of C type", ffi.new, "char[?]", -1)
			fails("size of C type", ffi.new, "char[?]", 1e15)
			fails("size of C type", ffi.new, "struct unknown")
			fails("specifier expected near 'nosuch'", ffi.typeof, "nosuch *")
			fails("expected near", ffi.cdef, "struct x { int")
			fails("redefine", ffi.cdef, "struct y { int a; }; struct y { int b; };")
			fails("out of bounds", ffi.string, ffi.new("char[2]"), 3)
			fails("out of bounds", ffi.copy, ffi.new("char[2]"), "abcd")`,
		"types": `
			local ct = ffi.typeof("char[?]")
			assert(tostring(ct) == "ctype<char [?]>" and type(ct) == "cdata" and ffi.sizeof(ct, 5) == 5)
			assert(ffi.sizeof(ct(3)) == 3)
			local pair = ffi.typeof("struct { $ a; $ *b; }", ffi.typeof "int16_t", ct)
			assert(ffi.sizeof("long long unsigned int") == 8 and ffi.sizeof("long double") == 8 and ffi.sizeof("unsigned short") == 2)
			assert(ffi.sizeof("int(*[3])(void)") == 24 and ffi.sizeof("char[2][3]") == 6)
			assert(ffi.os == "Linux" and ffi.arch == "x64" and ffi.abi("le") and not ffi.abi("32bit") and ffi.errno() == 0)`,
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(t, src); err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzCdef(f *testing.F) {
	f.Add("typedef struct { int a[3]; char *b; } t; int f(int (*)(void), ...);")
	f.Add("enum { A = -1, B, C = (1 << 3) }; union u { long x : 3; };")
	f.Add("struct a { struct b { int c; } d; };")
	f.Fuzz(func(t *testing.T, src string) {
		if strings.Contains(src, "]==]") {
			return
		}
		// Whatever it says, it says it as a Lua error.
		if err := run(t, "pcall(ffi.cdef, [==["+src+"]==]) pcall(ffi.typeof, [==["+src+"]==])"); err != nil && strings.Contains(err.Error(), "runtime error") {
			t.Error(err)
		}
	})
}
