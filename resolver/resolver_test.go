package resolver

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/luahttpd/luahttpd/actor"
)

// server answers on loopback, by UDP and TCP at the same port, from a zone of
// names to addresses, "@priority weight port name" for a service's host,
// "=name" for an alias, "!" for nothing at all, "#" for a
// datagram that is too small for the answer.
type server struct {
	addr  string
	asked atomic.Int32
}

func serve(t *testing.T, zone map[string][]string) *server {
	t.Helper()
	var pc net.PacketConn
	var l net.Listener
	for range 20 { // the same port for both
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if pc, err = net.ListenPacket("udp", l.Addr().String()); err == nil {
			break
		}
		l.Close()
	}
	t.Cleanup(func() { pc.Close(); l.Close() })
	s := &server{addr: l.Addr().String()}
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			s.asked.Add(1)
			if a := answerTo(buf[:n], zone, true); a != nil {
				pc.WriteTo([]byte("rubbish"), from)
				pc.WriteTo(a, from)
			}
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			buf := make([]byte, 1500)
			if n, err := c.Read(buf); err == nil {
				a := answerTo(buf[2:n], zone, false)
				c.Write(append([]byte{byte(len(a) >> 8), byte(len(a))}, a...))
			}
			c.Close()
		}
	}()
	return s
}

func answerTo(packet []byte, zone map[string][]string, datagram bool) []byte {
	var m dnsmessage.Message
	if m.Unpack(packet) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response = true
	m.Header.RCode = dnsmessage.RCodeNameError
	for name := strings.TrimSuffix(q.Name.String(), "."); ; {
		list, ok := zone[name]
		if !ok {
			break
		}
		m.Header.RCode = dnsmessage.RCodeSuccess
		h := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name + "."), Class: dnsmessage.ClassINET, TTL: 60}
		next := ""
		for _, v := range list {
			alias, isAlias := strings.CutPrefix(v, "=")
			switch {
			case v == "!":
				return nil
			case v == "#":
				if datagram {
					m.Header.Truncated = true
				}
			case isAlias:
				h.Type = dnsmessage.TypeCNAME
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(alias + ".")}})
				next = alias
			case v[0] == '@':
				var r dnsmessage.SRVResource
				var host string
				fmt.Sscanf(v, "@%d %d %d %s", &r.Priority, &r.Weight, &r.Port, &host)
				if r.Target = dnsmessage.MustNewName(host + "."); q.Type == dnsmessage.TypeSRV {
					h.Type = dnsmessage.TypeSRV
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &r})
				}
			default:
				ip := netip.MustParseAddr(v)
				if ip.Is4() && q.Type == dnsmessage.TypeA {
					h.Type = dnsmessage.TypeA
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: ip.As4()}})
				} else if ip.Is6() && q.Type == dnsmessage.TypeAAAA {
					h.Type = dnsmessage.TypeAAAA
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
				}
			}
		}
		if next == "" || strings.HasPrefix(next, "far.") {
			break
		}
		name = next
	}
	a, _ := m.Pack()
	return a
}

// onWorker runs f on a coroutine of a worker.
func onWorker(t *testing.T, f func(w *actor.Worker)) {
	t.Helper()
	w, err := actor.NewWorker(0)
	if err != nil {
		t.Fatal(err)
	}
	w.Post(actor.TaskFunc(func(w *actor.Worker) {
		w.Go(func() {
			defer w.Stop()
			f(w)
		})
	}))
	if err := w.Run(); err != nil {
		t.Error(err)
	}
	w.Close()
}

func TestLookup(t *testing.T) {
	s := serve(t, map[string][]string{
		"a.test": {"192.0.2.1", "192.0.2.2"}, "six.test": {"2001:db8::1"}, "both.test": {"2001:db8::2", "192.0.2.3"},
		"alias.test": {"=b.test"}, "b.test": {"=a.test"}, "out.test": {"=far.test"}, "far.test": {"192.0.2.9"},
		"big.test": {"#", "192.0.2.4"}, "none.test": {}, "silent.test": {"!"}, "loop.test": {"=far.loop"}, "far.loop": {"=far.loop"},
	})
	tests := []struct{ name, want string }{
		{"a.test", "192.0.2.1 192.0.2.2"}, {"A.Test.", "192.0.2.1 192.0.2.2"}, {"six.test", "2001:db8::1"},
		{"both.test", "192.0.2.3 2001:db8::2"}, {"alias.test", "192.0.2.1 192.0.2.2"}, {"out.test", "192.0.2.9"},
		{"big.test", "192.0.2.4"}, {"none.test", "none.test could not be resolved (3: Host not found)"},
		{"nosuch.test", "nosuch.test could not be resolved (3: Host not found)"},
		{"silent.test", "silent.test could not be resolved (110: Operation timed out)"},
		{"loop.test", "loop.test could not be resolved (2: Server failure)"},
		{strings.Repeat("x", 300), strings.Repeat("x", 300) + " could not be resolved (3: Host not found)"},
	}
	onWorker(t, func(w *actor.Worker) {
		r := New(w, Config{Servers: []string{s.addr}, IPv4: true, IPv6: true})
		for _, tt := range tests {
			addrs, err := r.Lookup(tt.name, 200*time.Millisecond)
			got := ""
			for _, a := range addrs {
				got += " " + a.String()
			}
			if got = strings.TrimSpace(got); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("%.20s: %s, want %s", tt.name, got, tt.want)
			}
		}
	})
}

