package vm

import (
	"fmt"
	"runtime/debug"
	"strings"
)

// call runs what lies at slot with its n arguments to the end. Results: x.resN at x.resAt. false: the error, exit or
// panic is in x, and everything above slot is unwound. trace asks for a traceback of an error.
func (t *Thread) call(slot uintptr, n int, trace bool) bool {
	x := t.x
	ab, an, push, cur, seen := t.ab, t.an, t.push, x.cur, x.watched
	x.cur = t
	if x.depth >= maxGoDepth {
		x.err = String(t.positioned("C stack overflow"))
		return false
	}
	want := int16(-1)
	if trace {
		want = -2
	}
	if !t.pushFrame(slot, ab, want, kEntry) {
		return false
	}
	fo := t.fo
	x.depth++
	t.depth++
	t.ab = 0
	ok := x.begin(t, slot, n)
	for !ok && x.raise() {
		ok = x.resume()
	}
	t.fo = fo - frameSize
	t.ab, t.an, t.push = ab, an, push
	x.cur = cur
	x.depth--
	t.depth--
	x.back(seen)
	return ok
}

// begin calls the value at slot and runs Lua until it returns to Go or fails.
func (x *exec) begin(t *Thread, slot uintptr, n int) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			x.caught(r)
			ok = false
		}
	}()
	x.watched = x.observed()
	return t.callValue(slot, n, -1, kSlow) && x.run()
}

// resume runs Lua where it was left; a panic of a function of Go is a failure.
func (x *exec) resume() (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			x.caught(r)
			ok = false
		}
	}()
	x.watched = x.observed()
	return x.run()
}

func (x *exec) run() bool {
	if x.watched {
		return run[watched](x)
	}
	return run[plain](x)
}

// Call2 is Call1 for a function that is called very often with two arguments: an order function, say.
func (t *Thread) Call2(fn, a, b Value) Value {
	x := t.x
	if fn.n != tLua || t.ab == 0 {
		return t.Call1(fn, a, b)
	}
	p := fn.lua().p
	slot, fo := t.push, t.fo
	if p.vararg || x.depth >= maxGoDepth || slot+p.frame+96 > t.limit && !t.ensure(slot+p.frame+96) ||
		fo+4*frameSize > t.flimit && !t.growFrames() {
		x.err = Value{}
		return t.Call1(fn, a, b)
	}
	*t.at(slot) = fn
	t.at(slot + 16).set(&a)
	t.at(slot + 32).set(&b)
	for i := 2; i < p.nparams; i++ {
		t.at(slot + 16 + uintptr(i)*16).n = tNil
	}
	ab, an, seen := t.ab, t.an, x.watched
	t.frameAt(fo+frameSize).set(slot, ab, 0, -1, kEntry)
	t.frameAt(fo+2*frameSize).set(slot+16, 0, uintptr(p.entry), -1, kSlow)
	t.fo = fo + 2*frameSize
	x.depth++
	t.depth++
	t.ab = 0
	ok := x.resume()
	for !ok && x.raise() {
		ok = x.resume()
	}
	t.fo = fo
	t.ab, t.an, t.push = ab, an, slot
	x.depth--
	t.depth--
	x.cur = t
	x.back(seen)
	if !ok {
		t.rethrow()
	}
	if x.resN == 0 {
		return Value{}
	}
	return *t.at(x.resAt)
}

// raised is the panic by which Go functions raise a Lua error.
type raised struct{ v Value }

// caught turns a panic into what raise unwinds with.
func (x *exec) caught(r any) {
	switch r := r.(type) {
	case *raised:
		x.err = r.v
	case *Exit:
		x.exit = r
	case interface{ UnwindsLua() }:
		x.unwind = r
	case limitError:
		x.err = String(x.cur.positioned(string(r)))
	default:
		x.goTrace = debug.Stack()
		x.err = String(x.cur.positioned(fmt.Sprint(r)))
	}
}

// limitError is thrown where a limit of the implementation is met.
type limitError string

const (
	errTooLong       limitError = "not enough memory"
	errTableOverflow limitError = "table overflow"
)

// uncatchable tells whether what is on its way passes pcall.
func (x *exec) uncatchable() bool { return x.exit != nil || x.unwind != nil || x.fatal }

// raise unwinds to who catches. false: nobody within the innermost call out of Go. When there is no error, but a hook was
// set or taken away, it does nothing: the other run is to go on.
func (x *exec) raise() bool {
	if x.turn {
		x.turn = false
		return true
	}
	for {
		t := x.cur
		fo := t.fo
		for {
			k := t.frameAt(fo).kind
			if k == kEntry || k == kCo || (k == kPcall || k == kXpcall) && !x.uncatchable() {
				break
			}
			if k == kThen {
				(*Continuation)(t.at(uintptr(t.frameAt(fo).base)).p).fail()
			}
			fo -= frameSize
		}
		f := t.frameAt(fo)
		base, want := uintptr(f.base), f.want
		switch f.kind {
		case kPcall, kXpcall:
			if f.kind == kXpcall {
				x.handle(t, *t.at(base + 16))
				if x.uncatchable() {
					continue
				}
			}
			x.over = false
			t.closeCells(base)
			t.fo = fo - frameSize
			t.ab = 0
			t.at(base).n = tFalse
			*t.at(base + 16) = x.err
			x.err, x.traces = Value{}, nil
			if t.complete(base, 2, want) {
				return true
			}
		case kEntry:
			if want == -2 && !x.uncatchable() {
				x.trace = t.Traceback("", 0)
				x.traces = append(x.traces, strings.TrimPrefix(x.trace, traceHead))
			}
			x.over = false
			t.closeCells(base)
			t.fo = fo
			return false
		case kCo:
			if x.failCoroutine(t) {
				return true
			}
		}
	}
}

// failCoroutine ends the coroutine t with the error: coroutine.resume has it as a result and goes on (true), or it goes on its way
// in who resumed.
func (x *exec) failCoroutine(t *Thread) bool {
	if t.wrap && !x.uncatchable() {
		x.traces = append(x.traces, strings.TrimPrefix(t.Traceback("", 0), traceHead))
	}
	pa := t.parent
	t.status, t.parent = coDead, nil
	t.closeCells(0)
	x.over = false
	x.nest--
	x.cur = pa
	pa.status = coRunning
	switch {
	case x.uncatchable():
		return false
	case t.wrap:
		if x.err.n == tStr {
			x.err = String(pa.callerPosition() + x.err.Str())
		}
		pa.within(t.rdst) // tracebacks begin with the function that resumed
		return false
	case !pa.ensure(t.rdst + 32):
		return false
	}
	pa.at(t.rdst).n = tFalse
	*pa.at(t.rdst + 16) = x.err
	x.err = Value{}
	return pa.complete(t.rdst, 2, t.rwant)
}

// handle gives the error to the handler of an xpcall, above the stack as it was when the error was raised.
func (x *exec) handle(t *Thread, h Value) {
	slot := t.safeTop()
	x.over = true
	if !t.ensure(slot + 64) {
		return
	}
	*t.at(slot) = h
	*t.at(slot + 16) = x.err
	x.err = Value{}
	ab := t.ab
	ok := t.call(slot, 1, false)
	t.ab = ab
	switch {
	case x.uncatchable():
	case !ok:
		x.err = strValue(intern("error in error handling"))
	case x.resN > 0:
		x.err = *t.at(x.resAt)
	default:
		x.err = Value{}
	}
}
