package luahttpd

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestLogWaits: a script that waits in the log phase does not hold its
// connection up, what it reads stays the request's, and the server does not
// end before it.
func TestLogWaits(t *testing.T) {
	ts := startServer(t, `worker_processes 1; error_log stderr warn; events {} http { server { listen 127.0.0.1:0;
		client_header_buffer_size 1k;
		location / {
			content_by_lua_block { ngx.ctx.n = ngx.var.arg_n ngx.req.read_body() ngx.say(ngx.var.arg_n) }
			log_by_lua_block {
				ngx.sleep(0.15)
				ngx.log(ngx.WARN, "logged ", ngx.var.arg_n, " ", ngx.ctx.n, " ", ngx.var.uri, " ", ngx.req.get_headers().x)
			}
		}
		location /unread { return 200 "ok"; log_by_lua_block { ngx.sleep(0.05) ngx.log(ngx.WARN, "logged unread") } }
	} }`, t.TempDir())
	nc, err := net.Dial("tcp", ts.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	begun := time.Now()
	ask := func(n int, more string) {
		t.Helper()
		if _, err := fmt.Fprintf(nc, "POST /p%d?n=%d HTTP/1.1\r\nHost: a\r\nX: x%d\r\nContent-Length: 3\r\n%s\r\nabc", n, n, n, more); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != fmt.Sprintln(n) {
			t.Errorf("request %d: %q %v", n, body, err)
		}
	}
	const n = 2*releasedMax + 3 // some of them wait for those before
	for i := range n {
		ask(i, "")
	}
	ask(n, "Connection: close\r\n")
	if _, err := r.ReadByte(); err != io.EOF {
		t.Errorf("the connection is not closed: %v", err)
	}
	if d := time.Since(begun); d > 2*time.Second {
		t.Errorf("%d requests took %v", n, d)
	}
	// A body that nobody reads does not become the next request.
	nc, err = net.Dial("tcp", ts.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	r = bufio.NewReader(nc)
	fmt.Fprintf(nc, "POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n%s", strings.Repeat("GET / ", 5000))
	if resp, err := http.ReadResponse(r, nil); err != nil {
		t.Fatal(err)
	} else if body, _ := io.ReadAll(resp.Body); string(body) != "ok" {
		t.Errorf("%q", body)
	}
	ask(n+1, "")
	nc.Close()
	if err := ts.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range n + 2 {
		if want := fmt.Sprintf("logged %d %d /p%d x%d while", i, i, i, i); !strings.Contains(ts.log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if !strings.Contains(ts.log.String(), "logged unread") {
		t.Error("the log lacks that of /unread")
	}
}
