package upstream_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd"
)

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// peer is an upstream of the test: it accepts connections and hands each to f
// with its number.
type peer struct {
	addr  string
	conns atomic.Int32
}

func startPeer(t testing.TB, f func(n int, c net.Conn)) *peer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(p.conns.Add(1))
			wg.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(10 * time.Second))
				f(n, c)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return p
}

// answering is a peer that reads requests and answers each with the text that
// f returns; "" closes the connection.
func answering(t testing.TB, f func(n int, r *http.Request, body string) string) *peer {
	return startPeer(t, func(n int, c net.Conn) {
		br := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			body, _ := io.ReadAll(r.Body)
			text := f(n, r, string(body))
			if text == "" {
				return
			}
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
			if strings.Contains(text, "Connection: close") {
				return
			}
		}
	})
}

type server struct {
	*luahttpd.Server
	addr string
	log  *logBuffer
}

// serve starts a server with the http block's text, PEER in it being p's address.
// One server block listens; loc stands in it.
func serve(t testing.TB, p *peer, http, loc string) *server {
	t.Helper()
	log := &logBuffer{}
	text := "events {} error_log stderr info; http { access_log off; " + http + " server { listen 127.0.0.1:0 sndbuf=64k; " + loc + " } }"
	if p != nil {
		text = strings.ReplaceAll(text, "PEER", p.addr)
	}
	s, err := luahttpd.Parse(strings.NewReader(text), luahttpd.WithStderr(log), luahttpd.WithPrefix(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if strings.Contains(log.String(), "panic") {
			t.Error(log.String())
		}
	})
	return &server{s, s.Addr().String(), log}
}

// raw sends text on a connection of its own and returns all that comes back.
func (s *server) raw(t testing.TB, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil && len(b) == 0 {
		t.Error(err)
	}
	return string(b)
}

func (s *server) get(t testing.TB, path string) string {
	t.Helper()
	return s.raw(t, "GET "+path+" HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
}

func split(answer string) (status int, head, body string) {
	head, body, _ = strings.Cut(answer, "\r\n\r\n")
	fmt.Sscanf(answer, "HTTP/1.1 %d", &status)
	return status, head, body
}

const ok = "HTTP/1.1 200 OK\r\n"

// TestAnswers sends what a peer may answer and looks at what the client gets.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name, answer string
		close        bool // the peer closes behind it
		status       int
		body         string
		log          string
	}{
		{"length", ok + "Content-Length: 2\r\n\r\nhi", false, 200, "hi", ""},
		{"closed", ok + "\r\nhello", true, 200, "hello", ""},
		{"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", false, 200, "hello", ""},
		{"interim", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 2\r\n\r\nhi", false, 200, "hi", ""},
		{"no content", "HTTP/1.1 204 No Content\r\n\r\n", false, 204, "", ""},
		{"not modified with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, 304, "", ""},
		{"more than its length", ok + "Content-Length: 2\r\n\r\nhi!!", false, 200, "hi", "upstream sent more data than specified"},
		{"nothing", "", true, 502, "", "upstream prematurely closed connection while reading response header from upstream"},
		{"half a head", ok + "X: ", true, 502, "", "upstream prematurely closed connection while reading response header from upstream"},
		{"no HTTP", "\x00\x01\x02", true, 502, "", "upstream sent no valid HTTP/1.0 header while reading response header from upstream"},
		{"length twice", ok + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", false, 502, "", "upstream sent duplicate header line"},
		{"length and chunks", ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false, 502, "", "at the same time"},
		{"a switch nobody asked for", "HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", false, 502, "", "status 101 that was not asked for"},
		{"a head too big", ok + "X: " + strings.Repeat("x", 5000) + "\r\n\r\n", false, 502, "", "upstream sent too big header while reading response header from upstream"},
		{"a cut body", ok + "Content-Length: 10\r\n\r\nhello", true, 200, "hello", "upstream prematurely closed connection while reading upstream"},
		{"a bad chunk", ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", false, 200, "2\r\nhe\r\n", "upstream sent invalid chunked response while reading upstream"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startPeer(t, func(_ int, conn net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				io.WriteString(conn, c.answer)
				if !c.close { // until the server has closed it
					io.Copy(io.Discard, conn)
				}
			})
			s := serve(t, p, "", "location / { proxy_pass http://PEER; }")
			answer := s.get(t, "/x")
			status, head, body := split(answer)
			if r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil); err == nil && r.StatusCode == 200 {
				if b, err := io.ReadAll(r.Body); err == nil {
					body = string(b)
				}
			}
			if status != c.status || status < 500 && body != c.body {
				t.Errorf("got %d %q, want %d %q\n%s", status, body, c.status, c.body, head)
			}
			if c.log != "" && !strings.Contains(s.log.String(), c.log) {
				t.Errorf("the log lacks %q:\n%s", c.log, s.log)
			}
			if c.log != "" && !strings.Contains(s.log.String(), `upstream: "http://`+p.addr+`/x"`) {
				t.Errorf("the log does not name the peer:\n%s", s.log)
			}
		})
	}
}

