// Package lpeg has the modules lpeg and re, with the meaning and the messages
// of LPeg 1.1 (lpeg.html; what 1.0 has is a part of it): parsing expression
// grammars as Lua values. How a pattern comes to a match:
//
//	node.go     patterns are trees
//	grammar.go  grammars are checked: rules that are missing or left recursive, loops without end
//	check.go    what can be known of a pattern beforehand
//	compile.go  a tree becomes a program of the parsing machine
//	machine.go  which matches, backtracks, and notes where captures begin and end
//	values.go   of which values are made; strings.go: those that are put together
//	re.go       the module re
package lpeg

import "github.com/luahttpd/luahttpd/lua/vm"

// functions is the module lpeg; those with meta are operators of patterns.
var functions = []struct {
	name, meta string
	f          func(l *library, t *vm.Thread) int
}{
	{"match", "", (*library).match},
	{"type", "", (*library).typeOf},
	{"setmaxstack", "", (*library).setMaxStack},
	{"locale", "", (*library).locale},
	{"P", "", (*library).p},
	{"S", "", (*library).set},
	{"R", "", (*library).byteRange},
	{"utfR", "", (*library).utfRange},
	{"V", "", (*library).v},
	{"B", "", (*library).behind},
	{"C", "", plain(cSimple)},
	{"Cs", "", plain(cSubst)},
	{"Ct", "", plain(cTable)},
	{"Cp", "", (*library).position},
	{"Cc", "", (*library).constants},
	{"Carg", "", (*library).arg},
	{"Cb", "", (*library).backref},
	{"Cg", "", (*library).group},
	{"Cf", "", (*library).fold},
	{"Cmt", "", (*library).matchTime},
	{"", "__mul", binary(seq)},
	{"", "__add", binary(choice)},
	{"", "__sub", binary(without)},
	{"", "__unm", unary(kNot)},
	{"", "__len", unary(kAnd)},
	{"", "__pow", (*library).power},
	{"", "__div", (*library).divide},
	{"", "__mod", (*library).accumulate},
}

const version = "LPeg 1.1.0"

// library is the module in one VM.
type library struct {
	m        *vm.VM
	meta     *vm.Table // of patterns
	maxStack int
	idle     *machine
	re       *reState
}

// pattern is what a pattern's userdata holds.
type pattern struct {
	node *node
	prog *program // when it has been compiled
}

// Register makes the modules available to require in m.
func Register(m *vm.VM) {
	var l *library
	module := vm.Nil
	open := func() {
		if l == nil {
			l = &library{m: m, meta: m.NewTable(0, 12), maxStack: defaultStack}
			module = l.open()
		}
	}
	m.Builtin("lpeg", func(*vm.Thread) vm.Value { open(); return module })
	m.Builtin("re", func(t *vm.Thread) vm.Value { open(); return l.openRe() })
}

func (l *library) open() vm.Value {
	t := l.m.NewTable(0, len(functions))
	for _, f := range functions {
		to, name := t, f.name
		if f.meta != "" {
			to, name = l.meta, f.meta
		}
		to.SetStr(name, l.m.NewFunc(name, func(t *vm.Thread) int { return f.f(l, t) }))
	}
	t.SetStr("version", vm.String(version))
	l.meta.SetStr("__index", t.Value())
	l.meta.SetStr("__name", vm.String("lpeg-pattern"))
	return t.Value()
}

// pattern gives what is in a value that is a pattern, or nil.
func (l *library) pattern(v vm.Value) *pattern {
	if u := v.Userdata(); u != nil {
		p, _ := u.Value.(*pattern)
		return p
	}
	return nil
}

// wrap makes a value of a node.
func (l *library) wrap(t *vm.Thread, n *node) vm.Value {
	l.bounded(t, n)
	t.Reserve(nodeBytes)
	return l.m.NewUserdata(&pattern{node: n}, l.meta)
}

const nodeBytes = 256

// bounded raises an error for a pattern that is too large.
func (l *library) bounded(t *vm.Thread, n *node) {
	switch {
	case n.values > maxValues:
		t.Errorf("too many Lua values in pattern")
	case n.size > maxSize:
		t.Errorf("pattern too big")
	}
}

func (l *library) result(t *vm.Thread, n *node) int {
	t.Push(l.wrap(t, n))
	return 1
}

