package vm_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

func newVM() *vm.VM {
	m := vm.New(vm.Options{})
	stdlib.Open(m)
	return m
}

func load(t testing.TB, m *vm.VM, src, name string) vm.Value {
	p, err := vm.Compile([]byte(src), name)
	if err != nil {
		t.Fatal(err)
	}
	return m.Load(p)
}

func BenchmarkPrograms(b *testing.B) {
	for _, p := range programs {
		b.Run(p.name, func(b *testing.B) {
			m := newVM()
			f := load(b, m, p.src, "="+p.name)
			t := m.NewThread()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := t.Call(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGopherLua(b *testing.B) {
	for _, p := range programs {
		b.Run(p.name, func(b *testing.B) {
			L := lua.NewState()
			defer L.Close()
			f, err := L.LoadString(p.src)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				L.Push(f)
				if err := L.PCall(0, 1, nil); err != nil {
					b.Fatal(err)
				}
				L.Pop(1)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newVM()
	}
}

// clock runs a program for a while and gives the best nanoseconds per run.
const clock = `
local name, f = arg[1], assert(loadfile(arg[1]))
local best = 1e9
for round = 1, 8 do
  local n, t0, t = 0, os.clock(), 0
  repeat for i = 1, 20 do f() end n = n + 20 t = os.clock() - t0 until t > 0.03
  if t / n < best then best = t / n end
end
print(best * 1e9)`

// processorTime is what the process has used, its collector included: what os.clock counts in the other engines.
func processorTime() time.Duration {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// best gives the least nanoseconds of processor time that f takes.
func best(f func()) float64 {
	least := math.Inf(1)
	for range 8 {
		n, start := 0, processorTime()
		for processorTime()-start < 30*time.Millisecond {
			for range 20 {
				f()
			}
			n += 20
		}
		least = min(least, float64(processorTime()-start)/float64(n))
	}
	return least
}

// serverGC is the collector's pace of luahttpd; GOGC overrides it there and here.
const serverGC = 400

// TestCompare prints how the machine compares with gopher-lua, and with Lua interpreters in C that are installed, when
// LUA_COMPARE is set.
func TestCompare(t *testing.T) {
	if os.Getenv("LUA_COMPARE") == "" {
		t.Skip("LUA_COMPARE is not set")
	}
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(serverGC))
	}
	dir := t.TempDir()
	os.WriteFile(dir+"/clock.lua", []byte(clock), 0o644)
	engines := [][]string{{"gopher-lua"}}
	for _, c := range []string{"lua5.1", "luajit -joff", "luajit"} {
		w := strings.Fields(c)
		if _, err := exec.LookPath(w[0]); err == nil {
			engines = append(engines, w)
		}
	}
	logs := make([]float64, len(engines))
	for _, p := range programs {
		os.WriteFile(dir+"/p.lua", []byte(p.src), 0o644)
		m := newVM()
		f := load(t, m, p.src, "="+p.name)
		th := m.NewThread()
		ours := best(func() { th.Call(f) })
		line := fmt.Sprintf("%-12s %10.0f ns", p.name, ours)
		for i, e := range engines {
			ns := 0.0
			if i == 0 {
				ns = bestGopherLua(t, p.src)
			} else if out, err := exec.Command(e[0], append(e[1:], dir+"/clock.lua", dir+"/p.lua")...).Output(); err != nil {
				t.Fatal(p.name, e, err)
			} else {
				fmt.Sscan(string(bytes.TrimSpace(out)), &ns)
			}
			line += fmt.Sprintf("   %s %10.0f x%.2f", strings.Join(e, " "), ns, ns/ours)
			logs[i] += math.Log(ns / ours)
		}
		fmt.Println(line)
	}
	for i, e := range engines {
		fmt.Printf("geometric mean against %s: %.2f\n", strings.Join(e, " "), math.Exp(logs[i]/float64(len(programs))))
	}
}

func bestGopherLua(t *testing.T, src string) float64 {
	l := lua.NewState()
	defer l.Close()
	f, err := l.LoadString(src)
	if err != nil {
		t.Fatal(err)
	}
	return best(func() {
		l.Push(f)
		if err := l.PCall(0, 1, nil); err != nil {
			t.Fatal(err)
		}
		l.Pop(1)
	})
}

// BenchmarkIdleCoroutine is what making a coroutine that stays suspended allocates.
func BenchmarkIdleCoroutine(b *testing.B) {
	m := newVM()
	f := load(b, m, "local co = coroutine.create(function() local a, b, c = 1, 2, 3 coroutine.yield() return a + b + c end) coroutine.resume(co) return co", "=idle")
	t := m.NewThread()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Call(f); err != nil {
			b.Fatal(err)
		}
	}
}
