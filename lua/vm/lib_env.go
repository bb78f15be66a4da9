package vm

// environmentLibrary is the part of the base library that deals with environments and metatables.
var environmentLibrary = map[string]Func{
	"getfenv": func(t *Thread) int {
		v := t.Arg(1)
		if v.Kind() != KFunction {
			v = t.functionAt(1)
		}
		if f := v.Func(); f != nil && !f.f.IsG {
			t.Push(f.Env().Value())
		} else {
			t.Push(Value{t.l.Env})
		}
		return 1
	},
	"setfenv": func(t *Thread) int {
		env := t.CheckTable(2)
		v := t.Arg(1)
		if v.Kind() != KFunction {
			if t.CheckInt(1) == 0 {
				t.l.Env = &env.t
				t.Push(t.Value())
				return 1
			}
			v = t.functionAt(1)
		}
		f := v.Func()
		if f == nil || f.f.IsG {
			t.Errorf("'setfenv' cannot change environment of given object")
		}
		f.SetEnv(env)
		t.Push(v)
		return 1
	},
	"getmetatable": func(t *Thread) int {
		mt := t.metatable(t.CheckAny(1))
		if mt == nil {
			t.PushNil()
		} else if v := mt.GetStr("__metatable"); !v.IsNil() {
			t.Push(v)
		} else {
			t.Push(mt.Value())
		}
		return 1
	},
	"setmetatable": func(t *Thread) int {
		tb := t.CheckTable(1)
		if k := t.Arg(2).Kind(); k != KTable && (k != KNil || t.NArg() < 2) {
			t.ArgError(2, "nil or table expected")
		}
		if mt := tb.Metatable(); mt != nil && !mt.GetStr("__metatable").IsNil() {
			t.Errorf("cannot change a protected metatable")
		}
		tb.SetMetatable(t.Arg(2).Table())
		t.Push(t.Arg(1))
		return 1
	},
	"rawget": func(t *Thread) int {
		t.Push(t.CheckTable(1).Get(t.CheckAny(2)))
		return 1
	},
	"rawset": func(t *Thread) int {
		tb, k, v := t.CheckTable(1), t.CheckAny(2), t.CheckAny(3)
		if k.IsNil() {
			t.Errorf("table index is nil")
		}
		if f := k.Num(); f != f {
			t.Errorf("table index is NaN")
		}
		tb.Set(k, v)
		t.Push(t.Arg(1))
		return 1
	},
	"newproxy": func(t *Thread) int {
		var mt *Table
		switch v := t.Arg(1); v.Kind() {
		case KNil:
		case KBool:
			if v.Bool() {
				mt = t.vm.NewTable(0, 2)
			}
		case KUserdata:
			if mt = v.Userdata().Metatable(); mt == nil {
				t.ArgError(1, "boolean or proxy expected")
			}
		default:
			t.ArgError(1, "boolean or proxy expected")
		}
		t.Push(t.vm.NewUserdata(nil, mt))
		return 1
	},
	"gcinfo": func(t *Thread) int {
		t.PushNumber(heapKilobytes())
		return 1
	},
}

// functionAt is the function at the stack level that argument i gives; level 0 is Nil.
func (t *Thread) functionAt(i int) Value {
	level := t.OptInt(i, 1)
	if level < 0 {
		t.ArgError(i, "level must be non-negative")
	}
	if level == 0 {
		return Nil
	}
	f := t.at(level)
	if f == nil {
		t.ArgError(i, "invalid level")
	}
	return Value{f.Fn}
}
