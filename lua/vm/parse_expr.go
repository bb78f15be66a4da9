package vm

func (p *parser) exprList() []*expr {
	list := []*expr{p.expr()}
	for p.accept(',') {
		list = append(list, p.expr())
	}
	return list
}

// primary reads a name or an expression in parentheses.
func (p *parser) primary() *expr {
	line := p.line
	switch p.t {
	case '(':
		p.next()
		e := p.expr()
		p.match(')', '(', line)
		switch e.kind {
		case eCall, eMethod, eDots, eLocal, eUpval, eGlobal, eIndex:
			e = &expr{kind: eParen, a: e, line: line}
		}
		return e
	case tkName:
		return p.resolve(p.name(), line)
	}
	p.failAt(p.t, "unexpected symbol")
	return nil
}

func (p *parser) suffixed() *expr {
	e := p.primary()
	for n := 0; ; n++ {
		line := p.line
		if n > maxSuffixes {
			p.fail("", "chunk has too many syntax levels")
		}
		switch p.t {
		case '.':
			p.next()
			e = &expr{kind: eIndex, a: e, b: &expr{kind: eString, str: p.name(), line: line}, line: line}
		case '[':
			p.next()
			k := p.expr()
			p.need(']')
			e = &expr{kind: eIndex, a: e, b: k, line: line}
		case ':':
			p.next()
			name := p.name()
			e = &expr{kind: eMethod, a: e, str: name, line: line}
			e.list = p.args()
		case '(', tkString, '{':
			e = &expr{kind: eCall, a: e, line: line}
			e.list = p.args()
		default:
			return e
		}
	}
}

// maxSuffixes bounds a.b.c...: the tree is as deep as it is long.
const maxSuffixes = 10000

func (p *parser) args() []*expr {
	line := p.line
	switch p.t {
	case tkString:
		e := &expr{kind: eString, str: p.str, line: line}
		p.next()
		return []*expr{e}
	case '{':
		return []*expr{p.table()}
	case '(':
		p.next()
		if p.accept(')') {
			return nil
		}
		l := p.exprList()
		p.match(')', '(', line)
		return l
	}
	p.failAt(p.t, "function arguments expected")
	return nil
}

func (p *parser) table() *expr {
	line := p.line
	e := &expr{kind: eTable, line: line}
	p.need('{')
	for p.t != '}' {
		var k *expr
		switch {
		case p.t == '[':
			p.next()
			k = p.expr()
			p.need(']')
			p.need('=')
		case p.t == tkName && p.peek() == '=':
			k = &expr{kind: eString, str: p.name(), line: line}
			p.need('=')
		}
		e.keys = append(e.keys, k)
		e.list = append(e.list, p.expr())
		if !p.accept(',') && !p.accept(';') {
			break
		}
	}
	p.match('}', '{', line)
	return e
}

func (p *parser) function(method bool, line int) *expr {
	n := &funcNode{line: line}
	p.open(n)
	if method {
		v := &localVar{name: "self"}
		n.params = append(n.params, v)
		p.declare(v)
	}
	p.need('(')
	for p.t != ')' {
		if p.accept(tkDots) {
			n.vararg = true
			break
		}
		if p.t != tkName {
			p.failAt(p.t, "<name> or '...' expected")
		}
		v := &localVar{name: p.name()}
		n.params = append(n.params, v)
		p.declare(v)
		if !p.accept(',') {
			break
		}
		if p.t == ')' {
			p.failAt(p.t, "<name> or '...' expected")
		}
	}
	p.need(')')
	body := p.block()
	last := p.line
	p.match(tkEnd, tkFunction, line)
	p.close(body)
	n.lastLine = last
	return &expr{kind: eFunction, fn: n, line: line}
}

