package phases

import (
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
)

// answer is the content handler of these tests: "answer;" in a location.
var answer = Define(Spec[struct{}]{
	Name: "answer",
	Directives: []Directive[struct{}]{
		Set("answer", conf.Location|conf.LocationIf, conf.Exactly(0), func(_ *struct{}, b *Block, s *conf.Stmt) error {
			b.AutoRedirect()
			return b.UseContent(s)
		}),
		Add("set", conf.Server|conf.Location, conf.Exactly(2), func(_ *struct{}, b *Block, s *conf.Stmt) error {
			set, err := b.SettableVariable(s, strings.TrimPrefix(s.Args[0], "$"))
			if err != nil {
				return err
			}
			t, err := b.Template(s, s.Args[1])
			b.AddOp(func(r *Request) Result {
				set(r, t.Append(r, []byte{}))
				return Declined
			})
			return err
		}),
		Add("define", conf.HTTP, conf.Exactly(2), func(_ *struct{}, b *Block, s *conf.Stmt) error {
			t, err := b.Template(s, s.Args[1])
			if err != nil {
				return err
			}
			return b.DefineVariable(s, Variable{Name: strings.TrimPrefix(s.Args[0], "$"), Cache: true,
				Get: func(r *Request, dst []byte) ([]byte, bool) { return t.Append(r, dst), true }})
		}),
	},
	Content: func(r *Request, _ *struct{}) Result { return r.SendBytes([]byte(r.Loc.Name)) },
})

// compile makes a configuration of the statements of an http block.
func compile(t testing.TB, http string) (*Config, error) {
	t.Helper()
	f, err := conf.Parse("test.conf", []byte("events {}\nhttp {\n"+http+"\n}\n"), conf.Options{})
	if err != nil {
		return nil, err
	}
	return Compile(f, "/prefix/test.conf", Options{
		Modules: []Module{CoreModule, ProcessModule, SSLModule, Postpone, answer}, Prefix: "/prefix", Logs: NewLogs(io.Discard),
		ErrorLog: "stderr", Build: Build{Name: "nginx", Version: "1.2.3"},
	})
}

func mustCompile(t testing.TB, http string) *Config {
	t.Helper()
	cfg, err := compile(t, http)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// recorder is a Stream that keeps what it is given.
type recorder struct {
	head    bool
	body    []byte
	aborted bool
}

func (s *recorder) SendHead(r *Request) error { s.head = true; r.SetHeadLength(1); return nil }
func (s *recorder) Send(r *Request, c Chunk) error {
	c, err := c.Load()
	s.body = append(s.body, c.Bytes...)
	return err
}
func (s *recorder) Read([]byte) (int, error) { return 0, io.EOF }
func (s *recorder) Continue() error          { return nil }

func (s *recorder) ReadWithin([]byte, time.Duration) (int, error) { return 0, io.EOF }
func (s *recorder) OnGone(func())                                 {}
func (s *recorder) Gone() bool                                    { return false }
func (s *recorder) Skip() error                                   { return nil }
func (s *recorder) Takeover() (Pipe, error)                       { return nil, io.EOF }
func (s *recorder) Abort()                                        { s.aborted = true }

// request makes a request of the first server block, before any phase.
func request(t testing.TB, cfg *Config, path string) (*Request, *recorder) {
	t.Helper()
	w, err := actor.NewWorker(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	s := &recorder{}
	r := &Request{}
	r.Init(cfg, w, &Client{ID: 7, Addr: netip.MustParseAddrPort("192.0.2.1:1234"), Local: netip.MustParseAddrPort("192.0.2.2:80"),
		Name: "192.0.2.1", Requests: 1, Since: time.Now()}, s)
	r.Server, r.Loc = cfg.Servers[0], cfg.Servers[0].Loc
	r.Method, r.Major, r.Minor = "GET", 1, 1
	uri, args, _ := strings.Cut(path, "?")
	r.URI, r.Args, r.Target = []byte(uri), []byte(args), []byte(path)
	r.RequestLine = []byte("GET " + path + " HTTP/1.1")
	return r, s
}

func TestVerdicts(t *testing.T) {
	cfg := mustCompile(t, `server { listen 127.0.0.1:1; error_page 404 /page;
		location = /ok { answer; }
		location = /page { answer; }
		location = /in { internal; answer; }
	}`)
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/ok", "/ok", 200}, {"/none", "/page", 404}, {"/in", "/page", 404}, {"/none/", "", 403},
	} {
		r, s := request(t, cfg, c.path)
		r.Run()
		if r.Out.Status != c.status || c.body != "" && string(s.body) != c.body || !s.head || s.aborted {
			t.Errorf("%s: %d %q", c.path, r.Out.Status, s.body)
		}
	}
}

// TestCleanups runs all of them, also when one panics.
func TestCleanups(t *testing.T) {
	r, _ := request(t, mustCompile(t, "server { location / { answer; } }"), "/")
	var order []int
	for i := range 3 {
		r.OnEnd(func() {
			order = append(order, i)
			if i == 1 {
				panic("one")
			}
		})
	}
	func() {
		defer func() {
			if v := recover(); v != "one" {
				t.Errorf("recovered %v", v)
			}
		}()
		r.Run()
	}()
	if len(order) != 3 || order[0] != 2 || order[2] != 0 {
		t.Error(order)
	}
}
