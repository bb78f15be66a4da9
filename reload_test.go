package luahttpd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

// fileServer is a server whose configuration changes.
type fileServer struct {
	*testServer
	file string
}

func startFile(t *testing.T, text string, opts ...Option) *fileServer {
	t.Helper()
	before := runtime.NumGoroutine()
	f := &fileServer{&testServer{log: &logBuffer{}}, filepath.Join(t.TempDir(), "nginx.conf")}
	f.write(t, text)
	s, err := New(f.file, append([]Option{WithStderr(f.log)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	f.Server = s
	t.Cleanup(func() { f.check(t, before) })
	return f
}

func (f *fileServer) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(f.file, []byte("worker_processes 2; error_log stderr info; events {} http { access_log off;\n"+text+"\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (f *fileServer) reload(t *testing.T, text string) {
	t.Helper()
	f.write(t, text)
	if err := f.Reload(); err != nil {
		t.Fatal(err)
	}
}

// freePorts are ports that nobody listened on a moment ago.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// dialog is a connection that several requests are made on.
type dialog struct {
	net.Conn
	r *bufio.Reader
}

func dial(t *testing.T, a net.Addr) *dialog {
	t.Helper()
	c, err := net.Dial(a.Network(), a.String())
	if err != nil {
		t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(10 * time.Second))
	t.Cleanup(func() { c.Close() })
	return &dialog{c, bufio.NewReader(c)}
}

func (d *dialog) get(t *testing.T, path string) string {
	t.Helper()
	fmt.Fprintf(d, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
	return d.answer(t)
}

func (d *dialog) answer(t *testing.T) string {
	t.Helper()
	resp, err := http.ReadResponse(d.r, nil)
	if err != nil {
		t.Error(err)
		return ""
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

func TestReload(t *testing.T) {
	const version = `lua_shared_dict d 64k; server { listen 127.0.0.1:0;
		location / { return 200 VERSION; }
		location /count { content_by_lua_block { ngx.print((ngx.shared.d:incr("n", 1, 0))) } }
		location /slow { content_by_lua_block { ngx.print("VERSION") ngx.flush(true) ngx.sleep(0.2) ngx.print("VERSION") } } }`
	text := func(v string) string { return strings.ReplaceAll(version, "VERSION", v) }
	f := startFile(t, text("one"))
	idle, slow := dial(t, f.Addr()), dial(t, f.Addr())
	if got := idle.get(t, "/") + idle.get(t, "/count"); got != "one1" {
		t.Fatal(got)
	}
	fmt.Fprint(slow, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	slow.r.Peek(1)
	f.reload(t, text("two"))
	// The idle connection is still there; so is what was counted.
	if got := idle.get(t, "/") + idle.get(t, "/count"); got != "two2" {
		t.Error(got)
	}
	if got := slow.answer(t); got != "oneone" {
		t.Errorf("the request that was under way answers %q", got)
	}
	if got := slow.get(t, "/"); got != "two" {
		t.Errorf("the next one %q", got)
	}
	// A bad one changes nothing, not even the zone that it makes larger.
	f.write(t, strings.Replace(text("three"), "64k", "128k", 1)+" nope;")
	if err := f.Reload(); err == nil || !strings.Contains(err.Error(), `unknown directive "nope" in `+f.file+":") {
		t.Error(err)
	}
	f.reload(t, text("four"))
	if got := fetch(t, f.Addr(), "/") + fetch(t, f.Addr(), "/count"); got != "four3" {
		t.Error(got)
	}
	// One that is not declared any more is forgotten.
	f.reload(t, "server { listen 127.0.0.1:0; return 200 x; }")
	f.reload(t, text("five"))
	if got := fetch(t, f.Addr(), "/count"); got != "1" {
		t.Error(got)
	}
}

func TestReloadSockets(t *testing.T) {
	p := freePorts(t, 2)
	server := func(ports ...int) (text string) {
		for _, port := range ports {
			text += fmt.Sprintf("server { listen 127.0.0.1:%d; return 200 $server_port; }\n", port)
		}
		return text
	}
	f := startFile(t, server(p[0]))
	first, second := f.Addr(), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p[1]}
	idle := dial(t, first)
	idle.get(t, "/")
	count := func() (accepts, fds int) {
		for _, w := range f.workers {
			w.loop.Call(func() { accepts, fds = accepts+len(w.accepts), fds+w.loop.FDs()-w.conns })
		}
		return accepts, fds
	}
	f.reload(t, server(p...))
	if got := fetch(t, second, "/"); got != fmt.Sprint(p[1]) {
		t.Error(got)
	}
	if a, fds := count(); a != 4 || fds != 4 {
		t.Errorf("%d sockets accept, %d descriptors", a, fds)
	}
	f.reload(t, server(p[1]))
	if c, err := net.Dial("tcp", first.String()); err == nil {
		c.Close()
		t.Error("the socket that is not configured any more takes connections")
	}
	if _, err := idle.r.ReadByte(); err != io.EOF {
		t.Errorf("its idle connection: %v", err)
	}
	if a, fds := count(); a != 2 || fds != 2 {
		t.Errorf("%d sockets accept, %d descriptors", a, fds)
	}
	// One that cannot be opened refuses the configuration; those opened with it are closed.
	l, err := net.Listen("tcp", first.String())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	free := freePorts(t, 1)[0]
	f.write(t, server(p[1], free, p[0]))
	if err := f.Reload(); err == nil || err.Error() != fmt.Sprintf("bind() to %s failed (98: Address already in use)", first) {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", free)); err == nil {
		c.Close()
		t.Error("a socket of the refused configuration takes connections")
	}
	if got := fetch(t, second, "/"); got != fmt.Sprint(p[1]) {
		t.Error(got)
	}
}

// TestReloadModules: those of a configuration stop once on each worker, after
// the last request under it; a start that fails takes the reload back.
func TestReloadModules(t *testing.T) {
	var started, retired, stopped, refuse atomic.Int32
	probe := phases.Define(phases.Spec[struct{}]{
		Name: "probe",
		Start: func(_ *phases.Config, w *actor.Worker) error {
			if int32(w.ID()) == refuse.Load()-1 {
				return errors.New("refused")
			}
			started.Add(1)
			return nil
		},
		Retire: func(*phases.Config, *actor.Worker) { retired.Add(1) },
		Stop:   func(*phases.Config, *actor.Worker) { stopped.Add(1) },
	})
	f := startFile(t, "server { listen 127.0.0.1:0; location / { content_by_lua_block { ngx.print(1) ngx.flush(true) ngx.sleep(0.2) } } }",
		WithModules(func(all []phases.Module) []phases.Module { return append(all, probe) }))
	expect := func(what string, a, b, c int32) {
		t.Helper()
		deadline := time.Now().Add(5 * time.Second)
		for started.Load() != a || retired.Load() != b || stopped.Load() != c {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d started, %d retired, %d stopped; want %d, %d, %d", what, started.Load(), retired.Load(), stopped.Load(), a, b, c)
			}
			time.Sleep(time.Millisecond)
		}
	}
	expect("a start", 2, 0, 0)
	c := dial(t, f.Addr())
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	c.r.Peek(1)
	if err := f.Reload(); err != nil {
		t.Fatal(err)
	}
	expect("a reload with a request under way", 4, 2, 1)
	c.answer(t)
	expect("its end", 4, 2, 2)
	refuse.Store(2) // the second worker
	if err := f.Reload(); err == nil || err.Error() != "refused" {
		t.Error(err)
	}
	expect("a reload that fails", 5, 3, 3)
	if got := fetch(t, f.Addr(), "/"); got != "1" {
		t.Error(got)
	}
	refuse.Store(0)
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	expect("the end", 5, 5, 5)
}

// TestReloadDuringHead: a request belongs to the configuration that is there
// when its head is.
func TestReloadDuringHead(t *testing.T) {
	const text = `lua_shared_dict d 64k; server { listen 127.0.0.1:0; client_header_timeout 300ms; location / { content_by_lua_block { ngx.print("VERSION") } } }`
	f := startFile(t, strings.ReplaceAll(text, "VERSION", "one"))
	good, bad, slow, late := dial(t, f.Addr()), dial(t, f.Addr()), dial(t, f.Addr()), dial(t, f.Addr())
	if got := good.get(t, "/") + late.get(t, "/"); got != "oneone" {
		t.Error(got)
	}
	for _, d := range []*dialog{good, bad, slow} {
		io.WriteString(d, "GET / HTTP/1.1\r\nHo")
	}
	for reading := int64(0); reading < 3; time.Sleep(time.Millisecond) {
		reading = f.Stats().Reading
	}
	f.reload(t, strings.ReplaceAll(text, "VERSION", "two"))
	tenures := func() (n int) {
		for _, w := range f.workers {
			w.loop.Call(func() { n += len(w.old) })
		}
		return n
	}
	for deadline := time.Now().Add(5 * time.Second); tenures() > 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	io.WriteString(good, "st: a\r\n\r\n")
	if got := good.answer(t); got != "two" {
		t.Errorf("%q", got)
	}
	io.WriteString(bad, "st a\r\n\r\n")
	if line, err := bad.r.ReadString('\n'); line != "HTTP/1.1 400 Bad Request\r\n" {
		t.Errorf("%q %v", line, err)
	}
	if _, err := slow.r.ReadByte(); err != io.EOF { // it times out
		t.Error(err)
	}
	for _, w := range f.workers {
		w.loop.Call(func() {
			if w.now.requests < 0 {
				t.Errorf("%d requests", w.now.requests)
			}
		})
	}
	// The socket goes while a head is being read.
	io.WriteString(late, "GET / HTTP/1.1\r\nHo")
	for f.Stats().Reading == 0 {
		time.Sleep(time.Millisecond)
	}
	f.reload(t, fmt.Sprintf("server { listen 127.0.0.1:%d; }", freePorts(t, 1)[0]))
	io.WriteString(late, "st: a\r\n\r\n")
	if _, err := late.r.ReadByte(); err != io.EOF {
		t.Error(err)
	}
}

// TestStartFails: what was started is stopped.
func TestStartFails(t *testing.T) {
	var running atomic.Int32
	probe := phases.Define(phases.Spec[struct{}]{
		Name: "probe",
		Start: func(_ *phases.Config, w *actor.Worker) error {
			if w.ID() == 1 {
				panic("a mistake")
			}
			running.Add(1)
			return nil
		},
		Stop: func(*phases.Config, *actor.Worker) { running.Add(-1) },
	})
	s, err := Parse(strings.NewReader("worker_processes 2; events {} error_log stderr; http { server { listen 127.0.0.1:0; } }"), WithStderr(io.Discard),
		WithModules(func(all []phases.Module) []phases.Module { return append(all, probe) }))
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	if err := s.Start(); err == nil || err.Error() != "panic: a mistake" {
		t.Error(err)
	}
	if n := running.Load(); n != 0 {
		t.Errorf("%d run", n)
	}
	for range 200 {
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines are left", n-before)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	f := startFile(t, "server { listen unix:"+path+"; return 200 \"$remote_addr $server_addr [$server_port] [$remote_port]\"; }")
	a := f.Addr()
	if got := fetch(t, a, "/"); got != "unix: unix:"+path+" [] []" {
		t.Error(got)
	}
	f.reload(t, "server { listen unix:"+path+"; return 200 two; }")
	if got := fetch(t, a, "/"); got != "two" {
		t.Error(got)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket's file is left: %v", err)
	}
}

// TestStaleUnixSocket: a file that nobody listens on is in nobody's way, one
// that is no socket is.
func TestStaleUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	start := func() error {
		s, err := Parse(strings.NewReader("events {} error_log stderr; http { server { listen unix:"+path+"; } }"), WithStderr(io.Discard))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.Start()
	}
	if err := start(); err == nil {
		t.Error("it is in use")
	}
	l.Close()
	if err := start(); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(path, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := start(); err == nil {
		t.Error("the file is no socket")
	}
}

func TestWildcard(t *testing.T) {
	p := freePorts(t, 1)[0]
	f := startFile(t, fmt.Sprintf("server { listen %d; return 200 any; } server { listen 127.0.0.1:%d; return 200 here; } server { listen 127.0.0.2:%d; return 200 there; }", p, p, p))
	if n := len(f.sockets); n != 1 {
		t.Errorf("%d sockets", n)
	}
	for ip, want := range map[string]string{"127.0.0.1": "here", "127.0.0.2": "there", "127.0.0.3": "any"} {
		if got := fetch(t, &net.TCPAddr{IP: net.ParseIP(ip), Port: p}, "/"); got != want {
			t.Errorf("%s: %q, want %q", ip, got, want)
		}
	}
}

func TestReopenLogs(t *testing.T) {
	f := startFile(t, "server { listen 127.0.0.1:0; access_log log bare; return 200 x; } log_format bare $uri;")
	log := filepath.Join(filepath.Dir(f.file), "log")
	// The line comes when the response has gone.
	has := func(name, want string) {
		t.Helper()
		deadline := time.Now().Add(5 * time.Second)
		for {
			got, err := os.ReadFile(name)
			if string(got) == want {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: %q %v, want %q", name, got, err, want)
			}
			time.Sleep(time.Millisecond)
		}
	}
	fetch(t, f.Addr(), "/one")
	has(log, "/one\n")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	fetch(t, f.Addr(), "/two")
	has(log+".1", "/one\n/two\n")
	if err := f.ReopenLogs(); err != nil {
		t.Fatal(err)
	}
	fetch(t, f.Addr(), "/three")
	has(log, "/three\n")
	has(log+".1", "/one\n/two\n")
}

// TestReloadLeavesNothing reloads again and again with connections open.
func TestReloadLeavesNothing(t *testing.T) {
	f := startFile(t, `lua_shared_dict d 64k; init_worker_by_lua_block { ngx.timer.every(3600, function() end) }
		upstream u { zone z 64k; server 127.0.0.1:1; keepalive 8; }
		server { listen 127.0.0.1:0; location / { content_by_lua_block { ngx.print(1) } } location /u { proxy_pass http://u; } }`)
	c := dial(t, f.Addr())
	type counts struct{ goroutines, fds, coroutines, tenures int }
	count := func() (n counts) {
		n.goroutines = runtime.NumGoroutine()
		for _, w := range f.workers {
			w.loop.Call(func() {
				n.fds += w.loop.FDs()
				n.coroutines += w.loop.Coroutines()
				n.tenures += len(w.old)
			})
		}
		return n
	}
	var before counts
	for i := range 60 {
		if err := f.Reload(); err != nil {
			t.Fatal(err)
		}
		if got := c.get(t, "/"); got != "1" {
			t.Fatal(got)
		}
		if i == 10 {
			before = count()
		}
	}
	var after counts
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if after = count(); after.goroutines <= before.goroutines && after.fds <= before.fds && after.coroutines <= before.coroutines && after.tenures == 0 {
			return
		}
	}
	t.Errorf("%+v, after 50 more reloads %+v", before, after)
}

// TestCloseDuringReload: a module that does not come to an end of its start
// keeps neither a reload nor the server from ending.
func TestCloseDuringReload(t *testing.T) {
	var starts atomic.Int32
	probe := phases.Define(phases.Spec[struct{}]{
		Name: "probe",
		Start: func(_ *phases.Config, w *actor.Worker) error {
			if starts.Add(1) > 2 {
				w.Current().Park()
			}
			return nil
		},
	})
	f := startFile(t, "server { listen 127.0.0.1:0; return 200 x; }", WithModules(func(all []phases.Module) []phases.Module { return append(all, probe) }))
	ended := make(chan error)
	go func() { ended <- f.Reload() }()
	for starts.Load() < 3 {
		time.Sleep(time.Millisecond)
	}
	if got := fetch(t, f.Addr(), "/"); got != "x" {
		t.Error(got)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("the reload has ended well")
	}
}

// TestListenKinds serves on sockets of every kind at once.
func TestListenKinds(t *testing.T) {
	p := freePorts(t, 4)
	f := startFile(t, fmt.Sprintf(`server { listen 127.0.0.1:%d reuseport backlog=64 so_keepalive=1m::3; listen 127.0.0.1:%d deferred sndbuf=16k rcvbuf=16k;
		listen [::1]:%d; listen [::]:%d ipv6only=off; return 200 "$server_addr $remote_addr"; }`, p[0], p[1], p[2], p[3]))
	if n := len(f.sockets[fmt.Sprintf("127.0.0.1:%d", p[0])].listeners); n != 2 {
		t.Errorf("reuseport: %d sockets for two workers", n)
	}
	for _, c := range []struct {
		ip, want string
		port     int
	}{
		{"127.0.0.1", "127.0.0.1 127.0.0.1", p[0]}, {"127.0.0.1", "127.0.0.1 127.0.0.1", p[1]}, {"::1", "::1 ::1", p[2]},
		{"::1", "::1 ::1", p[3]}, {"127.0.0.1", "127.0.0.1 127.0.0.1", p[3]},
	} {
		for range 8 { // whichever worker takes it
			if got := fetch(t, &net.TCPAddr{IP: net.ParseIP(c.ip), Port: c.port}, "/"); got != c.want {
				t.Errorf("%s port %d: %q, want %q", c.ip, c.port, got, c.want)
			}
		}
	}
	if err := f.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, f.Addr(), "/"); got != "127.0.0.1 127.0.0.1" {
		t.Error(got)
	}
}

// TestReloadShutdownTimeout: connections of before a reload are closed when
// worker_shutdown_timeout has passed, whether they are used or not.
func TestReloadShutdownTimeout(t *testing.T) {
	text := "server { listen 127.0.0.1:0; location / { return 200; } location /slow { echo_sleep 5; echo x; } }"
	f := startFile(t, text)
	f.write(t, text)
	b, err := os.ReadFile(f.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.file, append([]byte("worker_shutdown_timeout 10ms;\n"), b...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Reload(); err != nil {
		t.Fatal(err)
	}
	var conns []net.Conn
	for _, request := range []string{"", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n"} {
		c, err := net.Dial("tcp", f.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(4 * time.Second))
		io.WriteString(c, request)
		conns = append(conns, c)
	}
	if resp, err := http.ReadResponse(bufio.NewReader(conns[1]), nil); err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	for f.Stats().Active < 3 || f.Stats().Writing < 1 {
		time.Sleep(time.Millisecond)
	}
	f.reload(t, text)
	for i, c := range conns {
		if b, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) || len(b) > 0 {
			t.Errorf("connection %d: %q %v", i, b, err)
		}
	}
	if got := f.exchange(t, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 0); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("a new connection: %q", got)
	}
}
