package gopher

import (
	"fmt"

	glua "github.com/yuin/gopher-lua"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// maxNesting bounds tables in tables that are copied.
const maxNesting = 100

// toGopher converts a value of the script; arg is its place among the arguments, for the message.
func (c *call) toGopher(v vm.Value, arg int) glua.LValue {
	k := inward{c: c, arg: arg}
	return k.value(v, 0)
}

type inward struct {
	c    *call
	arg  int
	seen map[*vm.Table]*glua.LTable
}

func (k *inward) value(v vm.Value, depth int) glua.LValue {
	switch v.Kind() {
	case vm.KNil:
		return glua.LNil
	case vm.KBool:
		return glua.LBool(v.Bool())
	case vm.KNumber:
		return glua.LNumber(v.Num())
	case vm.KString:
		return glua.LString(v.Str())
	case vm.KTable:
		return k.table(v.Table(), depth)
	case vm.KFunction:
		if f, ok := v.Func().Host().(*glua.LFunction); ok {
			return f
		}
		return k.c.callback(v)
	case vm.KUserdata:
		if o, ok := v.Userdata().Value.(*object); ok {
			return o.v
		}
	}
	what := "a " + v.Kind().String()
	if v.Kind() == vm.KThread {
		what = "a coroutine"
	}
	k.fail(crossError(what))
	return nil
}

func (k *inward) fail(msg string) {
	if k.arg > 0 {
		k.c.t.ArgError(k.arg, msg)
	}
	k.c.t.Errorf("%s", msg)
}

func (k *inward) table(t *vm.Table, depth int) glua.LValue {
	if g := k.seen[t]; g != nil {
		return g
	}
	if depth >= maxNesting {
		k.fail(crossError("a table nested so deeply"))
	}
	g := k.c.b.state.NewTable()
	if k.seen == nil {
		k.seen = map[*vm.Table]*glua.LTable{}
	}
	k.seen[t] = g
	for key, val, ok := t.Next(vm.Nil); ok; key, val, ok = t.Next(key) {
		k.c.t.Spend(1)
		g.RawSet(k.value(key, depth+1), k.value(val, depth+1))
	}
	return g
}

// toVM converts a value of gopher-lua.
func (b *bridge) toVM(t *vm.Thread, v glua.LValue) vm.Value {
	k := outward{b: b, t: t}
	return k.value(v, 0)
}

type outward struct {
	b    *bridge
	t    *vm.Thread
	seen map[*glua.LTable]vm.Value
}

func (k *outward) value(v glua.LValue, depth int) vm.Value {
	switch v := v.(type) {
	case *glua.LNilType:
		return vm.Nil
	case glua.LBool:
		return vm.Bool(bool(v))
	case glua.LNumber:
		return vm.Number(float64(v))
	case glua.LString:
		return vm.String(string(v))
	case *glua.LFunction:
		return k.b.function(k.t.VM(), v)
	case *glua.LUserData:
		return k.t.VM().NewUserdata(&object{k.b, v}, k.b.meta)
	case *glua.LTable:
		if v.Metatable != glua.LNil {
			return k.t.VM().NewUserdata(&object{k.b, v}, k.b.meta)
		}
		return k.table(v, depth)
	}
	k.t.Errorf("a %s of gopher-lua cannot be given to a script", v.Type())
	return vm.Nil
}

func (k *outward) table(g *glua.LTable, depth int) vm.Value {
	if v, ok := k.seen[g]; ok {
		return v
	}
	if depth >= maxNesting {
		k.t.Errorf("a table of gopher-lua that is nested so deeply cannot be given to a script")
	}
	t := k.t.VM().NewTable(g.Len(), 0)
	if k.seen == nil {
		k.seen = map[*glua.LTable]vm.Value{}
	}
	k.seen[g] = t.Value()
	g.ForEach(func(key, val glua.LValue) {
		k.t.Spend(1)
		t.Set(k.value(key, depth+1), k.value(val, depth+1))
	})
	return t.Value()
}

// object stands in the script for an object of gopher-lua.
type object struct {
	b *bridge
	v glua.LValue
}

// metatable makes that of objects: each operation is carried out where the object is.
func (b *bridge) metatable(m *vm.VM) *vm.Table {
	mt := m.NewTable(0, 20)
	set := func(name string, f func(t *vm.Thread, c *call, args []glua.LValue) glua.LValue) {
		mt.SetStr(name, m.NewFunc(name, func(t *vm.Thread) int {
			c := b.begin(t)
			defer c.end()
			args := make([]glua.LValue, t.NArg())
			for i := range args {
				args[i] = c.toGopher(t.Arg(i+1), i+1)
			}
			t.Push(b.toVM(t, f(t, c, args)))
			return 1
		}))
	}
	// within runs an operation of gopher-lua's interface, protected.
	within := func(c *call, args []glua.LValue, op func(l *glua.LState) glua.LValue) glua.LValue {
		f := b.state.NewFunction(func(l *glua.LState) int {
			l.Push(op(l))
			return 1
		})
		if res := c.run(f, args...); len(res) > 0 {
			return res[0]
		}
		return glua.LNil
	}
	set("__index", func(t *vm.Thread, c *call, args []glua.LValue) glua.LValue {
		return within(c, args, func(l *glua.LState) glua.LValue { return l.GetTable(l.Get(1), l.Get(2)) })
	})
	set("__newindex", func(t *vm.Thread, c *call, args []glua.LValue) glua.LValue {
		return within(c, args, func(l *glua.LState) glua.LValue {
			l.SetTable(l.Get(1), l.Get(2), l.Get(3))
			return glua.LNil
		})
	})
	set("__tostring", func(t *vm.Thread, c *call, args []glua.LValue) glua.LValue {
		return within(c, args, func(l *glua.LState) glua.LValue { return l.ToStringMeta(l.Get(1)) })
	})
	set("__len", func(t *vm.Thread, c *call, args []glua.LValue) glua.LValue {
		return within(c, args[:1], func(l *glua.LState) glua.LValue {
			if h := l.GetMetaField(l.Get(1), "__len"); h != glua.LNil {
				l.Push(h)
				l.Push(l.Get(1))
				l.Call(1, 1)
				return l.Get(-1)
			}
			return glua.LNumber(l.ObjLen(l.Get(1)))
		})
	})
	set("__eq", func(t *vm.Thread, c *call, args []glua.LValue) glua.LValue {
		return within(c, args, func(l *glua.LState) glua.LValue { return glua.LBool(l.Equal(l.Get(1), l.Get(2))) })
	})
	set("__lt", func(t *vm.Thread, c *call, args []glua.LValue) glua.LValue {
		return within(c, args, func(l *glua.LState) glua.LValue { return glua.LBool(l.LessThan(l.Get(1), l.Get(2))) })
	})
	for _, name := range []string{"__le", "__add", "__sub", "__mul", "__div", "__mod", "__pow", "__unm", "__concat"} {
		set(name, func(t *vm.Thread, c *call, args []glua.LValue) glua.LValue {
			h := b.state.GetMetaField(args[0], name)
			if h == glua.LNil && len(args) > 1 {
				h = b.state.GetMetaField(args[1], name)
			}
			if h == glua.LNil {
				t.Errorf("the object of gopher-lua has no %s", name)
			}
			if res := c.run(h, args...); len(res) > 0 {
				return res[0]
			}
			return glua.LNil
		})
	}
	mt.SetStr("__call", m.NewFunc("__call", func(t *vm.Thread) int {
		o, ok := t.Arg(1).Userdata().Value.(*object)
		if !ok {
			t.TypeError(1, "object of gopher-lua")
		}
		return b.callFrom(t, o.v, t.Args()[1:])
	}))
	mt.SetStr("__metatable", vm.String(fmt.Sprintf("object of %s", registryKey)))
	return mt
}
