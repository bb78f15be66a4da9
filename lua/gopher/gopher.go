// Package gopher gives scripts what was written for gopher-lua: modules (loaders of the type LGFunction) and Go values
// wrapped by gopher-luar.
//
//	luahttpd.New("nginx.conf", luahttpd.WithLuaModule("cart", gopher.Module(cart.Loader)))
//
// Beside each VM there is one state of gopher-lua, in which the modules run. What goes from one to the other:
//
//	nil, booleans, numbers, strings    as they are
//	tables without a metatable         copied, with all in them
//	gopher-lua's userdata, and its
//	tables with a metatable            stand for themselves: scripts index, call and compare them where they are
//	gopher-lua's functions             can be called by scripts
//	functions of scripts               can be called by the module until the call they were given to returns
//
// Nothing else does (coroutines, channels, the server's own userdata): an error says so. A script's function cannot yield
// while the module that called it waits. Modules must use their values on the goroutine that called them only.
package gopher

import (
	"fmt"
	"strings"

	glua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// Module gives what VM.Builtin and luahttpd.WithLuaModule take, of a loader that leaves the module on the stack.
func Module(load glua.LGFunction) func(t *vm.Thread) vm.Value {
	return func(t *vm.Thread) vm.Value {
		b := beside(t)
		name := glua.LValue(glua.LNil)
		if s := t.Arg(1); s.Kind() == vm.KString {
			name = glua.LString(s.Str())
		}
		c := b.begin(t)
		defer c.end()
		if res := c.run(b.state.NewFunction(load), name); len(res) > 0 {
			return b.toVM(t, res[0])
		}
		return vm.Nil
	}
}

// Value gives what VM.Builtin and luahttpd.WithLuaModule take, of a Go value: scripts use it by gopher-luar's rules.
// A value with state that several workers share must look after that itself.
func Value(v any) func(t *vm.Thread) vm.Value {
	return func(t *vm.Thread) vm.Value {
		b := beside(t)
		return b.toVM(t, luar.New(b.state, v))
	}
}

// bridge is the gopher-lua state of one VM.
type bridge struct {
	state *glua.LState
	meta  *vm.Table                    // of what stands for gopher-lua's objects
	funcs map[*glua.LFunction]vm.Value // of those that scripts have seen
	idle  []*glua.LState               // threads between two calls
}

// maxFuncs bounds the functions that keep their identity in scripts, maxIdle the threads kept.
const (
	maxFuncs = 4096
	maxIdle  = 64
)

const registryKey = "gopher-lua"

// beside gives the VM's bridge, and makes it when it is the first that is asked for.
func beside(t *vm.Thread) *bridge {
	reg := t.VM().Registry()
	if u := reg.GetStr(registryKey).Userdata(); u != nil {
		return u.Value.(*bridge)
	}
	b := &bridge{state: glua.NewState(), funcs: map[*glua.LFunction]vm.Value{}}
	b.meta = b.metatable(t.VM())
	reg.SetStr(registryKey, t.VM().NewUserdata(b, nil))
	return b
}

// call is one call of a script into gopher-lua. It runs on a thread of gopher-lua of its own, for functions of the script
// may wait, and other requests call meanwhile.
type call struct {
	b      *bridge
	t      *vm.Thread
	l      *glua.LState
	ended  bool
	unwind any // a panic that gopher-lua must not see
}

func (b *bridge) begin(t *vm.Thread) *call {
	c := &call{b: b, t: t}
	if n := len(b.idle); n > 0 {
		c.l, b.idle = b.idle[n-1], b.idle[:n-1]
	} else {
		c.l, _ = b.state.NewThread()
	}
	return c
}

// end makes the thread free again. Functions of the script that were given to the call are dead now.
func (c *call) end() {
	c.ended = true
	c.l.SetTop(0)
	if len(c.b.idle) < maxIdle {
		c.b.idle = append(c.b.idle, c.l)
	}
	if u := c.unwind; u != nil {
		panic(u)
	}
}

// run calls a function of gopher-lua. Its errors are the script's.
func (c *call) run(fn glua.LValue, args ...glua.LValue) []glua.LValue {
	err := c.l.CallByParam(glua.P{Fn: fn, NRet: glua.MultRet, Protect: true}, args...)
	if c.unwind != nil {
		return nil
	}
	if err != nil {
		c.fail(err)
	}
	res := make([]glua.LValue, c.l.GetTop())
	for i := range res {
		res[i] = c.l.Get(i + 1)
	}
	return res
}

// fail raises an error of gopher-lua in the script: a value as it is, a Go error with the script's position.
func (c *call) fail(err error) {
	e, ok := err.(*glua.ApiError)
	if !ok || e.Object == nil || e.Object == glua.LNil {
		c.t.Errorf("%s", err)
	}
	if s, ok := e.Object.(glua.LString); ok {
		c.t.Errorf("%s", strings.TrimPrefix(string(s), " ")) // gopher-lua's mark of an unknown position
	}
	c.t.Raise(c.b.toVM(c.t, e.Object))
}

// function makes a function of scripts out of one of gopher-lua.
func (b *bridge) function(m *vm.VM, f *glua.LFunction) vm.Value {
	if v, ok := b.funcs[f]; ok {
		return v
	}
	name := "?"
	if f.Proto != nil {
		name = f.Proto.SourceName
	}
	v := m.NewFunc(name, func(t *vm.Thread) int { return b.callFrom(t, f, t.Args()) })
	if len(b.funcs) >= maxFuncs {
		clear(b.funcs)
	}
	b.funcs[f] = v
	v.Func().SetHost(f)
	return v
}

// callFrom calls with arguments of the script and pushes the results.
func (b *bridge) callFrom(t *vm.Thread, fn glua.LValue, args []vm.Value) int {
	c := b.begin(t)
	defer c.end()
	in := make([]glua.LValue, len(args))
	for i, v := range args {
		in[i] = c.toGopher(v, i+1)
	}
	res := c.run(fn, in...)
	for _, v := range res {
		t.Push(b.toVM(t, v))
	}
	return len(res)
}

// callback makes a function of gopher-lua out of one of the script, for as long as the call lasts.
func (c *call) callback(fn vm.Value) *glua.LFunction {
	return c.b.state.NewFunction(func(l *glua.LState) int {
		if c.ended {
			l.RaiseError("a script's function cannot be called after the call that it was given to has returned")
		}
		args := make([]glua.LValue, l.GetTop())
		for i := range args {
			args[i] = l.Get(i + 1)
		}
		res, raised := c.callScript(fn, args)
		switch {
		case c.unwind != nil:
			l.RaiseError("the script's function has ended the call")
		case raised != nil:
			l.Error(raised, 0)
		}
		for _, v := range res {
			l.Push(v)
		}
		return len(res)
	})
}

// callScript calls a function of the script; raised is its error. What ends more than the function is kept until
// gopher-lua has returned.
func (c *call) callScript(fn vm.Value, args []glua.LValue) (res []glua.LValue, raised glua.LValue) {
	defer func() {
		if r := recover(); r != nil {
			c.unwind = r
		}
	}()
	in := make([]vm.Value, len(args))
	for i := range args {
		in[i] = c.b.toVM(c.t, args[i])
	}
	out, err := c.t.Call(fn, in...)
	if e, ok := err.(*vm.Error); ok && !e.Fatal {
		return nil, c.toGopher(e.Value, 0)
	}
	if err != nil {
		panic(err)
	}
	for _, v := range out {
		res = append(res, c.toGopher(v, 0))
	}
	return res, nil
}

// crossError is what cannot be carried over.
func crossError(what string) string {
	return fmt.Sprintf("%s cannot be given to a module of gopher-lua", what)
}
