package vm

import (
	"fmt"
	"strings"
	"unsafe"
)

// VM gives the thread's VM.
func (t *Thread) VM() *VM { return t.vm }

// Data is what SetData stored: it belongs to the host. A coroutine inherits it from the thread that makes it.
func (t *Thread) Data() any { return t.data }

// SetData stores a value of the host.
func (t *Thread) SetData(v any) { t.data = v }

// Parent is the thread that made this one with coroutine.create, or nil.
func (t *Thread) Parent() *Thread { return t.maker }

// Resumer is the thread that resumed this one and waits for it, or nil.
func (t *Thread) Resumer() *Thread { return t.parent }

// Running is the coroutine that runs in place of the thread, which has resumed it or whose coroutine has; the thread
// itself when there is none.
func (t *Thread) Running() *Thread {
	if t.x == nil || t.x.cur == nil {
		return t
	}
	return t.x.cur
}

// SameRun tells whether t and o belong to the same chain of coroutines, begun by one call out of Go.
func (t *Thread) SameRun(o *Thread) bool { return t.x != nil && t.x == o.x }

// root0 gives what bounds the thread: that of its chain.
func (t *Thread) root0() *exec {
	if t.x == nil {
		t.x = t.vm.newExec()
	}
	return t.x
}

// push puts a call on the stack.
func (t *Thread) pushCall(fn *Value, args []Value) (slot uintptr, ok bool) {
	t.root0()
	slot = t.safeTop()
	if !t.ensure(slot + uintptr(len(args)+2)*16) {
		return slot, false
	}
	*t.at(slot) = *fn
	for i := range args {
		t.at(slot + uintptr(i+1)*16).set(&args[i])
	}
	return slot, true
}

// Call calls a function, protected. A thread of the host is dead after its outermost Call, but may be called again. The results are valid until the next call on t. The error is *Error, or *Exit when
// Thread.Exit was called.
func (t *Thread) Call(fn Value, args ...Value) ([]Value, error) {
	slot, ok := t.pushCall(&fn, args)
	x := t.x
	status := t.status
	if t.root {
		t.status = coRunning
	}
	x.trace, x.goTrace, x.traces = "", nil, nil
	ok = ok && t.call(slot, len(args), true)
	if t.root {
		if t.status = status; t.depth == 0 {
			t.status = coDead
		}
	}
	if !ok {
		return nil, t.callFailed()
	}
	return t.results(), nil
}

func (t *Thread) results() []Value {
	x := t.x
	t.buf = append(t.buf[:0], t.slice(x.resAt, x.resN)...)
	for i := range t.buf { // stale pointers must not get out
		if v := &t.buf[i]; v.n <= tTrue || v.n > maxTag {
			v.p = nil
		}
	}
	return t.buf
}

// callFailed gives the error that is on its way, or throws the panic that is.
func (t *Thread) callFailed() error {
	x := t.x
	if u := x.unwind; u != nil {
		x.unwind = nil
		panic(u)
	}
	if e := x.exit; e != nil {
		x.exit = nil
		return e
	}
	e := &Error{Value: x.err, Traceback: x.trace, GoStack: string(x.goTrace), Coroutines: x.traces, Fatal: x.fatal}
	x.err, x.trace, x.goTrace, x.traces = Value{}, "", nil, nil
	if t.depth == 0 {
		x.fatal = false
	}
	if e.Value.n == tTable || e.Value.n == tUser {
		if h := t.vm.metaOf(&e.Value, mmToString); h != nil && !e.Fatal {
			e.text = t.errorText(*h, e.Value)
		}
	}
	return e
}

// errorText is what __tostring says of an error value. An error of its own is dropped, and not asked in turn.
func (t *Thread) errorText(toString, v Value) (text string) {
	x := t.x
	if slot, ok := t.pushCall(&toString, []Value{v}); ok && t.call(slot, 1, false) {
		if x.resN > 0 {
			text, _ = t.at(x.resAt).ToString()
		}
		return text
	}
	if u := x.unwind; u != nil {
		x.unwind = nil
		panic(u)
	}
	x.err, x.exit, x.goTrace, x.traces = Value{}, nil, nil, nil
	if t.depth == 0 {
		x.fatal = false
	}
	return ""
}

