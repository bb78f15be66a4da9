package actor

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestGoRunsNestedUntilItParks(t *testing.T) {
	w := run(t)
	var trace []string
	say := func(s string) { trace = append(trace, s) }
	in(t, w, func() {
		outer := w.Current()
		inner := w.Go(func() {
			say("inner begins")
			w.Current().Park()
			say("inner goes on")
		})
		if w.Current() != outer {
			t.Error("the outer coroutine is not current again")
		}
		say("outer")
		inner.Resume()
		inner.Resume() // does nothing
		say("resume does not nest")
		outer.Yield()
		if !inner.Dead() {
			t.Error("inner is not dead")
		}
		inner.Resume() // does nothing
		inner.Kill()
	})
	want := []string{"inner begins", "outer", "resume does not nest", "inner goes on"}
	if !reflect.DeepEqual(trace, want) {
		t.Errorf("got %q, want %q", trace, want)
	}
}

func TestTokens(t *testing.T) {
	w := run(t)
	in(t, w, func() {
		co := w.Current()
		early := co.Token()
		co.ResumeIf(early)
		co.ParkOn(early) // returns at once

		stale := co.Token()
		fresh := co.Token()
		resumed := false
		w.AfterFunc(0, func() {
			co.ResumeIf(stale)
			co.Resume()
			w.AfterFunc(0, func() {
				resumed = true
				co.ResumeIf(fresh)
				co.ResumeIf(fresh)
			})
		})
		co.ParkOn(fresh)
		if !resumed {
			t.Error("woken by something else")
		}
	})
}

func TestWakeForSomethingElseIsIgnored(t *testing.T) {
	w := run(t)
	in(t, w, func() {
		co := w.Current()
		w.AfterFunc(0, co.Resume)
		begin := time.Now()
		co.Sleep(20 * time.Millisecond)
		if d := time.Since(begin); d < 20*time.Millisecond {
			t.Errorf("slept %v", d)
		}
	})
}

func TestKillUnwindsAtOnce(t *testing.T) {
	w := run(t)
	f, _ := pair(t, w)
	for name, park := range map[string]func(){
		"park":    func() { w.Current().Park() },
		"token":   func() { w.Current().ParkOn(w.Current().Token()) },
		"yield":   func() { w.Current().Yield() },
		"read":    func() { f.Read(make([]byte, 1)) },
		"sleep":   func() { w.Current().Sleep(time.Hour) },
		"offload": func() { w.Offload(func() {}) },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, w, func() {
				unwound := false
				co := w.Go(func() {
					defer func() { unwound = true }()
					park()
					t.Error("the park returned")
				})
				co.Kill()
				if !unwound || !co.Dead() {
					t.Error("it has not unwound")
				}
				co.Kill()
				w.Current().Yield() // a stale entry of the run queue does nothing
			})
			in(t, w, func() {}) // its fiber is good for another one
		})
	}
	w.Call(func() {
		for _, e := range w.timers {
			if e.t.when != 0 {
				t.Error("a timer is left")
			}
		}
		if f.read.co != nil {
			t.Error("the descriptor has a reader")
		}
	})
}

func TestKillCannotBeSwallowed(t *testing.T) {
	w := run(t)
	in(t, w, func() {
		thrown := 0
		co := w.Go(func() {
			for range 3 {
				func() {
					defer func() {
						i, ok := recover().(*Interrupt)
						if !ok || i.Value != Killed {
							t.Errorf("not killed: %v", i)
						}
						thrown++
					}()
					w.Current().Park()
				}()
			}
		})
		co.Kill()
		if thrown != 3 || !co.Dead() {
			t.Errorf("thrown %d times", thrown)
		}
	})
}

