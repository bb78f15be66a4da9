package vm_test

import (
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// TestHeld: what a script can reach is counted once and what it has dropped
// not at all.
func TestHeld(t *testing.T) {
	const m = 1 << 20
	for _, c := range []struct {
		name, src   string
		least, most int64
	}{
		{"nothing", "return 1", 0, m / 4},
		{"a string", "local s = ('x'):rep(2^22) return s", 4 * m, 4*m + m/4},
		{"the same string", "local s, t = ('x'):rep(2^22), {} for i = 1, 100 do t[i] = s end return t", 4 * m, 4*m + m/4},
		{"what is dropped", "local s for i = 1, 64 do s = ('x'):rep(2^20) .. i end return s", m, 3 * m},
		{"tables", "local t = {} for i = 1, 1e5 do t[i] = {i} end return t", 6 * m, 20 * m},
		{"a global", "held = ('x'):rep(2^21) return function() end", 2 * m, 2*m + m/4},
		{"an upvalue", "local s = ('x'):rep(2^21) return function() s = s return s end", 2 * m, 2*m + m/4},
		{"a coroutine", "return coroutine.wrap(function() local s = ('x'):rep(2^21) coroutine.yield() return s end)", 0, 2*m + m/4},
		{"a ring", "local t = {} t.t = t t.s = ('x'):rep(2^21) setmetatable(t, t) return t", 2 * m, 2*m + m/4},
		{"a string buffer", "local b = require'string.buffer'.new() for i = 1, 2048 do b:put(('x'):rep(2^10)) end return b", 2 * m, 5 * m},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := newVM()
			defer v.Close()
			th := v.NewThread()
			results, err := th.Call(load(t, v, c.src, "=t"))
			if err != nil {
				t.Fatal(err)
			}
			held, enough := vm.Held([]vm.Value{results[0], th.Value()}, 1<<30, time.Minute)
			if held < c.least || held > c.most || !enough {
				t.Errorf("%d bytes (%v), want %d to %d", held, enough, c.least, c.most)
			}
			if held, enough := vm.Held(results, m/8, time.Minute); enough && held > m/8 {
				t.Errorf("%d bytes are said to be enough", held)
			}
		})
	}
}
