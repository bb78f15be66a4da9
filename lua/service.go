package lua

import (
	"errors"
	"fmt"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// program is what an actor of Lua runs, and how.
type program struct {
	site      *site
	proto     *vm.Proto
	args      mailbox.Body
	own       *Conf     // the http block's, with the limits of the actor
	loop      string    // the global function that it runs after it has started, "" for none
	loopProto *vm.Proto // or this
	memory    int64     // mem_limit in bytes, 0 for none
	name      string    // of a service of skynet
}

// service is the Behaviour of an actor of Lua: its VM and its handlers. That of a worker's requests
// (the front) has the worker's VM.
type service struct {
	e     *engine
	a     *mailbox.Actor
	prog  *program // nil: a front
	call  *vm.Table
	cast  *vm.Table
	other vm.Value // default
	down  vm.Value
	exit  vm.Value
	isSet bool     // actor.on was called
	start vm.Value // of skynet.start, until it has run
	grown int64    // bytes since it was last weighed
	spent string   // why it has to end: it has used up its memory
	// Its sockets: those that it was given, those that it listens on, those of
	// skynet.socket by their numbers.
	owner   *owner
	listens []*hearing
	ids     map[int]*numbered
}

// openFront makes the actor that the worker's requests are.
func (e *engine) openFront() error {
	e.service = &service{e: e}
	e.site.mu.Lock()
	e.site.fronts++
	e.site.mu.Unlock()
	a, err := e.site.cfg.Actors.Place(&mailbox.Spec{Name: fmt.Sprintf("http.%d", e.worker.ID()), Worker: e.worker, Scope: e.site.scope,
		New: func(a *mailbox.Actor) mailbox.Behaviour { return e.service }, Front: true})
	if err != nil {
		return err
	}
	e.self, e.service.a = a, a
	return nil
}

// New is the Spec's: the VM is made by Init.
func (p *program) behave(a *mailbox.Actor) mailbox.Behaviour { return &service{a: a, prog: p} }

// Init makes the VM and runs the actor's script.
func (v *service) Init(m *mailbox.Message) (err error) {
	defer func() {
		if err != nil {
			v.deafen()
		}
	}()
	p := v.prog
	e := &engine{site: p.site, worker: v.a.Worker(), cached: true, self: v.a, service: v}
	v.e = e
	p.site.newActorVM(e)
	e.vm.OnSlice(e.slice)
	if p.name != "" {
		e.vm.Globals().SetStr("SERVICE_NAME", vm.String(p.name))
	}
	s := v.begin(m.Strand())
	defer s.end()
	results, err := s.run(e.vm.Load(p.proto), e.unpack(p.args)...)
	if err != nil {
		return err
	}
	if len(results) > 0 && results[0].Table() != nil && !v.isSet {
		if why := v.on(results[0].Table()); why != "" {
			return errors.New(why)
		}
	}
	if !v.start.IsNil() {
		if _, err := s.run(v.start); err != nil {
			return err
		}
	}
	switch {
	case p.loopProto != nil:
		v.startLoop(e.vm.Load(p.loopProto))
	case p.loop != "":
		fn := e.vm.Globals().GetStr(p.loop)
		if fn.Kind() != vm.KFunction {
			return fmt.Errorf("loop: there is no global function %q", p.loop)
		}
		v.startLoop(fn)
	}
	return nil
}

// startLoop runs the actor's main function beside its handlers: its end is the actor's.
func (v *service) startLoop(fn vm.Value) {
	v.fork(func(s *state) {
		_, err := s.run(fn)
		switch {
		case err == nil:
			v.a.Finish(mailbox.Normal)
		case err != errGone:
			v.a.Crash(err.Error())
		}
	})
}

// fork runs f on a coroutine of the actor. It begins in the next turn.
func (v *service) fork(f func(s *state)) {
	v.e.worker.Later(actor.TaskFunc(func(*actor.Worker) {
		if !v.a.Alive() {
			return
		}
		v.a.Fork(func(strand *mailbox.Strand) {
			s := v.begin(strand)
			defer s.end()
			f(s)
			if v.spent != "" {
				v.a.Crash(v.spent)
			}
		})
	}))
}

// begin is engine.begin for a strand of the actor.
func (v *service) begin(strand *mailbox.Strand) *state {
	own := v.e.site.http
	if v.prog != nil {
		own = v.prog.own
	}
	s := v.e.begin(own, nil, inActor)
	s.strand = strand
	return s
}

// errGone is the error of a run that was ended from outside, or by actor.exit.
var errGone = errors.New("the actor has ended")

// run calls a function for the actor and waits for its light threads. The error is a
// *mailbox.Error, or errGone.
func (s *state) run(fn vm.Value, args ...vm.Value) ([]vm.Value, error) {
	results, err := s.call(fn, args...)
	if err == nil && s.alive > 0 {
		results = append([]vm.Value(nil), results...)
		err = s.await()
	}
	if err == nil {
		return results, nil
	}
	le, ok := errors.AsType[*vm.Error](err)
	if !ok {
		return nil, errGone
	}
	e := &mailbox.Error{Code: mailbox.EERROR, Msg: s.raised(le), Traceback: le.Traceback}
	if _, text := le.Value.ToString(); !text && callError(le.Value) == nil { // an object: whoever asked may have a copy
		if b, err := s.e.pack([]vm.Value{le.Value}); err == nil {
			e.Value = b
		}
	}
	if m := s.strand.Msg; m != nil {
		e.Addr, e.Cmd, e.Session, e.Chain = m.To.Short(), m.Cmd, m.Session, m.Chain()
	}
	if s.meter.memory && s.e.service.prog != nil {
		s.e.service.spent = e.Msg
	}
	return nil, e
}

// raised is the text of an error's value.
func (s *state) raised(err *vm.Error) string {
	if t := err.Value.Table(); t != nil && callError(err.Value) == nil && t.Metatable() != nil {
		if text, e := s.t.Call(s.e.vm.Globals().GetStr("tostring"), err.Value); e == nil && len(text) == 1 {
			return text[0].Str()
		}
	}
	if kind := err.Value.Kind(); kind != vm.KString && kind != vm.KNumber && callError(err.Value) == nil {
		return "the error is a " + kind.String()
	}
	return message(err)
}

// Handle is what a message begins with.
func (v *service) Handle(m *mailbox.Message) {
	if b, ok := m.Body.(*body); ok && b.socket != nil {
		defer b.Dispose() // when there is no handler for it
	}
	if p, ok := m.Body.(mailbox.Program); ok {
		v.execute(m, p)
		return
	}
	fn, args, code := v.find(m)
	if fn.IsNil() {
		if m.Kind == mailbox.Call {
			m.Fail(mailbox.ENOCALL, code)
		}
		return
	}
	s := v.begin(m.Strand())
	defer s.end()
	results, err := s.run(fn, args...)
	switch {
	case err == errGone:
	case err != nil:
		v.raise(s, m, err.(*mailbox.Error))
	case m.Kind == mailbox.Call && !m.Answered() && !m.Deferred():
		v.answer(m, fn, results)
	}
	v.weigh(s, m)
}

// weighTime bounds a look at what an actor holds; more than can be looked through in it is too much.
const weighTime = 60 * time.Millisecond

// weigh ends an actor that holds more than its mem_limit. It looks when as much as an eighth of that
// was allocated since the last look, or has come in messages.
func (v *service) weigh(s *state, m *mailbox.Message) {
	if v.prog == nil || v.prog.memory <= 0 {
		return
	}
	limit := v.prog.memory
	v.grown += s.t.Allocated()
	if b, ok := m.Body.(*body); ok {
		v.grown += b.size()
	}
	if v.spent == "" && v.grown > limit/8 {
		v.grown = 0
		if _, enough := vm.Held(v.roots(), limit, weighTime); !enough {
			v.spent = "mem_limit of " + sizeText(limit) + " exceeded"
		}
	}
	if v.spent != "" {
		v.a.Crash(v.spent)
	}
}

// roots are the values from which all that the actor holds can be reached.
func (v *service) roots() []vm.Value {
	roots := []vm.Value{v.e.vm.Globals().Value(), v.e.vm.Registry().Value(), v.other, v.down, v.exit}
	for _, t := range []*vm.Table{v.call, v.cast} {
		if t != nil {
			roots = append(roots, t.Value())
		}
	}
	return roots
}

// find is the handler of a message with its arguments; why says what is wrong.
func (v *service) find(m *mailbox.Message) (fn vm.Value, args []vm.Value, why string) {
	switch m.Kind {
	case mailbox.Down:
		d := m.Ref.(*mailbox.Monitor)
		if fn, _ = d.Ref.(vm.Value); fn.IsNil() {
			fn = v.down
		}
		if d.Stopped() {
			fn = vm.Nil
		}
		return fn, append([]vm.Value{address(d.Of)}, v.e.unpack(m.Body)...), ""
	case mailbox.Topic:
		f := m.Ref.(*mailbox.Subscription)
		fn, _ = f.Ref.(vm.Value)
		return fn, v.e.unpack(m.Body), ""
	}
	if m.Kind == mailbox.Call && v.call != nil {
		fn = v.call.GetStr(m.Cmd)
	} else if m.Kind == mailbox.Send {
		if v.cast != nil {
			fn = v.cast.GetStr(m.Cmd)
		}
		if fn.IsNil() && v.call != nil { // whose answer nobody wants
			fn = v.call.GetStr(m.Cmd)
		}
	}
	if !fn.IsNil() {
		return fn, v.e.unpack(m.Body), ""
	}
	if m.Kind == mailbox.Call && v.cast != nil && !v.cast.GetStr(m.Cmd).IsNil() {
		return vm.Nil, nil, "the command takes messages only"
	}
	if v.other.IsNil() {
		return vm.Nil, nil, "no such command"
	}
	return v.other, append([]vm.Value{vm.String(m.Cmd)}, v.e.unpack(m.Body)...), ""
}

// answer makes what a handler has returned its answer.
func (v *service) answer(m *mailbox.Message, fn vm.Value, results []vm.Value) {
	if len(results) == 0 {
		m.Fail(mailbox.ENOREPLY, "the handler at "+place(fn)+" ended without an answer")
		return
	}
	b, err := v.e.pack(results)
	if err != nil {
		m.Fail(err.Code, err.Msg+" in the answer of the handler at "+place(fn))
		return
	}
	m.Reply(b)
}

// place is where a function is written.
func place(fn vm.Value) string {
	f := vm.Info(fn)
	return fmt.Sprintf("%s:%d", f.ShortSrc, f.Defined)
}

// raise is the end of a handler that raised an error: its caller hears of it, or else the log.
func (v *service) raise(s *state, m *mailbox.Message, err *mailbox.Error) {
	m.To.Failed()
	if m.Kind == mailbox.Call && !m.Answered() && !m.Deferred() {
		m.FailWith(err)
		return
	}
	s.logf(phases.LevelError, "actor %s: handler of %q: %s\n%s", v.a, m.Cmd, err.Msg, err.Traceback)
}

// Exit runs the exit handler.
func (v *service) Exit(strand *mailbox.Strand, reason string) {
	v.deafen()
	if v.exit.IsNil() || v.e == nil {
		return
	}
	s := v.begin(strand)
	defer s.end()
	if _, err := s.run(v.exit, vm.String(reason)); err != nil && err != errGone {
		s.logf(phases.LevelError, "actor %s: exit: %v", v.a, err)
	}
}

// Close ends the VM.
func (v *service) Close() {
	v.deafen()
	v.forgetSockets()
	if v.owner != nil {
		v.owner.close()
	}
	if v.prog != nil && v.e != nil {
		v.e.dropTimers()
		v.e.closePools()
		v.e.close()
	}
}

// on makes the functions of a table the handlers; why says what is wrong with it.
func (v *service) on(t *vm.Table) (why string) {
	for _, f := range []struct {
		name string
		to   **vm.Table
	}{{"call", &v.call}, {"cast", &v.cast}} {
		x := t.GetStr(f.name)
		if !x.IsNil() && x.Table() == nil {
			return f.name + " must be a table of functions"
		}
		*f.to = x.Table()
	}
	for _, f := range []struct {
		name string
		to   *vm.Value
	}{{"default", &v.other}, {"down", &v.down}, {"exit", &v.exit}} {
		x := t.GetStr(f.name)
		if !x.IsNil() && x.Kind() != vm.KFunction {
			return f.name + " must be a function"
		}
		*f.to = x
	}
	v.isSet = true
	return ""
}

// limited is the http block's configuration with the limits of an actor.
func (own *Conf) limited(burst time.Duration, memory int64) *Conf {
	if burst <= 0 && memory <= 0 {
		return own
	}
	c := *own
	if burst > 0 {
		c.maxTime, c.burst = burst, true
	}
	if memory > 0 {
		c.maxMemory = memory
	}
	return &c
}
