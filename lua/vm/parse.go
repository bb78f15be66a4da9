package vm

// Limits of a function, as LuaJIT has them.
const (
	maxLocals = 200
	maxUpvals = 120 // LuaJIT has 60 in its messages' sense of 5.1 programs; more is harmless
	maxLevels = 200 // nesting of the syntax
)

// scope is an open block.
type scope struct {
	parent *scope
	nact   int
	loop   bool
	labels []*label
	gotos  []*pendingGoto
}

type pendingGoto struct {
	s    *stmt
	name string
	line int
	nact int
}

// funcState is a function while it is parsed.
type funcState struct {
	parent *funcState
	node   *funcNode
	act    []*localVar
	scope  *scope
}

type parser struct {
	*lexer
	fs    *funcState
	depth int
}

func parseChunk(src, chunk string) (f *funcNode, err error) {
	p := &parser{lexer: newLexer(src, chunk)}
	defer func() {
		if r := recover(); r != nil {
			se, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			err = se
		}
	}()
	p.open(&funcNode{vararg: true})
	p.next()
	body := p.block()
	if p.t != tkEOF {
		p.expected(tkEOF)
	}
	f = p.close(body)
	f.lines = p.line
	return f, nil
}

func (p *parser) expected(t token) { p.failAt(p.t, "'%s' expected", t) }

func (p *parser) check(t token) {
	if p.t != t {
		p.expected(t)
	}
}

func (p *parser) accept(t token) bool {
	if p.t == t {
		p.next()
		return true
	}
	return false
}

func (p *parser) need(t token) {
	p.check(t)
	p.next()
}

// match reads the token that closes what opened at a line.
func (p *parser) match(what, who token, line int) {
	if p.accept(what) {
		return
	}
	if line == p.line {
		p.expected(what)
	}
	p.failAt(p.t, "'%s' expected (to close '%s' at line %d)", what, who, line)
}

func (p *parser) name() string {
	if p.t != tkName {
		p.expected(tkName)
	}
	s := p.str
	p.next()
	return s
}

func (p *parser) enter() {
	p.depth++
	if p.depth > maxLevels {
		p.fail("", "chunk has too many syntax levels")
	}
}

func (p *parser) limit(n, max int, what string) {
	if n <= max {
		return
	}
	if p.fs.node.line == 0 {
		p.fail("", "main function has more than %d %s", max, what)
	}
	p.fail("", "function at line %d has more than %d %s", p.fs.node.line, max, what)
}

func (p *parser) open(n *funcNode) {
	if p.fs != nil {
		n.parent = p.fs.node
	}
	p.fs = &funcState{parent: p.fs, node: n}
	p.pushScope(false)
}

func (p *parser) close(body []*stmt) *funcNode {
	p.popScope()
	n := p.fs.node
	n.body = body
	n.lastLine = p.last
	p.fs = p.fs.parent
	return n
}

func (p *parser) pushScope(loop bool) {
	p.fs.scope = &scope{parent: p.fs.scope, nact: len(p.fs.act), loop: loop}
}

// popScope closes a block: its labels go out of sight, what its gotos have not found is looked for outside.
func (p *parser) popScope() {
	fs, sc := p.fs, p.fs.scope
	fs.scope = sc.parent
	fs.act = fs.act[:sc.nact]
	for _, g := range sc.gotos {
		if g.nact > sc.nact {
			g.nact = sc.nact
		}
		if sc.parent == nil {
			p.gotoFailed(g)
		}
		if l := findLabel(sc.parent.labels, g.name); l != nil && g.s.kind == sGoto {
			g.s.label = l // a label before the block: a jump back, or forward to none
			continue
		}
		sc.parent.gotos = append(sc.parent.gotos, g)
	}
}

func (p *parser) gotoFailed(g *pendingGoto) {
	p.line = g.line
	p.fail("", "undefined label '%s'", g.name)
}

func findLabel(ls []*label, name string) *label {
	for _, l := range ls {
		if l.name == name {
			return l
		}
	}
	return nil
}

func (p *parser) declare(v *localVar) {
	p.fs.act = append(p.fs.act, v)
	p.limit(len(p.fs.act), maxLocals, "local variables")
}

// resolve finds what a name means. assigned marks the variable as one that changes.
func (p *parser) resolve(name string, line int) *expr {
	if v := p.fs.findLocal(name); v != nil {
		return &expr{kind: eLocal, v: v, line: line, str: name}
	}
	if i := p.findUpval(p.fs, name); i >= 0 {
		return &expr{kind: eUpval, up: i, line: line, str: name}
	}
	return &expr{kind: eGlobal, str: name, line: line}
}

func (fs *funcState) findLocal(name string) *localVar {
	for i := len(fs.act) - 1; i >= 0; i-- {
		if fs.act[i].name == name {
			return fs.act[i]
		}
	}
	return nil
}

