package vm

import (
	"strconv"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

var stringLibrary = map[string]Func{
	"byte":    strByte,
	"char":    strChar,
	"dump":    strDump,
	"find":    func(t *Thread) int { return strFind(t, true) },
	"format":  strFormat,
	"gmatch":  strGmatch,
	"gsub":    strGsub,
	"len":     strLen,
	"lower":   func(t *Thread) int { return strMap(t, 'A', 'Z') },
	"match":   func(t *Thread) int { return strFind(t, false) },
	"rep":     strRep,
	"reverse": strReverse,
	"sub":     strSub,
	"upper":   func(t *Thread) int { return strMap(t, 'a', 'z') },
}

func (m *VM) openString() {
	tb := m.NewTable(0, 16)
	m.register(tb, stringLibrary)
	m.Globals().SetStr("string", tb.Value())
	mt := m.NewTable(0, 1)
	mt.SetStr("__index", tb.Value())
	m.openArithmetic(mt)
	m.main.SetMetatable(glua.LString(""), mt.Value().lv())
}

// position turns a string index of Lua, negative from the end, into one that counts from 1.
func position(i, n int) int {
	if i < 0 {
		return max(i+n+1, 0)
	}
	return i
}

func strLen(t *Thread) int {
	t.PushInt(len(t.CheckString(1)))
	return 1
}

func strSub(t *Thread) int {
	s := t.CheckString(1)
	i, j := max(position(t.CheckInt(2), len(s)), 1), min(position(t.OptInt(3, -1), len(s)), len(s))
	if i > j {
		t.PushString("")
	} else {
		t.PushString(s[i-1 : j])
	}
	return 1
}

func strByte(t *Thread) int {
	s := t.CheckString(1)
	i := position(t.OptInt(2, 1), len(s))
	j := min(position(t.OptInt(3, i), len(s)), len(s))
	i = max(i, 1)
	if j-i >= maxUnpack {
		t.Errorf("string slice too long")
	}
	for k := i; k <= j; k++ {
		t.PushInt(int(s[k-1]))
	}
	return max(j-i+1, 0)
}

func strChar(t *Thread) int {
	b := make([]byte, t.NArg())
	for i := range b {
		c := t.CheckInt(i + 1)
		if c < 0 || c > 255 {
			t.ArgError(i+1, "invalid value")
		}
		b[i] = byte(c)
	}
	t.PushBytes(b)
	return 1
}

// maxDumps is the number of functions that string.dump keeps for one VM.
const maxDumps = 4096

// strDump gives a token that load and loadstring of the same VM turn into the function again: there
// is no portable bytecode.
func strDump(t *Thread) int {
	f := t.CheckFunc(1).Func()
	if f.f.IsG || len(t.vm.dumps) >= maxDumps {
		t.Errorf("unable to dump given function")
	}
	token := bytecodeMark + strconv.Itoa(len(t.vm.dumps))
	t.vm.dumps = append(t.vm.dumps, &Proto{f.f.Proto})
	t.PushString(token)
	return 1
}

// bytecodeMark begins what string.dump makes.
const bytecodeMark = "\x1bLH"

// undump finds the function of a token, or nil.
func (m *VM) undump(token string) *Proto {
	n, err := strconv.Atoi(strings.TrimPrefix(token, bytecodeMark))
	if err != nil || n < 0 || n >= len(m.dumps) {
		return nil
	}
	return m.dumps[n]
}

func strMap(t *Thread, from, to byte) int {
	s := t.CheckString(1)
	for i := range len(s) {
		if s[i] >= from && s[i] <= to {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i] >= from && b[i] <= to {
					b[i] ^= 0x20
				}
			}
			t.PushBytes(b)
			return 1
		}
	}
	t.PushString(s)
	return 1
}

func strReverse(t *Thread) int {
	s := t.CheckString(1)
	b := make([]byte, len(s))
	for i := range len(s) {
		b[len(s)-1-i] = s[i]
	}
	t.PushBytes(b)
	return 1
}

func strRep(t *Thread) int {
	s, n, sep := t.CheckString(1), t.CheckInt(2), t.OptString(3, "")
	if n <= 0 || len(s)+len(sep) == 0 {
		t.PushString("")
		return 1
	}
	if n > t.vm.maxString/(len(s)+len(sep))+1 {
		t.Raise(String("not enough memory"))
	}
	t.checkLength(n * (len(s) + len(sep)))
	if sep == "" {
		t.PushString(strings.Repeat(s, n))
	} else {
		t.PushString(strings.Repeat(s+sep, n-1) + s)
	}
	return 1
}

