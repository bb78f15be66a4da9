package vm

import "unsafe"

// Continuation is what a function of Go does after a call that may yield, see CallThen.
type Continuation struct {
	Then   Func   // runs as the function that called did, but its arguments are the results of the call
	Failed func() // nil, or called once when an error ended the call
}

// callPending is what CallThen gives to be returned.
const callPending = -2

// CallThen ends a function of Go with a call of fn, in which coroutines may yield as in a call by Lua:
//
//	return t.CallThen(&vm.Continuation{Then: rest}, fn, args...)
//
// The function goes on with c.Then, whose results are its own. Nothing may be called between CallThen and return.
// A Then that calls CallThen again must do so for Lua functions only, see Yields; others would nest ever deeper.
func (t *Thread) CallThen(c *Continuation, fn Value, args ...Value) int {
	x := t.x
	x.then, x.thenN = t.push, len(args)
	t.Push(Value{unsafe.Pointer(c), tBox})
	t.Push(fn)
	t.PushAll(args)
	return callPending
}

// Yields tells whether a call of fn, by the function of Go that runs, might yield if it were made with CallThen and not
// with Call1.
func (t *Thread) Yields(fn Value) bool { return fn.n == tLua && t.parent != nil && t.depth == 0 }

// beginThen makes the call that the function of Go at slot has asked for, or begins the run that SetHook has.
func (t *Thread) beginThen(slot uintptr, want int16) bool {
	base, n := t.x.then, t.x.thenN
	t.ab = 0
	if n < 0 {
		t.x.turn = t.complete(slot, 0, want)
		return false
	}
	return t.pushFrame(base, slot+16, want, kThen) && t.callValue(base+16, n, -1, kSlow)
}

// then goes on with the function of Go that waits in f, the n results of its call being at from. It gives where its own
// results are, or n = callPending when it has called again.
func (t *Thread) then(f *frame, from uintptr, n int) (dst uintptr, r int, want int16, ok bool) {
	c := (*Continuation)(t.at(uintptr(f.base)).p)
	args := uintptr(f.dst)
	want = f.want
	t.fo -= frameSize
	if !t.ensure(args + uintptr(n+1)*16) {
		return 0, -1, want, false
	}
	for i := uintptr(0); i < uintptr(n)*16; i += 16 {
		t.at(args + i).set(t.at(from + i))
	}
	t.ab, t.an, t.push = args, n, args+uintptr(n)*16
	r = t.deliver(args-16, c.Then(t))
	if r == callPending {
		return 0, r, want, t.beginThen(args-16, want)
	}
	return args - 16, r, want, r >= 0
}

func (c *Continuation) fail() {
	if f := c.Failed; f != nil {
		c.Failed = nil
		f()
	}
}
