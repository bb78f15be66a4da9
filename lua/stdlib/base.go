package stdlib

import (
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func (s *state) openBase(g *vm.Table) {
	s.fill(g, s.base())
	for _, n := range []string{"pcall", "xpcall", "next"} {
		g.SetStr(n, s.m.Primitive(n))
	}
	s.tostring = g.GetStr("tostring")
}

// base are the global functions, but for those that only the VM can carry out.
func (s *state) base() []function {
	return []function{
		{"assert", baseAssert},
		{"collectgarbage", s.collectgarbage},
		{"dofile", s.baseDofile},
		{"error", baseError},
		{"gcinfo", func(t *vm.Thread) int { t.PushNumber(heapKB()); return 1 }},
		{"getfenv", baseGetfenv},
		{"getmetatable", baseGetmetatable},
		{"ipairs", baseIpairs},
		{"load", s.baseLoad},
		{"loadfile", s.baseLoadfile},
		{"loadstring", s.baseLoad},
		{"newproxy", baseNewproxy},
		{"pairs", basePairs},
		{"print", s.print},
		{"rawequal", baseRawequal},
		{"rawget", baseRawget},
		{"rawlen", baseRawlen},
		{"rawset", baseRawset},
		{"select", baseSelect},
		{"setfenv", baseSetfenv},
		{"setmetatable", baseSetmetatable},
		{"tonumber", baseTonumber},
		{"tostring", baseTostring},
		{"type", baseType},
		{"unpack", tableUnpack},
	}
}

var tostringName = vm.Const("tostring")

func baseAssert(t *vm.Thread) int {
	if t.CheckAny(1).Truth() {
		n := t.NArg()
		t.ReturnArgs(1, n)
		return n
	}
	v := t.Arg(2)
	if t.NArg() < 2 {
		v = vm.Const("assertion failed!")
	}
	return t.Throw(withPosition(t, v, 1))
}

// withPosition puts the position of a level before a message. Numbers are messages too, as in LuaJIT.
func withPosition(t *vm.Thread, v vm.Value, level int) vm.Value {
	if s, ok := v.ToString(); ok && level > 0 {
		if w := t.Where(level); w != "" {
			return vm.String(w + " " + s)
		}
	}
	return v
}

func baseError(t *vm.Thread) int {
	return t.Throw(withPosition(t, t.Arg(1), t.OptInt(2, 1)))
}

var typeValues = func() (out [vm.KThread + 1]vm.Value) {
	for k := range out {
		out[k] = vm.Const(vm.Kind(k).String())
	}
	return
}()

func baseType(t *vm.Thread) int {
	k, ok := t.TypeOf(1)
	if !ok {
		t.ArgError(1, "value expected")
	}
	if k == vm.KUserdata { // some host values are cdata in LuaJIT's eyes
		if named, ok := t.Arg(1).Userdata().Value.(interface{ LuaType() string }); ok {
			t.PushString(named.LuaType())
			return 1
		}
	}
	t.Push(typeValues[k])
	return 1
}

func baseTostring(t *vm.Thread) int {
	t.Push(t.ToStringValue(t.CheckAny(1)))
	return 1
}

func baseTonumber(t *vm.Thread) int {
	base := t.OptInt(2, 10)
	if base == 10 {
		v := t.CheckAny(1)
		if f, ok := v.ToNumber(); ok {
			t.PushNumber(f)
		} else {
			t.PushNil()
		}
		return 1
	}
	str := t.CheckString(1)
	if base < 2 || base > 36 {
		t.ArgError(2, "base out of range")
	}
	f, ok := parseBase(strings.Trim(str, " \t\n\v\f\r"), base)
	if !ok {
		t.PushNil()
	} else {
		t.PushNumber(f)
	}
	return 1
}

func parseBase(str string, base int) (float64, bool) {
	neg := false
	if str != "" && (str[0] == '-' || str[0] == '+') {
		neg = str[0] == '-'
		str = str[1:]
	}
	if base == 16 && len(str) > 2 && str[0] == '0' && str[1]|32 == 'x' {
		str = str[2:]
	}
	if str == "" {
		return 0, false
	}
	f := 0.0
	for i := 0; i < len(str); i++ {
		d := 99
		switch c := str[i]; {
		case c >= '0' && c <= '9':
			d = int(c - '0')
		case c|32 >= 'a' && c|32 <= 'z':
			d = int(c|32-'a') + 10
		}
		if d >= base {
			return 0, false
		}
		f = f*float64(base) + float64(d)
	}
	if neg {
		f = -f
	}
	return f, true
}

// print uses the global tostring when the program has replaced it.
func (s *state) print(t *vm.Thread) int {
	var b strings.Builder
	own := t.Index(t.Env().Value(), tostringName)
	if vm.RawEqual(own, s.tostring) {
		own = vm.Nil
	}
	for i := 1; i <= t.NArg(); i++ {
		if i > 1 {
			b.WriteByte('\t')
		}
		v := t.Arg(i)
		if own.IsNil() {
			v = t.ToStringValue(v)
		} else {
			v = t.Call1(own, v)
		}
		r, ok := v.ToString()
		if !ok {
			t.Errorf("'tostring' must return a string to 'print'")
		}
		b.WriteString(r)
	}
	b.WriteByte('\n')
	if s.stdout == nil {
		s.m.Globals().GetStr("io")
	}
	if w, err := s.stdout.writer(); err == nil {
		w.WriteString(b.String())
		w.Flush()
	}
	return 0
}

func baseRawequal(t *vm.Thread) int {
	t.PushBool(vm.RawEqual(t.CheckAny(1), t.CheckAny(2)))
	return 1
}

func baseRawget(t *vm.Thread) int {
	t.Push(t.CheckTable(1).Get(t.CheckAny(2)))
	return 1
}

func baseRawset(t *vm.Thread) int {
	tab, k := t.CheckTable(1), t.CheckAny(2)
	checkKey(t, k)
	tab.Set(k, t.CheckAny(3))
	t.Push(t.Arg(1))
	return 1
}

// checkKey raises the error of a key that no table can have.
func checkKey(t *vm.Thread, k vm.Value) {
	if k.IsNil() {
		t.RaiseString("table index is nil")
	}
	if f := k.Num(); f != f {
		t.RaiseString("table index is NaN")
	}
}

func baseRawlen(t *vm.Thread) int {
	v := t.Arg(1)
	switch v.Kind() {
	case vm.KTable:
		t.PushInt(v.Table().Len())
	case vm.KString:
		t.PushInt(len(v.Str()))
	default:
		t.TypeError(1, "table")
	}
	return 1
}

func baseSelect(t *vm.Thread) int {
	n := t.NArg()
	if v := t.Arg(1); v.Kind() == vm.KString && strings.HasPrefix(v.Str(), "#") {
		t.PushInt(n - 1)
		return 1
	}
	i := t.CheckInt(1)
	if i < 0 {
		i += n
	} else if i > n {
		i = n
	}
	if i < 1 {
		t.ArgError(1, "index out of range")
	}
	t.ReturnArgs(i+1, n)
	return n - i
}

// firstThree returns three of its arguments.
func firstThree(t *vm.Thread) int {
	for i := 1; i <= 3; i++ {
		t.Push(t.Arg(i))
	}
	return 3
}

func basePairs(t *vm.Thread) int {
	v := t.Arg(1)
	if h := t.Metamethod(v, "__pairs"); !h.IsNil() {
		return t.CallThen(&vm.Continuation{Then: firstThree}, h, v)
	}
	t.CheckTable(1)
	t.Push(t.VM().Primitive("next"))
	t.Push(v)
	t.PushNil()
	return 3
}

func baseIpairs(t *vm.Thread) int {
	v := t.CheckAny(1)
	if h := t.Metamethod(v, "__ipairs"); !h.IsNil() {
		return t.CallThen(&vm.Continuation{Then: firstThree}, h, v)
	}
	t.CheckTable(1)
	t.Push(t.VM().Primitive("ipairs"))
	t.Push(v)
	t.PushInt(0)
	return 3
}

func baseGetmetatable(t *vm.Thread) int {
	v := t.CheckAny(1)
	mt := t.VM().MetatableOf(v)
	if mt == nil {
		t.PushNil()
		return 1
	}
	if p := mt.GetStr("__metatable"); !p.IsNil() {
		t.Push(p)
	} else {
		t.Push(mt.Value())
	}
	return 1
}

func baseSetmetatable(t *vm.Thread) int {
	tab := t.CheckTable(1)
	k, ok := t.TypeOf(2)
	if !ok || k != vm.KNil && k != vm.KTable {
		t.ArgError(2, "nil or table expected")
	}
	if old := tab.Metatable(); old != nil && !old.GetStr("__metatable").IsNil() {
		t.Errorf("cannot change a protected metatable")
	}
	tab.SetMetatable(t.Arg(2).Table())
	t.Push(t.Arg(1))
	return 1
}

// envFunction gives the function that getfenv and setfenv mean by their first argument; ok is false for level 0.
func envFunction(t *vm.Thread) (f *vm.Function, ok bool) {
	if v := t.Arg(1); v.Kind() == vm.KFunction {
		return v.Func(), true
	}
	level := t.OptInt(1, 1)
	if level == 0 {
		return nil, false
	}
	fr, found := t.Frame(level)
	if !found {
		t.ArgError(1, "invalid level")
	}
	return fr.Func.Func(), true
}

func baseGetfenv(t *vm.Thread) int {
	f, ok := envFunction(t)
	if !ok || f.IsGo() {
		t.Push(t.Env().Value())
		return 1
	}
	t.Push(f.Env().Value())
	return 1
}

func baseSetfenv(t *vm.Thread) int {
	env := t.CheckTable(2)
	if k, ok := t.TypeOf(1); !ok || k != vm.KFunction {
		t.CheckInt(1)
	}
	f, ok := envFunction(t)
	if !ok {
		t.SetEnv(env)
		return 0
	}
	if f.IsGo() {
		t.Errorf("'setfenv' cannot change environment of given object")
	}
	f.SetEnv(env)
	t.Push(f.Value())
	return 1
}

// proxy is what newproxy makes: others must not have the metatable of a file, say.
type proxy struct{}

func baseNewproxy(t *vm.Thread) int {
	v := t.Arg(1)
	var mt *vm.Table
	switch {
	case v.Kind() == vm.KBool && v.Bool():
		mt = t.VM().NewTable(0, 2)
	case v.Userdata() != nil && v.Userdata().Value == proxy{}:
		mt = v.Userdata().Metatable()
	case v.Truth():
		t.ArgError(1, "boolean or proxy expected")
	}
	p := t.VM().NewUserdata(proxy{}, mt)
	if mt != nil {
		t.VM().Finalize(p.Userdata())
	}
	t.Push(p)
	return 1
}