// strFind is string.find and string.match.
func strFind(t *Thread, find bool) int {
	s, pat := t.CheckString(1), t.CheckString(2)
	init := max(position(t.OptInt(3, 1), len(s)), 1) - 1
	if init > len(s) {
		t.PushNil()
		return 1
	}
	if find && (t.Arg(4).Truth() || !strings.ContainsAny(pat, "^$*+?.([%-")) {
		i := strings.Index(s[init:], pat)
		if i < 0 {
			t.PushNil()
			return 1
		}
		t.PushInt(init + i + 1)
		t.PushInt(init + i + len(pat))
		return 2
	}
	m := matcher{t: t, src: s, pat: pat}
	anchored := strings.HasPrefix(pat, "^")
	if anchored {
		m.pat = pat[1:]
	}
	for ; init <= len(s); init++ {
		m.reset()
		if e := m.match(init, 0); e >= 0 {
			if !find {
				return m.push(init, e, true)
			}
			t.PushInt(init + 1)
			t.PushInt(e)
			return 2 + m.push(init, e, false)
		}
		if anchored {
			break
		}
	}
	t.PushNil()
	return 1
}

func strGmatch(t *Thread) int {
	s, pat := t.CheckString(1), t.CheckString(2)
	at := 0
	t.Push(t.vm.NewFunc("gmatch_aux", func(t *Thread) int {
		m := matcher{t: t, src: s, pat: pat}
		for ; at <= len(s); at++ {
			m.reset()
			e := m.match(at, 0)
			if e < 0 {
				continue
			}
			n := m.push(at, e, true)
			if e == at {
				e++
			}
			at = e
			return n
		}
		return 0
	}))
	return 1
}

func strGsub(t *Thread) int {
	s, pat := t.CheckString(1), t.CheckString(2)
	repl := t.Arg(3)
	switch repl.Kind() {
	case KString, KNumber, KTable, KFunction:
	default:
		t.TypeError(3, "string/function/table")
	}
	limit := t.OptInt(4, len(s)+1)
	m := matcher{t: t, src: s, pat: pat}
	anchored := strings.HasPrefix(pat, "^")
	if anchored {
		m.pat = pat[1:]
	}
	var out []byte
	n, at, copied := 0, 0, 0
	for n < limit {
		m.reset()
		e := m.match(at, 0)
		if e >= 0 {
			n++
			out = append(out, s[copied:at]...)
			out = m.replace(out, repl, at, e)
			copied = e
			t.checkLength(len(out))
		}
		if e > at {
			at = e
		} else if at < len(s) {
			at++
		} else {
			break
		}
		if anchored {
			break
		}
	}
	if n == 0 {
		t.PushString(s)
	} else {
		t.PushBytes(append(out, s[copied:]...))
	}
	t.PushInt(n)
	return 2
}

// replace appends what repl makes of the match from s to e.
func (m *matcher) replace(out []byte, repl Value, s, e int) []byte {
	t := m.t
	var v Value
	switch repl.Kind() {
	case KTable:
		v = t.Index(repl, m.value(0, s, e))
	case KFunction:
		var args [maxCaptures]Value
		n := max(m.level, 1)
		for i := range n {
			args[i] = m.value(i, s, e)
		}
		if r := t.CallRaw(repl, args[:n]...); len(r) > 0 {
			v = r[0]
		}
	default:
		text, _ := repl.ToString()
		return m.expand(out, text, s, e)
	}
	if !v.Truth() {
		return append(out, m.src[s:e]...)
	}
	text, ok := v.ToString()
	if !ok {
		t.Errorf("invalid replacement value (a %s)", v.Kind())
	}
	return append(out, text...)
}

func (m *matcher) expand(out []byte, repl string, s, e int) []byte {
	for i := 0; i < len(repl); i++ {
		c := repl[i]
		if c != '%' || i+1 == len(repl) {
			if c != '%' {
				out = append(out, c)
			}
			continue
		}
		i++
		switch c = repl[i]; {
		case c == '0':
			out = append(out, m.src[s:e]...)
		case c >= '1' && c <= '9':
			text, _ := m.value(int(c-'1'), s, e).ToString()
			out = append(out, text...)
		default:
			out = append(out, c)
		}
	}
	return out
}
