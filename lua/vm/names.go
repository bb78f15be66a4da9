package vm

import "unsafe"

// pc is the index of the instruction that a frame carries out.
func (f *frame) pc(p *Proto) int {
	return (int(f.ip) - int(uintptr(p.code))) / insSize
}

func (t *Thread) lineOf(f *frame, p *Proto) int {
	pc := max(f.pc(p), 0)
	if pc >= len(p.lines) {
		return -1
	}
	return int(p.lines[pc])
}

// localAt names the local variable in register reg at instruction pc, "" when there is none.
func (p *Proto) localAt(pc, reg int) string {
	for i := len(p.locals) - 1; i >= 0; i-- {
		if l := &p.locals[i]; l.reg == reg && l.start <= pc && pc < l.end {
			return l.name
		}
	}
	return ""
}

func (p *Proto) konst(off uint16) string { return p.kS[off/16].Str() }

// slotName tells what the value in a register is called: the local variable, or what the last instruction that wrote
// the register read.
func (p *Proto) slotName(pc, reg int) (kind, name string) {
restart:
	if n := p.localAt(pc, reg); n != "" {
		return "local", n
	}
	for pc--; pc >= 0; pc-- {
		in := &p.codeS[pc]
		a := int(in.a) / 16
		switch in.op {
		case opCALL, opTAILCALL, opVARARG, opTFORCALL:
			if reg >= a {
				return "", ""
			}
			continue
		case opLOADNIL:
			if reg >= a && reg < a+int(in.b) {
				return "", ""
			}
			continue
		case opSELF:
			if reg == a {
				return "method", p.konst(in.c)
			}
			if reg == a+1 {
				reg = int(in.b) / 16
				goto restart
			}
			continue
		}
		if a != reg || !writesA(in.op) {
			continue
		}
		switch in.op {
		case opMOVE:
			reg = int(in.b) / 16
			goto restart
		case opGETGLOBAL:
			return "global", p.konst(in.b)
		case opGETGLOBALX:
			return "global", p.kS[int(in.c)<<16|int(in.b)].Str()
		case opGETFIELD:
			return "field", p.konst(in.c)
		case opGETUPVAL, opGETUPVALV:
			if i := int(in.b) / 16; i < len(p.upNames) {
				return "upvalue", p.upNames[i]
			}
		}
		return "", ""
	}
	return "", ""
}

// writesA tells whether an instruction writes register a and nothing else.
func writesA(op uint8) bool {
	switch op {
	case opSETUPVAL, opSETGLOBAL, opSETGLOBALX, opSETFIELD, opSETINDEX, opSETINT, opSETLIST, opCLOSE, opJMP, opLOOP, opJMPX,
		opRETURN, opRETURNC, opRETURN0, opRETURN1, opTFORPREP, opTFORLOOP:
		return false
	}
	return op < opJF || op > opJNEK
}

var mmNames = map[uint8]string{opGETFIELD: "__index", opGETINDEX: "__index", opGETINT: "__index", opSELF: "__index", opGETGLOBAL: "__index",
	opGETGLOBALX: "__index", opSETFIELD: "__newindex", opSETINDEX: "__newindex", opSETINT: "__newindex", opSETGLOBAL: "__newindex",
	opSETGLOBALX: "__newindex", opADD: "__add", opSUB: "__sub", opMUL: "__mul", opDIV: "__div", opMOD: "__mod", opPOW: "__pow",
	opADDK: "__add", opSUBK: "__sub", opMULK: "__mul", opDIVK: "__div", opMODK: "__mod", opPOWK: "__pow", opUNM: "__unm",
	opLEN: "__len", opCONCAT: "__concat", opJLT: "__lt", opJNLT: "__lt", opJLE: "__le", opJNLE: "__le", opJEQ: "__eq", opJNE: "__eq"}

// nameOfCall tells how a Lua frame calls what runs above it.
func (t *Thread) nameOfCall(f *frame) (kind, name string) {
	p := t.at(uintptr(f.base) - 16).lua().p
	in := f.prev()
	switch in.op {
	case opCALL, opTAILCALL:
		return p.slotName(f.pc(p), int(in.a)/16)
	case opTFORCALL:
		return p.slotName(f.pc(p), int(in.a)/16)
	}
	if n := mmNames[in.op]; n != "" {
		return "metamethod", n
	}
	return "", ""
}

// calledName is the name in messages of the function of Go that runs, "?" when no Lua code called it.
func (t *Thread) calledName() (name, kind string) {
	if t.hasFrame() {
		fo := t.fo
		f := t.frameAt(fo)
		for f.kind >= kMeta && f.kind <= kConcat {
			fo -= frameSize
			f = t.frameAt(fo)
		}
		if f.kind < kPcall {
			if kind, name = t.nameOfCall(f); kind != "" {
				return name, kind
			}
		}
	}
	return "?", ""
}

// address is what tostring shows of an object.
func address(p unsafe.Pointer) uintptr { return uintptr(p) }
