package stdlib

import (
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func (s *state) openString() {
	t := s.library("string", []function{
		{"byte", stringByte},
		{"char", stringChar},
		{"dump", s.stringDump},
		{"find", s.stringFind},
		{"format", stringFormat},
		{"gmatch", stringGmatch},
		{"gsub", s.stringGsub},
		{"len", func(t *vm.Thread) int { t.PushInt(len(t.CheckString(1))); return 1 }},
		{"lower", stringLower},
		{"match", s.stringMatch},
		{"rep", stringRep},
		{"reverse", stringReverse},
		{"sub", stringSub},
		{"upper", stringUpper},
	})
	s.format = t.GetStr("format")
	mt := s.m.NewTable(0, 1)
	mt.SetStr("__index", t.Value())
	s.m.SetTypeMetatable(vm.KString, mt)
}

// span turns Lua's first and last index into offsets.
func span(i, j, n int) (int, int) {
	if i < 0 {
		i += n + 1
		if i < 1 {
			i = 1
		}
	} else if i == 0 {
		i = 1
	}
	if j < 0 {
		j += n + 1
	} else if j > n {
		j = n
	}
	if i > j {
		return 0, 0
	}
	return i - 1, j
}

func stringSub(t *vm.Thread) int {
	s := t.CheckString(1)
	i, j := span(t.CheckInt(2), t.OptInt(3, -1), len(s))
	if j-i == len(s) && t.Arg(1).Kind() == vm.KString {
		t.Push(t.Arg(1))
		return 1
	}
	t.PushString(s[i:j])
	return 1
}

func stringByte(t *vm.Thread) int {
	s := t.CheckString(1)
	first := t.OptInt(2, 1)
	i, j := span(first, t.OptInt(3, first), len(s))
	if first == 0 && t.NArg() < 3 {
		return 0
	}
	if j-i > maxUnpack {
		t.Errorf("string slice too long")
	}
	for k := i; k < j; k++ {
		t.PushInt(int(s[k]))
	}
	return j - i
}

func stringChar(t *vm.Thread) int {
	n := t.NArg()
	v, b := vm.NewString(n)
	for i := 1; i <= n; i++ {
		c := t.CheckInt(i)
		if c < 0 || c > 255 {
			t.ArgError(i, "invalid value")
		}
		b[i-1] = byte(c)
	}
	if n == 1 { // short strings exist once
		v = vm.Bytes(b)
	}
	t.Push(v)
	return 1
}

func stringLower(t *vm.Thread) int { return mapBytes(t, 'A') }
func stringUpper(t *vm.Thread) int { return mapBytes(t, 'a') }

// mapBytes flips the case of the 26 letters from first on.
func mapBytes(t *vm.Thread, first byte) int {
	s := t.CheckString(1)
	if len(s) < 2 {
		var b [1]byte
		copy(b[:], s)
		if len(s) == 1 && b[0]-first < 26 {
			b[0] ^= 32
		}
		t.PushBytes(b[:len(s)])
		return 1
	}
	t.Reserve(len(s))
	v, b := vm.NewString(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c-first < 26 {
			c ^= 32
		}
		b[i] = c
	}
	t.Push(v)
	return 1
}

func stringReverse(t *vm.Thread) int {
	s := t.CheckString(1)
	if len(s) < 2 {
		t.PushString(s)
		return 1
	}
	t.Reserve(len(s))
	v, b := vm.NewString(len(s))
	for i := 0; i < len(s); i++ {
		b[len(s)-1-i] = s[i]
	}
	t.Push(v)
	return 1
}

func stringRep(t *vm.Thread) int {
	s, n, sep := t.CheckString(1), t.CheckInt(2), t.OptString(3, "")
	unit := len(s) + len(sep)
	if n <= 0 || unit == 0 {
		t.PushString("")
		return 1
	}
	if n > (vm.MaxString)/unit+1 || unit*n-len(sep) > vm.MaxString {
		t.RaiseString("not enough memory")
	}
	total := unit*n - len(sep)
	if n == 1 {
		t.PushString(s)
		return 1
	}
	t.Reserve(total)
	t.Spend(total / 4096)
	v, b := vm.NewString(total)
	o := copy(b, s)
	o += copy(b[o:], sep)
	for o < total { // what is there is copied behind itself; it is a whole number of units
		o += copy(b[o:], b[:o])
	}
	t.Push(v)
	return 1
}

func (s *state) stringDump(t *vm.Thread) int {
	f := t.CheckFunc(1).Func()
	p := f.Proto()
	if p == nil {
		t.Errorf("unable to dump given function")
	}
	var b strings.Builder
	b.WriteString(dumpMark)
	b.WriteString(token(p))
	if s.dumps[b.String()] == nil && len(s.dumps) >= maxDumps {
		t.Errorf("too many functions are dumped")
	}
	s.dumps[b.String()] = p
	t.PushString(b.String())
	return 1
}

// maxDumps bounds the functions that are kept for their dumps.
const maxDumps = 1 << 16
