package lua

import (
	"os"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// apiVersion is the lua-nginx-module whose API this is: 0.10.30.
const apiVersion = 10030

// configArea is ngx.config: what runs here.
var configArea = area{
	rows: []row{
		{"config.prefix", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushString(strings.TrimSuffix(s.e.site.cfg.Prefix, "/") + "/")
			return 1
		}},
		{"config.nginx_configure", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushString(" --with-http_ssl_module --with-pcre --with-threads")
			return 1
		}},
	},
	open: func(e *engine, ngx *vm.Table) {
		config := e.subtable(ngx, "config")
		config.SetStr("subsystem", vm.String("http"))
		config.SetStr("debug", vm.Bool(true)) // debugging lines are always built in
		config.SetStr("nginx_version", vm.Int(e.site.cfg.Build.Number))
		config.SetStr("ngx_lua_version", vm.Int(apiVersion))
	},
}

// workerArea is ngx.worker.
var workerArea = area{rows: []row{
	{"worker.id", anyPhase, func(t *vm.Thread, s *state) int {
		if s.e.agent {
			t.PushNil()
		} else {
			t.PushInt(s.e.worker.ID())
		}
		return 1
	}},
	{"worker.pid", anyPhase, func(t *vm.Thread, s *state) int {
		t.PushInt(os.Getpid())
		return 1
	}},
	{"worker.pids", anyPhase, func(t *vm.Thread, s *state) int {
		list := s.e.vm.NewTable(1, 0)
		for i := range s.e.site.cfg.Process.Workers {
			list.SetInt(i+1, vm.Int(os.Getpid()))
		}
		t.Push(list.Value())
		return 1
	}},
	{"worker.count", anyPhase, func(t *vm.Thread, s *state) int {
		t.PushInt(s.e.site.cfg.Process.Workers)
		return 1
	}},
	{"worker.exiting", anyPhase, func(t *vm.Thread, s *state) int {
		t.PushBool(s.e.exiting)
		return 1
	}},
}}
