package upstream_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/luahttpd/luahttpd"
	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/upstream"

	"encoding/pem"
	"net/netip"
)

// TestFastCGI talks to the standard library's FastCGI server.
func TestFastCGI(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go fcgi.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Env", fcgi.ProcessEnv(r)["EXTRA"])
		w.Header().Set("X-Agent", r.Header.Get("User-Agent"))
		if r.URL.Path == "/long" {
			w.Write(make([]byte, 200_000))
			return
		}
		w.WriteHeader(201)
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL, len(body))
	}))
	s := serve(t, &peer{addr: l.Addr().String()}, "", `location / { fastcgi_pass PEER; fastcgi_param REQUEST_METHOD $request_method;
		fastcgi_param REQUEST_URI $request_uri; fastcgi_param SERVER_PROTOCOL $server_protocol; fastcgi_param CONTENT_LENGTH $content_length;
		fastcgi_param HTTP_HOST $host; fastcgi_param EXTRA extra; fastcgi_param NOTHING $arg_none if_not_empty; }`)
	status, head, body := split(s.raw(t, "POST /a?b HTTP/1.1\r\nHost: x\r\nUser-Agent: test\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"))
	head += "\r\n"
	if status != 201 || !strings.Contains(body, "POST http://x/a?b 5") || !strings.Contains(head, "X-Env: extra\r\n") || !strings.Contains(head, "X-Agent: test\r\n") {
		t.Errorf("%s\n%s\n%s", head, body, s.log)
	}
	resp, err := http.Get("http://" + s.addr + "/long")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || len(b) != 200_000 {
		t.Error(len(b), err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestFastCGIAnswers: what a request in chunks says of its length, and heads of
// scripts that were made for something else.
func TestFastCGIAnswers(t *testing.T) {
	var answer atomic.Value
	p := startPeer(t, func(_ int, c net.Conn) {
		got := make([]byte, 4096)
		n, _ := c.Read(got)
		text := answer.Load().(string)
		if text == "" {
			text = "X-Length: " + strconv.FormatBool(bytes.Contains(got[:n], []byte("CONTENT_LENGTH5"))) + "\r\n\r\n"
		}
		c.Write(append([]byte{1, 6, 0, 1, 0, byte(len(text)), 0, 0}, text...))
		c.Write([]byte{1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	})
	s := serve(t, p, "", "location / { fastcgi_param CONTENT_LENGTH $content_length; fastcgi_pass PEER; }")
	for _, c := range []struct{ answer, want string }{
		{"", "HTTP/1.1 200 OK\r\n*X-Length: true\r\n"},
		{"HTTP/1.1 201 Created\r\nX: y\r\n\r\nhi", "HTTP/1.1 200 OK\r\n*X: y\r\n*2\r\nhi\r\n0\r\n"},
		{"Transfer-Encoding: chunked\r\nX: y\r\n\r\nhi", "HTTP/1.1 200 OK\r\n*X: y\r\n*2\r\nhi\r\n0\r\n"},
		{"HTTP/1.1 201 Created", "HTTP/1.1 502 *"},
	} {
		answer.Store(c.answer)
		got := s.raw(t, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
		for _, part := range strings.Split(c.want, "*") {
			if !strings.Contains(got, part) {
				t.Errorf("%q: no %q in %q\n%s", c.answer, part, got, s.log)
			}
		}
		if strings.Count(got, "Transfer-Encoding") > 1 {
			t.Errorf("%q", got)
		}
	}
}

// TestFastCGIErrors logs each record of a peer's stderr once.
func TestFastCGIErrors(t *testing.T) {
	p := startPeer(t, func(_ int, c net.Conn) {
		c.Read(make([]byte, 4096))
		record := func(kind byte, text string) {
			c.Write(append([]byte{1, kind, 0, 1, 0, byte(len(text)), 0, 0}, text...))
		}
		for _, text := range []string{"one\n", "two", "three"} {
			record(7, text)
		}
		record(6, "\r\nhi")
		record(3, "\x00\x00\x00\x00\x00\x00\x00\x00")
	})
	s := serve(t, p, "", "location / { fastcgi_pass PEER; } location /caught { fastcgi_pass PEER; fastcgi_catch_stderr tw; }")
	if status, _, body := split(s.get(t, "/")); status != 200 || !strings.Contains(body, "hi") {
		t.Errorf("%d %q", status, body)
	}
	for _, text := range []string{"one", "two", "three"} {
		if n := strings.Count(s.log.String(), "FastCGI sent in stderr: \""+text+"\" while reading response header from upstream"); n != 1 {
			t.Errorf("%q: %d times in\n%s", text, n, s.log)
		}
	}
	if status, _, _ := split(s.get(t, "/caught")); status != 502 {
		t.Errorf("%d\n%s", status, s.log)
	}
}

func TestSCGI(t *testing.T) {
	p := startPeer(t, func(_ int, c net.Conn) {
		br := bufio.NewReader(c)
		size, _ := br.ReadString(':')
		var n int
		fmt.Sscanf(size, "%d:", &n)
		vars := make([]byte, n+1)
		io.ReadFull(br, vars)
		body := make([]byte, 2)
		io.ReadFull(br, body)
		fmt.Fprintf(c, "Status: 404 None\r\nX-A: b\r\n\r\n%s|%s", strings.ReplaceAll(string(vars), "\x00", " "), body)
	})
	s := serve(t, p, "", "location / { scgi_pass PEER; scgi_param SCGI 1; scgi_param A $arg_a; }")
	status, head, body := split(s.raw(t, "POST /?a=1 HTTP/1.0\r\nX-Y: z\r\nContent-Length: 2\r\n\r\nhi"))
	if status != 404 || !strings.Contains(head, "X-A: b") || body != "CONTENT_LENGTH 2 SCGI 1 A 1 HTTP_X_Y z HTTP_CONTENT_LENGTH 2 ,|hi" {
		t.Errorf("%s\n%q", head, body)
	}
}

func TestUWSGI(t *testing.T) {
	p := startPeer(t, func(_ int, c net.Conn) {
		var h [4]byte
		io.ReadFull(c, h[:])
		vars := make([]byte, binary.LittleEndian.Uint16(h[1:]))
		io.ReadFull(c, vars)
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(vars)+1, string('0'+rune(h[0]))+string(vars))
	})
	s := serve(t, p, "", "location / { uwsgi_pass PEER; uwsgi_modifier1 5; uwsgi_param A b; uwsgi_pass_request_headers off; }")
	if _, _, body := split(s.get(t, "/")); body != "5\x01\x00A\x01\x00b" {
		t.Errorf("%q", body)
	}
}

func TestMemcached(t *testing.T) {
	p := startPeer(t, func(n int, c net.Conn) {
		br := bufio.NewReader(c)
		for {
			line, err := br.ReadString('\n')
			switch {
			case err != nil:
				return
			case line == "get /hit\r\n":
				fmt.Fprintf(c, "VALUE /hit 0 5\r\nhell%d\r\nEND\r\n", n)
			default:
				io.WriteString(c, "END\r\n")
			}
		}
	})
	s := serve(t, p, "upstream m { server PEER; }", "location / { set $memcached_key $uri; memcached_pass m; error_page 404 = @none; } location @none { return 200 none; }")
	for _, c := range []struct{ path, want string }{{"/hit", "hell1"}, {"/miss", "none"}, {"/hit", "hell1"}} {
		if _, _, body := split(s.get(t, c.path)); body != c.want {
			t.Errorf("%s: %q\n%s", c.path, body, s.log)
		}
	}
}

// TestTLS verifies the peer, names it and keeps its connections apart from
// those that were verified otherwise.
func TestTLS(t *testing.T) {
	var names []string
	up := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RemoteAddr) }))
	up.TLS = &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		names = append(names, h.ServerName)
		return nil, nil
	}}
	up.StartTLS()
	defer up.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: up.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &peer{addr: up.Listener.Addr().String()}
	s := serve(t, p, "upstream u { server PEER; }", `
		location /plain { proxy_pass https://u; }
		location /good { proxy_pass https://u; proxy_ssl_verify on; proxy_ssl_trusted_certificate `+ca+`; proxy_ssl_name example.com; proxy_ssl_server_name on; }
		location /bad { proxy_pass https://u; proxy_ssl_verify on; proxy_ssl_trusted_certificate `+ca+`; proxy_ssl_name wrong.org; }`)
	_, _, first := split(s.get(t, "/plain"))
	_, _, again := split(s.get(t, "/plain"))
	_, _, other := split(s.get(t, "/good"))
	if first == "" || first != again || other == first || other == "" {
		t.Errorf("%q %q %q\n%s", first, again, other, s.log)
	}
	if status, _, _ := split(s.get(t, "/bad")); status != 502 || !strings.Contains(s.log.String(), `upstream SSL certificate does not match "wrong.org" while SSL handshaking to upstream`) {
		t.Errorf("%d\n%s", status, s.log)
	}
	if strings.Join(names, ",") != ",example.com," {
		t.Errorf("names %q", names)
	}
}

