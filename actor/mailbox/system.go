package mailbox

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// DefaultTimeout is how long a call waits when neither it nor the callee's Scope says more.
const DefaultTimeout = 30 * time.Second

// System is all actors of a server. Its methods may be called from any goroutine.
type System struct {
	// Log is called with what the operator should know. Set it before the first actor.
	Log func(text string)

	root     Scope
	ids      atomic.Uint64
	closing  atomic.Bool
	letters  letters
	topics   topics
	counters counters

	mu      sync.Mutex
	workers []*actor.Worker
	actors  map[uint64]*Actor
}

// NewSystem makes a system without actors.
func NewSystem() *System {
	sys := &System{actors: map[uint64]*Actor{}}
	sys.root.sys, sys.root.names = sys, map[string]*Actor{}
	return sys
}

func (sys *System) logf(format string, a ...any) {
	if sys.Log != nil {
		sys.Log(sprintf(format, a...))
	}
}

// Root is the scope of what is there under every configuration.
func (sys *System) Root() *Scope { return &sys.root }

// AddWorker makes a worker known, where actors can live.
func (sys *System) AddWorker(w *actor.Worker) {
	sys.mu.Lock()
	defer sys.mu.Unlock()
	if !slices.Contains(sys.workers, w) {
		sys.workers = append(sys.workers, w)
	}
}

// Workers are those known, in the order of AddWorker.
func (sys *System) Workers() []*actor.Worker {
	sys.mu.Lock()
	defer sys.mu.Unlock()
	return slices.Clone(sys.workers)
}

// Actors lists those that have not ended, in the order of their start.
func (sys *System) Actors() []*Actor {
	sys.mu.Lock()
	defer sys.mu.Unlock()
	all := make([]*Actor, 0, len(sys.actors))
	for _, a := range sys.actors {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *Actor) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// Find returns the actor with an ID, nil when there is none.
func (sys *System) Find(id uint64) *Actor {
	sys.mu.Lock()
	defer sys.mu.Unlock()
	return sys.actors[id]
}

// make makes an actor that has not begun.
func (sys *System) make(spec *Spec) *Actor {
	a := &Actor{ID: sys.ids.Add(1), Name: spec.Name, sys: sys, worker: spec.Worker, spec: spec,
		serial: spec.Serial, bound: int32(min(spec.Mailbox, math.MaxInt32)), over: spec.Overflow}
	a.scope.Store(&sys.root)
	if spec.Scope != nil {
		a.scope.Store(spec.Scope)
	}
	if a.bound <= 0 {
		a.bound = DefaultMailbox
	}
	return a
}

// launch has the actor boot on its worker; caller or out, if not nil, is told.
func (a *Actor) launch(caller *Strand, out chan<- struct{}, on *actor.Worker) *Message {
	m := &Message{Kind: boot, To: a, Cmd: "init", out: out, caller: caller}
	if caller != nil {
		m.From = caller.Actor
		caller.Actor.sessions++
		m.Session = caller.Actor.sessions
		m.sent = caller.co.Worker().Now()
		m.deadline = m.sent.Add(a.Scope().timeout())
		m.wait.call = m
	} else {
		m.sent = time.Now()
	}
	run := actor.TaskFunc(func(w *actor.Worker) {
		a.started = w.Now()
		a.start(m)
	})
	if a.worker == on && on.Current() != nil {
		run(on)
	} else {
		a.worker.Post(run)
	}
	return m
}

// Spawn starts an actor and returns when its Init has. s is the strand that asks.
func (s *Strand) Spawn(spec *Spec) (*Actor, *Error) {
	sys := s.Actor.sys
	a := sys.make(spec)
	if err := a.Scope().add(a); err != nil {
		return nil, err
	}
	m := a.launch(s, nil, s.co.Worker())
	if m.state == pending {
		s.await(m)
	}
	if _, err := m.result(); err != nil {
		if err.Code == ETIMEOUT {
			a.Kill("init took too long", s.co.Worker())
		}
		return nil, err
	}
	return a, nil
}

// Unique is Spawn for the first who asks; the others wait until the actor has started. fresh says
// whether it was this one's.
func (s *Strand) Unique(spec *Spec) (a *Actor, fresh bool, err *Error) {
	for {
		scope := spec.Scope
		if scope == nil {
			scope = &s.Actor.sys.root
		}
		if old := scope.Find(spec.Name); old != nil {
			if err := s.Ready(old); err == nil || err.Code != EDEAD {
				return old, false, err
			}
			s.co.Sleep(time.Millisecond) // it ends: its name will be free
			continue
		}
		a, err := s.Spawn(spec)
		if err != nil && err.Code == EEXIST {
			continue
		}
		return a, err == nil, err
	}
}

// Ready parks until the actor has started.
func (s *Strand) Ready(a *Actor) *Error {
	a.mu.Lock()
	started := a.life == alive
	a.mu.Unlock()
	if started {
		return nil
	}
	m, err := s.newCall(a, "init", nil, 0)
	if err != nil {
		return err
	}
	m.Kind = ready
	if err := a.post(m, s.co.Worker()); err != nil {
		return err
	}
	s.await(m)
	_, err = m.result()
	return err
}

// Start is Spawn from outside of all workers.
func (sys *System) Start(ctx context.Context, spec *Spec) (*Actor, error) {
	a := sys.make(spec)
	if err := a.Scope().add(a); err != nil {
		return nil, err
	}
	out := make(chan struct{})
	m := a.launch(nil, out, nil)
	select {
	case <-out:
		if m.err != nil {
			return nil, m.err
		}
		return a, nil
	case <-ctx.Done():
		a.Kill("init took too long", nil)
		return nil, ctx.Err()
	}
}

// Call sends a message from outside of all workers and waits for its answer.
func (sys *System) Call(ctx context.Context, to *Actor, cmd string, args ...any) ([]any, error) {
	return sys.call(ctx, to, cmd, Args(args))
}

func (sys *System) call(ctx context.Context, to *Actor, cmd string, body Body) ([]any, error) {
	sys.counters.outside.Add(1)
	values, err := sys.ask(ctx, to, cmd, body)
	if err != nil {
		sys.count(err)
		return nil, err
	}
	return values, nil
}

// ask is call without the counting.
func (sys *System) ask(ctx context.Context, to *Actor, cmd string, body Body) ([]any, *Error) {
	out := make(chan struct{})
	m := &Message{Kind: Call, To: to, Cmd: cmd, Body: body, out: out, depth: 1, Session: sys.ids.Add(1), sent: time.Now()}
	m.deadline = m.sent.Add(to.Scope().timeout())
	if d, ok := ctx.Deadline(); ok && d.Before(m.deadline) {
		m.deadline = d
	}
	if err := to.post(m, nil); err != nil {
		return nil, err
	}
	limit := time.NewTimer(time.Until(m.deadline))
	defer limit.Stop()
	code := ETIMEOUT
	select {
	case <-out:
		if m.err != nil || m.answer == nil {
			return nil, m.err
		}
		return m.answer.Values(), nil
	case <-limit.C:
	case <-ctx.Done():
		if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
			code = ECANCELLED
		}
	}
	m.cancel()
	e := m.problem(code, "")
	e.After = time.Since(m.sent)
	return nil, e
}

