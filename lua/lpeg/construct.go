package lpeg

import "github.com/luahttpd/luahttpd/lua/vm"

// The functions that make patterns.

const maxShort = 1<<15 - 1 // of numbers in captures

func (l *library) p(t *vm.Thread) int {
	if t.NArg() == 0 {
		t.ArgError(1, "value expected")
	}
	if l.pattern(t.Arg(1)) != nil {
		t.Push(t.Arg(1))
		return 1
	}
	return l.result(t, l.patt(t, 1))
}

func (l *library) set(t *vm.Thread) int {
	var c charset
	s := t.CheckString(1)
	for i := range len(s) {
		c.add(s[i])
	}
	return l.result(t, newSet(c))
}

func (l *library) byteRange(t *vm.Thread) int {
	var c charset
	for i := 1; i <= t.NArg(); i++ {
		s := t.CheckString(i)
		if len(s) != 2 {
			t.ArgError(i, "range must have two characters")
		}
		for b := int(s[0]); b <= int(s[1]); b++ {
			c.add(byte(b))
		}
	}
	return l.result(t, newSet(c))
}

func (l *library) utfRange(t *vm.Thread) int {
	from, to := t.CheckInt(1), t.CheckInt(2)
	switch {
	case uint(from) > uint(to):
		t.ArgError(2, "empty range")
	case uint(from) > maxPoint:
		t.ArgError(1, "invalid code point")
	case uint(to) > maxPoint:
		t.ArgError(2, "invalid code point")
	}
	if to < 0x80 {
		var c charset
		for b := from; b <= to; b++ {
			c.add(byte(b))
		}
		return l.result(t, newSet(c))
	}
	return l.result(t, &node{kind: kUTF, n: from, m: to, size: 1, fixed: true})
}

func (l *library) v(t *vm.Thread) int {
	if t.Arg(1).IsNil() {
		t.ArgError(1, "non-nil value expected")
	}
	return l.result(t, &node{kind: kOpenCall, value: t.Arg(1), open: true, size: 1, values: 1})
}

func (l *library) behind(t *vm.Thread) int {
	a := l.patt(t, 1)
	k := a.fixedLen()
	switch {
	case k < 0:
		t.ArgError(1, "pattern may not have fixed length")
	case a.hasCaptures():
		t.ArgError(1, "pattern have captures")
	case k > maxBehind:
		t.ArgError(1, "pattern too long to look behind")
	}
	n := newUnary(kBehind, a)
	n.n = k
	return l.result(t, n)
}

// binary is an operator that makes one pattern of two. It gives back what it
// was given when that is the result.
func binary(join func(a, b *node) *node) func(l *library, t *vm.Thread) int {
	return func(l *library, t *vm.Thread) int {
		a, b := l.patt(t, 1), l.patt(t, 2)
		n := join(a, b)
		for i := 1; i <= 2; i++ {
			if p := l.pattern(t.Arg(i)); p != nil && p.node == n {
				t.Push(t.Arg(i))
				return 1
			}
		}
		return l.result(t, n)
	}
}

func unary(k kind) func(l *library, t *vm.Thread) int {
	return func(l *library, t *vm.Thread) int { return l.result(t, newUnary(k, l.patt(t, 1))) }
}

// power is p^n: n times or more, or for n < 0 up to -n times.
func (l *library) power(t *vm.Thread) int {
	times := t.CheckInt(2)
	n := l.patt(t, 1)
	if times >= 0 {
		l.loopable(t, n)
	}
	if times > maxSize || times < -maxSize || max(times, -times)*(n.size+1) > maxSize {
		t.Errorf("pattern too big")
	}
	if times < 0 {
		return l.result(t, atMost(n, -times))
	}
	return l.result(t, atLeast(n, times))
}

// loopable raises an error when n cannot be the body of a repetition.
func (l *library) loopable(t *vm.Thread, n *node) {
	if n.nullable() {
		t.Errorf("loop body may accept empty string")
	}
}

// plain is a capture without a value of its own.
func plain(c capture) func(l *library, t *vm.Thread) int {
	return func(l *library, t *vm.Thread) int { return l.result(t, newCapture(c, l.patt(t, 1), vm.Nil)) }
}

// divide is p/v.
func (l *library) divide(t *vm.Thread) int { return l.result(t, l.over(t, l.patt(t, 1), t.Arg(2), 1)) }

// over is the capture a/v; a number that cannot be is argument i.
func (l *library) over(t *vm.Thread, a *node, v vm.Value, i int) *node {
	switch v.Kind() {
	case vm.KFunction:
		return newCapture(cFunction, a, v)
	case vm.KTable:
		return newCapture(cQuery, a, v)
	case vm.KString:
		return newCapture(cString, a, v)
	case vm.KNumber:
		f := v.Num()
		if !(f >= 0 && f <= maxShort) {
			t.ArgError(i, "invalid number")
		}
		n := newCapture(cNumber, a, vm.Nil)
		n.n = int(f)
		return n
	}
	t.Errorf("unexpected %s as 2nd operand to LPeg '/'", v.Kind())
	return nil
}

func (l *library) accumulate(t *vm.Thread) int {
	return l.result(t, newCapture(cAcc, l.patt(t, 1), t.Arg(2)))
}

func (l *library) group(t *vm.Thread) int {
	return l.result(t, newCapture(cGroup, l.patt(t, 1), t.Arg(2)))
}

func (l *library) fold(t *vm.Thread) int {
	f := t.CheckFunc(2)
	return l.result(t, newCapture(cFold, l.patt(t, 1), f))
}

func (l *library) matchTime(t *vm.Thread) int {
	f := t.CheckFunc(2)
	return l.result(t, newRuntime(l.patt(t, 1), f))
}

func newRuntime(a *node, f vm.Value) *node {
	n := newUnary(kRuntime, a)
	n.value = f
	n.values++
	return n
}

func (l *library) position(t *vm.Thread) int {
	return l.result(t, newCapture(cPosition, nodeTrue, vm.Nil))
}

func (l *library) arg(t *vm.Thread) int {
	i := t.CheckInt(1)
	if i <= 0 || i > maxShort {
		t.ArgError(1, "invalid argument index")
	}
	n := newCapture(cArg, nodeTrue, vm.Nil)
	n.n = i
	return l.result(t, n)
}

func (l *library) backref(t *vm.Thread) int {
	if t.NArg() == 0 {
		t.ArgError(1, "value expected")
	}
	return l.result(t, newCapture(cBackref, nodeTrue, t.Arg(1)))
}

// constants is a group of the arguments.
func (l *library) constants(t *vm.Thread) int {
	k := t.NArg()
	if k == 0 {
		return l.result(t, nodeTrue)
	}
	n := newCapture(cConst, nodeTrue, t.Arg(k))
	if k == 1 {
		return l.result(t, n)
	}
	for i := k - 1; i > 0; i-- {
		n = newPair(kSeq, newCapture(cConst, nodeTrue, t.Arg(i)), n)
	}
	return l.result(t, newCapture(cGroup, n, vm.Nil))
}
