package vm

func (fs *compiler) block(list []*stmt) {
	for _, s := range list {
		fs.stmt(s)
	}
}

func (fs *compiler) stmt(s *stmt) {
	fs.line = s.line
	free := fs.free
	switch s.kind {
	case sLocal:
		fs.localStmt(s)
		return
	case sLocalFunction:
		r := fs.alloc(1)
		fs.declare(s.vars[0], r)
		fs.expr(s.exprs[0], r)
		return
	case sAssign:
		fs.assign(s)
	case sCall:
		fs.call(s.exprs[0], fs.alloc(1), 0)
	case sDo:
		fs.scopedBlock(s.body)
	case sWhile:
		fs.whileStmt(s)
	case sRepeat:
		fs.repeatStmt(s)
	case sIf:
		fs.ifStmt(s)
	case sForNum:
		fs.scope(func() { fs.forNum(s) })
	case sForIn:
		fs.scope(func() { fs.forIn(s) })
	case sReturn:
		fs.returnStmt(s)
	case sBreak:
		l := fs.loops[len(fs.loops)-1]
		fs.closeFrom(l.nact)
		l.breaks = append(l.breaks, fs.jump(opJMP, 0, 0))
	case sGoto:
		l := s.label
		fs.labels = append(fs.labels, l)
		fs.closeFrom(min(l.nact, len(fs.act)))
		if l.pc >= 0 {
			fs.patch(fs.jump(opLOOP, 0, 0), l.pc)
		} else {
			l.jumps = append(l.jumps, fs.jump(opJMP, 0, 0))
		}
	case sLabel:
		for _, l := range s.labels {
			fs.labels = append(fs.labels, l)
			l.pc = fs.pc()
			fs.patchHere(l.jumps)
		}
	}
	fs.free = free
}

func (fs *compiler) localStmt(s *stmt) {
	if len(s.vars) == 1 && len(s.exprs) == 1 {
		r := fs.alloc(1)
		fs.expr(s.exprs[0], r)
		fs.declare(s.vars[0], r)
		return
	}
	base := fs.exprs(s.exprs, len(s.vars))
	fs.free = base + len(s.vars)
	for i, v := range s.vars {
		fs.declare(v, base+i)
	}
}

func (fs *compiler) assign(s *stmt) {
	if len(s.lhs) == 1 && len(s.exprs) == 1 {
		fs.assignOne(s.lhs[0], s.exprs[0])
		return
	}
	// Objects and keys are evaluated first, values next, then stored from the last to the first.
	type place struct{ obj, key int }
	places := make([]place, len(s.lhs))
	for i, l := range s.lhs {
		if l.kind == eIndex {
			places[i].obj = fs.copyReg(l.a)
			places[i].key = fs.copyReg(l.b)
		}
	}
	base := fs.exprs(s.exprs, len(s.lhs))
	fs.line = s.line
	for i := len(s.lhs) - 1; i >= 0; i-- {
		if l := s.lhs[i]; l.kind == eIndex {
			fs.emit(opSETINDEX, places[i].obj*16, places[i].key*16, (base+i)*16)
		} else {
			fs.storeName(l, base+i)
		}
	}
}

// copyReg evaluates into a register of its own: assignments of the same statement must not change it.
func (fs *compiler) copyReg(e *expr) int {
	r := fs.alloc(1)
	fs.expr(e, r)
	return r
}

func (fs *compiler) storeName(l *expr, r int) {
	switch l.kind {
	case eLocal:
		if l.v.reg != r {
			fs.emit(opMOVE, l.v.reg*16, r*16, 0)
		}
	case eUpval:
		fs.emit(opSETUPVAL, r*16, l.up*16, 0)
	case eGlobal:
		k := fs.kStr(l.str)
		if short(k) {
			fs.emit(opSETGLOBAL, r*16, k*16, 0xFFFF)
			return
		}
		fs.emit(opSETGLOBALX, r*16, k&0xFFFF, k>>16)
	}
}

