//go:build !race

package handler

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// sink is a Stream that takes everything.
type sink struct{ phases.Stream }

func (s *sink) SendHead(r *phases.Request) error             { r.SetHeadLength(0); return nil }
func (s *sink) Send(r *phases.Request, c phases.Chunk) error { return nil }
func (s *sink) Continue() error                              { return nil }
func (s *sink) Abort()                                       {}

// answering returns a function that answers GET uri under the directives of a
// server block.
func answering(t testing.TB, directives, uri string) (r *phases.Request, answer func()) {
	t.Helper()
	modules := []phases.Module{phases.CoreModule, phases.ProcessModule, phases.Postpone, Map, Geo, SplitClients, Referer, SecureLink,
		RealIP, Rewrite, LimitReq, LimitConn, Access, AuthBasic, AuthRequest, TryFiles, Mirror, RandomIndex, Index, AutoIndex, Static,
		EmptyGIF, StubStatus, AccessLog}
	dir := t.TempDir()
	for _, d := range []string{"html", "logs"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "html", "file.html"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := "events {}\nhttp { limit_req_zone $uri zone=r:1m rate=1000000r/s; limit_conn_zone $uri zone=c:1m;\n" +
		"map $uri $mapped { /a 1; ~^/(.) $1; } server { " + directives + "\n} }"
	file, err := conf.Parse("nginx.conf", []byte(text), conf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	logs := phases.NewLogs(io.Discard)
	t.Cleanup(logs.Close)
	cfg, err := phases.Compile(file, filepath.Join(dir, "nginx.conf"), phases.Options{Modules: modules, Prefix: dir, Logs: logs})
	if err != nil {
		t.Fatal(err)
	}
	w, err := actor.NewWorker(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	r = new(phases.Request)
	s, client, path := &sink{}, &phases.Client{Name: "127.0.0.1"}, []byte(uri)
	return r, func() {
		r.Init(cfg, w, client, s)
		r.Server, r.Method, r.URI, r.Major, r.Minor = cfg.Servers[0], "GET", path, 1, 1
		r.Target = path
		r.Run()
	}
}

var costs = []struct {
	name, directives, uri string
	status                int
	most                  float64
}{
	{"return", "access_log off; location / { return 200 ok; }", "/", 200, 0},
	{"return with a variable", "access_log off; location / { return 200 $uri; }", "/", 200, 1},
	{"redirect", "access_log off; location / { return 301 /x$uri; }", "/", 301, 3},
	{"set and if", "access_log off; location / { set $a b; if ($a = b) { return 204; } }", "/", 204, 3},
	{"rewrite", "access_log off; location / { rewrite ^/a(.*) /b$1; } location /b { return 204; }", "/a/x", 204, 6},
	{"access", "access_log off; location / { allow 127.0.0.1; allow all; return 204; }", "/", 204, 0},
	{"limits", "access_log off; location / { limit_req zone=r burst=1000000 nodelay; limit_conn c 1; empty_gif; }", "/", 200, 10},
	{"map", "access_log off; location / { return 200 $mapped; }", "/a", 200, 4},
	{"file", "access_log off; location / { }", "/file.html", 200, 12},
	{"index", "access_log off; location / { index file.html; }", "/", 200, 20},
	{"try_files", "access_log off; location / { try_files /none $uri =404; }", "/file.html", 200, 25},
	{"access log", "location / { return 200 ok; }", "/", 200, 0},
}

func TestAllocations(t *testing.T) {
	for _, c := range costs {
		r, answer := answering(t, c.directives, c.uri)
		answer()
		if r.Out.Status != c.status {
			t.Errorf("%s: status %d, want %d", c.name, r.Out.Status, c.status)
		}
		if got := testing.AllocsPerRun(100, answer); got > c.most {
			t.Errorf("%s: %.0f allocations, want %.0f", c.name, got, c.most)
		} else {
			t.Logf("%s: %.0f", c.name, got)
		}
	}
}

func BenchmarkHandlers(b *testing.B) {
	for _, c := range costs {
		b.Run(c.name, func(b *testing.B) {
			_, answer := answering(b, c.directives, c.uri)
			b.ReportAllocs()
			for b.Loop() {
				answer()
			}
		})
	}
}
