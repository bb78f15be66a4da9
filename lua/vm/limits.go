package vm

import (
	"sync/atomic"
	"time"
)

// slice is how many calls and loop rounds pass between two looks at the limits.
const slice = 20000

// limits bounds what a chain of threads may use. Zero values are no limits.
type limits struct {
	rounds   int64 // slices left; used when bounded
	bounded  bool
	deadline time.Time
	killed   uint32 // atomic
	bytes    int64  // allocated since the limits were set
	maxBytes int64
}

// Limits are the bounds of one run: what is done between SetLimits and the next.
type Limits struct {
	Instructions int64         // calls and loop rounds; 0: no bound
	Time         time.Duration // wall clock; 0: no bound
	Bytes        int64         // allocated by the run, freed or not; 0: no bound
}

// SetLimits starts a new run of the thread with new bounds. A run that passes one ends with an error that pcall does not catch.
func (t *Thread) SetLimits(l Limits) {
	x := t.root0()
	x.bounded = l.Instructions > 0
	x.rounds = l.Instructions / slice
	x.budget = slice
	if x.bounded && l.Instructions < slice {
		x.budget = l.Instructions
	}
	x.deadline = time.Time{}
	if l.Time > 0 {
		x.deadline = time.Now().Add(l.Time)
	}
	x.bytes, x.maxBytes = 0, l.Bytes
	atomic.StoreUint32(&x.killed, 0)
	x.fatal = false
}

// Kill ends the run of the thread at its next call or loop round. It may be called from any goroutine.
func (t *Thread) Kill() { atomic.StoreUint32(&t.root0().killed, 1) }

// check is called when the countdown is over. false: the run ends.
func (x *exec) check() bool {
	x.budget = slice
	if x.bounded {
		x.rounds--
	}
	msg := ""
	switch {
	case x.maxBytes > 0 && x.bytes > x.maxBytes:
		msg = "not enough memory"
	case atomic.LoadUint32(&x.killed) != 0:
		msg = "killed"
	case x.bounded && x.rounds < 0:
		msg = "instruction limit exceeded"
	case !x.deadline.IsZero() && time.Now().After(x.deadline):
		msg = "time limit exceeded"
	default:
		x.vm.collect()
		return true
	}
	x.budget = 0
	x.fatal = true
	return x.cur.fail(msg)
}

// alloc counts memory. Beyond the limit the countdown is over, so that the run ends at its next call or loop round.
func (x *exec) alloc(n int) {
	x.bytes += int64(n)
	if x.maxBytes > 0 && x.bytes > x.maxBytes {
		x.budget = 0
	}
}

// Reserve says that a function of Go is about to allocate n bytes; it raises an error when the run must not.
func (t *Thread) Reserve(n int) {
	x := t.x
	if n < 0 || n > maxStr || x.maxBytes > 0 && x.bytes+int64(n) > x.maxBytes {
		t.RaiseString("not enough memory")
	}
	x.bytes += int64(n)
}

// Spend counts n steps of work of a function of Go against the run's limits; it raises the error of a run that is over.
func (t *Thread) Spend(n int) {
	x := t.x
	x.budget -= int64(n)
	if x.budget < 0 && !x.check() {
		panic(&raised{x.err})
	}
}
