package lua

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// timer is one ngx.timer that has not run out.
type timer struct {
	e      *engine
	own    *Conf
	client string // what the log says of the request that made it
	log    *phases.Logger
	fn     vm.Value
	args   []vm.Value
	every  time.Duration // 0: once
	soon   bool          // made with no delay: it is not aborted
	timer  *actor.Timer
}

const timerPhases = "IWSVRAPCHBLTUKXFOQZ"

// timerArea is ngx.timer.
var timerArea = area{rows: []row{
	{"timer.at", timerPhases, func(t *vm.Thread, s *state) int { return timerStart(t, s, false) }},
	{"timer.every", timerPhases, func(t *vm.Thread, s *state) int { return timerStart(t, s, true) }},
	{"timer.running_count", anyPhase, func(t *vm.Thread, s *state) int {
		t.PushInt(s.e.timers.running)
		return 1
	}},
	{"timer.pending_count", anyPhase, func(t *vm.Thread, s *state) int {
		t.PushInt(len(s.e.timers.pending))
		return 1
	}},
}}

// timers are an engine's.
type timers struct {
	pending map[*timer]struct{}
	running int
	idle    waiter // who waits until none is running
}

func timerStart(t *vm.Thread, s *state, every bool) int {
	if t.NArg() < 2 {
		t.Errorf("expecting at least 2 arguments but got %d", t.NArg())
	}
	d, _, ok := delay(t.CheckNumber(1))
	if every && d == 0 {
		t.Errorf("delay cannot be zero")
	}
	if !ok {
		d = sleepMax
	}
	if t.Arg(2).Kind() != vm.KFunction {
		t.ArgError(2, "Lua function expected")
	}
	if s.phase == inInit {
		t.Errorf("no request")
	}
	switch {
	case s.e.exiting && d > 0:
		return fail(t, "process exiting")
	case len(s.e.timers.pending) >= s.e.site.http.pendingTimers:
		return fail(t, "too many pending timers")
	}
	m := &timer{e: s.e, own: s.own, client: s.clientText(), log: s.log(), fn: t.Arg(2), args: append([]vm.Value(nil), t.Args()[2:]...)}
	if every {
		m.every = d
	}
	m.soon = d == 0
	s.e.hold()
	m.start(d)
	t.PushInt(1)
	return 1
}

// clientText is what the log says of a timer: whose request made it.
func (s *state) clientText() string {
	if s.r == nil {
		return s.client
	}
	c := s.r.Client
	if !c.Local.IsValid() {
		return ", client: " + c.Name
	}
	return ", client: " + c.Name + ", server: " + listening(s.r).String()
}

// listening is the address of the listen directive that the request came in by.
func listening(r *phases.Request) netip.AddrPort {
	local := r.Client.Local
	for _, l := range r.Config.Listens {
		if l.Addr == local {
			return local
		}
	}
	for _, l := range r.Config.Listens {
		if l.Addr.Port() == local.Port() && l.Addr.Addr().IsUnspecified() && l.Addr.Addr().Is4() == local.Addr().Unmap().Is4() {
			return l.Addr
		}
	}
	return local
}

// definition is "chunk:line" where a function was defined.
func (e *engine) definition(fn vm.Value) string {
	t := e.vm.NewThread()
	defer e.vm.Release(t)
	getinfo := e.vm.Globals().GetStr("debug").Table().GetStr("getinfo")
	results, err := t.Call(getinfo, fn, vm.String("S"))
	if err != nil || len(results) == 0 || results[0].Table() == nil {
		return "(unknown)"
	}
	info := results[0].Table()
	return info.GetStr("source").Str() + ":" + strconv.Itoa(int(info.GetStr("linedefined").Num()))
}

func (m *timer) start(d time.Duration) {
	e := m.e
	if e.timers.pending == nil {
		e.timers.pending = map[*timer]struct{}{}
	}
	e.timers.pending[m] = struct{}{}
	m.timer = e.worker.AfterFunc(d, func() { m.fire(false) })
}

// fire runs the timer's function. premature: its time has not come, the worker
// ends.
func (m *timer) fire(premature bool) {
	e := m.e
	e.site.cfg.MainLog.Log(phases.LevelDebug, 0, "lua ngx.timer expired")
	delete(e.timers.pending, m)
	if m.every > 0 && !premature && !e.exiting {
		next := *m
		e.hold()
		next.start(m.every)
	}
	if limit := e.site.http.runningTimers; e.timers.running >= limit {
		m.log.Logf(phases.LevelAlert, 0, "lua failed to run timer with function defined at %s: %d lua_max_running_timers are not enough",
			e.definition(m.fn), limit)
		e.letGo()
		return
	}
	e.timers.running++
	if e.service != nil && e.service.prog != nil { // it ends with the actor
		e.self.Fork(func(strand *mailbox.Strand) { m.run(premature, strand) })
		return
	}
	e.worker.Go(func() { m.run(premature, nil) })
}

func (m *timer) run(premature bool, strand *mailbox.Strand) {
	e := m.e
	s := e.begin(m.own, nil, inTimer)
	s.client, s.logger, s.strand = m.client, m.log, strand
	defer func() {
		e.site.cfg.MainLog.Log(phases.LevelDebug, 0, "http lua close fake http connection")
		if e.timers.running--; e.timers.running == 0 && len(e.timers.pending) == 0 {
			e.timers.idle.wake()
		}
		e.letGo()
	}()
	defer s.end()
	_, err := s.call(m.fn, append([]vm.Value{vm.Bool(premature)}, m.args...)...)
	if err == nil {
		err = s.await()
	}
	var le *vm.Error
	if errors.As(err, &le) {
		s.logEntry(le)
	}
}

// abortTimers runs every pending timer before its time.
func (e *engine) abortTimers() {
	if len(e.timers.pending) == 0 {
		return
	}
	log := e.site.cfg.MainLog
	log.Log(phases.LevelDebug, 0, "lua abort pending timers")
	log.Logf(phases.LevelDebug, 0, "lua found %d pending timers", len(e.timers.pending))
	for _, m := range slices.Collect(maps.Keys(e.timers.pending)) { // not what these start
		if !m.soon {
			m.timer.Stop()
			m.fire(true)
		}
	}
}

// dropTimers ends the pending timers of an actor that has ended: nobody is there to run them.
func (e *engine) dropTimers() {
	for m := range e.timers.pending {
		m.timer.Stop()
	}
	e.timers.pending = nil
}

// awaitTimers parks until all that run have ended.
func (e *engine) awaitTimers() {
	for e.timers.running > 0 || len(e.timers.pending) > 0 {
		e.timers.idle = newWaiter(e.worker.Current())
		e.timers.idle.park()
	}
}
