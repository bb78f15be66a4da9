package stdlib

import (
	"runtime"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// openJIT makes the table jit: there is no compiler to machine code, so what would steer one does nothing.
func (s *state) openJIT() {
	nothing := func(*vm.Thread) int { return 0 }
	j := s.library("jit", []function{
		{"on", nothing}, {"off", nothing}, {"flush", nothing}, {"attach", nothing}, {"security", nothing},
		{"status", func(t *vm.Thread) int { t.PushBool(false); return 1 }},
	})
	j.SetStr("version", vm.Const("LuaJIT 2.1.0-beta3"))
	j.SetStr("version_num", vm.Int(20100))
	os := map[string]string{"linux": "Linux", "darwin": "OSX", "windows": "Windows"}[runtime.GOOS]
	if os == "" {
		os = "POSIX"
	}
	arch := map[string]string{"amd64": "x64", "386": "x86"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	j.SetStr("os", vm.Const(os))
	j.SetStr("arch", vm.Const(arch))
	opt := s.m.NewTable(0, 1)
	s.fill(opt, []function{{"start", nothing}})
	j.SetStr("opt", opt.Value())
	s.module("jit.opt", opt.Value())
	for _, name := range []string{"jit.v", "jit.dump", "jit.p"} { // tell what a compiler does
		tool := s.m.NewTable(0, 3)
		s.fill(tool, []function{{"on", nothing}, {"off", nothing}, {"start", nothing}, {"stop", nothing}})
		s.module(name, tool.Value())
	}
	util := s.m.NewTable(0, 1)
	s.fill(util, []function{{"funcinfo", jitFuncinfo}})
	j.SetStr("util", util.Value())
	s.module("jit.util", util.Value())
}

func jitFuncinfo(t *vm.Thread) int {
	f := vm.Info(t.CheckFunc(1))
	tab := t.VM().NewTable(0, 8)
	tab.SetStr("source", vm.String(f.Source))
	tab.SetStr("loc", vm.String(f.ShortSrc))
	tab.SetStr("linedefined", vm.Int(f.Defined))
	tab.SetStr("lastlinedefined", vm.Int(f.LastLine))
	tab.SetStr("params", vm.Int(f.NParams))
	tab.SetStr("upvalues", vm.Int(f.NUps))
	tab.SetStr("isvararg", vm.Bool(f.Vararg))
	t.Push(tab.Value())
	return 1
}
