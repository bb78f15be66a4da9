package actor

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ends are two connected sockets that no worker owns.
func ends(t *testing.T) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	return fds[0], fds[1]
}

func TestAwait(t *testing.T) {
	w := run(t)
	a, b := ends(t)
	c, _ := ends(t)
	in(t, w, func() {
		list := []Interest{{FD: a, Read: true}, {FD: c, Read: true, Write: true}}
		if err := w.Await(list, -1); err != nil || list[0].Readable || list[1].Readable || !list[1].Writable {
			t.Errorf("what is ready at once: %v, %+v", err, list)
		}
		list = []Interest{{FD: a, Read: true}, {FD: c, Read: true}}
		for _, limit := range []time.Duration{0, time.Millisecond} {
			if err := w.Await(list, limit); err != ErrTimeout {
				t.Errorf("nothing in %v: %v", limit, err)
			}
		}
		w.AfterFunc(time.Millisecond, func() { unix.Write(b, []byte("x")) })
		if err := w.Await(list, -1); err != nil || !list[0].Readable || list[1].Readable {
			t.Errorf("a byte: %v, %+v", err, list)
		}
		if err := w.Await([]Interest{{FD: 1 << 20, Read: true}}, 0); err != nil {
			t.Errorf("what is no descriptor counts as failed: %v", err)
		}
	})
	if n := w.FDs(); n != 0 {
		t.Errorf("%d descriptors are still watched", n)
	}
}

// Two coroutines may wait for one descriptor, whose owner ends both waits.
func TestAwaitEndsByShutdown(t *testing.T) {
	w := run(t)
	a, _ := ends(t)
	in(t, w, func() {
		me, woken := w.Current(), 0
		for range 2 {
			w.Go(func() {
				list := []Interest{{FD: a, Read: true}}
				if err := w.Await(list, -1); err != nil || !list[0].Readable {
					t.Errorf("%v, %+v", err, list)
				}
				woken++
				me.Resume()
			})
		}
		w.AfterFunc(time.Millisecond, func() { unix.Shutdown(a, unix.SHUT_RDWR) })
		for woken < 2 {
			me.Park()
		}
	})
}

func TestAwaitKilled(t *testing.T) {
	w := run(t)
	a, _ := ends(t)
	in(t, w, func() {
		co := w.Go(func() {
			w.Await([]Interest{{FD: a, Read: true}}, time.Hour)
			t.Error("a killed coroutine went on")
		})
		co.Kill()
	})
	if n := w.FDs(); n != 0 {
		t.Errorf("%d descriptors are still watched", n)
	}
}

// Outside of a coroutine the goroutine waits.
func TestAwaitBlocking(t *testing.T) {
	a, b := ends(t)
	list := []Interest{{FD: a, Read: true}}
	if err := Await(list, time.Millisecond); !errors.Is(err, ErrTimeout) {
		t.Errorf("%v", err)
	}
	go func() { unix.Write(b, []byte("x")) }()
	if err := Await(list, -1); err != nil || !list[0].Readable {
		t.Errorf("%v, %+v", err, list)
	}
}
