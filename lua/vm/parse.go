package vm

import (
	"fmt"

	"github.com/yuin/gopher-lua/ast"
)

// maxLevels is how deep blocks and expressions nest: "chunk has too many syntax levels".
const maxLevels = 200

// parser builds gopher-lua's syntax tree from LuaJIT's dialect, with LuaJIT's messages. Where
// gopher-lua's compiler is known to make wrong code, the parser gives it an equivalent tree: see
// rewrite.go.
type parser struct {
	lexer
	tok      token
	ahead    token // looked at but not taken; 0: none
	aheadLex lexer // the lexer after ahead
	lastLine int   // of the token taken last
	level    int
	fn       *function
	used     map[string]int // when a name was used last
	scopes   scopes
	left     *loop // the loop whose body ended last
	taken    int   // tokens taken
	closed   int   // tokens taken when a parenthesis was last closed
}

// function is the function being parsed.
type function struct {
	outer  *function
	vararg bool
	block  *block
	loop   *loop
	locals []local
	active int // locals that are in scope
	inner  int // functions in it, so far
}

// block is a scope of labels and locals.
type block struct {
	outer  *block
	labels map[string]bool
	gotos  []pendingGoto
	locals int // of the function's when it began
	active int
}

type pendingGoto struct {
	name string
	line int
}

// parse returns the statements of a chunk; the error is a *SyntaxError.
func parse(src, chunk string) (stmts []ast.Stmt, where scopes, err error) {
	p := &parser{lexer: lexer{src: src, chunk: chunk, line: 1}, used: map[string]int{}, scopes: scopes{}}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *SyntaxError:
			stmts, where, err = nil, nil, e
		default:
			panic(e)
		}
	}()
	p.fn = &function{vararg: true}
	p.take()
	stmts = p.block()
	if p.tok != tkEOF {
		p.expected(tkEOF)
	}
	p.scopes.add(scopeKey{}, p.fn.locals)
	return stmts, p.scopes, nil
}

// take moves to the next token.
func (p *parser) take() {
	p.lastLine = p.line
	p.taken++
	if p.ahead != 0 {
		p.tok, p.lexer, p.ahead = p.ahead, p.aheadLex, 0
		return
	}
	p.tok = p.next()
}

// peek looks at the token after the current one.
func (p *parser) peek() token {
	saved := p.lexer
	p.ahead = p.next()
	p.aheadLex, p.lexer = p.lexer, saved
	return p.ahead
}

func (p *parser) expected(t token)  { p.fail(p.tok, "'"+t.String()+"' expected") }
func (p *parser) syntax(msg string) { p.fail(p.tok, msg) }

func (p *parser) accept(t token) bool {
	if p.tok != t {
		return false
	}
	p.take()
	return true
}

func (p *parser) expect(t token) {
	if p.tok != t {
		p.expected(t)
	}
	p.take()
}

// closes takes the token that ends what opener began at line.
func (p *parser) closes(t, opener token, line int) {
	if p.tok == t {
		p.take()
		return
	}
	if line == p.line {
		p.expected(t)
	}
	p.fail(p.tok, fmt.Sprintf("'%s' expected (to close '%s' at line %d)", t, opener, line))
}

func (p *parser) ident() string {
	if p.tok != tkName {
		p.expected(tkName)
	}
	s := p.str
	p.used[s] = p.taken
	p.take()
	return s
}

func (p *parser) enter() {
	if p.level++; p.level > maxLevels {
		p.fail(0, "chunk has too many syntax levels")
	}
}

func at[N ast.PositionHolder](n N, line int) N {
	n.SetLine(line)
	return n
}

func span[N ast.PositionHolder](n N, line, last int) N {
	n.SetLine(line)
	n.SetLastLine(last)
	return n
}

// declare notes local variables in the order in which the compiler will.
func (p *parser) declare(names ...string) {
	for _, name := range names {
		p.fn.locals = append(p.fn.locals, local{name: name, reg: p.fn.active})
		p.fn.active++
	}
}

func (p *parser) open() *block {
	b := &block{outer: p.fn.block, labels: map[string]bool{}, locals: len(p.fn.locals), active: p.fn.active}
	p.fn.block = b
	return b
}

// close ends the scope of b's locals at the current line.
func (p *parser) close(b *block) {
	for i := b.locals; i < len(p.fn.locals); i++ {
		if l := &p.fn.locals[i]; l.last == 0 {
			l.last = p.line
		}
	}
	p.fn.active = b.active
	p.fn.block = b.outer
}