// TestServices: the hosts of a service; a name can stand for one and have
// addresses too.
func TestServices(t *testing.T) {
	s := serve(t, map[string][]string{
		"_http._tcp.a.test": {"@1 5 8080 one.test", "@2 0 8081 two.test"}, "both.test": {"@0 1 80 one.test", "192.0.2.1"},
		"alias.test": {"=_http._tcp.a.test"}, "none.test": {"192.0.2.1"},
	})
	onWorker(t, func(w *actor.Worker) {
		r := New(w, Config{Servers: []string{s.addr}, IPv4: true, IPv6: true})
		for name, want := range map[string]string{
			"_http._tcp.a.test": "[{one.test 8080 1 5} {two.test 8081 2 0}]", "both.test": "[{one.test 80 0 1}]",
			"alias.test": "[{one.test 8080 1 5} {two.test 8081 2 0}]",
			"none.test":  "none.test could not be resolved (3: Host not found)", "nosuch.test": "nosuch.test could not be resolved (3: Host not found)",
		} {
			a, err := r.Services(name, time.Second)
			got := fmt.Sprint(a.Services)
			if err != nil {
				got = err.Error()
			} else if left := a.Until.Sub(w.Now()); left < 50*time.Second || left > time.Minute {
				t.Errorf("%s: good for %v", name, left)
			}
			if got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		if addrs, err := r.Lookup("both.test", time.Second); err != nil || len(addrs) != 1 {
			t.Error(addrs, err)
		}
		before := s.asked.Load()
		if _, err := r.Services("both.test", time.Second); err != nil || s.asked.Load() != before {
			t.Errorf("asked again: %v", err)
		}
	})
}

// TestOnce: many who want one name at a time ask once, and the answer is kept.
func TestOnce(t *testing.T) {
	s := serve(t, map[string][]string{"a.test": {"192.0.2.1"}})
	onWorker(t, func(w *actor.Worker) {
		r := New(w, Config{Servers: []string{s.addr}, IPv4: true})
		left := 20
		co := w.Current()
		for range left {
			w.Go(func() {
				if _, err := r.Lookup("a.test", time.Second); err != nil {
					t.Error(err)
				}
				if left--; left == 0 {
					co.Resume()
				}
			})
		}
		if left > 0 {
			co.Park()
		}
		if n := s.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestNextServer: a server that is not there is no reason to fail.
func TestNextServer(t *testing.T) {
	s := serve(t, map[string][]string{"a.test": {"192.0.2.1"}})
	for missing, heard := range map[string]string{
		"127.0.0.1:1":        "recv",
		"255.255.255.255:53": "connect", // needs leave to broadcast
	} {
		onWorker(t, func(w *actor.Worker) {
			said := ""
			r := New(w, Config{Servers: []string{missing, missing, s.addr}, InOrder: true, IPv4: true, Log: func(call string, err error) { said += call }})
			if _, err := r.Lookup("a.test", 2*time.Second); err != nil {
				t.Error(err)
			}
			if said != heard {
				t.Errorf("%s: the log heard of %q", missing, said)
			}
		})
	}
}

func FuzzTake(f *testing.F) {
	qs, err := newQueries("a.test", Config{IPv4: true}, false)
	if err != nil {
		f.Fatal(err)
	}
	qs[0].id = 7
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, Response: true}, Questions: []dnsmessage.Question{qs[0].q}, Answers: []dnsmessage.Resource{
		{Header: dnsmessage.ResourceHeader{Name: qs[0].q.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 1}, Body: &dnsmessage.AResource{A: [4]byte{1, 2, 3, 4}}}}}
	packet, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packet)
	f.Add(packet[:20])
	f.Fuzz(func(t *testing.T, packet []byte) {
		q := *qs[0]
		q.answered = false
		if q.take(packet) != q.answered {
			t.Error("taken and not answered")
		}
		if q.code != 0 && len(q.addrs) > 0 {
			t.Error("addresses in spite of an error")
		}
	})
}

// TestMerge: what the answers for both kinds of addresses mean together.
func TestMerge(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		name        string
		a, aaaa     query
		addrs, code int
		alias       string
	}{
		{name: "both", a: query{addrs: []netip.Addr{v4}}, aaaa: query{addrs: []netip.Addr{v6}}, addrs: 2},
		{name: "one", a: query{addrs: []netip.Addr{v4}}, addrs: 1},
		{name: "an error of one kind", a: query{addrs: []netip.Addr{v4}}, aaaa: query{code: codeServer}, addrs: 1, code: codeServer},
		{name: "an alias", a: query{alias: "b"}, aaaa: query{alias: "b"}, alias: "b"},
		{name: "two aliases", a: query{alias: "b"}, aaaa: query{alias: "c"}, alias: "c"},
		{name: "no alias after all", a: query{alias: "b"}},
	} {
		m := merge([]*query{&c.a, &c.aaaa})
		if len(m.addrs) != c.addrs || m.code != c.code || m.alias != c.alias {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
}

// TestRotate: each question begins with another server.
func TestRotate(t *testing.T) {
	zone := map[string][]string{"a.test": {"192.0.2.1"}, "b.test": {"192.0.2.1"}}
	one, two := serve(t, zone), serve(t, zone)
	onWorker(t, func(w *actor.Worker) {
		r := New(w, Config{Servers: []string{one.addr, two.addr}, IPv4: true})
		for _, name := range []string{"a.test", "b.test", "a.test"} {
			if _, err := r.Lookup(name, 2*time.Second); err != nil {
				t.Error(err)
			}
		}
	})
	if one.asked.Load() != 1 || two.asked.Load() != 1 {
		t.Errorf("asked %d and %d times", one.asked.Load(), two.asked.Load())
	}
}
