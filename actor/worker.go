// Package actor runs a worker's coroutines one at a time.
//
// A Worker is one goroutine with one poll.Loop, its timers, its mailbox and its descriptors. Only
// that goroutine touches what belongs to the worker: there are no locks inside. A Coroutine is a
// function on a stack of its own that parks whenever it waits for a descriptor (FD), a timer or
// another coroutine. Other goroutines speak to a worker by Post and Call only.
//
// The order of a turn is: descriptors, timers, mailbox, run queue. Each takes what was there when
// it began, so none starves another.
package actor

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/poll"
)

// A Task is work for a worker's loop, outside of any coroutine.
type Task interface{ Run(w *Worker) }

// TaskFunc makes a Task of a function.
type TaskFunc func(w *Worker)

func (f TaskFunc) Run(w *Worker) { f(w) }

// work is an entry of the run queue: a coroutine to go on with, or a task.
type work struct {
	co   *Coroutine
	task Task
}

// A Worker runs coroutines. Make it with NewWorker, run it with Run, end it with Close.
type Worker struct {
	// OnPanic is called with what a coroutine, task, timer or callback has panicked with, and its
	// stack; the worker goes on. When it is nil, such a panic ends the process. Set it before Run.
	OnPanic func(value any, stack []byte)

	// Syscalls are the system calls of this worker's descriptors, for tests to replace before Run.
	Syscalls Syscalls

	id    int
	loop  *poll.Loop
	start time.Time

	turns uint64    // that have begun
	wall  time.Time // the time of this turn
	now   int64     // the same in nanoseconds since start

	timers  timerHeap
	queue   []work // to run when the current turn is over
	spare   []work
	current *Coroutine
	spent   int // operations since the current coroutine was resumed
	alive   []*Coroutine
	idle    []*fiber
	pool    []*Coroutine
	buffers [][]byte

	peek      [1]byte
	listening map[*Listener]*acceptor

	accepted atomic.Int32 // open connections that came by Accept

	stop    atomic.Bool
	started atomic.Bool
	ended   chan struct{} // closed when Run returns
	release sync.Once

	offloaded sync.WaitGroup
	away      int        // offloaded functions that run; the worker's
	waiting   []*offload // for their turn

	mail struct {
		sync.Mutex
		tasks, spare []Task
		closed       bool
	}
}

// NewWorker makes a worker. The id is the caller's.
func NewWorker(id int) (*Worker, error) {
	loop, err := poll.Open()
	if err != nil {
		return nil, err
	}
	w := &Worker{id: id, loop: loop, start: time.Now(), Syscalls: kernel(), ended: make(chan struct{})}
	w.Update()
	return w, nil
}

// ID is the number that NewWorker was given.
func (w *Worker) ID() int { return w.id }

// Now is the time at which this turn of the loop began. Only on the worker's goroutine.
func (w *Worker) Now() time.Time { return w.wall }

// Turn is the number of this turn. What happened to a descriptor before it began is known: the loop
// asks the kernel at the beginning of each. Only on the worker's goroutine.
func (w *Worker) Turn() uint64 { return w.turns }

// Update reads the clock for Now.
func (w *Worker) Update() {
	w.wall = time.Now()
	w.now = int64(w.wall.Sub(w.start)) + 1 // 0 means no time
}

// clock is the present time in nanoseconds since start.
func (w *Worker) clock() int64 { return int64(time.Since(w.start)) + 1 }

// FDs is the number of descriptors that the worker watches: open FDs and listeners.
func (w *Worker) FDs() int { return w.loop.Len() }

// Run runs the worker on the calling goroutine until Stop. A worker runs once.
func (w *Worker) Run() error {
	if w.started.Swap(true) {
		if w.stop.Load() { // closed before it ran
			return nil
		}
		panic("actor: a worker runs once")
	}
	defer close(w.ended)
	for !w.stop.Load() {
		if err := w.turn(); err != nil {
			return err
		}
	}
	return nil
}

// turn is one turn of the loop. A panic of a callback ends it early; what it has not come to is
// kept.
func (w *Worker) turn() (err error) {
	if w.OnPanic != nil {
		defer func() {
			if v := recover(); v != nil {
				w.current = nil
				w.loop.Wake() // the next turn must not sleep: this one may not have come to the mailbox
				w.panicked(v)
			}
		}()
	}
	if len(w.queue) > 0 {
		err = w.loop.TryPoll()
	} else if len(w.timers) > 0 {
		err = w.loop.Poll(w.start.Add(time.Duration(w.timers[0].at)))
	} else {
		err = w.loop.Poll(time.Time{})
	}
	if err != nil {
		return err
	}
	w.turns++
	w.Update()
	w.loop.Dispatch()
	w.expire()
	w.collect()
	w.runQueue()
	if w.away > 0 {
		runtime.Gosched() // a busy loop would let them wait until it is preempted
	}
	return nil
}