func (fs *compiler) assignOne(l, e *expr) {
	switch l.kind {
	case eLocal:
		if fs.direct(e, l.v) {
			fs.expr(e, l.v.reg)
		} else {
			r := fs.anyReg(e)
			fs.line = l.line
			fs.storeName(l, r)
		}
	case eIndex:
		obj := fs.anyReg(l.a)
		if k, ok := fs.fieldName(l.b); ok {
			r := fs.anyReg(e)
			fs.line = l.line
			fs.emit(opSETFIELD, obj*16, k*16, r*16)
			return
		}
		if n, ok := smallKey(l.b); ok {
			r := fs.anyReg(e)
			fs.line = l.line
			fs.emit(opSETINT, obj*16, n, r*16)
			return
		}
		k := fs.anyReg(l.b)
		r := fs.anyReg(e)
		fs.line = l.line
		fs.emit(opSETINDEX, obj*16, k*16, r*16)
	default:
		r := fs.anyReg(e)
		fs.line = l.line
		fs.storeName(l, r)
	}
}

// direct tells whether an expression may be evaluated right into the register of v: nothing of v is read after
// the first write, and an error leaves it as it was.
func (fs *compiler) direct(e *expr, v *localVar) bool {
	switch e.kind {
	case eAnd, eOr:
		return !v.captured && !mentions(e.b, v) && fs.direct(e.a, v)
	case eTable, eFunction, eCall, eMethod, eDots, eParen:
		return false
	}
	return true
}

// mentions tells whether an expression reads v; calls count, when v is captured they may.
func mentions(e *expr, v *localVar) bool {
	if e == nil {
		return false
	}
	if e.kind == eLocal && e.v == v || e.kind == eFunction {
		return true
	}
	if mentions(e.a, v) || mentions(e.b, v) {
		return true
	}
	for _, x := range e.list {
		if mentions(x, v) {
			return true
		}
	}
	for _, x := range e.keys {
		if mentions(x, v) {
			return true
		}
	}
	return false
}

func (fs *compiler) whileStmt(s *stmt) {
	top := fs.pc()
	exit := fs.cond(s.exprs[0], false)
	fs.enterLoop()
	fs.scopedBlock(s.body)
	fs.patch(fs.jump(opLOOP, 0, 0), top)
	fs.patchHere(exit)
	fs.leaveLoop()
}

func (fs *compiler) repeatStmt(s *stmt) {
	top := fs.pc()
	fs.enterLoop()
	n, free := len(fs.act), fs.free
	fs.block(s.body)
	fs.line = s.end
	exit := fs.cond(s.exprs[0], true)
	fs.closeFrom(n)
	fs.patch(fs.jump(opLOOP, 0, 0), top)
	fs.patchHere(exit)
	fs.closeFrom(n)
	fs.dropLocals(n)
	fs.free = free
	fs.leaveLoop()
}

func (fs *compiler) ifStmt(s *stmt) {
	var ends []int
	for i, c := range s.conds {
		last := i == len(s.arms)-1
		if c.kind == eFalse || c.kind == eNil {
			continue
		}
		skip := fs.cond(c, false)
		fs.scopedBlock(s.arms[i])
		if alwaysTrue(c) {
			fs.patchHere(ends)
			return
		}
		if !last {
			ends = append(ends, fs.jump(opJMP, 0, 0))
		}
		fs.patchHere(skip)
	}
	if len(s.arms) > len(s.conds) {
		fs.scopedBlock(s.arms[len(s.arms)-1])
	}
	fs.patchHere(ends)
}

func alwaysTrue(e *expr) bool {
	switch e.kind {
	case eTrue, eNumber, eString, eTable, eFunction:
		return true
	}
	return false
}

