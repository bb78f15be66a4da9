package vm

import "unsafe"

// upval is the cell of a captured variable that is assigned to. While the variable lives on a stack v points there.
type upval struct {
	v      *Value
	closed Value
	next   *upval
	off    uintptr
}

// Function is a function of Lua or of Go. Its address is its identity.
//
// A Lua function is this header and then its upvalues, each a Value: a copy, or a cell (tBox). One of Go is a native,
// which begins with the header, p being nil.
type Function struct {
	p   *Proto
	env *Table
}

type closure = Function

type native struct {
	Function
	fn      Func
	special uint8
	loop    uint8
	id      uint32 // what tostring shows
	name    string
	co      *Thread // of coroutine.wrap
	host    any     // see Function.Host
}

// Functions that the interpreter itself carries out, since they change what runs.
const (
	spNone = iota
	spPcall
	spXpcall
	spResume
	spWrap
	spYield
)

// Functions over which a generic for loops without calling them.
const (
	loopNext = iota + 1
	loopIpairs
)

// Kinds of frames. From kPcall on the frame belongs to no function: something waits there for the result of the one above.
const (
	kVararg = 1
	kSlow   = 2 // the frame below is not that of a Lua function
	kPcall  = 4
	kXpcall = 5
	kThen   = 6  // a function of Go goes on with the results, see CallThen; dst: its arguments
	kMeta   = 8  // the first result goes to dst
	kDrop   = 9  // results are dropped
	kCmp    = 10 // the result decides a comparison; ip: 1 to negate it
	kConcat = 11 // the result is one operand of a concatenation; ip: how many are left
	kEntry  = 16 // a call out of Go
	kCo     = 32 // the bottom of a coroutine
)

const frameSize = 24

// frame is an activation. It has no pointers the collector must see: the function lies in the stack slot before base and
// keeps the code alive that ip points into.
type frame struct {
	base uint32
	dst  uint32  // kVararg: where the function was called; kMeta: destination; kEntry: arguments of the native that called
	ip   uintptr // the instruction that is carried out
	want int16
	kind uint16
}

// set fills a frame in field by field: a literal is put together elsewhere in small stores and copied in large ones, for
// which the processor waits.
func (f *frame) set(base, dst, ip uintptr, want int16, kind uint16) {
	f.base, f.dst, f.ip, f.want, f.kind = uint32(base), uint32(dst), ip, want, kind
}

// Thread is a coroutine, or a thread of the server. Its stacks are on the heap and grow.
type Thread struct {
	stk    unsafe.Pointer // [limit/16]Value
	limit  uintptr        // bytes
	frames unsafe.Pointer
	flimit uintptr
	fo     uintptr // offset of the current frame; -frameSize when there is none
	top    uintptr // end of open results
	ab     uintptr // arguments of the native function that runs, 0 when none does
	an     int
	push   uintptr // where the native pushes next
	open   *upval
	x      *exec
	vm     *VM
	parent *Thread // who resumed it
	maker  *Thread // who created it
	env    *Table  // globals of functions loaded on it
	data   any
	buf    []Value // results of Call
	rdst   uintptr
	ydst   uintptr
	rwant  int16
	ywant  int16
	wrap   bool
	status uint8
	depth  int16 // calls out of Go that are open on it
	root   bool  // started by Go, not by resume
}

const (
	coFresh = iota
	coSuspended
	coRunning
	coDead
	coNormal
)

var statusNames = [...]string{"suspended", "suspended", "running", "dead", "normal"}

// Limits of a thread's stacks. Tracebacks and handlers of an overflow may use the slack.
const (
	maxStackBytes = 16 * 400000
	maxFrames     = 200000
	stackSlack    = 16 * 20000
	maxGoDepth    = 195 // calls out of Go within calls out of Go
)

// exec is what the threads of one chain of resumes share: the one that runs, and the error on its way.
type exec struct {
	cur     *Thread
	vm      *VM
	err     Value
	exit    *Exit
	unwind  any // a panic that no Lua frame may stop
	fatal   bool
	goTrace []byte // of a panic of a Go function
	trace   string
	traces  []string // of the coroutines that the error has ended, see Error.Coroutines
	resAt   uintptr
	resN    int
	then    uintptr // of the CallThen that has just been asked for: its slot and how many arguments
	thenN   int
	budget  int64
	depth   int  // calls out of Go that are open
	nest    int  // coroutines that wait for one another
	over    bool // handling a stack overflow: the slack may be used
	watched bool // the run is one that calls the hook
	turn    bool // the other run is to go on, see raise
	inHook  bool // which no hook observes
	limits
}

func newThread(m *VM, slots, frames int) *Thread {
	st := make([]Value, slots)
	fr := make([]frame, frames)
	return &Thread{stk: unsafe.Pointer(&st[0]), limit: uintptr(slots * 16), frames: unsafe.Pointer(&fr[0]),
		flimit: uintptr(frames * frameSize), fo: ^uintptr(frameSize - 1), vm: m, env: m.globals}
}

func (t *Thread) at(off uintptr) *Value     { return (*Value)(unsafe.Add(t.stk, off)) }
func (t *Thread) fp() *frame                { return (*frame)(unsafe.Add(t.frames, t.fo)) }
func (t *Thread) frameAt(fo uintptr) *frame { return (*frame)(unsafe.Add(t.frames, fo)) }