func TestRefusedAndTimeout(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := &peer{addr: l.Addr().String()}
	s := serve(t, refused, "", "location / { proxy_pass http://PEER; }")
	l.Close() // only now, or the server might listen there
	if status, _, _ := split(s.get(t, "/")); status != 502 {
		t.Error(status)
	}
	if want := "connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1"; !strings.Contains(s.log.String(), want) {
		t.Error(s.log)
	}
	silent := startPeer(t, func(_ int, c net.Conn) { io.Copy(io.Discard, c) })
	s = serve(t, silent, "", "location / { proxy_pass http://PEER; proxy_read_timeout 50ms; }")
	if status, _, _ := split(s.get(t, "/")); status != 504 {
		t.Error(status)
	}
	if want := "upstream timed out (110: Connection timed out) while reading response header from upstream"; !strings.Contains(s.log.String(), want) {
		t.Error(s.log)
	}
	s = serve(t, refused, "upstream u { server PEER down; }", "location / { proxy_pass http://u; }")
	if status, _, _ := split(s.get(t, "/")); status != 502 || !strings.Contains(s.log.String(), "no live upstreams while connecting to upstream") {
		t.Error(status, s.log)
	}
}

// A kept connection that the peer has closed costs nothing but another try.
func TestKeptConnections(t *testing.T) {
	p := answering(t, func(n int, r *http.Request, _ string) string {
		if r.Header.Get("Connection") != "" {
			t.Error("Connection:", r.Header.Get("Connection"))
		}
		if n == 1 && r.URL.Path == "/stale" {
			return ""
		}
		return fmt.Sprintf("%sContent-Length: 1\r\n\r\n%d", ok, n)
	})
	s := serve(t, p, "upstream u { server PEER; }", "location / { proxy_pass http://u; }")
	for _, c := range []struct{ path, want string }{{"/", "1"}, {"/", "1"}, {"/stale", "2"}, {"/", "2"}} {
		if _, _, body := split(s.get(t, c.path)); body != c.want {
			t.Errorf("%s went over connection %q, want %s", c.path, body, c.want)
		}
	}
	if strings.Contains(s.log.String(), "no live") {
		t.Error(s.log)
	}
}

