//go:build !race

package vm_test

import (
	. "github.com/luahttpd/luahttpd/lua/vm"
	"testing"
)

func TestAllocsOfCalls(t *testing.T) {
	m := newVM()
	defer m.Close()
	m.Globals().SetStr("host", m.NewFunc("host", func(t *Thread) int { t.PushBool(t.Arg(1).IsNil()); return 1 }))
	for _, c := range []struct {
		name, src string
		most      float64
	}{
		{"empty chunk", "", 0},
		{"host function", "host()", 0},
		{"arithmetic", "local s = 0 for i = 1, 50 do s = s + i end", 2}, // gopher-lua boxes numbers, in batches
		{"pcall", "pcall(host)", 0},
	} {
		fn := loadText(t, m, c.src)
		if got := testing.AllocsPerRun(200, func() {
			th := m.NewThread()
			if _, err := th.Call(fn); err != nil {
				t.Fatal(err)
			}
			m.Release(th)
		}); got > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, got, c.most)
		}
	}
}