func (t *Thread) hasFrame() bool                   { return t.fo+frameSize != 0 }
func (t *Thread) slice(off uintptr, n int) []Value { return unsafe.Slice(t.at(off), n) }

// ensure makes room up to end bytes of stack and a little more. false: overflow, with the error set.
func (t *Thread) ensure(end uintptr) bool {
	if end+64 <= t.limit {
		return true
	}
	return t.growStack(end)
}

func (t *Thread) growStack(end uintptr) bool {
	most := uintptr(maxStackBytes)
	if t.x != nil && t.x.over {
		most += stackSlack
	}
	if end+64 > most {
		t.overflow()
		return false
	}
	nl := t.limit * 2
	for nl < end+64 {
		nl *= 2
	}
	nl = min(nl, most)
	ns := make([]Value, nl/16)
	copy(ns, unsafe.Slice((*Value)(t.stk), t.limit/16))
	t.stk = unsafe.Pointer(&ns[0])
	t.limit = nl
	for u := t.open; u != nil; u = u.next {
		u.v = t.at(u.off)
	}
	return true
}

func (t *Thread) overflow() {
	if t.x.over {
		t.x.err = strValue(intern("error in error handling"))
		return
	}
	t.fail("stack overflow")
}

func (t *Thread) pushFrame(base, dst uintptr, want int16, kind uint16) bool {
	if t.fo+2*frameSize > t.flimit && !t.growFrames() {
		return false
	}
	t.fo += frameSize
	ip := uintptr(0)
	if kind < kPcall {
		ip = uintptr(t.at(base - 16).lua().p.entry)
	}
	t.fp().set(base, dst, ip, want, kind)
	return true
}

func (t *Thread) growFrames() bool {
	most := uintptr(maxFrames * frameSize)
	if t.x.over {
		most += most / 10
	}
	if t.flimit >= most {
		t.overflow()
		return false
	}
	n := min(t.flimit*2, most)
	nf := make([]frame, n/frameSize)
	copy(nf, unsafe.Slice((*frame)(t.frames), t.flimit/frameSize))
	t.frames = unsafe.Pointer(&nf[0])
	t.flimit = n / frameSize * frameSize
	return true
}

func (t *Thread) findCell(off uintptr) *upval {
	pp := &t.open
	for *pp != nil && (*pp).off >= off {
		if (*pp).off == off {
			return *pp
		}
		pp = &(*pp).next
	}
	u := &upval{v: t.at(off), off: off, next: *pp}
	*pp = u
	return u
}

// closeCells takes the variables from off on off the stack.
func (t *Thread) closeCells(off uintptr) {
	for u := t.open; u != nil && u.off >= off; u = t.open {
		u.closed.store(u.v)
		u.v = &u.closed
		t.open = u.next
		u.next = nil
	}
}

type closure1 struct {
	Function
	u [1]Value
}
type closure2 struct {
	Function
	u [2]Value
}
type closure3 struct {
	Function
	u [3]Value
}
type closure4 struct {
	Function
	u [4]Value
}
type closure8 struct {
	Function
	u [8]Value
}
type closure16 struct {
	Function
	u [16]Value
}
type closure32 struct {
	Function
	u [32]Value
}
type closureMax struct {
	Function
	u [maxUpvals]Value
}

func newClosure(p *Proto, env *Table) *closure {
	var c *closure
	switch n := len(p.caps); {
	case n == 0:
		c = &closure{}
	case n == 1:
		c = &(&closure1{}).Function
	case n == 2:
		c = &(&closure2{}).Function
	case n == 3:
		c = &(&closure3{}).Function
	case n == 4:
		c = &(&closure4{}).Function
	case n <= 8:
		c = &(&closure8{}).Function
	case n <= 16:
		c = &(&closure16{}).Function
	case n <= 32:
		c = &(&closure32{}).Function
	default:
		c = &(&closureMax{}).Function
	}
	c.p, c.env = p, env
	return c
}

// up gives the slot of an upvalue by its offset in bytes.
func (c *closure) up(off uintptr) *Value {
	return (*Value)(unsafe.Add(unsafe.Pointer(c), unsafe.Sizeof(closure{})+off))
}

// upAt gives the variable behind upvalue i.
func (c *closure) upAt(i int) *Value {
	v := c.up(uintptr(i) * 16)
	if v.n == tBox {
		return (*upval)(v.p).v
	}
	return v
}

func (t *Thread) closureAt(base, a uintptr, ix int) {
	cl := t.at(base - 16).lua()
	p := cl.p.protos[ix]
	nc := newClosure(p, cl.env)
	t.x.alloc(64 + 16*len(p.caps))
	*t.at(base + a) = Value{unsafe.Pointer(nc), tLua}
	for j := range p.caps {
		cd := &p.caps[j]
		d := nc.up(uintptr(j) * 16)
		switch {
		case !cd.local:
			d.store(cl.up(uintptr(cd.off)))
		case cd.boxed:
			*d = Value{unsafe.Pointer(t.findCell(base + uintptr(cd.off))), tBox}
		default:
			d.store(t.at(base + uintptr(cd.off)))
		}
	}
}
