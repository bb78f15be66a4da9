package lua

import (
	"slices"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// semaphore is one of ngx.semaphore: the threads of a worker wait for what
// others post.
type semaphore struct {
	count   int
	waiting []*semaphoreWait // first come, first served
}

type semaphoreWait struct {
	waiter
	granted bool
}

// semaphoreArea is the module ngx.semaphore.
var semaphoreArea = area{open: func(e *engine, ngx *vm.Table) {
	e.vm.Builtin("ngx.semaphore", func(*vm.Thread) vm.Value {
		module, methods, mt := e.vm.NewTable(0, 4), e.vm.NewTable(0, 4), e.vm.NewTable(0, 1)
		mt.SetStr("__index", methods.Value())
		e.add(methods, row{"post", anyPhase, semaphorePost})
		e.add(methods, row{"wait", waiting, semaphoreWaitFor})
		e.add(methods, row{"count", anyPhase, func(t *vm.Thread, s *state) int {
			sem := checkSemaphore(t)
			t.PushInt(sem.count - len(sem.waiting))
			return 1
		}})
		e.add(module, row{"new", anyPhase, func(t *vm.Thread, s *state) int {
			n, _ := t.Arg(1).ToNumber()
			if n < 0 {
				t.Errorf("no negative number")
			}
			t.Push(e.vm.NewUserdata(&semaphore{count: int(n)}, mt))
			return 1
		}})
		return module.Value()
	})
}}

func checkSemaphore(t *vm.Thread) *semaphore {
	if u := t.Arg(1).Userdata(); u != nil {
		if sem, ok := u.Value.(*semaphore); ok {
			return sem
		}
	}
	t.Errorf("not a semaphore instance")
	return nil
}

func semaphorePost(t *vm.Thread, s *state) int {
	sem := checkSemaphore(t)
	n := 1
	if !t.Arg(2).IsNil() {
		f, _ := t.Arg(2).ToNumber()
		if n = int(f); n < 1 {
			t.Errorf("positive number required")
		}
	}
	for ; n > 0 && len(sem.waiting) > 0; n-- {
		w := sem.waiting[0]
		sem.waiting = sem.waiting[1:]
		w.granted = true
		w.wake()
	}
	sem.count += n
	t.PushBool(true)
	return 1
}

func semaphoreWaitFor(t *vm.Thread, s *state) int {
	sem := checkSemaphore(t)
	seconds, ok := t.Arg(2).ToNumber()
	if !ok {
		t.TypeError(2, "number")
	}
	d, _, ok := delay(seconds)
	if !ok {
		t.Errorf("no negative number")
	}
	if sem.count > 0 && len(sem.waiting) == 0 {
		sem.count--
		t.PushBool(true)
		return 1
	}
	if d == 0 {
		return fail(t, "timeout")
	}
	w := &semaphoreWait{waiter: newWaiter(s.e.worker.Current())}
	sem.waiting = append(sem.waiting, w)
	timeout := s.e.worker.AfterFunc(d, w.wake)
	defer func() {
		timeout.Stop()
		if i := slices.Index(sem.waiting, w); i >= 0 {
			sem.waiting = slices.Delete(sem.waiting, i, i+1)
		}
	}()
	w.park()
	if !w.granted {
		return fail(t, "timeout")
	}
	t.PushBool(true)
	return 1
}
