package vm

import (
	"testing"
)

// run compiles and runs src on a fresh server thread and joins its results as tostring shows them.
func run(t *testing.T, m *VM, src string) string {
	t.Helper()
	p, err := Compile([]byte(src), "=t")
	if err != nil {
		return "SYNTAX " + err.Error()
	}
	th := m.NewThread()
	defer m.Release(th)
	r, err := th.Call(m.Load(p))
	if err != nil {
		return "ERROR " + err.Error()
	}
	out := ""
	for i, v := range r {
		if i > 0 {
			out += " "
		}
		out += th.ToString(v)
	}
	return out
}

func TestPrograms(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"numbers in concatenation", `return 0.1+0.2 .. "|" .. 1e15 .. "|" .. 3`, "0.3|1e+15|3"},
		{"position and name of an indexed local", "local a\nreturn a.b", "ERROR t:2: attempt to index local 'a' (a nil value)"},
		{"call of a nil field", "local t = {}\nt.foo()", "ERROR t:2: attempt to call field 'foo' (a nil value)"},
		{"call of a nil method", "local t = {}\nt:foo()", "ERROR t:2: attempt to call method 'foo' (a nil value)"},
		{"call of a nil global", "foo()", "ERROR t:1: attempt to call global 'foo' (a nil value)"},
		{"arithmetic on an upvalue", "local a\nlocal function f() return a + 1 end\nreturn f() + 1", "ERROR t:2: attempt to perform arithmetic on upvalue 'a' (a nil value)"},
		{"arithmetic on a field", "local a = {}\nreturn 1 + a.x", "ERROR t:2: attempt to perform arithmetic on field 'x' (a nil value)"},
		{"concatenation of a nil local", "local a\nreturn 'x' .. a", "ERROR t:2: attempt to concatenate local 'a' (a nil value)"},
		{"comparison", "return {} < {}", "ERROR t:1: attempt to compare two table values"},
		{"comparison of two kinds", "return 1 < nil", "ERROR t:1: attempt to compare number with nil"},
		{"error with a level", "local function f() error('x', 2) end\nf()\n", "ERROR t:2: x"},
		{"pcall with arguments", "return pcall(function(...) return ... end, 1, 2)", "true 1 2"},
		{"pcall keeps upvalues of outer frames open", "local x = 1\nlocal function set(v) x = v end\npcall(error, 'boom')\nset(5)\nreturn x", "5"},
		{"closures made in a failed call keep their values", "local f\npcall(function() local y = 7; f = function() return y end; error('x') end)\nlocal a,b,c,d,e = 1,2,3,4,5\nreturn f()", "7"},
		{"xpcall with arguments and a handler", "return xpcall(function(a) error(a, 0) end, function(m) return 'h:' .. m end, 'z')", "false h:z"},
		{"error objects", "local ok, e = pcall(error, {1})\nreturn type(e), e[1]", "table 1"},
		{"yield across pcall", "local co = coroutine.wrap(function() local ok, v = pcall(function() return coroutine.yield(1) + 1 end); return ok, v end)\nreturn co(), co(41)", "1 true 42"},
		{"yield in a metamethod", "local t = setmetatable({}, {__index = function(_, k) return coroutine.yield(k) end})\nlocal co = coroutine.wrap(function() return t.x end)\nreturn co(), co('v')", "x v"},
		{"yield in an iterator", "local co = coroutine.wrap(function() for v in function() return coroutine.yield('n') end do return v end end)\nreturn co(), co('v')", "n v"},
		{"yield in sort and gsub", "local co = coroutine.wrap(function() local s = ('abc'):gsub('.', function(c) return coroutine.yield(c) end); return s end)\nco() co('1') co('2') return co('3')", "123"},
		{"tail yield", "local co = coroutine.wrap(function() return coroutine.yield(1) end)\nco() return co(2)", "2"},
		{"dead coroutine", "local co = coroutine.create(function() end)\ncoroutine.resume(co)\nreturn coroutine.resume(co)", "false cannot resume dead coroutine"},
		{"error in a coroutine", "return coroutine.resume(coroutine.create(function() error('x') end))", "false t:1: x"},
		{"status", "local co\nco = coroutine.create(function() return coroutine.status(co) end)\nlocal a = coroutine.status(co)\nlocal _, b = coroutine.resume(co)\nreturn a, b, coroutine.status(co)", "suspended running dead"},
		{"load with an environment", "return load('return x', '=c', 't', {x = 3})()", "3"},
		{"stack overflow", "local function f() return 1 + f() end\nlocal ok, e = pcall(f)\nreturn ok, e", "false t:1: stack overflow"},
		{"deep recursion", "local function f(n) if n == 0 then return 0 end return 1 + f(n-1) end\nreturn f(15000)", "15000"},
		{"tonumber", `return tonumber("1e2"), tonumber("0x10"), tonumber("z", 36), tonumber("1e"), tonumber(" 5 ")`, "100 16 35 nil 5"},
		{"missing module", "local ok, e = pcall(require, 'no.such')\nreturn e:match(\"^module 'no.such' not found:\\n\\tno field package.preload%['no.such'%]\\n\\tno file './no/such.lua'\") ~= nil", "true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(Options{})
			defer m.Close()
			if got := run(t, m, c.src); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
