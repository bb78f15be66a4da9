package vm

import "fmt"

// operands says what a, b and c of each instruction are: r a register, k a constant, u an upvalue, p an inner function,
// j a jump, and a space what needs no verification. Instructions with registers beyond those are in extra.
var operands = [opMax]string{
	opMOVE: "rr ", opLOADK: "rk ", opLOADKX: "r  ", opLOADNIL: "r  ", opLOADBOOL: "r  ",
	opGETUPVAL: "ru ", opGETUPVALV: "ru ", opSETUPVAL: "ru ",
	opGETGLOBAL: "rk ", opSETGLOBAL: "rk ", opGETGLOBALX: "r  ", opSETGLOBALX: "r  ",
	opGETFIELD: "rrk", opSETFIELD: "rkr", opGETINDEX: "rrr", opSETINDEX: "rrr", opGETINT: "rr ", opSETINT: "r r",
	opNEWTABLE: "r  ", opSELF: "rrk",
	opADD: "rrr", opSUB: "rrr", opMUL: "rrr", opDIV: "rrr", opMOD: "rrr", opPOW: "rrr",
	opADDK: "rrk", opSUBK: "rrk", opMULK: "rrk", opDIVK: "rrk", opMODK: "rrk", opPOWK: "rrk",
	opUNM: "rr ", opNOT: "rr ", opLEN: "rr ", opCONCAT: "rr ",
	opJMP: "  j", opLOOP: "  j", opJMPX: "   ", opJF: "r j", opJT: "r j",
	opJLT: "rrj", opJNLT: "rrj", opJLE: "rrj", opJNLE: "rrj", opJEQ: "rrj", opJNE: "rrj",
	opJLTK: "rkj", opJNLTK: "rkj", opJLEK: "rkj", opJNLEK: "rkj", opJGTK: "rkj", opJNGTK: "rkj", opJGEK: "rkj", opJNGEK: "rkj",
	opJEQK: "rkj", opJNEK: "rkj",
	opCALL: "r  ", opTAILCALL: "r  ", opRETURN: "r  ", opRETURNC: "   ", opRETURN0: "   ", opRETURN1: "r  ",
	opFORPREP: "r j", opFORLOOP: "r j", opFORPREPI: "r j", opFORLOOPI: "r j", opTFORPREP: "r j", opTFORCALL: "r  ", opTFORLOOP: "r j",
	opSETLIST: "r  ", opCLOSURE: "rp ", opCLOSE: "r  ", opVARARG: "r  ",
}

// extra is how many registers from a on an instruction uses.
var extra = [opMax]int{opSELF: 2, opFORPREP: 4, opFORLOOP: 4, opFORPREPI: 4, opFORLOOPI: 4, opTFORPREP: 3, opTFORCALL: 6, opTFORLOOP: 4}

// verify holds the code to the function's registers, constants, upvalues and length; all that it finds is a bug of the
// compiler. The instructions that follow one another cannot leave the code: it ends with a return.
func (p *Proto) verify() error {
	n := len(p.codeS)
	if n == 0 || p.codeS[n-1].op < opTAILCALL || p.codeS[n-1].op > opRETURN1 {
		return fmt.Errorf("code of %s:%d does not end with a return", p.chunk, p.line)
	}
	for pc := range p.codeS {
		if what := p.verifyOne(pc); what != "" {
			return fmt.Errorf("%s:%d: instruction %d (%v): %s", p.chunk, p.lines[pc], pc, p.codeS[pc], what)
		}
	}
	return nil
}

func (p *Proto) verifyOne(pc int) string {
	in := &p.codeS[pc]
	if in.op >= opMax {
		return "no such instruction"
	}
	for i, v := range [3]uint16{in.a, in.b, in.c} {
		ok := true
		switch operands[in.op][i] {
		case 'r':
			ok = p.hasRegs(v, 1)
		case 'k':
			ok = v%16 == 0 && int(v/16) < len(p.kS)
		case 'u':
			ok = v%16 == 0 && int(v/16) < len(p.caps)
		case 'p':
			ok = int(v) < len(p.protos)
		case 'j':
			ok = p.hasCode(pc + 1 + int(int16(v)))
		}
		if !ok {
			return "operand " + string("abc"[i])
		}
	}
	switch in.op {
	case opLOADKX, opGETGLOBALX, opSETGLOBALX:
		if int(in.c)<<16|int(in.b) >= len(p.kS) {
			return "constant"
		}
	case opJMPX:
		if !p.hasCode(pc + 1 + int(int32(uint32(in.b)|uint32(in.c)<<16))) {
			return "far jump"
		}
	case opLOADNIL:
		if !p.hasRegs(in.a, int(in.b)) {
			return "registers"
		}
	case opCALL, opTAILCALL:
		if in.b > 0 && !p.hasRegs(in.a, int(in.b)) || in.op == opCALL && in.c > 1 && !p.hasRegs(in.a, int(in.c)-1) {
			return "registers"
		}
	}
	if n := extra[in.op]; n > 0 && !p.hasRegs(in.a, n) {
		return "registers"
	}
	return ""
}

func (p *Proto) hasRegs(off uint16, n int) bool {
	return off%16 == 0 && uintptr(off)+uintptr(n)*16 <= p.frame
}

func (p *Proto) hasCode(pc int) bool { return pc >= 0 && pc < len(p.codeS) }
