package vm

import (
	"strings"
	"unsafe"
)

// newCoroutine makes a coroutine that will run fn.
func (t *Thread) newCoroutine(fn Value) *Thread {
	co := newThread(t.vm, 16, 3)
	*co.at(0) = fn
	co.maker, co.data, co.env = t, t.data, t.env
	t.x.alloc(768)
	return co
}

// resume carries out coroutine.resume and the function that coroutine.wrap makes: the coroutine runs in place of t until
// it yields, ends or fails.
func (t *Thread) resume(nat *native, slot uintptr, n int, want int16) bool {
	a := slot + 16
	co := nat.co
	wrap := nat.special == spWrap
	if !wrap {
		v := t.at(a)
		if n == 0 || v.n != tThread {
			return t.argFail(slot, 1, "coroutine expected")
		}
		co = (*Thread)(v.p)
		a += 16
		n--
	}
	if co.status > coSuspended || co.root {
		msg := "cannot resume dead coroutine"
		if co.status != coDead {
			msg = "cannot resume running coroutine"
			if co.status == coNormal || co.root && co != t {
				msg = "cannot resume non-suspended coroutine"
			}
		}
		if wrap {
			return t.nativeFail(slot, msg)
		}
		t.at(slot).n = tFalse
		*t.at(slot + 16) = strValue(intern(msg))
		return t.complete(slot, 2, want)
	}
	if t.x.nest >= maxResumes {
		return t.nativeFail(slot, "C stack overflow")
	}
	co.parent, co.rdst, co.rwant, co.wrap, co.x = t, slot, want, wrap, t.x
	t.status = coNormal
	t.x.nest++
	t.x.cur = co
	fresh := co.status == coFresh
	co.status = coRunning
	if fresh {
		if !co.ensure(uintptr(n+2) * 16) {
			return false
		}
		for i := 0; i < n; i++ {
			co.at(uintptr(i+1) * 16).set(t.at(a + uintptr(i)*16))
		}
		return co.pushFrame(0, 0, 0, kCo) && co.callValue(0, n, -1, kSlow)
	}
	if !co.ensure(co.ydst + uintptr(n)*16) {
		return false
	}
	for i := 0; i < n; i++ {
		co.at(co.ydst + uintptr(i)*16).set(t.at(a + uintptr(i)*16))
	}
	return co.complete(co.ydst, n, co.ywant)
}

// maxResumes bounds coroutines that resume one another.
const maxResumes = 20000

// toParent delivers n values at from to who resumed t.
func (t *Thread) toParent(from uintptr, n int, ok bool) bool {
	pa := t.parent
	t.parent = nil
	t.x.cur = pa
	t.x.nest--
	pa.status = coRunning
	d := t.rdst
	if !pa.ensure(d + uintptr(n+1)*16) {
		return false
	}
	if !t.wrap {
		pa.at(d).n = tFalse
		if ok {
			pa.at(d).n = tTrue
		}
		d += 16
	}
	for i := 0; i < n; i++ {
		pa.at(d + uintptr(i)*16).set(t.at(from + uintptr(i)*16))
	}
	if !t.wrap {
		n++
	}
	return pa.complete(t.rdst, n, t.rwant)
}

// NewCoroutine makes a suspended coroutine of fn, as coroutine.create on t.
func (t *Thread) NewCoroutine(fn Value) *Thread { return t.newCoroutine(fn) }

// Resume continues the coroutine co on behalf of t, whose function of Go runs, and gives what it yielded or returned; the
// error is *Error. The results are valid until the next call on t.
func (t *Thread) Resume(co *Thread, args ...Value) ([]Value, error) {
	all := append([]Value{co.Value()}, args...)
	res := t.CallRaw(t.vm.resume, all...)
	if res[0].Truth() {
		return res[1:], nil
	}
	e := &Error{Value: Nil}
	if len(res) > 1 {
		e.Value = res[1]
	}
	if co.hasFrame() {
		e.Traceback = co.Traceback("", 0)
		e.Coroutines = []string{strings.TrimPrefix(e.Traceback, traceHead)}
	}
	return nil, e
}

// Rethrow raises, as coroutine.wrap does, the error that ended a coroutine: the caller's position comes before a message.
func (t *Thread) Rethrow(e *Error) {
	if e.Value.n == tStr {
		t.Errorf("%s", e.Value.Str())
	}
	t.RethrowAsIs(e)
}

// RethrowAsIs raises the error that ended a coroutine as it is.
func (t *Thread) RethrowAsIs(e *Error) {
	t.x.traces = append(t.x.traces, e.Coroutines...)
	t.Raise(e.Value)
}

// Wrap makes the function that coroutine.wrap gives.
func (t *Thread) Wrap(fn Value) Value {
	co := t.newCoroutine(fn)
	w := t.vm.special("wrap", spWrap, specialOnly)
	w.native().co = co
	return w
}

// specialOnly is the body of functions that callSpecial carries out.
func specialOnly(t *Thread) int {
	t.Errorf("attempt to yield across C-call boundary")
	return 0
}

// Status is the state of a coroutine as coroutine.status names it.
func (t *Thread) Status() string { return statusNames[t.status] }

// Yieldable tells whether coroutine.yield would work on it now.
func (t *Thread) Yieldable() bool {
	return t.parent != nil && t.depth == 0 || t.parent == nil && t.vm.onYield != nil
}

// Value gives the thread as a Value.
func (t *Thread) Value() Value { return Value{unsafe.Pointer(t), tThread} }

// Main tells whether it is the thread that the VM itself began with.
func (t *Thread) Main() bool { return t == t.vm.main }
