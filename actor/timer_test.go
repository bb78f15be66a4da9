package actor

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The heap against the obvious: whatever is set, moved and stopped, timers run out in order and
// none is lost.
func TestTimerHeapModel(t *testing.T) {
	w := &Worker{start: time.Now()}
	var ran []*Timer
	timers := make([]Timer, 200)
	want := map[*Timer]int64{}
	record := recorder{&ran}
	for i := range timers {
		timers[i].Init(w, record)
	}
	for range 200 {
		for range 50 {
			tm := &timers[rand.IntN(len(timers))]
			switch rand.IntN(6) {
			case 0:
				if _, running := want[tm]; tm.Stop() != running {
					t.Fatal("Stop is wrong about it running")
				}
				delete(want, tm)
			case 1:
				tm.suspend()
				delete(want, tm)
			default:
				when := w.now + 1 + rand.Int64N(1000)
				tm.set(when)
				want[tm] = when
			}
		}
		w.now += rand.Int64N(300)
		ran = ran[:0]
		for n := -1; n != len(w.timers); {
			n = len(w.timers)
			w.expire()
		}
		last := int64(0)
		for _, tm := range ran {
			when, ok := want[tm]
			if !ok || when > w.now {
				t.Fatalf("ran a timer of %d at %d (running: %v)", when, w.now, ok)
			}
			if when < last {
				t.Fatalf("out of order")
			}
			last = when
			delete(want, tm)
		}
		for _, when := range want {
			if when <= w.now {
				t.Fatalf("a timer of %d has not run at %d", when, w.now)
			}
		}
		for i, e := range w.timers {
			if int(e.t.pos) != i+1 {
				t.Fatal("wrong position")
			}
		}
	}
}

type recorder struct{ ran *[]*Timer }

func (r recorder) Expire(t *Timer) { *r.ran = append(*r.ran, t) }

func TestAfterFunc(t *testing.T) {
	w := run(t)
	got := make(chan int, 8)
	w.Call(func() {
		w.AfterFunc(20*time.Millisecond, func() { got <- 2 })
		w.AfterFunc(time.Millisecond, func() {
			if w.Current() != nil {
				t.Error("inside of a coroutine")
			}
			got <- 1
		})
		stopped := w.AfterFunc(2*time.Millisecond, func() { got <- 9 })
		if !stopped.Stop() || stopped.Stop() {
			t.Error("Stop is wrong about it running")
		}
		later := w.AfterFunc(3*time.Millisecond, func() { got <- 3 })
		later.Reset(40 * time.Millisecond)
		sooner := w.AfterFunc(time.Hour, func() { got <- 0 })
		sooner.Reset(0)
	})
	for want := range 4 {
		if v := <-got; v != want {
			t.Errorf("got %d, want %d", v, want)
		}
	}
}

// A timer that sets itself to now does not keep the loop from its other work.
func TestTimersDoNotStarveTheLoop(t *testing.T) {
	w := run(t)
	w.Call(func() {
		var self *Timer
		self = w.AfterFunc(0, func() { self.Reset(0) })
	})
	for range 10 {
		w.Call(func() {})
	}
}