func TestKillOfRunningComesAtItsNextPark(t *testing.T) {
	w := run(t)
	in(t, w, func() {
		went := false
		co := w.Go(func() {
			w.Current().Kill()
			went = true
			w.Current().Sleep(time.Hour)
			t.Error("the sleep returned")
		})
		if !went || !co.Dead() {
			t.Error("it did not end at its park")
		}
		var below *Coroutine
		below = w.Go(func() {
			w.Go(func() { w.Current().Value(); killUp(w) })
			w.Current().Park()
		})
		_ = below
	})
}

// killUp kills all coroutines that are alive but the running one.
func killUp(w *Worker) {
	for _, co := range append([]*Coroutine(nil), w.alive[1:]...) {
		if co != w.Current() {
			co.Kill()
		}
	}
}

func TestInterruptMayBeCaught(t *testing.T) {
	w := run(t)
	in(t, w, func() {
		stop := errors.New("stop")
		var got any
		co := w.Go(func() {
			func() {
				defer func() { got = recover() }()
				w.Current().Park()
			}()
			w.Current().Park() // not thrown again
		})
		co.Interrupt(stop)
		if i, ok := got.(*Interrupt); !ok || i.Value != stop || i.Error() != "stop" {
			t.Errorf("got %v", got)
		}
		if co.Dead() {
			t.Error("it is dead")
		}
		co.Resume()
		w.Current().Yield()
		if !co.Dead() {
			t.Error("it did not go on")
		}
	})
}

type served struct {
	w    *Worker
	runs int
	co   map[*Coroutine]bool
}

func (s *served) Serve() {
	s.runs++
	co := s.w.Current()
	if co.Value() != nil {
		panic("value of another")
	}
	co.SetValue(s)
	s.co[co] = true
	co.Yield()
}

func TestServeUsesCoroutinesAgain(t *testing.T) {
	w := run(t)
	s := &served{w: w, co: map[*Coroutine]bool{}}
	in(t, w, func() {
		for range 10 {
			w.Serve(s)
			w.Current().Yield()
		}
	})
	if s.runs != 10 || len(s.co) != 1 {
		t.Errorf("%d runs on %d coroutines", s.runs, len(s.co))
	}
}

func TestTenThousandCoroutines(t *testing.T) {
	w := run(t)
	const n = 10000
	ended := 0
	w.Call(func() {
		all := make([]*Coroutine, n)
		for i := range all {
			all[i] = w.Go(func() {
				w.Current().Park()
				ended++
			})
		}
		if w.Coroutines() != n {
			t.Errorf("%d are alive", w.Coroutines())
		}
		for _, co := range all {
			co.Resume()
		}
		if ended != n || w.Coroutines() != 0 {
			t.Errorf("%d have ended, %d are alive", ended, w.Coroutines())
		}
		if len(w.idle) > maxIdle {
			t.Errorf("%d idle fibers", len(w.idle))
		}
	})
}

func TestSleepIsNoneTooShort(t *testing.T) {
	w := run(t)
	in(t, w, func() {
		for _, d := range []time.Duration{-1, 0, time.Millisecond, 5 * time.Millisecond} {
			begin := time.Now()
			w.Current().Sleep(d)
			if got := time.Since(begin); got < d {
				t.Errorf("Sleep(%v) took %v", d, got)
			}
		}
	})
}

func TestLaunchGivesWayInOrder(t *testing.T) {
	w := run(t)
	var order []string
	say := func(s string) { order = append(order, s) }
	in(t, w, func() {
		nested := func() {
			say("f")
			w.Launch(func() { say("g"); w.Current().Yield(); say("g again") })
			say("after g")
		}
		w.Launch(nested)
		say("after f")
		var parent *Coroutine = w.Current()
		func() {
			defer func() {
				if i, ok := recover().(*Interrupt); !ok || i.Value != "over" {
					t.Error("not interrupted")
				}
			}()
			w.Launch(func() { say("h"); parent.Interrupt("over") })
			t.Error("went on")
		}()
		w.Current().Sleep(time.Millisecond)
	})
	want := []string{"f", "g", "after f", "h", "after g", "g again"}
	if !slices.Equal(order, want) {
		t.Errorf("%q, want %q", order, want)
	}
}
