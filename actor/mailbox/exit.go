package mailbox

import (
	"slices"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// Normal is the reason of an end that is no failure; so is "shutdown", of the server's end.
const (
	Normal   = "normal"
	Shutdown = "shutdown"
)

// exitTimeout bounds how long Behaviour.Exit may take.
const exitTimeout = 5 * time.Second

// Kill ends the actor from anywhere. It returns before the actor has ended, unless it is called on
// the actor's own worker. on is the worker whose goroutine this is, or nil.
func (a *Actor) Kill(reason string, on *actor.Worker) {
	if reason == "" {
		reason = "killed"
	}
	if a.worker == on {
		a.end(reason, false)
		return
	}
	a.worker.Post(actor.TaskFunc(func(*actor.Worker) { a.end(reason, false) }))
}

// Exit ends the strand's own actor; the strand itself unwinds when it next parks.
func (s *Strand) Exit(reason string) {
	if reason == "" {
		reason = Normal
	}
	s.Actor.end(reason, false)
}

// Finish ends the actor as its own wish. On its worker.
func (a *Actor) Finish(reason string) { a.end(reason, false) }

// Crash ends the actor with a failure, after which its supervision starts it again. On its worker.
func (a *Actor) Crash(reason string) { a.end(reason, true) }

// end is the way of all actors: what was sent to it is answered, its coroutines are killed, its
// Behaviour has its last say, and its name is free or started again. On its worker.
func (a *Actor) end(reason string, failed bool) {
	a.mu.Lock()
	if a.life >= exiting {
		a.mu.Unlock()
		return
	}
	a.life, a.reason, a.code = exiting, reason, EDEAD
	if reason == Shutdown {
		a.code = ESHUTDOWN
	}
	if a.bootErr != nil {
		a.code = EERROR
	}
	a.crashed = failed
	waiting := append(slices.Clone(a.batch[a.next:]), a.queue...)
	a.batch, a.queue, a.next = nil, nil, 0
	a.size.Store(0)
	a.mu.Unlock()
	if a.idle != nil {
		a.idle.Stop()
	}
	if a.bootErr != nil { // who waited may try again at once
		a.Scope().drop(a)
	}
	for _, m := range waiting {
		a.refuse(m)
	}
	current := a.worker.Current()
	for _, s := range slices.Clone(a.strands) {
		if !s.ended && s.co != current {
			s.co.Kill()
		}
	}
	for len(a.open) > 0 {
		m := a.open[len(a.open)-1]
		a.answerDead(m)
	}
	if current != nil {
		for _, s := range a.strands {
			if s.co == current { // this one: it unwinds when it next parks
				defer s.co.Kill()
				break
			}
		}
	}
	if a.bootErr != nil || a.behaviour == nil {
		a.bury()
		return
	}
	a.worker.Go(a.lastWords)
}

// lastWords runs Behaviour.Exit, within bounds.
func (a *Actor) lastWords() {
	co := a.worker.Current()
	s := &Strand{Actor: a, co: co}
	limit := a.worker.AfterFunc(exitTimeout, co.Kill)
	defer a.bury()
	defer limit.Stop()
	a.behaviour.Exit(s, a.reason)
}

// refuse answers a message that is not handled any more.
func (a *Actor) refuse(m *Message) {
	dispose(m.Body)
	if m.Kind == Send {
		a.sys.deadLetter("exit", m)
		return
	}
	a.answerDead(m)
}

func (a *Actor) answerDead(m *Message) {
	if m.answered.Load() {
		return
	}
	if a.bootErr != nil {
		e := *a.bootErr
		m.finish(nil, &e)
		return
	}
	m.finish(nil, m.problem(a.code, a.reason))
}

// bury is the end of the end: monitors fire, the name is free or another actor has it.
func (a *Actor) bury() {
	a.mu.Lock()
	a.life = dead
	monitors, followed := a.monitors, a.followed
	a.monitors, a.followed = nil, nil
	a.mu.Unlock()
	for _, f := range followed {
		a.sys.unsubscribe(f)
	}
	if !a.restart() {
		a.Scope().drop(a)
	}
	for _, m := range monitors {
		m.fire(a.reason, a.worker)
	}
	if len(a.strands) == 0 {
		a.close()
	}
}

func (a *Actor) close() {
	if a.closed || a.behaviour == nil {
		return
	}
	a.closed = true
	a.behaviour.Close()
	a.behaviour = nil
}

// restart starts the actor's successor, if its supervision says so.
func (a *Actor) restart() bool {
	r := a.spec.Restart
	if r == nil || a.sys.closing.Load() || a.Scope().closed() || a.reason == Normal || a.reason == Shutdown || !a.crashed && !r.Always {
		return false
	}
	if a.bootErr != nil && len(a.restarts) == 0 { // it has never run
		return false
	}
	now := a.worker.Now()
	recent := slices.DeleteFunc(slices.Clone(a.restarts), func(t time.Time) bool { return now.Sub(t) > r.Within })
	if len(recent) >= r.Max {
		a.sys.logf("actor %s has ended %d times in %v and stays dead: %s", a, len(recent)+1, r.Within, a.reason)
		return false
	}
	b := a.sys.make(a.spec)
	b.restarts = append(recent, now)
	b.scope.Store(a.Scope())
	if !a.Scope().replace(a, b) {
		return false
	}
	a.sys.logf("actor %s is started again as %s: %s", a, b.short(), a.reason)
	b.launch(nil, nil, a.worker)
	return true
}

// A Monitor is who wants to know of an actor's end.
type Monitor struct {
	By      *Actor
	Of      *Actor
	Ref     any
	stopped bool
}

// Monitor has a Down message sent to by when a ends, at once if it has; its Ref is that of the
// monitor. on is the worker whose goroutine this is.
func (a *Actor) Monitor(by *Actor, ref any, on *actor.Worker) *Monitor {
	m := &Monitor{By: by, Of: a, Ref: ref}
	a.mu.Lock()
	if a.life != dead {
		a.monitors = append(a.monitors, m)
		a.mu.Unlock()
		return m
	}
	reason := a.reason
	a.mu.Unlock()
	m.fire(reason, on)
	return m
}

// Cancel takes the monitor back: no message is sent after it.
func (m *Monitor) Cancel() {
	m.Of.mu.Lock()
	defer m.Of.mu.Unlock()
	m.stopped = true
	m.Of.monitors = slices.DeleteFunc(m.Of.monitors, func(o *Monitor) bool { return o == m })
}

// Stopped says whether Cancel was called.
func (m *Monitor) Stopped() bool {
	m.Of.mu.Lock()
	defer m.Of.mu.Unlock()
	return m.stopped
}

func (m *Monitor) fire(reason string, on *actor.Worker) {
	msg := &Message{Kind: Down, From: m.Of, To: m.By, Ref: m, Body: Args{reason}}
	if on != nil {
		msg.sent = on.Now()
	}
	m.By.post(msg, on)
}
