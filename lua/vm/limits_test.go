package vm_test

import (
	"errors"
	"regexp"
	"runtime"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// TestHostile runs what must end in an error, quickly and without much memory.
func TestHostile(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"recursion", "local function f() return 1 + f() end return f()", "stack overflow"},
		{"recursion of pcall", "local function f() return pcall(f) end return tostring(select('#', f()))", ""},
		{"recursion of a metamethod", "local t = setmetatable({}, {__index = function(t, k) return t[k .. 'x'] end}) return t.a", "stack overflow|time limit"},
		{"recursion of tostring", "local t = setmetatable({}, {}) getmetatable(t).__tostring = function(x) return tostring(x) end return tostring(t)", "stack overflow"},
		{"recursion of sort", "local function f() table.sort({3, 2, 1}, function(a, b) f() return a < b end) end f()", "C stack overflow"},
		{"recursion of gsub", "local function f() return (('x'):gsub('x', f)) end f()", "C stack overflow"},
		{"recursion of coroutines", "local function f() return coroutine.wrap(f)() end f()", "stack overflow"},
		{"index loop", "local a, b = {}, {} setmetatable(a, {__index = b}) setmetatable(b, {__index = a}) return a.x", "loop"},
		{"newindex loop", "local a = {} setmetatable(a, {__newindex = a}) a.x = 1", "loop"},
		{"call loop", "local a = setmetatable({}, {}) getmetatable(a).__call = a a()", "attempt to call"},
		{"rep", "return ('x'):rep(1e11)", "not enough memory"},
		{"rep of rep", "local s = ('x'):rep(2^20) return s:rep(2^20)", "not enough memory"},
		{"concat", "local s = ('x'):rep(2^24) for i = 1, 10 do s = s .. s end", "string length overflow|time limit"},
		{"table.concat", "local t = {} local s = ('x'):rep(2^20) for i = 1, 1000 do t[i] = s end return table.concat(t)", "not enough memory"},
		{"gsub", "return (('x'):rep(2^16):gsub('x', ('y'):rep(2^16)))", "limit|not enough memory"},
		{"unpack", "return unpack({}, 1, 1e8)", "too many results"},
		{"table.new", "return require 'table.new'(1e9, 1e9)", "overflow"},
		{"syntax", "return loadstring(('('):rep(1e6))", ""},
		{"concatenations", "return loadstring('return ' .. ('a..'):rep(1e5) .. 'a')", ""},
		{"additions", "return loadstring('return ' .. ('a+'):rep(1e5) .. 'a')", ""},
		{"fields", "return loadstring('return a' .. ('.a'):rep(1e5))", ""},
		{"calls", "return loadstring('return a' .. ('()'):rep(1e5))", ""},
		{"pattern", "return ('a'):rep(30):find(('a?'):rep(30) .. ('a'):rep(30) .. 'b')", "time limit"},
		{"pattern depth", "return ('a'):rep(300):find(('(a)'):rep(40))", "too many captures"},
		{"loop", "while true do end", "time limit"},
		{"loop within pcall", "while true do pcall(function() while true do end end) end", "time limit"},
		{"loop within coroutines", "while true do coroutine.wrap(function() while true do end end)() end", "time limit"},
		{"loop of goto", "::a:: goto a", "time limit"},
		{"loop in a for", "for i = 1, math.huge do end", "time limit"},
		{"loop of sort", "while true do table.sort({3, 2, 1}, function(a, b) return a < b end) end", "time limit"},
		{"loop in an iterator", "for _ in function() return 1 end do end", "time limit"},
		{"wrong order", "local t = {} for i = 1, 1000 do t[i] = i end table.sort(t, function() return true end)", "invalid order function"},
		{"error in a handler", "return select(2, xpcall(error, function() error('x') end))", ""},
		{"handler of an overflow", "local function f() return 1 + f() end return select(2, xpcall(f, function(m) return f() end))", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newVM()
			defer m.Close()
			th := m.NewThread()
			th.SetLimits(vm.Limits{Time: 300 * time.Millisecond})
			start := time.Now()
			_, err := th.Call(load(t, m, c.src, "=t"))
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			switch {
			case c.want == "" && err != nil && !err.(*vm.Error).Fatal:
				t.Error(err)
			case c.want != "" && (err == nil || !regexp.MustCompile(c.want).MatchString(err.Error())):
				t.Errorf("error %v, want %q", err, c.want)
			}
			th.SetLimits(vm.Limits{})
			if got := run(t, m, "return 1 + 1"); got != "2" {
				t.Errorf("afterwards: %s", got)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	m := newVM()
	defer m.Close()
	th := m.NewThread()
	loop := load(t, m, "local n = ... for i = 1, n do pcall(function() end) end return 'done'", "=t")

	th.SetLimits(vm.Limits{Instructions: 1000})
	if _, err := th.Call(loop, vm.Int(1e6)); err == nil || err.Error() != "t:1: instruction limit exceeded" || !err.(*vm.Error).Fatal {
		t.Error(err)
	}
	th.SetLimits(vm.Limits{Instructions: 1e6})
	if _, err := th.Call(loop, vm.Int(1000)); err != nil {
		t.Error(err)
	}
	th.SetLimits(vm.Limits{Bytes: 1 << 20})
	grow := load(t, m, "local t = {} for i = 1, 1e6 do t[i] = {i} end", "=t")
	if _, err := th.Call(grow); err == nil || !err.(*vm.Error).Fatal {
		t.Error(err)
	}
	th.SetLimits(vm.Limits{Bytes: 1 << 20})
	if _, err := th.Call(load(t, m, "return ('x'):rep(2^21)", "=t")); err == nil || err.Error() != "not enough memory" {
		t.Error(err)
	}
	th.SetLimits(vm.Limits{})
	go func() {
		time.Sleep(10 * time.Millisecond)
		th.Kill()
	}()
	_, err := th.Call(load(t, m, "while true do pcall(coroutine.wrap(function() while true do end end)) end", "=t"))
	var e *vm.Error
	if !errors.As(err, &e) || !e.Fatal {
		t.Error(err)
	}
}

// TestIdleCoroutine measures what a suspended coroutine costs.
func TestIdleCoroutine(t *testing.T) {
	m := newVM()
	defer m.Close()
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	f := load(t, m, `local cos = {} for i = 1, 10000 do local co = coroutine.create(function() local a, b, c = 1, 2, 3
		coroutine.yield() return a end) coroutine.resume(co) cos[i] = co end keep = cos`, "=t")
	before := heap()
	if _, err := m.NewThread().Call(f); err != nil {
		t.Fatal(err)
	}
	if each := (heap() - before) / 10000; each > 1024 {
		t.Errorf("%d bytes for each suspended coroutine", each)
	} else {
		t.Logf("%d bytes for each suspended coroutine", each)
	}
	runtime.KeepAlive(m)
}
