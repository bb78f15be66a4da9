package mailbox

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// A Strand is what one coroutine does in the name of an actor: the message that it handles, and
// what it waits for. It belongs to the coroutine's worker. Messages have theirs; other coroutines
// (requests, forks) get one by NewStrand.
type Strand struct {
	Actor *Actor
	Msg   *Message // that it handles; nil: none
	co    *actor.Coroutine
	index int // in Actor.strands, from 1
	// split: other coroutines work on the same message, so that it may be answered while this waits.
	split atomic.Bool
	waits atomic.Pointer[edge]
	calls []*Message // that it is parked for
	one   [1]*Message
	open  []*Select // with calls under way
	quick int       // calls since it last parked
	ended bool
}

// NewStrand makes a strand of the coroutine that runs: it speaks for a. msg is what it works on,
// beside the strand that handles it, or nil. Close must be called in the end.
func NewStrand(a *Actor, co *actor.Coroutine, msg *Message) *Strand {
	s := &Strand{Actor: a, co: co, Msg: msg}
	if msg != nil {
		msg.run.split.Store(true)
		msg.others = append(msg.others, s)
	}
	return s
}

// Close gives up the calls of the strand that nobody waits for any more: those of a Select. What
// handles a message, and a fork, do so by themselves in the end.
func (s *Strand) Close() {
	for len(s.open) > 0 {
		s.open[len(s.open)-1].Cancel()
	}
	if s.Msg != nil && s != &s.Msg.run {
		s.Msg.others = slices.DeleteFunc(s.Msg.others, func(o *Strand) bool { return o == s })
	}
}

// cancel ends the calls of the strand with ECANCELLED: nobody waits for what it works on. Where an
// answer comes, its coroutine may go on at once.
func (s *Strand) cancel() {
	under := slices.Clone(s.calls)
	for _, l := range s.open {
		under = append(under, l.waiting...)
	}
	for _, n := range under {
		if n.state == pending {
			n.giveUp(ECANCELLED)
		}
	}
}

// Coroutine is the one that the strand belongs to.
func (s *Strand) Coroutine() *actor.Coroutine { return s.co }

// maxQuick is how many calls a coroutine may have answered in a row without giving its worker up.
const maxQuick = 64

// newCall makes a message of a call; the error is its own.
func (s *Strand) newCall(to *Actor, cmd string, body Body, timeout time.Duration) (*Message, *Error) {
	a := s.Actor
	a.sessions++
	a.sent.Add(1)
	m := &Message{Kind: Call, From: a, To: to, Cmd: cmd, Body: body, Session: a.sessions, caller: s}
	m.sent = s.co.Worker().Now()
	m.wait.call = m
	m.depth = 1
	if timeout <= 0 {
		timeout = to.Scope().timeout()
	}
	m.deadline = m.sent.Add(timeout)
	if s.Msg != nil && s.Msg.Kind == Call {
		m.depth = s.Msg.depth + 1
		if d := s.Msg.deadline; !d.IsZero() && d.Before(m.deadline) {
			m.deadline = d
		}
		switch {
		case m.depth > MaxDepth:
			return nil, m.problem(EDEPTH, "more than 64 actors wait for one another")
		case !m.deadline.After(m.sent):
			e := m.problem(ETIMEOUT, "")
			return nil, e
		case s.Msg.Cancelled():
			return nil, m.problem(ECANCELLED, "")
		}
	}
	return m, nil
}

// Call sends a message and parks until it is answered: exactly one of an answer and an error comes
// back. timeout 0 is that of the callee's scope; the deadline of the message that the strand handles holds too.
// When the coroutine is killed meanwhile, the call is cancelled.
func (s *Strand) Call(to *Actor, cmd string, body Body, timeout time.Duration) (Body, *Error) {
	b, err := s.ask(to, cmd, body, timeout)
	if err != nil {
		to.sys.count(err)
	}
	return b, err
}

// ask is Call without the counting.
func (s *Strand) ask(to *Actor, cmd string, body Body, timeout time.Duration) (Body, *Error) {
	m, err := s.newCall(to, cmd, body, timeout)
	if err != nil {
		return nil, err
	}
	w := s.co.Worker()
	quick := to.worker == w && s.quick < maxQuick && to.begin(m)
	if !quick {
		if err := to.post(m, w); err != nil {
			return nil, err
		}
	}
	if m.state == pending {
		s.await(m)
	} else {
		s.quick++
		s.co.Check()
	}
	return m.result()
}

// await parks until m is answered or given up.
func (s *Strand) await(m *Message) {
	w := s.co.Worker()
	m.timer.Init(w, (*expiry)(m))
	m.timer.Reset(m.deadline.Sub(w.Now()))
	m.token = s.co.Token()
	s.one[0] = m
	s.calls = s.one[:]
	s.waits.Store(&m.wait)
	defer s.unwait(m)
	if e := s.deadlock(m); e != nil {
		m.leave()
		m.gave = e
		return
	}
	s.quick = 0
	s.co.ParkOn(m.token)
}

