package vm

import (
	"strings"

	glua "github.com/yuin/gopher-lua"
)

var debugLibrary = map[string]Func{
	"getinfo":   debugGetinfo,
	"getlocal":  debugGetlocal,
	"setlocal":  func(t *Thread) int { t.PushNil(); return 1 },
	"traceback": debugTraceback,
	"sethook":   func(*Thread) int { return 0 },
	"gethook":   func(t *Thread) int { t.PushNil(); return 1 },
	"getregistry": func(t *Thread) int {
		t.Push(t.vm.Registry().Value())
		return 1
	},
	"getmetatable": func(t *Thread) int {
		t.Push(t.metatable(t.CheckAny(1)).Value())
		return 1
	},
	"setmetatable": func(t *Thread) int {
		t.l.SetMetatable(t.CheckAny(1).lv(), t.Arg(2).lv())
		t.Push(t.Arg(1))
		return 1
	},
	"getfenv": func(t *Thread) int {
		if f := t.CheckAny(1).Func(); f != nil {
			t.Push(f.Env().Value())
		} else {
			t.PushNil()
		}
		return 1
	},
	"setfenv": func(t *Thread) int {
		env := t.CheckTable(2)
		if f := t.Arg(1).Func(); f != nil {
			f.SetEnv(env)
		}
		t.Push(t.Arg(1))
		return 1
	},
	"getupvalue": func(t *Thread) int {
		f, i := t.checkUpvalue()
		if i < 0 {
			return 0
		}
		t.PushString(f.Proto.DbgUpvalues[i])
		t.Push(Value{f.Upvalues[i].Value()})
		return 2
	},
	"setupvalue": func(t *Thread) int {
		f, i := t.checkUpvalue()
		if i < 0 {
			return 0
		}
		f.Upvalues[i].SetValue(t.CheckAny(3).lv())
		t.PushString(f.Proto.DbgUpvalues[i])
		return 1
	},
	"upvalueid": func(t *Thread) int {
		f, i := t.checkUpvalue()
		if i < 0 {
			t.ArgError(2, "invalid upvalue index")
		}
		t.Push(Light(f.Upvalues[i]))
		return 1
	},
	"upvaluejoin": func(t *Thread) int {
		f, i := t.checkUpvalue()
		g := t.CheckFunc(3).Func()
		j := t.CheckInt(4) - 1
		if i < 0 {
			t.ArgError(2, "invalid upvalue index")
		}
		if g.f.IsG || j < 0 || j >= len(g.f.Upvalues) {
			t.ArgError(4, "invalid upvalue index")
		}
		f.Upvalues[i] = g.f.Upvalues[j]
		return 0
	},
}

// checkUpvalue reads a function and an upvalue number; the index is -1 when there is none.
func (t *Thread) checkUpvalue() (*glua.LFunction, int) {
	f, i := t.CheckFunc(1).Func(), t.CheckInt(2)-1
	if f.f.IsG || i < 0 || i >= len(f.f.Upvalues) {
		return &f.f, -1
	}
	return &f.f, i
}

// subject is the optional thread that is the first argument of the debug functions, and where the
// others begin.
func (t *Thread) subject() (*Thread, int) {
	if other := t.Arg(1).Thread(); other != nil {
		return other, 2
	}
	return t, 1
}

func debugTraceback(t *Thread) int {
	of, i := t.subject()
	msg := t.Arg(i)
	if text, ok := msg.ToString(); ok || msg.IsNil() {
		level := 0
		if of == t {
			level = 1
		}
		trace := of.Traceback("", t.OptInt(i+1, level))
		if !msg.IsNil() {
			trace = text + "\n" + trace
		}
		t.PushString(trace)
		return 1
	}
	t.Push(msg)
	return 1
}

