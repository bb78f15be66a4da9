package mailbox

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// MaxDepth bounds a call chain: the actors that wait for one another.
const MaxDepth = 64

// Body is what a message or an answer carries. It must not change once it is sent.
type Body interface {
	// Values are its values in Go: nil, bool, float64, string, *Actor, []any and map[any]any of these.
	Values() []any
}

// A Disposer is a Body with something in it that has an owner: it is told when nobody will receive
// it. A message that was refused stays its sender's.
type Disposer interface{ Dispose() }

func dispose(b Body) {
	if d, ok := b.(Disposer); ok {
		d.Dispose()
	}
}

// Args is the Body of what Go sends. Integers are numbers to who receives them.
type Args []any

// Values are the arguments themselves.
func (a Args) Values() []any { return a }

// Kind is what a message is about.
type Kind uint8

const (
	Send  Kind = iota // nobody waits for an answer
	Call              // somebody does
	Down              // an actor that was monitored has ended: Ref, and the reason in Body
	Topic             // something was published: Ref is the subscription, Cmd the topic
	boot              // the first message of every actor
	ready             // answered when the actor has started
)

// A Message is on its way to an actor or handled by it. What it carries is for everyone to read;
// answering and asking about it belongs to the coroutines of the actor that it was sent to.
type Message struct {
	Kind    Kind
	From    *Actor // nil: from outside of all actors
	To      *Actor
	Cmd     string
	Body    Body
	Session uint64    // of a call: counted by its caller, from 1, never used again
	Ref     any       // see Down, Topic
	sent    time.Time // by the clock of the sender's worker
	// deadline of a call; none: zero.
	deadline time.Time
	depth    int

	// The callee's half.
	run       Strand    // that handles it
	others    []*Strand // that work on it, too
	slot      int       // in To.open, from 1; 0: not in it
	begun     atomic.Bool
	answered  atomic.Bool
	deferred  atomic.Bool
	cancelled atomic.Bool // the caller's to set

	// The caller's half.
	caller *Strand // nil: from outside
	wait   edge    // of the caller, on this
	token  uint64  // that the caller is parked on
	many   *Select // that it is part of
	out    chan<- struct{}
	timer  actor.Timer
	state  callState
	gave   *Error // why it waits no more
	// Written before the answer is sent, read by the caller then.
	answer Body
	err    *Error
}

type callState uint8

const (
	pending callState = iota
	done
	left // the caller waits no more
)

// Deadline is when the caller gives up; zero for what is no call.
func (m *Message) Deadline() time.Time { return m.deadline }

// Sent is when the message was sent, by the clock of its sender.
func (m *Message) Sent() time.Time { return m.sent }

// Answered says whether the duty to answer is gone: the call was answered, or its actor has ended.
func (m *Message) Answered() bool { return m.answered.Load() }

// Deferred says whether Defer was called.
func (m *Message) Deferred() bool { return m.deferred.Load() }

// Cancelled says whether nobody waits for the work any more: the caller has given up, or one that it
// works for.
func (m *Message) Cancelled() bool {
	for m != nil {
		if m.cancelled.Load() {
			return true
		}
		if m.caller == nil {
			return false
		}
		m = m.caller.Msg
	}
	return false
}

// Strand is what handles the message.
func (m *Message) Strand() *Strand { return &m.run }

// Chain is the addresses of the actors that wait for this call, the first caller first.
func (m *Message) Chain() []string {
	var chain []string
	for s := m.caller; s != nil; {
		chain = append(chain, s.Actor.short())
		if s.Msg == nil {
			break
		}
		s = s.Msg.caller
	}
	for i, j := 0, len(chain)-1; i < j; i, j = i+1, j-1 {
		chain[i], chain[j] = chain[j], chain[i]
	}
	return chain
}

// Reply answers a call. It is false when the caller is not there any more, or the message is none
// that can be answered. A second answer is the caller's mistake: see Answered.
func (m *Message) Reply(b Body) bool { return m.finish(b, nil) }

// Fail answers a call with an error.
func (m *Message) Fail(code Code, msg string) bool { return m.finish(nil, m.problem(code, msg)) }

// FailWith is Fail with a complete error.
func (m *Message) FailWith(err *Error) bool { return m.finish(nil, err) }

// finish gives the caller its one answer. On the callee's worker.
func (m *Message) finish(b Body, err *Error) bool {
	if m.Kind != Call && m.Kind != boot && m.Kind != ready {
		return false
	}
	if m.answered.Swap(true) {
		return false
	}
	if m.slot > 0 {
		m.To.forget(m)
	}
	if m.cancelled.Load() {
		m.To.sys.deadLetter("late", m)
		return false
	}
	m.deliver(b, err, m.To.worker)
	return true
}

// deliver takes the answer to the caller. on is the worker whose goroutine this is, or nil.
func (m *Message) deliver(b Body, err *Error, on *actor.Worker) {
	m.answer, m.err = b, err
	switch {
	case m.out != nil:
		close(m.out)
	case m.caller == nil: // nobody asked: an actor started from the configuration
	case m.caller.co.Worker() == on:
		(*answer)(m).Run(on)
	default:
		m.caller.co.Worker().Post((*answer)(m))
	}
}

// result is what the caller gets.
func (m *Message) result() (Body, *Error) {
	if m.state == left {
		return nil, m.gave
	}
	return m.answer, m.err
}

// answer is a message on its way back: a task of the caller's worker.
type answer Message

func (t *answer) Run(*actor.Worker) {
	m := (*Message)(t)
	if m.state != pending {
		m.To.sys.deadLetter("late", m)
		dispose(m.answer)
		return
	}
	m.arrive()
}

// arrive ends the caller's wait. On the caller's worker.
func (m *Message) arrive() {
	m.state = done
	m.timer.Stop()
	if m.many != nil {
		m.many.arrived(m)
	} else if m.token != 0 {
		m.caller.co.ResumeIf(m.token)
	}
}

// expiry is a message whose deadline has come: the target of its timer.
type expiry Message

func (t *expiry) Expire(*actor.Timer) {
	m := (*Message)(t)
	if m.state == pending {
		m.giveUp(ETIMEOUT)
	}
}

// giveUp ends the caller's wait with an error of its own making, and tells the callee. On the
// caller's worker.
func (m *Message) giveUp(code Code) {
	e := m.problem(code, "")
	e.After = m.caller.co.Worker().Now().Sub(m.sent)
	m.leave()
	m.gave = e
	if m.many != nil {
		m.many.arrived(m)
	} else if m.token != 0 {
		m.caller.co.ResumeIf(m.token)
	}
}

// leave ends the caller's interest in the answer.
func (m *Message) leave() {
	m.state = left
	m.timer.Stop()
	m.cancel()
}

// cancel tells the callee that nobody waits. Any goroutine.
func (m *Message) cancel() {
	m.cancelled.Store(true)
	if !m.answered.Load() && m.begun.Load() {
		m.To.worker.Post((*cancellation)(m))
	}
}

// cancellation is a message that is not waited for any more: a task of the callee's worker. What
// its handler waits for is not waited for either.
type cancellation Message

func (t *cancellation) Run(*actor.Worker) {
	m := (*Message)(t)
	if m.answered.Load() {
		return
	}
	for _, s := range append(slices.Clone(m.others), &m.run) {
		s.cancel()
	}
}
