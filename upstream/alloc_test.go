//go:build !race

package upstream_test

import (
	"bytes"
	"net"
	"testing"
	"time"
)

// TestAllocations holds a proxied request over kept connections to a number of
// allocations: the string that holds the answer's fields, and the room that
// tests have for chance.
func TestAllocations(t *testing.T) {
	answer := []byte("HTTP/1.1 200 OK\r\nServer: test\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello")
	p := startPeer(t, func(_ int, c net.Conn) {
		c.SetDeadline(time.Now().Add(time.Minute))
		buf := make([]byte, 8192)
		for {
			if n, err := c.Read(buf); err != nil || !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
				return
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	})
	s := serve(t, p, "keepalive_requests 1000000; upstream u { server PEER; keepalive_requests 1000000; }", "location / { proxy_pass http://u; }")
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	request := []byte("GET /some/path?arg=1 HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
	buf := make([]byte, 8192)
	exchange := func() {
		if _, err := conn.Write(request); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(buf); err != nil || !bytes.HasSuffix(buf[:n], []byte("hello")) {
			t.Fatalf("%v: %q", err, buf[:n])
		}
	}
	for range 100 {
		exchange()
	}
	if got := testing.AllocsPerRun(1000, exchange); got > 0 {
		t.Errorf("a proxied request takes %v allocations, none is budgeted", got)
	}
}
