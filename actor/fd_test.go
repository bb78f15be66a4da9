package actor

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestReadParksUntilBytesCome(t *testing.T) {
	w := run(t)
	f, peer := pair(t, w)
	go func() {
		for _, s := range []string{"hello", " ", "world"} {
			time.Sleep(time.Millisecond)
			io.WriteString(peer, s)
		}
		peer.Close()
	}()
	in(t, w, func() {
		got, err := io.ReadAll(f)
		if string(got) != "hello world" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if n, err := f.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Errorf("after the end: %d, %v", n, err)
		}
	})
}

// The bytes and the end come with one event: a short read must not make the FD forget the end.
func TestEndBehindBytes(t *testing.T) {
	w := run(t)
	f, peer := pair(t, w)
	io.WriteString(peer, "bye")
	peer.Close()
	in(t, w, func() {
		buf := make([]byte, 100)
		n, err := f.Read(buf)
		if string(buf[:n]) != "bye" || err != nil {
			t.Errorf("%q, %v", buf[:n], err)
		}
		if _, err := f.Read(buf); err != io.EOF {
			t.Errorf("%v", err)
		}
	})
}

func TestHalfClose(t *testing.T) {
	w := run(t)
	f, peer := pair(t, w)
	raw, _ := peer.SyscallConn()
	raw.Control(func(fd uintptr) { unix.Shutdown(int(fd), unix.SHUT_WR) })
	in(t, w, func() {
		if _, err := f.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read: %v", err)
		}
		if _, err := f.Write([]byte("still here")); err != nil {
			t.Errorf("write: %v", err)
		}
		f.CloseWrite()
	})
	if got, err := io.ReadAll(peer); string(got) != "still here" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// Everything that moves bytes moves them all, in order, with the kernel's calls and with the worst
// ones.
func TestTransfer(t *testing.T) {
	data := make([]byte, 300000)
	for i := range data {
		data[i] = byte(rand.IntN(256))
	}
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	send := map[string]func(f *FD, data []byte) error{
		"write": func(f *FD, data []byte) error { _, err := f.Write(data); return err },
		"writev": func(f *FD, data []byte) error {
			bufs := [][]byte{{}, data[:1], nil, data[1:2]}
			for rest := data[2:]; len(rest) > 0; {
				n := min(len(rest), 1+rand.IntN(len(data)/20))
				bufs = append(bufs, rest[:n])
				rest = rest[n:]
			}
			n, err := f.Writev(bufs)
			if n != int64(len(data)) {
				t.Errorf("wrote %d", n)
			}
			return err
		},
		"sendfile": func(f *FD, data []byte) error {
			in, err := os.Open(file)
			if err != nil {
				return err
			}
			defer in.Close()
			_, err = f.SendFile(in, 0, int64(len(data)))
			return err
		},
	}
	for _, lens := range []struct {
		name string
		size int
		use  func(*Worker)
	}{
		{"kernel", len(data), func(*Worker) {}},
		{"onebyte", 3000, func(w *Worker) { w.Syscalls = OneByte() }},
	} {
		for name, send := range send {
			t.Run(lens.name+"/"+name, func(t *testing.T) {
				w := runWith(t, lens.use)
				a, peer := pair(t, w)
				data := data[:lens.size]
				got := make([]byte, len(data))
				wait := make(chan error)
				go func() {
					_, err := io.ReadFull(peer, got)
					wait <- err
				}()
				in(t, w, func() {
					if err := send(a, data); err != nil {
						t.Error(err)
					}
				})
				if err := <-wait; err != nil || !bytes.Equal(got, data) {
					t.Errorf("other bytes arrived (%v)", err)
				}
				go peer.Write(data)
				in(t, w, func() {
					if _, err := io.ReadFull(a, got); err != nil || !bytes.Equal(got, data) {
						t.Errorf("other bytes were read (%v)", err)
					}
				})
			})
		}
	}
}

