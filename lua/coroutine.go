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
	lib.SetStr("resume", e.vm.NewFunc("resume", func(t *vm.Thread) int {
		co := t.Arg(1).Thread()
		if co == nil {
			t.ArgError(1, "coroutine expected")
		}
		if status := co.Status(); status != "suspended" {
			t.PushBool(false)
			t.PushString("cannot resume " + status + " coroutine")
			return 2
		}
		results, err := t.Resume(co, t.Args()[1:]...)
		t.PushBool(err == nil)
		if err != nil {
			t.Push(err.(*vm.Error).Value)
			return 2
		}
		return 1 + t.PushAll(results)
	}))
	lib.SetStr("wrap", e.vm.NewFunc("wrap", func(t *vm.Thread) int {
		co := t.NewCoroutine(t.CheckFunc(1))
		t.Push(e.vm.NewFunc("wrap", func(t *vm.Thread) int {
			results, err := t.Resume(co, t.Args()...)
			switch err := err.(type) {
			case nil:
			case *vm.Error:
				if waitingPhases.has(stateOf(t).phase) { // elsewhere it is Lua's own
					t.RethrowAsIs(err)
				}
				t.Rethrow(err)
			}
			return t.PushAll(results)
		}))
		return 1
	}))
	e.vm.OnYield(func(t *vm.Thread, args []vm.Value) []vm.Value {
		s := stateOf(t)
		if !s.admit() {
			s.disabled(t, waitingPhases)
		}
		s.debugf("lua coroutine: yield")
		s.e.worker.Current().Yield()
		return nil
	})
}}
