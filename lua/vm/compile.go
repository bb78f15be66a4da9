package vm

import (
	"fmt"
	"math"
	"unsafe"
)

// maxRegs bounds the registers of a function, as LuaJIT's LJ_MAX_SLOTS.
const maxRegs = 250

// compiler is the state of one function while its code is made.
type compiler struct {
	p      *Proto
	n      *funcNode
	parent *compiler
	act    []*localVar
	free   int // first free register
	kmap   map[constKey]int
	loops  []*loopState
	labels []*label // seen, to be reset when the function is compiled again
	line   int
	far    bool // jumps are too long for 16 bits: all go over opJMPX
	boxes  bool // some local lives in a cell
}

type constKey struct {
	n uint64
	s string
}

type loopState struct {
	breaks []int
	nact   int
}

// tooFar is thrown when a jump does not fit: the function is compiled again with far jumps.
type tooFar struct{}

func compileFunction(parent *compiler, n *funcNode, chunk string) *Proto {
	if p := tryCompile(parent, n, chunk, false); p != nil {
		return p
	}
	return tryCompile(parent, n, chunk, true)
}

func tryCompile(parent *compiler, n *funcNode, chunk string, far bool) (p *Proto) {
	fs := &compiler{n: n, parent: parent, kmap: map[constKey]int{}, line: n.line, far: far}
	fs.p = &Proto{chunk: chunk, name: n.name, nparams: len(n.params), vararg: n.vararg, line: n.line, lastLine: max(n.lastLine, n.lines)}
	defer func() {
		if r := recover(); r != nil {
			if _, is := r.(tooFar); !is || far {
				panic(r)
			}
			for _, l := range fs.labels {
				l.pc, l.jumps = -1, nil
			}
			p = nil
		}
	}()
	for _, v := range n.params {
		fs.declare(v, fs.alloc(1))
	}
	fs.block(n.body)
	return fs.finish()
}

func (fs *compiler) finish() *Proto {
	p := fs.p
	fs.line = fs.n.lastLine
	if fs.boxes {
		fs.emit(opRETURNC, 0, 1, 0)
	} else {
		fs.emit(opRETURN0, 0, 0, 0)
	}
	for i := range p.locals {
		if p.locals[i].end < 0 {
			p.locals[i].end = fs.pc()
		}
	}
	if fs.boxes {
		for i := range p.codeS {
			switch in := &p.codeS[i]; in.op {
			case opRETURN:
				in.op = opRETURNC
			case opRETURN0:
				in.op, in.b = opRETURNC, 1
			case opRETURN1:
				in.op, in.b = opRETURNC, 2
			}
		}
	}
	p.setCode(p.codeS)
	if len(p.kS) == 0 {
		p.kS = make([]Value, 1)
	}
	p.k = unsafe.Pointer(&p.kS[0])
	p.frame += 16 * 5 // metamethod calls put the function and its arguments behind the registers
	for _, u := range fs.n.ups {
		p.upNames = append(p.upNames, u.name)
	}
	for i := range fs.n.ups {
		u := &fs.n.ups[i]
		if u.local != nil {
			p.caps = append(p.caps, capture{local: true, boxed: !fs.n.byValue(i), off: uint16(u.local.reg * 16)})
		} else {
			p.caps = append(p.caps, capture{boxed: !fs.n.byValue(i), off: uint16(u.up * 16)})
		}
	}
	if checked {
		if err := p.verify(); err != nil {
			panic(err)
		}
	}
	return p
}

func (fs *compiler) fail(format string, args ...any) {
	panic(&SyntaxError{fmt.Sprintf("%s:%d: %s", shortName(fs.p.chunk), fs.line, fmt.Sprintf(format, args...))})
}

func (fs *compiler) pc() int { return len(fs.p.codeS) }

func (fs *compiler) emit(op uint8, a, b, c int) int {
	fs.p.codeS = append(fs.p.codeS, ins{op: op, a: uint16(a), b: uint16(b), c: uint16(c)})
	fs.p.lines = append(fs.p.lines, int32(fs.line))
	return len(fs.p.codeS) - 1
}