// patt gives argument i as a pattern.
func (l *library) patt(t *vm.Thread, i int) *node { return l.toNode(t, t.Arg(i), i) }

// toNode makes a pattern of v: of strings, numbers, booleans, tables and
// functions too. What is wrong is wrong with argument i.
func (l *library) toNode(t *vm.Thread, v vm.Value, i int) *node {
	switch v.Kind() {
	case vm.KString:
		return newText(v.Str())
	case vm.KNumber:
		return newAny(int(min(max(v.Num(), -1<<30), 1<<30)))
	case vm.KBool:
		if v.Bool() {
			return nodeTrue
		}
		return nodeFalse
	case vm.KTable:
		return l.grammar(t, v.Table(), i)
	case vm.KFunction:
		return newRuntime(nodeTrue, v)
	}
	p := l.pattern(v)
	if p == nil {
		t.TypeError(i, "lpeg-pattern")
	}
	return p.node
}

// match(pattern, subject, init, ...)
func (l *library) match(t *vm.Thread) int {
	p := l.pattern(t.Arg(1))
	if p == nil {
		p = &pattern{node: l.patt(t, 1)}
	}
	return l.matchWith(t, p, 2, 3, 4)
}

// matchWith matches argument subject from the position that argument init has;
// the arguments from extra on are for Carg.
func (l *library) matchWith(t *vm.Thread, p *pattern, subject, init, extra int) int {
	if p.prog == nil {
		l.prepare(t, p)
	}
	s := t.CheckString(subject)
	if len(s) >= maxSubject {
		t.ArgError(subject, "subject too long")
	}
	m := l.idle
	if l.idle = nil; m == nil {
		m = &machine{l: l}
	}
	m.t, m.prog, m.subject = t, p.prog, s
	if m.value = t.Arg(subject); m.value.Kind() != vm.KString {
		m.value = vm.String(s)
	}
	for i := extra; i <= t.NArg(); i++ {
		m.extra = append(m.extra, t.Arg(i))
	}
	end := m.run(start(t.OptInt(init, 1), len(s)))
	if end < 0 {
		m.rest()
		t.PushNil()
		return 1
	}
	m.all()
	n := len(m.vals)
	if n == 0 {
		t.PushInt(end + 1)
		n = 1
	}
	t.PushAll(m.vals)
	m.rest()
	return n
}

// start makes an index of Lua a position from 0.
func start(i, n int) int {
	switch {
	case i > 0:
		return min(i-1, n)
	case -i <= n:
		return n + i
	}
	return 0
}

const keepEntries = 1 << 12 // of each list of a machine at rest

// rest keeps the machine for the next match.
func (m *machine) rest() {
	if cap(m.stack) > keepEntries || cap(m.marks) > keepEntries || cap(m.vals) > keepEntries || cap(m.results) > keepEntries {
		return
	}
	m.drop(0)
	clear(m.extra)
	clear(m.results)
	m.extra, m.results = m.extra[:0], m.results[:0]
	m.t, m.prog, m.subject, m.value = nil, nil, "", vm.Nil
	m.l.idle = m
}

// prepare compiles a pattern.
func (l *library) prepare(t *vm.Thread, p *pattern) {
	t.Reserve(p.node.size * instBytes)
	t.Spend(p.node.size)
	n := p.node.finish(func(open *node) *node {
		t.Errorf("rule '%s' used outside a grammar", name(open.value))
		return nil
	})
	p.prog = compile(n)
}

const instBytes = 48

func (l *library) typeOf(t *vm.Thread) int {
	if l.pattern(t.Arg(1)) != nil {
		t.PushString("pattern")
	} else {
		t.PushNil()
	}
	return 1
}

func (l *library) setMaxStack(t *vm.Thread) int {
	n := t.CheckInt(1)
	if n <= 0 || n > mostStack {
		t.ArgError(1, "out of range")
	}
	l.maxStack = n
	return 0
}

// locale(table) adds the classes of the C locale to it.
func (l *library) locale(t *vm.Thread) int {
	var to *vm.Table
	if t.Arg(1).IsNil() {
		to = l.m.NewTable(0, len(classes))
	} else {
		to = t.CheckTable(1)
	}
	for _, c := range classes {
		to.SetStr(c.name, l.wrap(t, newSet(c.set())))
	}
	t.Push(to.Value())
	return 1
}
