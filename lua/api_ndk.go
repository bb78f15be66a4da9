package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases/setvar"
)

// ndkArea is the global ndk: ndk.set_var.NAME is the function of the directive
// NAME, the result empty for a text that it cannot take.
var ndkArea = area{open: func(e *engine, ngx *vm.Table) {
	ndk, set := e.vm.NewTable(0, 1), e.vm.NewTable(0, len(setvar.Functions))
	for _, f := range setvar.Functions {
		e.add(set, row{f.Name, anyPhase, func(t *vm.Thread, s *state) int {
			result, _ := f.Do(textArg(t, 1))
			t.PushString(result)
			return 1
		}})
	}
	mt := e.vm.NewTable(0, 2)
	mt.SetStr("__index", e.vm.NewFunc("__index", func(t *vm.Thread) int {
		t.Errorf("ndk.set_var: directive \"%s\" not found or does not use ndk_set_var_value", t.ToString(t.Arg(2)))
		return 0
	}))
	mt.SetStr("__newindex", e.vm.NewFunc("__newindex", func(t *vm.Thread) int {
		t.Errorf("not allowed")
		return 0
	}))
	set.SetMetatable(mt)
	ndk.SetStr("set_var", set.Value())
	e.vm.Globals().SetStr("ndk", ndk.Value())
	e.vm.Builtin("ndk", func(*vm.Thread) vm.Value { return ndk.Value() })
}}