// jump emits a jump to be patched and gives its position.
func (fs *compiler) jump(op uint8, a, b int) int {
	if !fs.far {
		return fs.emit(op, a, b, 0)
	}
	if op != opJMP && op != opLOOP {
		fs.emit(op, a, b, 1)
		fs.emit(opJMP, 0, 0, 1)
	}
	return fs.emit(opJMPX, 0, 0, 0)
}

func (fs *compiler) patch(j, to int) {
	d := to - (j + 1)
	in := &fs.p.codeS[j]
	if in.op == opJMPX {
		in.b, in.c = uint16(d), uint16(uint32(d)>>16)
		return
	}
	if d < -32768 || d > 32767 {
		panic(tooFar{})
	}
	in.c = uint16(int16(d))
}

func (fs *compiler) patchHere(l []int) {
	for _, j := range l {
		fs.patch(j, fs.pc())
	}
}

func (fs *compiler) alloc(n int) int {
	r := fs.free
	fs.free += n
	fs.need(fs.free)
	return r
}

func (fs *compiler) need(regs int) {
	if uintptr(regs*16) > fs.p.frame {
		fs.p.frame = uintptr(regs * 16)
	}
	if regs > maxRegs+6 {
		fs.fail("function or expression too complex")
	}
}

func (fs *compiler) addConst(key constKey, v func() Value) int {
	if i, ok := fs.kmap[key]; ok {
		return i
	}
	i := len(fs.p.kS)
	fs.p.kS = append(fs.p.kS, v())
	fs.kmap[key] = i
	return i
}

func (fs *compiler) kNum(f float64) int {
	v := Number(f)
	return fs.addConst(constKey{n: v.n}, func() Value { return v })
}

func (fs *compiler) kStr(s string) int {
	return fs.addConst(constKey{n: tStr, s: s}, func() Value { return strValue(intern(s)) })
}

// short tells whether a constant can be an operand.
func short(k int) bool { return k < 4096 }

func (fs *compiler) loadK(r, k int) {
	if short(k) {
		fs.emit(opLOADK, r*16, k*16, 0)
	} else {
		fs.emit(opLOADKX, r*16, k&0xFFFF, k>>16)
	}
}

func (fs *compiler) declare(v *localVar, reg int) {
	v.reg = reg
	v.info = len(fs.p.locals)
	fs.act = append(fs.act, v)
	fs.p.locals = append(fs.p.locals, localInfo{v.name, reg, fs.pc(), -1})
	if v.boxed() {
		fs.boxes = true
	}
}

// closeFrom emits what closes the cells of the locals from n on, if there are any.
func (fs *compiler) closeFrom(n int) {
	for _, v := range fs.act[n:] {
		if v.boxed() {
			fs.emit(opCLOSE, v.reg*16, 0, 0)
			return
		}
	}
}

func (fs *compiler) dropLocals(n int) {
	for _, v := range fs.act[n:] {
		fs.p.locals[v.info].end = fs.pc()
	}
	fs.act = fs.act[:n]
}

func (fs *compiler) scope(body func()) {
	n, free := len(fs.act), fs.free
	body()
	fs.closeFrom(n)
	fs.dropLocals(n)
	fs.free = free
}

func (fs *compiler) scopedBlock(b []*stmt) { fs.scope(func() { fs.block(b) }) }

func (fs *compiler) enterLoop() { fs.loops = append(fs.loops, &loopState{nact: len(fs.act)}) }

func (fs *compiler) leaveLoop() {
	l := fs.loops[len(fs.loops)-1]
	fs.loops = fs.loops[:len(fs.loops)-1]
	fs.patchHere(l.breaks)
}

// isSmallInt tells whether an expression is an integer constant for which the counting loop of integers may be used.
func isSmallInt(e *expr) bool {
	return e.kind == eNumber && e.num == math.Trunc(e.num) && math.Abs(e.num) < 1<<31
}
