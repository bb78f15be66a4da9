package mailbox

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var soak = flag.Duration("soak", 500*time.Millisecond, "how long TestSoak runs")

// TestSoak starts, calls, kills and restarts actors at random, on three workers and from outside.
// Afterwards every call has had one answer, and nothing is left over.
func TestSoak(t *testing.T) {
	before, memory := runtime.NumGoroutine(), heap()
	w := newWorld(t, 3)
	for _, loop := range w.ws {
		loop.Call(func() { loop.OnPanic = func(v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) } })
	}
	var asked, answered atomic.Int64
	codes := map[Code]int{}
	var mu sync.Mutex
	note := func(err *Error) {
		answered.Add(1)
		mu.Lock()
		codes[code(err)]++
		mu.Unlock()
	}
	pick := func() *Actor { return w.Root().Find(fmt.Sprint("a", rand.IntN(12))) }
	call := func(s *Strand, to *Actor) *Error {
		asked.Add(1)
		back := false
		defer func() {
			if !back { // killed meanwhile: nobody is there to hear
				note(&Error{Code: "gone"})
			}
		}()
		_, err := s.Call(to, [...]string{"quick", "slow", "on", "queue", "defer", "forget", "fail", "crash", "exit"}[min(rand.IntN(40), 8)*rand.IntN(2)], nil,
			time.Duration(1+rand.IntN(20))*time.Millisecond)
		back = true
		note(err)
		return err
	}
	make := func(a *Actor) Behaviour {
		q := NewQueue(a)
		next := func(m *Message) error {
			if to := pick(); to != nil {
				if err := call(m.Strand(), to); err != nil {
					return err
				}
			}
			return nil
		}
		return Handlers{
			"quick": quiet,
			"slow": func(m *Message) ([]any, error) {
				m.Strand().Coroutine().Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
				return nil, nil
			},
			"on": func(m *Message) ([]any, error) { return nil, next(m) },
			"queue": func(m *Message) (_ []any, err error) {
				if e := q.Do(m.Strand(), func() { err = next(m) }); e != nil {
					return nil, e
				}
				return nil, err
			},
			"defer": func(m *Message) ([]any, error) {
				d := m.Defer()
				a.Fork(func(s *Strand) {
					s.Coroutine().Sleep(time.Millisecond)
					d.Message().Reply(nil)
				})
				return nil, nil
			},
			"forget": func(m *Message) ([]any, error) { m.Defer(); return nil, nil },
			"fail":   func(m *Message) ([]any, error) { return nil, fmt.Errorf("no") },
			"crash":  func(m *Message) ([]any, error) { a.Crash("crash"); return nil, nil },
			"exit":   func(m *Message) ([]any, error) { m.Strand().Exit("exit"); return nil, nil },
		}
	}
	spec := func(i int) *Spec {
		return &Spec{Name: fmt.Sprint("a", i), Worker: w.ws[i%3], New: make, Serial: i%4 == 3, Mailbox: 64,
			Restart: &Restart{Max: 1000000, Within: time.Second}}
	}
	end := time.Now().Add(*soak)
	var wg sync.WaitGroup
	watcher := w.start(Spec{Worker: w.ws[0]}, Handlers{"": quiet})
	for i := range 3 { // callers on the workers
		me := w.start(Spec{Worker: w.ws[i]}, Handlers{})
		for range 8 {
			wg.Add(1)
			w.ws[i].Call(func() {
				me.Fork(func(s *Strand) {
					defer wg.Done()
					for time.Now().Before(end) {
						to := pick()
						switch n := rand.IntN(100); {
						case to == nil || n < 3:
							s.Unique(spec(rand.IntN(12)))
						case n < 5:
							to.Kill("killed", w.ws[i])
						case n < 8:
							to.Monitor(watcher, nil, w.ws[i])
						case n < 20:
							s.Send(to, "slow", nil)
						default:
							call(s, to)
						}
					}
				})
			})
		}
	}
	for range 2 { // and outside
		wg.Go(func() {
			for time.Now().Before(end) {
				if to := pick(); to != nil {
					ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
					asked.Add(1)
					_, err := w.Call(ctx, to, "on")
					e, _ := err.(*Error)
					note(e)
					cancel()
				} else {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	wg.Wait()
	t.Log(asked.Load(), "calls", codes, "dead letters", w.DeadLetters())
	if asked.Load() != answered.Load() {
		t.Errorf("%d calls, %d answers", asked.Load(), answered.Load())
	}
	for _, a := range w.Actors() { // they live, and have nothing to do
		what := ""
		for range 200 {
			a.Visit(context.Background(), func() {
				what = ""
				if n := len(a.Flights()) + int(a.size.Load()) + int(a.working.Load()) + len(a.open); n > 0 {
					what = fmt.Sprintf("%v, %+v, %d open", a.Flights(), a.Stat(), len(a.open))
				}
			})
			if what == "" {
				break
			}
			runtime.GC() // answers that were promised and forgotten
			time.Sleep(5 * time.Millisecond)
		}
		if what != "" {
			t.Errorf("%v: %s", a, what)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	w.Close(ctx)
	for _, a := range w.Actors() {
		t.Errorf("left over: %+v", a.Stat())
	}
	w.Root().Names(func(name string, a *Actor) { t.Errorf("name left over: %s", name) })
	for _, loop := range w.ws {
		coroutines := 0
		for range 200 { // sleeping ones are killed already; the last answers are on their way
			loop.Call(func() { coroutines = loop.Coroutines() })
			if coroutines == 0 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		if coroutines != 0 || loop.FDs() != 0 {
			t.Errorf("worker %d: %d coroutines, %d descriptors left over", loop.ID(), coroutines, loop.FDs())
		}
		loop.Close()
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines, %d before", n, before)
	}
	after := heap()
	t.Logf("%d bytes in the heap, %d before", after, memory)
	if after > memory+soakHeap {
		t.Errorf("%d bytes in the heap, %d before", after, memory)
	}
	runtime.KeepAlive(w)
}

// soakHeap is what the system may hold in the end: what it remembers of dead letters, and the loops.
const soakHeap = 2 << 20
