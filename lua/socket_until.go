package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
)

// until is a pattern of receiveuntil: a fixed text that ends what is read. It
// is used by one iterator, which may be asked for parts.
type until struct {
	pattern   []byte
	fallback  []int // of Knuth, Morris and Pratt: longest border of pattern[:i]
	inclusive bool
	state     int  // bytes of the pattern that match so far
	over      bool // the last part was given: the next call returns nils
}

func newUntil(pattern string, inclusive bool) *until {
	u := &until{pattern: []byte(pattern), inclusive: inclusive, fallback: make([]int, len(pattern)+1)}
	u.fallback[0] = -1
	for i, k := 0, -1; i < len(pattern); {
		for k >= 0 && pattern[i] != pattern[k] {
			k = u.fallback[k]
		}
		i++
		k++
		u.fallback[i] = k
	}
	return u
}

// part is one call of the iterator. left is how many bytes are asked for; -1:
// all up to the pattern. A part may be longer by what looked like the pattern.
type part struct {
	looked
	*until
	left int
}

func (p *part) take(out, b []byte) ([]byte, int, bool) {
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == p.pattern[p.state] {
			if p.state++; p.state < len(p.pattern) {
				continue
			}
			p.state = 0
			p.over = p.left >= 0
			if p.inclusive {
				out = append(out, p.pattern...)
			}
			return out, i + 1, true
		}
		// What matched so far may end in a shorter match that c goes on with.
		was, border := p.state, p.fallback[p.state]
		for border > 0 && p.pattern[border] != c {
			border = p.fallback[border]
		}
		sure, used := was, i // bytes that are not the pattern's; c is looked at again
		switch {
		case border > 0:
			p.state, sure, used = border+1, was-border, i+1
			out = append(out, p.pattern[:sure]...)
		case was > 0:
			p.state = 0
			out = append(out, p.pattern[:was]...)
		default:
			sure, used = 1, i+1
			out = append(out, c)
		}
		if p.left >= 0 {
			if p.left -= sure; p.left <= 0 {
				return out, used, true
			}
		}
		i = used - 1
	}
	return out, len(b), false
}

func (*part) end() bool { return false }

func socketReceiveUntil(t *vm.Thread, s *state) int {
	n := t.NArg()
	if n != 2 && n != 3 {
		t.Errorf("expecting 2 or 3 arguments (including the object), but got %d", n)
	}
	k := checkCosocket(t)
	pattern, inclusive := t.CheckString(2), false
	if n == 3 {
		switch v := t.CheckTable(3).GetStr("inclusive"); v.Kind() {
		case vm.KNil:
		case vm.KBool:
			inclusive = v.Bool()
		default:
			t.Errorf("bad \"inclusive\" option value type: %s", v.Kind())
		}
	}
	if pattern == "" {
		return fail(t, "pattern is empty")
	}
	u := newUntil(pattern, inclusive)
	t.Push(s.e.function("receiveuntil", waiting, func(t *vm.Thread, s *state) int { return u.next(t, s, k) }))
	return 1
}

// next is a call of the iterator that receiveuntil returns.
func (u *until) next(t *vm.Thread, s *state, k *cosocket) int {
	if t.NArg() > 1 {
		t.Errorf("expecting 0 or 1 argument, but seen %d", t.NArg())
	}
	left := -1
	if t.NArg() == 1 {
		if n := t.CheckInt(1); n > 0 {
			left = n
		}
	}
	if n := k.readable(t, s); n > 0 {
		return n
	}
	if u.over {
		u.over = false
		t.PushNil()
		t.PushNil()
		t.PushNil()
		return 3
	}
	out, err := k.collect(s, &part{until: u, left: left}, s.e.takeBuffer())
	if u.state > 0 { // what looks like the pattern is for the next who reads
		if err != nil && k.readClosed {
			out = append(out, u.pattern[:u.state]...)
		} else {
			k.unread(u.pattern[:u.state])
		}
		u.state = 0
	}
	return k.push(t, s, out, err)
}
