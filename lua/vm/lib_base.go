package vm

import (
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

var baseLibrary = map[string]Func{
	"assert":         libAssert,
	"collectgarbage": libCollectgarbage,
	"error":          libError,
	"pcall":          libPcall,
	"xpcall":         libXpcall,
	"load":           libLoad,
	"loadstring":     libLoad,
	"loadfile":       libLoadfile,
	"dofile":         libDofile,
	"tostring": func(t *Thread) int {
		v := t.CheckAny(1)
		if mt := t.metafield(v, "__tostring"); !mt.IsNil() {
			return t.PushAll(t.CallRaw(mt, v)[:1])
		}
		t.PushString(t.ToString(v))
		return 1
	},
	"tonumber": libTonumber,
	"type": func(t *Thread) int {
		v := t.CheckAny(1)
		if u := v.Userdata(); u != nil {
			if named, ok := u.Value.(interface{ LuaType() string }); ok {
				t.PushString(named.LuaType())
				return 1
			}
		}
		t.PushString(v.Kind().String())
		return 1
	},
	"pairs":  libPairs,
	"ipairs": libIpairs,
	"next":   libNext,
	"print":  libPrint,
	"rawlen": func(t *Thread) int {
		switch v := t.Arg(1); v.Kind() {
		case KTable:
			t.PushInt(v.Table().Len())
		case KString:
			t.PushInt(len(v.Str()))
		default:
			t.ArgError(1, "table or string expected")
		}
		return 1
	},
	"rawequal": func(t *Thread) int {
		t.PushBool(RawEqual(t.CheckAny(1), t.CheckAny(2)))
		return 1
	},
	"select": libSelect,
	"unpack": libUnpack,
}

func libAssert(t *Thread) int {
	if t.CheckAny(1).Truth() {
		return t.PushAll(t.Args())
	}
	if t.NArg() < 2 {
		t.Raise(String("assertion failed!"))
	}
	t.Raise(t.Arg(2))
	return 0
}

func libCollectgarbage(t *Thread) int {
	switch opt := t.OptString(1, "collect"); opt {
	case "collect":
		runtime.GC()
		t.PushInt(0)
	case "count":
		t.PushNumber(heapKilobytes())
	case "step":
		t.PushBool(true)
	case "stop", "restart":
		t.PushInt(0)
	case "setpause", "setstepmul":
		t.PushInt(200)
	case "isrunning":
		t.PushBool(true)
	default:
		t.ArgError(1, "invalid option '"+opt+"'")
	}
	return 1
}

// heapKilobytes is the size of the live heap: the whole process's, there is no other measure.
func heapKilobytes() float64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64()) / 1024
}

func libError(t *Thread) int {
	v, level := t.Arg(1), t.OptInt(2, 1)
	if s, ok := v.v.(glua.LString); ok && level > 0 {
		v = String(joinWhere(t.Where(level), string(s)))
	}
	t.Raise(v)
	return 0
}

func libPcall(t *Thread) int {
	t.CheckAny(1)
	l := t.l
	base := regs(l).top
	t.PushAll(t.Args())
	if err := t.protect(t.NArg()-1, catchPcall, nil); err != nil {
		t.PushBool(false)
		t.Push(err.(*Error).Value)
		return 2
	}
	return t.insertTrue(base)
}

// insertTrue puts true before the values above base and returns their number.
func (t *Thread) insertTrue(base int) int {
	t.l.Push(glua.LTrue)
	r := regs(t.l)
	copy(r.array[base+1:r.top], r.array[base:r.top-1])
	r.array[base] = glua.LTrue
	return r.top - base
}

func libXpcall(t *Thread) int {
	t.CheckAny(2)
	handler := t.Arg(2).lv()
	base := regs(t.l).top
	args := t.Args()
	t.Push(args[0])
	t.PushAll(args[2:])
	if err := t.protect(len(args)-2, catchXpcall, handler); err != nil {
		t.PushBool(false)
		t.Push(err.(*Error).Value)
		return 2
	}
	return t.insertTrue(base)
}

// libLoad is load(text or function, name, mode, env) and loadstring.
func libLoad(t *Thread) int {
	var text, name string
	if s, ok := t.Arg(1).ToString(); ok {
		text, name = s, t.OptString(2, s)
	} else {
		fn := t.CheckFunc(1)
		var b strings.Builder
		for {
			v, err := t.try(fn)
			s, ok := v.ToString()
			if err == nil && !ok && !v.IsNil() {
				err = &Error{Value: String("reader function must return a string")}
			}
			if err != nil {
				t.PushNil()
				t.Push(err.(*Error).Value)
				return 2
			}
			if s == "" {
				break
			}
			b.WriteString(s)
			t.checkLength(b.Len())
		}
		text, name = b.String(), t.OptString(2, "=(load)")
	}
	return t.load([]byte(text), name, t.OptString(3, "bt"), 4)
}

// try calls fn as pcall does and returns its first result.
func (t *Thread) try(fn Value) (Value, error) {
	base := regs(t.l).top
	t.Push(fn)
	if err := t.protect(0, catchPcall, nil); err != nil {
		return Nil, err
	}
	if r := t.take(base); len(r) > 0 {
		return r[0], nil
	}
	return Nil, nil
}

