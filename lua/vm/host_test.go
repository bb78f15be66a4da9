package vm_test

import (
	"errors"
	. "github.com/luahttpd/luahttpd/lua/vm"
	"iter"
	"strings"
	"testing"
)

// load compiles src and makes a function of it.
func loadText(t testing.TB, m *VM, src string) Value {
	t.Helper()
	p, err := Compile([]byte(src), "=t")
	if err != nil {
		t.Fatal(err)
	}
	return m.Load(p)
}

func TestExitPassesEveryCatch(t *testing.T) {
	for _, c := range []struct{ name, src string }{
		{"plain", "exit(7)"},
		{"pcall", "pcall(exit, 7) after()"},
		{"pcall of a function", "pcall(function() exit(7) end) after()"},
		{"xpcall", "xpcall(function() exit(7) end, function(e) after() return e end) after()"},
		{"coroutine", "coroutine.resume(coroutine.create(function() exit(7) end)) after()"},
		{"wrapped coroutine in pcall", "pcall(coroutine.wrap(function() pcall(exit, 7) after() end)) after()"},
		{"nested coroutines", "coroutine.wrap(function() coroutine.wrap(function() exit(7) end)() after() end)() after()"},
		{"metamethod", "local t = setmetatable({}, {__index = function() exit(7) end}) local x = t.x after()"},
		{"iterator", "for x in function() exit(7) end do end after()"},
		{"sort", "table.sort({2, 1}, function() exit(7) end) after()"},
		{"gsub", "('x'):gsub('x', function() exit(7) end) after()"},
		{"require", "package.preload.m = function() exit(7) end require 'm' after()"},
		{"in an error handler", "xpcall(function() error('x') end, function() exit(7) end) after()"},
		{"loop of pcalls", "while true do pcall(exit, 7) end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newVM()
			defer m.Close()
			after := false
			m.Globals().SetStr("exit", m.NewFunc("exit", func(t *Thread) int { t.Exit(t.CheckInt(1)); return 0 }))
			m.Globals().SetStr("after", m.NewFunc("after", func(*Thread) int { after = true; return 0 }))
			th := m.NewThread()
			_, err := th.Call(loadText(t, m, c.src))
			var e *Exit
			if !errors.As(err, &e) || e.Value != 7 || after {
				t.Errorf("error %v, code after the exit ran: %v", err, after)
			}
			m.Release(th)
			if got := run(t, m, "return 1 + 1"); got != "2" {
				t.Errorf("the thread is not clean afterwards: %s", got)
			}
		})
	}
}

type kill struct{}

func (kill) UnwindsLua() {}

// TestWaitAnywhere runs two threads in turns; each waits in a host function below everything that could be in the way.
func TestWaitAnywhere(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"plain", "return wait(1) + wait(2)", "3"},
		{"pcall", "local ok, v = pcall(function() return wait(1) + 1 end) return v", "2"},
		{"xpcall", "local ok, v = xpcall(wait, print, 5) return v", "5"},
		{"metamethods", "local t = setmetatable({}, {__index = function(_, k) return wait(k) end, __add = function(a, b) return wait(b) end}) return t.x .. (t + 4)", "x4"},
		{"iterator", "local s = 0 for v in function() local v = wait(s) if v < 3 then return v + 1 end end do s = v end return s", "3"},
		{"sort", "local t = {3, 1, 2} table.sort(t, function(a, b) return wait(a) < wait(b) end) return table.concat(t)", "123"},
		{"gsub", "return (('abc'):gsub('.', function(c) return wait(c) .. '-' end))", "a-b-c-"},
		{"require", "package.preload.m = function() return wait({5}) end return require('m')[1]", "5"},
		{"coroutine", "local co = coroutine.wrap(function(a) local b = coroutine.yield(wait(a)) return wait(b) end) return co(1) + co(2)", "3"},
		{"nested coroutines", "local co = coroutine.wrap(function() return coroutine.wrap(function() coroutine.yield(wait(1)) end)() end) return co()", "1"},
		{"load", "local n = 0 return load(function() n = n + 1 return wait(({'return ', '8'})[n]) end)()", "8"},
		{"tostring", "return tostring(setmetatable({}, {__tostring = function() return wait('s') end}))", "s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newVM()
			defer m.Close()
			var park func(struct{}) bool
			switches := 0
			m.Globals().SetStr("wait", m.NewFunc("wait", func(t *Thread) int {
				v, mine := t.Arg(1), park
				if !mine(struct{}{}) {
					panic(kill{})
				}
				switches++
				t.Push(v)
				return 1
			}))
			got := [2]string{}
			var nexts [2]func() (struct{}, bool)
			for i := range got {
				nexts[i], _ = iter.Pull(func(yield func(struct{}) bool) {
					park = yield
					got[i] = run(t, m, c.src)
				})
			}
			yields := [2]func(struct{}) bool{}
			for live := 2; live > 0; {
				live = 0
				for i, next := range nexts {
					park = yields[i]
					if _, ok := next(); ok {
						live++
					}
					if yields[i] == nil {
						yields[i] = park
					}
				}
			}
			if got[0] != c.want || got[1] != c.want || switches == 0 {
				t.Errorf("got %q, want twice %q; %d switches", got, c.want, switches)
			}
		})
	}
}

