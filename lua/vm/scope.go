package vm

import glua "github.com/yuin/gopher-lua"

// gopher-lua notes where locals begin but not, once registers are used again, where they end. The
// parser knows.

// local is a local variable of a function.
type local struct {
	name string
	reg  int
	last int // line where its scope ends; 0: with the function
}

// scopeKey finds the locals of a compiled function; functions that look alike are told apart by
// their order.
type scopeKey struct{ line, last, params int }

type scopes map[scopeKey][][]local

func (s scopes) add(k scopeKey, locals []local) { s[k] = append(s[k], locals) }

// annotate corrects the debug information of p and its inner functions. Behind the names of the
// upvalues, where nothing else looks, it keeps the full chunk name and the registers of the locals.
func (s scopes) annotate(p *glua.FunctionProto, source string) {
	k := scopeKey{}
	if p.LineDefined != 0 {
		k = scopeKey{p.LineDefined, p.LastLineDefined, int(p.NumParameters)}
	}
	registers := ""
	if found := s[k]; len(found) > 0 && len(found[0]) == len(p.DbgLocals) {
		registers = setScopes(p, found[0])
		s[k] = found[1:]
	}
	p.DbgUpvalues = append(p.DbgUpvalues[:p.NumUpvalues:p.NumUpvalues], source, registers)
	for _, inner := range p.FunctionPrototypes {
		s.annotate(inner, source)
	}
}

func setScopes(p *glua.FunctionProto, locals []local) string {
	registers := make([]byte, len(locals))
	for i, l := range locals {
		registers[i] = byte(l.reg)
		end := len(p.Code)
		for j := i + 1; j < len(locals); j++ {
			if locals[j].reg <= l.reg {
				end = p.DbgLocals[j].StartPc
				break
			}
		}
		for pc := p.DbgLocals[i].StartPc; l.last > 0 && pc < end; pc++ {
			if p.DbgSourcePositions[pc] > l.last {
				end = pc
			}
		}
		p.DbgLocals[i].EndPc = end
	}
	closeAtJumps(p, registers)
	return string(registers)
}

// closeAtJumps corrects what a goto closes. The compiler closes every local of the function; those that are in scope on both
// sides of the jump must stay open.
func closeAtJumps(p *glua.FunctionProto, registers []byte) {
	const maxJump = 0x3ffff >> 1
	for pc := 0; pc+1 < len(p.Code); pc++ {
		op, a, _, _ := decode(p.Code[pc])
		jump, _, _, _ := decode(p.Code[pc+1])
		if op != glua.OP_CLOSE || a != 0 || jump != glua.OP_JMP {
			continue
		}
		target := pc + 2 + int(p.Code[pc+1]&0x3ffff) - maxJump
		for i, v := range p.DbgLocals {
			if v.StartPc <= pc && pc < v.EndPc && v.StartPc <= target && target < v.EndPc {
				a = max(a, int(registers[i])+1)
			}
		}
		p.Code[pc] = p.Code[pc]&^(0xff<<18) | uint32(a)<<18
	}
}

func sourceOf(p *glua.FunctionProto) string {
	if n := int(p.NumUpvalues); n < len(p.DbgUpvalues) {
		return p.DbgUpvalues[n]
	}
	return p.SourceName
}

// localName is the local variable that lives in a register at pc, or "".
func localName(p *glua.FunctionProto, reg, pc int) string {
	n := int(p.NumUpvalues) + 1
	if n >= len(p.DbgUpvalues) {
		return ""
	}
	registers := p.DbgUpvalues[n]
	for i := len(registers) - 1; i >= 0; i-- {
		if v := p.DbgLocals[i]; int(registers[i]) == reg && v.StartPc <= pc && pc < v.EndPc {
			if v.Name[0] == '(' {
				return ""
			}
			return v.Name
		}
	}
	return ""
}
