package lua

import (
	"os"
	"syscall"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// processArea are the modules ngx.process and ngx.errlog.
var processArea = area{open: func(e *engine, ngx *vm.Table) {
	e.guardExit()
	e.module("ngx.process", []row{
		{"type", anyPhase, func(t *vm.Thread, s *state) int {
			kind := "worker"
			if !s.e.site.cfg.Process.Master {
				kind = "single"
			}
			t.PushString(kind)
			return 1
		}},
		{"get_master_pid", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushInt(os.Getpid())
			return 1
		}},
		{"enable_privileged_agent", "I", func(t *vm.Thread, s *state) int {
			return fail(t, "there are no processes to have privileges of their own")
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
	e.module("ngx.errlog", []row{
		{"raw_log", anyPhase, func(t *vm.Thread, s *state) int {
			level := t.CheckInt(1)
			if level < int(phases.LevelStderr) || level > int(phases.LevelDebug) {
				t.ArgError(1, "bad log level")
			}
			s.logf(phases.Level(level), "%s", t.CheckString(2))
			return 0
		}},
		{"get_sys_filter_level", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushInt(int(s.log().Level()))
			return 1
		}},
		{"set_filter_level", "I", func(t *vm.Thread, s *state) int {
			return fail(t, "directive \"lua_capture_error_log\" is not set")
		}},
		{"get_logs", anyPhase, func(t *vm.Thread, s *state) int {
			return fail(t, "directive \"lua_capture_error_log\" is not set")
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
