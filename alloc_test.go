//go:build !race

package luahttpd

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestAllocations holds the common answers to a number of allocations, the
// test's own client included (it makes none).
func TestAllocations(t *testing.T) {
	prefix := t.TempDir()
	if err := os.MkdirAll(filepath.Join(prefix, "html"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(prefix, "html/file.txt"), bytes.Repeat([]byte("x"), 1024), 0o644); err != nil {
		t.Fatal(err)
	}
	ts := startServer(t, `events {} error_log stderr error; http { keepalive_requests 1000000; server { listen 127.0.0.1:0;
		location = /return { return 200 "hello\n"; }
		location = /hello { content_by_lua_block { ngx.say("hello") } }
		location / { }
	} }`, prefix)
	for _, c := range []struct {
		path   string
		budget float64
	}{
		{"/return", 0},
		{"/file.txt", 4},
		{"/hello", 2},
	} {
		t.Run(c.path, func(t *testing.T) {
			conn, err := net.Dial("tcp", ts.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			request := []byte("GET " + c.path + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n")
			buf := make([]byte, 8192)
			exchange := func() {
				if _, err := conn.Write(request); err != nil {
					t.Fatal(err)
				}
				if n, err := conn.Read(buf); err != nil || !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 200")) {
					t.Fatalf("%v: %q", err, buf[:n])
				}
			}
			for range 100 {
				exchange()
			}
			if got := testing.AllocsPerRun(1000, exchange); got > c.budget {
				t.Errorf("%s takes %v allocations, at most %v are budgeted", c.path, got, c.budget)
			}
		})
	}
}
