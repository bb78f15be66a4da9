package stdlib

import (
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func (s *state) openDebug() {
	s.library("debug", []function{
		{"debug", func(*vm.Thread) int { return 0 }},
		{"getfenv", debugGetfenv},
		{"gethook", debugGethook},
		{"getinfo", debugGetinfo},
		{"getlocal", debugGetlocal},
		{"getmetatable", debugGetmetatable},
		{"getregistry", func(t *vm.Thread) int { t.Push(t.VM().Registry().Value()); return 1 }},
		{"getupvalue", debugGetupvalue},
		{"getuservalue", func(t *vm.Thread) int { t.PushNil(); return 1 }},
		{"setfenv", debugSetfenv},
		{"sethook", debugSethook},
		{"setlocal", debugSetlocal},
		{"setmetatable", debugSetmetatable},
		{"setupvalue", debugSetupvalue},
		{"setuservalue", func(t *vm.Thread) int { t.Push(t.Arg(1)); return 1 }},
		{"traceback", debugTraceback},
		{"upvalueid", debugUpvalueid},
		{"upvaluejoin", debugUpvaluejoin},
	})
}

// threadArg gives the thread a function is about and how many arguments it takes away.
func threadArg(t *vm.Thread) (co *vm.Thread, skip int) {
	if co := t.Arg(1).Thread(); co != nil {
		return co, 1
	}
	return t, 0
}

func debugGethook(t *vm.Thread) int {
	h := t.VM().Hook()
	t.Push(h.Func)
	t.PushString(hookMask(h.Events))
	t.PushInt(h.Count)
	return 3
}

// hookEvents are the letters of a hook's mask.
var hookEvents = [...]struct {
	letter string
	event  vm.Events
}{{"c", vm.OnCall}, {"r", vm.OnReturn}, {"l", vm.OnLine}}

func hookMask(events vm.Events) string {
	mask := ""
	for _, e := range hookEvents {
		if events&e.event != 0 {
			mask += e.letter
		}
	}
	return mask
}

// debugSethook sets the one hook that all threads share: a thread as its first argument changes nothing.
func debugSethook(t *vm.Thread) int {
	_, skip := threadArg(t)
	var h vm.Hook
	if k, ok := t.TypeOf(skip + 1); ok && k != vm.KNil {
		mask := t.CheckString(skip + 2)
		h.Func = t.CheckFunc(skip + 1)
		h.Count = max(t.OptInt(skip+3, 0), 0)
		for _, e := range hookEvents {
			if strings.Contains(mask, e.letter) {
				h.Events |= e.event
			}
		}
	}
	return t.SetHook(h)
}

func debugGetinfo(t *vm.Thread) int {
	co, skip := threadArg(t)
	what := t.OptString(skip+2, "flnSu")
	if strings.Trim(what, "flnSuL>") != "" {
		t.ArgError(skip+2, "invalid option")
	}
	var f vm.Frame
	switch v := t.Arg(skip + 1); v.Kind() {
	case vm.KFunction:
		f = vm.Info(v)
	case vm.KNumber, vm.KString:
		var ok bool
		if f, ok = co.Frame(t.CheckInt(skip + 1)); !ok {
			t.PushNil()
			return 1
		}
	default:
		t.ArgError(skip+1, "function or level expected")
	}
	tab := t.VM().NewTable(0, 12)
	has := func(c string) bool { return strings.Contains(what, c) }
	if has("S") {
		tab.SetStr("source", vm.String(f.Source))
		tab.SetStr("short_src", vm.String(f.ShortSrc))
		tab.SetStr("what", vm.String(f.What))
		tab.SetStr("linedefined", vm.Int(f.Defined))
		tab.SetStr("lastlinedefined", vm.Int(f.LastLine))
	}
	if has("l") {
		tab.SetStr("currentline", vm.Int(f.Line))
	}
	if has("u") {
		tab.SetStr("nups", vm.Int(f.NUps))
		tab.SetStr("nparams", vm.Int(f.NParams))
		tab.SetStr("isvararg", vm.Bool(f.Vararg))
	}
	if has("n") {
		tab.SetStr("namewhat", vm.String(f.NameWhat))
		if f.Name != "" {
			tab.SetStr("name", vm.String(f.Name))
		}
	}
	if has("f") {
		tab.SetStr("func", f.Func)
	}
	if has("L") {
		lines := t.VM().NewTable(0, 8)
		if p := f.Func.Func().Proto(); p != nil {
			for _, l := range p.ActiveLines() {
				lines.SetInt(l, vm.Bool(true))
			}
		}
		tab.SetStr("activelines", lines.Value())
	}
	t.Push(tab.Value())
	return 1
}

func debugGetlocal(t *vm.Thread) int {
	co, skip := threadArg(t)
	n := t.CheckInt(skip + 2)
	if v := t.Arg(skip + 1); v.Kind() == vm.KFunction {
		if name := v.Func().LocalName(n); name != "" {
			t.PushString(name)
		} else {
			t.PushNil()
		}
		return 1
	}
	level := t.CheckInt(skip + 1)
	if _, ok := co.Frame(level); !ok {
		t.ArgError(skip+1, "level out of range")
	}
	name, v := co.Local(level, n)
	if name == "" {
		t.PushNil()
		return 1
	}
	t.PushString(name)
	t.Push(v)
	return 2
}

func debugSetlocal(t *vm.Thread) int {
	co, skip := threadArg(t)
	level := t.CheckInt(skip + 1)
	if _, ok := co.Frame(level); !ok {
		t.ArgError(skip+1, "level out of range")
	}
	if name := co.SetLocal(level, t.CheckInt(skip+2), t.CheckAny(skip+3)); name != "" {
		t.PushString(name)
	} else {
		t.PushNil()
	}
	return 1
}

func debugGetmetatable(t *vm.Thread) int {
	if mt := t.VM().MetatableOf(t.CheckAny(1)); mt != nil {
		t.Push(mt.Value())
	} else {
		t.PushNil()
	}
	return 1
}

func debugSetmetatable(t *vm.Thread) int {
	k, ok := t.TypeOf(2)
	if !ok || k != vm.KNil && k != vm.KTable {
		t.ArgError(2, "nil or table expected")
	}
	mt := t.Arg(2).Table()
	switch v := t.Arg(1); v.Kind() {
	case vm.KTable:
		v.Table().SetMetatable(mt)
	case vm.KUserdata:
		v.Userdata().SetMetatable(mt)
	default:
		t.VM().SetTypeMetatable(v.Kind(), mt)
	}
	t.Push(t.Arg(1))
	return 1
}

func debugGetfenv(t *vm.Thread) int {
	switch v := t.CheckAny(1); v.Kind() {
	case vm.KFunction:
		t.Push(v.Func().Env().Value())
	case vm.KThread:
		t.Push(v.Thread().Env().Value())
	default:
		t.PushNil()
	}
	return 1
}

func debugSetfenv(t *vm.Thread) int {
	env := t.CheckTable(2)
	switch v := t.Arg(1); v.Kind() {
	case vm.KFunction:
		v.Func().SetEnv(env)
	case vm.KThread:
		v.Thread().SetEnv(env)
	default:
		t.Errorf("'setfenv' cannot change environment of given object")
	}
	t.Push(t.Arg(1))
	return 1
}

func debugGetupvalue(t *vm.Thread) int {
	f := t.CheckFunc(1).Func()
	name, v, ok := f.Upvalue(t.CheckInt(2))
	if !ok {
		return 0
	}
	t.PushString(name)
	t.Push(v)
	return 2
}

func debugSetupvalue(t *vm.Thread) int {
	v := t.CheckAny(3)
	f := t.CheckFunc(1).Func()
	name, ok := f.SetUpvalue(t.CheckInt(2), v)
	if !ok {
		return 0
	}
	t.PushString(name)
	return 1
}

func debugUpvalueid(t *vm.Thread) int {
	f := t.CheckFunc(1).Func()
	id := f.UpvalueID(t.CheckInt(2))
	if id == nil {
		t.ArgError(2, "invalid upvalue index")
	}
	t.Push(vm.Light(id))
	return 1
}

func debugUpvaluejoin(t *vm.Thread) int {
	f, i := t.CheckFunc(1).Func(), t.CheckInt(2)
	g, j := t.CheckFunc(3).Func(), t.CheckInt(4)
	if f.UpvalueID(i) == nil {
		t.ArgError(2, "invalid upvalue index")
	}
	if g.UpvalueID(j) == nil {
		t.ArgError(4, "invalid upvalue index")
	}
	f.JoinUpvalue(i, g, j)
	return 0
}

func debugTraceback(t *vm.Thread) int {
	co, skip := threadArg(t)
	v := t.Arg(skip + 1)
	if k := v.Kind(); k != vm.KNil && k != vm.KString && k != vm.KNumber {
		t.Push(v)
		return 1
	}
	level := 1
	if co != t {
		level = 0
	}
	level = t.OptInt(skip+2, level)
	msg, _ := v.ToString()
	text := co.Traceback("", level)
	if !v.IsNil() {
		text = msg + "\n" + text
	}
	t.PushString(text)
	return 1
}
