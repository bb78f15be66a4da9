package gopher_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	glua "github.com/yuin/gopher-lua"

	"github.com/luahttpd/luahttpd/lua/gopher"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// counter is an object of the module: userdata with methods.
type counter struct{ n int }

var kept *glua.LFunction

func loader(l *glua.LState) int {
	mt := l.NewTypeMetatable("counter")
	l.SetField(mt, "__index", l.SetFuncs(l.NewTable(), map[string]glua.LGFunction{
		"add": func(l *glua.LState) int {
			c := l.CheckUserData(1).Value.(*counter)
			c.n += l.CheckInt(2)
			l.Push(glua.LNumber(c.n))
			return 1
		},
	}))
	mod := l.SetFuncs(l.NewTable(), map[string]glua.LGFunction{
		"same": func(l *glua.LState) int { return l.GetTop() },
		"fail": func(l *glua.LState) int { l.RaiseError("failed: %s", l.CheckString(1)); return 0 },
		"raise": func(l *glua.LState) int {
			l.Error(l.CheckTable(1), 0)
			return 0
		},
		"panics": func(l *glua.LState) int { panic("oh no") },
		"map": func(l *glua.LState) int {
			out := l.NewTable()
			l.CheckTable(1).ForEach(func(k, v glua.LValue) {
				l.Push(l.CheckFunction(2))
				l.Push(v)
				l.Call(1, 1)
				out.RawSet(k, l.Get(-1))
				l.Pop(1)
			})
			l.Push(out)
			return 1
		},
		"keep":    func(l *glua.LState) int { kept = l.CheckFunction(1); return 0 },
		"callit":  func(l *glua.LState) int { l.Push(kept); l.Call(0, 0); return 0 },
		"channel": func(l *glua.LState) int { l.Push(glua.LChannel(make(chan glua.LValue))); return 1 },
		"counter": func(l *glua.LState) int {
			u := l.NewUserData()
			u.Value, u.Metatable = &counter{l.CheckInt(1)}, mt
			l.Push(u)
			return 1
		},
	})
	l.SetField(mod, "name", l.Get(1))
	if err := l.DoString(`local C = {} C.__index = C
		C.__add = function(a, b) return a.x + b.x end
		C.__call = function(self, y) return self.x * y, "called" end
		function C:get() return self.x end function C:set(x) self.x = x end
		function newobject(x) return setmetatable({x = x}, C) end`); err != nil {
		panic(err)
	}
	l.SetField(mod, "object", l.GetGlobal("newobject"))
	l.Push(mod)
	return 1
}

// User is a Go value that scripts see by gopher-luar's rules.
type User struct {
	Name string
	Tags []string
}

func (u *User) Greet(word string) string { return word + ", " + u.Name }
func (u *User) Each(f func(string) string) string {
	out := ""
	for _, t := range u.Tags {
		out += f(t)
	}
	return out
}

func newVM(t *testing.T) *vm.VM {
	m := stdlib.New(vm.Options{})
	m.Builtin("mod", gopher.Module(loader))
	m.Builtin("user", gopher.Value(&User{Name: "Ann", Tags: []string{"a", "b"}}))
	t.Cleanup(m.Close)
	return m
}

func eval(t *testing.T, m *vm.VM, src string) (string, error) {
	t.Helper()
	p, err := vm.Compile([]byte("local mod, user = require 'mod', require 'user' "+src), "=t")
	if err != nil {
		t.Fatal(err)
	}
	th := m.NewThread()
	defer m.Release(th)
	res, err := th.Call(m.Load(p))
	var b strings.Builder
	for i, v := range res {
		if i > 0 {
			b.WriteByte(' ')
		}
		s := v.Raw()
		fmt.Fprint(&b, s)
	}
	return b.String(), err
}

