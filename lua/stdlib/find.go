package stdlib

import (
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func (s *state) stringFind(t *vm.Thread) int  { return s.find(t, true) }
func (s *state) stringMatch(t *vm.Thread) int { return s.find(t, false) }

// startIndex turns an init argument into an offset.
func startIndex(i, n int) int {
	if i < 0 {
		i += n
		if i < 0 {
			i = 0
		}
	} else if i > 0 {
		i--
	}
	return i
}

func (s *state) find(t *vm.Thread, whole bool) int {
	src, pat := t.CheckString(1), t.CheckString(2)
	start := startIndex(t.OptInt(3, 1), len(src))
	if start > len(src) { // as with the compatibility to Lua 5.2; 5.1 looks at the end
		t.PushNil()
		return 1
	}
	if whole && (t.Arg(4).Truth() || !strings.ContainsAny(pat, "^$*+?.([%-")) {
		t.Spend((len(src) - start) / 256)
		i := strings.Index(src[start:], pat)
		if i < 0 {
			t.PushNil()
			return 1
		}
		t.PushInt(start + i + 1)
		t.PushInt(start + i + len(pat))
		return 2
	}
	m := s.newMatcher(t, src, pat)
	n := 1
	if b, e := m.from(start); e < 0 {
		t.PushNil()
	} else if whole {
		t.PushInt(b + 1)
		t.PushInt(e)
		n = 2 + m.pushCaptures(b, e, false)
	} else {
		n = m.pushCaptures(b, e, true)
	}
	s.done(m)
	return n
}

func stringGmatch(t *vm.Thread) int {
	m := &matcher{t: t, src: t.CheckString(1), pat: t.CheckString(2)}
	m.prepare()
	m.start, m.anchor = 0, false // ^ means itself here
	keep := [2]vm.Value{t.Arg(1), t.Arg(2)}
	pos := 0
	t.Push(t.VM().NewFunc("gmatch_aux", func(t *vm.Thread) int {
		_ = keep
		m.t = t
		if pos > len(m.src) {
			return 0
		}
		b, e := m.from(pos)
		if e < 0 {
			pos = len(m.src) + 1
			return 0
		}
		if pos = e; e == b {
			pos++
		}
		return m.pushCaptures(b, e, true)
	}))
	return 1
}

func (s *state) stringGsub(t *vm.Thread) int {
	src, pat := t.CheckString(1), t.CheckString(2)
	repl := t.Arg(3)
	switch repl.Kind() {
	case vm.KString, vm.KNumber, vm.KTable, vm.KFunction:
	default:
		t.ArgError(3, "string/function/table expected")
	}
	limit := len(src) + 1
	if k, ok := t.TypeOf(4); ok && k != vm.KNil {
		limit = t.CheckInt(4)
	}
	if t.Yields(repl) {
		return gsubYielding(t, src, pat, repl, limit)
	}
	m := s.newMatcher(t, src, pat)
	g := gsub{m: m, repl: repl, limit: limit, out: m.out[:0]}
	if repl.Kind() == vm.KString || repl.Kind() == vm.KNumber {
		g.text = t.CheckString(3)
		g.plain = strings.IndexByte(g.text, '%') < 0
	}
	for g.next() {
		g.replace()
	}
	g.push(t, t.Arg(1))
	m.out = g.out
	s.done(m)
	return 2
}

// gsub makes the replacements.
type gsub struct {
	m        *matcher
	repl     vm.Value
	text     string
	plain    bool
	n, limit int
	b, e     int // of the match
	at       int // the next match begins here or later
	copied   int // what lies before is in out
	ended    bool
	out      []byte
}

// gsubYielding calls a replacement function in a way that lets it yield.
func gsubYielding(t *vm.Thread, src, pat string, repl vm.Value, limit int) int {
	m := &matcher{t: t, src: src, pat: pat}
	m.prepare()
	g := &gsub{m: m, limit: limit}
	keep := t.Arg(1)
	c := &vm.Continuation{}
	step := func(t *vm.Thread) int {
		m.t = t
		if !g.next() {
			g.push(t, keep)
			return 2
		}
		return t.CallThen(c, repl, g.arguments()...)
	}
	c.Then = func(t *vm.Thread) int {
		m.t = t
		g.take(t.Arg(1))
		return step(t)
	}
	return step(t)
}

// next finds the next match, and copies what lies before it.
func (g *gsub) next() bool {
	if g.ended || g.n >= g.limit {
		return false
	}
	b, e := g.m.from(g.at)
	if e < 0 {
		return false
	}
	g.n++
	g.room(b - g.copied)
	g.out = append(g.out, g.m.src[g.copied:b]...)
	g.b, g.e, g.copied, g.at = b, e, e, e
	if e == b {
		g.at++
	}
	g.ended = g.at > len(g.m.src) || g.m.anchor
	return true
}

// push pushes the results; subject is the first argument, which is one of them when nothing was replaced.
func (g *gsub) push(t *vm.Thread, subject vm.Value) {
	if g.n == 0 && subject.Kind() == vm.KString {
		t.Push(subject)
	} else {
		g.room(len(g.m.src) - g.copied)
		g.out = append(g.out, g.m.src[g.copied:]...)
		t.Reserve(len(g.out))
		t.Push(vm.Bytes(g.out))
	}
	t.PushInt(g.n)
}

// arguments are the captures, for a replacement function.
func (g *gsub) arguments() []vm.Value {
	n := max(g.m.level, 1)
	for i := 0; i < n; i++ {
		g.m.args[i] = g.m.capture(i, g.b, g.e)
	}
	return g.m.args[:n]
}

// replace appends what takes the place of the match.
func (g *gsub) replace() {
	m := g.m
	switch g.repl.Kind() {
	case vm.KTable:
		k := m.capture(0, g.b, g.e)
		if tab := g.repl.Table(); tab.Metatable() == nil {
			g.take(tab.Get(k))
		} else {
			g.take(m.t.Index(g.repl, k))
		}
	case vm.KFunction:
		g.take(m.t.Call1(g.repl, g.arguments()...))
	default:
		g.room(len(g.text))
		m.t.Spend(len(g.text) / 256)
		if g.plain {
			g.out = append(g.out, g.text...)
		} else {
			g.expand()
		}
	}
}

// room makes room for n more bytes, which the run pays for.
func (g *gsub) room(n int) {
	size := len(g.out) + n
	if size > vm.MaxString {
		g.m.t.RaiseString("not enough memory")
	}
	if size <= cap(g.out) {
		return
	}
	want := max(2*cap(g.out), size, 64)
	if want > maxDoubled {
		want = max(cap(g.out)+cap(g.out)/4, size)
	}
	g.m.t.Reserve(want)
	g.out = append(make([]byte, 0, want), g.out...)
}

// maxDoubled is up to where a buffer grows twofold.
const maxDoubled = 1 << 20

// take appends what a table or function gave for the match.
func (g *gsub) take(v vm.Value) {
	switch {
	case v.Kind() == vm.KString:
		g.room(len(v.Str()))
		g.out = append(g.out, v.Str()...)
	case v.Kind() == vm.KNumber:
		g.out = vm.AppendNumber(g.out, v.Num())
	case v.Truth():
		g.m.t.Errorf("invalid replacement value (a %s)", v.Kind())
	default:
		g.out = append(g.out, g.m.src[g.b:g.e]...)
	}
}

// expand appends the replacement text with its captures.
func (g *gsub) expand() {
	for i := 0; i < len(g.text); i++ {
		c := g.text[i]
		if c != '%' {
			g.out = append(g.out, c)
			continue
		}
		i++
		if i >= len(g.text) {
			g.out = append(g.out, 0)
			break
		}
		switch c = g.text[i]; {
		case c == '0':
			g.out = append(g.out, g.m.src[g.b:g.e]...)
		case c-'0' < 10:
			g.out = g.m.appendCapture(g.out, int(c-'1'), g.b, g.e)
		default:
			g.out = append(g.out, c)
		}
	}
}
