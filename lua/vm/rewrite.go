package vm

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// What gopher-lua's compiler gets wrong, given to it in a form that it gets right.

// assign makes `a, b = b, a`: the compiler writes the first target before it has read the last
// value, so all operands go through fresh locals. One target, or names that take the results of one
// call, need none.
func assign(targets, values []ast.Expr, line int) ast.Stmt {
	plain := at(&ast.AssignStmt{Lhs: targets, Rhs: values}, line)
	if len(targets) == 1 && len(values) == 1 && !fieldOfConstant(targets[0]) && !conditional(targets[0], values[0]) ||
		len(targets) > 1 && independent(targets, values) {
		return plain
	}
	do := at(&ast.DoBlockStmt{}, line)
	n := 0
	local := func(values ...ast.Expr) []string {
		names := make([]string, len(values))
		for i := range names {
			n++
			names[i] = "(temp " + strconv.Itoa(n) + ")"
		}
		do.Stmts = append(do.Stmts, at(&ast.LocalAssignStmt{Names: names, Exprs: values}, line))
		return names
	}
	read := func(name string, like ast.Expr) ast.Expr { return at(&ast.IdentExpr{Value: name}, like.Line()) }
	for i, t := range targets {
		if a, ok := t.(*ast.AttrGetExpr); ok {
			b := at(&ast.AttrGetExpr{Object: read(local(a.Object)[0], a), Key: a.Key}, a.Line())
			if !isConstant(a.Key) {
				b.Key = read(local(a.Key)[0], a)
			}
			targets[i] = b
		}
	}
	from := n
	names := make([]string, max(len(targets), len(values)))
	for i := range names {
		names[i] = "(temp " + strconv.Itoa(from+i+1) + ")"
	}
	do.Stmts = append(do.Stmts, at(&ast.LocalAssignStmt{Names: names, Exprs: values}, line))
	for i := len(targets) - 1; i >= 0; i-- {
		do.Stmts = append(do.Stmts, at(&ast.AssignStmt{Lhs: targets[i : i+1], Rhs: []ast.Expr{read(names[i], targets[i])}}, line))
	}
	do.SetLastLine(line)
	return do
}

// fieldOfConstant is ("x").y = z: the compiler takes the constant for a register.
func fieldOfConstant(e ast.Expr) bool {
	a, ok := e.(*ast.AttrGetExpr)
	return ok && isConstant(a.Object)
}

// conditional is `x = y and z`: the compiler may leave x as it was when y is false.
func conditional(target, value ast.Expr) bool {
	_, name := target.(*ast.IdentExpr)
	_, logical := value.(*ast.LogicalOpExpr)
	return name && logical
}

func independent(targets, values []ast.Expr) bool {
	seen := map[string]bool{}
	for _, t := range targets {
		x, ok := t.(*ast.IdentExpr)
		if !ok || seen[x.Value] {
			return false
		}
		seen[x.Value] = true
	}
	if len(values) == 1 {
		switch values[0].(type) {
		case *ast.FuncCallExpr, *ast.Comma3Expr:
			return true
		}
	}
	for _, v := range values {
		if !isConstant(v) {
			return false
		}
	}
	return len(values) <= len(targets)
}

// padNames gives every value of a local statement a name: the compiler does not always drop the
// others rightly.
func padNames(names []string, values []ast.Expr) []string {
	for len(names) < len(values) {
		names = append(names, "(unused "+strconv.Itoa(len(names))+")")
	}
	return names
}

func isConstant(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.NilExpr, *ast.TrueExpr, *ast.FalseExpr, *ast.NumberExpr, *ast.StringExpr:
		return true
	case *ast.UnaryMinusOpExpr:
		_, ok := x.Expr.(*ast.NumberExpr)
		return ok
	}
	return false
}

// foldLogical decides `and` and `or` with a constant on the left, whose jumps the compiler puts in
// the wrong place; nil when there is none.
func foldLogical(op token, left, right ast.Expr) ast.Expr {
	if !isConstant(left) {
		return nil
	}
	truth := true
	switch left.(type) {
	case *ast.NilExpr, *ast.FalseExpr:
		truth = false
	}
	if truth == (op == tkOr) {
		return left
	}
	switch x := right.(type) {
	case *ast.FuncCallExpr:
		x.AdjustRet = true
	case *ast.Comma3Expr:
		x.AdjustRet = true
	}
	return right
}

