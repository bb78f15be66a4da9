package lua

import (
	"os"
	"syscall"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// processArea is the module ngx.process.
var processArea = area{open: func(e *engine, ngx *vm.Table) {
	e.guardExit()
	e.module("ngx.process", []row{
		{"type", anyPhase, func(t *vm.Thread, s *state) int {
			kind := "worker"
			switch {
			case s.e.agent:
				kind = "privileged agent"
			case !s.e.site.cfg.Process.Master:
				kind = "single"
			case s.phase == inInit:
				kind = "master"
			}
			t.PushString(kind)
			return 1
		}},
		{"get_master_pid", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushInt(os.Getpid())
			return 1
		}},
		{"enable_privileged_agent", anyPhase, func(t *vm.Thread, s *state) int {
			switch v := t.Arg(1); {
			case s.phase != inInit:
				return fail(t, "API disabled in the current context")
			case !v.IsNil() && (v.Kind() != vm.KNumber || v.Num() < 0):
				return fail(t, "bad 'connections' argument: number expected and greater than 0")
			}
			s.e.site.wantsAgent.Store(true)
			t.PushBool(true)
			return 1
		}},
		{"signal_graceful_exit", anyPhase, func(t *vm.Thread, s *state) int {
			p, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = p.Signal(syscall.SIGQUIT)
			}
			if err != nil {
				return fail(t, err.Error())
			}
			return 0
		}},
	})
}}

// module makes `require name` return a table of functions; fill adds others.
func (e *engine) module(name string, rows []row, fill ...func(m *vm.Table)) {
	e.vm.Builtin(name, func(*vm.Thread) vm.Value {
		m := e.vm.NewTable(0, len(rows)+1)
		m.SetStr("version", vm.String(restyVersion))
		for _, row := range rows {
			e.add(m, row)
		}
		for _, f := range fill {
			f(m)
		}
		return m.Value()
	})
}

// guardExit takes os.exit from scripts but init_by_lua: there is no master
// that would start another process, and other workers share this one.
func (e *engine) guardExit() {
	os := e.vm.Globals().GetStr("os").Table()
	exit := os.GetStr("exit")
	os.SetStr("exit", e.vm.NewFunc("exit", func(t *vm.Thread) int {
		if s, ok := t.Data().(*state); ok && s.phase != inInit {
			t.Errorf("os.exit would end the server: use ngx.exit")
		}
		return t.PushAll(t.CallRaw(exit, t.Args()...))
	}))
}
