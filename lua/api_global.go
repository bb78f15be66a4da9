package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// globalArea guards the table of globals: all requests of a worker share it,
// so a script that makes a global by mistake is told.
var globalArea = area{open: func(e *engine, ngx *vm.Table) {
	mt := e.vm.NewTable(0, 1)
	mt.SetStr("__newindex", e.vm.NewFunc("__newindex", func(t *vm.Thread) int {
		s := stateOf(t)
		if s.phase != inInit && s.phase != inInitWorker && s.phase != inExitWorker {
			s.logf(phases.LevelWarn, "[lua] _G write guard:12: __newindex(): writing a global Lua variable ('%s') which may lead to "+
				"race conditions between concurrent requests, so prefer the use of 'local' variables\n%s", t.ToString(t.Arg(2)), t.Traceback("", 1))
		}
		t.Arg(1).Table().Set(t.Arg(2), t.Arg(3))
		return 0
	}))
	e.vm.Globals().SetMetatable(mt)
}}
