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
	start := min(startIndex(t.OptInt(3, 1), len(src)), len(src))
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
		t.TypeError(3, "string/function/table")
	}
	limit := len(src) + 1
	if k, ok := t.TypeOf(4); ok && k != vm.KNil {
		limit = t.CheckInt(4)
	}
	m := s.newMatcher(t, src, pat)
	g := gsub{m: m, repl: repl}
	if repl.Kind() == vm.KString || repl.Kind() == vm.KNumber {
		g.text = t.CheckString(3)
		g.plain = strings.IndexByte(g.text, '%') < 0
	}
	out := m.out[:0]
	n, at := 0, 0
	copied := 0 // what lies before is in out
	for n < limit {
		b, e := m.from(at)
		if e < 0 {
			break
		}
		n++
		out = append(out, src[copied:b]...)
		out = g.replace(out, b, e)
		copied = e
		if at = e; e == b {
			at++
		}
		if at > len(src) || m.anchor {
			break
		}
	}
	if v := t.Arg(1); n == 0 && v.Kind() == vm.KString {
		t.Push(v)
	} else {
		out = append(out, src[copied:]...)
		t.PushBytes(out)
	}
	m.out = out
	s.done(m)
	t.PushInt(n)
	return 2
}

// gsub makes the replacements.
type gsub struct {
	m     *matcher
	repl  vm.Value
	text  string
	plain bool
}

func (g *gsub) replace(out []byte, s, e int) []byte {
	m := g.m
	var v vm.Value
	switch g.repl.Kind() {
	case vm.KTable:
		k := m.capture(0, s, e)
		if tab := g.repl.Table(); tab.Metatable() == nil {
			v = tab.Get(k)
		} else {
			v = m.t.Index(g.repl, k)
		}
	case vm.KFunction:
		n := max(m.level, 1)
		for i := 0; i < n; i++ {
			m.args[i] = m.capture(i, s, e)
		}
		v = m.t.Call1(g.repl, m.args[:n]...)
	default:
		if len(out)+len(g.text) > vm.MaxString {
			m.t.RaiseString("not enough memory")
		}
		m.t.Spend(len(g.text) / 256)
		if g.plain {
			return append(out, g.text...)
		}
		return g.expand(out, s, e)
	}
	switch v.Kind() {
	case vm.KString:
		if len(out)+len(v.Str()) > vm.MaxString {
			m.t.RaiseString("not enough memory")
		}
		return append(out, v.Str()...)
	case vm.KNumber:
		return vm.AppendNumber(out, v.Num())
	}
	if v.Truth() {
		m.t.Errorf("invalid replacement value (a %s)", v.Kind())
	}
	return append(out, m.src[s:e]...)
}

// expand appends the replacement text with its captures.
func (g *gsub) expand(out []byte, s, e int) []byte {
	for i := 0; i < len(g.text); i++ {
		c := g.text[i]
		if c != '%' {
			out = append(out, c)
			continue
		}
		i++
		if i >= len(g.text) {
			out = append(out, 0)
			break
		}
		switch c = g.text[i]; {
		case c == '0':
			out = append(out, g.m.src[s:e]...)
		case c-'0' < 10:
			out = g.m.appendCapture(out, int(c-'1'), s, e)
		default:
			out = append(out, c)
		}
	}
	return out
}
