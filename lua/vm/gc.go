package vm

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// collector is where the finalizers of Go leave userdata whose __gc is to be called. The VM calls it when it next looks
// at its limits, or collects.
type collector struct {
	mu       sync.Mutex
	dead     []*Userdata
	some     atomic.Bool
	expected atomic.Int64 // userdata with a finalizer
	ended    bool
}

func (c *collector) add(u *Userdata) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.dead = append(c.dead, u)
		c.expected.Add(-1)
		c.some.Store(true)
	}
}

func (c *collector) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended, c.dead = true, nil
}

func (c *collector) take() []*Userdata {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.dead
	c.dead = nil
	c.some.Store(false)
	return d
}

// collect calls the __gc of userdata that have become garbage, on a thread of their own. Errors in them are dropped, as
// in Lua.
func (m *VM) collect() {
	if !m.gc.some.Load() {
		return
	}
	t := m.NewThread()
	for _, u := range m.gc.take() {
		u.due = false
		if u.meta == nil {
			continue
		}
		if h := u.meta.GetStr("__gc"); h.isFunc() {
			t.Call(h, u.Val())
		}
	}
	m.Release(t)
}

// RunFinalizers calls the __gc functions that are due.
func (m *VM) RunFinalizers() { m.collect() }

// scrub clears what the stack's values without an object have kept of the values before them, up to end.
func (t *Thread) scrub(end uintptr) {
	for i := range t.slice(0, int(end)/16) {
		if v := t.at(uintptr(i) * 16); v.isNum() || v.n <= tTrue {
			v.p = nil
		}
	}
}

// Collect runs a full collection of the process for t, and the __gc functions that became due.
func (t *Thread) Collect() {
	if t.ab != 0 { // what lies above is dead, but would be kept
		clear(t.slice(t.push, int(t.limit-t.push)/16))
		t.scrub(t.push)
	}
	for o := t.parent; o != nil; o = o.parent {
		o.scrub(o.limit)
	}
	clear(t.buf[:cap(t.buf)])
	runtime.GC()
	for i := 0; i < 20 && !t.vm.gc.some.Load() && t.vm.gc.expected.Load() > 0; i++ {
		time.Sleep(50 * time.Microsecond) // the finalizers of Go run on a goroutine of their own
	}
	t.vm.collect()
}
