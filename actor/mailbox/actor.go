// Package mailbox is actors: what has a mailbox, handles a message in a coroutine of its own, lives
// on one worker and answers calls.
//
// The nouns: a System is all actors of a server, a Scope those of one of its configurations. An
// Actor has a Behaviour, which is what it does. A Message is sent or called; a Strand is what one
// coroutine does in an actor's name. A Queue is a critical section of an actor.
//
// Every call gets exactly one answer or Error. An actor's own fields belong to its worker's
// goroutine; what other workers need is under a lock or atomic. A message's memory goes with it:
// its callee's half belongs to the callee's worker, its caller's half to the caller's, and the
// answer passes from one to the other with the task that delivers it.
package mailbox

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// Behaviour is what an actor does. Its methods run on coroutines of the actor's worker, which may
// park.
type Behaviour interface {
	// Init runs first; until it has returned, other messages wait. After an error there is no actor.
	Init(m *Message) error
	// Handle handles one message. A call that is neither answered nor deferred when it returns gets
	// ENOREPLY.
	Handle(m *Message)
	// Exit runs last, when every other coroutine of the actor has ended or unwinds.
	Exit(s *Strand, reason string)
	// Close gives back what the behaviour holds: no coroutine runs any more. It must not park.
	Close()
}

// Overflow is what happens to a message for a full mailbox.
type Overflow uint8

const (
	Refuse  Overflow = iota // the sender gets EOVERFLOW
	DropNew                 // the message is dropped; its caller gets EOVERFLOW
	DropOld                 // the oldest is dropped, to make room
	Wait                    // a call waits outside of the mailbox; a send gets EOVERFLOW
)

// Defaults of a Spec.
const (
	DefaultMailbox = 1024
	DefaultMax     = 5
	DefaultWithin  = 10 * time.Second
)

// maxRunning is how many messages of one actor are handled at a time; more wait in the mailbox.
// Those of a call chain that the actor is part of are not counted.
const maxRunning = 8192

// perTurn is how many messages an actor begins to handle in one turn of its worker.
const perTurn = 64

// Restart says when an actor that has ended is started again.
type Restart struct {
	Max    int           // as often as this
	Within time.Duration // in this time; once more, and it stays dead
	Always bool          // also after an Exit or Kill with a reason that is not "normal" or "shutdown"
}

// Spec says what to start.
type Spec struct {
	Name     string // "": none
	Worker   *actor.Worker
	Scope    *Scope // nil: the system's own
	New      func(a *Actor) Behaviour
	Mailbox  int // messages that wait; 0: DefaultMailbox
	Overflow Overflow
	Serial   bool          // one message at a time
	Idle     time.Duration // it ends when it had nothing to do for so long; 0: never
	Restart  *Restart      // nil: never
	Survive  bool          // Scope.Adopt may take it
	Key      string        // of what survives: what it runs, with its arguments
	Front    bool          // it is a worker's requests: it cannot be killed
}

type life uint8

const (
	booting life = iota
	alive
	exiting
	dead
)

// An Actor is its own address: it stays valid after its end, when every message gets an error.
type Actor struct {
	ID     uint64
	Name   string
	sys    *System
	scope  atomic.Pointer[Scope]
	worker *actor.Worker
	serial bool
	bound  int32
	over   Overflow

	mu        sync.Mutex // guards what follows
	life      life
	queue     []*Message
	scheduled bool
	reason    string
	code      Code // why messages are refused from exiting on
	monitors  []*Monitor
	followed  []*Subscription

	size    atomic.Int32 // of queue and batch
	serving atomic.Pointer[Strand]
	handled atomic.Uint64
	sent    atomic.Uint64
	failed  atomic.Uint64
	working atomic.Int32 // messages being handled
	alias   atomic.Bool  // it has names that are not its Name
	handle  atomic.Pointer[any]

	// The worker's.
	spec      *Spec
	behaviour Behaviour
	batch     []*Message
	next      int
	open      []*Message // begun and not answered
	strands   []*Strand
	sessions  uint64
	started   time.Time
	restarts  []time.Time
	idle      *actor.Timer
	bootErr   *Error
	crashed   bool
	full      bool // it could not begin a message that waits
	closed    bool
}

// String is ":0000002a/web.1".
func (a *Actor) String() string {
	if a.Name == "" {
		return fmt.Sprintf(":%08x", a.ID)
	}
	return fmt.Sprintf(":%08x/%s", a.ID, a.Name)
}

// Short is the address without leading zeros, as errors have it.
func (a *Actor) Short() string { return a.short() }

// Front says whether it is a worker's requests.
func (a *Actor) Front() bool { return a.spec.Front }

// Failed counts an error of a handler.
func (a *Actor) Failed() { a.failed.Add(1) }

