package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
)

// coroutineArea makes Lua's coroutines those of the server: a yield that no
// resume waits for gives way to other requests. The plain functions stay
// under their names with an underscore, as in OpenResty.
var coroutineArea = area{open: func(e *engine, ngx *vm.Table) {
	lib := e.vm.Globals().GetStr("coroutine").Table()
	for _, name := range []string{"create", "resume", "yield", "wrap", "running", "status"} {
		lib.SetStr("_"+name, lib.GetStr(name))
	}
	status := lib.GetStr("status")
	lib.SetStr("status", e.vm.NewFunc("status", func(t *vm.Thread) int {
		if sub := lightOf(t.Arg(1)); sub != nil && sub.light.progress == zombie {
			t.PushString("zombie")
			return 1
		}
		return t.PushAll(t.CallRaw(status, t.Arg(1)))
	}))
	in := phasesOf(waiting)
	e.vm.OnYield(func(t *vm.Thread, args []vm.Value) []vm.Value {
		s := stateOf(t)
		if !in.has(s.phase) {
			s.disabled(t, in)
		}
		s.debugf("lua coroutine: yield")
		s.e.worker.Current().Yield()
		return nil
	})
}}
