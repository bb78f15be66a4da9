package stdlib

import "github.com/luahttpd/luahttpd/lua/vm"

// buffer is a string buffer of the module string.buffer.
type buffer struct {
	b    []byte
	head int // what lies before has been read
}

// Held is the buffer's size, for limits on memory.
func (b *buffer) Held() (what any, n int) { return b, cap(b.b) }

// openBuffer makes the module string.buffer: LuaJIT's, without access to raw memory.
func (s *state) openBuffer() {
	meta := s.m.NewTable(0, 16)
	s.fill(meta, []function{
		{"put", s.bufferPut},
		{"putf", s.bufferPutf},
		{"set", func(t *vm.Thread) int {
			b := bufferSelf(t)
			b.b, b.head = append(b.b[:0], t.CheckString(2)...), 0
			return bufferReturn(t)
		}},
		{"reset", func(t *vm.Thread) int {
			b := bufferSelf(t)
			b.b, b.head = b.b[:0], 0
			return bufferReturn(t)
		}},
		{"free", func(t *vm.Thread) int {
			b := bufferSelf(t)
			b.b, b.head = nil, 0
			return bufferReturn(t)
		}},
		{"skip", func(t *vm.Thread) int {
			b := bufferSelf(t)
			b.take(t.CheckInt(2))
			return bufferReturn(t)
		}},
		{"get", bufferGet},
		{"encode", func(t *vm.Thread) int {
			b := bufferSelf(t)
			b.add(t, string(s.encode(t, nil, t.Arg(2), 0)))
			return bufferReturn(t)
		}},
		{"decode", func(t *vm.Thread) int {
			b := bufferSelf(t)
			v, rest := s.decode(t, b.b[b.head:], 0)
			b.take(len(b.b) - b.head - len(rest))
			t.Push(v)
			return 1
		}},
		{"tostring", bufferTostring},
		{"__tostring", bufferTostring},
		{"__len", func(t *vm.Thread) int {
			b := bufferSelf(t)
			t.PushInt(len(b.b) - b.head)
			return 1
		}},
		{"__concat", func(t *vm.Thread) int {
			t.PushString(t.ToString(t.Arg(1)) + t.ToString(t.Arg(2)))
			return 1
		}},
	})
	meta.SetStr("__index", meta.Value())
	mod := s.m.NewTable(0, 3)
	s.fill(mod, []function{{"encode", func(t *vm.Thread) int {
		t.PushBytes(s.encode(t, nil, t.Arg(1), 0))
		return 1
	}}, {"decode", func(t *vm.Thread) int {
		v, rest := s.decode(t, []byte(t.CheckString(1)), 0)
		if len(rest) > 0 {
			t.Errorf("left-over data in buffer")
		}
		t.Push(v)
		return 1
	}}, {"new", func(t *vm.Thread) int {
		n := 0
		if t.Arg(1).Kind() == vm.KNumber {
			n = min(max(t.CheckInt(1), 0), 1<<20)
		}
		t.Push(s.m.NewUserdata(&buffer{b: make([]byte, 0, n)}, meta))
		return 1
	}}})
	s.module("string.buffer", mod.Value())
}

func bufferSelf(t *vm.Thread) *buffer {
	if u := t.Arg(1).Userdata(); u != nil {
		if b, ok := u.Value.(*buffer); ok {
			return b
		}
	}
	t.TypeError(1, "buffer")
	return nil
}

func bufferReturn(t *vm.Thread) int {
	t.Push(t.Arg(1))
	return 1
}

// take removes up to n bytes from the front.
func (b *buffer) take(n int) []byte {
	n = min(max(n, 0), len(b.b)-b.head)
	out := b.b[b.head : b.head+n]
	if b.head += n; b.head == len(b.b) {
		b.b, b.head = b.b[:0], 0
	}
	return out
}

func (s *state) bufferPut(t *vm.Thread) int {
	b := bufferSelf(t)
	for i := 2; i <= t.NArg(); i++ {
		v := t.Arg(i)
		str, ok := v.ToString()
		if !ok {
			if t.Metamethod(v, "__tostring").IsNil() {
				t.TypeError(i, "string")
			}
			str = t.ToString(v)
		}
		b.add(t, str)
	}
	return bufferReturn(t)
}

func (b *buffer) add(t *vm.Thread, str string) {
	if len(b.b)+len(str) > vm.MaxString {
		t.RaiseString("not enough memory")
	}
	t.Reserve(len(str))
	if b.head > len(b.b)/2 && len(b.b)+len(str) > cap(b.b) {
		b.b, b.head = append(b.b[:0], b.b[b.head:]...), 0
	}
	b.b = append(b.b, str...)
}

func (s *state) bufferPutf(t *vm.Thread) int {
	b := bufferSelf(t)
	args := append([]vm.Value(nil), t.Args()[1:]...)
	b.add(t, t.Call1(s.format, args...).Str())
	return bufferReturn(t)
}

func bufferGet(t *vm.Thread) int {
	b := bufferSelf(t)
	if t.NArg() < 2 {
		t.PushBytes(b.take(len(b.b)))
		return 1
	}
	n := t.NArg()
	for i := 2; i <= n; i++ {
		if t.Arg(i).IsNil() {
			t.PushBytes(b.take(len(b.b)))
		} else {
			t.PushBytes(b.take(t.CheckInt(i)))
		}
	}
	return n - 1
}

func bufferTostring(t *vm.Thread) int {
	b := bufferSelf(t)
	t.PushBytes(b.b[b.head:])
	return 1
}
