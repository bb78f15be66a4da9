package vm

// The tree that the parser makes of one function and the compiler reads. Names are resolved while parsing, so that the
// compiler knows of each local whether a closure captures it and whether it is ever assigned to.

type exprKind uint8

const (
	eNil exprKind = iota
	eTrue
	eFalse
	eNumber
	eString
	eDots
	eFunction
	eLocal
	eUpval
	eGlobal
	eIndex  // a[b]
	eCall   // a(list)
	eMethod // a:str(list)
	eTable
	eParen
	eNot
	eMinus
	eLen
	eAnd
	eOr
	eConcat // list, at least two
	eArith  // op
	eCompare
)

type expr struct {
	kind exprKind
	op   uint8 // eArith: opADD..opPOW; eCompare: token of the comparison, see cmp*
	line int
	a, b *expr
	list []*expr // arguments, concat operands, table values
	keys []*expr // table keys, nil for positional values
	num  float64
	str  string
	v    *localVar
	up   int
	fn   *funcNode
}

const (
	cmpEq = iota
	cmpNe
	cmpLt
	cmpLe
	cmpGt
	cmpGe
)

type localVar struct {
	name     string
	captured bool // by a closure
	assigned bool // after its declaration
	reg      int
	info     int // index of its debug entry
}

// boxed tells whether the variable lives in a cell once captured: one never assigned to is copied into its closures.
func (v *localVar) boxed() bool { return v.captured && v.assigned }

type upvalDesc struct {
	name  string
	local *localVar // of the parent, or nil:
	up    int       // an upvalue of the parent
}

type funcNode struct {
	parent   *funcNode
	params   []*localVar
	vararg   bool
	usesDots bool
	ups      []upvalDesc
	body     []*stmt
	line     int // where it is defined
	lastLine int // of its code
	lines    int // of a main chunk's source, 0 for others
	name     string
}

// byValue tells whether upvalue i is a copy.
func (f *funcNode) byValue(i int) bool {
	u := &f.ups[i]
	if u.local != nil {
		return !u.local.assigned
	}
	return f.parent.byValue(u.up)
}

type stmtKind uint8

const (
	sLocal stmtKind = iota
	sLocalFunction
	sAssign
	sCall
	sDo
	sWhile
	sRepeat
	sIf
	sForNum
	sForIn
	sReturn
	sBreak
	sGoto
	sLabel
)

type stmt struct {
	kind   stmtKind
	line   int
	end    int // line of the end of a block
	vars   []*localVar
	lhs    []*expr
	exprs  []*expr
	body   []*stmt
	conds  []*expr   // sIf: one per arm
	arms   [][]*stmt // sIf: one per condition and perhaps the else
	inLine int       // sForIn: line of what follows the in
	str    string
	label  *label   // sGoto
	labels []*label // sLabel
}

// label is where a goto goes. The compiler fills in pc and the jumps that wait for it.
type label struct {
	name  string
	line  int
	nact  int // locals active at the label
	pc    int
	jumps []int
}
