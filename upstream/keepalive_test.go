package upstream

import (
	"net"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// TestUnaskedBytes has a peer send something on an idle connection, or close
// it, in the very turn in which the connection is wanted again: the loop has
// not heard of it yet.
func TestUnaskedBytes(t *testing.T) {
	for name, c := range map[string]struct {
		does func(peer net.Conn)
		want bool
	}{
		"silent": {func(net.Conn) {}, true},
		"bytes":  {func(peer net.Conn) { peer.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")) }, false},
		"closed": {func(peer net.Conn) { peer.Close() }, false},
	} {
		for _, when := range []string{"before it is kept", "while it is kept"} {
			t.Run(name+" "+when, func(t *testing.T) { testUnasked(t, c.does, c.want, when) })
		}
	}
}

func testUnasked(t *testing.T, does func(peer net.Conn), want bool, when string) {
	onLoop(t, func(loop *actor.Worker, dial func() (*actor.FD, net.Conn)) {
		fd, peer := dial()
		defer peer.Close()
		p := &pool{}
		p.timer.Init(loop, p)
		c := newPeerConn(fd)
		if when == "before it is kept" {
			does(peer)
		}
		p.put(c, 1)
		if when != "before it is kept" {
			does(peer)
		}
		time.Sleep(time.Millisecond) // the kernel's, while the loop stands still
		if got := p.get(&poolKey{}, false) != nil; got != want {
			t.Errorf("used again: %v", got)
		}
		if p.size > 0 {
			p.drop(p.newest)
		} else {
			c.close()
		}
		p.timer.Stop()
	})
}

// onLoop runs f on a coroutine; dial makes a connection to a peer that the test holds the other end
// of.
func onLoop(t *testing.T, f func(loop *actor.Worker, dial func() (*actor.FD, net.Conn))) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	loop, err := actor.NewWorker(0)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- loop.Run() }()
	defer func() { loop.Stop(); <-ended; loop.Close() }()
	addr := actor.IP(l.Addr().(*net.TCPAddr).AddrPort())
	done := make(chan bool)
	loop.Call(func() {
		loop.Go(func() {
			defer close(done)
			f(loop, func() (*actor.FD, net.Conn) {
				fd, err := loop.Dial(addr, actor.DialOptions{Timeout: time.Second})
				if err != nil {
					t.Error(err)
					panic(err)
				}
				peer, err := l.Accept()
				if err != nil {
					t.Error(err)
					panic(err)
				}
				return fd, peer
			})
		})
	})
	<-done
}

// A connection that has been idle for a turn is used again without asking the kernel, but not when
// there is news of it that the loop has taken and not told yet.
func TestKeepaliveNews(t *testing.T) {
	for _, c := range []struct {
		name string
		does func(net.Conn)
		once bool
		want bool
	}{
		{"silent", func(net.Conn) {}, false, true},
		{"speaks", func(c net.Conn) { c.Write([]byte("HTTP/1.1 200 OK\r\n")) }, false, false},
		{"closes", func(c net.Conn) { c.Close() }, false, false},
		{"silent, once", func(net.Conn) {}, true, true},
		{"speaks, once", func(c net.Conn) { c.Write([]byte("HTTP/1.1 200 OK\r\n")) }, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			onLoop(t, func(loop *actor.Worker, dial func() (*actor.FD, net.Conn)) {
				p := &pool{}
				p.timer.Init(loop, p)
				kept, peer := dial()
				defer peer.Close()
				other, caller := dial()
				defer caller.Close()
				defer other.Close()
				p.put(newPeerConn(kept), 1)
				loop.Current().Yield()
				caller.Write([]byte("x"))
				c.does(peer)
				time.Sleep(time.Millisecond)
				// The caller's byte came first: its event is told first, of the same batch.
				if _, err := other.Read(make([]byte, 1)); err != nil {
					t.Error(err)
				}
				got := p.get(&poolKey{}, c.once)
				if (got != nil) != c.want {
					t.Errorf("used again: %v", got != nil)
				}
				if got != nil {
					got.close()
				} else if p.size > 0 {
					p.drop(p.newest)
				}
				p.timer.Stop()
			})
		})
	}
}

func newPeerConn(fd *actor.FD) *peerConn {
	c := &peerConn{fd: fd, expires: time.Now().Add(time.Minute)}
	c.hangup = func() {
		if c.pool != nil {
			c.pool.drop(c)
		}
	}
	return c
}