// CallRaw calls a function for a function of Go that Lua called: errors go on to who called that.
func (t *Thread) CallRaw(fn Value, args ...Value) []Value {
	slot, ok := t.pushCall(&fn, args)
	if !ok || !t.call(slot, len(args), false) {
		t.rethrow()
	}
	return t.results()
}

// Call1 is CallRaw for one result, nil when there is none. It allocates nothing.
func (t *Thread) Call1(fn Value, args ...Value) Value {
	slot, ok := t.pushCall(&fn, args)
	if !ok || !t.call(slot, len(args), false) {
		t.rethrow()
	}
	if t.x.resN == 0 {
		return Value{}
	}
	return *t.at(t.x.resAt)
}

// rethrow lets the error on its way go on as a panic.
func (t *Thread) rethrow() {
	x := t.x
	switch {
	case x.unwind != nil:
		u := x.unwind
		x.unwind = nil
		panic(u)
	case x.exit != nil:
		e := x.exit
		x.exit = nil
		panic(e)
	}
	v := x.err
	x.err = Value{}
	panic(&raised{v})
}

// Exit unwinds every Lua function up to the innermost Call, past all pcalls and coroutines; that Call returns *Exit.
func (t *Thread) Exit(v any) { panic(&Exit{v}) }

// Raise raises v as an error. It does not return.
func (t *Thread) Raise(v Value) { panic(&raised{v}) }

// Throw raises v without a panic: a function of Go ends with "return t.Throw(v)".
func (t *Thread) Throw(v Value) int {
	t.x.err = v
	return -1
}

// RaiseString raises a message without a position.
func (t *Thread) RaiseString(msg string) { panic(&raised{String(msg)}) }

// Errorf raises a message that begins with the position of the Lua code that called. It does not return.
func (t *Thread) Errorf(format string, a ...any) {
	panic(&raised{String(t.callerPosition() + fmt.Sprintf(format, a...))})
}

// Where gives "chunk:line:" of the function at a level (1: who called the running one), or "".
func (t *Thread) Where(level int) string {
	l, ok := t.level(level)
	if !ok || l.lua == nil {
		return ""
	}
	return strings.TrimSuffix(t.where(l.lua), " ")
}

// LoadString compiles a chunk and gives a function with environment env (nil: the thread's globals).
func (t *Thread) LoadString(src, chunk string, env *Table) (Value, error) {
	t.Reserve(len(src) * 4)
	p, err := compileString(src, chunk)
	if err != nil {
		return Nil, err
	}
	if env == nil {
		env = t.env
	}
	return t.vm.loadOnce(p, env), nil
}

// Env is the table of globals of functions that the thread loads; see setfenv(0).
func (t *Thread) Env() *Table { return t.env }

// SetEnv sets it.
func (t *Thread) SetEnv(e *Table) { t.env = e }

// Value gives the function as a Value.
func (f *Function) Value() Value {
	if f.p == nil {
		return Value{unsafe.Pointer(f), tNative}
	}
	return Value{unsafe.Pointer(f), tLua}
}

// Env gives the environment.
func (f *Function) Env() *Table { return f.env }

// SetEnv sets the environment. Functions of Go have one too, which means nothing.
func (f *Function) SetEnv(e *Table) { f.env = e }

// IsGo tells whether it is a function of Go.
func (f *Function) IsGo() bool { return f.p == nil }

// Host is what SetHost stored with a function of Go.
func (f *Function) Host() any {
	if f.p != nil {
		return nil
	}
	return (*native)(unsafe.Pointer(f)).host
}

// SetHost stores a value of the host with a function of Go, by which it knows the function again.
func (f *Function) SetHost(v any) {
	if f.p == nil {
		(*native)(unsafe.Pointer(f)).host = v
	}
}

// Proto gives the code of a Lua function, nil for one of Go.
func (f *Function) Proto() *Proto { return f.p }

// Instance makes a function of code that runs in this VM, with upvalues that are nil.
func (m *VM) Instance(p *Proto, env *Table) Value {
	c := newClosure(p, env)
	for i := range p.caps {
		if p.caps[i].boxed {
			*c.up(uintptr(i) * 16) = newCell(Value{})
		}
	}
	return Value{unsafe.Pointer(c), tLua}
}
