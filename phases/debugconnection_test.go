package phases

import (
	"net/netip"
	"testing"
)

func TestParseCIDR(t *testing.T) {
	for _, c := range []struct {
		in, want  string
		exact, ok bool
	}{
		{"192.0.2.1", "192.0.2.1/32", true, true},
		{"192.0.2.0/24", "192.0.2.0/24", true, true},
		{"192.0.2.1/24", "192.0.2.0/24", false, true},
		{"2001:db8::/32", "2001:db8::/32", true, true},
		{"::1", "::1/128", true, true},
		{in: "192.0.2.0/33"}, {in: "192.0.2"}, {in: "localhost"}, {in: ""}, {in: "fe80::1%lo"},
	} {
		p, exact, ok := ParseCIDR(c.in)
		if ok != c.ok || ok && (p.String() != c.want || exact != c.exact) {
			t.Errorf("%s: %v %v %v", c.in, p, exact, ok)
		}
	}
}

func TestDebugClients(t *testing.T) {
	p := &Process{}
	for _, text := range []string{"10.0.0.0/8", "::1"} {
		n, _, _ := ParseCIDR(text)
		p.Debug.Items = append(p.Debug.Items, n)
	}
	at := func(addr string) *Client { return &Client{Addr: netip.MustParseAddrPort(addr)} }
	for _, c := range []struct {
		client *Client
		want   bool
	}{
		{at("10.1.2.3:1"), true}, {at("[::ffff:10.1.2.3]:1"), true}, {at("11.1.2.3:1"), false}, {at("[::1]:1"), true}, {&Client{Unix: "/x"}, false},
	} {
		if got := p.debugs(c.client); got != c.want {
			t.Errorf("%+v: %v", c.client, got)
		}
	}
	p.Debug.Items = append(p.Debug.Items, netip.Prefix{})
	if !p.debugs(&Client{Unix: "/x"}) || p.debugs(at("11.1.2.3:1")) {
		t.Error("unix:")
	}
}
