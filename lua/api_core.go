package lua

import "github.com/luahttpd/luahttpd/lua/vm"

// coreModules are the parts of lua-resty-core. In OpenResty they replace the
// API by one on LuaJIT's FFI; here there is nothing to replace.
var coreModules = []string{"base", "base64", "coroutine", "ctx", "exit", "hash", "misc", "ndk", "param", "phase", "regex", "request",
	"response", "shdict", "socket", "socket.tcp", "time", "uri", "utils", "var", "worker"}

// coreArea lets scripts require resty.core.
var coreArea = area{open: func(e *engine, ngx *vm.Table) {
	version := func(*vm.Thread) vm.Value {
		module := e.vm.NewTable(0, 1)
		module.SetStr("version", vm.String("0.1.33"))
		return module.Value()
	}
	e.vm.Builtin("resty.core", version)
	for _, name := range coreModules {
		e.vm.Builtin("resty.core."+name, version)
	}
	e.vm.Builtin("resty.core.time", func(*vm.Thread) vm.Value {
		module := e.vm.NewTable(0, 6)
		for _, name := range []string{"now", "time", "update_time", "today", "localtime", "utctime", "http_time", "cookie_time", "parse_http_time"} {
			module.SetStr(name, ngx.GetStr(name))
		}
		e.add(module, row{"monotonic_msec", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushNumber(float64(s.e.worker.Now().Sub(s.e.began).Milliseconds()))
			return 1
		}})
		e.add(module, row{"monotonic_time", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushNumber(float64(s.e.worker.Now().Sub(s.e.began).Milliseconds()) / 1000)
			return 1
		}})
		return module.Value()
	})
}}
