package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// abortArea is ngx.on_abort.
var abortArea = area{rows: []row{{"on_abort", handlers, func(t *vm.Thread, s *state) int {
	if t.Arg(1).Kind() != vm.KFunction {
		t.TypeError(1, "function")
	}
	if !s.own.checkAbort {
		return fail(t, "lua_check_client_abort is off")
	}
	m := s.memo()
	if m.abortSet {
		return fail(t, "duplicate call")
	}
	m.abortSet, m.onAbort = true, t.Arg(1)
	t.PushInt(1)
	return 1
}}}}

// watch has the run hear when the client closes its connection, if the
// location asks for it (lua_check_client_abort).
func (s *state) watch() {
	if s.own.checkAbort && s.r.IsMain() {
		s.watching = true
		s.r.Stream().OnGone(s.clientGone)
	}
}

// unwatch ends watch.
func (s *state) unwatch() {
	if s.watching {
		s.watching = false
		s.r.Stream().OnGone(nil)
	}
}

// clientGone runs on the loop when the client has closed its connection: the
// script's own function decides what becomes of the request, or the run ends.
func (s *state) clientGone() {
	s.logf(phases.LevelInfo, "client prematurely closed connection")
	m := memoSlot.Get(s.r)
	if m != nil && !m.onAbort.IsNil() {
		fn := m.onAbort
		m.onAbort = vm.Nil
		s.spawn(s.t, fn, nil)
		if s.verdict.kind == ended {
			return
		}
	} else {
		s.verdict = verdict{kind: gone}
	}
	s.co.Interrupt(s)
}
