package upstream_test

import (
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// TestResolve follows the addresses of a server whose name is resolved at run
// time.
func TestResolve(t *testing.T) {
	var exists atomic.Bool
	exists.Store(true)
	dns, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer dns.Close()
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := dns.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil {
				continue
			}
			m.Response, m.RCode = true, dnsmessage.RCodeSuccess
			if q := m.Questions[0]; !exists.Load() {
				m.RCode = dnsmessage.RCodeNameError
			} else if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
					Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
			}
			if out, err := m.Pack(); err == nil {
				dns.WriteTo(out, from)
			}
		}
	}()
	p := answering(t, func(int, *http.Request, string) string { return ok + "Content-Length: 2\r\n\r\nhi" })
	_, port, _ := net.SplitHostPort(p.addr)
	s := serve(t, p, "upstream u { zone z 64k; resolver "+dns.LocalAddr().String()+" ipv6=off; server name.test:"+port+" resolve; }",
		"location / { proxy_pass http://u; }")
	wait := func(want int) {
		t.Helper()
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if status, _, _ := split(s.get(t, "/")); status == want {
				return
			}
		}
		t.Fatalf("no %d\n%s", want, s.log)
	}
	wait(200)
	exists.Store(false)
	wait(502)
	if !strings.Contains(s.log.String(), "no live upstreams") {
		t.Error(s.log)
	}
}
