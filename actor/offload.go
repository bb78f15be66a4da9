package actor

// MaxOffloaded is how many offloaded functions of one worker run at a time. Each may hold a thread,
// of which a Go process dies with 10,000; the others wait in order.
const MaxOffloaded = 256

// An offload is one call of Offload.
type offload struct {
	f      func()
	co     *Coroutine
	token  uint64
	thrown any
	gone   bool // its coroutine does not wait any more
}

// Offload runs f on a goroutine of its own, for what would block the worker, and parks the current
// coroutine until it has ended. f must not touch what belongs to the worker. A panic in f is one of
// the coroutine. If the coroutine is killed or interrupted meanwhile, f does not run if it has not
// begun; else it goes on by itself, and Close waits for it.
func (w *Worker) Offload(f func()) {
	co := w.current
	if co == nil {
		panic("actor: offload outside of a coroutine")
	}
	o := &offload{f: f, co: co, token: co.Token()}
	if w.away < MaxOffloaded {
		w.send(o)
	} else {
		w.waiting = append(w.waiting, o)
	}
	defer func() { o.gone = true }()
	co.ParkOn(o.token)
	if o.thrown != nil {
		panic(o.thrown)
	}
}

func (w *Worker) send(o *offload) {
	w.away++
	w.offloaded.Add(1)
	go func() {
		defer w.offloaded.Done()
		defer w.Post(o)
		defer func() { o.thrown = recover() }()
		o.f()
	}()
}

// Run takes the function back on the worker.
func (o *offload) Run(w *Worker) {
	w.away--
	for w.away < MaxOffloaded && len(w.waiting) > 0 {
		next := w.waiting[0]
		w.waiting[0] = nil
		w.waiting = w.waiting[1:]
		if !next.gone {
			w.send(next)
		}
	}
	o.co.ResumeIf(o.token)
}