func (fs *compiler) forNum(s *stmt) {
	base := fs.alloc(3)
	fs.expr(s.exprs[0], base)
	fs.expr(s.exprs[1], base+1)
	prepOp, loopOp := opFORPREP, opFORLOOP
	integers := isSmallInt(s.exprs[0])
	if len(s.exprs) == 3 {
		fs.expr(s.exprs[2], base+2)
		integers = integers && isSmallInt(s.exprs[2]) && s.exprs[2].num != 0
	} else {
		fs.loadK(base+2, fs.kNum(1))
	}
	if integers {
		prepOp, loopOp = opFORPREPI, opFORLOOPI
	}
	for i, name := range []string{"(for index)", "(for limit)", "(for step)"} {
		fs.declare(&localVar{name: name}, base+i)
	}
	fs.line = s.line
	prep := fs.emit(prepOp, base*16, 0, 0)
	if fs.far {
		fs.emit(opJMP, 0, 0, 1)
		prep = fs.emit(opJMPX, 0, 0, 0)
	}
	body := fs.pc()
	fs.enterLoop()
	fs.loops[len(fs.loops)-1].nact = len(fs.act)
	fs.scope(func() {
		fs.declare(s.vars[0], fs.alloc(1))
		fs.block(s.body)
	})
	fs.line = s.line
	if fs.far {
		fs.emit(loopOp, base*16, 0, 1)
		fs.emit(opJMP, 0, 0, 1)
		fs.patch(fs.emit(opJMPX, 0, 0, 0), body)
		fs.patch(prep, fs.pc())
	} else {
		fs.patch(prep, fs.pc())
		fs.patch(fs.emit(loopOp, base*16, 0, 0), body)
	}
	fs.leaveLoop()
}

func (fs *compiler) forIn(s *stmt) {
	base := fs.exprs(s.exprs, 3)
	fs.free = base + 3
	for i, name := range []string{"(for generator)", "(for state)", "(for control)"} {
		fs.declare(&localVar{name: name}, base+i)
	}
	fs.line = s.line
	prep := fs.jump(opTFORPREP, base*16, 0)
	body := fs.pc()
	fs.enterLoop()
	fs.scope(func() {
		for _, v := range s.vars {
			fs.declare(v, fs.alloc(1))
		}
		fs.need(base + 6)
		fs.block(s.body)
	})
	fs.line = s.inLine
	fs.patch(prep, fs.pc())
	fs.emit(opTFORCALL, base*16, len(s.vars), 0)
	if fs.far {
		fs.emit(opTFORLOOP, base*16, 0, 1)
		fs.emit(opJMP, 0, 0, 1)
		fs.patch(fs.emit(opJMPX, 0, 0, 0), body)
	} else {
		fs.patch(fs.emit(opTFORLOOP, base*16, 0, 0), body)
	}
	fs.leaveLoop()
}

func (fs *compiler) returnStmt(s *stmt) {
	switch {
	case len(s.exprs) == 0:
		fs.emit(opRETURN0, 0, 0, 0)
	case len(s.exprs) == 1 && (s.exprs[0].kind == eCall || s.exprs[0].kind == eMethod):
		r := fs.alloc(1)
		fs.call(s.exprs[0], r, -1)
		last := &fs.p.codeS[fs.pc()-1]
		last.op = opTAILCALL
		if fs.boxes || fs.anyBoxed() {
			last.x = 1
		}
		fs.emit(opRETURN, r*16, 0, 0) // where a call that could not be turned into a jump goes on
	case len(s.exprs) == 1 && !multi(s.exprs[0]):
		r := fs.anyReg(s.exprs[0])
		fs.line = s.line
		fs.emit(opRETURN1, r*16, 0, 0)
	default:
		base := fs.free
		if fs.args(s.exprs) {
			fs.emit(opRETURN, base*16, 0, 0)
		} else {
			fs.emit(opRETURN, base*16, len(s.exprs)+1, 0)
		}
	}
}

func (fs *compiler) anyBoxed() bool {
	for _, v := range fs.act {
		if v.boxed() {
			return true
		}
	}
	return false
}
