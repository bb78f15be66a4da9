package vm

func multi(e *expr) bool { return e.kind == eCall || e.kind == eMethod || e.kind == eDots }

// fieldName gives the constant of a string key.
func (fs *compiler) fieldName(e *expr) (int, bool) {
	if e.kind != eString {
		return 0, false
	}
	k := fs.kStr(e.str)
	return k, short(k)
}

// smallKey gives an integer key that fits an operand.
func smallKey(e *expr) (int, bool) {
	if e.kind != eNumber || e.num < 1 || e.num > 65535 {
		return 0, false
	}
	n := int(e.num)
	return n, float64(n) == e.num
}

// exprs evaluates into consecutive new registers, adjusted to n values.
func (fs *compiler) exprs(es []*expr, n int) int {
	base := fs.free
	for i, e := range es {
		if i == len(es)-1 && multi(e) && n > i+1 {
			fs.multiTo(e, n-i)
			if fs.free < base+n {
				fs.alloc(base + n - fs.free)
			}
			return base
		}
		fs.expr(e, fs.alloc(1))
	}
	if len(es) < n {
		r := fs.alloc(n - len(es))
		fs.emit(opLOADNIL, r*16, n-len(es), 0)
	}
	return base
}

// multiTo evaluates a call or ... into new registers; want -1 leaves all values up to the top.
func (fs *compiler) multiTo(e *expr, want int) {
	r := fs.alloc(1)
	if e.kind == eDots {
		fs.emit(opVARARG, r*16, want+1, 0)
		if want > 1 {
			fs.need(r + want)
		}
		return
	}
	fs.call(e, r, want)
}

// args evaluates into consecutive new registers and tells whether the last one is open.
func (fs *compiler) args(es []*expr) bool {
	for i, e := range es {
		if i == len(es)-1 && multi(e) {
			fs.multiTo(e, -1)
			return true
		}
		fs.expr(e, fs.alloc(1))
	}
	return false
}

// call compiles a call with its function in r, the last register in use; want results (-1: all) land at r.
func (fs *compiler) call(e *expr, r, want int) {
	n := len(e.list)
	if e.kind == eMethod {
		obj := fs.anyReg(e.a)
		fs.free = r + 1
		fs.alloc(1)
		fs.line = e.line
		k := fs.kStr(e.str)
		if short(k) {
			fs.emit(opSELF, r*16, obj*16, k*16)
		} else {
			fs.emit(opMOVE, (r+1)*16, obj*16, 0)
			t := fs.alloc(1)
			fs.loadK(t, k)
			fs.emit(opGETINDEX, r*16, (r+1)*16, t*16)
			fs.free = t
		}
		n++
	} else {
		fs.expr(e.a, r)
		fs.free = r + 1
	}
	open := fs.args(e.list)
	fs.line = e.line
	if open {
		n = -1
	}
	fs.emit(opCALL, r*16, n+1, want+1)
	fs.free = r + 1
	if want > 1 {
		fs.need(r + want)
	}
}

// anyReg gives a register that holds the value: that of a local, or a new one.
func (fs *compiler) anyReg(e *expr) int {
	if e.kind == eLocal {
		return e.v.reg
	}
	if e.kind == eParen && e.a.kind == eLocal {
		return e.a.v.reg
	}
	r := fs.alloc(1)
	fs.expr(e, r)
	return r
}