func (p *parser) findUpval(fs *funcState, name string) int {
	for i := range fs.node.ups {
		if fs.node.ups[i].name == name {
			return i
		}
	}
	if fs.parent == nil {
		return -1
	}
	d := upvalDesc{name: name}
	if v := fs.parent.findLocal(name); v != nil {
		v.captured = true
		d.local = v
	} else if d.up = p.findUpval(fs.parent, name); d.up < 0 {
		return -1
	}
	fs.node.ups = append(fs.node.ups, d)
	save := p.fs
	p.fs = fs
	p.limit(len(fs.node.ups), maxUpvals, "upvalues")
	p.fs = save
	return len(fs.node.ups) - 1
}

// markAssigned notes an assignment to a variable.
func (p *parser) markAssigned(e *expr) {
	switch e.kind {
	case eLocal:
		e.v.assigned = true
	case eUpval:
		f, i := p.fs.node, e.up
		for f.ups[i].local == nil {
			f, i = f.parent, f.ups[i].up
		}
		f.ups[i].local.assigned = true
	}
}

func blockEnd(t token) bool {
	switch t {
	case tkEOF, tkEnd, tkElse, tkElseif, tkUntil:
		return true
	}
	return false
}

// block reads statements up to the end of the block; the scope is the caller's.
func (p *parser) block() []*stmt {
	p.enter()
	var out []*stmt
	for !blockEnd(p.t) {
		if p.t == tkReturn {
			out = append(out, p.returnStmt())
			break
		}
		if s := p.statement(); s != nil {
			out = append(out, s)
		}
	}
	p.depth--
	return out
}

func (p *parser) scopedBlock(loop bool) []*stmt {
	p.pushScope(loop)
	b := p.block()
	p.popScope()
	return b
}

func (p *parser) statement() *stmt {
	line := p.line
	switch p.t {
	case ';':
		p.next()
		return nil
	case tkIf:
		return p.ifStmt(line)
	case tkWhile:
		p.next()
		s := &stmt{kind: sWhile, line: line, exprs: []*expr{p.expr()}}
		p.need(tkDo)
		s.body = p.scopedBlock(true)
		s.end = p.line
		p.match(tkEnd, tkWhile, line)
		return s
	case tkDo:
		p.next()
		s := &stmt{kind: sDo, line: line, body: p.scopedBlock(false)}
		s.end = p.line
		p.match(tkEnd, tkDo, line)
		return s
	case tkFor:
		return p.forStmt(line)
	case tkRepeat:
		p.next()
		p.pushScope(true)
		p.pushScope(false)
		s := &stmt{kind: sRepeat, line: line, body: p.block()}
		s.end = p.line
		p.match(tkUntil, tkRepeat, line)
		s.exprs = []*expr{p.expr()}
		p.popScope()
		p.popScope()
		return s
	case tkFunction:
		return p.functionStmt(line)
	case tkLocal:
		p.next()
		if p.accept(tkFunction) {
			v := &localVar{name: p.name()}
			p.declare(v)
			e := p.function(false, line)
			e.fn.name = v.name
			return &stmt{kind: sLocalFunction, line: line, vars: []*localVar{v}, exprs: []*expr{e}}
		}
		return p.localStmt(line)
	case tkLabel:
		return p.labelStmt(line)
	case tkBreak:
		p.next()
		for sc := p.fs.scope; ; sc = sc.parent {
			if sc == nil {
				p.line = line
				p.fail("", "no loop to break")
			}
			if sc.loop {
				break
			}
		}
		return &stmt{kind: sBreak, line: line}
	case tkGoto:
		p.next()
		s := &stmt{kind: sGoto, line: line, str: p.name()}
		p.addGoto(s)
		return s
	}
	return p.exprStmt(line)
}

func (p *parser) addGoto(s *stmt) {
	sc := p.fs.scope
	if l := findLabel(sc.labels, s.str); l != nil {
		s.label = l
		return
	}
	sc.gotos = append(sc.gotos, &pendingGoto{s, s.str, s.line, len(p.fs.act)})
}

// labelStmt reads labels that follow one another, with empty statements between. At the end of their block they are
// outside the scope of the block's locals.
func (p *parser) labelStmt(line int) *stmt {
	fs, sc := p.fs, p.fs.scope
	s := &stmt{kind: sLabel, line: line}
	for p.t == tkLabel || p.t == ';' {
		if p.accept(';') {
			continue
		}
		line := p.line
		p.next()
		l := &label{name: p.name(), line: line, nact: len(fs.act), pc: -1}
		if findLabel(sc.labels, l.name) != nil {
			p.fail("", "duplicate label '%s'", l.name)
		}
		p.need(tkLabel)
		sc.labels = append(sc.labels, l)
		s.labels = append(s.labels, l)
	}
	atEnd := blockEnd(p.t) && p.t != tkUntil
	for _, l := range s.labels {
		if atEnd {
			l.nact = sc.nact
		}
		p.resolveGotos(l, atEnd)
	}
	return s
}