// TestKill ends a thread that waits: every host function on the way runs its deferred calls, no pcall sees anything.
func TestKill(t *testing.T) {
	for _, src := range []string{
		"hold(wait)",
		"while true do pcall(hold, wait) after() end",
		"hold(coroutine.wrap(function() pcall(hold, wait) after() end))",
		"xpcall(hold, function() after() end, coroutine.wrap(function() hold(wait) end))",
	} {
		m := newVM()
		deferred, after := 0, false
		var yield func(struct{}) bool
		m.Globals().SetStr("after", m.NewFunc("after", func(*Thread) int { after = true; return 0 }))
		m.Globals().SetStr("hold", m.NewFunc("hold", func(t *Thread) int {
			defer func() { deferred++ }()
			t.CallRaw(t.Arg(1))
			return 0
		}))
		m.Globals().SetStr("wait", m.NewFunc("wait", func(*Thread) int {
			if !yield(struct{}{}) {
				panic(kill{})
			}
			return 0
		}))
		var end any
		th := m.NewThread()
		next, stop := iter.Pull(func(y func(struct{}) bool) {
			yield = y
			defer func() { end = recover() }()
			th.Call(loadText(t, m, src))
		})
		next()
		stop()
		m.Release(th)
		if _, ok := end.(kill); !ok || after || deferred != strings.Count(src, "hold") {
			t.Errorf("%s: ended by %v, %d deferred calls, code after ran: %v", src, end, deferred, after)
		}
		if got := run(t, m, "return 1 + 1"); got != "2" {
			t.Errorf("the thread is not clean afterwards: %s", got)
		}
		m.Close()
	}
}

func TestServerYield(t *testing.T) {
	m := newVM()
	defer m.Close()
	if got := run(t, m, "return coroutine.yield(1)"); got != "ERROR attempt to yield across C-call boundary" {
		t.Error(got)
	}
	m.OnYield(func(t *Thread, args []Value) []Value { return []Value{Number(args[0].Num() + 1)} })
	if got := run(t, m, "return coroutine.yield(1), pcall(coroutine.yield, 5)"); got != "2 true 6" {
		t.Error(got)
	}
}

func TestPanicOfHostFunction(t *testing.T) {
	m := newVM()
	defer m.Close()
	m.Globals().SetStr("f", m.NewFunc("f", func(*Thread) int { var p *VM; _ = *p; return 0 }))
	th := m.NewThread()
	_, err := th.Call(loadText(t, m, "local function g() f() end g()"))
	e, ok := err.(*Error)
	if !ok || !strings.Contains(e.Error(), "nil pointer") || !strings.Contains(e.GoStack, "TestPanicOfHostFunction") {
		t.Errorf("%#v", err)
	}
	if want := "stack traceback:\n\t[C]: in function 'f'\n\tt:1: in function 'g'\n\tt:1: in main chunk"; e.Traceback != want {
		t.Errorf("traceback %q", e.Traceback)
	}
	m.Release(th)
	if got := run(t, m, "return pcall(f)"); !strings.HasPrefix(got, "false ") {
		t.Error(got)
	}
}