func TestSendFileOfShortFile(t *testing.T) {
	w := run(t)
	f, _ := pair(t, w)
	name := filepath.Join(t.TempDir(), "short")
	os.WriteFile(name, []byte("abc"), 0o600)
	file, _ := os.Open(name)
	defer file.Close()
	in(t, w, func() {
		if n, err := f.SendFile(file, 1, 10); n != 2 || err != io.ErrUnexpectedEOF {
			t.Errorf("%d, %v", n, err)
		}
	})
}

func TestTimeouts(t *testing.T) {
	const d = 10 * time.Millisecond
	w := run(t)
	big := make([]byte, 8<<20)
	for name, op := range map[string]func(f *FD) error{
		"read timeout":   func(f *FD) error { f.SetReadTimeout(d); _, err := f.Read(make([]byte, 1)); return err },
		"read deadline":  func(f *FD) error { f.SetReadDeadline(time.Now().Add(d)); _, err := f.Read(big[:1]); return err },
		"write timeout":  func(f *FD) error { f.SetWriteTimeout(d); _, err := f.Write(big); return err },
		"write deadline": func(f *FD) error { f.SetWriteDeadline(time.Now().Add(d)); _, err := f.Write(big); return err },
		"writev":         func(f *FD) error { f.SetWriteTimeout(d); _, err := f.Writev([][]byte{big, big}); return err },
		"deadline of a parked read": func(f *FD) error {
			w.AfterFunc(d, func() { f.SetReadDeadline(time.Unix(1, 0)) })
			_, err := f.Read(make([]byte, 1))
			return err
		},
		"deadline of a parked read, to come": func(f *FD) error {
			w.AfterFunc(0, func() { f.SetReadDeadline(time.Now().Add(d)) })
			_, err := f.Read(make([]byte, 1))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, peer := pair(t, w)
			in(t, w, func() {
				begin := time.Now()
				err := op(f)
				var ne net.Error
				if !errors.Is(err, ErrTimeout) || !errors.As(err, &ne) || !ne.Timeout() || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("%v", err)
				}
				if e := time.Since(begin); e < d-2*time.Millisecond {
					t.Errorf("after %v", e)
				}
				f.SetDeadline(time.Time{})
				go io.WriteString(peer, "x")
				f.SetReadTimeout(0)
				if _, err := f.Read(make([]byte, 1)); err != nil {
					t.Errorf("the next read: %v", err)
				}
			})
		})
	}
}

