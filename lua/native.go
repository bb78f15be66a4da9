package lua

import (
	"crypto/x509"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/lua/cjson"
	"github.com/luahttpd/luahttpd/lua/ffi"
	"github.com/luahttpd/luahttpd/lua/lfs"
	"github.com/luahttpd/luahttpd/lua/lpeg"
	"github.com/luahttpd/luahttpd/lua/openssl"
	"github.com/luahttpd/luahttpd/lua/pb"
	"github.com/luahttpd/luahttpd/lua/resty"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// nativeArea makes the modules available to require that OpenResty has in C
// and through FFI.
var nativeArea = area{open: func(e *engine, ngx *vm.Table) {
	cjson.Register(e.vm, e.null)
	ffi.Register(e.vm, e.null)
	lfs.Register(e.vm)
	lpeg.Register(e.vm)
	pb.Register(e.vm)
	resty.Register(e.vm, resty.Host{Now: func() float64 {
		return float64(e.now().UnixMilli()) / 1000
	}})
	openssl.Register(e.vm, openssl.Host{Offload: e.offload, DecryptPEM: phases.DecryptPEM, Socket: peerCertificates})
	e.openCore(ngx)
	for name, load := range providedSlot.Of(e.site.cfg).modules {
		e.vm.Builtin(name, load)
	}
}}

// offload runs what takes long on a goroutine of its own where that can be
// waited for.
func (e *engine) offload(f func()) {
	if e.worker == nil || e.worker.Current() == nil { // a worker thread is on a goroutine of its own already
		f()
		return
	}
	e.worker.Offload(f)
}

// peerCertificates are those that the peer of a cosocket has shown.
func peerCertificates(v vm.Value) []*x509.Certificate {
	if list := v.Table(); list != nil {
		if k, ok := userdata[*cosocket](list.GetInt(1)); ok && k.conn != nil && k.conn.tls != nil {
			return k.conn.tls.State().PeerCertificates
		}
	}
	return nil
}

// provided are the modules of the program that embeds the server.
type provided struct {
	modules map[string]func(t *vm.Thread) vm.Value
}

var providedSlot phases.ConfigSlot[provided]

// Provide makes modules of Go available to require. Each is loaded once in
// each VM that asks for it.
func Provide(modules map[string]func(t *vm.Thread) vm.Value) phases.Module {
	return phases.Define(phases.Spec[struct{}]{
		Name: "lua_modules",
		Init: func(cfg *phases.Config, _ *struct{}) error {
			providedSlot.Of(cfg).modules = modules
			return nil
		},
	})
}

// coreParts are the modules of lua-resty-core that only put functions into
// ngx, where they are here from the begin: to require one is enough.
var coreParts = []string{"base64", "coroutine", "ctx", "exit", "hash", "misc", "ndk", "param", "phase", "request", "response",
	"shdict", "socket", "uri", "var", "worker"}

// coreFunc is a function of one of lua-resty-core's modules.
type coreFunc struct {
	module, name string
	do           func(t *vm.Thread, s *state) int
}

// coreFuncs are those that other libraries call.
var coreFuncs = []coreFunc{
	{"base", "new_tab", func(t *vm.Thread, s *state) int {
		const most = 1 << 20
		t.Push(s.e.vm.NewTable(max(min(t.OptInt(1, 0), most), 0), max(min(t.OptInt(2, 0), most), 0)).Value())
		return 1
	}},
	{"base", "clear_tab", func(t *vm.Thread, s *state) int {
		table := t.CheckTable(1)
		for k, _, ok := table.Next(vm.Nil); ok; k, _, ok = table.Next(vm.Nil) {
			table.Set(k, vm.Nil)
		}
		return 0
	}},
	{"base", "ref_in_table", func(t *vm.Thread, s *state) int {
		if t.Arg(2).IsNil() {
			t.PushInt(-1)
			return 1
		}
		table := t.CheckTable(1)
		n := table.Len() + 1
		table.SetInt(n, t.Arg(2))
		t.PushInt(n)
		return 1
	}},
	{"base", "allows_subsystem", func(t *vm.Thread, s *state) int {
		for i := 1; i <= t.NArg(); i++ {
			if t.Arg(i).Str() == "http" {
				return 0
			}
		}
		t.Errorf("unsupported subsystem: http")
		return 0
	}},
	{"base", "get_request", func(t *vm.Thread, s *state) int {
		if s.r == nil {
			t.PushNil()
		} else {
			t.Push(vm.Light(s.r))
		}
		return 1
	}},
	{"regex", "is_regex_cache_empty", func(t *vm.Thread, s *state) int {
		once := s.e.regexes.once
		t.PushBool(once == nil || once.Len() == 0)
		return 1
	}},
	{"regex", "set_buf_grow_ratio", func(t *vm.Thread, s *state) int { return 0 }},
	{"time", "monotonic_msec", func(t *vm.Thread, s *state) int {
		t.PushNumber(float64(s.e.uptime().Milliseconds()))
		return 1
	}},
	{"time", "monotonic_time", func(t *vm.Thread, s *state) int {
		t.PushNumber(float64(s.e.uptime().Milliseconds()) / 1000)
		return 1
	}},
	{"utils", "str_replace_char", func(t *vm.Thread, s *state) int {
		t.PushString(strings.ReplaceAll(t.CheckString(1), t.CheckString(2), t.CheckString(3)))
		return 1
	}},
}

// processStart is where monotonic time begins.
var processStart = time.Now()

func (e *engine) uptime() time.Duration { return time.Since(processStart) }

// openCore makes resty.core and what is below it.
func (e *engine) openCore(ngx *vm.Table) {
	modules := map[string]*vm.Table{}
	module := func(name string) *vm.Table {
		m := modules[name]
		if m == nil {
			m = e.vm.NewTable(0, 4)
			m.SetStr("version", vm.String(coreVersion))
			modules[name] = m
			e.vm.Builtin(name, func(*vm.Thread) vm.Value { return m.Value() })
		}
		return m
	}
	module("resty.core")
	for _, part := range coreParts {
		module("resty.core." + part)
	}
	for _, f := range coreFuncs {
		module("resty.core."+f.module).SetStr(f.name, e.function(f.name, anyPhase, f.do))
	}
	base := module("resty.core.base")
	e.openBase(base)
	for name, code := range map[string]int{"FFI_OK": exitOK, "FFI_ERROR": exitError, "FFI_AGAIN": exitAgain, "FFI_BUSY": -3,
		"FFI_DONE": exitDone, "FFI_DECLINED": exitDeclined, "FFI_ABORT": -6, "FFI_NO_REQ_CTX": -100, "FFI_BAD_CONTEXT": -101} {
		base.SetStr(name, vm.Int(code))
	}
}
