package lpeg

import (
	"strconv"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// reFunctions is the module re: patterns written as in re.html.
var reFunctions = []struct {
	name string
	f    func(l *library, t *vm.Thread) int
}{
	{"compile", (*library).reCompile}, // (pattern, definitions)
	{"match", (*library).reMatch},     // (subject, pattern, init)
	{"find", (*library).reFind},       // (subject, pattern, init)
	{"gsub", (*library).reGsub},       // (subject, pattern, replacement)
	{"updatelocale", func(*library, *vm.Thread) int { return 0 }},
}

// reState is the module in one VM.
type reState struct {
	module   vm.Value
	match    map[string]*pattern // compiled for match
	find     map[string]*pattern // and for find
	equal    vm.Value            // the function of "=name"
	before   vm.Value            // takes one off a number
	predefed map[string]*node
}

// Arguments of matchWith that are not there.
const (
	noInit  = 1 << 30
	noExtra = 1 << 30
)

// maxRemembered is how many patterns given as text stay compiled.
const maxRemembered = 200

func (l *library) openRe() vm.Value {
	if l.re != nil {
		return l.re.module
	}
	t := l.m.NewTable(0, len(reFunctions))
	for _, f := range reFunctions {
		t.SetStr(f.name, l.m.NewFunc(f.name, func(t *vm.Thread) int { return f.f(l, t) }))
	}
	l.re = &reState{module: t.Value(), match: map[string]*pattern{}, find: map[string]*pattern{}, predefed: predefined()}
	l.re.equal = l.m.NewFunc("equal", reEqual)
	l.re.before = l.m.NewFunc("before", func(t *vm.Thread) int { t.PushInt(t.CheckInt(1) - 1); return 1 })
	l.m.Globals().SetStr("re", t.Value()) // as with Lua 5.1
	return l.re.module
}

// predefined are the names that definitions need not have.
func predefined() map[string]*node {
	names := map[string]*node{"nl": newText("\n")}
	for _, c := range classes {
		set := newSet(c.set())
		names[c.name] = set
		if c.letter != 0 {
			names[string(rune(c.letter))] = set
			names[string(rune(c.letter-'a'+'A'))] = newSet(c.set().not())
		}
	}
	return names
}

// reEqual is the match-time function of "=name": the subject goes on as the
// group matched.
func reEqual(t *vm.Thread) int {
	s, i, c := t.CheckString(1), t.CheckInt(2), t.Arg(3)
	if e := i - 1 + len(c.Str()); c.Kind() == vm.KString && e <= len(s) && s[i-1:e] == c.Str() {
		t.PushInt(e + 1)
	} else {
		t.PushNil()
	}
	return 1
}

func (l *library) reCompile(t *vm.Thread) int {
	if l.pattern(t.Arg(1)) != nil {
		t.Push(t.Arg(1))
		return 1
	}
	return l.result(t, l.parse(t, t.CheckString(1), t.Arg(2)))
}

// remembered gives the pattern that is argument i, as made makes it of what it
// means.
func (l *library) remembered(t *vm.Thread, i int, in map[string]*pattern, made func(n *node) *node) *pattern {
	if p := l.pattern(t.Arg(i)); p != nil {
		return &pattern{node: made(p.node)}
	}
	s := t.CheckString(i)
	p := in[s]
	if p == nil {
		p = &pattern{node: made(l.parse(t, s, vm.Nil))}
		if len(in) >= maxRemembered {
			clear(in)
		}
		in[s] = p
	}
	return p
}

func (l *library) reMatch(t *vm.Thread) int {
	p := l.pattern(t.Arg(2))
	if p == nil {
		p = l.remembered(t, 2, l.re.match, func(n *node) *node { return n })
	}
	return l.matchWith(t, p, 1, 3, noExtra)
}

func (l *library) reFind(t *vm.Thread) int {
	p := l.remembered(t, 2, l.re.find, func(n *node) *node {
		here := newCapture(cPosition, nodeTrue, vm.Nil)
		end := newCapture(cFunction, here, l.re.before)
		return l.searching(t, seq(here, seq(newCapture(cNumber, n, vm.Nil), end)))
	})
	return l.matchWith(t, p, 1, 3, noExtra)
}

// searching is a grammar that looks for n at every position.
func (l *library) searching(t *vm.Thread, n *node) *node {
	self := &node{kind: kOpenCall, value: vm.Int(1), open: true, size: 1, values: 1}
	g := l.m.NewTable(1, 0)
	g.SetInt(1, l.wrap(t, choice(n, seq(newAny(1), self))))
	return l.grammar(t, g, 2)
}

func (l *library) reGsub(t *vm.Thread) int {
	p := l.pattern(t.Arg(2))
	var n *node
	if p != nil {
		n = p.node
	} else {
		n = l.remembered(t, 2, l.re.match, func(n *node) *node { return n }).node
	}
	body := choice(l.over(t, n, t.Arg(3), 3), newAny(1))
	l.loopable(t, body)
	return l.matchWith(t, &pattern{node: newCapture(cSubst, atLeast(body, 0), vm.Nil)}, 1, noInit, noExtra)
}

// reParser reads a pattern.
type reParser struct {
	l       *library
	t       *vm.Thread
	s       string
	i       int
	defs    vm.Value
	grammar bool // rules can be called
	depth   int
}

// maxDepth is how deep expressions nest.
const maxDepth = 200

func (l *library) parse(t *vm.Thread, s string, defs vm.Value) *node {
	p := &reParser{l: l, t: t, s: s, defs: defs}
	t.Spend(len(s))
	p.space()
	n := p.expression()
	if p.i < len(p.s) {
		p.fail(p.i)
	}
	return n
}

func (p *reParser) fail(at int) {
	near := p.s[at:]
	if len(near) > 20 {
		near = near[:min(21, len(near))] + "..."
	}
	p.t.RaiseString("pattern error near '" + near + "'")
}

// space skips space and comments.
func (p *reParser) space() {
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == ' ' || c >= '\t' && c <= '\r':
			p.i++
		case p.at("--"):
			for p.i < len(p.s) && p.s[p.i] != '\n' {
				p.i++
			}
		default:
			return
		}
	}
}

