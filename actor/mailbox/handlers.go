package mailbox

import (
	"runtime"

	"github.com/luahttpd/luahttpd/actor"
)

// Handlers is a Behaviour made of functions of Go, by command; "" takes all others. What a function
// returns answers a call, unless it has answered or deferred. They run on coroutines of the actor's
// worker and must not block it: what waits does so by actor.Worker.Offload or by parking.
type Handlers map[string]func(m *Message) ([]any, error)

func (h Handlers) Init(*Message) error  { return nil }
func (h Handlers) Exit(*Strand, string) {}
func (h Handlers) Close()               {}
func (h Handlers) Handle(m *Message) {
	f := h[m.Cmd]
	if f == nil {
		f = h[""]
	}
	if _, program := m.Body.(Program); program {
		f = nil
	}
	if f == nil || m.Kind > Call {
		m.Fail(ENOCALL, "no such command")
		return
	}
	results, err := f(m)
	if m.Answered() || m.Deferred() {
		return
	}
	if err != nil {
		m.Actor().failed.Add(1)
		m.FailWith(m.bootProblem(err))
		return
	}
	m.Reply(Args(results))
}

// Actor is who handles the message.
func (m *Message) Actor() *Actor { return m.To }

// A Deferred is the duty to answer a call later, from any coroutine of the actor's worker. When it
// becomes garbage, the caller gets ENOREPLY.
type Deferred struct {
	m    *Message
	used bool
}

// Defer takes the duty to answer from the handler: it may end without an answer.
func (m *Message) Defer() *Deferred {
	m.deferred.Store(true)
	d := &Deferred{m: m}
	runtime.SetFinalizer(d, (*Deferred).lost)
	return d
}

// lost runs on the goroutine of finalizers.
func (d *Deferred) lost() {
	m := d.m
	if !m.answered.Load() {
		m.To.worker.Post(actor.TaskFunc(func(*actor.Worker) { m.Fail(ENOREPLY, "the deferred answer was dropped") }))
	}
}

// Message is the call that is to be answered.
func (d *Deferred) Message() *Message { return d.m }

// Use is true once: for the one who answers.
func (d *Deferred) Use() bool {
	first := !d.used
	d.used = true
	return first
}

// Alive says whether the caller still waits.
func (d *Deferred) Alive() bool { return !d.m.Answered() && !d.m.Cancelled() }