func TestTimeoutIsPerOperation(t *testing.T) {
	w := run(t)
	f, peer := pair(t, w)
	go func() {
		for range 8 {
			time.Sleep(10 * time.Millisecond)
			io.WriteString(peer, "x")
		}
	}()
	in(t, w, func() {
		f.SetReadTimeout(60 * time.Millisecond)
		for range 8 {
			if _, err := f.Read(make([]byte, 8)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSecondReaderIsRefused(t *testing.T) {
	w := run(t)
	f, peer := pair(t, w)
	in(t, w, func() {
		first := w.Go(func() {
			if _, err := f.Read(make([]byte, 1)); err != nil {
				t.Error(err)
			}
		})
		if _, err := f.Read(make([]byte, 1)); err != ErrBusy {
			t.Errorf("reader: %v", err)
		}
		big := make([]byte, 4<<20)
		writer := w.Go(func() { f.Write(big) })
		if _, err := f.Write([]byte("x")); err != ErrBusy {
			t.Errorf("writer: %v", err)
		}
		io.WriteString(peer, "x")
		for !first.Dead() {
			w.Current().Sleep(time.Millisecond)
		}
		writer.Kill()
	})
}

func TestCloseWakesWhoIsParked(t *testing.T) {
	w := run(t)
	f, _ := pair(t, w)
	in(t, w, func() {
		var rerr, werr error
		w.Go(func() { _, rerr = f.Read(make([]byte, 1)) })
		w.Go(func() { _, werr = f.Write(make([]byte, 8<<20)) })
		f.Close()
		w.Current().Yield()
		if rerr != net.ErrClosed || werr != net.ErrClosed {
			t.Errorf("%v, %v", rerr, werr)
		}
		if _, err := f.Read(make([]byte, 1)); err != net.ErrClosed {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestTryNeverParks(t *testing.T) {
	w := run(t)
	f, peer := pair(t, w)
	w.Call(func() {
		if _, err := f.TryRead(make([]byte, 1)); err != ErrWouldBlock {
			t.Errorf("read: %v", err)
		}
		if err := f.Peek(); err != ErrWouldBlock {
			t.Errorf("peek: %v", err)
		}
		for {
			if _, err := f.TryWrite(make([]byte, 1<<16)); err == ErrWouldBlock {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
	peer.Write([]byte("x"))
	until(t, "a byte", func() (ok bool) { w.Call(func() { ok = f.Readable() }); return })
	w.Call(func() {
		if err := f.Peek(); err != nil {
			t.Errorf("peek: %v", err)
		}
		if n, err := f.TryRead(make([]byte, 8)); n != 1 || err != nil {
			t.Errorf("read: %d, %v", n, err)
		}
	})
	peer.Close()
	until(t, "the hang-up", func() (ok bool) { w.Call(func() { ok = f.Hungup() }); return })
	w.Call(func() {
		if err := f.Peek(); err != io.EOF && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("peek: %v", err)
		}
	})
}

func TestOnReadable(t *testing.T) {
	w := run(t)
	for name, event := range map[string]func(*os.File){
		"bytes":   func(peer *os.File) { io.WriteString(peer, "x") },
		"hang-up": func(peer *os.File) { peer.Close() },
	} {
		for _, order := range []string{"before", "after"} {
			t.Run(name+" "+order, func(t *testing.T) {
				f, peer := pair(t, w)
				called := make(chan bool, 8)
				set := func() {
					w.Call(func() { f.OnReadable(TaskFunc(func(w *Worker) { called <- w.Current() == nil })) })
				}
				if order == "before" {
					set()
					event(peer)
				} else {
					event(peer)
					until(t, "the event", func() (ok bool) { w.Call(func() { ok = f.Readable() }); return })
					set()
				}
				if !<-called {
					t.Error("not on the loop")
				}
				w.Call(func() { f.Close() })
				if len(called) != 0 {
					t.Error("called again")
				}
			})
		}
	}
}

func TestOnHangup(t *testing.T) {
	w := run(t)
	for _, order := range []string{"before", "after"} {
		f, peer := pair(t, w)
		called := make(chan bool, 8)
		set := func() { w.Call(func() { f.OnHangup(func() { called <- true }) }) }
		if order == "before" {
			set()
			io.WriteString(peer, "x")
			w.Call(func() {})
			if len(called) != 0 {
				t.Error("called for bytes")
			}
		}
		peer.Close()
		if order == "after" {
			until(t, "the hang-up", func() (ok bool) { w.Call(func() { ok = f.Hungup() }); return })
			set()
		}
		<-called
		w.Call(func() { f.Close() })
	}
}

// A descriptor that is closed, and whose number is used again in the same batch of events, does not
// get the old one's events.
func TestStaleEvent(t *testing.T) {
	w := run(t)
	a, pa := pair(t, w)
	b, pb := pair(t, w)
	var again *FD
	var spare [2]int
	swap := func(victim *FD) Task {
		return TaskFunc(func(w *Worker) {
			number := victim.Fd()
			victim.Close()
			spare, _ = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if spare[0] != number {
				t.Logf("the number %d became %d", number, spare[0])
			}
			again, _ = w.NewFD(spare[0])
			again.OnReadable(TaskFunc(func(*Worker) { t.Error("a stale event arrived") }))
		})
	}
	w.Call(func() {
		a.OnReadable(swap(b))
		b.OnReadable(swap(a))
		pa.Write([]byte("x")) // both are ready when the loop looks again
		pb.Write([]byte("x"))
	})
	until(t, "the swap", func() (ok bool) { w.Call(func() { ok = again != nil }); return })
	w.Call(func() {})
	w.Call(func() { again.Close() })
	unix.Close(spare[1])
}

func TestInjectedErrors(t *testing.T) {
	for name, c := range map[string]struct {
		inject func(*Syscalls)
		op     func(*FD) error
		want   error
	}{
		"read": {
			func(s *Syscalls) { s.Read = func(int, []byte) (int, syscall.Errno) { return 0, syscall.ECONNRESET } },
			func(f *FD) error { _, err := f.Read(make([]byte, 1)); return err }, syscall.ECONNRESET},
		"write": {
			func(s *Syscalls) { s.Write = func(int, []byte) (int, syscall.Errno) { return 0, syscall.EPIPE } },
			func(f *FD) error { _, err := f.Write(make([]byte, 1)); return err }, syscall.EPIPE},
		"writev": {
			func(s *Syscalls) { s.Writev = func(int, [][]byte) (int, syscall.Errno) { return 0, syscall.EPIPE } },
			func(f *FD) error { _, err := f.Writev([][]byte{{1}}); return err }, syscall.EPIPE},
	} {
		t.Run(name, func(t *testing.T) {
			w := runWith(t, func(w *Worker) { c.inject(&w.Syscalls) })
			f, peer := pair(t, w)
			io.WriteString(peer, "x")
			in(t, w, func() {
				if err := c.op(f); !errors.Is(err, c.want) {
					t.Error(err)
				}
			})
		})
	}
}

func TestDetach(t *testing.T) {
	two := runs(t, 2, func(*Worker) {})
	a, b := two[0], two[1]
	f, peer := pair(t, a)
	var g *FD
	var err error
	fd := -1
	a.Call(func() { fd = f.Detach() })
	b.Call(func() { g, err = b.NewFD(fd) })
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(peer, "x")
	in(t, b, func() {
		if _, err := g.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}

// A coroutine whose descriptor is always ready leaves the others a turn.
func TestBusyReaderLeavesATurn(t *testing.T) {
	w := runWith(t, func(w *Worker) {
		w.Syscalls.Read = func(fd int, p []byte) (int, syscall.Errno) { return len(p), 0 }
	})
	f, peer := pair(t, w)
	io.WriteString(peer, "x")
	stop := false
	w.Post(TaskFunc(func(w *Worker) {
		w.Go(func() {
			for !stop {
				f.Read(make([]byte, 16))
			}
		})
	}))
	for range 10 {
		w.Call(func() {})
	}
	w.Call(func() { stop = true })
}

// waitingTask counts what happens to a descriptor that waits without a coroutine.
type waitingTask struct{ ready, late int }

func (t *waitingTask) Run(*Worker)   { t.ready++ }
func (t *waitingTask) Expire(*Timer) { t.late++ }

func TestExpireIn(t *testing.T) {
	w, err := NewWorker(0)
	if err != nil {
		t.Fatal(err)
	}
	go w.Run()
	defer w.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	var fd *FD
	waits, taken := &waitingTask{}, &waitingTask{}
	w.Call(func() {
		if fd, err = w.NewFD(pair[0]); err != nil {
			return
		}
		fd.OnReadable(waits)
		fd.ExpireIn(time.Millisecond)
	})
	if err != nil {
		t.Fatal(err)
	}
	for late := 0; late == 0; {
		w.Call(func() { late = waits.late })
		time.Sleep(time.Millisecond)
	}
	w.Call(func() {
		fd.OnReadable(taken)
		fd.ExpireIn(time.Millisecond)
		fd.OnReadable(nil)
	})
	time.Sleep(5 * time.Millisecond)
	w.Call(func() {
		if waits.ready != 0 || waits.late != 1 || taken.late != 0 || taken.ready != 0 {
			t.Errorf("waiting: %+v, taken back: %+v", waits, taken)
		}
		fd.Close()
	})
}
