package mailbox

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// world is a system with running workers.
type world struct {
	*System
	t  testing.TB
	ws []*actor.Worker
}

func newWorld(t testing.TB, n int) *world {
	w := &world{System: NewSystem(), t: t}
	for i := range n {
		loop, err := actor.NewWorker(i)
		if err != nil {
			t.Fatal(err)
		}
		w.AddWorker(loop)
		w.ws = append(w.ws, loop)
		go loop.Run()
	}
	t.Cleanup(func() {
		for _, loop := range w.ws {
			loop.Close()
		}
	})
	return w
}

// start starts an actor of functions.
func (w *world) start(spec Spec, h Handlers) *Actor {
	w.t.Helper()
	if spec.Worker == nil {
		spec.Worker = w.ws[0]
	}
	if spec.New == nil {
		spec.New = func(*Actor) Behaviour { return h }
	}
	a, err := w.Start(context.Background(), &spec)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// in runs f on a coroutine of worker i, in the name of an actor of its own, and waits.
func (w *world) in(i int, f func(s *Strand)) {
	w.t.Helper()
	me := w.start(Spec{Worker: w.ws[i]}, Handlers{})
	end := make(chan struct{})
	w.ws[i].Call(func() {
		me.fork(func(s *Strand) {
			defer close(end)
			f(s)
		})
	})
	select {
	case <-end:
	case <-time.After(10 * time.Second):
		w.t.Fatal("stuck")
	}
	me.stop(context.Background(), Normal)
}

func code(err *Error) Code {
	if err == nil {
		return ""
	}
	return err.Code
}

// both runs a test with caller and callee on one worker and on two.
func both(t *testing.T, f func(t *testing.T, w *world, home, other int)) {
	t.Run("one worker", func(t *testing.T) { f(t, newWorld(t, 1), 0, 0) })
	t.Run("two workers", func(t *testing.T) { f(t, newWorld(t, 2), 0, 1) })
}

func TestCall(t *testing.T) {
	both(t, func(t *testing.T, w *world, home, other int) {
		a := w.start(Spec{Name: "echo", Worker: w.ws[other]}, Handlers{
			"echo":   func(m *Message) ([]any, error) { return m.Body.Values(), nil },
			"fail":   func(m *Message) ([]any, error) { return nil, errors.New("no") },
			"panic":  func(m *Message) ([]any, error) { panic("ouch") },
			"forget": func(m *Message) ([]any, error) { m.Defer(); return nil, nil },
			"late": func(m *Message) ([]any, error) {
				m.Strand().co.Sleep(30 * time.Millisecond)
				return Args{"late"}, nil
			},
		})
		for _, loop := range w.ws {
			loop.Call(func() { loop.OnPanic = func(any, []byte) {} })
		}
		w.in(home, func(s *Strand) {
			for i := range 200 {
				b, err := s.Call(a, "echo", Args{i, "x"}, 0)
				if err != nil || fmt.Sprint(b.Values()...) != fmt.Sprint(i, "x") {
					t.Error(b, err)
					return
				}
			}
			for cmd, want := range map[string]Code{"fail": EERROR, "panic": EERROR, "none": ENOCALL, "late": ETIMEOUT} {
				if _, err := s.Call(a, cmd, nil, 10*time.Millisecond); code(err) != want {
					t.Errorf("%s: %v", cmd, err)
				}
			}
			s.co.Sleep(50 * time.Millisecond)
		})
		if n := w.DeadLetters().Late; n != 1 {
			t.Errorf("%d late answers", n)
		}
		if got, err := w.Call(context.Background(), a, "echo", "from outside"); err != nil || got[0] != "from outside" {
			t.Error(got, err)
		}
		if w.Root().Find("echo") != a {
			t.Error("name")
		}
		a.stop(context.Background(), "over")
		if w.Root().Find("echo") != nil {
			t.Error("the name stays")
		}
		if _, err := w.Call(context.Background(), a, "echo"); err == nil || err.(*Error).Code != EDEAD {
			t.Error(err)
		}
	})
}

// What a scope has adopted goes back when the scope ends before the one it came from, and has its
// names in both, whoever it is after a restart.
func TestAdopt(t *testing.T) {
	w := newWorld(t, 1)
	old, next := w.NewScope(), w.NewScope()
	spec := Spec{Name: "a", Key: "k", Survive: true, Scope: old, Restart: &Restart{Max: 5, Within: time.Second}}
	a := w.start(spec, Handlers{"crash": func(m *Message) ([]any, error) { m.To.Crash("crash"); return nil, nil }})
	spec.Scope = next
	if next.Adopt(&spec) != a || next.Find("a") != a || old.Find("a") != a {
		t.Fatal("not adopted")
	}
	w.Call(context.Background(), a, "crash")
	for range 1000 {
		if b := old.Find("a"); b != nil && b != a && next.Find("a") == b && b.Alive() {
			break
		}
		time.Sleep(time.Millisecond)
	}
	b := next.Find("a")
	if b == nil || b == a || old.Find("a") != b || b.Scope() != next {
		t.Fatalf("%v, %v in the old scope; %v before", b, old.Find("a"), a)
	}
	next.Close(context.Background(), "reload")
	if !b.Alive() || b.Scope() != old || old.Find("a") != b {
		t.Error("it has gone with the scope that failed")
	}
	last := w.NewScope()
	spec.Scope = last
	if last.Adopt(&spec) != b {
		t.Fatal("not adopted again")
	}
	old.Close(context.Background(), "reload")
	if !b.Alive() || b.Scope() != last {
		t.Error("it has gone with the scope that it has left")
	}
	last.Close(context.Background(), "reload")
	if b.Alive() || last.Find("a") != nil || old.Find("a") != nil {
		t.Error("it lives on")
	}
}

// A call that was given up while it waited is not handled; what it carries is disposed of.
func TestDisposeOfCancelled(t *testing.T) {
	w := newWorld(t, 1)
	free := false
	a := w.start(Spec{Serial: true, Worker: w.ws[0]}, Handlers{"wait": func(m *Message) ([]any, error) {
		for !free {
			m.Strand().co.Sleep(time.Millisecond)
		}
		return nil, nil
	}, "other": func(*Message) ([]any, error) {
		t.Error("handled")
		return nil, nil
	}})
	var gone []int
	w.in(0, func(s *Strand) {
		s.Send(a, "wait", nil)
		s.co.Yield()
		if _, err := s.Call(a, "other", owned{7, &gone}, 5*time.Millisecond); code(err) != ETIMEOUT {
			t.Error(err)
		}
		free = true
		for i := 0; i < 1000 && len(gone) == 0; i++ {
			s.co.Sleep(time.Millisecond)
		}
		if fmt.Sprint(gone) != "[7]" {
			t.Error(gone)
		}
	})
}

// An actor that is ended before it begins does not begin.
func TestEndBeforeBegin(t *testing.T) {
	w := newWorld(t, 1)
	a := w.make(&Spec{Name: "a", Worker: w.ws[0], New: func(*Actor) Behaviour {
		t.Error("it begins")
		return Handlers{}
	}})
	if err := w.Root().add(a); err != nil {
		t.Fatal(err)
	}
	a.Kill("enough", nil)
	out := make(chan struct{})
	m := a.launch(nil, out, nil)
	<-out
	if code(m.err) != EDEAD || m.err.Msg != "enough" || len(w.Actors()) != 0 || w.Root().Find("a") != nil {
		t.Error(m.err, w.Actors())
	}
}

// An actor handles so many messages at a time, and the rest when one of them has ended.
func TestRunning(t *testing.T) {
	w := newWorld(t, 1)
	free := make(chan struct{})
	a := w.start(Spec{Mailbox: 2 * maxRunning}, Handlers{"": func(m *Message) ([]any, error) {
		for {
			select {
			case <-free:
				return nil, nil
			default:
				m.Strand().Coroutine().Sleep(10 * time.Millisecond)
			}
		}
	}})
	w.in(0, func(s *Strand) {
		for range maxRunning + 100 {
			s.Send(a, "", nil)
		}
	})
	settled := func(running, waiting int) bool {
		for range 500 {
			if st := a.Stat(); st.Running == running && st.Mailbox == waiting {
				return true
			}
			time.Sleep(10 * time.Millisecond)
		}
		return false
	}
	if !settled(maxRunning, 100) {
		t.Errorf("%+v", a.Stat())
	}
	close(free)
	if !settled(0, 0) {
		t.Errorf("%+v", a.Stat())
	}
}

// The last dead letters are remembered.
func TestRecentLetters(t *testing.T) {
	sys := NewSystem()
	for i := range keptLetters + 10 {
		sys.Lost(nil, fmt.Sprint(i), "cmd")
		if n := len(sys.RecentLetters()); n != min(i+1, keptLetters) {
			t.Fatal(n)
		}
	}
	all := sys.RecentLetters()
	if all[0].To != "10" || all[keptLetters-1].To != fmt.Sprint(keptLetters+9) || all[0].Reason != "noactor" {
		t.Error(all[0], all[keptLetters-1])
	}
}

// A trace sees what is handled while it lasts, and one at a time looks.
func TestTrace(t *testing.T) {
	w := newWorld(t, 1)
	a := w.start(Spec{}, Handlers{"x": quiet})
	var seen []Traced
	var stop func()
	a.Visit(context.Background(), func() {
		stop = a.Trace(func(m Traced) { seen = append(seen, m) })
		if a.Trace(func(Traced) {}) != nil {
			t.Error("traced twice")
		}
		if _, ok := a.Behaviour().(Handlers); !ok {
			t.Errorf("the behaviour is a %T", a.Behaviour())
		}
	})
	w.Call(context.Background(), a, "x")
	a.Visit(context.Background(), stop)
	w.Call(context.Background(), a, "x")
	a.Visit(context.Background(), func() {
		if len(seen) != 1 || seen[0].Cmd != "x" || seen[0].End != "answered" {
			t.Error(seen)
		}
	})
}

// A worker that does not answer is told, and what was asked of it is not done later.
func TestVisitBusy(t *testing.T) {
	w := newWorld(t, 2)
	free := make(chan struct{})
	begun := make(chan struct{})
	w.ws[1].Post(actor.TaskFunc(func(*actor.Worker) {
		close(begun)
		<-free
	}))
	<-begun
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	var seen []int
	busy := w.Visit(ctx, func(w *actor.Worker) { seen = append(seen, w.ID()) })
	close(free)
	w.ws[1].Call(func() {})
	if len(busy) != 1 || busy[0] != w.ws[1] || fmt.Sprint(seen) != "[0]" {
		t.Error(busy, seen)
	}
}
