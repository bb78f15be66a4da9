package vm

import (
	"fmt"
	"iter"
)

// coroutine is what a thread made by coroutine.create has beyond a server thread.
type coroutine struct {
	fn      Value
	carrier *carrier // while it is started and not dead
	resumer *Thread
	xfer    []Value // arguments on the way in, results on the way out
	err     *Error  // it ended with this
	trace   string  // and failed here
	unwind  any     // panic that must go on in the resumer
	nesting int     // coroutines that resume one another, this one included
}

// carrier is a Go coroutine that runs one Lua coroutine after another.
type carrier struct {
	t     *Thread
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
}

// killed unwinds a suspended coroutine that nobody will resume.
type killed struct{}

func (killed) UnwindsLua() {}

func (m *VM) newCarrier() *carrier {
	if n := len(m.carriers); n > 0 {
		c := m.carriers[n-1]
		m.carriers = m.carriers[:n-1]
		return c
	}
	c := &carrier{}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		for {
			c.t.run()
			if !yield(struct{}{}) {
				return
			}
		}
	})
	return c
}

// NewCoroutine makes a suspended coroutine of fn, as coroutine.create on t.
func (t *Thread) NewCoroutine(fn Value) *Thread {
	return &Thread{vm: t.vm, data: t.data, parent: t, co: &coroutine{fn: fn}}
}

// run is the life of a coroutine, on its carrier.
func (t *Thread) run() {
	co := t.co
	defer func() {
		if p := recover(); p != nil {
			co.unwind = p
		}
		t.status = dead
		t.detach()
	}()
	l := t.l
	l.Push(co.fn.lv())
	for _, a := range co.xfer {
		l.Push(a.lv())
	}
	if err := t.protect(len(co.xfer), catchCo, nil); err != nil {
		co.err = err.(*Error)
		co.trace = co.err.Coroutines[len(co.err.Coroutines)-1]
		return
	}
	co.xfer = append(co.xfer[:0], t.take(0)...)
}

// Resume continues the coroutine co on behalf of t and returns what it yielded or returned, or its
// error. The results are valid until co is resumed again.
func (t *Thread) Resume(co *Thread, args ...Value) ([]Value, error) {
	c := co.co
	switch {
	case co.status == dead:
		return nil, &Error{Value: String("cannot resume dead coroutine")}
	case co == t || co.status == running:
		return nil, &Error{Value: String("cannot resume running coroutine")}
	case c == nil || co.status != suspended:
		return nil, &Error{Value: String("cannot resume normal coroutine")}
	}
	c.nesting = 1
	if t.co != nil {
		c.nesting += t.co.nesting
	}
	if c.nesting > maxCoroutines {
		return nil, &Error{Value: String(joinWhere(t.Where(1), "C stack overflow"))}
	}
	c.xfer = append(c.xfer[:0], args...)
	if c.carrier == nil {
		c.carrier = t.vm.newCarrier()
		c.carrier.t = co
		co.attach()
	}
	co.forget()
	co.data = t.data // a coroutine runs for the request that resumes it
	c.resumer = t
	before := t.status
	t.status, co.status = normal, running
	c.carrier.next()
	t.status, c.resumer = before, nil
	if co.status != dead {
		co.status = suspended
		co.remember()
		return c.xfer, nil
	}
	co.finish(c)
	if p := c.unwind; p != nil {
		c.unwind = nil
		panic(p)
	}
	if err := c.err; err != nil {
		c.err = nil
		return nil, err
	}
	return c.xfer, nil
}

// finish gives the carrier of a dead coroutine back.
func (t *Thread) finish(c *coroutine) {
	c.fn = Nil
	carrier := c.carrier
	if c.carrier = nil; carrier == nil {
		return
	}
	carrier.t = nil
	if len(t.vm.carriers) < maxIdle {
		t.vm.carriers = append(t.vm.carriers, carrier)
	} else {
		carrier.stop()
	}
}

// root is the server thread in whose name t runs.
func (t *Thread) root() *Thread {
	for t.parent != nil {
		t = t.parent
	}
	return t
}

// remember notes a suspended coroutine at its server thread, whose end ends it: a parked Go
// coroutine is not collected.
func (t *Thread) remember() {
	r := t.root()
	if r.children == nil {
		r.children = map[*Thread]struct{}{}
	}
	r.children[t] = struct{}{}
}

func (t *Thread) forget() { delete(t.root().children, t) }

// Yield suspends the coroutine t, giving args to its resumer, and returns what it is resumed with.
// On a server thread the function set with VM.OnYield runs instead.
func (t *Thread) Yield(args ...Value) []Value {
	if t.co == nil {
		if t.vm.onYield == nil {
			t.Errorf("attempt to yield across C-call boundary")
		}
		return t.vm.onYield(t, args)
	}
	c := t.co
	c.xfer = append(c.xfer[:0], args...)
	t.status = suspended
	if !c.carrier.yield(struct{}{}) {
		panic(killed{})
	}
	return c.xfer
}

// kill ends a suspended coroutine: its host functions' deferred calls run.
func (t *Thread) kill() {
	t.forget()
	if t.status == dead || t.co == nil || t.co.carrier == nil {
		t.status = dead
		return
	}
	c := t.co.carrier
	t.co.carrier = nil
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Sprintf("vm: coroutine panicked while it was ended: %v", p))
		}
	}()
	c.kill()
}

func (c *carrier) kill() { c.stop() }
