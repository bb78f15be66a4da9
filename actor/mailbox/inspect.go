package mailbox

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// A Task is one coroutine of an actor, as its Behaviour sees it.
type Task struct {
	ID    uint64    // never used again for another of the actor
	What  string    // that it works on: a message, a request, a timer
	Since time.Time // it has begun; zero: unknown
	Waits string    // for whom, when it waits for an answer or its turn in a queue
	Stack string    // where it stands, one function a line
}

// An Inspector is a Behaviour that shows what its coroutines do. Its methods run on the loop of the
// actor's worker, outside of any coroutine, and do not park.
type Inspector interface {
	Tasks() []Task
	// KillTask ends one of them; false: there is none of that ID.
	KillTask(id uint64) bool
	// Memory is about how many bytes it holds; exact is false when it gave up counting.
	Memory() (n int64, exact bool)
}

// A Program is the body of a call that no handler gets: the source of a program in the actor's
// language, which runs in the actor. Only Go sends one: no command and no values that a script was
// given from outside can be one.
type Program struct {
	Source string
	// Replace: its handlers take the place of the actor's. Else the answer is what it has printed.
	Replace bool
}

// Values is the source.
func (p Program) Values() []any { return []any{p.Source} }

// Inject runs a program in an actor, from outside of all workers, and returns what it has printed.
func (sys *System) Inject(ctx context.Context, to *Actor, source string) (string, error) {
	values, err := sys.call(ctx, to, "inject", Program{Source: source})
	if err != nil {
		return "", err
	}
	return fmt.Sprint(values...), nil
}

// Visit calls f on the loop of every worker that answers before ctx ends, one after the other; it
// returns those that do not.
func (sys *System) Visit(ctx context.Context, f func(w *actor.Worker)) (busy []*actor.Worker) {
	for _, w := range sys.Workers() {
		if !visit(ctx, w, func() { f(w) }) {
			busy = append(busy, w)
		}
	}
	return busy
}

// Visit calls f on the loop of the actor's worker; false: that does not answer before ctx ends, and
// f does not run.
func (a *Actor) Visit(ctx context.Context, f func()) bool { return visit(ctx, a.worker, f) }

func visit(ctx context.Context, w *actor.Worker, f func()) bool {
	var taken atomic.Bool // by f, or by who has lost patience
	end := make(chan struct{})
	if !w.Post(actor.TaskFunc(func(*actor.Worker) {
		if !taken.Swap(true) {
			defer close(end)
			f()
		}
	})) {
		return false
	}
	select {
	case <-end:
		return true
	case <-ctx.Done():
		if taken.Swap(true) {
			<-end
			return true
		}
		return false
	}
}

// A Flight is a call that has not been answered.
type Flight struct {
	From, To *Actor // From is nil for one from outside
	Cmd      string
	Session  uint64
	Sent     time.Time
	State    string // "queued", "running" or "deferred"
}

// Flights are the calls to the actor that wait for an answer. On its worker.
func (a *Actor) Flights() []Flight {
	a.mu.Lock()
	waiting := append(slices.Clone(a.batch[a.next:]), a.queue...)
	a.mu.Unlock()
	var all []Flight
	add := func(m *Message, state string) {
		if m.Kind == Call && !m.answered.Load() && !m.cancelled.Load() {
			all = append(all, Flight{m.From, m.To, m.Cmd, m.Session, m.sent, state})
		}
	}
	for _, m := range a.open {
		if m.deferred.Load() {
			add(m, "deferred")
		} else {
			add(m, "running")
		}
	}
	for _, m := range waiting {
		add(m, "queued")
	}
	return all
}

// Waits says what the strand waits for, "" if it waits for no actor. On its worker.
func (s *Strand) Waits() string {
	if e := s.waits.Load(); e != nil && e.queue != nil {
		return "a queue of " + e.queue.actor.short()
	}
	text := ""
	for i, m := range s.calls {
		if i == maxWaits {
			return fmt.Sprintf("%s and %d more", text, len(s.calls)-i)
		}
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%s.%s session %d", m.To.short(), m.Cmd, m.Session)
	}
	return text
}

// maxWaits bounds how many calls of a strand Waits names.
const maxWaits = 8

// Counts are what has happened since the system was made, over all actors, also those that have ended.
type Counts struct {
	Actors   int    // that live
	Started  uint64 // restarts included
	Restarts uint64
	Handled  uint64          // messages
	Errors   uint64          // handlers that raised one
	Calls    uint64          // made, also from outside
	Failed   map[Code]uint64 // calls that ended with an error
}

