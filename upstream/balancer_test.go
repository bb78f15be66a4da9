package upstream

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// compile compiles the statements of an http block with the modules that the
// package needs and has.
func compile(t testing.TB, http string, zones *phases.Zones) (*phases.Config, error) {
	t.Helper()
	f, err := conf.Parse("nginx.conf", []byte("events {} http { "+http+" }"), conf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return phases.Compile(f, "nginx.conf", phases.Options{Zones: zones, Logs: phases.NewLogs(testWriter{t}), Modules: []phases.Module{
		phases.CoreModule, phases.ProcessModule, phases.SSLModule, phases.Postpone,
		Module, KeepaliveModule, LeastConn, IPHash, Hash, Random, EWMA, HealthCheck, Proxy, FastCGI, SCGI, UWSGI, Memcached,
	}})
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

// picker picks peers of upstream u.
type picker struct {
	u *Upstream
	w *actor.Worker
	r phases.Request
	c phases.Client
}

func newPicker(t *testing.T, block string) *picker {
	t.Helper()
	cfg, err := compile(t, "upstream u { "+block+" }", nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := actor.NewWorker(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	p := &picker{u: inConfig.Of(cfg).find("u", 0), w: w}
	p.r.Init(cfg, w, &p.c, nil)
	return p
}

// pick does one exchange, which ends as how says, and returns the last digit
// of the peer's port, "-" if there was none.
func (p *picker) pick(tried *Tried, how Outcome) string {
	peer := p.u.balancer.Pick(&p.r, tried)
	if peer == nil {
		return "-"
	}
	p.u.balancer.Report(peer, how, 0)
	return peer.Name[len(peer.Name)-1:]
}

const golden = "server 127.0.0.1:19711; server 127.0.0.1:19712 weight=2; server 127.0.0.1:19713; server 127.0.0.1:19714 down;"

// The choices below were made by nginx 1.22 for the same configurations.

func TestRoundRobin(t *testing.T) {
	p := newPicker(t, "server 127.0.0.1:19711 weight=5; server 127.0.0.1:19712; server 127.0.0.1:19713 weight=2;")
	var got []string
	for range 16 {
		got = append(got, p.pick(&Tried{}, Answered))
	}
	if s := strings.Join(got, " "); s != "1 3 1 1 2 1 3 1 1 3 1 1 2 1 3 1" {
		t.Error(s)
	}
}

func TestHash(t *testing.T) {
	keys := []string{"a", "b", "c", "d", "e", "f", "g", "hello", "world", "1", "2", "3", "key42", "luahttpd"}
	for _, c := range []struct{ method, want string }{
		{"hash $arg_k;", "2 3 2 1 3 2 3 1 2 3 2 2 2 3"},
		{"hash $arg_k consistent;", "3 1 2 1 1 3 1 2 1 3 1 2 2 2"},
	} {
		p := newPicker(t, c.method+golden)
		var got []string
		for _, k := range keys {
			p.r.Args = []byte("k=" + k)
			got = append(got, p.pick(&Tried{}, Answered))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s %s, want %s", c.method, s, c.want)
		}
	}
}

func TestIPHash(t *testing.T) {
	p := newPicker(t, "ip_hash;"+golden)
	var got []string
	for _, ip := range []string{"10.0.0.1", "10.0.1.1", "192.168.7.9", "8.8.8.8", "1.2.3.4", "200.100.50.25", "2001:db8::1", "2001:db8::2", "::1", "fe80::42"} {
		p.c.Addr = netip.AddrPortFrom(netip.MustParseAddr(ip), 1)
		got = append(got, p.pick(&Tried{}, Answered))
	}
	if s := strings.Join(got, " "); s != "1 2 1 3 2 2 1 2 1 3" {
		t.Error(s)
	}
}

func TestLeastConn(t *testing.T) {
	p := newPicker(t, "least_conn; server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3;")
	var busy []*Peer
	for range 3 {
		busy = append(busy, p.u.balancer.Pick(&p.r, &Tried{}))
	}
	if busy[0] == busy[1] || busy[1] == busy[2] || busy[0] == busy[2] {
		t.Error("one peer was given two of three requests")
	}
	p.u.balancer.Report(busy[1], Answered, 0)
	for range 3 {
		peer := p.u.balancer.Pick(&p.r, &Tried{})
		if peer != busy[1] {
			t.Errorf("%s was picked, %s has no connection", peer.Name, busy[1].Name)
		}
		p.u.balancer.Report(peer, Answered, 0)
	}
}

func TestRandom(t *testing.T) {
	p := newPicker(t, "random two; server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3 down;")
	count := map[string]int{}
	for range 1000 {
		count[p.pick(&Tried{}, Answered)]++
	}
	if count["3"] != 0 || count["-"] != 0 || count["1"] < 300 || count["2"] < 300 {
		t.Error(count)
	}
}

// Every method passes over what was tried, what is down and what is full, and
// says so when nothing is left.
func TestTried(t *testing.T) {
	for _, method := range []string{"", "least_conn;", "ip_hash;", "hash x;", "hash x consistent;", "random;", "random two;"} {
		p := newPicker(t, method+"server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3 down; server 127.0.0.1:4 max_conns=1; server 127.0.0.1:5;")
		full := p.u.main.peers[3]
		full.conns = 1
		var tried Tried
		seen := map[string]int{}
		for range 3 {
			seen[p.pick(&tried, Answered)]++
		}
		if seen["1"] != 1 || seen["2"] != 1 || seen["5"] != 1 {
			t.Errorf("%q: %v", method, seen)
		}
		if s := p.pick(&tried, Answered); s != "-" {
			t.Errorf("%q: %s was picked again", method, s)
		}
	}
}

func TestPassiveHealth(t *testing.T) {
	p := newPicker(t, "server 127.0.0.1:1 max_fails=2 fail_timeout=10s; server 127.0.0.1:2 backup;")
	first := p.u.main.peers[0]
	for i, want := range []string{"1", "1", "2", "-"} {
		if s := p.pick(&Tried{}, Failed); s != want {
			t.Fatalf("try %d went to %s, want %s", i, s, want)
		}
	}
	first.checked -= 11
	first.accessed -= 11
	if s := p.pick(&Tried{}, Answered); s != "1" {
		t.Errorf("after fail_timeout %s was picked", s)
	}
	if first.fails != 0 {
		t.Error("its failures are not forgotten")
	}
}

func TestSinglePeerIsNeverOut(t *testing.T) {
	p := newPicker(t, "server 127.0.0.1:1;")
	for range 3 {
		if s := p.pick(&Tried{}, Failed); s != "1" {
			t.Fatal(s)
		}
	}
}

func TestZoneKeepsStates(t *testing.T) {
	zones := &phases.Zones{}
	const block = "upstream u { zone z 64k; server 127.0.0.1:1; server 127.0.0.1:2; }"
	var fails [2]*Peer
	for i := range 2 {
		cfg, err := compile(t, block, zones)
		if err != nil {
			t.Fatal(err)
		}
		cfg.KeepZones()
		u := inConfig.Of(cfg).find("u", 0)
		fails[i] = u.main.peers[0]
		if i == 0 {
			u.main.peers[0].conns++
			u.report(u.main.peers[0], Failed)
		}
	}
	if fails[1].fails != 1 || fails[0].peerState != fails[1].peerState {
		t.Error("a new configuration has forgotten the failure")
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"upstream u { }", "no servers are inside upstream"},
		{"upstream u { server 127.0.0.1 weight=0; }", `invalid parameter "weight=0"`},
		{"upstream u { server 127.0.0.1 x; }", `invalid parameter "x"`},
		{"upstream u { server 127.0.0.1:x; }", "invalid port in upstream \"127.0.0.1:x\""},
		{"upstream u { server [::1; }", "invalid host in upstream \"[::1\""},
		{"server { location / { proxy_pass http://; } }", "no host in upstream \"\""},
		{"server { location / { proxy_pass http://unix:; } }", "no path in the unix domain socket in upstream \"unix:\""},
		{"server { proxy_redirect default; }", "\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive"},
		{"server { location / { proxy_redirect default; proxy_pass http://127.0.0.1; } }", "should be placed after"},
		{"server { location / { proxy_pass http://127.0.0.1$uri; proxy_redirect default; } }", "cannot be used with \"proxy_pass\" directive with variables"},
		{"server { proxy_limit_rate x; }", "\"proxy_limit_rate\" directive invalid value"},
		{"server { proxy_store on; proxy_cache x; }", "\"proxy_cache\" directive is incompatible with \"proxy_store\""},
		{"proxy_cache_path c keys_zone=a;", "invalid keys zone size \"keys_zone=a\""},
		{"proxy_cache_path c keys_zone=a:1;", "keys zone \"keys_zone=a:1\" is too small"},
		{"memcached_buffers 8 4k;", "unknown directive \"memcached_buffers\""},
		{"memcached_cache x;", "unknown directive \"memcached_cache\""},
		{"fastcgi_pass_trailers on;", "unknown directive \"fastcgi_pass_trailers\""},
		{"uwsgi_cache_convert_head on;", "unknown directive \"uwsgi_cache_convert_head\""},
		{"scgi_headers_hash_max_size 512;", "unknown directive \"scgi_headers_hash_max_size\""},
		{"upstream u { ip_hash; server 127.0.0.1 backup; }", `balancing method does not support parameter "backup"`},
		{"upstream u { server 127.0.0.1; } upstream u { server 127.0.0.1; }", `duplicate upstream "u"`},
		{"upstream u { server 127.0.0.1; keepalive 2 single; }", "invalid parameter \"single\""},
		{"upstream u { hash x y; server 127.0.0.1; }", `invalid parameter "y"`},
		{"server { location / { proxy_pass ftp://x; } }", "invalid URL prefix"},
		{"server { location ~ x { proxy_pass http://127.0.0.1/a; } }", `"proxy_pass" cannot have URI part in location given by regular expression`},
		{"server { proxy_next_upstream x; }", `invalid value "x"`},
		{"server { proxy_http_version 3; }", `invalid value "3"`},
		{"server { proxy_redirect false; }", `invalid parameter "false", use "off" instead`},
		{"server { location / { uwsgi_pass suwsgi://127.0.0.1:1; uwsgi_ssl_verify on; } }", "no uwsgi_ssl_trusted_certificate for uwsgi_ssl_verify"},
		{"server { location / { proxy_pass https://127.0.0.1; proxy_ssl_verify on; } }", "no proxy_ssl_trusted_certificate for proxy_ssl_verify"},
	} {
		if _, err := compile(t, c.text, nil); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "nginx.conf:1") {
			t.Errorf("%s\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	cfg, err := compile(b, "upstream u { server 127.0.0.1:1; server 127.0.0.1:2; server 127.0.0.1:3; }", nil)
	if err != nil {
		b.Fatal(err)
	}
	w, err := actor.NewWorker(0)
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	u := inConfig.Of(cfg).find("u", 0)
	var r phases.Request
	r.Init(cfg, w, &phases.Client{Since: time.Now()}, nil)
	for b.Loop() {
		var tried Tried
		u.balancer.Report(u.balancer.Pick(&r, &tried), Answered, 0)
	}
}

func FuzzCacheHeader(f *testing.F) {
	h := cacheHeader{valid: 1, body: 2, key: "k", vary: "v", etag: "e", head: "HTTP/1.1 200 OK\r\n\r\n"}
	f.Add(h.encode())
	f.Add([]byte(cacheMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		var h cacheHeader
		n, err := h.decode(b)
		if err != nil {
			return
		}
		var again cacheHeader
		if _, err := again.decode(h.encode()); err != nil || again != h || int64(n) != h.start() {
			t.Errorf("%+v became %+v: %v", h, again, err)
		}
	})
}
