package vm_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// TestHook holds what hooks see to what LuaJIT's see, but that a line is not seen again when a call in it ends: there as
// in Lua 5.1.
func TestHook(t *testing.T) {
	const record = `
local seen = {}
local function hook(e, l)
  local i = debug.getinfo(2, "nS")
  local what = e == "line" and l or e == "call" and (i.name or "?") or e
  seen[#seen + 1] = i.what == "C" and what .. "!" or what
end
local function stop(...) debug.sethook() return table.concat(seen, " "), ... end
`
	for _, c := range []struct{ name, src, want string }{
		{"lines", `local a = 1
local b = a + 1
if b > 1 then
  b = 2
else
  b = 3
end
for i = 1, 2 do
  b = i
end
while b < 4 do
  b = b + 1
end
repeat
  b = b - 1
until b < 3
for _, v in ipairs{1, 2} do
  a = v
end`, "2 3 4 5 9 10 9 10 9 12 13 12 13 12 16 17 16 17 18 19 18 19 18 21"},
		{"lines of functions", `local function f(x)
  if x then return 1 end
  return g(
    x)
end
function g()
  return 2
end
f(1)
f()`, "6 9 7 10 3 11 3 4 8 12"},
		{"a line of its own", "for i = 1, 3 do local x = i end", "2 2 2 3"},
		{"functions in a table", `local t = {
  a = function()
    return 1
  end,
  b = 2,
}
t.a()`, "2 5 6 8 4 9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newVM()
			defer m.Close()
			src := strings.ReplaceAll(record, "\n", " ") + "debug.sethook(hook, 'l')\n" + c.src + "\nreturn stop()"
			if got := strings.TrimSuffix(run(t, m, src), " 1"); got != c.want {
				t.Errorf("saw  %s\nwant %s", got, c.want)
			}
		})
	}
	for _, c := range []struct{ name, src, want string }{
		{"calls", `debug.sethook(hook, 'cr') local function f() local x = math.floor(1) return x end f() pcall(f) return (stop())`,
			"f floor! return pcall! ? floor! return stop sethook!"},
		{"returns", `debug.sethook(hook, 'r') local function f() return 1 end f() return (stop())`, "return"},
		{"a tail call", `local function f() return 1 end local function g() return f() end debug.sethook(hook, 'cr') g() return (stop())`,
			"g g return stop sethook!"},
		{"a coroutine", `local co = coroutine.wrap(function() coroutine.yield() end) debug.sethook(hook, 'c') co() co() return (stop())`,
			"co! ? yield! co! stop sethook!"},
		{"metamethods and iterators", `local t = setmetatable({}, {__index = function() end, __call = function() end})
			debug.sethook(hook, 'c') local x = t.x t() for _ in function() end do end return (stop())`, "__index t (for generator) stop sethook!"},
		{"a hook of Go", `debug.sethook(print and string.len, 'c') string.len('x') return debug.gethook() == string.len`, "true"},
		{"an error in a hook", `local t = {pcall(function() debug.sethook(function() debug.sethook() error('x') end, 'l')
			local a end)} return t[1], t[2]`, "false t:1: x"},
		{"the end of a loop", `debug.sethook(function() error('late', 0) end, '', 1000) return pcall(function() while true do end end)`,
			"false late"},
		{"the count", `local n = 0 debug.sethook(function() n = n + 1 end, '', 4) for i = 1, 1000 do end debug.sethook() return n > 240 and n < 260`, "true"},
		{"what is set", `debug.sethook(hook, 'lrc', 7) local f, m, n = debug.gethook() debug.sethook() return f == hook, m, n, debug.gethook()`,
			"true crl 7 nil  0"},
		{"no events", `debug.sethook(hook, '') return debug.gethook()`, "nil  0"},
		{"a hook by pcall", `local ok = pcall(debug.sethook, hook, 'c') string.len('') return ok, (stop())`, "true len! stop sethook!"},
		{"a hook set in a function that Go calls", `table.sort({1, 2}, function(a, b) debug.sethook(hook, 'c') return a < b end)
			string.len('') return (stop())`, "len! stop sethook!"},
		{"a hook that is gone", `debug.sethook(hook, 'l') debug.sethook()
			return #seen`, "0"},
		{"a yield", `debug.sethook(function() coroutine.yield() end, 'l') return coroutine.resume(coroutine.create(function()
			local a end))`, "ERROR t:1: attempt to yield across C-call boundary"},
		{"open results", `local function g() return 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 end
			debug.sethook(function() local a, b, c, d, e, f, g, h = 0, 0, 0, 0, 0, 0, 0, 0 end, '', 1)
			local t = {g(), g()} return select('#', g(), g()), t[13], (select(12, g()))`, "13 12 12"},
		{"locals of what runs", `local function f(x) local y = x + 1 return y end local got
			debug.sethook(function() local n, v = debug.getlocal(2, 1) got = n .. v end, 'r') f(7) debug.sethook() return got`, "x7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newVM()
			defer m.Close()
			if got := run(t, m, strings.ReplaceAll(record, "\n", " ")+c.src); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// watch sets a hook that does something at each instruction.
const watch = `local n = 0 local function hook(e, l) local i = debug.getinfo(2, "nSl") n = n + #e + (l or 0) end
debug.sethook(hook, "crl", 1)
`

// TestHookedPrograms runs programs with a hook: they must give the same.
func TestHookedPrograms(t *testing.T) {
	for _, p := range programs {
		m := newVM()
		want := run(t, m, p.src)
		if _, err := m.Main().Call(load(t, m, watch, "=watch")); err != nil {
			t.Fatal(err)
		}
		if got := run(t, m, p.src); got != want {
			t.Errorf("%s: %q, without a hook %q", p.name, got, want)
		}
		m.Close()
	}
	file, _ := randomFile(77, 0, 60)
	plain, hooked := t.TempDir()+"/p.lua", t.TempDir()+"/p.lua"
	os.WriteFile(plain, []byte(file), 0o644)
	os.WriteFile(hooked, []byte(strings.ReplaceAll(watch, "\n", " ")+file), 0o644)
	if a, b := runCaptured(t, plain), runCaptured(t, hooked); a != b {
		t.Errorf("without a hook\n%s\nwith one\n%s", a, b)
	}
}

// TestHookLimits: neither a hook nor what it observes escapes the limits of a run.
func TestHookLimits(t *testing.T) {
	for _, src := range []string{
		"debug.sethook(function() end, '', 1) while true do end",
		"debug.sethook(function() while true do end end, '', 1) local x = 1",
		"debug.sethook(function() end, 'crl') while true do pcall(string.len, '') end",
	} {
		m := newVM()
		th := m.NewThread()
		th.SetLimits(vm.Limits{Time: 100 * time.Millisecond})
		start := time.Now()
		if _, err := th.Call(load(t, m, src, "=t")); err == nil || !err.(*vm.Error).Fatal || time.Since(start) > 3*time.Second {
			t.Errorf("%s: %v after %v", src, err, time.Since(start))
		}
		m.Close()
	}
}

// TestHookOfAnotherThread: a thread that runs already comes under a hook at the end of its slice.
func TestHookOfAnotherThread(t *testing.T) {
	m := newVM()
	defer m.Close()
	set := load(t, m, "debug.sethook(function() error('seen', 0) end, '', 9)", "=set")
	m.OnSlice(func(th *vm.Thread, s vm.Slice) error {
		if m.Hook().Count == 0 {
			if _, err := m.NewThread().Call(set); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if _, err := m.NewThread().Call(load(t, m, "while true do end", "=t")); err == nil || err.Error() != "seen" {
		t.Error(err)
	}
}