// block parses statements up to the token that ends them, after those given.
func (p *parser) block(stmts ...ast.Stmt) []ast.Stmt {
	p.enter()
	b := p.open()
	if l := p.fn.loop; l != nil && l.body == nil {
		l.body = b
	}
	for _, s := range stmts {
		p.declare(s.(*ast.LocalAssignStmt).Names...)
	}
	for last := false; !last && !p.ends(); {
		var s ast.Stmt
		s, last = p.statement()
		if s != nil {
			stmts = append(stmts, s)
		}
		p.accept(';')
	}
	p.close(b)
	for _, g := range b.gotos {
		switch {
		case b.labels[g.name]:
		case b.outer == nil:
			p.line = g.line
			p.fail(0, "undefined label '"+g.name+"'")
		default:
			b.outer.gotos = append(b.outer.gotos, g)
		}
	}
	p.level--
	return stmts
}

func (p *parser) ends() bool {
	switch p.tok {
	case tkEOF, tkEnd, tkElse, tkElseif, tkUntil:
		return true
	}
	return false
}

func (p *parser) statement() (s ast.Stmt, last bool) {
	line := p.line
	switch p.tok {
	case tkIf:
		return p.ifStatement(line), false
	case tkWhile:
		p.take()
		cond := p.expr()
		if _, ok := cond.(*ast.TrueExpr); !ok {
			cond = branch(cond)
		}
		p.expect(tkDo)
		body := p.loopBody()
		l := p.left
		p.closes(tkEnd, tkWhile, line)
		return l.wrap(span(&ast.WhileStmt{Condition: cond, Stmts: body}, line, p.lastLine)), false
	case tkDo:
		p.take()
		body := p.block()
		p.closes(tkEnd, tkDo, line)
		return span(&ast.DoBlockStmt{Stmts: body}, line, p.lastLine), false
	case tkFor:
		return p.forStatement(line), false
	case tkRepeat:
		p.take()
		body := p.loopBody()
		l := p.left
		p.closes(tkUntil, tkRepeat, line)
		cond := branch(p.expr())
		return l.wrap(span(&ast.RepeatStmt{Condition: cond, Stmts: body}, line, p.lastLine)), false
	case tkFunction:
		return p.functionStatement(line), false
	case tkLocal:
		return p.localStatement(line), false
	case tkReturn:
		p.take()
		var exprs []ast.Expr
		if !p.ends() && p.tok != ';' {
			exprs = p.exprs()
		}
		return at(&ast.ReturnStmt{Exprs: exprs}, p.lastLine), true
	case tkBreak:
		p.take()
		if p.fn.loop == nil {
			p.line = line
			p.fail(0, "no loop to break")
		}
		return p.breakLoop(line), false
	case ';':
		p.take()
		return nil, false
	case tkLabel:
		p.take()
		name := p.ident()
		p.expect(tkLabel)
		if p.fn.block.labels[name] {
			p.fail(0, "duplicate label '"+name+"'")
		}
		p.fn.block.labels[name] = true
		return at(&ast.LabelStmt{Name: name}, line), false
	case tkGoto:
		p.take()
		name := p.ident()
		p.fn.block.gotos = append(p.fn.block.gotos, pendingGoto{name, line})
		return at(&ast.GotoStmt{Label: name}, line), false
	}
	return p.callOrAssign(line), false
}

func (p *parser) ifStatement(line int) ast.Stmt {
	root := at(&ast.IfStmt{}, line)
	tail := root
	for n := 0; ; n++ {
		p.checkChain(n)
		p.take()
		tail.Condition = branch(p.expr())
		p.expect(tkThen)
		tail.Then = p.block()
		if p.tok != tkElseif {
			break
		}
		inner := at(&ast.IfStmt{}, p.line)
		tail.Else = []ast.Stmt{inner}
		tail = inner
	}
	if p.accept(tkElse) {
		tail.Else = p.block()
	}
	p.closes(tkEnd, tkIf, line)
	root.SetLastLine(p.lastLine)
	return root
}

func (p *parser) loopBody() []ast.Stmt {
	l := &loop{outer: p.fn.loop, inner: p.fn.inner}
	p.fn.loop = l
	body := p.block(padding(p.tok, p.line)...)
	p.fn.loop = l.outer
	l.closing = p.fn.inner > l.inner
	p.left = l
	return body
}

