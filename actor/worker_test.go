package actor

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// run starts a worker, and checks when the test has ended that nothing of it is left.
func run(t testing.TB) *Worker {
	t.Helper()
	return runWith(t, func(*Worker) {})
}

func runWith(t testing.TB, prepare func(*Worker)) *Worker {
	t.Helper()
	return runs(t, 1, prepare)[0]
}

// runs starts several workers.
func runs(t testing.TB, n int, prepare func(*Worker)) []*Worker {
	t.Helper()
	goroutines, fds := runtime.NumGoroutine(), openFDs(t)
	all := make([]*Worker, n)
	for i := range all {
		w, err := NewWorker(i)
		if err != nil {
			t.Fatal(err)
		}
		w.OnPanic = func(v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) }
		prepare(w)
		all[i] = w
		go w.Run()
	}
	t.Cleanup(func() {
		for _, w := range all {
			if err := w.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if n := len(w.alive); n != 0 {
				t.Errorf("%d coroutines are left", n)
			}
		}
		until(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
		if n := openFDs(t); n != fds {
			t.Errorf("%d descriptors are open, %d were", n, fds)
		}
	})
	return all
}

func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			buf := make([]byte, 4096)
			t.Fatalf("waited in vain for %s\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

func openFDs(t testing.TB) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// pair is two ends of a connection: one of the worker, one for the test to use as a plain blocking
// descriptor.
func pair(t testing.TB, w *Worker) (*FD, *os.File) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var f *FD
	w.Call(func() { f, err = w.NewFD(p[0]) })
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(p[1], true); err != nil {
		t.Fatal(err)
	}
	end := os.NewFile(uintptr(p[1]), "peer")
	end.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { end.Close() })
	return f, end
}

// in runs f in a coroutine and waits for its end.
func in(t testing.TB, w *Worker, f func()) {
	t.Helper()
	done := make(chan struct{})
	w.Post(TaskFunc(func(w *Worker) {
		w.Go(func() {
			defer close(done)
			f()
		})
	}))
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		buf := make([]byte, 4096)
		t.Fatalf("the coroutine does not end\n%s", buf[:runtime.Stack(buf, true)])
	}
}

func TestPostKeepsOrder(t *testing.T) {
	w := run(t)
	var got []int
	for i := range 1000 {
		w.Post(TaskFunc(func(*Worker) { got = append(got, i) }))
	}
	w.Call(func() {})
	for i, v := range got {
		if i != v {
			t.Fatalf("task %d came at %d", v, i)
		}
	}
	if len(got) != 1000 {
		t.Fatalf("%d tasks ran", len(got))
	}
}

