package luahttpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// fetch gets a path of an address, on a connection of its own.
func fetch(t testing.TB, a net.Addr, path string) string {
	t.Helper()
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true,
		Dial: func(string, string) (net.Conn, error) { return net.Dial(a.Network(), a.String()) }}}
	resp, err := c.Get("http://localhost" + path)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// TestServe serves listeners of the program, two at once.
func TestServe(t *testing.T) {
	s, err := Parse(strings.NewReader("events {} error_log stderr; http { server { listen 127.0.0.1:0; return 200 $server_addr; } }"), WithStderr(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	var ls []net.Listener
	for _, network := range []string{"tcp", "unix"} {
		addr := "127.0.0.1:0"
		if network == "unix" {
			addr = filepath.Join(t.TempDir(), "s")
		}
		l, err := net.Listen(network, addr)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ls = append(ls, l)
		go func() { ended <- s.Serve(l) }()
	}
	if got := fetch(t, ls[0].Addr(), "/"); got != "127.0.0.1" {
		t.Errorf("%q", got)
	}
	if got := fetch(t, ls[1].Addr(), "/"); !strings.HasPrefix(got, "unix:") {
		t.Errorf("%q", got)
	}
	if err := s.Attach(ls[0]); err == nil || !strings.Contains(err.Error(), "is served already") {
		t.Error(err)
	}
	if err := s.Reload(); err != nil { // they stay
		t.Fatal(err)
	}
	if got := fetch(t, ls[0].Addr(), "/"); got != "127.0.0.1" {
		t.Errorf("after a reload: %q", got)
	}
	if n := len(s.Addrs()); n != 3 {
		t.Errorf("%d addresses: %v", n, s.Addrs())
	}
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range ls {
		if err := <-ended; err != ErrClosed {
			t.Error(err)
		}
	}
	for name, err := range map[string]error{"Start": s.Start(), "Serve": s.Serve(ls[0]), "Reload": s.Reload(), "Attach": s.Attach(ls[0])} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after the end: %v", name, err)
		}
	}
	if err := errors.Join(s.Close(), s.Shutdown(context.Background())); err != nil {
		t.Error(err)
	}
}