// TestInterim passes a 103 on where early_hints says so, and nothing else that
// comes before the answer.
func TestInterim(t *testing.T) {
	const hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Accel-Expires: 1\r\nConnection: x\r\n\r\n"
	const before = "HTTP/1.1 100 Continue\r\n\r\n" + hints + "HTTP/1.1 102 Processing\r\nX: y\r\n\r\n"
	p := answering(t, func(int, *http.Request, string) string { return before + ok + "Content-Length: 2\r\n\r\nhi" })
	s := serve(t, p, "", "location / { proxy_pass http://PEER; } location /hints { early_hints $arg_h; proxy_pass http://PEER; }")
	const passed = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
	for _, c := range []struct {
		request string
		hinted  bool
	}{
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
		{"GET /hints HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
		{"GET /hints?h=0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
		{"GET /hints?h=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true},
		{"GET /hints?h=1 HTTP/1.0\r\nHost: a\r\n\r\n", false},
	} {
		answer := s.raw(t, c.request)
		rest, hinted := strings.CutPrefix(answer, passed)
		if hinted != c.hinted || !strings.HasPrefix(rest, "HTTP/1.1 200 OK\r\n") || !strings.HasSuffix(rest, "\r\n\r\nhi") {
			t.Errorf("%q: %q", c.request, answer)
		}
	}
}

func TestNextPeer(t *testing.T) {
	bad := answering(t, func(_ int, r *http.Request, _ string) string {
		if r.URL.Path == "/500" {
			return "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"
		}
		return ""
	})
	good := answering(t, func(_ int, r *http.Request, body string) string {
		return ok + "Content-Length: 4\r\nConnection: close\r\n\r\ngood"
	})
	for _, c := range []struct {
		request, next string
		status        int
	}{
		{"GET / HTTP/1.1\r\n", "", 200},
		{"GET /500 HTTP/1.1\r\n", "", 500},
		{"GET /500 HTTP/1.1\r\n", "proxy_next_upstream http_500;", 200},
		{"GET / HTTP/1.1\r\n", "proxy_next_upstream off;", 502},
		{"GET / HTTP/1.1\r\n", "proxy_next_upstream_tries 1;", 502},
		{"POST / HTTP/1.1\r\nContent-Length: 0\r\n", "", 502},
		{"POST / HTTP/1.1\r\nContent-Length: 0\r\n", "proxy_next_upstream error non_idempotent;", 200},
		{"PUT / HTTP/1.1\r\nContent-Length: 0\r\n", "", 200},
	} {
		s := serve(t, good, "upstream u { server "+bad.addr+"; server PEER; }", "location / { "+c.next+" proxy_pass http://u; }")
		answer := s.raw(t, c.request+"Host: x\r\nConnection: close\r\n\r\n")
		if status, _, _ := split(answer); status != c.status {
			t.Errorf("%q %s: %d, want %d", c.request, c.next, status, c.status)
		}
	}
}

// What failed before does not make a refused connection one that was kept.
func TestTriesAfterKept(t *testing.T) {
	p := answering(t, func(int, *http.Request, string) string { return ok + "Content-Length: 2\r\n\r\nhi" })
	s := serve(t, p, "upstream u { server "+free(t)+" max_fails=0; server PEER; }",
		"location / { proxy_pass http://u; } location /one { proxy_next_upstream_tries 1; proxy_pass http://u; add_header X-S $upstream_status always; }")
	for range 4 {
		s.get(t, "/")
		if _, head, _ := split(s.get(t, "/one")); !strings.Contains(head, "X-S: 502\r\n") && !strings.Contains(head+"\r\n", "X-S: 200\r\n") {
			t.Error(head)
		}
	}
}

// A long body goes through in both directions, whatever its framing, with and
// without buffering.
func TestLongBodies(t *testing.T) {
	const size = 3 << 20
	long := strings.Repeat("0123456789abcdef", size/16)
	p := answering(t, func(_ int, r *http.Request, body string) string {
		if body != long {
			t.Errorf("%d bytes came of %d", len(body), size)
		}
		if r.URL.Path == "/chunked" {
			return ok + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n1\r\n!\r\n0\r\n\r\n", size, long)
		}
		return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s!", ok, size+1, long)
	})
	s := serve(t, p, "upstream u { server PEER; } client_max_body_size 8m;", "location / { proxy_pass http://u; } "+
		"location /chunked { proxy_pass http://u; proxy_request_buffering off; proxy_buffering off; }")
	for _, path := range []string{"/", "/chunked"} {
		for _, length := range []int64{size, -1} {
			req, _ := http.NewRequest("PUT", "http://"+s.addr+path, io.NopCloser(strings.NewReader(long)))
			req.ContentLength = length
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || string(body) != long+"!" {
				t.Errorf("%s, length %d: %d bytes came back, %v", path, length, len(body), err)
			}
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// A peer that answers before it has the whole body is heard.
func TestEarlyAnswer(t *testing.T) {
	p := startPeer(t, func(_ int, c net.Conn) {
		br := bufio.NewReader(c)
		if _, err := http.ReadRequest(br); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
		time.Sleep(50 * time.Millisecond)
	})
	for _, loc := range []string{"", "proxy_request_buffering off;"} {
		s := serve(t, p, "client_max_body_size 64m;", "location / { proxy_pass http://PEER; "+loc+"}")
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n")
		go io.Copy(c, io.LimitReader(zeros{}, 16<<20))
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%q: %v", loc, err)
		}
		if r.StatusCode != 413 {
			t.Errorf("%q: %d", loc, r.StatusCode)
		}
		c.Close()
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// When the client goes away the peer's connection is closed.
func TestClientGone(t *testing.T) {
	arrived, gone := make(chan bool, 1), make(chan error, 1)
	p := startPeer(t, func(_ int, c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		arrived <- true
		_, err := c.Read(make([]byte, 1))
		gone <- err
	})
	s := serve(t, p, "", "location / { proxy_pass http://PEER; }")
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-arrived
	c.Close()
	if err := <-gone; err != io.EOF {
		t.Error(err)
	}
}

func TestUpgrade(t *testing.T) {
	p := startPeer(t, func(_ int, c net.Conn) {
		br := bufio.NewReader(c)
		r, err := http.ReadRequest(br)
		if err != nil || r.Header.Get("Upgrade") != "echo" {
			return
		}
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello ")
		io.Copy(c, br)
	})
	s := serve(t, p, "", "location / { proxy_pass http://PEER; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }")
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nworld")
	br := bufio.NewReader(c)
	r, err := http.ReadResponse(br, nil)
	if err != nil || r.StatusCode != 101 {
		t.Fatal(r, err)
	}
	got := make([]byte, len("hello world"))
	if _, err := io.ReadFull(br, got); err != nil || string(got) != "hello world" {
		t.Fatalf("%q %v", got, err)
	}
	for i := range 3 {
		text := fmt.Sprint("message ", i)
		io.WriteString(c, text)
		got := make([]byte, len(text))
		if _, err := io.ReadFull(br, got); err != nil || string(got) != text {
			t.Fatalf("%q %v", got, err)
		}
	}
}

// What reaches the peer: the request line, the fields and their framing.
func TestRequests(t *testing.T) {
	p := startPeer(t, func(_ int, c net.Conn) {
		br := bufio.NewReader(c)
		var head strings.Builder
		for {
			line, err := br.ReadString('\n')
			if err != nil {
				return
			}
			head.WriteString(line)
			if line == "\r\n" {
				break
			}
		}
		body := head.String()
		fmt.Fprintf(c, "%sContent-Length: %d\r\nConnection: close\r\n\r\n%s", ok, len(body), body)
	})
	for _, c := range []struct{ loc, request, want string }{
		{"location / { proxy_pass http://PEER; }", "GET /a%20b?c HTTP/1.1", "GET /a%20b?c HTTP/1.1\r\nHost: PEER\r\nConnection: close\r\nX-Y: z\r\n\r\n"},
		{"location /a/ { proxy_pass http://PEER/b/; }", "GET /a/c%20d?e HTTP/1.1", "GET /b/c%20d?e HTTP/1.1\r\nHost: PEER\r\nConnection: close\r\nX-Y: z\r\n\r\n"},
		{"location / { proxy_pass http://PEER; proxy_http_version 1.0; }", "GET / HTTP/1.1", "GET / HTTP/1.0\r\nHost: PEER\r\nConnection: close\r\nX-Y: z\r\n\r\n"},
		{"location / { proxy_pass http://PEER; proxy_set_header X-Y \"\"; proxy_set_header Host $host; proxy_set_header A $arg_a; }", "GET /?a=1 HTTP/1.1",
			"GET /?a=1 HTTP/1.1\r\nHost: example.org\r\nA: 1\r\nConnection: close\r\n\r\n"},
		{"location / { proxy_pass http://PEER; proxy_pass_request_headers off; proxy_method POST; proxy_set_body \"x=$arg_a\"; }", "GET /?a=1 HTTP/1.1",
			"POST /?a=1 HTTP/1.1\r\nHost: PEER\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"},
		{"location / { rewrite ^ /new break; proxy_pass http://PEER/b/; }", "GET /a HTTP/1.1", "GET /new HTTP/1.1\r\nHost: PEER\r\nConnection: close\r\nX-Y: z\r\n\r\n"},
		{"location / { set $u /v; proxy_pass http://PEER$u; }", "GET /a HTTP/1.1", "GET /v HTTP/1.1\r\nHost: PEER\r\nConnection: close\r\nX-Y: z\r\n\r\n"},
		{"location / { proxy_pass http://PEER; }", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTE: x\r\nUpgrade: x", "POST / HTTP/1.1\r\nHost: PEER\r\nConnection: close\r\nContent-Length: 5\r\nX-Y: z\r\n\r\n"},
		{"location / { proxy_pass http://PEER; proxy_request_buffering off; }", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked", "POST / HTTP/1.1\r\nHost: PEER\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nX-Y: z\r\n\r\n"},
	} {
		s := serve(t, p, "", c.loc)
		body := ""
		if strings.HasPrefix(c.request, "POST") {
			body = "5\r\nhello\r\n0\r\n\r\n"
		}
		_, _, got := split(s.raw(t, c.request+"\r\nHost: example.org\r\nX-Y: z\r\nConnection: close\r\n\r\n"+body))
		if want := strings.ReplaceAll(c.want, "PEER", p.addr); got != want {
			t.Errorf("%s\n got %q\nwant %q\n%s", c.loc, got, want, s.log)
		}
	}
}

// What the client gets of the answer's fields.
func TestFields(t *testing.T) {
	for _, c := range []struct{ loc, fields, has, hasNot string }{
		{"", "X-A: 1\r\nServer: x\r\nDate: y\r\nX-Accel-Limit-Rate: 0\r\nKeep-Alive: z", "X-A: 1", "Server: x|Date: y|X-Accel|Keep-Alive"},
		{"proxy_pass_header Server; proxy_hide_header X-A;", "X-A: 1\r\nServer: x", "Server: x", "X-A"},
		{"", "Location: http://PEER/u/v", "/v", "PEER"},
		{"proxy_redirect off;", "Location: http://PEER/u/v", "Location: http://PEER/u/v", ""},
		{"proxy_redirect ~^http://[^/]+/u/(.*)$ http://x/$1;", "Location: http://PEER/u/v", "Location: http://x/v", ""},
		{"", "Refresh: 5; url=http://PEER/u/v", "Refresh: 5; url=/l/v", ""},
		{"proxy_cookie_path /u/ /l/; proxy_cookie_domain a.org b.org;", "Set-Cookie: a=b; Path=/u/x; Domain=a.org", "Set-Cookie: a=b; Path=/l/x; Domain=b.org", ""},
		{"proxy_cookie_flags a secure samesite=lax;", "Set-Cookie: a=b; HttpOnly", "Set-Cookie: a=b; HttpOnly; Secure; SameSite=Lax", ""},
		{"proxy_cookie_domain a.org b.org;", "Set-Cookie: a=b; Domain=.A.org", "Set-Cookie: a=b; Domain=.b.org", ""},
		{"proxy_cookie_domain ~\\.?a\\.org b.org;", "Set-Cookie: a=b; Domain=.a.org", "Set-Cookie: a=b; Domain=b.org", ""},
		{"", "Content-Type: text/x;charset=\"utf-8\"", "Content-Type: text/x; charset=utf-8", ""},
		{"", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\nETag: \"x\"", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", ""},
	} {
		p := answering(t, func(_ int, r *http.Request, _ string) string {
			return ok + strings.ReplaceAll(c.fields, "PEER", r.Host) + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
		})
		s := serve(t, p, "absolute_redirect off;", "location /l/ { proxy_pass http://PEER/u/; "+c.loc+" }")
		_, head, _ := split(s.get(t, "/l/"))
		if has := strings.ReplaceAll(c.has, "PEER", p.addr); !strings.Contains(head+"\r\n", has+"\r\n") {
			t.Errorf("%s: no %q in\n%s", c.loc, has, head)
		}
		for _, not := range strings.Split(strings.ReplaceAll(c.hasNot, "PEER", p.addr), "|") {
			if not != "" && strings.Contains(head, not) {
				t.Errorf("%s: %q in\n%s", c.loc, not, head)
			}
		}
	}
}
