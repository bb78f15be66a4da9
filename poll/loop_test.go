package poll

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

type waiter func(Events)

func (f waiter) Ready(ev Events) { f(ev) }

func open(t testing.TB) *Loop {
	t.Helper()
	l, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := l.Len(); n != 0 {
			t.Errorf("%d descriptors are left", n)
		}
		l.Close()
	})
	return l
}

func pair(t testing.TB) (a, b int) {
	t.Helper()
	p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p[0]); unix.Close(p[1]) })
	return p[0], p[1]
}

func soon() time.Time { return time.Now().Add(5 * time.Second) }

func TestEvents(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(fd, peer int)
		want Events
	}{
		"nothing":       {func(fd, peer int) {}, Writable},
		"bytes":         {func(fd, peer int) { unix.Write(peer, []byte("x")) }, Readable | Writable},
		"end":           {func(fd, peer int) { unix.Shutdown(peer, unix.SHUT_WR) }, Readable | Writable | Hangup},
		"both ways":     {func(fd, peer int) { unix.Shutdown(peer, unix.SHUT_RDWR) }, Readable | Writable | Hangup | Failed},
		"unread bytes":  {func(fd, peer int) { unix.Write(fd, []byte("x")); unix.Close(peer) }, Readable | Writable | Hangup | Failed},
		"no room":       {func(fd, peer int) { fill(fd) }, 0},
		"room again":    {func(fd, peer int) { fill(fd); drain(peer) }, Writable},
		"bytes and end": {func(fd, peer int) { unix.Write(peer, []byte("x")); unix.Shutdown(peer, unix.SHUT_WR) }, Readable | Writable | Hangup},
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t)
			p, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(p[0])
			if name != "unread bytes" {
				defer unix.Close(p[1])
			}
			c.do(p[0], p[1])
			var got Events
			h, err := l.Add(p[0], waiter(func(ev Events) { got |= ev }))
			if err != nil {
				t.Fatal(err)
			}
			if err := l.TryPoll(); err != nil {
				t.Fatal(err)
			}
			l.Dispatch()
			if got != c.want {
				t.Errorf("got %04b, want %04b", got, c.want)
			}
			got = 0
			l.TryPoll()
			l.Dispatch()
			if got != 0 {
				t.Errorf("reported twice: %04b", got)
			}
			l.Rearm(h)
			l.TryPoll()
			l.Dispatch()
			if got != c.want {
				t.Errorf("rearmed: got %04b, want %04b", got, c.want)
			}
			l.Remove(h)
		})
	}
}

func fill(fd int) {
	for {
		if _, err := unix.Write(fd, make([]byte, 1<<16)); err != nil {
			return
		}
	}
}

func drain(fd int) {
	for {
		if _, err := unix.Read(fd, make([]byte, 1<<16)); err != nil {
			return
		}
	}
}

func TestDeadline(t *testing.T) {
	l := open(t)
	for _, d := range []time.Duration{20 * time.Millisecond, time.Millisecond, 5 * time.Millisecond, -time.Second} {
		begin := time.Now()
		for time.Since(begin) < d || d < 0 { // it may return early
			if err := l.Wait(begin.Add(d)); err != nil {
				t.Fatal(err)
			}
			if d < 0 {
				break
			}
		}
		if late := time.Since(begin) - d; late > time.Second && d > 0 {
			t.Errorf("Wait(%v) was %v late", d, late)
		}
	}
}

func TestWake(t *testing.T) {
	l := open(t)
	l.Wake()
	l.Wait(time.Time{}) // returns: Wake was called
	for range 500 {
		go l.Wake()
		begin := time.Now()
		if err := l.Wait(soon()); err != nil {
			t.Fatal(err)
		}
		if time.Since(begin) > time.Second {
			t.Fatal("nobody woke the loop")
		}
	}
}

