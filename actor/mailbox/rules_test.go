package mailbox

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// forward makes a handler that calls on.
func forward(to **Actor, cmd string) func(m *Message) ([]any, error) {
	return func(m *Message) ([]any, error) {
		b, err := m.Strand().Call(*to, cmd, nil, 0)
		if err != nil {
			return nil, err
		}
		if b == nil {
			return nil, nil
		}
		return b.Values(), nil
	}
}

func sleeping(d time.Duration) func(m *Message) ([]any, error) {
	return func(m *Message) ([]any, error) {
		m.Strand().Coroutine().Sleep(d)
		return Args{"slept"}, nil
	}
}

// Rule 1: sessions are counted by the caller and never used again.
func TestSessions(t *testing.T) {
	both(t, func(t *testing.T, w *world, home, other int) {
		var seen []uint64
		a := w.start(Spec{Worker: w.ws[other]}, Handlers{"": func(m *Message) ([]any, error) {
			seen = append(seen, m.Session)
			return nil, nil
		}})
		w.in(home, func(s *Strand) {
			for range 100 {
				s.Call(a, "", nil, 0)
			}
		})
		if len(seen) != 100 || !slices.IsSorted(seen) || len(slices.Compact(seen)) != 100 {
			t.Error(seen)
		}
	})
}

// Rule 2: a handler that forgets, and a deferred answer that is dropped.
func TestForgotten(t *testing.T) {
	both(t, func(t *testing.T, w *world, home, other int) {
		var kept *Deferred
		a := w.start(Spec{Worker: w.ws[other], New: func(*Actor) Behaviour {
			return handle(func(m *Message) {
				switch m.Cmd {
				case "drop":
					m.Defer()
				case "keep":
					kept = m.Defer()
				case "answer":
					kept.Message().Reply(Args{"late but there"})
				}
			})
		}}, nil)
		w.in(home, func(s *Strand) {
			began := time.Now()
			if _, err := s.Call(a, "forget", nil, 0); code(err) != ENOREPLY || time.Since(began) > time.Second {
				t.Error(err)
			}
			stop := make(chan struct{})
			defer close(stop)
			go func() { // the garbage that it waits for
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
						runtime.GC()
					}
				}
			}()
			if _, err := s.Call(a, "drop", nil, 5*time.Second); code(err) != ENOREPLY {
				t.Error(err)
			}
			l := s.Select()
			defer l.Cancel()
			l.Call(a, "keep", nil, 0, "keep")
			s.Coroutine().Sleep(20 * time.Millisecond)
			a.Send(a, "answer", nil, nil)
			if _, b, err, ok := l.Next(); err != nil || !ok || b.Values()[0] != "late but there" {
				t.Error(b, err, ok)
			}
		})
	})
}

// handle is a Behaviour of one function.
type handle func(m *Message)

func (f handle) Init(*Message) error  { return nil }
func (f handle) Handle(m *Message)    { f(m) }
func (f handle) Exit(*Strand, string) {}
func (f handle) Close()               {}