// collect appends the mailbox to the run queue.
func (w *Worker) collect() {
	w.mail.Lock()
	tasks := w.mail.tasks
	w.mail.tasks = w.mail.spare[:0]
	w.mail.Unlock()
	for i, t := range tasks {
		w.queue = append(w.queue, work{task: t})
		tasks[i] = nil
	}
	if cap(tasks) > maxSpare {
		tasks = nil
	}
	w.mail.spare = tasks[:0]
}

// maxSpare is the largest queue that is kept for reuse, in entries.
const maxSpare = 4096

// runQueue runs what is on the queue now; what this adds runs in the next turn.
func (w *Worker) runQueue() {
	if len(w.queue) == 0 {
		return
	}
	batch := w.queue
	w.queue = w.spare[:0]
	w.spare = nil
	next := 0
	defer func() {
		if next < len(batch) { // a task has panicked: keep the others, in order
			w.queue = append(batch[next:len(batch):len(batch)], w.queue...)
			return
		}
		clear(batch)
		if cap(batch) <= maxSpare {
			w.spare = batch[:0]
		}
	}()
	for next < len(batch) {
		e := batch[next]
		next++
		if e.task != nil {
			e.task.Run(w)
		} else if e.co.state == queued { // else it was killed meanwhile
			e.co.enter()
		}
	}
}

// Later is Post from the worker's own goroutine: it takes no lock. The task runs in the next turn,
// after what is queued already.
func (w *Worker) Later(t Task) { w.queue = append(w.queue, work{task: t}) }

// Post gives the worker a task. Any goroutine may; tasks run in the order of posting. It says
// whether the worker took it: one that is closed does not.
func (w *Worker) Post(t Task) bool {
	w.mail.Lock()
	if w.mail.closed {
		w.mail.Unlock()
		return false
	}
	first := len(w.mail.tasks) == 0
	w.mail.tasks = append(w.mail.tasks, t)
	w.mail.Unlock()
	if first { // whoever came first woke the loop for all
		w.loop.Wake()
	}
	return true
}

// Call runs f on the worker, outside of any coroutine, and waits until it has returned. Not on the
// worker's own goroutine. It says whether f ran: a worker that ends before does not run it.
func (w *Worker) Call(f func()) bool {
	done := make(chan struct{})
	if !w.Post(TaskFunc(func(*Worker) {
		defer close(done)
		f()
	})) {
		return false
	}
	select {
	case <-done:
		return true
	case <-w.ended:
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

// Stop makes Run return after its turn. Any goroutine may call it.
func (w *Worker) Stop() {
	w.stop.Store(true)
	w.loop.Wake()
}

// Close stops the worker, waits for Run and releases everything: coroutines are killed and their
// deferred functions run, descriptors are closed, offloaded functions have ended. Tasks that have
// not run are dropped. Not on the worker's own goroutine.
func (w *Worker) Close() error {
	w.Stop()
	if w.started.Swap(true) {
		<-w.ended
	} else {
		close(w.ended) // it will not run any more
	}
	var err error
	w.release.Do(func() {
		w.mail.Lock()
		w.mail.closed = true
		for _, t := range w.mail.tasks {
			w.queue = append(w.queue, work{task: t})
		}
		w.mail.tasks = nil
		w.mail.Unlock()
		for _, e := range w.queue {
			if p, ok := e.task.(*passed); ok {
				p.drop()
			}
		}
		// From here on this is the worker's goroutine. What deferred functions start is killed too.
		for len(w.alive) > 0 {
			w.kill(w.alive[len(w.alive)-1])
		}
		for _, f := range w.idle {
			f.stop()
		}
		w.idle, w.queue, w.waiting = nil, nil, nil
		w.loop.Waiters(func(p poll.Waiter) {
			switch p := p.(type) {
			case *FD:
				p.Close()
			case *acceptor:
				p.Close()
			}
		})
		w.offloaded.Wait()
		err = w.loop.Close()
	})
	return err
}

func (w *Worker) kill(co *Coroutine) {
	if w.OnPanic != nil {
		defer func() {
			if v := recover(); v != nil {
				w.panicked(v)
			}
		}()
	}
	co.Kill()
}