func (a *Actor) short() string {
	if a.Name == "" {
		return fmt.Sprintf(":%x", a.ID)
	}
	return fmt.Sprintf(":%x/%s", a.ID, a.Name)
}

// Worker is where it lives.
func (a *Actor) Worker() *actor.Worker { return a.worker }

// System is what it belongs to.
func (a *Actor) System() *System { return a.sys }

// Scope is what it belongs to.
func (a *Actor) Scope() *Scope { return a.scope.Load() }

// Behaviour is what its Spec has made; only on its worker.
func (a *Actor) Behaviour() Behaviour {
	if t, ok := a.behaviour.(*tracing); ok {
		return t.Behaviour
	}
	return a.behaviour
}

// Alive says whether it takes messages.
func (a *Actor) Alive() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.life <= alive
}

// post puts a message into the mailbox. on is the worker whose goroutine this is, or nil. The error
// is for the sender; a message without one will be answered, if it is a call.
func (a *Actor) post(m *Message, on *actor.Worker) *Error {
	a.mu.Lock()
	if a.life >= exiting {
		code, reason := a.code, a.reason
		a.mu.Unlock()
		a.sys.deadLetter("exit", m)
		if code == "" {
			code = EDEAD
		}
		return m.problem(code, reason)
	}
	var dropped *Message
	if a.size.Load() >= a.bound && m.Kind <= Call {
		switch {
		case a.over == Wait && m.Kind == Call: // it is its caller that waits
		case a.over == DropOld && len(a.queue) > 0:
			dropped = a.queue[0]
			a.queue[0] = nil
			a.queue = a.queue[1:]
			a.size.Add(-1)
		default:
			a.mu.Unlock()
			a.sys.deadLetter("overflow", m)
			if a.over != Refuse && a.over != Wait && m.Kind == Send {
				dispose(m.Body)
				return nil
			}
			return m.problem(EOVERFLOW, fmt.Sprintf("%d messages wait", a.bound))
		}
	}
	a.queue = append(a.queue, m)
	a.size.Add(1)
	wake := !a.scheduled && a.life == alive
	a.scheduled = a.scheduled || wake
	a.mu.Unlock()
	if dropped != nil {
		a.sys.deadLetter("overflow", dropped)
		dispose(dropped.Body)
		if dropped.Kind == Call && !dropped.answered.Swap(true) {
			dropped.deliver(nil, dropped.problem(EOVERFLOW, "a newer message took its place"), on)
		}
	}
	if wake {
		a.schedule(on)
	}
	return nil
}

func (a *Actor) schedule(on *actor.Worker) {
	if a.worker == on {
		on.Later((*drain)(a))
	} else {
		a.worker.Post((*drain)(a))
	}
}

// begin handles a call at once when nothing is before it: the caller's coroutine waits below the one
// that handles it. On the actor's worker.
func (a *Actor) begin(m *Message) bool {
	a.mu.Lock()
	free := a.life == alive && len(a.queue) == 0
	a.mu.Unlock()
	if !free || a.next < len(a.batch) || !a.room(m) {
		return false
	}
	a.start(m)
	return true
}

// room says whether one more message can be handled now.
func (a *Actor) room(m *Message) bool {
	if a.serial {
		return a.serving.Load() == nil
	}
	return len(a.open) < maxRunning && a.working.Load() < maxRunning || m.depth > 1
}

// drain is the actor as a task of its worker: it begins to handle what waits.
type drain Actor

func (t *drain) Run(*actor.Worker) { (*Actor)(t).drain() }

func (a *Actor) drain() {
	for n := 0; ; n++ {
		if a.next == len(a.batch) && !a.fetch() {
			return
		}
		m := a.batch[a.next]
		if !a.room(m) {
			a.unschedule()
			return
		}
		if n == perTurn {
			a.worker.Later((*drain)(a))
			return
		}
		a.batch[a.next] = nil
		a.next++
		a.size.Add(-1)
		if m.Kind == ready {
			m.Reply(nil)
		} else if m.cancelled.Load() { // its caller waits no more
			m.answered.Store(true)
			dispose(m.Body)
		} else {
			a.start(m)
		}
		if a.life >= exiting { // only this worker changes that
			return
		}
	}
}

// fetch takes what was sent meanwhile; false: nothing.
func (a *Actor) fetch() bool {
	clear(a.batch)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) == 0 || a.life != alive {
		a.scheduled = false
		return false
	}
	if a.over == DropOld {
		a.batch = append(a.batch[:0], a.queue[0])
		a.queue[0] = nil
		a.queue = a.queue[1:]
	} else {
		a.batch, a.queue = a.queue, a.batch[:0]
		if cap(a.queue) > perTurn*4 {
			a.queue = nil
		}
	}
	a.next = 0
	return true
}

// unschedule is for an actor that cannot begin another message now; the end of one schedules it.
func (a *Actor) unschedule() {
	a.full = true
	a.mu.Lock()
	a.scheduled = false
	a.mu.Unlock()
}