func TestServeMistakes(t *testing.T) {
	s, err := Parse(strings.NewReader("events {} http {}"), WithStderr(io.Discard), WithPrefix(t.TempDir()), WithErrorLog("stderr"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(pipeListener{}); err == nil || !strings.Contains(err.Error(), "has no descriptor") {
		t.Error(err)
	}
	if s.Addr() != nil {
		t.Error(s.Addr())
	}
	if err := s.Close(); err != nil { // it never ran
		t.Error(err)
	}
	if err := s.Wait(); err != ErrClosed {
		t.Error(err)
	}
}

type pipeListener struct{ net.Listener }

// TestTwoServers run in one process and do not know of each other.
func TestTwoServers(t *testing.T) {
	const text = `events {} error_log stderr; http { lua_shared_dict d 64k; server { listen 127.0.0.1:0;
		location / { content_by_lua_block { ngx.print((ngx.shared.d:incr("n", 1, 0))) } } } }`
	one, two := startServer(t, text, t.TempDir()), startServer(t, text, t.TempDir())
	if a, b, c := fetch(t, one.Addr(), "/"), fetch(t, one.Addr(), "/"), fetch(t, two.Addr(), "/"); a != "1" || b != "2" || c != "1" {
		t.Error(a, b, c)
	}
	if one.Stats().Requests != 2 || two.Stats().Requests != 1 {
		t.Error(one.Stats(), two.Stats())
	}
}

// TestAddressInUse: it can be told from other failures, and the server may be
// started again.
func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := Parse(strings.NewReader(fmt.Sprintf("events {} error_log stderr; http { server { listen 127.0.0.1:0; } server { listen %s; } }", l.Addr())), WithStderr(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.Start()
	if want := fmt.Sprintf("bind() to %s failed (98: Address already in use)", l.Addr()); err == nil || err.Error() != want || !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("%v, want %s", err, want)
	}
	l.Close()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
}

func TestLogger(t *testing.T) {
	var mu sync.Mutex
	var b bytes.Buffer
	w := writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return b.Write(p)
	})
	ts := startServer(t, `events {} error_log stderr crit; http { server { listen 127.0.0.1:0;
		location / { content_by_lua_block { ngx.log(ngx.WARN, "a word") ngx.log(ngx.DEBUG, "nothing") ngx.print(1) } } } }`, t.TempDir(),
		WithLogger(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))))
	fetch(t, ts.Addr(), "/")
	mu.Lock()
	defer mu.Unlock()
	if got := b.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "a word") || strings.Contains(got, "nothing") {
		t.Error(got)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// greeting is a module of an embedding program.
var greeting = phases.Define(phases.Spec[struct{ text string }]{
	Name: "greeting",
	Directives: []phases.Directive[struct{ text string }]{
		phases.Set("greet", conf.Location, conf.Exactly(1), func(own *struct{ text string }, b *phases.Block, s *conf.Stmt) error {
			own.text = s.Args[0]
			return b.UseContent(s)
		}),
	},
	Variables: []phases.Variable{{Name: "greeting", Get: func(r *phases.Request, dst []byte) ([]byte, bool) { return append(dst, "variable"...), true }}},
	Content: func(r *phases.Request, own *struct{ text string }) phases.Result {
		return r.SendBytes([]byte("hello, " + own.text))
	},
})

func TestWithModules(t *testing.T) {
	ts := startServer(t, `events {} error_log stderr; http { server { listen 127.0.0.1:0; location / { greet you; } location /v { return 200 $greeting; } } }`, t.TempDir(),
		WithModules(func(all []phases.Module) []phases.Module { return append(all, greeting) }))
	if a, b := fetch(t, ts.Addr(), "/"), fetch(t, ts.Addr(), "/v"); a != "hello, you" || b != "variable" {
		t.Error(a, b)
	}
	if _, err := Parse(strings.NewReader("events {} http { server { location / { greet you; return 200 x; proxy_pass http://127.0.0.1:1; } } }"), WithStderr(io.Discard),
		WithModules(func(all []phases.Module) []phases.Module { return append(all, greeting) })); err == nil || !strings.Contains(err.Error(), `"proxy_pass" conflicts with "greet"`) {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "conf/nginx.conf")
	if err := os.WriteFile(file, []byte("events {} http { server { return 200 $document_root; } }"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := New(file, WithDirectives("worker_processes 3;"), WithErrorLog("err.log"), WithDefaultPort(8123))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cfg := s.Config()
	if cfg.Prefix != dir || cfg.Process.Workers != 3 || cfg.Listens[0].String() != "0.0.0.0:8123" {
		t.Errorf("%s %d %s", cfg.Prefix, cfg.Process.Workers, cfg.Listens[0])
	}
	if _, err := os.Stat(filepath.Join(dir, "err.log")); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		"events {} http { nope; }":        `unknown directive "nope" in `,
		"events {":                        "unexpected end of file",
		"http { server { listen x:y; } }": "invalid port",
	} {
		if _, err := Parse(strings.NewReader(text), WithStderr(io.Discard), WithPrefix(dir)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir+"/nginx.conf:1") {
			t.Errorf("%s: %v", text, err)
		}
	}
	var b bytes.Buffer
	if err := Dump(file, &b); err != nil || !strings.Contains(b.String(), "# configuration file "+file) {
		t.Error(b.String(), err)
	}
}

// TestShutdown has requests under way when the server ends.
func TestShutdown(t *testing.T) {
	text := func(timeout string) string {
		return `events {} ` + timeout + ` error_log stderr; http { server { listen 127.0.0.1:0;
		location / { content_by_lua_block { ngx.print("a") ngx.flush(true) ngx.sleep(tonumber(ngx.var.arg_for)) ngx.print("b") } } } }`
	}
	start := func(t *testing.T, timeout, pause string) (*testServer, chan string) {
		ts := startServer(t, text(timeout), t.TempDir())
		got := make(chan string, 1)
		c, err := net.Dial("tcp", ts.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(c, "GET /?for=%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", pause)
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		go func() {
			rest, _ := io.ReadAll(c)
			c.Close()
			got <- string(b[:n]) + string(rest)
		}()
		return ts, got
	}
	t.Run("it waits", func(t *testing.T) {
		ts, got := start(t, "", "0.1")
		if err := ts.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if s := <-got; !strings.HasSuffix(s, "\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n") {
			t.Errorf("%q", s)
		}
	})
	t.Run("as long as it may", func(t *testing.T) {
		ts, got := start(t, "", "60")
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if err := ts.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Error(err)
		}
		if s := <-got; !strings.HasSuffix(s, "\r\n\r\n1\r\na\r\n") {
			t.Errorf("%q", s)
		}
	})
	t.Run("as long as worker_shutdown_timeout", func(t *testing.T) {
		ts, got := start(t, "worker_shutdown_timeout 50ms;", "60")
		if err := ts.Shutdown(context.Background()); err != context.DeadlineExceeded {
			t.Error(err)
		}
		<-got
	})
	t.Run("until Close", func(t *testing.T) {
		ts, got := start(t, "", "60")
		ended := make(chan error)
		go func() { ended <- ts.Shutdown(context.Background()) }()
		for going := true; going; {
			ts.mu.Lock()
			going = ts.state == running
			ts.mu.Unlock()
		}
		if err := ts.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != context.Canceled {
			t.Error(err)
		}
		<-got
		if err := ts.Wait(); err != ErrClosed {
			t.Error(err)
		}
	})
}