// expr evaluates an expression into register r.
func (fs *compiler) expr(e *expr, r int) {
	free := fs.free
	switch e.kind {
	case eNil:
		fs.emit(opLOADNIL, r*16, 1, 0)
	case eTrue:
		fs.emit(opLOADBOOL, r*16, tTrue, 0)
	case eFalse:
		fs.emit(opLOADBOOL, r*16, tFalse, 0)
	case eNumber:
		fs.loadK(r, fs.kNum(e.num))
	case eString:
		fs.loadK(r, fs.kStr(e.str))
	case eDots:
		fs.emit(opVARARG, r*16, 2, 0)
	case eFunction:
		fs.function(e, r)
	case eLocal:
		if e.v.reg != r {
			fs.emit(opMOVE, r*16, e.v.reg*16, 0)
		}
	case eUpval:
		op := opGETUPVAL
		if fs.n.byValue(e.up) {
			op = opGETUPVALV
		}
		fs.emit(op, r*16, e.up*16, 0)
	case eGlobal:
		fs.line = e.line
		if k := fs.kStr(e.str); short(k) {
			fs.emit(opGETGLOBAL, r*16, k*16, 0xFFFF)
		} else {
			fs.emit(opGETGLOBALX, r*16, k&0xFFFF, k>>16)
		}
	case eIndex:
		fs.index(e, r)
	case eCall, eMethod:
		t := fs.free - 1
		if r != t || fs.isLocal(r) {
			t = fs.alloc(1)
		}
		fs.call(e, t, 1)
		if t != r {
			fs.emit(opMOVE, r*16, t*16, 0)
		}
	case eTable:
		fs.table(e, r)
	case eParen:
		fs.expr(e.a, r)
	case eNot, eCompare:
		fs.boolTo(e, r)
	case eMinus, eLen:
		op := opUNM
		if e.kind == eLen {
			op = opLEN
		}
		a := fs.anyReg(e.a)
		fs.line = e.line
		fs.emit(op, r*16, a*16, 0)
	case eAnd, eOr:
		fs.logical(e, r)
	case eConcat:
		base := fs.free
		for _, x := range e.list {
			fs.expr(x, fs.alloc(1))
		}
		fs.line = e.line
		fs.emit(opCONCAT, r*16, base*16, len(e.list))
	case eArith:
		fs.arith(e, r)
	}
	fs.free = free
}

func (fs *compiler) index(e *expr, r int) {
	obj := fs.anyReg(e.a)
	if k, ok := fs.fieldName(e.b); ok {
		fs.line = e.line
		fs.emit(opGETFIELD, r*16, obj*16, k*16)
		return
	}
	if n, ok := smallKey(e.b); ok {
		fs.line = e.line
		fs.emit(opGETINT, r*16, obj*16, n)
		return
	}
	k := fs.anyReg(e.b)
	fs.line = e.line
	fs.emit(opGETINDEX, r*16, obj*16, k*16)
}

func (fs *compiler) arith(e *expr, r int) {
	a := fs.anyReg(e.a)
	if e.b.kind == eNumber {
		if k := fs.kNum(e.b.num); short(k) {
			fs.line = e.line
			fs.emit(e.op+(opADDK-opADD), r*16, a*16, k*16)
			return
		}
	}
	b := fs.anyReg(e.b)
	fs.line = e.line
	fs.emit(e.op, r*16, a*16, b*16)
}

func (fs *compiler) isLocal(r int) bool {
	for i := len(fs.act) - 1; i >= 0; i-- {
		if fs.act[i].reg == r {
			return true
		}
	}
	return false
}

// logical compiles "and" and "or" for their value.
func (fs *compiler) logical(e *expr, r int) {
	// (a and b) or c: a false a goes straight to c
	if e.kind == eOr && e.a.kind == eAnd {
		skip := fs.cond(e.a.a, false)
		fs.expr(e.a.b, r)
		var end int
		if alwaysTrue(e.a.b) {
			end = fs.jump(opJMP, 0, 0)
		} else {
			end = fs.jump(opJT, r*16, 0)
		}
		fs.patchHere(skip)
		fs.expr(e.b, r)
		fs.patch(end, fs.pc())
		return
	}
	want := e.kind == eOr
	if boolean(e.a) {
		js := fs.cond(e.a, want)
		fs.expr(e.b, r)
		end := fs.jump(opJMP, 0, 0)
		fs.patchHere(js)
		v := tFalse
		if want {
			v = tTrue
		}
		fs.emit(opLOADBOOL, r*16, v, 0)
		fs.patch(end, fs.pc())
		return
	}
	fs.expr(e.a, r)
	op := opJF
	if want {
		op = opJT
	}
	j := fs.jump(op, r*16, 0)
	fs.expr(e.b, r)
	fs.patch(j, fs.pc())
}