// A message that is left before Wake is called is found by a loop that looks after each Poll: none
// is lost.
func TestWakeIsNeverLost(t *testing.T) {
	l := open(t)
	fd, peer := pair(t)
	h, err := l.Add(fd, waiter(func(Events) { drain(fd) }))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Remove(h)
	const n = 20000
	box := make(chan int, 1)
	go func() {
		for i := range n {
			box <- i
			l.Wake()
			if i%3 == 0 {
				unix.Write(peer, []byte("x")) // events and deadlines come in between
			}
		}
	}()
	for got := 0; got < n; {
		deadline := soon()
		if got%5 == 0 {
			deadline = time.Now().Add(10 * time.Microsecond)
		}
		begin := time.Now()
		if err := l.Wait(deadline); err != nil {
			t.Fatal(err)
		}
		if time.Since(begin) > 2*time.Second {
			t.Fatalf("slept over message %d", got)
		}
		select {
		case i := <-box:
			if i != got {
				t.Fatalf("message %d, not %d", i, got)
			}
			got++
		default:
		}
	}
}

func TestEventWakesSleepingLoop(t *testing.T) {
	l := open(t)
	fd, peer := pair(t)
	got := 0
	h, err := l.Add(fd, waiter(func(ev Events) {
		if ev&Readable != 0 {
			n, _ := unix.Read(fd, make([]byte, 8))
			got += n
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Remove(h)
	for i := range 200 {
		go unix.Write(peer, []byte("x"))
		for got <= i {
			begin := time.Now()
			if err := l.Wait(soon()); err != nil {
				t.Fatal(err)
			}
			if time.Since(begin) > time.Second {
				t.Fatal("the event did not wake the loop")
			}
		}
	}
}

func TestStaleEventReachesNobody(t *testing.T) {
	l := open(t)
	a, pa := pair(t)
	b, pb := pair(t)
	unix.Write(pa, []byte("x"))
	unix.Write(pb, []byte("x"))
	var ha, hb, hc Handle
	told := 0
	other := waiter(func(Events) { t.Error("told of another's event") })
	swap := func(mine, its *Handle, fd int) waiter {
		return func(Events) {
			told++
			l.Remove(*its)
			*its = 0
			var err error
			if hc, err = l.Add(fd, other); err != nil { // takes the slot of the one whose event is on its way
				t.Error(err)
			}
		}
	}
	ha, _ = l.Add(a, waiter(func(ev Events) { swap(&ha, &hb, b)(ev) }))
	hb, _ = l.Add(b, waiter(func(ev Events) { swap(&hb, &ha, a)(ev) }))
	l.TryPoll()
	l.Dispatch()
	if told != 1 {
		t.Errorf("%d were told", told)
	}
	for _, h := range []Handle{ha, hb, hc} {
		l.Remove(h)
		l.Remove(h) // names nothing any more
	}
}

func TestPanicKeepsTheOtherEvents(t *testing.T) {
	l := open(t)
	told := 0
	var handles []Handle
	for range 3 {
		fd, _ := pair(t)
		h, err := l.Add(fd, waiter(func(Events) { told++; panic("waiter") }))
		if err != nil {
			t.Fatal(err)
		}
		handles = append(handles, h)
	}
	for range 3 {
		func() {
			defer func() { recover() }()
			l.Wait(soon())
		}()
	}
	if told != 3 {
		t.Errorf("%d were told", told)
	}
	for _, h := range handles {
		l.Remove(h)
	}
}

func TestListenerIsLevelTriggered(t *testing.T) {
	l := open(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	at := &unix.SockaddrUnix{Name: t.TempDir() + "/s"}
	if err := unix.Bind(fd, at); err != nil {
		t.Fatal(err)
	}
	unix.Listen(fd, 8)
	told := 0
	h, err := l.AddListener(fd, waiter(func(Events) { told++ }))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Remove(h)
	c, _ := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	defer unix.Close(c)
	if err := unix.Connect(c, at); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		l.Wait(soon())
	}
	if told != 3 {
		t.Errorf("told %d times", told)
	}
}

func TestAddErrors(t *testing.T) {
	l := open(t)
	file, err := os.Open("loop.go")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := l.Add(int(file.Fd()), waiter(nil)); err == nil {
		t.Error("no error for a regular file")
	}
	if _, err := l.Add(-1, waiter(nil)); err == nil {
		t.Error("no error for no descriptor")
	}
	if l.Len() != 0 || len(l.free) != 1 {
		t.Error("a slot is lost")
	}
}

func BenchmarkWakeSleeping(b *testing.B) {
	l := open(b)
	done := make(chan bool)
	go func() {
		for range b.N {
			l.Wait(time.Time{})
			done <- true
		}
	}()
	for range b.N {
		l.Wake()
		<-done
	}
}