// branch makes a condition in which no operand is a constant: the compiler drops the jumps of such
// ones.
func branch(e ast.Expr) ast.Expr {
	right := "1"
	switch x := e.(type) {
	case *ast.LogicalOpExpr:
		x.Lhs, x.Rhs = branch(x.Lhs), branch(x.Rhs)
		return x
	case *ast.UnaryNotOpExpr:
		x.Expr = branch(x.Expr)
		return x
	case *ast.FalseExpr, *ast.NilExpr:
		right = "2"
	case *ast.TrueExpr, *ast.FunctionExpr:
	default:
		if !isConstant(e) {
			return e
		}
	}
	line := e.Line()
	one := at(&ast.NumberExpr{Value: "1"}, line)
	return at(&ast.RelationalOpExpr{Operator: "==", Lhs: one, Rhs: at(&ast.NumberExpr{Value: right}, line)}, line)
}

// padding is an instruction to put before a loop body whose first token begins a jump: the compiler
// confuses the two labels.
func padding(first token, line int) []ast.Stmt {
	switch first {
	case tkIf, tkBreak, tkDo, tkGoto, tkLabel, tkWhile, tkRepeat, tkFor, ';':
		return []ast.Stmt{at(&ast.LocalAssignStmt{Names: []string{"(nop)"}, Exprs: []ast.Expr{at(&ast.TrueExpr{}, line)}}, line)}
	}
	return nil
}

// iterator makes `for names in exprs` set all three of its hidden variables: the compiler fills
// only as many as there are names.
func iterator(names []string, exprs []ast.Expr) ([]string, []ast.Expr) {
	last := exprs[len(exprs)-1]
	multi := false
	switch x := last.(type) {
	case *ast.FuncCallExpr:
		multi = !x.AdjustRet
	case *ast.Comma3Expr:
		multi = !x.AdjustRet
	}
	for !multi && len(exprs) < 3 {
		exprs = append(exprs, at(&ast.NilExpr{}, last.Line()))
	}
	for multi && len(names) < len(exprs) && len(names) < 3 {
		names = append(names, "(unused "+strconv.Itoa(len(names))+")")
	}
	return names, exprs
}

// orderFields keeps the compiler from storing the items of a full batch of positional fields again,
// from registers that keyed fields have used since.
func orderFields(fields []*ast.Field) []*ast.Field {
	positional := 0
	for _, f := range fields {
		if f.Key == nil {
			positional++
		}
	}
	if positional < fieldsPerFlush || positional == len(fields) {
		return fields
	}
	ordered := make([]*ast.Field, 0, len(fields))
	for _, f := range fields {
		if f.Key != nil {
			ordered = append(ordered, f)
		}
	}
	for _, f := range fields {
		if f.Key == nil {
			ordered = append(ordered, f)
		}
	}
	return ordered
}

// fieldsPerFlush is gopher-lua's batch of positional fields.
const fieldsPerFlush = 50

// loop is a loop being parsed.
type loop struct {
	outer   *loop
	body    *block
	inner   int // functions before it
	closing bool
	breaks  []*ast.DoBlockStmt // those in a block inside the body
}

// breakLoop leaves the innermost loop.
func (p *parser) breakLoop(line int) ast.Stmt {
	s := at(&ast.BreakStmt{}, line)
	l := p.fn.loop
	if p.fn.block == l.body {
		return s
	}
	do := span(&ast.DoBlockStmt{Stmts: []ast.Stmt{s}}, line, line)
	l.breaks = append(l.breaks, do)
	return do
}

// afterLoop is no label that a script can write.
const afterLoop = "(after loop)"

// wrap turns the breaks of a loop in which functions may hold locals into jumps behind it: the compiler's break does not close
// the locals of the blocks between.
func (l *loop) wrap(s ast.Stmt) ast.Stmt {
	if !l.closing || len(l.breaks) == 0 {
		return s
	}
	for _, do := range l.breaks {
		do.Stmts[0] = at(&ast.GotoStmt{Label: afterLoop}, do.Line())
	}
	label := at(&ast.LabelStmt{Name: afterLoop}, s.LastLine())
	return span(&ast.DoBlockStmt{Stmts: []ast.Stmt{s, label}}, s.Line(), s.LastLine())
}
