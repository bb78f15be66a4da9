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
			fd, err := loop.Dial(addr, actor.DialOptions{Timeout: time.Second})
			if err != nil {
				t.Error(err)
				return
			}
			peer, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			defer peer.Close()
			p := &pool{}
			p.timer.Init(loop, p)
			c := &peerConn{fd: fd, expires: time.Now().Add(time.Minute)}
			c.hangup = func() {
				if c.pool != nil {
					c.pool.drop(c)
				}
			}
			if when == "before it is kept" {
				does(peer)
			}
			p.put(c, 1)
			if when != "before it is kept" {
				does(peer)
			}
			time.Sleep(time.Millisecond) // the kernel's, while the loop stands still
			if got := p.get(&poolKey{}) != nil; got != want {
				t.Errorf("used again: %v", got)
			}
			if p.size > 0 {
				p.drop(p.newest)
			} else {
				c.close()
			}
			p.timer.Stop()
		})
	})
	<-done
}