func (s *Strand) unwait(m *Message) {
	s.waits.Store(nil)
	s.calls, s.one[0] = nil, nil
	m.token = 0
	if m.state == pending { // killed
		m.leave()
	}
}

// Send sends a message that is not answered. It never parks.
func (s *Strand) Send(to *Actor, cmd string, body Body) *Error {
	m := &Message{Kind: Send, From: s.Actor, To: to, Cmd: cmd, Body: body}
	w := s.co.Worker()
	m.sent = w.Now()
	return to.post(m, w)
}

// Fork starts a coroutine of the strand's actor that works on no message. It ends with the actor.
func (s *Strand) Fork(f func(s *Strand)) { s.Actor.fork(f) }

// Fork starts a coroutine of the actor that works on no message. On its worker.
func (a *Actor) Fork(f func(s *Strand)) { a.fork(f) }

// Send sends a message from a, which may be nil. on is the worker whose goroutine this is, or nil.
func (a *Actor) Send(to *Actor, cmd string, body Body, on *actor.Worker) *Error {
	m := &Message{Kind: Send, From: a, To: to, Cmd: cmd, Body: body}
	if on != nil {
		m.sent = on.Now()
	} else {
		m.sent = time.Now()
	}
	return to.post(m, on)
}

// fork is Fork; on the actor's worker.
func (a *Actor) fork(f func(s *Strand)) {
	a.worker.Serve(&forked{Strand{Actor: a}, f})
}

type forked struct {
	s Strand
	f func(s *Strand)
}

func (k *forked) Serve() {
	k.s.co = k.s.Actor.worker.Current()
	k.s.Actor.join(&k.s)
	defer k.s.Actor.part(&k.s)
	defer k.s.Close()
	k.f(&k.s)
}

// A Select is several calls under way at once.
type Select struct {
	s       *Strand
	waiting []*Message
	ready   []*Message
	token   uint64
}

// Select makes an empty one. What is left of it is cancelled with the strand.
func (s *Strand) Select() *Select { return &Select{s: s} }

// Call adds a call; its answer comes by Next with m.Ref as given.
func (l *Select) Call(to *Actor, cmd string, body Body, timeout time.Duration, ref any) {
	m, err := l.s.newCall(to, cmd, body, timeout)
	if err != nil {
		l.ready = append(l.ready, &Message{To: to, Cmd: cmd, Ref: ref, err: err})
		return
	}
	m.Ref, m.many = ref, l
	w := l.s.co.Worker()
	m.timer.Init(w, (*expiry)(m))
	l.waiting = append(l.waiting, m)
	if len(l.waiting) == 1 {
		l.s.open = append(l.s.open, l)
	}
	if err := to.post(m, w); err != nil {
		m.state, m.err = done, err
		l.arrived(m)
		return
	}
	m.timer.Reset(m.deadline.Sub(m.sent))
}

func (l *Select) arrived(m *Message) {
	if i := slices.Index(l.waiting, m); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	l.rest()
	l.ready = append(l.ready, m)
	if l.token != 0 {
		l.s.co.ResumeIf(l.token)
	}
}

// rest takes a select without calls under way out of those of its strand.
func (l *Select) rest() {
	if i := slices.Index(l.s.open, l); i >= 0 && len(l.waiting) == 0 {
		l.s.open = slices.Delete(l.s.open, i, i+1)
	}
}

// Failed adds a call that could not be made.
func (l *Select) Failed(err *Error, ref any) {
	l.ready = append(l.ready, &Message{Ref: ref, err: err})
}

// Next parks until one more call has ended, and gives its Ref and answer. ok is false when none is
// left.
func (l *Select) Next() (ref any, b Body, err *Error, ok bool) {
	for len(l.ready) == 0 {
		if len(l.waiting) == 0 {
			return nil, nil, nil, false
		}
		l.token = l.s.co.Token()
		l.s.calls = slices.Clone(l.waiting)
		l.s.quick = 0
		l.park()
	}
	m := l.ready[0]
	l.ready = l.ready[1:]
	b, err = m.result()
	l.s.Actor.sys.count(err)
	return m.Ref, b, err, true
}

func (l *Select) park() {
	defer func() { l.s.calls, l.token = nil, 0 }()
	l.s.co.ParkOn(l.token)
}

// Cancel gives up what has not been answered.
func (l *Select) Cancel() {
	for _, m := range l.waiting {
		m.leave()
	}
	l.waiting, l.ready = nil, nil
	l.rest()
}