// Send sends a message from outside of all workers.
func (sys *System) Send(to *Actor, cmd string, args ...any) error {
	m := &Message{Kind: Send, To: to, Cmd: cmd, Body: Args(args), sent: time.Now()}
	if err := to.post(m, nil); err != nil {
		return err
	}
	return nil
}

// Close ends all actors, the last started first, each when the one before has ended. Their workers
// must run. It gives up when ctx ends.
func (sys *System) Close(ctx context.Context) {
	sys.closing.Store(true)
	sys.end(ctx, Shutdown, func(*Actor) bool { return true })
}

func (sys *System) end(ctx context.Context, reason string, which func(*Actor) bool) {
	for {
		all := sys.Actors()
		all = slices.DeleteFunc(all, func(a *Actor) bool { return !which(a) })
		if len(all) == 0 {
			return
		}
		for i := len(all) - 1; i >= 0; i-- {
			if !all[i].stop(ctx, reason) {
				return
			}
		}
	}
}

// stop ends the actor and waits for it.
func (a *Actor) stop(ctx context.Context, reason string) bool {
	ended := make(chan struct{})
	if !a.worker.Post(actor.TaskFunc(func(w *actor.Worker) { a.whenDead(func() { close(ended) }, reason) })) {
		a.Scope().drop(a)
		return true
	}
	select {
	case <-ended:
		return true
	case <-ctx.Done():
		return false
	}
}

// whenDead ends the actor and calls f when it has. On its worker.
func (a *Actor) whenDead(f func(), reason string) {
	a.end(reason, false)
	if a.life == dead {
		f()
		return
	}
	a.worker.AfterFunc(time.Millisecond, func() { a.whenDead(f, reason) })
}

// Place makes an actor that needs no Init and is alive at once. On its worker.
func (sys *System) Place(spec *Spec) (*Actor, *Error) {
	a := sys.make(spec)
	if err := a.Scope().add(a); err != nil {
		return nil, err
	}
	a.started = a.worker.Now()
	a.behaviour = spec.New(a)
	a.mu.Lock()
	a.life = alive
	a.mu.Unlock()
	return a, nil
}

// Strand makes a strand of the coroutine that runs, for one that is not the actor's own and is not
// ended with it.
func (a *Actor) Strand(co *actor.Coroutine) *Strand { return &Strand{Actor: a, co: co} }
