package actor

import (
	"iter"
	"runtime/debug"
	"time"
)

// maxIdle is how many fibers without work a worker keeps; more end when their work does.
const maxIdle = 1024

// A fiber is a stack that runs one coroutine after the other.
type fiber struct {
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	co    *Coroutine // nil: idle
}

func (w *Worker) fiber() *fiber {
	if n := len(w.idle); n > 0 {
		f := w.idle[n-1]
		w.idle[n-1] = nil
		w.idle = w.idle[:n-1]
		return f
	}
	f := &fiber{}
	f.next, f.stop = iter.Pull(func(yield func(struct{}) bool) {
		f.yield = yield
		for {
			w.body(f.co)
			f.co = nil
			if len(w.idle) >= maxIdle {
				return
			}
			w.idle = append(w.idle, f)
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return f
}

// body runs what the coroutine was started for, on its fiber.
func (w *Worker) body(co *Coroutine) {
	defer w.end(co)
	if co.serve != nil {
		co.serve.Serve()
	} else {
		co.run()
	}
}

// end is deferred below everything that a coroutine does.
func (w *Worker) end(co *Coroutine) {
	v := recover()
	last := len(w.alive) - 1
	w.alive[co.index] = w.alive[last]
	w.alive[co.index].index = co.index
	w.alive[last] = nil
	w.alive = w.alive[:last]
	co.state, co.run, co.pending = dead, nil, nil
	if co.serve != nil { // a pooled one: nobody may hold it any more
		co.serve, co.value, co.killed = nil, nil, false
		w.pool = append(w.pool, co)
	}
	if v != nil {
		w.panicked(v)
	}
}

// panicked reports what a coroutine or a callback has panicked with, unless it is an interrupt that
// nobody caught, which is the ordinary end of a killed coroutine.
func (w *Worker) panicked(v any) {
	if _, ok := v.(*Interrupt); ok {
		return
	}
	if w.OnPanic == nil {
		panic(v)
	}
	w.OnPanic(v, debug.Stack())
}

// A Server is work for a pooled coroutine.
type Server interface{ Serve() }

type costate uint8

const (
	working costate = iota // on its fiber; perhaps below a coroutine that it started
	parked                 // waits for the event named by on
	queued                 // will go on when the run queue gets to it
	dead
)

// What a coroutine is parked on. Larger values are tokens.
const (
	onPark uint64 = iota
	onQueue
	onSleep
	onRead
	onWrite
	firstToken
)

// A Coroutine is a function with a stack of its own, which gives its worker up (parks) whenever it
// waits. Only its worker's goroutine resumes it, one at a time with the worker's others, so
// coroutines of one worker need no locks; but a sync.Mutex held over a park stops the whole worker
// when another coroutine wants it.
//
// What a coroutine waits for is named: a wake-up for something else, or a late or double one, does
// nothing.
//
// Where a coroutine starts another (Go, Serve), kills or interrupts one, that one runs nested, at
// once, until it parks. A Resume from inside of a coroutine does not nest: it puts the other one on
// the worker's run queue, which runs when the current one has parked.
//
// One made by Go is its owner's for as long as wanted. One made by Serve is used again after its
// end: a pointer to it must not outlive the Serve method.
type Coroutine struct {
	w     *Worker
	fiber *fiber
	run   func()
	serve Server
	value any

	on    uint64 // what it is parked on
	token uint64 // the last one handed out; never starts afresh, not even for a pooled coroutine
	fired uint64 // the token that was resumed before it was parked on
	parks uint64

	pending *Interrupt // thrown at the next park
	timer   Timer
	index   int // in w.alive
	turns   uint64
	state   costate
	killed  bool
}

// Interrupt is the value of the panic that ends a coroutine from outside. Code that recovers panics
// lets it pass: whoever swallows it of a killed coroutine meets it again at the next park.
type Interrupt struct{ Value any }

// Killed is the Value of the Interrupt of a killed coroutine.
var Killed = killed{}

type killed struct{}

func (killed) Error() string { return "coroutine killed" }

var kill = &Interrupt{Killed} // never written to

// UnwindsLua marks the panics that a script must not catch.
func (i *Interrupt) UnwindsLua() {}

func (i *Interrupt) Error() string {
	if err, ok := i.Value.(error); ok {
		return err.Error()
	}
	return "coroutine interrupted"
}

// Go starts a coroutine and runs it until it first parks. Only on the worker's goroutine.
func (w *Worker) Go(f func()) *Coroutine {
	co := &Coroutine{w: w, run: f, token: firstToken}
	w.launch(co)
	return co
}

// Launch is Go for a coroutine whose maker then gives way: the current coroutine goes on behind all
// that was ready to when it called Launch, and before what the new one makes ready. It panics with
// an *Interrupt as Park does; the new one is then left to itself.
func (w *Worker) Launch(f func()) *Coroutine {
	co := w.current
	w.queue = append(w.queue, work{co: co})
	child := w.Go(f)
	i := co.interrupted()
	if i == nil {
		co.on, co.state = onQueue, queued
		co.fiber.yield(struct{}{})
		i = co.interrupted()
	}
	if i != nil {
		panic(i)
	}
	return child
}

// Serve is Go for an object with a method: it allocates nothing once the worker is warm. The
// coroutine is the worker's again when s.Serve returns.
func (w *Worker) Serve(s Server) {
	var co *Coroutine
	if n := len(w.pool); n > 0 {
		co = w.pool[n-1]
		w.pool = w.pool[:n-1]
	} else {
		co = &Coroutine{w: w, token: firstToken}
	}
	co.serve = s
	w.launch(co)
}

func (w *Worker) launch(co *Coroutine) {
	f := w.fiber()
	f.co, co.fiber = co, f
	co.index = len(w.alive)
	w.alive = append(w.alive, co)
	co.enter()
}

// Current is the running coroutine, nil on the loop itself (tasks, timers, Ready callbacks).
func (w *Worker) Current() *Coroutine { return w.current }

// Coroutines is the number of those that have not ended.
func (w *Worker) Coroutines() int { return len(w.alive) }

// enter runs the coroutine until it parks or ends.
func (co *Coroutine) enter() {
	w := co.w
	above := w.current
	w.current, w.spent = co, 0
	co.state = working
	co.turns++
	// A panic of the coroutine comes through next when nobody reports it.
	defer func() { w.current = above }()
	co.fiber.next()
}

// Turns is how often the coroutine was given the worker. Between two looks at the same number it has
// not waited.
func (co *Coroutine) Turns() uint64 { return co.turns }

// wake lets a coroutine go on that is parked on this and nothing else: at once from the loop, by
// the run queue from another coroutine.
func (co *Coroutine) wake(on uint64) {
	if co.state != parked || co.on != on {
		return
	}
	if co.w.current == nil {
		co.enter()
		return
	}
	co.state = queued
	co.w.queue = append(co.w.queue, work{co: co})
}

// park gives the worker up. The caller throws the interrupt when it has tidied up.
func (co *Coroutine) park(on uint64) *Interrupt {
	if co.w.current != co {
		panic("actor: only the running coroutine can park")
	}
	if i := co.interrupted(); i != nil {
		return i
	}
	co.parks++
	co.on, co.state = on, parked
	if on == onQueue {
		co.state = queued
		co.w.queue = append(co.w.queue, work{co: co})
	}
	co.fiber.yield(struct{}{})
	return co.interrupted()
}

// interrupted is the interrupt to throw now.
func (co *Coroutine) interrupted() *Interrupt {
	i := co.pending
	co.pending = nil
	if co.killed {
		return kill
	}
	return i
}

// Park gives the worker up until Resume is called. It panics with an *Interrupt when the coroutine
// was killed or interrupted.
func (co *Coroutine) Park() {
	if i := co.park(onPark); i != nil {
		panic(i)
	}
}

// Resume ends a Park. Only on the worker's goroutine. It does nothing to a coroutine that is not in
// Park.
func (co *Coroutine) Resume() {
	co.wake(onPark)
}

// Token makes a new name for something to wait for. It ends what was named before.
func (co *Coroutine) Token() uint64 {
	co.token++
	return co.token
}

// ParkOn gives the worker up until ResumeIf is called with the token, the last one made by Token.
// It returns at once when that has happened already.
func (co *Coroutine) ParkOn(token uint64) {
	if co.fired == token {
		if i := co.interrupted(); i != nil {
			panic(i)
		}
		return
	}
	if i := co.park(token); i != nil {
		panic(i)
	}
}

// ResumeIf ends ParkOn(token), the one to come included. Only on the worker's goroutine. A token
// that is not the coroutine's last is ignored.
func (co *Coroutine) ResumeIf(token uint64) {
	if token != co.token || co.fired == token || co.state == dead {
		return
	}
	co.fired = token
	co.wake(token)
}

// Yield lets the worker's other coroutines and events have a turn.
func (co *Coroutine) Yield() {
	if i := co.park(onQueue); i != nil {
		panic(i)
	}
}

// Sleep parks for the duration; none or a negative one is a Yield.
func (co *Coroutine) Sleep(d time.Duration) {
	if d <= 0 {
		co.Yield()
		return
	}
	if co.timer.w == nil {
		co.timer.Init(co.w, co)
	}
	co.timer.Reset(d)
	i := co.park(onSleep)
	co.timer.Stop()
	if i != nil {
		panic(i)
	}
}

// Expire ends a Sleep; it is the timer's.
func (co *Coroutine) Expire(*Timer) {
	co.wake(onSleep)
}

// Kill ends the coroutine: a parked one unwinds now, with its deferred functions, before Kill
// returns; a running one at its next park. It cannot be swallowed: once killed, every further park
// panics again. Only on the worker's goroutine.
func (co *Coroutine) Kill() {
	if co.state == dead {
		return
	}
	co.killed = true
	co.throw()
}

// Interrupt is Kill with a panic of *Interrupt{v}, once: the coroutine's code may recover it and go
// on.
func (co *Coroutine) Interrupt(v any) {
	if co.state == dead || co.killed {
		return
	}
	co.pending = &Interrupt{v}
	co.throw()
}

func (co *Coroutine) throw() {
	if co.state == parked || co.state == queued {
		co.enter()
	}
}

// Parks counts how often the coroutine has waited.
func (co *Coroutine) Parks() uint64 { return co.parks }

// Dead says whether it has ended.
func (co *Coroutine) Dead() bool { return co.state == dead }

// Worker is the worker that it runs on.
func (co *Coroutine) Worker() *Worker { return co.w }

// Value is what SetValue set last: what runs on this coroutine.
func (co *Coroutine) Value() any { return co.value }

// SetValue keeps v with the coroutine until it ends.
func (co *Coroutine) SetValue(v any) { co.value = v }

// Check throws the interrupt of a coroutine that was killed or interrupted while it ran, as its next
// park would.
func (co *Coroutine) Check() {
	if i := co.interrupted(); i != nil {
		panic(i)
	}
}
