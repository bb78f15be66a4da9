package vm

import (
	"fmt"
	"runtime/debug"
	"strings"
	"unsafe"

	glua "github.com/yuin/gopher-lua"
)

// Error is a Lua error that nothing in Lua caught.
type Error struct {
	Value     Value
	Traceback string // begins with "stack traceback:\n"; taken where the error was raised
	GoStack   string // when a host function panicked: its Go stack, for the log

	// Coroutines has a traceback without the first line for each coroutine that the error ended on
	// its way, where it was raised first, and last the thread that caught it: "\n\t[C]: in function
	// 'error'\n\tx:1: in main chunk".
	Coroutines []string
}

// Error returns the message.
func (e *Error) Error() string {
	if s, ok := e.Value.ToString(); ok {
		return s
	}
	return "(error object is a " + e.Value.Kind().String() + " value)"
}

// Exit is what Thread.Call returns when Thread.Exit ended the scripts that it ran.
type Exit struct{ Value any }

func (e *Exit) Error() string { return fmt.Sprintf("exit: %v", e.Value) }

// UnwindsLua marks Exit as a panic that passes through every Lua frame.
func (e *Exit) UnwindsLua() {}

// unwinder is a panic value that no pcall may stop.
type unwinder interface{ UnwindsLua() }

// raised is the Go panic that carries a Lua error.
type raised struct {
	v    Value
	from *Error // of the coroutine that it came out of, if any
}

// catchKind tells the innermost protected call of a thread what to gather.
type catchKind uint8

const (
	catchNone   catchKind = iota
	catchPcall            // only the value
	catchXpcall           // run handler while the frames are there
	catchGo               // value and traceback
	catchCo               // the same, at the bottom of a coroutine
)

// Raise raises v as it is. It does not return.
func (t *Thread) Raise(v Value) { panic(raised{v: v}) }

// Errorf raises "chunk:line: text" with the position of the function that called the running host
// function.
func (t *Thread) Errorf(format string, a ...any) {
	panic(raised{v: String(joinWhere(t.Where(1), fmt.Sprintf(format, a...)))})
}

func joinWhere(where, text string) string {
	if where == "" {
		return text
	}
	return where + " " + text
}

// Exit unwinds every Lua frame and coroutine up to the Go Call that began them, which returns
// *Exit. No pcall stops it.
func (t *Thread) Exit(v any) { panic(&Exit{v}) }

// Call calls fn in protected mode. The results are valid until the next call on t. The error is an
// *Error or an *Exit; a panic whose value has the method UnwindsLua passes through.
func (t *Thread) Call(fn Value, args ...Value) ([]Value, error) {
	l := t.l
	base := regs(l).top
	l.Push(fn.lv())
	for _, a := range args {
		l.Push(a.lv())
	}
	before := t.status
	t.status = running
	t.depth++
	e := t.protect(len(args), catchGo, nil)
	t.depth--
	if t.status = before; t.depth == 0 && t.co == nil {
		t.status = dead
	}
	if e != nil {
		return nil, e
	}
	return t.take(base), nil
}

// CallRaw calls fn; an error goes to the surrounding pcall. The results are valid until the next
// call on t.
func (t *Thread) CallRaw(fn Value, args ...Value) []Value {
	l := t.l
	base := regs(l).top
	l.Push(fn.lv())
	for _, a := range args {
		l.Push(a.lv())
	}
	t.checkCallable(base)
	growFrames(l)
	l.Call(len(args), glua.MultRet)
	return t.take(base)
}

// checkCallable raises when the value at a stack index is no function: gopher-lua's own check
// cannot say what it is.
func (t *Thread) checkCallable(base int) {
	v := Value{regs(t.l).array[base]}
	if v.Kind() != KFunction && t.metafield(v, "__call").Kind() != KFunction {
		panic(raised{v: String("attempt to call a " + v.Kind().String() + " value")})
	}
}

// take moves the values above base from the stack to the result window.
func (t *Thread) take(base int) []Value {
	r := regs(t.l)
	n := r.top - base
	if n <= 0 {
		return nil
	}
	window := unsafe.Slice((*Value)(unsafe.Pointer(&r.array[base])), n)
	t.results = append(t.results[:0], window...)
	clear(window)
	r.top = base
	return t.results
}

// protect runs the function and its nargs arguments on top of the stack and leaves the results
// there. After an error the stack is as it was below the function.
func (t *Thread) protect(nargs int, kind catchKind, handler glua.LValue) (failure error) {
	l := t.l
	base := regs(l).top - nargs - 1
	at := currentFrame(l)
	oldKind, oldHandler := t.catching, t.handler
	t.catching, t.handler = kind, handler
	defer func() {
		t.catching, t.handler = oldKind, oldHandler
		p := recover()
		if p == nil {
			return
		}
		switch x := p.(type) {
		case *Exit:
			unwindTo(l, at, base)
			if kind != catchGo {
				panic(p)
			}
			failure = x
			return
		case unwinder:
			unwindTo(l, at, base)
			panic(p)
		}
		failure = t.gather(p, kind, handler)
		unwindTo(l, at, base)
	}()
	t.checkCallable(base)
	growFrames(l)
	l.Call(nargs, glua.MultRet)
	return nil
}

// gather makes an Error of the panic p while the frames that failed are still on the Lua stack.
func (t *Thread) gather(p any, kind catchKind, handler glua.LValue) *Error {
	e := &Error{}
	switch x := p.(type) {
	case raised:
		e.Value = x.v
		if x.from != nil {
			e.Coroutines, e.GoStack = x.from.Coroutines, x.from.GoStack
		}
	case *glua.ApiError:
		e.Value = Value{x.Object}
	case string:
		if x == "lua callstack overflow" { // gopher-lua's panic when it has no frame left
			e.Value = String(joinWhere(t.Where(0), "stack overflow"))
			break
		}
		t.fromPanic(e, p)
	default:
		t.fromPanic(e, p)
	}
	switch kind {
	case catchGo, catchCo:
		var b strings.Builder
		t.trace(&b, 0)
		e.Traceback = "stack traceback:" + b.String()
		e.Coroutines = append(e.Coroutines, b.String())
	case catchXpcall:
		t.handle(e, handler)
	}
	return e
}

// fromPanic makes e of a panic that is no Lua error.
func (t *Thread) fromPanic(e *Error, p any) {
	e.Value, e.GoStack = String(fmt.Sprint(p)), string(debug.Stack())
	if t.vm.onPanic != nil {
		t.vm.onPanic(t, p, e.GoStack)
	}
}

// Room that the handler of an overflow gets.
const (
	spareFrames    = 100
	spareRegisters = 2000
)

// makeRoom drops the innermost frames of a full stack, so that a handler can run.
func (t *Thread) makeRoom() {
	f := currentFrame(t.l)
	limit := len(frames(t.l).segments)*framesPerSegment - spareFrames
	for f != nil && (f.Idx > limit || f.Base > maxRegisters-spareRegisters) {
		base := f.Base
		f = f.Parent
		if f == nil || f.Idx <= limit && f.Base <= maxRegisters-spareRegisters {
			unwindTo(t.l, f, base)
		}
	}
}

// handle replaces e's value by what the handler of xpcall makes of it.
func (t *Thread) handle(e *Error, handler glua.LValue) {
	t.makeRoom()
	base := regs(t.l).top
	t.l.Push(handler)
	t.l.Push(e.Value.lv())
	if err := t.protect(1, catchPcall, nil); err != nil {
		e.Value = String("error in error handling")
		return
	}
	if r := t.take(base); len(r) > 0 {
		e.Value = r[0]
	} else {
		e.Value = Nil
	}
}