func TestPostWakesSleepingLoop(t *testing.T) {
	w := run(t)
	for range 200 {
		until := time.Now().Add(5 * time.Second)
		if !w.Call(func() {}) || time.Now().After(until) {
			t.Fatal("the call was late")
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	w := run(t)
	f, _ := pair(t, w)
	unwound := make(chan string, 8)
	release := make(chan struct{})
	w.Call(func() {
		for name, park := range map[string]func(){
			"park":    func() { w.Current().Park() },
			"read":    func() { f.Read(make([]byte, 1)) },
			"sleep":   func() { w.Current().Sleep(time.Hour) },
			"offload": func() { w.Offload(func() { <-release }) },
		} {
			w.Go(func() {
				defer func() { unwound <- name }()
				park()
				t.Errorf("%s returned", name)
			})
		}
	})
	time.AfterFunc(10*time.Millisecond, func() { close(release) })
	w.Close()
	if len(unwound) != 4 {
		t.Errorf("%d of 4 have unwound", len(unwound))
	}
	if w.Post(TaskFunc(func(*Worker) {})) || w.Call(func() {}) {
		t.Error("a closed worker took a task")
	}
	if n := w.FDs(); n != 0 {
		t.Errorf("%d descriptors registered", n)
	}
}

func TestCloseBeforeRun(t *testing.T) {
	w, err := NewWorker(0)
	if err != nil {
		t.Fatal(err)
	}
	w.Go(func() { w.Current().Park() })
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Run(); err != nil {
		t.Fatal(err)
	}
}

func TestPanicIsReported(t *testing.T) {
	var got []string
	w := runWith(t, func(w *Worker) {
		w.OnPanic = func(v any, stack []byte) {
			if !strings.Contains(string(stack), "TestPanicIsReported") {
				t.Errorf("not the stack of the panic:\n%s", stack)
			}
			got = append(got, fmt.Sprint(v))
		}
	})
	f, peer := pair(t, w)
	w.Post(TaskFunc(func(*Worker) { panic("task") }))
	w.Post(TaskFunc(func(*Worker) { w.Go(func() { panic("coroutine") }) }))
	w.Post(TaskFunc(func(*Worker) { w.AfterFunc(0, func() { panic("timer") }) }))
	w.Call(func() { f.OnReadable(TaskFunc(func(*Worker) { panic("ready") })) })
	peer.Write([]byte("x"))
	until(t, "four panics", func() bool {
		n := 0
		w.Call(func() { n = len(got) })
		return n == 4
	})
	for _, want := range []string{"task", "coroutine", "timer", "ready"} {
		if !strings.Contains(strings.Join(got, " "), want) {
			t.Errorf("no report of %q in %q", want, got)
		}
	}
}

func TestOffload(t *testing.T) {
	w := run(t)
	in(t, w, func() {
		co := w.Current()
		x := 0
		w.Offload(func() { x = 1 })
		if x != 1 || w.Current() != co {
			t.Errorf("x is %d", x)
		}
		func() {
			defer func() {
				if v := recover(); v != "boom" {
					t.Errorf("recovered %v", v)
				}
			}()
			w.Offload(func() { panic("boom") })
		}()
	})
}

func TestTwoWorkers(t *testing.T) {
	two := runs(t, 2, func(*Worker) {})
	a, b := two[0], two[1]
	got := make(chan int, 2)
	a.Call(func() {
		b.Post(TaskFunc(func(b *Worker) {
			got <- b.ID()
			a.Post(TaskFunc(func(a *Worker) { got <- a.ID() }))
		}))
	})
	<-got
	<-got
}

// A task that panics does not cost those behind it their turn or their order.
func TestPanicKeepsTheQueue(t *testing.T) {
	var got []int
	w := runWith(t, func(w *Worker) { w.OnPanic = func(any, []byte) {} })
	hold := make(chan bool)
	w.Post(TaskFunc(func(*Worker) { <-hold })) // what follows comes in one batch
	for i := range 100 {
		w.Post(TaskFunc(func(*Worker) {
			got = append(got, i)
			if i%3 == 0 {
				panic(i)
			}
		}))
	}
	close(hold)
	w.Call(func() {})
	for i, v := range got {
		if i != v {
			t.Fatalf("task %d came at %d", v, i)
		}
	}
	if len(got) != 100 {
		t.Errorf("%d tasks ran", len(got))
	}
}

func TestOffloadIsBounded(t *testing.T) {
	w := run(t)
	var running, most, ran atomic.Int32
	release := make(chan bool)
	ended := 0
	var all []*Coroutine
	w.Call(func() {
		for range 2 * MaxOffloaded {
			all = append(all, w.Go(func() {
				w.Offload(func() {
					ran.Add(1)
					for n := running.Add(1); ; {
						if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
							break
						}
					}
					<-release
					running.Add(-1)
				})
				ended++
			}))
		}
		all[len(all)-1].Kill() // before its turn
	})
	until(t, "them to run", func() bool { return running.Load() == MaxOffloaded })
	close(release)
	until(t, "them to end", func() (ok bool) { w.Call(func() { ok = ended == len(all)-1 }); return })
	if most.Load() != MaxOffloaded || int(ran.Load()) != len(all)-1 {
		t.Errorf("%d ran, %d at a time", ran.Load(), most.Load())
	}
}
