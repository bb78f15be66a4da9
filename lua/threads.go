package lua

import (
	"errors"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// Light threads (ngx.thread). Each is a coroutine of the worker with a Lua
// thread and a state of its own. A run ends when its first thread and all of
// these have ended, or when one of them ends it (state.over).

// progress is how far a light thread has come.
type progress uint8

const (
	running  progress = iota
	zombie            // ended, its results are not fetched
	finished          // waited for or killed
)

// lightThread is what the state of a light thread has beyond that of others.
type lightThread struct {
	parent   *vm.Thread // that called ngx.thread.spawn
	progress progress
	results  []vm.Value // true and what it returned, or false and the error
	wait     *threadWait
}

// threadWait is a call of ngx.thread.wait: for the first of some to end.
type threadWait struct {
	waiter
	first *state
}

// threadArea is ngx.thread.
var threadArea = area{rows: []row{
	{"thread.spawn", waiting, threadSpawn},
	{"thread.wait", waiting, ngxThreadWait},
	{"thread.kill", waiting, threadKill},
}}

func threadSpawn(t *vm.Thread, s *state) int {
	if t.Arg(1).Kind() != vm.KFunction {
		t.TypeError(1, "function")
	}
	fn := t.Arg(1)
	args := append([]vm.Value(nil), t.Args()[1:]...)
	sub := s.spawn(t, fn, args)
	if s.entry.verdict.kind != ended {
		t.Exit(nil) // it ended the run at once
	}
	t.Push(sub.t.Value())
	return 1
}

// spawn starts a light thread and runs it until it first waits.
func (s *state) spawn(parent *vm.Thread, fn vm.Value, args []vm.Value) *state {
	sub := s.e.draw(s.own, s.r, s.phase)
	sub.entry, sub.client = s.entry, s.client
	sub.light = &lightThread{parent: parent}
	s.entry.threads = append(s.entry.threads, sub)
	s.entry.alive++
	s.entry.spawning++
	defer func() { sub.entry.spawning-- }()
	if s.e.worker.Current() == nil {
		s.e.worker.Go(func() { sub.live(fn, args) })
	} else {
		s.e.worker.Launch(func() { sub.live(fn, args) })
	}
	return sub
}

// live is the life of a light thread, on its coroutine.
func (s *state) live(fn vm.Value, args []vm.Value) {
	s.co = s.e.worker.Current()
	entry := s.entry
	s.execute(fn, args)
	if entry.verdict.kind != ended && entry.spawning == 0 { // else the one below, which spawned this, unwinds first
		// The request may be over when this returns, and entry another's.
		entry.co.Interrupt(entry)
	}
}

// execute runs the function of a light thread and tells who waits for it.
func (s *state) execute(fn vm.Value, args []vm.Value) {
	entry := s.entry
	defer func() {
		// Also when it was killed.
		if s.strand != nil {
			s.strand.Close()
		}
		if s.light.progress == running {
			s.light.progress = finished
		}
		if entry.alive--; entry.alive == 0 && entry.verdict.kind == ended {
			entry.waiter.wake()
		}
	}()
	results, err := s.t.Call(fn, args...)
	var le *vm.Error
	switch {
	case err == nil:
		s.light.results = append([]vm.Value{vm.Bool(true)}, results...)
		s.debugf("lua coroutine: lua user thread ended normally")
	case errors.As(err, &le):
		s.logf(phases.LevelError, "lua user thread aborted: runtime error: %s\nstack traceback:\ncoroutine 0:\n%s%s", message(le), frames(le), s.ancestry())
		s.light.results = append([]vm.Value{vm.Bool(false)}, abortResults(le)...)
	}
	if entry.verdict.kind != ended {
		return
	}
	s.light.progress = zombie
	if w := s.light.wait; w != nil && w.first == nil {
		w.first = s
		w.wake()
	}
}

// abortResults is what ngx.thread.wait gives of an error: for one that error()
// raised with a text, that text as it was passed and then with its position.
func abortResults(err *vm.Error) []vm.Value {
	text := err.Value.Str()
	if strings.HasPrefix(frames(err), "\t[C]: in function 'error'") {
		if at := positionEnd(text); at > 0 {
			return []vm.Value{vm.String(text[at:]), err.Value}
		}
	}
	return []vm.Value{err.Value}
}

// positionEnd is the length of "chunk:line: " in front of a message.
func positionEnd(text string) int {
	colon := strings.Index(text, ": ")
	if colon < 0 {
		return 0
	}
	i := strings.LastIndexByte(text[:colon], ':')
	if i < 0 || strings.Trim(text[i+1:colon], "0123456789") != "" {
		return 0
	}
	return colon + 2
}

// ancestry is the traceback of the threads that a light thread comes from.
func (s *state) ancestry() string {
	text := ""
	for i, p := 1, s.light.parent; p != nil && i < 10; i++ {
		text += "\ncoroutine " + string(rune('0'+i)) + ":\n" + trimHeading(p.Traceback("", 0))
		up := p.Parent()
		if up == nil {
			if ps, ok := p.Data().(*state); ok && ps.light != nil {
				up = ps.light.parent
			}
		}
		p = up
	}
	return text
}

// lightOf returns the state of a light thread that a script holds, nil for
// other values.
func lightOf(v vm.Value) *state {
	co := v.Thread()
	if co == nil {
		return nil
	}
	if s, ok := co.Data().(*state); ok && s.light != nil && s.t == co {
		return s
	}
	return nil
}

func ngxThreadWait(t *vm.Thread, s *state) int {
	n := t.NArg()
	if n == 0 {
		t.Errorf("at least one coroutine should be specified")
	}
	subs := make([]*state, n)
	for i := range n {
		v := t.Arg(i + 1)
		if v.Thread() == nil {
			t.ArgError(i+1, "lua thread expected")
		}
		sub := lightOf(v)
		switch {
		case sub == nil:
			t.Errorf("attempt to wait on a coroutine that is not a user thread")
		case sub.light.parent != t:
			t.Errorf("only the parent coroutine can wait on the thread")
		case sub.light.progress == zombie:
			return sub.fetch(t)
		case sub.light.progress == finished:
			return fail(t, "already waited or killed")
		}
		subs[i] = sub
	}
	w := &threadWait{waiter: newWaiter(s.e.worker.Current())}
	for _, sub := range subs {
		sub.light.wait = w
	}
	defer func() {
		for _, sub := range subs {
			sub.light.wait = nil
		}
	}()
	w.park()
	return w.first.fetch(t)
}

// fetch pushes the results of a light thread that has ended.
func (s *state) fetch(t *vm.Thread) int {
	s.light.progress = finished
	return t.PushAll(s.light.results)
}

func threadKill(t *vm.Thread, s *state) int {
	if t.Arg(1).Thread() == nil {
		t.ArgError(1, "lua thread expected")
	}
	sub := lightOf(t.Arg(1))
	switch {
	case sub == nil:
		return fail(t, "not user thread")
	case sub.light.parent != t:
		return fail(t, "killer not parent")
	case sub.subrequests > 0:
		return fail(t, "pending subrequests")
	case sub.light.progress == zombie:
		sub.light.progress = finished
		return fail(t, "already terminated")
	case sub.light.progress == finished:
		return fail(t, "already waited or killed")
	}
	sub.light.progress = finished
	sub.co.Kill()
	t.PushInt(1)
	return 1
}

// await parks the run's first thread until all light threads have ended.
func (s *state) await() (err error) {
	if s.alive == 0 {
		return nil
	}
	defer s.catch(&err)
	for s.alive > 0 {
		s.waiter = newWaiter(s.co)
		s.waiter.park()
	}
	s.waiter = waiter{}
	return nil
}

// killThreads ends the light threads that are left, with the run.
func (s *state) killThreads() {
	s.waiter = waiter{}
	for _, sub := range s.threads {
		if sub.co != nil && sub.light.progress == running {
			sub.co.Kill()
		}
	}
	for _, sub := range s.threads {
		s.e.vm.Release(sub.t)
	}
	clear(s.threads)
	s.threads = s.threads[:0]
}
