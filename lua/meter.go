package lua

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// What a script may take of the worker: lua_time_slice, after which the
// worker's other coroutines have a turn; lua_max_execution_time, the time that
// a run may compute, waiting excluded; lua_memory_limit, what it may keep.

// Scripts of the server itself, whose data stay, have none of the limits.
const unlimited = "IWE"

// callPatience is how many slices a script that only calls functions may take:
// most code that a turn of others could disturb, which OpenResty never gives,
// is a function without a loop.
const callPatience = 10

// greedyShare is what part of a slice a script gets that has used up one: a
// request of another client takes some turns of the worker.
const greedyShare = 8

// pace is how long a Lua thread has run without waiting.
type pace struct {
	turn         uint64 // of the coroutine
	began, until time.Time
	greedy       bool // it has had to give others a turn before
}

// meter is what a run has used.
type meter struct {
	busy      time.Duration
	allocated int64 // freed or not
	unswept   int64 // of that, since the last collection
	base      int64 // heap that was alive when the run began
	over      error // the limit that it has passed
	memory    bool  // it is lua_memory_limit, or mem_limit
}

// slice is called after every slice of a script's work, and before it
// allocates much.
func (e *engine) slice(t *vm.Thread, done vm.Slice) error {
	s, _ := t.Data().(*state)
	if s == nil || phasesOf(unlimited).has(s.phase) {
		return nil
	}
	m := &s.entry.meter
	if m.over != nil {
		return m.over
	}
	var co *actor.Coroutine // that may wait
	if e.worker != nil && done.Place != vm.Within && s.mayWait() {
		co = e.worker.Current()
	}
	if m.over = s.account(t, m, done, co); m.over != nil {
		return m.over
	}
	s.giveTurn(done.Place, co)
	return nil
}

// account adds the slice to the run's use.
func (s *state) account(t *vm.Thread, m *meter, done vm.Slice, co *actor.Coroutine) error {
	p, now, turn := &s.pace, time.Now(), s.turn()
	if p.began.IsZero() || turn != p.turn {
		*p = pace{turn: turn, began: now, until: now}
	}
	m.busy += now.Sub(p.until)
	p.until = now
	if most := s.own.maxTime; most > 0 && m.busy > most {
		if s.own.burst {
			return fmt.Errorf("lua burst timeout: %v", most)
		}
		return fmt.Errorf("lua_max_execution_time of %v exceeded", most)
	}
	if m.base == 0 {
		m.base = liveHeap()
	}
	m.allocated += done.Allocated
	m.unswept += done.Allocated
	most := s.own.maxMemory
	if most <= 0 || m.unswept+int64(done.Wanted) < sweepAfter(m.base) {
		return nil
	}
	if m.unswept > 0 {
		sweep(s.e.worker, co)
	}
	live := liveHeap()
	if live < m.base { // what it was measured by has gone
		m.base = max(1, live-m.unswept)
	}
	m.unswept = 0
	if kept := min(m.allocated, live-m.base); kept+int64(done.Wanted) > most && (kept > most*crowd || !s.holdsWithin(t, most-int64(done.Wanted))) {
		m.memory = true
		return errors.New("not enough memory: lua_memory_limit of " + sizeText(most) + " exceeded")
	}
	return nil
}

const (
	// crowd is how many times its limit the process may have grown during a run
	// that has allocated as much, before the run is ended without a look at
	// what of that it holds.
	crowd = 4
	// lookTime bounds such a look. What is too much to be looked through is
	// over the limit.
	lookTime = 60 * time.Millisecond
)

// holdsWithin tells whether what the run can reach is no more than most: others
// may have what the process has grown by.
func (s *state) holdsWithin(t *vm.Thread, most int64) bool {
	if most <= 0 {
		return false
	}
	e := s.entry
	roots := []vm.Value{t.Value(), s.t.Value(), e.t.Value()}
	for _, light := range e.threads {
		roots = append(roots, light.t.Value())
	}
	if s.r != nil {
		if m := memoSlot.Get(s.r); m != nil {
			roots = append(roots, m.table)
			most -= int64(len(m.held))
		}
	} else if e.private != nil {
		roots = append(roots, e.private.table)
	}
	_, enough := vm.Held(roots, most, lookTime)
	return enough
}

// turn is the number of the turn that the state's coroutine has.
func (s *state) turn() uint64 {
	if s.e.worker == nil {
		return 0
	}
	if co := s.e.worker.Current(); co != nil {
		return co.Turns()
	}
	return 0
}

// giveTurn lets other coroutines of the worker run when the script has run for
// long enough.
func (s *state) giveTurn(at vm.Place, co *actor.Coroutine) {
	patience := s.own.timeSlice
	if co == nil || patience <= 0 {
		return
	}
	if at == vm.AtCall {
		patience *= callPatience
	}
	p := &s.pace
	if p.greedy {
		patience /= greedyShare
	}
	if p.until.Sub(p.began) >= patience {
		// Another worker may be ready behind this one, on the same processor of
		// Go's scheduler, which does not see that the coroutines change.
		runtime.Gosched()
		s.admit()
		co.Yield()
		now := time.Now()
		*p = pace{co.Turns(), now, now, true}
	}
}

// sweep collects garbage, on another goroutine when the script may wait.
func sweep(w *actor.Worker, co *actor.Coroutine) {
	if co != nil {
		w.Offload(runtime.GC)
		return
	}
	runtime.GC()
}

// sweepAfter is how many bytes a run may allocate before the garbage in them
// is collected; the more the server keeps, the more a collection costs.
func sweepAfter(base int64) int64 { return max(16<<20, base-32<<20) }

// liveHeap is what was alive at the last collection, of the whole process:
// nothing tells what of it belongs to whom.
func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return max(1, int64(sample[0].Value.Uint64()))
}

// sizeText is a size as the configuration has it.
func sizeText(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%dm", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%dk", n>>10)
	}
	return fmt.Sprint(n)
}