// counters are those that are not the actors' own. past is under System.mu: of the ended.
type counters struct {
	started, restarts, outside atomic.Uint64
	failed                     [len(codes)]atomic.Uint64
	past                       struct{ handled, errors, calls uint64 }
}

var codes = [...]Code{ENOACTOR, EDEAD, EERROR, ENOREPLY, ETIMEOUT, ECANCELLED, EOVERFLOW, EDEADLOCK, EDEPTH, ETYPE, ECYCLE, ENOCALL, EREPLIED, ESHUTDOWN, EEXIST}

// count notes how a call has ended for its caller.
func (sys *System) count(err *Error) {
	if err == nil {
		return
	}
	if i := slices.Index(codes[:], err.Code); i >= 0 {
		sys.counters.failed[i].Add(1)
	}
}

// Unsent counts a call that could not be made.
func (sys *System) Unsent(err *Error) { sys.count(err) }

// part takes an actor that has ended from the list; its counts stay. Under mu.
func (sys *System) part(a *Actor) {
	if sys.actors[a.ID] != a {
		return
	}
	delete(sys.actors, a.ID)
	p := &sys.counters.past
	p.handled += a.handled.Load()
	p.errors += a.failed.Load()
	p.calls += a.sent.Load()
}

// Counts adds up what there is to be counted.
func (sys *System) Counts() Counts {
	k := &sys.counters
	c := Counts{Started: k.started.Load(), Restarts: k.restarts.Load(), Calls: k.outside.Load(), Failed: map[Code]uint64{}}
	for i, code := range codes {
		c.Failed[code] = k.failed[i].Load()
	}
	sys.mu.Lock()
	defer sys.mu.Unlock()
	c.Actors = len(sys.actors)
	c.Handled, c.Errors, c.Calls = k.past.handled, k.past.errors, c.Calls+k.past.calls
	for _, a := range sys.actors {
		c.Handled += a.handled.Load()
		c.Errors += a.failed.Load()
		c.Calls += a.sent.Load()
	}
	return c
}

// A Letter is a message that reached nobody.
type Letter struct {
	At            time.Time
	Reason        string // "noactor", "late", "overflow" or "exit"
	From, To, Cmd string
	Session       uint64
	Age           time.Duration
}

// keptLetters is how many of them are remembered.
const keptLetters = 64

// RecentLetters are the last ones, the oldest first.
func (sys *System) RecentLetters() []Letter {
	l := &sys.letters
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.recent) < keptLetters {
		return slices.Clone(l.recent)
	}
	return append(slices.Clone(l.recent[l.next:]), l.recent[:l.next]...)
}

// remember keeps a letter. Under mu.
func (l *letters) remember(x Letter) {
	if len(l.recent) < keptLetters {
		l.recent = append(l.recent, x)
		return
	}
	l.recent[l.next] = x
	l.next = (l.next + 1) % keptLetters
}

// A Traced is one message that an actor has handled while it was traced.
type Traced struct {
	At      time.Time // when its handling began
	From    *Actor    // nil: from outside
	Cmd     string
	Session uint64
	Took    time.Duration
	End     string // "answered", "deferred", "killed", or "" for a message without an answer
}

// Trace calls f, on the actor's worker, for every message that has been handled until stop is
// called; nil: the actor is traced already or has ended. On its worker, as stop.
func (a *Actor) Trace(f func(Traced)) (stop func()) {
	if _, traced := a.behaviour.(*tracing); traced || a.behaviour == nil {
		return nil
	}
	t := &tracing{a.behaviour, f}
	a.behaviour = t
	return func() {
		if a.behaviour == Behaviour(t) {
			a.behaviour = t.Behaviour
		}
	}
}

// tracing is a Behaviour that is looked at.
type tracing struct {
	Behaviour
	f func(Traced)
}

func (t *tracing) Handle(m *Message) {
	x := Traced{At: time.Now(), From: m.From, Cmd: m.Cmd, Session: m.Session, End: "killed"}
	defer func() {
		x.Took = time.Since(x.At)
		t.f(x)
	}()
	t.Behaviour.Handle(m)
	switch {
	case m.answered.Load():
		x.End = "answered"
	case m.deferred.Load():
		x.End = "deferred"
	default:
		x.End = ""
	}
}
