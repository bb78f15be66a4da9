package upstream_test

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// until waits for something that the server does by itself.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %s", what)
		}
	}
}

// TestHealthCheck: a peer that answers checks with something else than it must
// is left out, and comes back.
func TestHealthCheck(t *testing.T) {
	var answer, asked atomic.Value
	answer.Store("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
	ill := answering(t, func(_ int, r *http.Request, _ string) string {
		if r.URL.Path != "/check" {
			return ok + "Content-Length: 3\r\n\r\nill"
		}
		asked.Store(r.Header.Get("X-Checks") + " " + r.Host + " " + r.Header.Get("Connection"))
		return answer.Load().(string)
	})
	well := answering(t, func(_ int, r *http.Request, _ string) string {
		return ok + "X-Ok: yes\r\nContent-Length: 4\r\n\r\nwell"
	})
	s := serve(t, well, "upstream u { zone z 64k; server "+ill.addr+"; server PEER; } "+
		"match good { status 200-299 304; header X-Ok = yes; header ! X-Bad; header X-Ok !~ no; body ~ \"^w.l{2}$\"; }",
		"location / { proxy_pass http://u; proxy_set_header X-Checks 1; health_check interval=20ms jitter=5ms fails=2 passes=2 uri=/check match=good; }")
	both := func() string {
		_, _, one := split(s.get(t, "/"))
		_, _, two := split(s.get(t, "/"))
		return one + " " + two
	}
	until(t, "peer that is out", func() bool { return both() == "well well" })
	if got := asked.Load(); got != "1 u close" {
		t.Errorf("asked with %q", got)
	}
	until(t, "line in the log", func() bool {
		return strings.Contains(s.log.String(), "peer is unhealthy while checking status code 500, health check \"good\" of peer "+ill.addr+" in upstream \"u\"")
	})
	for _, good := range []string{"X-Ok: yes\r\nContent-Length: 4\r\n\r\nwell", "X-Ok: yes\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nwe\r\n2\r\nll\r\n0\r\n\r\n",
		"X-Ok: yes\r\nConnection: close\r\n\r\nwell"} {
		answer.Store("HTTP/1.1 103 Early Hints\r\n\r\n" + ok + good)
		until(t, "peer that is back", func() bool { return strings.Contains(both(), "ill") })
		answer.Store(ok + "X-Ok: yes\r\nContent-Length: 5\r\n\r\nwelll")
		until(t, "peer that is out again", func() bool { return both() == "well well" })
	}
	if !strings.Contains(s.log.String(), "while checking body") || !strings.Contains(s.log.String(), "peer is healthy") {
		t.Error(s.log)
	}
}

// TestHealthOfAll: without a healthy peer there is a 502; a single peer is
// checked too, and with mandatory it is not asked before its first check.
func TestHealthOfAll(t *testing.T) {
	hold := make(chan bool)
	var well atomic.Bool
	p := answering(t, func(_ int, r *http.Request, _ string) string {
		if r.URL.Path == "/check" {
			<-hold
			if !well.Load() {
				return "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
			}
		}
		return ok + "Content-Length: 2\r\n\r\nhi"
	})
	s := serve(t, p, "upstream u { zone z 64k; server PEER; }",
		"location / { proxy_pass http://u; health_check interval=20ms uri=/check mandatory; }")
	status := func() int { n, _, _ := split(s.get(t, "/")); return n }
	if n := status(); n != 502 {
		t.Errorf("%d before the first check", n)
	}
	well.Store(true)
	close(hold)
	until(t, "200", func() bool { return status() == 200 })
	well.Store(false)
	until(t, "502", func() bool { return status() == 502 })
}

// TestHealthKeepalive: with keepalive_time a connection carries several checks,
// also behind bodies that nobody looks at, and one that its peer has closed is
// no fault of the peer's.
func TestHealthKeepalive(t *testing.T) {
	var conns, checks atomic.Int32
	p := answering(t, func(n int, r *http.Request, _ string) string {
		if r.URL.Path != "/check" {
			return ok + "Connection: close\r\nContent-Length: 2\r\n\r\nhi"
		}
		conns.Store(int32(n))
		switch checks.Add(1) {
		case 5, 11:
			return "" // closed, with the request on its way
		case 7:
			return ok + "Connection: close\r\nContent-Length: 2\r\n\r\nhi"
		case 2, 9:
			return ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
		}
		return ok + "Content-Length: 2\r\n\r\nhi"
	})
	s := serve(t, p, "upstream u { zone z 64k; server PEER; }", "location / { proxy_pass http://u; health_check interval=5ms uri=/check keepalive_time=1h; }")
	until(t, "twenty checks", func() bool { return checks.Load() >= 20 })
	if n := conns.Load(); n != 4 {
		t.Errorf("%d connections for %d checks", n, checks.Load())
	}
	if strings.Contains(s.log.String(), "unhealthy") {
		t.Error(s.log)
	}
}

// TestHealthTLS checks peers by TLS as the location passes to them, with a
// PROXY protocol header where it sends one, and at another port.
func TestHealthTLS(t *testing.T) {
	cert, key := keyPair(t, nil, nil, "peer.test").files(t)
	p := serve(t, nil, "", "return 404; } server { listen 127.0.0.2:0 ssl; ssl_certificate "+cert+"; ssl_certificate_key "+key+"; return 200 $ssl_server_name;"+
		" } server { listen 127.0.0.3:0 ssl proxy_protocol; ssl_certificate "+cert+"; ssl_certificate_key "+key+"; return 200 greeted;")
	addrs := p.Addrs()
	_, port, _ := net.SplitHostPort(addrs[0].String())
	tls := "proxy_ssl_verify on; proxy_ssl_trusted_certificate " + cert + "; proxy_ssl_server_name on; "
	const check = "health_check interval=20ms mandatory"
	s := serve(t, nil, "match sni { body ~ ^peer.test$; } match greeted { body ~ greeted; } match absent { status 404; } "+
		"upstream a { zone z 64k; server "+addrs[1].String()+"; } upstream b { zone z; server "+addrs[1].String()+"; } "+
		"upstream c { zone z; server "+addrs[2].String()+"; } upstream d { zone z; server 127.0.0.1:1 max_fails=0; }",
		"location /a { proxy_pass https://a; "+tls+"proxy_ssl_name peer.test; "+check+" match=sni; } "+
			"location /b { proxy_pass https://b; "+tls+"proxy_ssl_name other.test; "+check+"; } "+
			"location /c { proxy_pass https://c; proxy_protocol on; "+check+" match=greeted; } "+
			"location /d { proxy_pass http://d; "+check+" match=absent port="+port+"; add_header X-Addr $upstream_addr always; }")
	status := func(path string) int { n, _, _ := split(s.get(t, path)); return n }
	until(t, "a", func() bool { return status("/a") == 200 })
	until(t, "c", func() bool { return status("/c") == 200 })
	until(t, "d", func() bool { return strings.Contains(s.get(t, "/d"), "X-Addr: 127.0.0.1:1\r\n") })
	until(t, "line of b", func() bool {
		return strings.Contains(s.log.String(), "SSL handshaking to upstream (certificate verify failed), health check \"\" of peer "+addrs[1].String()+" in upstream \"b\"")
	})
	if n := status("/b"); n != 502 {
		t.Errorf("b: %d", n)
	}
}

// TestHealthReload: after a reload a peer whose check is mandatory waits for
// one again, unless it is persistent.
func TestHealthReload(t *testing.T) {
	for _, c := range []struct {
		parameters string
		status     int
	}{{"mandatory", 502}, {"mandatory persistent", 200}, {"", 200}} {
		var held atomic.Bool
		hold := make(chan bool)
		p := answering(t, func(_ int, r *http.Request, _ string) string {
			if r.URL.Path == "/check" && held.Load() {
				<-hold
			}
			return ok + "Content-Length: 2\r\n\r\nhi"
		})
		s := serve(t, p, "upstream u { zone z 64k; server PEER; }", "location / { proxy_pass http://u; health_check interval=10ms uri=/check "+c.parameters+"; }")
		status := func() int { n, _, _ := split(s.get(t, "/")); return n }
		until(t, "200", func() bool { return status() == 200 })
		held.Store(true)
		if err := s.Reload(); err != nil {
			t.Error(err)
		}
		if got := status(); got != c.status {
			t.Errorf("%q: %d after a reload, want %d\n%s", c.parameters, got, c.status, s.log)
		}
		close(hold)
		until(t, "200 again", func() bool { return status() == 200 })
	}
}
