package vm_test

import (
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// FuzzRun runs anything that compiles, within limits: whatever it does, the VM must go on working. It is meant to be run
// with -race, with GODEBUG=clobberfree=1 and with -gcflags=all=-d=checkptr too.
func FuzzRun(f *testing.F) {
	for _, p := range programs {
		f.Add(p.src)
	}
	f.Add(semantics)
	for _, s := range []string{
		"local t = setmetatable({}, {__index = function(t, k) return coroutine.yield(k) end}) return coroutine.wrap(function() return t.x, t[1], t + 1 end)()",
		"for k, v in pairs({1, 2, a = 3}) do local x <close> = k end", "local t = {} for i = 1, 20 do t[i] = i t[-i] = i end for k in next, t do t[k] = nil end",
		"return string.format('%5.2f %q %s', 1, 'a', {}), ('x'):gsub('.', '%0%0'), #table.pack(1, nil, 3)",
		"return debug.getinfo(1), debug.getlocal(1, 1), debug.traceback(), debug.sethook(), debug.upvalueid(function() return t end, 1)",
		"local function f(...) local a, b = ... if a then return f(b, ...) end return select('#', ...) end return f(1, 2, 3)",
		"goto a do local x = 1 ::b:: x = x + 1 if x < 5 then goto b end end ::a::", "return setfenv(1, {x = 1}) and x, load('return x', '', 't', {x = 2})()",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := vm.Compile([]byte(src), "=fuzz")
		if err != nil {
			return
		}
		m := newVM()
		defer m.Close()
		for _, unsafe := range []string{"io", "os", "dofile", "loadfile", "package", "require", "print"} {
			m.Globals().SetStr(unsafe, vm.Nil)
		}
		th := m.NewThread()
		th.SetLimits(vm.Limits{Time: 100 * time.Millisecond, Bytes: 64 << 20})
		if _, err := th.Call(m.Load(p)); err != nil {
			if e, ok := err.(*vm.Error); ok && e.GoStack != "" {
				t.Fatalf("%v\n%s", err, e.GoStack)
			}
		}
		th.SetLimits(vm.Limits{})
		if got := run(t, m, "local s = 0 for i = 1, 10 do s = s + i end return s"); got != "55" {
			t.Fatalf("afterwards: %s", got)
		}
	})
}