func TestModule(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"values", "return mod.same(nil, true, 1.5, 'x\\0y')", "nil true 1.5 x\x00y"},
		{"the loader's name", "return mod.name", "mod"},
		{"tables are copied", "local a = {1, {b = 2}} local c = mod.same(a) return c[1], c[2].b, c ~= a", "1 2 true"},
		{"a table in itself", "local a = {} a.a = a local c = mod.same(a) return c.a == c", "true"},
		{"a table beside itself", "local a = {} local c = mod.same({a, a}) return c[1] == c[2]", "true"},
		{"callbacks", "local t = mod.map({1, 2, 3}, function(x) return x * 2 end) return t[1], t[3]", "2 6"},
		{"functions come back as themselves", "return mod.same(mod.fail) == mod.fail", "true"},
		{"errors", "return pcall(mod.fail, 'x')", "false failed: x"},
		{"errors have the script's position", "return pcall(function() mod.fail('x') end)", "false t:1: failed: x"},
		{"errors that are tables", "local ok, e = pcall(mod.raise, {code = 5}) return e.code", "5"},
		{"errors of callbacks", "return pcall(mod.map, {1}, function() error('inner', 0) end)", "false inner"},
		{"bad arguments", "local ok, e = pcall(mod.fail) return e:match('%b()')", "(string expected, got nil)"},
		{"userdata", "local c = mod.counter(5) c:add(2) return c:add(3), type(c)", "10 userdata"},
		{"objects", "local o, p = mod.object(4), mod.object(5) o:set(6) o.y = 1 return o:get(), o.x, o.y, o + p, o(2)", "6 6 1 11 12 called"},
		{"equality", "local o = mod.object(4) return mod.same(o) == o, o == mod.object(4)", "true false"},
		{"luar", "return user.Name, user:Greet('Hi'), #user.Tags, user.Tags[2]", "Ann Hi, Ann 2 b"},
		{"luar fields", "user.Name = 'Bob' return user:Greet('Hi')", "Hi, Bob"},
		{"luar callbacks", "return user:Each(function(s) return s .. '!' end)", "a!b!"},
		{"luar iterators", "local s = '' for i, v in user.Tags() do s = s .. i .. v end return s", "1a2b"},
		{"luar errors", "return (pcall(function() user.Nothing = 1 end))", "false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := eval(t, newVM(t), c.src); got != c.want || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestCannotCross is what the two machines cannot give each other.
func TestCannotCross(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"a coroutine", "mod.same(1, coroutine.create(print))", "bad argument #2 to 'same' (a coroutine cannot be given to a module of gopher-lua)"},
		{"userdata", "mod.same(io.stdout)", "a userdata cannot be given"},
		{"a channel", "mod.channel()", "a channel of gopher-lua cannot be given to a script"},
		{"deep tables", "local t = {} for i = 1, 200 do t = {t} end mod.same(t)", "a table nested so deeply cannot be given"},
		{"a callback afterwards", "mod.keep(function() end) mod.callit()", "cannot be called after the call"},
		{"a yield below the module", "local e coroutine.wrap(function() e = select(2, pcall(mod.map, {1}, coroutine.yield)) end)() error(e, 0)", "attempt to yield across C-call boundary"},
		{"a result of a callback", "mod.map({1}, function() return coroutine.create(print) end)", "a coroutine cannot be given"},
		{"a panic", "mod.panics()", "oh no"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := eval(t, newVM(t), c.src); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestExit ends a request below a module, which must not notice.
func TestExit(t *testing.T) {
	m := newVM(t)
	m.Globals().SetStr("exit", m.NewFunc("exit", func(t *vm.Thread) int { t.Exit(7); return 0 }))
	_, err := eval(t, m, "pcall(mod.map, {1}, function() exit() end) error('after')")
	var e *vm.Exit
	if !errors.As(err, &e) || e.Value != 7 {
		t.Errorf("got %v", err)
	}
	if got, err := eval(t, m, "return mod.same(1)"); got != "1" || err != nil {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}
