package vm

import "fmt"

// Error is a Lua error that has left all Lua functions. Traceback begins with "stack traceback:\n" and was taken where
// the error was raised. GoStack is the Go stack of a function of Go that panicked, for the log. Fatal says that a limit
// ended the run.
type Error struct {
	Value     Value
	Traceback string
	GoStack   string
	Fatal     bool
	text      string

	// Coroutines has a traceback without the first line for each coroutine that the error ended on its way, where it was
	// raised first, and last the thread that caught it: "\n\t[C]: in function 'error'\n\tx:1: in main chunk".
	Coroutines []string
}

// Error is the message: the value when it is a string or number, else what it is.
func (e *Error) Error() string {
	if e.text != "" {
		return e.text
	}
	if s, ok := e.Value.ToString(); ok {
		return s
	}
	return "(error object is a " + e.Value.Kind().String() + " value)"
}

// Exit is what Call returns when Thread.Exit ended it.
type Exit struct{ Value any }

func (e *Exit) Error() string { return fmt.Sprintf("exit: %v", e.Value) }

// UnwindsLua marks Exit as a panic that passes through every Lua frame.
func (e *Exit) UnwindsLua() {}

// where gives "chunk:line: " of a Lua frame.
func (t *Thread) where(f *frame) string {
	p := t.at(uintptr(f.base) - 16).lua().p
	return fmt.Sprintf("%s:%d: ", shortName(p.chunk), t.lineOf(f, p))
}

// callerPosition is the position that a message of a function of Go begins with: that of the Lua function that called it,
// itself or by a metamethod; "" when none did. Outside a function of Go it is the position of the running function.
func (t *Thread) callerPosition() string {
	if !t.hasFrame() {
		return ""
	}
	fo := t.fo
	f := t.frameAt(fo)
	for f.kind >= kMeta && f.kind <= kConcat {
		fo -= frameSize
		f = t.frameAt(fo)
	}
	if f.kind >= kPcall {
		return ""
	}
	return t.where(f)
}

func (t *Thread) positioned(msg string) string { return t.callerPosition() + msg }

// fail sets the error of an operation of the language; it begins with a position when a Lua function did it.
func (t *Thread) fail(msg string) bool {
	if t.ab == 0 {
		msg = t.positioned(msg)
	}
	t.x.err = String(msg)
	return false
}

// nativeFail sets the error of a special function called at slot.
func (t *Thread) nativeFail(slot uintptr, msg string) bool {
	t.within(slot)
	t.x.err = String(t.positioned(msg))
	return false
}

// within marks the special function at slot as the one that runs, for tracebacks.
func (t *Thread) within(slot uintptr) { t.ab, t.an, t.push = slot+16, 0, slot+16 }

func (t *Thread) argFail(slot uintptr, i int, msg string) bool {
	name, _ := t.calledName()
	return t.nativeFail(slot, fmt.Sprintf("bad argument #%d to '%s' (%s)", i, name, msg))
}

func (t *Thread) typeFail(slot uintptr, i int, want string, n int) bool {
	got := "no value"
	if i <= n {
		got = t.at(slot + uintptr(i)*16).typeName()
	}
	return t.argFail(slot, i, want+" expected, got "+got)
}

// opFail is the error of an operation on a value of the wrong type, with the name of the variable in register off.
func (t *Thread) opFail(what string, v *Value, off int) bool {
	if t.ab == 0 && off >= 0 {
		f := t.fp()
		if f.kind < kPcall {
			p := t.at(uintptr(f.base) - 16).lua().p
			if kind, name := p.slotName(f.pc(p), off/16); kind != "" {
				return t.fail("attempt to " + what + " " + kind + " '" + name + "' (a " + v.typeName() + " value)")
			}
		}
	}
	return t.fail("attempt to " + what + " a " + v.typeName() + " value")
}

// callError is the error of calling what is no function, at slot.
func (t *Thread) callError(v *Value, slot uintptr) bool {
	off := -1
	if t.hasFrame() {
		if f := t.fp(); f.kind < kPcall {
			if op := f.prev().op; op == opCALL || op == opTAILCALL {
				off = int(slot - uintptr(f.base))
			}
		}
	}
	return t.opFail("call", v, off)
}

func (t *Thread) compareFail(a, b *Value) bool {
	x, y := a.typeName(), b.typeName()
	if x == y {
		return t.fail("attempt to compare two " + x + " values")
	}
	return t.fail("attempt to compare " + x + " with " + y)
}
