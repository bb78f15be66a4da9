package vm_test

import (
	. "github.com/luahttpd/luahttpd/lua/vm"
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

func TestTracebackOfCoroutines(t *testing.T) {
	m := newVM()
	defer m.Close()
	th := m.NewThread()
	_, err := th.Call(loadText(t, m, "local co = coroutine.wrap(function()\n  error('x')\nend)\nco()"))
	e, ok := err.(*Error)
	if !ok || e.Error() != "t:4: t:2: x" {
		t.Fatal(err)
	}
	want := []string{"\n\t[C]: in function 'error'\n\tt:2: in function <t:1>", "\n\t[C]: in function 'co'\n\tt:4: in main chunk"}
	if len(e.Coroutines) != 2 || e.Coroutines[0] != want[0] || e.Coroutines[1] != want[1] {
		t.Errorf("%q", e.Coroutines)
	}
	if e.Traceback != "stack traceback:"+want[1] {
		t.Errorf("%q", e.Traceback)
	}
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
		{"yield in gsub", "return coroutine.resume(coroutine.create(function() return ('abc'):gsub('.', coroutine.yield) end))", "false attempt to yield across C-call boundary"},
		{"tail yield", "local co = coroutine.wrap(function() return coroutine.yield(1) end)\nco() return co(2)", "2"},
		{"dead coroutine", "local co = coroutine.create(function() end)\ncoroutine.resume(co)\nreturn coroutine.resume(co)", "false cannot resume dead coroutine"},
		{"error in a coroutine", "return coroutine.resume(coroutine.create(function() error('x') end))", "false t:1: x"},
		{"status", "local co\nco = coroutine.create(function() return coroutine.status(co) end)\nlocal a = coroutine.status(co)\nlocal _, b = coroutine.resume(co)\nreturn a, b, coroutine.status(co)", "suspended running dead"},
		{"load with an environment", "return load('return x', '=c', 't', {x = 3})()", "3"},
		{"stack overflow", "local function f() return 1 + f() end\nlocal ok, e = pcall(f)\nreturn ok, e", "false t:1: stack overflow"},
		{"deep recursion", "local function f(n) if n == 0 then return 0 end return 1 + f(n-1) end\nreturn f(15000)", "15000"},
		{"tonumber", `return tonumber("1e2"), tonumber("0x10"), tonumber("z", 36), tonumber("1e"), tonumber(" 5 ")`, "100 16 35 nil 5"},
		{"swap", "local a, b = 1, 2 a, b = b, a return a, b", "2 1"},
		{"index evaluated before the assignment", "local i, t = 1, {} i, t[i] = i + 1, 20 return i, t[1], t[2]", "2 20 nil"},
		{"loop that begins with break", "for k in pairs({1, 2}) do break end return 'ok'", "ok"},
		{"constant condition in a loop", "local n = 0 for k in pairs({1, 2}) do if true and false then local x = 1 end n = n + 1 end return n", "2"},
		{"two generic loops with one name", "local n, r = 0, {} local function it(a, b) n = n + 1 if n % 3 == 0 then return nil end return tostring(a) .. tostring(b) end for x in it do r[#r+1] = x end for x in it do r[#r+1] = x end return table.concat(r, ' ')", "nilnil nilnilnil nilnil nilnilnil"},
		{"function does not see its own variable", "local f = function() return f end return f()", "nil"},
		{"constructor of 50 items and a field", "local t = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50, a = tostring(5)} return t[1], t[50], t.a", "1 50 5"},
		{"field of a constant", "local t = {} (5).f = 1", "ERROR t:1: attempt to index a number value"},
		{"escapes", `return "\x41\u{20ac}\65\z
			b"`, "A€Ab"},
		{"numbers", "return 0x10, 1e2, 0x1p4, 010, .5", "16 100 16 10 0.5"},
		{"__pairs, __len, __ipairs", "local t = setmetatable({}, {__pairs = function() return function(_, k) if not k then return 1, 2 end end end, __len = function() return 7 end}) for k, v in pairs(t) do return k, v, #t end", "1 2 7"},
		{"rounding half up", `return 123456789012345, ("%.0f %.2f"):format(2.5, 0.125), 0/0`, "1.2345678901235e+14 3 0.13 nan"},
		{"frontier, captures, balance", `return ("THE (quick) fox"):find("%f[%a]%a+%f[%A]"), ("f(a(b)c)d"):match("%b()"), ("k = v"):match("(%w+)%s*=%s*(%w+)")`, "1 (a(b)c) k v"},
		{"position of a tail-called error", "local function f() return error('x') end\nf()", "ERROR t:2: x"},
		{"argument of a named function", "string.rep()", "ERROR t:1: bad argument #1 to 'rep' (string expected, got no value)"},
		{"argument of a tail call", "return string.rep()", "ERROR bad argument #1 to '?' (string expected, got no value)"},
		{"argument of a method", "local s = 'x' s:rep({})", "ERROR t:1: bad argument #1 to 'rep' (number expected, got table)"},
		{"bad self", "local f = io.stdout f.write()", "ERROR t:1: bad argument #1 to 'write' (FILE* expected, got no value)"},
		{"pcall of no function", "return pcall(5)", "false attempt to call a number value"},
		{"traceback", "local function f() return (debug.traceback('m')) end\nlocal s = f()\nreturn s", "m\nstack traceback:\n\tt:1: in function 'f'\n\tt:2: in main chunk"},
		{"traceback in a handler", "local function f() error('x') end\nlocal _, s = xpcall(f, debug.traceback)\nreturn (s:match('^(.-)\\n[^\\n]*xpcall'))", "t:1: x\nstack traceback:\n\t[C]: in function 'error'\n\tt:1: in function <t:1>"},
		{"handler of an overflow", "local function f() return 1 + f() end\nreturn xpcall(f, function(m) return 'h ' .. m end)", "false h t:1: stack overflow"},
		{"getinfo", "local i = debug.getinfo(1, 'Sl') return i.short_src, i.source, i.currentline, i.what", "t =t 1 main"},
		{"tail-called coroutine of coroutines", "local function f(n) if n == 0 then return 'end' end return coroutine.wrap(f)(n - 1) end return f(100)", "end"},
		{"coroutines without end", "local function f() return coroutine.wrap(f)() end\nlocal ok, e = pcall(f) return ok, (e:gsub('t:%d+: ', ''))", "false C stack overflow"},
		{"memory of a string", "return pcall(string.rep, 'x', 1e10)", "false not enough memory"},
		{"memory of concat", "local s = ('x'):rep(2^20) local t = {} for i = 1, 1000 do t[i] = s end return pcall(table.concat, t)", "false not enough memory"},
		{"sparse table", "local t = {} t[1e9] = 1 t[2^52] = 2 return t[1e9], t[2^52], #t", "1 2 0"},
		{"dump", "return loadstring(string.dump(function(a) return a + 1 end))(4)", "5"},
		{"table extensions", "local new = require 'table.new' local t = new(4, 0) t[1] = 1 t.x = 2 return require('table.nkeys')(t), require('table.isarray')(t), require('table.isempty')({}), table.nkeys(t)", "2 false true 2"},
		{"bit", "return bit.bor(1, 2^31), bit.tohex(255), bit.bxor(5, 3), bit.rol(1, 33)", "-2147483647 000000ff 6 2"},
		{"date", "return os.date('!%a, %d %b %Y %H:%M:%S', 0), os.time({year = 2000, month = 1, day = 1, hour = 0}) ~= nil", "Thu, 01 Jan 1970 00:00:00 true"},
		{"falsy operand assigned to a local", "local function f() end local v = 1 v = f() and v return v", "nil"},
		{"repeated target", "local v v, v = 1.5 return v", "1.5"},
		{"missing module", "local ok, e = pcall(require, 'no.such')\nreturn e:match(\"^module 'no.such' not found:\\n\\tno field package.preload%['no.such'%]\\n\\tno file './no/such.lua'\") ~= nil", "true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newVM()
			defer m.Close()
			if got := run(t, m, c.src); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// An error value whose __tostring fails, with itself even, has no text and ends nothing else.
func TestErrorTextFails(t *testing.T) {
	m := newVM()
	defer m.Close()
	for _, f := range []string{"error", "function(e) error(e) end", "function() while true do end end", "function() return {} end", "coroutine.wrap(function(e) error(e) end)"} {
		th := m.NewThread()
		th.SetLimits(Limits{Instructions: 1 << 20})
		_, err := th.Call(loadText(t, m, "error(setmetatable({}, {__tostring = "+f+"}))"))
		if e, ok := err.(*Error); !ok || e.Value.Table() == nil || e.Error() != "(error object is a table value)" {
			t.Errorf("%s: %v", f, err)
		}
		th.SetLimits(Limits{})
		if got := run(t, m, "return 1 + 1"); got != "2" {
			t.Errorf("%s: afterwards %s", f, got)
		}
	}
}

// Writes of all kinds leave a table with what was written, wherever its array part ends.
func TestHoles(t *testing.T) {
	m := newVM()
	defer m.Close()
	got := run(t, m, `
		local seed = 1
		local function random(n) seed = seed * 16807 % 2147483647 return seed % n + 1 end
		for round = 1, 2000 do
			local t, model, count = {}, {}, 0
			for i = 1, random(60) do
				local k, v = random(40), random(3) > 1 and i or nil
				if random(6) == 1 then k = k .. "" elseif random(9) == 1 then k = k * 100 end
				t[k], model[tostring(k) .. type(k)] = v, v
			end
			for k, v in pairs(t) do
				count = count + 1
				if model[tostring(k) .. type(k)] ~= v then return round, k, v end
				if random(3) == 1 then t[k] = nil elseif random(2) == 1 then t[k] = v end
			end
			for _ in pairs(model) do count = count - 1 end
			if count ~= 0 then return round, "entries", count end
			local n = #t
			if n > 0 and t[n] == nil or t[n + 1] ~= nil then return round, "border", n end
		end
		return "right"`)
	if got != "right" {
		t.Error(got)
	}
}