// boolean tells whether the value can only be true or false.
func boolean(e *expr) bool {
	switch e.kind {
	case eCompare, eNot:
		return true
	case eAnd, eOr:
		return boolean(e.a) && boolean(e.b)
	}
	return false
}

func (fs *compiler) boolTo(e *expr, r int) {
	f := fs.cond(e, false)
	fs.emit(opLOADBOOL, r*16, tTrue, 0)
	end := fs.jump(opJMP, 0, 0)
	fs.patchHere(f)
	fs.emit(opLOADBOOL, r*16, tFalse, 0)
	fs.patch(end, fs.pc())
}

// openList marks the SETLIST of values whose number is known when it is carried out; the rest of x is how far the array
// part reaches at least.
const openList = 128

// batch is how many positional values of a constructor are stored at once.
const batch = 50

func (fs *compiler) table(e *expr, r int) {
	na, nh := 0, 0
	var constants keyCount
	for i, k := range e.keys {
		if k == nil {
			na++
			if c := e.list[i].kind; c > eNil && c <= eString {
				constants.add(na)
			}
		} else {
			nh++
		}
	}
	na = max(na, min(constants.size(), maxWiden)) // see holes.go
	open := 0
	if l := len(e.list); l > 0 && e.keys[l-1] == nil && multi(e.list[l-1]) {
		if open = min(max(na, 2), 127); na <= open {
			na = 0 // how many they are is known later
		}
	}
	line := e.line
	fs.line = line
	shape := fs.shape(e)
	if shape != nil {
		in := fs.emit(opNEWTABLE, r*16, min(na, 65535), len(fs.p.shapes))
		fs.p.codeS[in].x = 1
		fs.p.shapes = append(fs.p.shapes, shape)
	} else {
		fs.emit(opNEWTABLE, r*16, min(na, 65535), min(nh, 65535))
	}
	base := fs.free
	n, done := 0, 0
	flush := func(count int) {
		in := fs.emit(opSETLIST, r*16, base*16, done)
		fs.p.codeS[in].x = uint8(count)
		fs.free = base
		n = 0
		done++
		if done > 65535 {
			fs.fail("function or expression too complex")
		}
	}
	for i, v := range e.list {
		k := e.keys[i]
		fs.line = v.line
		if k == nil {
			if i == len(e.list)-1 && multi(v) {
				fs.multiTo(v, -1)
				fs.line = line
				flush(openList | open)
				return
			}
			fs.expr(v, fs.alloc(1))
			if n++; n == batch {
				flush(n)
			}
			continue
		}
		free := fs.free
		if c, ok := fs.fieldName(k); ok {
			b := fs.anyReg(v)
			in := fs.emit(opSETFIELD, r*16, c*16, b*16)
			if shape != nil {
				fs.p.codeS[in].x = uint8(shape.position(shape.findStr(intern(k.str))))
			}
		} else {
			kr := fs.anyReg(k)
			b := fs.anyReg(v)
			fs.emit(opSETINDEX, r*16, kr*16, b*16)
		}
		fs.free = free
	}
	if n > 0 {
		flush(n)
	}
}

// maxShape bounds the keys of a constructor that are laid out when it is compiled.
const maxShape = 64

// shape makes the table that a constructor with constant names begins with: its keys are there, each with a value that
// will be replaced. nil when it has none, or other keys.
func (fs *compiler) shape(e *expr) *Table {
	n := 0
	for _, k := range e.keys {
		if k == nil {
			continue
		}
		if n++; k.kind != eString || n > maxShape || len(fs.p.shapes) > 60000 {
			return nil
		}
	}
	if n == 0 {
		return nil
	}
	t := newTable(0, n)
	for _, k := range e.keys {
		if k != nil {
			key, v := strValue(intern(k.str)), Value{n: tFalse}
			t.setHash(&key, &v)
		}
	}
	return t
}