func (p *parser) simple() *expr {
	line := p.line
	e := &expr{line: line}
	switch p.t {
	case tkNumber:
		e.kind, e.num = eNumber, p.num
	case tkString:
		e.kind, e.str = eString, p.str
	case tkNil:
		e.kind = eNil
	case tkTrue:
		e.kind = eTrue
	case tkFalse:
		e.kind = eFalse
	case tkDots:
		if !p.fs.node.vararg {
			p.failAt(p.t, "cannot use '...' outside a vararg function")
		}
		p.fs.node.usesDots = true
		e.kind = eDots
	case '{':
		return p.table()
	case tkFunction:
		p.next()
		return p.function(false, line)
	default:
		return p.suffixed()
	}
	p.next()
	return e
}

type priority struct{ left, right uint8 }

const unaryPriority = 8

type binary struct {
	priority
	kind exprKind
	op   uint8
}

// operator gives the binary operator of a token.
func operator(t token) (binary, bool) {
	switch t {
	case '+':
		return binary{priority{6, 6}, eArith, opADD}, true
	case '-':
		return binary{priority{6, 6}, eArith, opSUB}, true
	case '*':
		return binary{priority{7, 7}, eArith, opMUL}, true
	case '/':
		return binary{priority{7, 7}, eArith, opDIV}, true
	case '%':
		return binary{priority{7, 7}, eArith, opMOD}, true
	case '^':
		return binary{priority{10, 9}, eArith, opPOW}, true
	case tkConcat:
		return binary{priority{5, 4}, eConcat, 0}, true
	case tkEq:
		return binary{priority{3, 3}, eCompare, cmpEq}, true
	case tkNe:
		return binary{priority{3, 3}, eCompare, cmpNe}, true
	case '<':
		return binary{priority{3, 3}, eCompare, cmpLt}, true
	case tkLe:
		return binary{priority{3, 3}, eCompare, cmpLe}, true
	case '>':
		return binary{priority{3, 3}, eCompare, cmpGt}, true
	case tkGe:
		return binary{priority{3, 3}, eCompare, cmpGe}, true
	case tkAnd:
		return binary{priority{2, 2}, eAnd, 0}, true
	case tkOr:
		return binary{priority{1, 1}, eOr, 0}, true
	}
	return binary{}, false
}

func (p *parser) expr() *expr { return p.subexpr(0) }

func (p *parser) subexpr(limit uint8) *expr {
	p.enter()
	var e *expr
	line := p.line
	switch p.t {
	case tkNot:
		p.next()
		e = &expr{kind: eNot, a: p.subexpr(unaryPriority), line: line}
	case '-':
		p.next()
		e = &expr{kind: eMinus, a: p.subexpr(unaryPriority), line: line}
		if f, ok := foldUnary(e); ok {
			e = &expr{kind: eNumber, num: f, line: line}
		}
	case '#':
		p.next()
		e = &expr{kind: eLen, a: p.subexpr(unaryPriority), line: line}
	default:
		e = p.simple()
	}
	for n := 0; ; n++ {
		b, ok := operator(p.t)
		if !ok || b.left <= limit {
			break
		}
		if n > maxSuffixes {
			p.fail("", "chunk has too many syntax levels")
		}
		opLine := p.line
		p.next()
		r := p.subexpr(b.right)
		x := &expr{kind: b.kind, op: b.op, a: e, b: r, line: opLine}
		switch b.kind {
		case eConcat:
			x.list = []*expr{e, r}
			if r.kind == eConcat { // right associative, with or without parentheses
				x.list = append([]*expr{e}, r.list...)
			}
			x.a, x.b = nil, nil
		case eArith:
			if f, ok := foldArith(x); ok {
				x = &expr{kind: eNumber, num: f, line: opLine}
			}
		}
		e = x
	}
	p.depth--
	return e
}

func foldUnary(e *expr) (float64, bool) {
	if e.a.kind == eNumber && e.a.num != 0 {
		return -e.a.num, true
	}
	return 0, false
}

func foldArith(e *expr) (float64, bool) {
	if e.a.kind != eNumber || e.b.kind != eNumber {
		return 0, false
	}
	f := arith(e.op-opADD, e.a.num, e.b.num)
	return f, f == f && f != 0
}
