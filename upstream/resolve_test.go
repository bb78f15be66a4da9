package upstream_test

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer answers questions with what f returns, nil for no such name; the
// answers are good for ttl seconds. It returns its address.
func nameServer(t *testing.T, ttl uint32, f func(name string, kind dnsmessage.Type) []dnsmessage.ResourceBody) string {
	t.Helper()
	dns, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dns.Close() })
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
			q := m.Questions[0]
			m.Response, m.RCode = true, dnsmessage.RCodeSuccess
			bodies := f(strings.TrimSuffix(q.Name.String(), "."), q.Type)
			if bodies == nil {
				m.RCode = dnsmessage.RCodeNameError
			}
			for _, b := range bodies {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: ttl}, Body: b})
			}
			if out, err := m.Pack(); err == nil {
				dns.WriteTo(out, from)
			}
		}
	}()
	return dns.LocalAddr().String()
}

func saying(t *testing.T, what string) (p *peer, port uint16) {
	p = answering(t, func(int, *http.Request, string) string {
		return ok + "Content-Length: " + strconv.Itoa(len(what)) + "\r\n\r\n" + what
	})
	_, text, _ := net.SplitHostPort(p.addr)
	n, _ := strconv.ParseUint(text, 10, 16)
	return p, uint16(n)
}

var (
	loopback = []dnsmessage.ResourceBody{&dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}
	nothing  = []dnsmessage.ResourceBody{}
)

// TestResolve follows the addresses of a server whose name is resolved at run
// time.
func TestResolve(t *testing.T) {
	var exists atomic.Bool
	exists.Store(true)
	dns := nameServer(t, 0, func(string, dnsmessage.Type) []dnsmessage.ResourceBody {
		if exists.Load() {
			return loopback
		}
		return nil
	})
	p, port := saying(t, "hi")
	s := serve(t, p, fmt.Sprintf("upstream u { zone z 64k; resolver %s ipv6=off; server name.test:%d resolve; }", dns, port),
		"location / { proxy_pass http://u; }")
	status := func() int { n, _, _ := split(s.get(t, "/")); return n }
	until(t, "200", func() bool { return status() == 200 })
	exists.Store(false)
	until(t, "502", func() bool { return status() == 502 })
	if !strings.Contains(s.log.String(), "no live upstreams") {
		t.Error(s.log)
	}
}

// TestService takes the peers, their ports, weights and order from SRV records
// and follows them.
func TestService(t *testing.T) {
	a, portA := saying(t, "a")
	_, portB := saying(t, "b")
	_, portC := saying(t, "c")
	type records []dnsmessage.ResourceBody
	var zone atomic.Pointer[records]
	srv := func(priority, weight, port uint16, host string) dnsmessage.ResourceBody {
		return &dnsmessage.SRVResource{Priority: priority, Weight: weight, Port: port, Target: dnsmessage.MustNewName(host + ".")}
	}
	zone.Store(&records{srv(10, 3, portA, "h.test"), srv(10, 0, portB, "h.test"), srv(20, 9, portC, "h.test"), srv(10, 1, 1, "gone.test")})
	dns := nameServer(t, 1, func(name string, kind dnsmessage.Type) []dnsmessage.ResourceBody {
		switch {
		case name == "_http._tcp.name.test" && kind == dnsmessage.TypeSRV:
			return *zone.Load()
		case name == "h.test" && kind == dnsmessage.TypeA:
			return loopback
		case name == "h.test":
			return nothing
		}
		return nil
	})
	s := serve(t, a, "upstream u { zone z 64k; resolver "+dns+"; server name.test resolve service=http; } "+
		"upstream v { zone z 64k; resolver "+dns+"; server name.test resolve service=_http._tcp; }",
		"location / { proxy_pass http://u; } location /v { proxy_pass http://v; }")
	picks := func(path string) string {
		n := map[string]int{}
		for range 8 {
			_, _, body := split(s.get(t, path))
			n[body]++
		}
		return fmt.Sprint(n)
	}
	until(t, "peers by weight", func() bool { return picks("/") == "map[a:6 b:2]" && picks("/v") == "map[a:6 b:2]" })
	zone.Store(&records{srv(10, 1, 1, "gone.test"), srv(20, 1, portC, "h.test")})
	until(t, "backup", func() bool { return picks("/") == "map[c:8]" })
}

// TestTimeToLive asks again for a name when its answer is no longer good, and
// not before.
func TestTimeToLive(t *testing.T) {
	var asked [2]atomic.Int32
	dns := func(i int, ttl uint32) string {
		return nameServer(t, ttl, func(string, dnsmessage.Type) []dnsmessage.ResourceBody { asked[i].Add(1); return loopback })
	}
	p, port := saying(t, "hi")
	s := serve(t, p, "", fmt.Sprintf(`set $port %d; location / { resolver %s ipv6=off; proxy_pass http://name.test:$port; }
		location /valid { resolver %s valid=1m ipv6=off; proxy_pass http://name.test:$port; }
		location /hosts { proxy_pass http://localhost:$port; }`, port, dns(0, 1), dns(1, 1)))
	for end := time.Now().Add(1500 * time.Millisecond); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for _, path := range []string{"/", "/valid", "/hosts"} {
			if n, _, _ := split(s.get(t, path)); n != 200 {
				t.Fatalf("%s: %d\n%s", path, n, s.log)
			}
		}
	}
	if a, b := asked[0].Load(), asked[1].Load(); a != 2 || b != 1 {
		t.Errorf("asked %d and %d times, want 2 and 1", a, b)
	}
}