func (p *reParser) at(s string) bool { return len(p.s)-p.i >= len(s) && p.s[p.i:p.i+len(s)] == s }

func (p *reParser) take(s string) bool {
	if !p.at(s) {
		return false
	}
	p.i += len(s)
	return true
}

// name takes a name, "" when there is none.
func (p *reParser) name() string {
	from := p.i
	for p.i < len(p.s) && (alpha(p.s[p.i]) || p.s[p.i] == '_' || p.i > from && digit(p.s[p.i])) {
		p.i++
	}
	return p.s[from:p.i]
}

// defined takes a name and an arrow, "" when they are not there.
func (p *reParser) defined() string {
	from := p.i
	if n := p.name(); n != "" {
		if p.space(); p.take("<-") {
			return n
		}
	}
	p.i = from
	return ""
}

// number takes digits.
func (p *reParser) number() (n int, ok bool) {
	from := p.i
	for p.i < len(p.s) && digit(p.s[p.i]) {
		p.i++
	}
	if p.i == from {
		return 0, false
	}
	n, err := strconv.Atoi(p.s[from:p.i])
	if err != nil {
		n = maxSize + 1
	}
	return n, true
}

// expression is exp <- S (grammar / alternative); it takes space before and
// after.
func (p *reParser) expression() *node {
	if p.depth++; p.depth > maxDepth {
		p.t.Errorf("pattern nests too deep")
	}
	defer func() { p.depth-- }()
	p.space()
	if rule := p.defined(); rule != "" {
		return p.rules(rule)
	}
	n := p.sequence()
	for p.take("/") {
		p.space()
		n = choice(n, p.sequence())
	}
	return n
}

// rules is (name '<-' exp)+, of which the first is begun.
func (p *reParser) rules(rule string) *node {
	outer := p.grammar
	p.grammar = true
	g := p.l.m.NewTable(1, 4)
	g.SetInt(1, vm.String(rule))
	for ; rule != ""; rule = p.defined() {
		body := p.expression()
		if !g.GetStr(rule).IsNil() {
			p.t.Errorf("'%s' already defined as a rule", rule)
		}
		g.SetStr(rule, p.l.wrap(p.t, body))
	}
	p.grammar = outer
	return p.l.grammar(p.t, g, 1)
}

// sequence is prefix*, and must be followed by what can follow.
func (p *reParser) sequence() *node {
	n := nodeTrue
	for {
		a := p.prefix()
		if a == nil {
			break
		}
		n = seq(n, a)
		p.l.bounded(p.t, n)
	}
	if p.i == len(p.s) {
		return n
	}
	for _, end := range []string{"/", ")", "}", ":}", "~}", "|}"} {
		if p.at(end) {
			return n
		}
	}
	from := p.i
	if p.defined() == "" {
		p.fail(from)
	}
	p.i = from
	return n
}

// prefix is ('&' / '!') prefix / suffix; nil when there is none.
func (p *reParser) prefix() *node {
	from := p.i
	var signs []kind
	for {
		if p.take("&") {
			signs = append(signs, kAnd)
		} else if p.take("!") {
			signs = append(signs, kNot)
		} else {
			break
		}
		p.space()
	}
	n := p.primary()
	if n == nil {
		p.i = from
		return nil
	}
	for p.space(); ; p.space() {
		m := p.suffix(n)
		if m == nil {
			break
		}
		p.l.bounded(p.t, m)
		n = m
	}
	for i := len(signs) - 1; i >= 0; i-- {
		n = newUnary(signs[i], n)
	}
	return n
}