func debugGetinfo(t *Thread) int {
	of, i := t.subject()
	what := t.OptString(i+1, "flnSu")
	var info Frame
	var at *frame
	if f := t.Arg(i).Func(); f != nil {
		info = describe(&f.f)
	} else {
		level := t.CheckInt(i)
		if at = of.at(level); at == nil {
			t.PushNil()
			return 1
		}
		info, _ = of.Frame(level)
	}
	fn := info.Func.Func().f
	tb := t.vm.NewTable(0, 12)
	if strings.Contains(what, "S") {
		tb.SetStr("source", String(info.Source))
		tb.SetStr("short_src", String(info.ShortSrc))
		tb.SetStr("what", String(info.What))
		tb.SetStr("linedefined", Int(info.Defined))
		last := -1
		if !fn.IsG {
			last = fn.Proto.LastLineDefined
		}
		tb.SetStr("lastlinedefined", Int(last))
	}
	if strings.Contains(what, "l") {
		tb.SetStr("currentline", Int(info.Line))
	}
	if strings.Contains(what, "n") {
		tb.SetStr("namewhat", String(info.NameWhat))
		if info.Name != "" {
			tb.SetStr("name", String(info.Name))
		}
	}
	if strings.Contains(what, "u") {
		tb.SetStr("nups", Int(0))
		tb.SetStr("nparams", Int(0))
		tb.SetStr("isvararg", Bool(true))
		if !fn.IsG {
			tb.SetStr("nups", Int(int(fn.Proto.NumUpvalues)))
			tb.SetStr("nparams", Int(int(fn.Proto.NumParameters)))
			tb.SetStr("isvararg", Bool(fn.Proto.IsVarArg != 0))
		}
	}
	if strings.Contains(what, "f") {
		tb.SetStr("func", info.Func)
	}
	if strings.Contains(what, "L") && !fn.IsG {
		lines := t.vm.NewTable(0, 8)
		for _, line := range fn.Proto.DbgSourcePositions {
			lines.SetInt(line, Bool(true))
		}
		tb.SetStr("activelines", lines.Value())
	}
	t.Push(tb.Value())
	return 1
}

func debugGetlocal(t *Thread) int {
	of, i := t.subject()
	if f := t.Arg(i).Func(); f != nil {
		if n := t.CheckInt(i + 1); !f.f.IsG && n >= 1 && n <= int(f.f.Proto.NumParameters) {
			t.PushString(f.f.Proto.DbgLocals[n-1].Name)
			return 1
		}
		t.PushNil()
		return 1
	}
	at := of.at(t.CheckInt(i))
	if at == nil {
		t.ArgError(i, "level out of range")
	}
	n := t.CheckInt(i+1) - 1
	if at.Fn.IsG || n < 0 {
		t.PushNil()
		return 1
	}
	name := localName(at.Fn.Proto, n, at.Pc-1)
	if name == "" {
		t.PushNil()
		return 1
	}
	t.PushString(name)
	t.Push(of.register(at, n))
	return 2
}

// jitLibrary answers the questions that programs ask about LuaJIT.
func (m *VM) openJit() {
	tb := m.NewTable(0, 12)
	tb.SetStr("version", String("LuaJIT 2.1.0-luahttpd"))
	tb.SetStr("version_num", Int(20100))
	tb.SetStr("os", String("Linux"))
	tb.SetStr("arch", String("x64"))
	nothing := m.NewFunc("jit", func(*Thread) int { return 0 })
	for _, name := range []string{"on", "off", "flush", "attach", "prngstate"} {
		tb.SetStr(name, nothing)
	}
	m.register(tb, map[string]Func{
		"status": func(t *Thread) int { t.PushBool(false); return 1 },
	})
	opt := m.NewTable(0, 1)
	opt.SetStr("start", nothing)
	tb.SetStr("opt", opt.Value())
	util := m.NewTable(0, 0)
	tb.SetStr("util", util.Value())
	m.Globals().SetStr("jit", tb.Value())
	for name, v := range map[string]Value{"jit.opt": opt.Value(), "jit.util": util.Value()} {
		m.Builtin(name, func(*Thread) Value { return v })
	}
}
