package vm

import (
	"sync/atomic"
	"time"
	"unsafe"
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
	looks    int64
	seen     int64 // of them by the last Slice
	maxBytes int64
}

// Place is where a run is when its Slice ends.
type Place uint8

const (
	AtLoop Place = iota // between two rounds of a loop, or in a Go function that says Pause: the host may wait
	AtCall              // before a call: the host may wait too
	Within              // in a Go function that must not be interrupted
)

// Slice is some work of a run: some 20000 calls and loop rounds, or as much of the work of Go functions.
type Slice struct {
	Place     Place
	Allocated int64 // bytes since the last slice of the chain of threads, freed or not
	Wanted    int   // bytes that are about to be allocated, when they are many
}

// OnSlice sets what is called after every slice of the VM's runs. An error ends the run; pcall does not catch it. At a
// Place that allows it f may wait.
func (m *VM) OnSlice(f func(t *Thread, s Slice) error) { m.onSlice = f }

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
	x.bytes, x.seen, x.maxBytes = 0, 0, l.Bytes
	atomic.StoreUint32(&x.killed, 0)
	x.fatal = false
}

// Allocated is how many bytes the run of the thread has allocated, freed or not.
func (t *Thread) Allocated() int64 { return t.root0().bytes }

// Kill ends the run of the thread at its next call or loop round. It may be called from any goroutine.
func (t *Thread) Kill() { atomic.StoreUint32(&t.root0().killed, 1) }

// look is called by the interpreter when the countdown is over. false: the run ends, or a hook is to observe it.
func (x *exec) look() bool {
	if x.turn = x.observed() && !x.watched; x.turn {
		return false
	}
	if next := (*ins)(unsafe.Add(unsafe.Pointer(x.cur.fp().prev()), insSize)); next.op == opCALL {
		ok := x.check(AtCall, 0)
		x.budget /= shorter
		return ok
	}
	return x.check(AtLoop, 0)
}

// check looks whether the run may go on, and allocate as many bytes as are wanted. false: the run ends.
func (x *exec) check(at Place, wanted int) bool {
	// Not always the same, or a loop with calls in it would always be met at the same instruction of it.
	x.looks++
	x.budget = slice - x.looks*61%1024
	if x.bounded {
		x.rounds--
	}
	msg := ""
	switch {
	case x.maxBytes > 0 && x.bytes+int64(wanted) > x.maxBytes:
		msg = "not enough memory"
	case atomic.LoadUint32(&x.killed) != 0:
		msg = "killed"
	case x.bounded && x.rounds < 0:
		msg = "instruction limit exceeded"
	case !x.deadline.IsZero() && time.Now().After(x.deadline):
		msg = "time limit exceeded"
	default:
		x.vm.collect()
		if msg = x.endSlice(at, wanted); msg == "" {
			return true
		}
	}
	x.budget = 0
	x.fatal = true
	x.err = String(x.cur.positioned(msg))
	return false
}

func (x *exec) endSlice(at Place, wanted int) string {
	if x.vm.onSlice == nil {
		return ""
	}
	s := Slice{Place: at, Allocated: x.bytes - x.seen, Wanted: wanted}
	x.seen = x.bytes
	if err := x.vm.onSlice(x.cur, s); err != nil {
		return err.Error()
	}
	return ""
}

// workBytes is how many bytes count like a call.
const workBytes = 64

// alloc counts memory. Much of it ends the countdown, so that the run is looked at at its next call or loop round.
func (x *exec) alloc(n int) {
	x.bytes += int64(n)
	x.budget -= int64(n / workBytes)
	if x.maxBytes > 0 && x.bytes > x.maxBytes {
		x.budget = -1
	}
}

// large is the size from which on memory is asked for before it is allocated.
const large = 256 << 10

// reserve is alloc for what may be large; false: the run ends.
func (x *exec) reserve(n int) bool {
	if n >= large {
		left := x.budget
		if !x.check(Within, n) {
			return false
		}
		x.budget = left
	}
	x.alloc(n)
	return true
}

// Reserve says that a function of Go is about to allocate n bytes; it raises an error when the run must not.
func (t *Thread) Reserve(n int) {
	x := t.x
	if n < 0 || n > maxStr || x.maxBytes > 0 && x.bytes+int64(n) > x.maxBytes {
		t.RaiseString("not enough memory")
	}
	if !x.reserve(n) {
		panic(&raised{x.err})
	}
}

// Spend counts n steps of work of a function of Go against the run's limits; it raises the error of a run that is over.
func (t *Thread) Spend(n int) {
	x := t.x
	x.budget -= int64(n)
	if !x.afford() {
		panic(&raised{x.err})
	}
}

// afford looks at the limits where the host cannot wait. The interpreter does it better, a little later; so this waits
// until a whole slice was used up on credit. false: the run ends.
func (x *exec) afford() bool {
	if x.budget >= -slice {
		return true
	}
	ok := x.check(Within, 0)
	x.budget = -1
	return ok
}

// Pause is Spend in a function during which other threads may have a turn.
func (t *Thread) Pause(n int) {
	x := t.x
	x.budget -= int64(n)
	if x.budget < 0 && !x.check(AtLoop, 0) {
		panic(&raised{x.err})
	}
}

// shorter is by how much a slice is after one that ended before a call: the host rather waits between two rounds of a
// loop.
const shorter = 16