// Rule 3: an actor's end answers the calls that wait, run and are deferred, before its name is free.
func TestDeath(t *testing.T) {
	both(t, func(t *testing.T, w *world, home, other int) {
		var parted []*Deferred
		a := w.start(Spec{Name: "mortal", Worker: w.ws[other], New: func(*Actor) Behaviour {
			return handle(func(m *Message) {
				switch m.Cmd {
				case "park":
					m.Strand().Coroutine().Park()
				case "defer":
					parted = append(parted, m.Defer())
				case "exit":
					m.Strand().Exit("of age")
					m.Strand().Coroutine().Yield()
					t.Error("it lives on")
				}
			})
		}}, nil)
		downs := 0
		by := w.start(Spec{Worker: w.ws[home], New: func(*Actor) Behaviour {
			return handle(func(m *Message) {
				if m.Kind == Down && m.Body.Values()[0] == "of age" {
					downs++
				}
			})
		}}, nil)
		w.in(home, func(s *Strand) {
			a.Monitor(by, nil, w.ws[home])
			l := s.Select()
			defer l.Cancel()
			for _, cmd := range []string{"park", "defer", "park"} {
				l.Call(a, cmd, nil, 0, cmd)
			}
			s.Coroutine().Sleep(10 * time.Millisecond)
			l.Call(a, "exit", nil, 0, "exit")
			for range 5 { // sent when the end has begun, or before
				l.Call(a, "park", nil, 0, "park")
			}
			n := 0
			for {
				_, _, err, ok := l.Next()
				if !ok {
					break
				}
				if n++; code(err) != EDEAD || err.Msg != "of age" {
					t.Error(err)
				}
			}
			if n != 9 {
				t.Errorf("%d answers", n)
			}
			s.Coroutine().Sleep(20 * time.Millisecond)
			a.Monitor(by, nil, w.ws[home]) // dead already
			s.Coroutine().Sleep(20 * time.Millisecond)
			if downs != 2 {
				t.Errorf("%d down messages", downs)
			}
			if w.Root().Find("mortal") != nil {
				t.Error("the name stays")
			}
			by.Kill("", w.ws[home])
		})
		parted = nil
	})
}

func TestBootFailure(t *testing.T) {
	w := newWorld(t, 2)
	tries := 0
	spec := func() *Spec {
		return &Spec{Name: "one", Worker: w.ws[1], New: func(*Actor) Behaviour {
			return slowBoot{func(m *Message) error {
				tries++
				m.Strand().Coroutine().Sleep(20 * time.Millisecond)
				if tries == 1 {
					return fmt.Errorf("not today")
				}
				return nil
			}}
		}}
	}
	w.in(0, func(s *Strand) {
		results := make([]string, 0, 4)
		var wg int
		for range 3 { // the first boots, the others wait for the same
			wg++
			s.Actor.Fork(func(s *Strand) {
				_, fresh, err := s.Unique(spec())
				results = append(results, fmt.Sprint(fresh, code(err)))
				wg--
			})
		}
		for wg > 0 {
			s.Coroutine().Sleep(time.Millisecond)
		}
		for _, r := range results {
			if r != "falseEERROR" {
				t.Error(results)
			}
		}
		a, fresh, err := s.Unique(spec())
		if err != nil || !fresh || tries != 2 {
			t.Error(fresh, err, tries)
		}
		b, fresh, err := s.Unique(spec())
		if a != b || fresh || err != nil {
			t.Error("not unique", fresh, err)
		}
	})
}

type slowBoot struct{ init func(m *Message) error }

func (b slowBoot) Init(m *Message) error { return b.init(m) }
func (b slowBoot) Handle(m *Message)     { m.Reply(nil) }
func (b slowBoot) Exit(*Strand, string)  {}
func (b slowBoot) Close()                {}