func (p *parser) forStatement(line int) ast.Stmt {
	p.take()
	name := p.ident()
	b := p.open()
	switch p.tok {
	case '=':
		p.take()
		s := &ast.NumberForStmt{Name: name, Init: p.expr()}
		p.expect(',')
		s.Limit = p.expr()
		if p.accept(',') {
			s.Step = p.expr()
		}
		p.expect(tkDo)
		p.declare("(for index)", "(for limit)", "(for step)", name)
		s.Stmts = p.loopBody()
		p.close(b)
		p.closes(tkEnd, tkFor, line)
		return p.left.wrap(span(s, line, p.lastLine))
	case ',', tkIn:
		names := []string{name}
		for p.accept(',') {
			names = append(names, p.ident())
		}
		p.expect(tkIn)
		names, exprs := iterator(names, p.exprs())
		p.expect(tkDo)
		p.declare("(for generator)", "(for state)", "(for control)")
		p.declare(names...)
		s := &ast.GenericForStmt{Names: names, Exprs: exprs, Stmts: p.loopBody()}
		p.close(b)
		p.closes(tkEnd, tkFor, line)
		return p.left.wrap(span(s, line, p.lastLine))
	}
	p.syntax("'=' or 'in' expected")
	return nil
}

func (p *parser) functionStatement(line int) ast.Stmt {
	p.take()
	var target ast.Expr = at(&ast.IdentExpr{Value: p.ident()}, line)
	for p.tok == '.' {
		p.take()
		key := at(&ast.StringExpr{Value: p.ident()}, line)
		target = at(&ast.AttrGetExpr{Object: target, Key: key}, line)
	}
	name := &ast.FuncName{Func: target}
	var self []string
	if p.accept(':') {
		name = &ast.FuncName{Receiver: target, Method: p.ident()}
		self = []string{"self"}
	}
	f := p.body(line, self...)
	return span(&ast.FuncDefStmt{Name: name, Func: f}, line, p.lastLine)
}

func (p *parser) localStatement(line int) ast.Stmt {
	p.take()
	if p.accept(tkFunction) {
		name := p.ident()
		p.declare(name)
		return at(&ast.LocalAssignStmt{Names: []string{name}, Exprs: []ast.Expr{p.body(line)}}, line)
	}
	names := []string{p.ident()}
	for p.accept(',') {
		names = append(names, p.ident())
	}
	var exprs []ast.Expr
	if p.accept('=') {
		from := p.taken
		exprs = p.exprs()
		if _, ok := exprs[0].(*ast.FunctionExpr); ok && len(exprs) == 1 && len(names) == 1 && p.used[names[0]] >= from {
			names, exprs = append(names, "(nil)"), append(exprs, at(&ast.NilExpr{}, line)) // or the function would see its own variable
		}
	}
	names = padNames(names, exprs)
	p.declare(names...)
	return at(&ast.LocalAssignStmt{Names: names, Exprs: exprs}, line)
}

func (p *parser) callOrAssign(line int) ast.Stmt {
	e := p.primary()
	if call, ok := e.(*ast.FuncCallExpr); ok && !call.AdjustRet {
		return at(&ast.FuncCallStmt{Expr: call}, line)
	}
	targets := []ast.Expr{p.target(e)}
	for p.accept(',') {
		targets = append(targets, p.target(p.primary()))
		if len(targets) > maxLevels {
			p.fail(0, "chunk has too many syntax levels")
		}
	}
	p.expect('=')
	s := assign(targets, p.exprs(), line)
	if do, ok := s.(*ast.DoBlockStmt); ok {
		b := p.open()
		for _, s := range do.Stmts {
			if l, ok := s.(*ast.LocalAssignStmt); ok {
				p.declare(l.Names...)
			}
		}
		p.close(b)
	}
	return s
}

// target checks that e can be assigned to.
func (p *parser) target(e ast.Expr) ast.Expr {
	if p.closed == p.taken {
		p.syntax("syntax error")
	}
	switch e := e.(type) {
	case *ast.IdentExpr:
		return e
	case *ast.AttrGetExpr:
		return e
	}
	p.syntax("syntax error")
	return nil
}

// body parses parameters and statements of a function up to its end.
func (p *parser) body(line int, self ...string) *ast.FunctionExpr {
	p.fn.inner++
	p.fn = &function{outer: p.fn}
	p.declare(self...)
	params := &ast.ParList{}
	p.expect('(')
	if p.tok != ')' {
		for more := true; more; more = p.accept(',') {
			if p.tok == tkDots {
				p.take()
				params.HasVargs, p.fn.vararg = true, true
				break
			}
			if p.tok != tkName {
				p.syntax("<name> expected")
			}
			params.Names = append(params.Names, p.ident())
		}
	}
	p.expect(')')
	p.declare(params.Names...)
	stmts := p.block()
	if p.tok != tkEnd {
		p.closes(tkEnd, tkFunction, line)
	}
	last := p.line
	p.take()
	p.scopes.add(scopeKey{line, last, len(params.Names) + len(self)}, p.fn.locals)
	p.fn = p.fn.outer
	return span(&ast.FunctionExpr{ParList: params, Stmts: stmts}, line, last)
}
