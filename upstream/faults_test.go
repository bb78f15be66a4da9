package upstream_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// TestHostileAnswers: whatever a peer sends on its first connection, the client
// gets the status and the body that it should, the reason is in the log, and
// what the client asks for next is answered by another's words.
func TestHostileAnswers(t *testing.T) {
	repeat := strings.Repeat
	const chunks = ok + "Transfer-Encoding: chunked\r\n\r\n"
	const invalid = "while reading response header from upstream"
	for _, c := range []struct {
		name, request, answer string
		status                int // 0: none
		body                  string
		log                   string
		later                 string // what comes a moment after the answer
	}{
		{"a flood of interim answers", "", repeat("HTTP/1.1 102 Processing\r\n\r\n", 2000), 502, "", "too many informational responses", ""},
		{"a flood of hints", "", repeat("HTTP/1.1 103 Early Hints\r\nLink: </"+repeat("x", 3000)+">\r\n\r\n", 200), 502, "", "too many informational responses", ""},
		{"an interim answer and nothing", "", "HTTP/1.1 100 Continue\r\n\r\n", 502, "", "prematurely closed", ""},
		{"a flood of fields", "", ok + repeat("X: y\r\n", 100_000), 502, "", "too big header", ""},
		{"a line without an end", "", repeat("H", 100_000), 502, "", invalid, ""},
		{"an extension of a chunk without an end", "", chunks + "5;" + repeat("x", 1<<20), 200, "", "invalid chunked response", ""},
		{"many extensions of chunks", "", chunks + repeat("1;"+repeat("x", 900)+"\r\na\r\n", 2000), 200, "", "invalid chunked response", ""},
		{"a chunk of more than there are numbers", "", chunks + "fffffffffffffffff\r\nhi", 200, "", "invalid chunked response", ""},
		{"a chunk of less than nothing", "", chunks + "-1\r\nhi", 200, "", "invalid chunked response", ""},
		{"a flood of trailers", "", chunks + "2\r\nhi\r\n0\r\n" + repeat("X: y\r\n", 10_000), 200, "hi", "invalid chunked response", ""},
		{"trailers that frame", "", chunks + "2\r\nhi\r\n0\r\nContent-Length: 5\r\n\r\n", 200, "hi", "", ""},
		{"two answers in one", "", ok + "Content-Length: 2\r\n\r\nhi" + ok + "Content-Length: 4\r\n\r\nevil", 200, "hi", "more data than specified", ""},
		{"an answer nobody asked for", "", ok + "Content-Length: 2\r\n\r\nhi", 200, "hi", "", ok + "Content-Length: 4\r\n\r\nevil"},
		{"a body for HEAD", "HEAD", ok + "Content-Length: 4\r\n\r\nevil", 200, "", "", ""},
		{"a late body for HEAD", "HEAD", ok + "Content-Length: 64\r\n\r\n", 200, "", "", ok + "Content-Length: 4\r\n\r\nevil"},
		{"chunks for HEAD", "HEAD", chunks + "4\r\nevil\r\n0\r\n\r\n", 200, "", "", ""},
		{"a body behind 204", "", "HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil", 204, "", "", ""},
		{"a body behind 304", "", "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil", 304, "", "", ""},
		{"a late answer behind 204", "", "HTTP/1.1 204 No Content\r\n\r\n", 204, "", "", ok + "Content-Length: 4\r\n\r\nevil"},
		{"two digits", "", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"four digits", "", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"two spaces", "", "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"status 99", "", "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"another protocol", "", "ICY 200 OK\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"another version", "", "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"a NUL in the reason", "", "HTTP/1.1 200 O\x00K\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"a NUL in a name", "", ok + "X\x00Y: z\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"a NUL in a value", "", ok + "X: y\x00z\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"a CR in a value", "", ok + "X: y\rEvil: z\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"a folded line", "", ok + "X: y\r\n Evil: z\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"a space before the colon", "", ok + "Content-Length : 2\r\n\r\nhi", 502, "", invalid, ""},
		{"no name", "", ok + ": x\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"no colon", "", ok + "X\r\nContent-Length: 0\r\n\r\n", 502, "", invalid, ""},
		{"a signed length", "", ok + "Content-Length: +2\r\n\r\nhi", 502, "", invalid, ""},
		{"a negative length", "", ok + "Content-Length: -2\r\n\r\nhi", 502, "", invalid, ""},
		{"a list of lengths", "", ok + "Content-Length: 2, 2\r\n\r\nhi", 502, "", invalid, ""},
		{"a length too long", "", ok + "Content-Length: 99999999999999999999\r\n\r\nhi", 502, "", invalid, ""},
		{"an empty length", "", ok + "Content-Length: \r\n\r\nhi", 502, "", invalid, ""},
		{"chunks twice", "", ok + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 502, "", invalid, ""},
		{"chunks and something else", "", ok + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 502, "", invalid, ""},
		{"two Transfer-Encodings", "", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 502, "", invalid, ""},
		{"a vertical tab", "", ok + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 502, "", invalid, ""},
		{"half a chunk", "", chunks + "5\r\nhel", 200, "hel", "prematurely closed", ""},
		{"chunks without the last", "", chunks + "2\r\nhi\r\n", 200, "hi", "prematurely closed", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			method := c.request
			if method == "" {
				method = "GET"
			}
			p := startPeer(t, func(n int, conn net.Conn) {
				br := bufio.NewReader(conn)
				for {
					r, err := http.ReadRequest(br)
					if err != nil {
						return
					}
					if r.URL.Path == "/next" {
						io.WriteString(conn, ok+"Content-Length: 4\r\n\r\nnext")
						continue
					}
					io.WriteString(conn, c.answer)
					if c.later != "" {
						time.Sleep(5 * time.Millisecond)
						io.WriteString(conn, c.later)
						continue
					}
					if c.status == 502 || c.log != "" && !strings.Contains(c.log, "more data") {
						return
					}
				}
			})
			s := serve(t, p, "upstream u { server PEER max_fails=0; keepalive 4; }", "location / { proxy_pass http://u; proxy_pass_trailers on; proxy_read_timeout 5s; }")
			status, head, body := split(s.raw(t, method+" / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
			if strings.Contains(head, "chunked") && method == "GET" {
				b, _ := io.ReadAll(&io.LimitedReader{R: newChunks(body), N: 1 << 20})
				if body = string(b); c.body == "" { // what came before the fault
					body = strings.Trim(body, "a")
				}
			}
			if status != c.status || status < 300 && body != c.body {
				t.Errorf("%d %q, want %d %q\n%s", status, body, c.status, c.body, head)
			}
			if strings.Contains(head, "Evil") || strings.Contains(body, "evil") {
				t.Errorf("passed on: %s\n%s", head, body)
			}
			if c.log != "" && !strings.Contains(s.log.String(), c.log) {
				t.Errorf("the log lacks %q:\n%s", c.log, s.log)
			}
			if c.later != "" {
				time.Sleep(15 * time.Millisecond)
			}
			for range 3 {
				if status, _, body := split(s.get(t, "/next")); status != 200 || body != "next" {
					t.Errorf("the next request: %d %q\n%s", status, body, s.log)
				}
			}
		})
	}
}

func newChunks(body string) io.Reader {
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+body)), nil)
	if err != nil {
		return strings.NewReader("")
	}
	return r.Body
}

