package lua

import (
	"errors"
	"fmt"
	"strings"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// state is the standing of one Lua thread that the server has started: the
// Data of its vm.Thread, and of the coroutines that scripts make in it. A run
// of a script begins with one, the entry; ngx.thread.spawn adds others.
type state struct {
	e     *engine
	r     *phases.Request // nil where there is none: init, init_worker, timers
	phase phase
	own   *Conf // of the location, or of the http block
	t     *vm.Thread
	entry *state // the run's first; itself in that one
	co    *actor.Coroutine

	light *lightThread // nil for the entry
	// subrequests that the thread waits for: nothing may end the run meanwhile.
	subrequests int
	pace        pace
	client      string // of a timer: what the log says of whose it is
	logger      *phases.Logger

	// In the entry only:
	id       uint64 // of the engine's states
	slot     int    // in engine.live
	verdict  verdict
	meter    meter
	arg      argument
	private  *memo           // of a run without a request
	strand   *mailbox.Strand // see state.speaker
	owner    *owner          // of its sockets, likewise
	said     bool            // something of the body was sent
	threads  []*state        // light threads
	alive    int             // of them
	spawning int             // calls of spawn under way, one below the other
	watching bool            // for the client to go
	waiter   waiter          // it waits for its light threads
}

// verdict is how a script ended its run.
type verdict struct {
	kind verdictKind
	code int    // of exit: ngx.OK, ngx.ERROR, a status
	uri  string // of exec
	args string
}

type verdictKind uint8

const (
	ended verdictKind = iota // no call ended it
	exited
	redirected // ngx.exec
	gone       // the client is
)

// errOver is what call returns when another thread of the run ended it.
var errOver = errors.New("the run is over")

// begin takes a Lua thread for a script of phase p.
func (e *engine) begin(own *Conf, r *phases.Request, p phase) *state {
	s := e.draw(own, r, p)
	e.begun++
	s.id, s.slot = e.begun, len(e.live)
	e.live = append(e.live, s)
	return s
}

// draw is begin for a state that belongs to another one.
func (e *engine) draw(own *Conf, r *phases.Request, p phase) *state {
	var s *state
	n := len(e.idle)
	if n > 0 {
		s = e.idle[n-1]
		e.idle = e.idle[:n-1]
	} else {
		s = &state{}
	}
	s.e, s.r, s.phase, s.own = e, r, p, own
	if n > 0 {
		s.debugf("lua reusing cached lua thread")
	}
	s.entry = s
	if e.worker != nil {
		s.co = e.worker.Current()
	}
	s.t = e.vm.NewThread()
	s.t.SetData(s)
	return s
}

// end gives the Lua thread back.
func (s *state) end() {
	e := s.e
	last := len(e.live) - 1
	e.live[s.slot] = e.live[last]
	e.live[s.slot].slot = s.slot
	e.live[last] = nil
	e.live = e.live[:last]
	pooled := s.threads == nil // otherwise one may still be on its way out
	s.unwatch()
	s.killThreads()
	if s.owner != nil {
		s.owner.close()
	}
	if s.strand != nil {
		s.strand.Close()
	}
	e.vm.Release(s.t)
	if s.phase == inInit || s.phase == inInitWorker {
		return
	}
	if pooled && len(e.idle) < e.site.http.threadCache {
		s.debugf("lua caching unused lua thread")
		*s = state{}
		e.idle = append(e.idle, s)
	}
}

// call runs a function on the state's Lua thread. The error is a *vm.Error, a
// *vm.Exit after over, or errOver.
func (s *state) call(fn vm.Value, args ...vm.Value) (results []vm.Value, err error) {
	defer s.catch(&err)
	return s.t.Call(fn, args...)
}

// whole runs a function and what it has started, without a request.
func (s *state) whole(fn vm.Value) error {
	_, err := s.call(fn)
	if err == nil {
		err = s.await()
	}
	if errors.Is(err, errOver) {
		return nil
	}
	return err
}

// catch stops the interrupt that over sends to the run's first thread.
func (s *state) catch(err *error) {
	if p := recover(); p != nil {
		if i, ok := p.(*actor.Interrupt); !ok || i.Value != any(s) {
			panic(p)
		}
		*err = errOver
	}
}

// over ends the run with a verdict: every thread of it unwinds. It does not
// return.
func (s *state) over(t *vm.Thread, v verdict) {
	s.entry.verdict = v
	t.Exit(nil)
}

// handlerFor makes the handler of a phase that may wait and answer.
func handlerFor(p phase) func(r *phases.Request, own *Conf) phases.Result {
	handling := "lua " + strings.ReplaceAll(p.String(), "_", " ") + " handler, uri:\"%s\" c:1"
	return func(r *phases.Request, own *Conf) phases.Result {
		k := own.scripts[p]
		if k == nil {
			return phases.Declined
		}
		debugPhase(r, handling)
		return own.handle(r, k)
	}
}

// handle runs the script of a phase for a request.
func (own *Conf) handle(r *phases.Request, k *chunk) phases.Result {
	if own.needBody {
		if err := r.ReadBody(); err != nil {
			return r.Result(err)
		}
	}
	e, err := own.engine(r)
	if err != nil {
		return r.Result(err)
	}
	fn, err := e.load(k, r)
	if err != nil {
		return refuse(r, err)
	}
	s := e.begin(own, r, k.phase)
	defer s.end()
	s.watch()
	if _, err = s.call(fn); err == nil {
		err = s.await()
	}
	s.unwatch()
	s.killThreads()
	return s.conclude(err)
}

// engine returns the VM that serves r: the worker's, or its own when the code
// cache is off.
func (own *Conf) engine(r *phases.Request) (*engine, error) {
	switch own.codeCache {
	case cacheOn:
		return own.site.engine(r.Worker), nil
	case cacheStat:
		e := own.site.engine(r.Worker)
		e.refresh()
		return e, nil
	}
	own1 := ownEngine.Ensure(r)
	if own1.e == nil {
		e, err := own.site.newEngine(r.Worker, false)
		if err != nil {
			return nil, err
		}
		own1.e = e
		e.hold()
		r.OnEnd(e.letGo)
	}
	return own1.e, nil
}

// ownEngine is a request's own VM.
var ownEngine = phases.NewSlot[struct{ e *engine }](phases.KeepOverRedirect)

// refuse answers for a script that cannot be loaded.
func refuse(r *phases.Request, err error) phases.Result {
	r.Errorf(phases.LevelError, "%v", err)
	var le *loadError
	if errors.As(err, &le) {
		return le.status
	}
	return 500
}

// conclude makes the handler's result of how the run ended.
func (s *state) conclude(err error) phases.Result {
	switch s.verdict.kind {
	case exited:
		return s.exitResult(s.verdict.code)
	case redirected:
		return s.execResult()
	case gone:
		return s.r.ClientGone()
	}
	if le, ok := errors.AsType[*vm.Error](err); ok {
		s.logEntry(le)
		if s.r.Out.Sent {
			return phases.Failed
		}
		return 500
	}
	switch {
	case s.phase == inContent:
		return s.finish()
	case s.answered():
		return s.finish()
	case s.phase == inAccess:
		return phases.Next
	}
	return phases.Declined
}

// sent tells whether the head is out of reach; in a header filter it is not.
func (s *state) sent() bool { return s.r.Out.Sent && s.phase != inHeaderFilter }

// logEntry logs the error of a run's first thread.
func (s *state) logEntry(err *vm.Error) {
	if err.Fatal {
		s.logf(phases.LevelError, "lua entry thread aborted: %s", message(err))
		return
	}
	s.logf(phases.LevelError, "lua entry thread aborted: runtime error: %s\nstack traceback:\ncoroutine 0:\n%s", message(err), frames(err))
}

// answered tells whether the script has begun the response.
func (s *state) answered() bool {
	m := memoSlot.Get(s.r)
	return s.r.Out.Sent || s.r.Out.Status != 0 && m != nil && len(m.held) > 0
}

// exitResult is ngx.exit's meaning for the request.
func (s *state) exitResult(code int) phases.Result {
	r := s.r
	m := memoSlot.Get(r)
	if !r.Out.Sent && r.Out.Status == 0 && code >= 200 {
		r.Out.Status = code
	}
	abrupt := code == exitError || code == 408 || code == 499 || code == 444
	switch {
	case m != nil && m.buffering && r.Out.Status != 0 && !abrupt,
		code == exitOK && s.phase == inContent,
		code >= 200 && code < 300 && code != 204:
		if res := s.finish(); res != phases.Done {
			return res
		}
		if code >= 200 || s.phase == inContent {
			return phases.Done
		}
	}
	if r.Out.Sent && code > exitOK && !abrupt {
		return s.finish()
	}
	if r.Out.Sent && (code == exitOK || code == exitDeclined) { // no later phase may answer again
		return s.finish()
	}
	switch {
	case code == exitOK && s.phase == inAccess:
		return phases.Next
	case s.phase != inContent && (code == exitOK || code == exitDeclined):
		return phases.Declined
	case code == 408:
		r.Out.Status = 408
		return phases.Failed
	case code == 499:
		return r.ClientGone()
	case code < 100:
		return phases.Failed
	}
	return phases.Result(code)
}

// execResult moves the request to where ngx.exec has sent it.
func (s *state) execResult() phases.Result {
	v := s.verdict
	if strings.HasPrefix(v.uri, "@") {
		if v.args != "" {
			s.logf(phases.LevelWarn, "query strings %s ignored when exec'ing named location %s", v.args, v.uri)
		}
		return s.r.NamedLocation(v.uri)
	}
	return s.r.InternalRedirect([]byte(v.uri), []byte(v.args))
}

// message is the text of an error as the log has it.
func message(err *vm.Error) string {
	if text, ok := err.Value.ToString(); ok {
		return text
	}
	if e := callError(err.Value); e != nil {
		return e.Error()
	}
	return "unknown reason"
}

// frames is the traceback without its heading, with those of the coroutines
// that the error came out of by coroutine.wrap: they are counted from where it
// was raised.
func frames(err *vm.Error) string {
	var b strings.Builder
	for i, trace := range err.Coroutines {
		if i > 0 {
			fmt.Fprintf(&b, "\ncoroutine %d:\n", i)
		}
		b.WriteString(trimHeading(trace))
	}
	return b.String()
}

func trimHeading(traceback string) string {
	return strings.TrimPrefix(strings.TrimPrefix(traceback, "\n"), "stack traceback:\n")
}

// failure is an error with its traceback, for the log.
func failure(err error) string {
	var le *vm.Error
	if !errors.As(err, &le) {
		return err.Error()
	}
	if le.GoStack != "" {
		return message(le) + "\n" + le.Traceback + "\n" + le.GoStack
	}
	return message(le) + "\n" + le.Traceback
}

// logf writes to the error log of the request, or of the server with the name
// of the phase.
func (s *state) logf(level phases.Level, format string, a ...any) {
	if s.r == nil {
		suffix := ""
		if s.phase != inInit && s.phase != inExitWorker {
			suffix = ", context: " + s.phase.context() + s.client
		}
		if log := s.log(); log.Enabled(level) {
			log.Logf(level, 0, format+"%s", append(a, suffix)...)
		}
		return
	}
	switch s.phase {
	case inLog:
		format += " while logging request"
	case inBalancer:
		format += " while connecting to upstream"
	case inProxyCertificate:
		format += whileCertificate
	case inProxyVerify:
		format += whileVerify
	}
	s.r.Errorf(level, format, a...)
}

// log is the error log of the state.
func (s *state) log() *phases.Logger {
	if s.r != nil {
		return s.r.Log()
	}
	if s.logger != nil {
		return s.logger
	}
	return s.e.site.cfg.MainLog
}
