package vm

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

func (p *parser) exprs() []ast.Expr {
	es := []ast.Expr{p.expr()}
	for p.accept(',') {
		es = append(es, p.expr())
	}
	return es
}

func (p *parser) expr() ast.Expr { return p.binary(0) }

// priorities of binary operators, left and right.
var priorities = map[token][2]int{
	'+': {6, 6}, '-': {6, 6}, '*': {7, 7}, '/': {7, 7}, '%': {7, 7}, '^': {10, 9}, tkConcat: {5, 4},
	tkNe: {3, 3}, tkEq: {3, 3}, '<': {3, 3}, tkLe: {3, 3}, '>': {3, 3}, tkGe: {3, 3}, tkAnd: {2, 2}, tkOr: {1, 1},
}

const unaryPriority = 8

// maxChain bounds what nests in the tree though not in the source: left-associative operators,
// calls of results, elseif.
const maxChain = 10000

func (p *parser) checkChain(n int) {
	if n > maxChain {
		p.fail(0, "chunk has too many syntax levels")
	}
}

func (p *parser) binary(limit int) ast.Expr {
	p.enter()
	var left ast.Expr
	switch p.tok {
	case tkNot:
		p.take()
		left = at(&ast.UnaryNotOpExpr{Expr: p.binary(unaryPriority)}, p.lastLine)
	case '-':
		p.take()
		left = at(&ast.UnaryMinusOpExpr{Expr: p.binary(unaryPriority)}, p.lastLine)
	case '#':
		p.take()
		left = at(&ast.UnaryLenOpExpr{Expr: p.binary(unaryPriority)}, p.lastLine)
	default:
		left = p.simple()
	}
	for n := 0; ; n++ {
		prio, ok := priorities[p.tok]
		if !ok || prio[0] <= limit {
			break
		}
		p.checkChain(n)
		op := p.tok
		p.take()
		left = operation(op, left, p.binary(prio[1]), p.lastLine)
	}
	p.level--
	return left
}

func operation(op token, left, right ast.Expr, line int) ast.Expr {
	switch op {
	case tkAnd, tkOr:
		if e := foldLogical(op, left, right); e != nil {
			return e
		}
		return at(&ast.LogicalOpExpr{Operator: op.String(), Lhs: left, Rhs: right}, line)
	case tkConcat:
		return at(&ast.StringConcatOpExpr{Lhs: left, Rhs: right}, line)
	case tkEq, tkNe, tkLe, tkGe, '<', '>':
		return at(&ast.RelationalOpExpr{Operator: op.String(), Lhs: left, Rhs: right}, line)
	}
	return at(&ast.ArithmeticOpExpr{Operator: op.String(), Lhs: left, Rhs: right}, line)
}

func (p *parser) simple() ast.Expr {
	line := p.line
	var e ast.Expr
	switch p.tok {
	case tkNumber:
		e = at(&ast.NumberExpr{Value: strconv.FormatFloat(p.num, 'g', -1, 64)}, line)
	case tkString:
		e = at(&ast.StringExpr{Value: p.str}, line)
	case tkNil:
		e = at(&ast.NilExpr{}, line)
	case tkTrue:
		e = at(&ast.TrueExpr{}, line)
	case tkFalse:
		e = at(&ast.FalseExpr{}, line)
	case tkDots:
		if !p.fn.vararg {
			p.syntax("cannot use '...' outside a vararg function")
		}
		e = at(&ast.Comma3Expr{}, line)
	case '{':
		return p.table(line)
	case tkFunction:
		p.take()
		return p.body(line)
	default:
		return p.primary()
	}
	p.take()
	return e
}

func (p *parser) table(line int) ast.Expr {
	p.expect('{')
	t := at(&ast.TableExpr{}, line)
	for p.tok != '}' {
		f := &ast.Field{}
		switch {
		case p.tok == '[':
			p.take()
			f.Key = p.expr()
			p.expect(']')
			p.expect('=')
		case p.tok == tkName && p.peek() == '=':
			f.Key = at(&ast.StringExpr{Value: p.str}, p.line)
			p.take()
			p.take()
		}
		f.Value = p.expr()
		t.Fields = append(t.Fields, f)
		if !p.accept(',') && !p.accept(';') {
			break
		}
	}
	p.closes('}', '{', line)
	t.Fields = orderFields(t.Fields)
	return t
}

// primary parses a name or parenthesis and what follows it: fields, methods, calls.
func (p *parser) primary() ast.Expr {
	line := p.line
	var e ast.Expr
	switch p.tok {
	case tkName:
		e = at(&ast.IdentExpr{Value: p.ident()}, line)
	case '(':
		p.take()
		e = p.expr()
		p.closes(')', '(', line)
		p.closed = p.taken
		switch x := e.(type) {
		case *ast.FuncCallExpr:
			x.AdjustRet = true
		case *ast.Comma3Expr:
			x.AdjustRet = true
		}
	default:
		p.syntax("unexpected symbol")
	}
	for n := 0; ; n++ {
		p.checkChain(n)
		line = p.line
		switch p.tok {
		case '.':
			p.take()
			line = p.line
			e = at(&ast.AttrGetExpr{Object: e, Key: at(&ast.StringExpr{Value: p.ident()}, line)}, line)
		case '[':
			p.take()
			key := p.expr()
			p.expect(']')
			e = at(&ast.AttrGetExpr{Object: e, Key: key}, p.lastLine)
		case ':':
			p.take()
			name := p.ident()
			line = p.line
			e = at(&ast.FuncCallExpr{Receiver: e, Method: name, Args: p.args()}, line)
		case '(', tkString, '{':
			e = at(&ast.FuncCallExpr{Func: e, Args: p.args()}, line)
		default:
			return e
		}
	}
}

func (p *parser) args() []ast.Expr {
	line := p.line
	switch p.tok {
	case tkString:
		s := at(&ast.StringExpr{Value: p.str}, line)
		p.take()
		return []ast.Expr{s}
	case '{':
		return []ast.Expr{p.table(line)}
	case '(':
		p.take()
		if p.accept(')') {
			return nil
		}
		es := p.exprs()
		p.closes(')', '(', line)
		return es
	}
	p.syntax("function arguments expected")
	return nil
}