// TestChooser puts a choice of its own in the balancer's place, as
// balancer_by_lua does.
func TestChooser(t *testing.T) {
	p := answering(t, func(n int, r *http.Request, _ string) string {
		return fmt.Sprintf("%sContent-Length: 1\r\n\r\n%d", ok, n)
	})
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addrs := []string{dead.Addr().String(), p.addr}
	dead.Close()
	last := make(chan upstream.Outcome, 2)
	choose := phases.Define(phases.Spec[struct{}]{
		Name: "choose",
		Directives: []phases.Directive[struct{}]{
			phases.Set("choose", conf.Upstream, conf.Exactly(0), func(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
				upstream.Of(b).Choose = func(r *phases.Request, t *upstream.Try) phases.Result {
					if string(r.URI) == "/refuse" {
						return 403
					}
					if t.Number == 1 {
						t.More = 1
					} else {
						last <- t.Last
					}
					t.Addr = actor.IP(netip.MustParseAddrPort(addrs[t.Number-1]))
					return phases.Next
				}
				return nil
			}),
		},
	})
	log := &logBuffer{}
	srv, err := luahttpd.Parse(strings.NewReader("events {} error_log stderr; http { access_log off; upstream u { server 0.0.0.1; choose; } "+
		"server { listen 127.0.0.1:0; location / { proxy_pass http://u; add_header X-Addr $upstream_addr; } } }"),
		luahttpd.WithStderr(log), luahttpd.WithPrefix(t.TempDir()),
		luahttpd.WithModules(func(m []phases.Module) []phases.Module { return append(m, choose) }))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	s := &server{srv, srv.Addr().String(), log}
	for range 2 {
		_, head, body := split(s.get(t, "/"))
		if body != "1" || !strings.Contains(head, "X-Addr: "+addrs[0]+", "+addrs[1]) {
			t.Errorf("%s\n%s\n%s", head, body, log)
		}
	}
	if status, _, _ := split(s.get(t, "/refuse")); status != 403 {
		t.Error(status)
	}
	for range 2 {
		if how := <-last; how != upstream.Failed {
			t.Error(how)
		}
	}
}
