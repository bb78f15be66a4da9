package vm

import (
	"fmt"
	"strings"

	glua "github.com/yuin/gopher-lua"
)

// raiseGopher is the Panic function of every engine state: it gets the errors of gopher-lua's own
// instructions and says them in LuaJIT's words, with the names of the variables involved.
func raiseGopher(l *glua.LState) {
	v := l.Get(-1)
	text, ok := v.(glua.LString)
	if !ok {
		panic(raised{v: Value{v}})
	}
	t := owner(l)
	_, msg, found := strings.Cut(string(text), ": ")
	if !found {
		msg = strings.TrimSpace(string(text))
	}
	f := currentFrame(l)
	if f == nil || f.Fn.IsG {
		t.hostFault(msg)
	}
	t.fault(f, msg)
}

// hostFault raises the error of an operation that a host function asked for.
func (t *Thread) hostFault(msg string) {
	if rest, ok := strings.CutPrefix(msg, "attempt to index a non-table object("); ok {
		kind, _, _ := strings.Cut(rest, ")")
		msg = "attempt to index a " + kind + " value"
	}
	t.Errorf("%s", plainFault(msg))
}

// fault raises the error of the instruction that f is at.
func (t *Thread) fault(f *frame, msg string) {
	op, a, b, c := glua.OP_NOP, 0, 0, 0
	if pc := f.Pc - 1; pc >= 0 && pc < len(f.Fn.Proto.Code) {
		op, a, b, c = decode(f.Fn.Proto.Code[pc])
	}
	switch {
	case strings.HasPrefix(msg, "attempt to index a non-table"):
		switch op {
		case glua.OP_GETTABLE, glua.OP_GETTABLEKS, glua.OP_SELF:
			t.operandError("index", t.register(f, b), b)
		case glua.OP_SETTABLE, glua.OP_SETTABLEKS:
			t.operandError("index", t.register(f, a), a)
		}
		kind, _, _ := strings.Cut(strings.TrimPrefix(msg, "attempt to index a non-table object("), ")")
		t.vmErrorf("attempt to index a %s value", kind)
	case msg == "attempt to call a non-function object":
		if op == glua.OP_CALL || op == glua.OP_TAILCALL {
			kind, name := loadedName(f, a, f.Pc-1)
			t.namedError("call", kind, name, t.register(f, a))
		}
		if op == glua.OP_TFORLOOP {
			t.vmErrorf("attempt to call a %s value", t.register(f, a).Kind())
		}
		t.vmErrorf("attempt to call a nil value")
	case strings.HasPrefix(msg, "cannot perform "), msg == "__unm undefined":
		if op == glua.OP_UNM {
			c = b
		}
		reg := b
		if _, ok := t.register(f, b).ToNumber(); ok {
			reg = c
		}
		t.operandError("perform arithmetic on", t.register(f, reg), reg)
	case strings.HasPrefix(msg, "attempt to compare "):
		left, right, _ := strings.Cut(strings.TrimPrefix(msg, "attempt to compare "), " with ")
		if left == right {
			t.vmErrorf("attempt to compare two %s values", left)
		}
		t.vmErrorf("attempt to compare %s with %s", left, right)
	case msg == "__len undefined":
		t.operandError("get length of", t.register(f, b), b)
	case strings.HasPrefix(msg, "for statement "):
		t.forError(f, a, msg)
	}
	t.vmErrorf("%s", plainFault(msg))
}

func plainFault(msg string) string {
	switch msg {
	case "registry overflow":
		return "stack overflow"
	case "too many recursions in gettable":
		return "loop in gettable"
	case "too many recursions in settable":
		return "loop in settable"
	}
	return msg
}

func (t *Thread) forError(f *frame, a int, msg string) {
	what := "initial"
	switch {
	case strings.Contains(msg, "limit"):
		what = "limit"
	case strings.Contains(msg, "step"):
		what = "step"
	case t.register(f, a).Kind() == KNumber && t.register(f, a+1).Kind() != KNumber:
		what = "limit"
	}
	if what == "initial" {
		t.vmErrorf("'for' initial value must be a number")
	}
	t.vmErrorf("'for' %s must be a number", what)
}

// vmErrorf raises an error at the current instruction of the running Lua function.
func (t *Thread) vmErrorf(format string, a ...any) {
	panic(raised{v: String(joinWhere(t.Where(0), fmt.Sprintf(format, a...)))})
}

// register reads a register or constant operand of f.
func (t *Thread) register(f *frame, reg int) Value {
	if reg&bitRK != 0 {
		return Value{f.Fn.Proto.Constants[reg&^bitRK]}
	}
	if i := f.LocalBase + reg; i < len(regs(t.l).array) {
		return Value{regs(t.l).array[i]}
	}
	return Nil
}

// operandError raises "attempt to <what> local 'x' (a nil value)".
func (t *Thread) operandError(what string, v Value, reg int) {
	f := currentFrame(t.l)
	kind, name := "", ""
	if reg&bitRK == 0 {
		if kind, name = "local", localName(f.Fn.Proto, reg, f.Pc-1); name == "" {
			kind, name = loadedName(f, reg, f.Pc-1)
		}
	}
	t.namedError(what, kind, name, v)
}

func (t *Thread) namedError(what, kind, name string, v Value) {
	if name != "" {
		t.vmErrorf("attempt to %s %s '%s' (a %s value)", what, kind, name, v.Kind())
	}
	t.vmErrorf("attempt to %s a %s value", what, v.Kind())
}

// loadedName finds what the source calls the temporary value in a register at pc: what the last
// instruction that wrote the register loaded. Jumps in between are not followed.
func loadedName(f *frame, reg, pc int) (kind, name string) {
	p := f.Fn.Proto
	for i := pc - 1; i >= 0; i-- {
		op, a, b, c := decode(p.Code[i])
		if op == glua.OP_SELF && a+1 == reg || op == glua.OP_CALL && reg >= a || op == glua.OP_TFORLOOP && reg >= a+3 {
			return "", ""
		}
		if a != reg || !writes(op) {
			continue
		}
		switch op {
		case glua.OP_MOVE, glua.OP_MOVEN:
			if name := localName(p, b, i); name != "" {
				return "local", name
			}
		case glua.OP_GETGLOBAL:
			return "global", constant(p, int(p.Code[i]&0x3ffff))
		case glua.OP_GETUPVAL:
			if b < len(p.DbgUpvalues) {
				return "upvalue", p.DbgUpvalues[b]
			}
		case glua.OP_GETTABLE, glua.OP_GETTABLEKS:
			if c&bitRK != 0 {
				return "field", constant(p, c&^bitRK)
			}
		case glua.OP_SELF:
			if c&bitRK != 0 {
				return "method", constant(p, c&^bitRK)
			}
		}
		return "", ""
	}
	return "", ""
}

func writes(op int) bool {
	switch op {
	case glua.OP_SETGLOBAL, glua.OP_SETUPVAL, glua.OP_SETTABLE, glua.OP_SETTABLEKS, glua.OP_JMP, glua.OP_EQ, glua.OP_LT, glua.OP_LE,
		glua.OP_TEST, glua.OP_RETURN, glua.OP_SETLIST, glua.OP_CLOSE, glua.OP_NOP, glua.OP_TAILCALL:
		return false
	}
	return true
}

func constant(p *glua.FunctionProto, i int) string {
	if s, ok := p.Constants[i].(glua.LString); ok {
		return string(s)
	}
	return ""
}
