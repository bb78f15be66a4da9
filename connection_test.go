package luahttpd

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestConversation sends several requests at once, and byte by byte, and reads
// what comes until the server closes.
func TestConversation(t *testing.T) {
	t.Run("plain", func(t *testing.T) { testConversation(t, t.TempDir(), "") })
	t.Run("tls", func(t *testing.T) {
		dir := t.TempDir()
		newAuthority(t, dir).issue("a", nil)
		testConversation(t, dir, " ssl; ssl_certificate a.crt; ssl_certificate_key a.key")
	})
}

func testConversation(t *testing.T, dir, options string) {
	ts := startServer(t, `events {} error_log stderr info; http { client_max_body_size 1k; server { listen 127.0.0.1:0`+options+`;
		location /ok { return 200 ok; }
		location /uri { return 200 $request_uri; }
		location /204 { return 204; }
		location /304 { return 304; }
		location /403 { return 403; }
		location /500 { return 500; }
		location /page { error_page 403 /ok; return 403; }
		location /body { content_by_lua_block { ngx.req.read_body() ngx.print(ngx.req.get_body_data() or "none") } }
		location /part { content_by_lua_block { local s = ngx.req.socket() ngx.print(s:receive(2)) } }
		location /twice { keepalive_requests 2; return 200 $connection_requests; }
		location /never { keepalive_timeout 0; return 200 ok; }
		location /long { content_by_lua_block { ngx.print("a") ngx.flush(true) ngx.print("b") } }
		location /unchunked { chunked_transfer_encoding off; content_by_lua_block { ngx.print("a") ngx.flush(true) ngx.print("b") } }
		location /pipe { return 200 $pipe; }
	} }`, dir)
	ts.expected = []string{"client intended to send too large", "No such file"}
	const host, last = " HTTP/1.1\r\nHost: a\r\n", "GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	for _, c := range []struct{ send, want string }{
		{"POST /ok" + host + "Content-Length: 3\r\n\r\nabc" + last, "200 ok, 200 ok"},
		{"POST /ok" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n" + last, "200 ok, 200 ok"},
		{"POST /body" + host + "Content-Length: 3\r\n\r\nabc" + last, "200 abc, 200 ok"},
		{"POST /body" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n" + last, "200 abc, 200 ok"},
		{"POST /body" + host + "Content-Length: 0\r\n\r\n" + last, "200 none, 200 ok"},
		{"POST /part" + host + "Content-Length: 5\r\n\r\nabcde" + last, "200 ab, 200 ok"},
		{"POST /403" + host + "Content-Length: 3\r\n\r\nabc" + last, "403 , 200 ok"},
		{"POST /page" + host + "Content-Length: 3\r\n\r\nabc" + last, "403 ok, 200 ok"},
		{"POST /500" + host + "Content-Length: 3\r\n\r\nabc" + last, "500 "},
		{"POST /body" + host + "Content-Length: 3000\r\n\r\n" + last, "413 "},
		{"POST /body" + host + "Transfer-Encoding: chunked\r\n\r\nbb8\r\n" + last, "413 "},
		{"POST /body" + host + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n" + last, "400 "},
		{"POST /body" + host + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" + last, "400 "},
		{"HEAD /ok" + host + "\r\n" + last, "200 , 200 ok"},
		{"HEAD /long" + host + "\r\n" + last, "200 , 200 ok"},
		{"HEAD /none" + host + "\r\n" + last, "404 , 200 ok"},
		{"GET /204" + host + "\r\n" + last, "204 , 200 ok"},
		{"GET /304" + host + "\r\n" + last, "304 , 200 ok"},
		{"GET /long" + host + "\r\n" + last, "200 ab, 200 ok"},
		{"GET /unchunked" + host + "\r\n" + last, "200 ab"},
		{"GET /twice" + host + "\r\nGET /twice" + host + "\r\n" + last, "200 1, 200 2"},
		{"GET /never" + host + "\r\n" + last, "200 ok"},
		{"GET /ok HTTP/1.0\r\n\r\n" + last, "200 ok"},
		{"GET /ok HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + last, "200 ok, 200 ok"},
		{"\r\n\r\nGET /ok" + host + "\r\n\r\n" + last, "200 ok, 200 ok"},
		{"GET /ok" + host + "\r\nBAD\r\n\r\n" + last, "200 ok, 400 "},
		{"GET /uri?x" + host + "\r\nGET http://b/uri/?y" + host + "\r\n" + last, "200 /uri?x, 200 /uri/?y, 200 ok"},
		{"GET /../x" + host + "\r\n" + last, "400 "},
		{"POST /body" + host + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc" + last, "200 abc, 200 ok"},
		{"GET /ok" + host + "X: " + strings.Repeat("x", 9000) + "\r\n\r\n" + last, "400 "},
		{"GET /" + strings.Repeat("x", 9000) + host + "\r\n" + last, "414 "},
	} {
		for _, step := range []int{0, 1, 7} {
			got := converse(t, ts, options != "", c.send, step)
			if got != c.want {
				t.Errorf("%.90q in steps of %d: %s, want %s", c.send, step, got, c.want)
			}
		}
	}
	// The second of two that come at once is pipelined.
	if got := converse(t, ts, options != "", "GET /pipe"+host+"\r\nGET /pipe"+host+"Connection: close\r\n\r\n", 0); got != "200 ., 200 p" {
		t.Error(got)
	}
}

// converse returns status and body of each response, without error pages.
func converse(t *testing.T, ts *testServer, secure bool, send string, step int) string {
	t.Helper()
	d := dial(t, ts.Addr())
	if secure {
		c := tls.Client(d.Conn, &tls.Config{InsecureSkipVerify: true})
		d.Conn, d.r = c, bufio.NewReader(c)
	}
	defer d.Close()
	go func() {
		for rest := send; rest != ""; {
			n := len(rest)
			if step > 0 {
				n = min(step, n)
			}
			if _, err := io.WriteString(d, rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
	}()
	var got []string
	methods := []string{strings.TrimSpace(strings.SplitN(strings.TrimLeft(send, "\r\n"), " ", 2)[0])}
	for {
		method := "GET"
		if len(got) < len(methods) {
			method = methods[len(got)]
		}
		resp, err := http.ReadResponse(d.r, &http.Request{Method: method})
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
				got = append(got, err.Error())
			}
			return strings.Join(got, ", ")
		}
		if resp.StatusCode == 100 {
			continue
		}
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			got = append(got, err.Error())
		}
		if strings.HasPrefix(string(b), "<html>") {
			b = nil
		}
		got = append(got, fmt.Sprintf("%d %s", resp.StatusCode, b))
	}
}

// TestContinue: whoever waits for 100 Continue hears it when the body is asked
// for; who is refused must not be taken to have sent the body.
func TestContinue(t *testing.T) {
	ts := startServer(t, `events {} error_log stderr info; http { server { listen 127.0.0.1:0;
		location /body { content_by_lua_block { ngx.req.read_body() ngx.print(ngx.req.get_body_data()) } }
		location /403 { return 403; } } }`, t.TempDir())
	head := "POST %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
	d := dial(t, ts.Addr())
	fmt.Fprintf(d, head, "/body")
	if line, err := d.r.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatal(line, err)
	}
	d.r.ReadString('\n')
	io.WriteString(d, "abc")
	if got := d.answer(t); got != "abc" {
		t.Error(got)
	}
	fmt.Fprintf(d, head, "/403")
	resp, err := http.ReadResponse(d.r, nil)
	if err != nil || resp.StatusCode != 403 || !resp.Close {
		t.Errorf("%v %v", resp, err)
	}
	io.Copy(io.Discard, resp.Body)
	if _, err := d.r.ReadByte(); err != io.EOF {
		t.Error(err)
	}
}

// TestTimeouts: the connection of a client that is too slow is closed without
// an answer.
func TestTimeouts(t *testing.T) {
	ts := startServer(t, `events {} error_log stderr info; http { client_header_timeout 100ms; client_body_timeout 100ms; keepalive_timeout 100ms; send_timeout 100ms;
		log_format s "status $status $uri"; access_log logs/a s;
		server { listen 127.0.0.1:0 sndbuf=4k;
		location /ok { return 200 ok; }
		location /body { content_by_lua_block { ngx.req.read_body() } }
		location /big { content_by_lua_block { for i = 1, 200 do ngx.print(string.rep("x", 100000)) end } }
		location /reset { reset_timedout_connection on; content_by_lua_block { for i = 1, 200 do ngx.print(string.rep("x", 100000)) end } }
	} }`, makeLogs(t))
	for _, c := range []struct{ send, want, log string }{
		{"", "", "client timed out (110: Connection timed out) while waiting for request"},
		{"GE", "", "while reading client request line"},
		{"GET / HTTP/1.1\r\nHost", "", "while reading client request headers"},
		{"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab", "", "while reading client request body"},
		{"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200", ""},
	} {
		d := dial(t, ts.Addr())
		io.WriteString(d, c.send)
		start := time.Now()
		got, err := io.ReadAll(d)
		if took := time.Since(start); err != nil || !strings.HasPrefix(string(got), c.want) || c.want == "" && len(got) > 0 || took < 90*time.Millisecond || took > 5*time.Second {
			t.Errorf("%q: %q %v after %v", c.send, got, err, took)
		}
		if !strings.Contains(ts.log.String(), c.log) {
			t.Errorf("%q: the log lacks %q", c.send, c.log)
		}
	}
	// Who does not read is left, with a reset if so configured.
	for path, reset := range map[string]bool{"/big": false, "/reset": true} {
		d := dial(t, ts.Addr())
		d.Conn.(*net.TCPConn).SetReadBuffer(4096)
		fmt.Fprintf(d, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		deadline := time.Now().Add(5 * time.Second)
		for strings.Count(ts.log.String(), "while sending response to client") == 0 || ts.left() > 0 {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %s", path, ts.log.String())
			}
			time.Sleep(5 * time.Millisecond)
		}
		_, err := io.ReadAll(bufio.NewReader(d))
		if errors.Is(err, syscall.ECONNRESET) != reset {
			t.Errorf("%s: %v", path, err)
		}
		ts.log.reset()
	}
}

// makeLogs returns a prefix with a directory for logs.
func makeLogs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (l *logBuffer) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

// TestLingering: a client that still sends its body gets the whole answer.
func TestLingering(t *testing.T) {
	ts := startServer(t, `events {} error_log stderr info; http { server { listen 127.0.0.1:0; client_max_body_size 1k; } }`, t.TempDir())
	ts.expected = []string{"client intended to send too large body"}
	for range 5 {
		d := dial(t, ts.Addr())
		fmt.Fprint(d, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n")
		for range 40 {
			if _, err := d.Write(make([]byte, 100000)); err != nil {
				t.Fatal(err)
			}
		}
		resp, err := http.ReadResponse(d.r, nil)
		if err != nil || resp.StatusCode != 413 {
			t.Fatal(resp, err)
		}
		if _, err := io.ReadAll(resp.Body); err != nil {
			t.Error(err)
		}
	}
}

// TestHalfClose: a client that has said all still gets its answer.
func TestHalfClose(t *testing.T) {
	ts := startServer(t, `events {} error_log stderr info; http { server { listen 127.0.0.1:0; location / { return 200 ok; } } }`, t.TempDir())
	d := dial(t, ts.Addr())
	fmt.Fprint(d, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET /")
	d.Conn.(*net.TCPConn).CloseWrite()
	if got := d.answer(t) + d.answer(t); got != "okok" {
		t.Error(got)
	}
	if _, err := d.r.ReadByte(); err != io.EOF {
		t.Error(err)
	}
}

// TestLimitRate: the time that a response takes, and that what comes before
// the limit takes none.
func TestLimitRate(t *testing.T) {
	ts := startServer(t, `events {} error_log stderr info; http { server { listen 127.0.0.1:0;
		location /slow { limit_rate 100k; content_by_lua_block { ngx.print(string.rep("x", 150 * 1024)) } }
		location /after { limit_rate 1k; limit_rate_after 150k; content_by_lua_block { ngx.print(string.rep("x", 150 * 1024)) } }
		location /set { set $limit_rate 100k; content_by_lua_block { ngx.print(string.rep("x", 150 * 1024)) } }
	} }`, t.TempDir())
	for path, least := range map[string]time.Duration{"/slow": 400 * time.Millisecond, "/set": 400 * time.Millisecond, "/after": 0} {
		start := time.Now()
		if got := fetch(t, ts.Addr(), path); len(got) != 150*1024 {
			t.Errorf("%s: %d bytes", path, len(got))
		}
		if took := time.Since(start); took < least || took > least+3*time.Second {
			t.Errorf("%s took %v", path, took)
		}
	}
	// A client that goes away in a pause is missed at once.
	d := dial(t, ts.Addr())
	fmt.Fprint(d, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	d.r.ReadByte()
	d.Close()
	for deadline := time.Now().Add(5 * time.Second); ts.left() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is still there")
		}
	}
}