// cond emits jumps that are taken when the truth of e is want, and falls through otherwise.
func (fs *compiler) cond(e *expr, want bool) []int {
	free := fs.free
	defer func() { fs.free = free }()
	switch e.kind {
	case eParen:
		if e.a.kind != eDots {
			return fs.cond(e.a, want)
		}
	case eNot:
		return fs.cond(e.a, !want)
	case eTrue, eNumber, eString:
		if !want {
			return nil
		}
		return []int{fs.jump(opJMP, 0, 0)}
	case eNil, eFalse:
		if want {
			return nil
		}
		return []int{fs.jump(opJMP, 0, 0)}
	case eAnd, eOr:
		if (e.kind == eAnd) != want { // either side decides
			a := fs.cond(e.a, want)
			return append(a, fs.cond(e.b, want)...)
		}
		skip := fs.cond(e.a, !want)
		j := fs.cond(e.b, want)
		fs.patchHere(skip)
		return j
	case eCompare:
		return fs.compare(e, want)
	}
	r := fs.anyReg(e)
	op := opJF
	if want {
		op = opJT
	}
	return []int{fs.jump(op, r*16, 0)}
}

func (fs *compiler) compare(e *expr, want bool) []int {
	neg := uint8(0)
	if !want {
		neg = 1
	}
	if e.op == cmpEq || e.op == cmpNe {
		if e.op == cmpNe {
			neg ^= 1
		}
		l, rt := e.a, e.b
		if constOperand(l) && !constOperand(rt) {
			l, rt = rt, l
		}
		a := fs.anyReg(l)
		k := -1
		switch rt.kind {
		case eNumber:
			k = fs.kNum(rt.num)
		case eString:
			k = fs.kStr(rt.str)
		case eNil, eTrue, eFalse:
			k = fs.addConst(constKey{n: uint64(rt.kind)}, func() Value { return Value{n: uint64([]uint64{tNil, tTrue, tFalse}[rt.kind])} })
		}
		if k >= 0 && short(k) {
			fs.line = e.line
			return []int{fs.jump(opJEQK+neg, a*16, k*16)}
		}
		b := fs.anyReg(rt)
		fs.line = e.line
		return []int{fs.jump(opJEQ+neg, a*16, b*16)}
	}
	if e.b.kind == eNumber {
		if k := fs.kNum(e.b.num); short(k) {
			a := fs.anyReg(e.a)
			op := [...]uint8{cmpLt: opJLTK, cmpLe: opJLEK, cmpGt: opJGTK, cmpGe: opJGEK}[e.op]
			fs.line = e.line
			return []int{fs.jump(op+neg, a*16, k*16)}
		}
	}
	a := fs.anyReg(e.a)
	b := fs.anyReg(e.b)
	op := e.op
	if op == cmpGt || op == cmpGe {
		a, b = b, a
		op -= 2
	}
	code := opJLT
	if op == cmpLe {
		code = opJLE
	}
	fs.line = e.line
	return []int{fs.jump(code+neg, a*16, b*16)}
}

func constOperand(e *expr) bool {
	switch e.kind {
	case eNumber, eString, eNil, eTrue, eFalse:
		return true
	}
	return false
}

func (fs *compiler) function(e *expr, r int) {
	p := compileFunction(fs, e.fn, fs.p.chunk)
	fs.p.protos = append(fs.p.protos, p)
	n := len(fs.p.protos) - 1
	if n > 65535 {
		fs.fail("function or expression too complex")
	}
	fs.line = e.fn.lastLine
	fs.emit(opCLOSURE, r*16, n, 0)
}