// resume schedules an actor that could not begin another message, when one waits.
func (a *Actor) resume() {
	if !a.full {
		return
	}
	a.full = false
	if a.size.Load() == 0 {
		return
	}
	a.mu.Lock()
	wake := !a.scheduled && a.life == alive
	a.scheduled = a.scheduled || wake
	a.mu.Unlock()
	if wake {
		a.schedule(a.worker)
	}
}

// start handles a message on a coroutine of its own, which runs until it parks.
func (a *Actor) start(m *Message) {
	if m.Kind == Call || m.Kind == boot {
		a.open = append(a.open, m)
		m.slot = len(a.open)
	}
	m.run.Actor, m.run.Msg = a, m
	if a.serial {
		a.serving.Store(&m.run)
	}
	a.working.Add(1)
	m.begun.Store(true)
	a.worker.Serve((*handling)(m))
}

// forget takes a message out of those that are open.
func (a *Actor) forget(m *Message) {
	last := len(a.open) - 1
	moved := a.open[last]
	a.open[m.slot-1] = moved
	moved.slot = m.slot
	a.open[last] = nil
	a.open = a.open[:last]
	m.slot = 0
}

func (a *Actor) join(s *Strand) {
	a.strands = append(a.strands, s)
	s.index = len(a.strands)
}

func (a *Actor) part(s *Strand) {
	last := len(a.strands) - 1
	moved := a.strands[last]
	a.strands[s.index-1] = moved
	moved.index = s.index
	a.strands[last] = nil
	a.strands = a.strands[:last]
	s.index, s.ended = 0, true
	if last == 0 && a.life == dead {
		a.close()
	}
}

// handling is a message as the work of a coroutine.
type handling Message

func (t *handling) Serve() {
	m := (*Message)(t)
	a := m.To
	m.run.co = a.worker.Current()
	a.join(&m.run)
	defer m.handled()
	if m.Kind == boot {
		a.boot(m)
		return
	}
	a.behaviour.Handle(m)
}

// handled is deferred below what handles a message.
func (m *Message) handled() {
	a := m.To
	v := recover()
	if v != nil {
		if _, ok := v.(*actor.Interrupt); !ok {
			a.failed.Add(1)
			m.Fail(EERROR, fmt.Sprint("panic: ", v))
		}
	}
	if m.Kind == Call && !m.answered.Load() && !m.deferred.Load() && v == nil {
		m.Fail(ENOREPLY, "the handler ended without an answer")
	}
	if m.Kind == Call && v != nil && !m.deferred.Load() { // killed
		m.finish(nil, m.problem(EDEAD, a.why()))
	}
	a.working.Add(-1)
	a.handled.Add(1)
	if a.serial {
		a.serving.CompareAndSwap(&m.run, nil)
	}
	m.run.Close()
	a.part(&m.run)
	a.resume()
	if a.idle != nil {
		a.idle.Reset(a.spec.Idle)
	}
	if v != nil {
		panic(v)
	}
}

func (a *Actor) why() string {
	if a.reason == "" {
		return "killed"
	}
	return a.reason
}

// boot is the first message.
func (a *Actor) boot(m *Message) {
	if a.life != booting { // somebody was quicker
		m.finish(nil, m.problem(a.code, a.reason))
		return
	}
	err := a.init(m)
	if a.life != booting { // it has ended itself
		if err == nil {
			err = errors.New(a.reason)
		}
		m.finish(nil, m.bootProblem(err))
		return
	}
	if err != nil {
		a.bootErr = m.bootProblem(err)
		a.end(err.Error(), true)
		return
	}
	a.mu.Lock()
	a.life = alive
	a.scheduled = true
	a.mu.Unlock()
	if a.spec.Idle > 0 {
		a.idle = a.worker.AfterFunc(a.spec.Idle, func() { a.whenIdle() })
	}
	m.finish(nil, nil)
	a.schedule(a.worker)
}

func (m *Message) bootProblem(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return m.problem(EERROR, err.Error())
}

func (a *Actor) init(m *Message) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if _, ok := v.(*actor.Interrupt); ok {
				panic(v)
			}
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	a.behaviour = a.spec.New(a)
	return a.behaviour.Init(m)
}

// whenIdle ends an actor that has had nothing to do for a while.
func (a *Actor) whenIdle() {
	if len(a.strands) > 0 || len(a.open) > 0 || a.size.Load() > 0 {
		a.idle.Reset(a.spec.Idle)
		return
	}
	a.end("idle", false)
}

// Handle is what a language keeps as the actor's address: what make made the first time.
func (a *Actor) Handle(make func() any) any {
	if p := a.handle.Load(); p != nil {
		return *p
	}
	v := make()
	if a.handle.CompareAndSwap(nil, &v) {
		return v
	}
	return *a.handle.Load()
}