// resolveGotos lets the gotos that wait for a label jump to it.
func (p *parser) resolveGotos(l *label, atEnd bool) {
	fs, sc := p.fs, p.fs.scope
	rest := sc.gotos[:0]
	for _, g := range sc.gotos {
		if g.name != l.name {
			rest = append(rest, g)
			continue
		}
		if !atEnd && g.nact < len(fs.act) {
			p.line = g.line
			p.fail("", "<goto %s> jumps into the scope of local '%s'", l.name, fs.act[g.nact].name)
		}
		g.s.label = l
	}
	sc.gotos = rest
}

func (p *parser) ifStmt(line int) *stmt {
	s := &stmt{kind: sIf, line: line}
	for {
		p.next()
		s.conds = append(s.conds, p.expr())
		p.need(tkThen)
		s.arms = append(s.arms, p.scopedBlock(false))
		if p.t != tkElseif {
			break
		}
	}
	if p.accept(tkElse) {
		s.arms = append(s.arms, p.scopedBlock(false))
	}
	p.match(tkEnd, tkIf, line)
	return s
}

func (p *parser) forStmt(line int) *stmt {
	p.next()
	first := p.name()
	s := &stmt{line: line}
	p.pushScope(true)
	switch p.t {
	case '=':
		p.next()
		s.kind = sForNum
		s.exprs = []*expr{p.expr()}
		p.need(',')
		s.exprs = append(s.exprs, p.expr())
		if p.accept(',') {
			s.exprs = append(s.exprs, p.expr())
		}
		s.vars = []*localVar{{name: first}}
		for _, n := range []string{"(for index)", "(for limit)", "(for step)"} {
			p.declare(&localVar{name: n})
		}
	case ',', tkIn:
		s.kind = sForIn
		s.vars = []*localVar{{name: first}}
		for p.accept(',') {
			s.vars = append(s.vars, &localVar{name: p.name()})
		}
		p.need(tkIn)
		s.inLine = p.line
		s.exprs = p.exprList()
		for _, n := range []string{"(for generator)", "(for state)", "(for control)"} {
			p.declare(&localVar{name: n})
		}
	default:
		p.failAt(p.t, "'=' or 'in' expected")
	}
	p.need(tkDo)
	p.pushScope(false)
	for _, v := range s.vars {
		p.declare(v)
	}
	s.body = p.block()
	p.popScope()
	s.end = p.line
	p.match(tkEnd, tkFor, line)
	p.popScope()
	return s
}

func (p *parser) functionStmt(line int) *stmt {
	p.next()
	target := p.resolve(p.name(), line)
	full, method := target.str, false
	for p.t == '.' || p.t == ':' {
		method = p.t == ':'
		p.next()
		k := p.name()
		full += "." + k
		target = &expr{kind: eIndex, a: target, b: &expr{kind: eString, str: k, line: line}, line: line}
		if method {
			break
		}
	}
	p.markAssigned(target)
	f := p.function(method, line)
	f.fn.name = full
	return &stmt{kind: sAssign, line: line, lhs: []*expr{target}, exprs: []*expr{f}}
}

func (p *parser) localStmt(line int) *stmt {
	s := &stmt{kind: sLocal, line: line}
	for {
		s.vars = append(s.vars, &localVar{name: p.name()})
		p.limit(len(p.fs.act)+len(s.vars), maxLocals, "local variables")
		if !p.accept(',') {
			break
		}
	}
	if p.accept('=') {
		s.exprs = p.exprList()
	}
	for _, v := range s.vars {
		p.declare(v)
	}
	return s
}

func (p *parser) returnStmt() *stmt {
	s := &stmt{kind: sReturn, line: p.line}
	p.next()
	if !blockEnd(p.t) && p.t != ';' {
		s.exprs = p.exprList()
	}
	p.accept(';')
	if !blockEnd(p.t) {
		p.expected(tkEOF)
	}
	return s
}

func (p *parser) exprStmt(line int) *stmt {
	e := p.suffixed()
	if e.kind == eCall || e.kind == eMethod {
		return &stmt{kind: sCall, line: line, exprs: []*expr{e}}
	}
	s := &stmt{kind: sAssign, line: line}
	for {
		switch e.kind {
		case eLocal, eUpval, eGlobal, eIndex:
		default:
			p.failAt(p.t, "syntax error")
		}
		p.markAssigned(e)
		s.lhs = append(s.lhs, e)
		p.limit(len(s.lhs), maxLevels, "assignment targets")
		if !p.accept(',') {
			break
		}
		e = p.suffixed()
	}
	p.need('=')
	s.exprs = p.exprList()
	return s
}