// load pushes the compiled chunk, or nil and the message. Argument env is the environment when it
// is given.
func (t *Thread) load(text []byte, name, mode string, env int) int {
	need := "t"
	var p *Proto
	var err error
	if strings.HasPrefix(string(text), bytecodeMark) {
		need, p = "b", t.vm.undump(string(text))
	}
	if !strings.Contains(mode, need) {
		err = &SyntaxError{"attempt to load chunk with wrong mode"}
	} else if p == nil {
		p, err = Compile(text, name)
	}
	if err != nil {
		t.PushNil()
		t.PushString(err.Error())
		return 2
	}
	fn := t.vm.Load(p)
	fn.Func().f.Env = t.l.Env
	if t.NArg() >= env {
		fn.Func().SetEnv(t.CheckTable(env))
	}
	t.Push(fn)
	return 1
}

func libLoadfile(t *Thread) int {
	name := t.OptString(1, "")
	text, err := readSource(name)
	if err != nil {
		t.PushNil()
		t.PushString("cannot open " + err.Error())
		return 2
	}
	return t.load(text, "@"+name, t.OptString(2, "bt"), 3)
}

func readSource(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if e, ok := err.(*os.PathError); ok {
		return nil, &fileError{name, e.Err}
	}
	return text, err
}

type fileError struct {
	name string
	err  error
}

func (e *fileError) Error() string { return e.name + ": " + errnoText(e.err) }

func libDofile(t *Thread) int {
	name := t.CheckString(1)
	text, err := readSource(name)
	if err != nil {
		t.Raise(String("cannot open " + err.Error()))
	}
	p, err := Compile(text, "@"+name)
	if err != nil {
		t.Raise(String(err.Error()))
	}
	return t.PushAll(t.CallRaw(t.vm.Load(p)))
}

func libTonumber(t *Thread) int {
	v := t.CheckAny(1)
	if base := t.OptInt(2, 10); base != 10 {
		if base < 2 || base > 36 {
			t.ArgError(2, "base out of range")
		}
		if f, ok := parseBase(t.CheckString(1), base); ok {
			t.PushNumber(f)
		} else {
			t.PushNil()
		}
		return 1
	}
	if f, ok := v.ToNumber(); ok {
		t.PushNumber(f)
	} else {
		t.PushNil()
	}
	return 1
}

func parseBase(s string, base int) (float64, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	if base == 16 && len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		s = s[2:]
	}
	f := 0.0
	for i := range len(s) {
		d, c := 99, s[i]|0x20
		switch {
		case s[i] >= '0' && s[i] <= '9':
			d = int(s[i] - '0')
		case c >= 'a' && c <= 'z':
			d = int(c-'a') + 10
		}
		if d >= base {
			return 0, false
		}
		f = f*float64(base) + float64(d)
	}
	if neg {
		f = -f
	}
	return f, s != ""
}

func libPairs(t *Thread) int {
	v := t.CheckAny(1)
	if mt := t.metafield(v, "__pairs"); !mt.IsNil() {
		r := t.CallRaw(mt, v)
		for i := range 3 {
			if i < len(r) {
				t.Push(r[i])
			} else {
				t.PushNil()
			}
		}
		return 3
	}
	t.CheckTable(1)
	t.Push(t.vm.next)
	t.Push(v)
	t.PushNil()
	return 3
}

func libNext(t *Thread) int {
	k, v, ok := t.CheckTable(1).Next(t.Arg(2))
	if !ok {
		t.PushNil()
		return 1
	}
	t.Push(k)
	t.Push(v)
	return 2
}

func libIpairs(t *Thread) int {
	v := t.CheckAny(1)
	if mt := t.metafield(v, "__ipairs"); !mt.IsNil() {
		return t.PushAll(t.CallRaw(mt, v))
	}
	t.CheckTable(1)
	t.Push(t.vm.ipairsNext)
	t.Push(v)
	t.PushInt(0)
	return 3
}

func ipairsNext(t *Thread) int {
	i := int(t.Arg(2).Num()) + 1
	v := t.Arg(1).Table().GetInt(i)
	if v.IsNil() {
		return 0
	}
	t.PushInt(i)
	t.Push(v)
	return 2
}

func libPrint(t *Thread) int {
	var b strings.Builder
	for i := 1; i <= t.NArg(); i++ {
		if i > 1 {
			b.WriteByte('\t')
		}
		b.WriteString(t.ToString(t.Arg(i)))
	}
	b.WriteByte('\n')
	os.Stdout.WriteString(b.String())
	return 0
}

func libSelect(t *Thread) int {
	if t.Arg(1).Str() == "#" {
		t.PushInt(t.NArg() - 1)
		return 1
	}
	i := t.CheckInt(1)
	n := t.NArg()
	switch {
	case i < 0:
		i += n
	case i > n:
		i = n
	}
	if i < 1 {
		t.ArgError(1, "index out of range")
	}
	return t.PushAll(t.Args()[i:])
}

// maxUnpack is the number of values that unpack gives at most.
const maxUnpack = 8000

func libUnpack(t *Thread) int {
	tb := t.CheckTable(1)
	i, j := t.OptInt(2, 1), 0
	if t.Arg(3).IsNil() {
		j = tb.Len()
	} else {
		j = t.CheckInt(3)
	}
	if i > j {
		return 0
	}
	if i < math.MinInt32 || j > math.MaxInt32 || j-i >= maxUnpack {
		t.Errorf("too many results to unpack")
	}
	for k := i; k <= j; k++ {
		t.Push(tb.GetInt(k))
	}
	return j - i + 1
}