// TestEarlyAnswerIsNotReused: what a peer has not read of a request's body does
// not become the beginning of the next request.
func TestEarlyAnswerIsNotReused(t *testing.T) {
	const size = 4 << 20
	var seen atomic.Value
	p := startPeer(t, func(n int, conn net.Conn) {
		br := bufio.NewReader(conn)
		for {
			r, err := http.ReadRequest(br)
			if err != nil {
				return
			}
			seen.Store(r.Method + " " + r.URL.Path)
			text := fmt.Sprint(n)
			fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s", ok, len(text), text)
			if r.Method == "PUT" {
				time.Sleep(20 * time.Millisecond) // the body stays in the way
			}
		}
	})
	for _, loc := range []string{"", "proxy_request_buffering off;"} {
		s := serve(t, p, "client_max_body_size 64m; upstream u { server PEER; }", "location / { proxy_pass http://u; "+loc+" }")
		resp, err := http.DefaultClient.Do(must(http.NewRequest("PUT", "http://"+s.addr+"/", io.LimitReader(zeros{}, size))))
		if err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		if status, _, _ := split(s.get(t, "/next")); status != 200 || seen.Load() != "GET /next" {
			t.Errorf("%q: %d, the peer saw %q\n%s", loc, status, seen.Load(), s.log)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestSlowHead: a peer that sends its answer byte by byte is waited for, one
// that stops is not.
func TestSlowHead(t *testing.T) {
	p := startPeer(t, func(_ int, conn net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		text := ok + "Content-Length: 2\r\n\r\nhi"
		if r.URL.Path == "/stops" {
			text = text[:30]
		}
		for i := range len(text) {
			conn.Write([]byte{text[i]})
			time.Sleep(2 * time.Millisecond)
		}
		io.Copy(io.Discard, conn)
	})
	s := serve(t, p, "", "location / { proxy_pass http://PEER; proxy_read_timeout 200ms; }")
	if status, _, body := split(s.get(t, "/")); status != 200 || body != "hi" {
		t.Errorf("%d %q\n%s", status, body, s.log)
	}
	if status, _, _ := split(s.get(t, "/stops")); status != 504 {
		t.Errorf("%d\n%s", status, s.log)
	}
}

// TestHiddenTrailers: proxy_hide_header goes for trailers too.
func TestHiddenTrailers(t *testing.T) {
	p := answering(t, func(int, *http.Request, string) string {
		return ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\nX-Secret: 2\r\nX-Accel-Expires: 3\r\n\r\n"
	})
	s := serve(t, p, "", "location / { proxy_pass http://PEER; proxy_pass_trailers on; proxy_hide_header x-secret; }")
	if a := s.get(t, "/"); !strings.HasSuffix(a, "0\r\nX-Sum: 1\r\n\r\n") {
		t.Errorf("%q", a)
	}
}

// TestFlippingNames: while the address of a name changes all the time, and is
// none at times, each request is answered by one of its peers.
func TestFlippingNames(t *testing.T) {
	var n atomic.Int32
	dns := nameServer(t, 1, func(string, dnsmessage.Type) []dnsmessage.ResourceBody {
		switch n.Add(1) % 4 {
		case 0:
			return nothing
		case 1:
			return []dnsmessage.ResourceBody{&dnsmessage.AResource{A: [4]byte{127, 0, 0, 2}}, loopback[0]}
		case 2:
			return []dnsmessage.ResourceBody{&dnsmessage.AResource{A: [4]byte{127, 0, 0, 3}}}
		}
		return loopback
	})
	p, port := saying(t, "hi")
	for _, a := range []string{"127.0.0.2", "127.0.0.3"} { // the same port of other addresses
		l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", a, port))
		if err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { l.Close() })
		go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hi") }))
	}
	s := serve(t, p, fmt.Sprintf("upstream u { zone z 64k; resolver %s ipv6=off valid=10ms; server name.test:%d resolve; keepalive 2; }", dns, port),
		fmt.Sprintf("set $p %d; location / { proxy_pass http://u; } location /v { resolver %s ipv6=off valid=1ms; proxy_pass http://name.test:$p; }", port, dns))
	until(t, "an address", func() bool { status, _, _ := split(s.get(t, "/")); return status == 200 })
	good := 0
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		for _, path := range []string{"/", "/v"} {
			switch status, _, body := split(s.get(t, path)); {
			case status == 200 && body == "hi":
				good++
			case status != 502: // there is no address
				t.Fatalf("%s: %d %q\n%s", path, status, body, s.log)
			}
		}
	}
	if good < 20 || n.Load() < 20 {
		t.Errorf("%d answers, %d questions", good, n.Load())
	}
}
