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

// sink is a Stream that takes everything and remembers the last file.
type sink struct {
	phases.Stream
	file *os.File
}

func (s *sink) SendHead(r *phases.Request) error             { r.SetHeadLength(0); return nil }
func (s *sink) Send(r *phases.Request, c phases.Chunk) error { s.file = c.File; return nil }
func (s *sink) Continue() error                              { return nil }
func (s *sink) Skip() error                                  { return nil }
func (s *sink) Abort()                                       {}

// answering returns a function that answers GET uri under the directives of a
// server block, and the server's directory.
func answering(t testing.TB, directives, uri string) (dir string, r *phases.Request, answer func()) {
	t.Helper()
	modules := []phases.Module{phases.CoreModule, phases.ProcessModule, phases.Postpone, Map, Geo, SplitClients, Referer, SecureLink,
		RealIP, Rewrite, LimitReq, LimitConn, Access, AuthBasic, AuthRequest, TryFiles, Mirror, RandomIndex, Index, AutoIndex, Static,
		EmptyGIF, StubStatus, AccessLog}
	dir = t.TempDir()
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
	return dir, r, func() {
		r.Init(cfg, w, client, s)
		r.Server, r.Method, r.URI, r.Major, r.Minor = cfg.Servers[0], "GET", path, 1, 1
		r.Target = path
		r.Run()
	}
}
