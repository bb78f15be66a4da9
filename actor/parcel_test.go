package actor

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestParcel(t *testing.T) {
	all := runs(t, 2, func(*Worker) {})
	f, peer := pair(t, all[0])
	io.WriteString(peer, "hello")
	for i := range 10 { // to and fro
		var p *Parcel
		in(t, all[i%2], func() {
			var err error
			if p, err = f.Pack(); err != nil || !f.Closed() {
				t.Error(err)
			}
			if _, err := f.Pack(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("a second time: %v", err)
			}
		})
		in(t, all[1-i%2], func() {
			g, _, err := p.Open(all[1-i%2])
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := p.Open(all[1-i%2]); !errors.Is(err, net.ErrClosed) {
				t.Errorf("a second time: %v", err)
			}
			p.Close() // nothing
			f = g
		})
	}
	in(t, all[0], func() {
		if err := f.WaitReadable(time.Second); err != nil {
			t.Error(err)
		}
		b := make([]byte, 10)
		if n, err := f.Read(b); string(b[:n]) != "hello" {
			t.Errorf("%q, %v", b[:n], err)
		}
		if err := f.WaitReadable(time.Millisecond); err != ErrTimeout {
			t.Error(err)
		}
		all[0].Go(func() {
			if err := f.WaitReadable(0); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
			if _, err := f.Read(b); !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
		p, err := f.Pack()
		if err != nil {
			t.Fatal(err)
		}
		p.Close()
	})
	if _, err := peer.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("not closed: %v", err)
	}
}

// A parcel that is lost does not keep its descriptor open.
func TestParcelLost(t *testing.T) {
	w := run(t)
	f, peer := pair(t, w)
	in(t, w, func() { f.Pack() })
	ended := make(chan error, 1)
	go func() {
		_, err := peer.Read(make([]byte, 1))
		ended <- err
	}()
	for {
		runtime.GC()
		select {
		case err := <-ended:
			if err != io.EOF {
				t.Error(err)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func TestParcelOfTLS(t *testing.T) {
	all := runs(t, 2, func(*Worker) {})
	var done atomic.Bool // the other worker is
	tlsPair(t, all[0], func(s *TLS) {
		if _, err := s.Pack(); err == nil {
			t.Error("packed without a handshake")
		}
		b := make([]byte, 2)
		s.Read(b[:1])
		all[0].Go(func() { s.Read(b[:1]) })
		if _, err := s.Pack(); err != ErrBusy {
			t.Error(err)
		}
		s.Write([]byte("x"))
		for s.reading {
			all[0].Current().Yield()
		}
		p, err := s.Pack()
		if err != nil {
			t.Error(err)
			return
		}
		all[1].Post(TaskFunc(func(w *Worker) {
			w.Go(func() {
				defer done.Store(true)
				_, s, err := p.Open(w)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := io.ReadFull(s, b); string(b) != "cd" || err != nil {
					t.Errorf("%q, %v", b, err)
				}
				s.Write([]byte("done"))
				s.Close()
			})
		}))
		for !done.Load() { // the connection is closed when this returns
			all[0].Current().Sleep(time.Millisecond)
		}
	}, func(c *TLS) {
		c.Write([]byte("a"))
		b := make([]byte, 4)
		c.Read(b[:1])
		c.Write([]byte("bcd"))
		if _, err := io.ReadFull(c, b); string(b) != "done" || err != nil {
			t.Errorf("%q, %v", b, err)
		}
		for !done.Load() { // when this returns, the coroutine that has given the connection away is killed
			all[0].Current().Sleep(time.Millisecond)
		}
	})
}