// Rule 3, restart: the name stays, the mailbox does not, and not for ever.
func TestRestart(t *testing.T) {
	w := newWorld(t, 2)
	var lines atomic.Int32
	w.Log = func(text string) {
		if strings.Contains(text, "again") || strings.Contains(text, "stays dead") {
			lines.Add(1)
		}
	}
	w.start(Spec{Name: "phoenix", Worker: w.ws[1], Restart: &Restart{Max: 3, Within: time.Minute}}, Handlers{
		"crash": func(m *Message) ([]any, error) { m.To.Crash("burnt"); return nil, nil },
		"ping":  func(m *Message) ([]any, error) { return Args{float64(m.To.ID)}, nil },
	})
	var ids []any
	for range 4 {
		a := w.Root().Find("phoenix")
		got, err := w.Call(context.Background(), a, "ping")
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, got[0])
		if _, err := w.Call(context.Background(), a, "crash"); err == nil || err.(*Error).Code != EDEAD {
			t.Fatal(err)
		}
		for range 1000 {
			if b := w.Root().Find("phoenix"); b != a {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	if a := w.Root().Find("phoenix"); a != nil {
		t.Error("it rises for ever")
	}
	if len(slices.Compact(ids)) != 4 || lines.Load() != 4 {
		t.Error(ids, lines.Load())
	}
}

// Rule 4: deadlines go along with nested calls; late answers are dead letters.
func TestDeadlines(t *testing.T) {
	both(t, func(t *testing.T, w *world, home, other int) {
		var left time.Duration
		last := w.start(Spec{Worker: w.ws[home]}, Handlers{"": func(m *Message) ([]any, error) {
			left = m.Deadline().Sub(w.ws[home].Now())
			m.Strand().Coroutine().Sleep(100 * time.Millisecond)
			return nil, nil
		}})
		var inner *Error
		middle := w.start(Spec{Worker: w.ws[other]}, Handlers{"": func(m *Message) ([]any, error) {
			_, inner = m.Strand().Call(last, "", nil, time.Hour)
			return nil, inner
		}})
		w.in(home, func(s *Strand) {
			began := time.Now()
			_, err := s.Call(middle, "", nil, 30*time.Millisecond)
			if code(err) != ETIMEOUT || time.Since(began) > 90*time.Millisecond {
				t.Error(err, time.Since(began))
			}
			if err.After < 30*time.Millisecond || !strings.Contains(err.Error(), fmt.Sprintf("ETIMEOUT after %.1fs", err.After.Seconds())) {
				t.Error(err)
			}
			s.Coroutine().Sleep(150 * time.Millisecond)
			if left > 30*time.Millisecond || inner == nil || inner.Code != ETIMEOUT && inner.Code != ECANCELLED {
				t.Error(left, inner)
			}
			if w.DeadLetters().Late == 0 {
				t.Error("no late answer")
			}
		})
	})
}

// Rule 5: what works for a caller that is gone is cancelled, all the way.
func TestCancelled(t *testing.T) {
	both(t, func(t *testing.T, w *world, home, other int) {
		var saw, sawLast atomic.Bool
		last := w.start(Spec{Worker: w.ws[home]}, Handlers{"": func(m *Message) ([]any, error) {
			for !m.Cancelled() {
				m.Strand().Coroutine().Sleep(time.Millisecond)
			}
			sawLast.Store(true)
			m.Strand().Coroutine().Sleep(20 * time.Millisecond)
			return nil, nil
		}})
		var inner atomic.Pointer[Error]
		middle := w.start(Spec{Worker: w.ws[other]}, Handlers{"": func(m *Message) ([]any, error) {
			_, err := m.Strand().Call(last, "", nil, 0)
			inner.Store(err)
			saw.Store(m.Cancelled())
			return nil, nil
		}})
		w.in(home, func(s *Strand) {
			co := w.ws[home].Go(func() {
				r := s.Actor.Strand(w.ws[home].Current()) // a request
				r.Call(middle, "", nil, 0)
				t.Error("it goes on")
			})
			s.Coroutine().Sleep(10 * time.Millisecond)
			co.Kill()
			for range 200 {
				if saw.Load() && sawLast.Load() && inner.Load() != nil {
					break
				}
				s.Coroutine().Sleep(time.Millisecond)
			}
			if !saw.Load() || !sawLast.Load() || code(inner.Load()) != ECANCELLED {
				t.Error(saw.Load(), sawLast.Load(), inner.Load())
			}
		})
	})
}

// Rule 6: dead letters are published and counted.
func TestDeadLetters(t *testing.T) {
	w := newWorld(t, 1)
	var reasons []string
	follower := w.start(Spec{New: func(*Actor) Behaviour {
		return handle(func(m *Message) {
			if m.Kind == Topic {
				reasons = append(reasons, m.Body.Values()[0].(map[any]any)["reason"].(string))
			}
		})
	}}, nil)
	w.Subscribe(follower, DeadLetters, nil)
	a := w.start(Spec{Mailbox: 1}, Handlers{"": sleeping(20 * time.Millisecond)})
	w.in(0, func(s *Strand) {
		s.Call(a, "", nil, 5*time.Millisecond)
		s.Coroutine().Sleep(30 * time.Millisecond)
		a.Send(a, "", nil, w.ws[0])
		if err := s.Send(a, "", nil); code(err) != EOVERFLOW {
			t.Error(err)
		}
		s.Coroutine().Sleep(50 * time.Millisecond)
		a.Kill("", w.ws[0])
		s.Coroutine().Sleep(5 * time.Millisecond)
		s.Send(a, "", nil)
		w.Lost(nil, "nobody", "x")
		s.Coroutine().Sleep(5 * time.Millisecond)
	})
	if got := fmt.Sprint(reasons); got != "[late overflow exit noactor]" {
		t.Error(got)
	}
	if l := w.DeadLetters(); l != (Letters{1, 1, 1, 1}) {
		t.Error(l)
	}
}

func TestOverflow(t *testing.T) {
	for _, c := range []struct {
		policy Overflow
		want   string
	}{
		{Refuse, "0:<nil> 1:<nil> 2:EOVERFLOW 3:EOVERFLOW [0 1]"},
		{DropNew, "0:<nil> 1:<nil> 2:<nil> 3:<nil> [0 1]"},
		{DropOld, "0:<nil> 1:<nil> 2:<nil> 3:<nil> [2 3]"},
		{Wait, "0:<nil> 1:<nil> 2:EOVERFLOW 3:EOVERFLOW [0 1]"},
	} {
		w := newWorld(t, 1)
		var got []any
		a := w.start(Spec{Mailbox: 2, Overflow: c.policy}, Handlers{"": func(m *Message) ([]any, error) {
			got = append(got, m.Body.Values()[0])
			return nil, nil
		}})
		text := ""
		w.in(0, func(s *Strand) {
			for i := range 4 {
				err := s.Send(a, "", Args{i})
				if err == nil {
					text += fmt.Sprintf("%d:<nil> ", i)
				} else {
					text += fmt.Sprintf("%d:%s ", i, err.Code)
				}
			}
			s.Coroutine().Sleep(5 * time.Millisecond)
			if c.policy == Wait {
				l := s.Select()
				defer l.Cancel()
				for range 10 {
					l.Call(a, "", Args{"call"}, 0, nil)
				}
				for range 10 {
					if _, _, err, _ := l.Next(); err != nil {
						t.Error(err)
					}
				}
			}
		})
		if text += fmt.Sprint(got[:min(2, len(got))]); text != c.want {
			t.Errorf("policy %d: %s", c.policy, text)
		}
	}
}

// Rule 7: calling back is legal, a cycle of those who cannot go on is an error at once.
func TestCycles(t *testing.T) {
	both(t, func(t *testing.T, w *world, home, other int) {
		var a, b *Actor
		var q *Queue
		handlers := Handlers{
			"pong": func(m *Message) ([]any, error) { return Args{"pong"}, nil },
			"loop": forward(&b, "back"),
			"deep": func(m *Message) ([]any, error) {
				_, err := m.Strand().Call(b, "deep", nil, 0)
				if err != nil {
					return nil, err
				}
				return nil, nil
			},
			"enter": func(m *Message) ([]any, error) {
				var got Body
				var err *Error
				if e := q.Do(m.Strand(), func() { got, err = m.Strand().Call(b, "reenter", nil, 0) }); e != nil {
					return nil, e
				}
				if err != nil {
					return nil, err
				}
				return got.Values(), nil
			},
			"inside": func(m *Message) ([]any, error) {
				if e := q.Do(m.Strand(), func() {}); e != nil {
					return nil, e
				}
				return Args{"again"}, nil
			},
		}
		a = w.start(Spec{Name: "a", Worker: w.ws[home]}, handlers)
		q = NewQueue(a)
		b = w.start(Spec{Name: "b", Worker: w.ws[other]}, Handlers{
			"back": forward(&a, "pong"), "deep": forward(&a, "deep"), "reenter": forward(&a, "inside")})
		w.in(home, func(s *Strand) {
			if _, err := s.Call(a, "loop", nil, time.Second); err != nil {
				t.Error("calling back:", err)
			}
			if _, err := s.Call(a, "deep", nil, time.Second); code(err) != EDEPTH {
				t.Error("depth:", err)
			}
			if _, err := s.Call(a, "enter", nil, time.Second); err != nil {
				t.Error("re-entrant queue:", err)
			}
		})
		var c *Actor
		c = w.start(Spec{Name: "c", Worker: w.ws[home], Serial: true}, Handlers{"loop": forward(&b, "toC"), "pong": handlers["pong"]})
		b.behaviour.(Handlers)["toC"] = forward(&c, "pong")
		w.in(home, func(s *Strand) {
			began := time.Now()
			_, err := s.Call(c, "loop", nil, 5*time.Second)
			if code(err) != EDEADLOCK || time.Since(began) > time.Second {
				t.Error(err)
				return
			}
			if !strings.Contains(err.Error(), "c.loop") && !strings.Contains(err.Msg, "/c.pong") {
				t.Error(err)
			}
		})
	})
}

// Rule 7: two chains that cross.
func TestCrossing(t *testing.T) {
	both(t, func(t *testing.T, w *world, home, other int) {
		var a, b *Actor
		var qa, qb *Queue
		cross := func(q **Queue, to **Actor) Handlers {
			return Handlers{
				"go": func(m *Message) ([]any, error) {
					var err *Error
					if e := (*q).Do(m.Strand(), func() {
						m.Strand().Coroutine().Sleep(20 * time.Millisecond)
						_, err = m.Strand().Call(*to, "in", nil, 0)
					}); e != nil {
						return nil, e
					}
					if err != nil {
						return nil, err
					}
					return nil, nil
				},
				"in": func(m *Message) ([]any, error) {
					if e := (*q).Do(m.Strand(), func() {}); e != nil {
						return nil, e
					}
					return nil, nil
				},
			}
		}
		a = w.start(Spec{Name: "a", Worker: w.ws[home]}, cross(&qa, &b))
		b = w.start(Spec{Name: "b", Worker: w.ws[other]}, cross(&qb, &a))
		qa, qb = NewQueue(a), NewQueue(b)
		w.in(home, func(s *Strand) {
			began := time.Now()
			l := s.Select()
			defer l.Cancel()
			l.Call(a, "go", nil, 5*time.Second, "a")
			l.Call(b, "go", nil, 5*time.Second, "b")
			var codes []Code
			for {
				_, _, err, ok := l.Next()
				if !ok {
					break
				}
				codes = append(codes, code(err))
				if err != nil && !strings.Contains(err.Msg, "queue of") {
					t.Error(err)
				}
			}
			if !slices.Contains(codes, EDEADLOCK) || time.Since(began) > time.Second {
				t.Error(codes, time.Since(began))
			}
		})
	})
}

// Rule 7: what looks like a cycle and is none.
func TestNoDeadlock(t *testing.T) {
	w := newWorld(t, 2)
	var errors atomic.Int32
	serial := w.start(Spec{Worker: w.ws[1], Serial: true}, Handlers{"": sleeping(time.Millisecond)})
	a := w.start(Spec{Worker: w.ws[0]}, Handlers{"": forward(&serial, "")})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := w.Call(context.Background(), a, ""); err != nil {
					errors.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if errors.Load() != 0 {
		t.Error(errors.Load(), "errors")
	}
}

// Rule 8: messages of one sender to one receiver keep their order.
func TestOrder(t *testing.T) {
	both(t, func(t *testing.T, w *world, home, other int) {
		var got []int
		a := w.start(Spec{Worker: w.ws[other], Mailbox: 100000}, Handlers{"": func(m *Message) ([]any, error) {
			got = append(got, m.Body.Values()[0].(int))
			return nil, nil
		}})
		w.in(home, func(s *Strand) {
			for i := range 3000 {
				if i%7 == 0 {
					s.Call(a, "", Args{i}, 0)
				} else {
					s.Send(a, "", Args{i})
				}
			}
			s.Call(a, "", Args{3000}, 0)
		})
		if len(got) != 3001 || !slices.IsSorted(got) {
			t.Error(len(got), slices.IsSorted(got))
		}
	})
}

// Rule 9: who gets many messages leaves the worker to others.
func TestFairness(t *testing.T) {
	w := newWorld(t, 1)
	handled := 0
	busy := w.start(Spec{Mailbox: 100000}, Handlers{"": func(m *Message) ([]any, error) { handled++; return nil, nil }})
	other := w.start(Spec{}, Handlers{"": func(m *Message) ([]any, error) { return Args{handled}, nil }})
	w.in(0, func(s *Strand) {
		for range 50000 {
			s.Send(busy, "", nil)
		}
		s.Send(other, "", nil)
		b, err := s.Call(other, "", nil, 0)
		if err != nil || b.Values()[0].(int) > 1000 {
			t.Error(b, err)
		}
	})
}

// Rule 10: the end of the server goes from the last started to the first.
func TestShutdown(t *testing.T) {
	w := newWorld(t, 2)
	var order []string
	var mu sync.Mutex
	for i := range 6 {
		name := fmt.Sprint("n", i)
		w.start(Spec{Name: name, Worker: w.ws[i%2], New: func(*Actor) Behaviour {
			return lastWord{func(s *Strand, reason string) {
				mu.Lock()
				order = append(order, name+reason)
				mu.Unlock()
				if i == 3 { // one that has ended
					if _, err := s.Call(w.Root().Find("n0"), "", nil, 0); err != nil {
						t.Error(err)
					}
				}
			}}
		}}, nil)
	}
	n0 := w.Root().Find("n0")
	w.Close(context.Background())
	if got := fmt.Sprint(order); got != "[n5shutdown n4shutdown n3shutdown n2shutdown n1shutdown n0shutdown]" {
		t.Error(got)
	}
	if _, err := w.Call(context.Background(), n0, ""); err == nil || err.(*Error).Code != ESHUTDOWN {
		t.Error(err)
	}
	if len(w.Actors()) != 0 {
		t.Error("left over")
	}
}

type lastWord struct {
	exit func(s *Strand, reason string)
}

func (b lastWord) Init(*Message) error           { return nil }
func (b lastWord) Handle(m *Message)             { m.Reply(nil) }
func (b lastWord) Exit(s *Strand, reason string) { b.exit(s, reason) }
func (b lastWord) Close()                        {}

// What a message carries has an owner: the sender while the message is refused, nobody when it is
// dropped or its actor ends.
func TestDispose(t *testing.T) {
	for _, c := range []struct {
		policy Overflow
		want   string
	}{{Refuse, "[] [0 1]"}, {DropNew, "[2 3] [2 3 0 1]"}, {DropOld, "[0 1] [0 1 2 3]"}} {
		w := newWorld(t, 1)
		var gone []int
		a := w.start(Spec{Mailbox: 2, Overflow: c.policy}, Handlers{})
		text := ""
		w.in(0, func(s *Strand) {
			for i := range 4 {
				s.Send(a, "", owned{i, &gone})
			}
			text = fmt.Sprint(gone)
			a.Kill("", a.Worker())
			text += fmt.Sprint(" ", gone)
		})
		if text != c.want {
			t.Errorf("%d: %s, want %s", c.policy, text, c.want)
		}
	}
}

type owned struct {
	i    int
	gone *[]int
}

func (o owned) Values() []any { return nil }
func (o owned) Dispose()      { *o.gone = append(*o.gone, o.i) }
