package lua

import (
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// sink is a Stream that keeps what it is sent.
type sink struct {
	phases.Stream
	body []byte
}

func (s *sink) SendHead(*phases.Request) error { return nil }

func (s *sink) Send(_ *phases.Request, c phases.Chunk) error {
	s.body = append(s.body, c.Bytes...)
	return nil
}

func (s *sink) Abort() {}

// bench is a server of one location that a worker runs without a socket.
type bench struct {
	cfg    *phases.Config
	w      *actor.Worker
	r      phases.Request
	client phases.Client
	out    sink
}

// newBench starts a worker for a location with the given directives.
func newBench(t testing.TB, directives string) *bench {
	t.Helper()
	dir := t.TempDir()
	file, err := conf.Parse("nginx.conf", []byte("events {}\nhttp { server { location / { "+directives+"\n} } }"), conf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{}
	b.cfg, err = phases.Compile(file, filepath.Join(dir, "nginx.conf"), phases.Options{
		Modules: []phases.Module{phases.CoreModule, phases.ProcessModule, phases.SSLModule, phases.Postpone, Module},
		Prefix:  dir, Logs: phases.NewLogs(io.Discard)})
	if err != nil {
		t.Fatal(err)
	}
	if b.w, err = actor.NewWorker(0); err != nil {
		t.Fatal(err)
	}
	go b.w.Run()
	t.Cleanup(func() {
		b.on(func() { Module.Stop(b.cfg, b.w) })
		b.w.Close()
	})
	b.on(func() { err = Module.Start(b.cfg, b.w) })
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// on runs f on a coroutine of the worker and waits for it.
func (b *bench) on(f func()) {
	done := make(chan struct{})
	b.w.Post(actor.TaskFunc(func(w *actor.Worker) {
		w.Go(func() {
			defer close(done)
			f()
		})
	}))
	<-done
}

// get answers a request; on a coroutine of the worker.
func (b *bench) get() string {
	b.out.body = b.out.body[:0]
	b.r.Init(b.cfg, b.w, &b.client, &b.out)
	b.r.Server, b.r.Method, b.r.URI, b.r.Major, b.r.Minor = b.cfg.Servers[0], "GET", []byte("/"), 1, 1
	b.r.Run()
	return string(b.out.body)
}

func TestBench(t *testing.T) {
	b := newBench(t, `content_by_lua_block { ngx.say("hi") }`)
	for range 2 {
		b.on(func() {
			if got := b.get(); got != "hi\n" {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestPhaseTable(t *testing.T) {
	seen := map[byte]bool{}
	for p, row := range phaseRows {
		if row.letter == 0 || row.name == "" || seen[row.letter] {
			t.Errorf("phase %d: letter %q, name %q", p, row.letter, row.name)
		}
		seen[row.letter] = true
	}
	if len(anyPhase) != int(phaseCount) {
		t.Errorf("anyPhase has %d of %d phases", len(anyPhase), phaseCount)
	}
}

func TestChunkName(t *testing.T) {
	for _, c := range []struct {
		tag, path, dir string
		line           int
		want           string
	}{
		{"content_by_lua", "/etc/n/nginx.conf", "/etc/n", 13, "=content_by_lua(nginx.conf:13)"},
		{"log_by_lua", "/etc/n/sites/a.conf", "/etc/n", 1, "=log_by_lua(sites/a.conf:1)"},
		{"set_by_lua", "/usr/a.conf", "/etc/n", 7, "=set_by_lua(/usr/a.conf:7)"},
		{"content_by_lua", "/etc/n/" + strings.Repeat("x", 60) + ".conf", "/etc/n", 5, "=content_by_lua(..." + strings.Repeat("x", 33) + ".conf:5)"},
	} {
		got := chunkName(c.tag, c.path, c.dir, c.line)
		if got != c.want || len(got) > nameLimit {
			t.Errorf("%s: %q (%d), want %q", c.path, got, len(got), c.want)
		}
	}
}

func TestExpandPath(t *testing.T) {
	for _, c := range [][2]string{
		{"", "std"}, {"a", "a"}, {"a;;", "a;std"}, {";;a", "std;a"}, {"a;;b", "a;std;b"},
		{"$prefix/?.lua", "/p/?.lua"}, {"${prefix}x;;", "/px;std"},
	} {
		if got := expandPath(c[0], "std", "/p"); got != c[1] {
			t.Errorf("%q: %q, want %q", c[0], got, c[1])
		}
	}
}

func TestPositionEnd(t *testing.T) {
	for _, c := range []struct{ text, rest string }{
		{"content_by_lua(nginx.conf:9):2: ouch", "ouch"}, {"ouch", "ouch"}, {"a: b", "a: b"}, {"x:1: ", ""}, {"x:1a: b", "x:1a: b"},
	} {
		if got := c.text[positionEnd(c.text):]; got != c.rest {
			t.Errorf("%q: %q, want %q", c.text, got, c.rest)
		}
	}
}

func TestSplitURI(t *testing.T) {
	for _, c := range []struct {
		uri, path, args string
		ok              bool
	}{
		{"/a?b=%20", "/a", "b=%20", true}, {"/a%20b", "/a b", "", true}, {"@a?b", "@a", "b", true},
		{"", "", "", false}, {"?a", "", "", false}, {"/../a", "", "", false}, {"/a/..", "", "", false}, {"/a%00", "", "", false},
		{"/a/%2e%2e/b", "", "", false}, {"/a..b/..c", "/a..b/..c", "", true},
	} {
		path, args, ok := splitURI(c.uri)
		if path != c.path || args != c.args || ok != c.ok {
			t.Errorf("%q: %q, %q, %v", c.uri, path, args, ok)
		}
	}
}

func TestEscapeField(t *testing.T) {
	for _, c := range []struct {
		text string
		name bool
		want string
	}{
		{"plain value\t;", false, "plain value\t;"}, {"a\r\nB: c", false, "a%0D%0AB: c"}, {"\x00\x7f", false, "%00%7F"},
		{"X-A", true, "X-A"}, {"a b:c", true, "a%20b%3Ac"},
	} {
		if got := escapeField(c.text, c.name); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// FuzzArgs: what was decoded and encoded decodes to the same.
func FuzzArgs(f *testing.F) {
	for _, seed := range []string{"", "a", "a=", "a=1&a=2&b", "%41+%zz=%", "=x&&a", "a=b=c"} {
		f.Add(seed)
	}
	e := &engine{vm: vm.New(vm.Options{})}
	t := e.vm.NewThread()
	f.Fuzz(func(tt *testing.T, text string) {
		table, _ := e.decodeArgs(text, 0, nil)
		once := e.encodeArgs(t, table)
		again, _ := e.decodeArgs(once, 0, nil)
		if twice := e.encodeArgs(t, again); once != twice {
			tt.Errorf("%q: %q, then %q", text, once, twice)
		}
		if _, err := url.ParseQuery(once); err != nil {
			tt.Errorf("%q: %q: %v", text, once, err)
		}
	})
}
