package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asCommand in the environment makes the test binary the command itself.
const asCommand = "LUAHTTPD_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// prefix is a directory with a configuration.
type prefix struct {
	t   *testing.T
	dir string
}

func newPrefix(t *testing.T, config string) *prefix {
	t.Helper()
	p := &prefix{t, t.TempDir()}
	for _, d := range []string{"conf", "logs", "html"} {
		if err := os.Mkdir(filepath.Join(p.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.write(config)
	return p
}

func (p *prefix) write(config string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "conf/nginx.conf"), []byte(config), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *prefix) read(name string) string {
	b, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil && !os.IsNotExist(err) {
		p.t.Error(err)
	}
	return string(b)
}

func (p *prefix) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// run runs the command to its end.
func (p *prefix) run(args ...string) (out string, status int) {
	p.t.Helper()
	b, err := p.command(args...).CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		p.t.Fatal(err)
	}
	status = 0
	if err != nil {
		status = err.(*exec.ExitError).ExitCode()
	}
	return strings.ReplaceAll(string(b), p.dir, "PREFIX"), status
}

// expect runs the command and compares; want is one line or more.
func (p *prefix) expect(want string, status int, args ...string) {
	p.t.Helper()
	if out, got := p.run(args...); out != want || got != status {
		p.t.Errorf("%s: status %d, %q; want %d, %q", strings.Join(args, " "), got, out, status, want)
	}
}

// process is a command that serves.
type process struct {
	*prefix
	cmd *exec.Cmd
	out lockedBuffer
	end chan error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (p *prefix) start(args ...string) *process {
	p.t.Helper()
	s := &process{prefix: p, cmd: p.command(args...), end: make(chan error, 1)}
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	if err := s.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { s.end <- s.cmd.Wait() }()
	p.t.Cleanup(func() {
		s.cmd.Process.Kill()
	})
	return s
}

// wait waits for the end of the process and its status.
func (s *process) wait() int {
	s.t.Helper()
	select {
	case <-s.end:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(10 * time.Second):
		s.t.Fatalf("it does not end: %s%s", s.out.String(), s.read("logs/error.log"))
		return -1
	}
}

// eventually waits until f says yes.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func (p *prefix) logs(text string) {
	p.t.Helper()
	eventually(p.t, "the log says "+text, func() bool { return strings.Contains(p.read("logs/error.log"), text) })
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func get(port int) string {
	c := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

func config(port int, answer, more string) string {
	return fmt.Sprintf("error_log logs/error.log notice; %s\nevents {}\nhttp { access_log off; server { listen 127.0.0.1:%d; return 200 %s; } }\n", more, port, answer)
}

func TestConfigurationTest(t *testing.T) {
	p := newPrefix(t, config(1, "x", ""))
	const ok = "nginx: the configuration file PREFIX/conf/nginx.conf syntax is ok\nnginx: configuration file PREFIX/conf/nginx.conf test is successful\n"
	p.expect(ok, 0, "-t")
	p.expect(ok, 0, "-p", p.dir, "-t", "-c", "conf/nginx.conf")
	p.expect("", 0, "-tq")
	p.expect(ok, 0, "-t", "-g", "worker_processes 2;")
	if out, status := p.run("-T"); status != 0 || !strings.HasPrefix(out, ok) || !strings.HasSuffix(out, "# configuration file PREFIX/conf/nginx.conf:\n"+p.read("conf/nginx.conf")+"\n") {
		t.Errorf("%d %q", status, out)
	}
	p.expect("nginx: [emerg] open() \"PREFIX/none\" failed (2: No such file or directory)\nnginx: configuration file PREFIX/none test failed\n", 1, "-t", "-c", "none")
	p.write("events {}\nhttp {\n nope;\n}\n")
	const bad = "nginx: [emerg] unknown directive \"nope\" in PREFIX/conf/nginx.conf:3\nnginx: configuration file PREFIX/conf/nginx.conf test failed\n"
	p.expect(bad, 1, "-t")
	p.expect(bad, 1, "-tq")
	p.write("events {}\nhttp { server { listen 127.0.0.1:1;\n location /a { content_by_lua_block {\n x = } }\n location /b { content_by_lua_file none.lua; } } }\n")
	p.expect("nginx: the configuration file PREFIX/conf/nginx.conf syntax is ok\n"+
		"nginx: [warn] failed to load inlined Lua code: content_by_lua(nginx.conf:3):2: unexpected symbol near '<eof>' in PREFIX/conf/nginx.conf:3\n"+
		"nginx: [warn] failed to load external Lua file \"PREFIX/none.lua\": cannot open PREFIX/none.lua: No such file or directory in PREFIX/conf/nginx.conf:5\n"+
		"nginx: configuration file PREFIX/conf/nginx.conf test is successful\n", 0, "-t")
	p.write("events {}\nhttp { init_by_lua_block { error('no') } }\n")
	if out, status := p.run("-t"); status != 1 || !strings.Contains(out, "init_by_lua(nginx.conf:2):1: no\n") || !strings.HasSuffix(out, "test failed\n") {
		t.Errorf("%d %q", status, out)
	}
}

func TestFlags(t *testing.T) {
	p := newPrefix(t, config(1, "x", ""))
	p.expect("nginx version: "+versionText()+"\n", 0, "-v")
	p.expect(buildText(), 0, "-V")
	p.expect("nginx: [emerg] invalid option: \"x\"\n", 1, "-x")
	p.expect("nginx: [emerg] invalid option: \"here\"\n", 1, "here")
	p.expect("nginx: [emerg] option \"-c\" requires file name\n", 1, "-tc")
	p.expect("nginx: invalid option: \"-s nope\"\n", 1, "-s", "nope")
	p.expect("nginx: [error] open() \"PREFIX/logs/nginx.pid\" failed (2: No such file or directory)\n", 1, "-s", "stop")
	if err := os.WriteFile(filepath.Join(p.dir, "logs/nginx.pid"), []byte("x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	p.expect("nginx: [error] invalid PID number \"x\" in \"PREFIX/logs/nginx.pid\"\n", 1, "-s", "reload")
	if out, status := p.run("-h"); status != 0 || !strings.Contains(out, "Usage: luahttpd") {
		t.Errorf("%d %q", status, out)
	}
	p.expect("nginx: [emerg] open() \"PREFIX/none\" failed (2: No such file or directory)\n", 1, "-c", "none")
	p.expect("nginx: [emerg] open() \"PREFIX/none\" failed (2: No such file or directory)\n", 1, "-c", "none", "-e", "stderr")
	if _, err := os.Stat(filepath.Join(p.dir, "stderr")); err == nil {
		t.Error("a file is called stderr")
	}
	p.logs("[emerg]")
}

func TestProcess(t *testing.T) {
	port := freePort(t)
	p := newPrefix(t, config(port, "one", "daemon off;"))
	s := p.start()
	eventually(t, "it serves", func() bool { return get(port) == "one" })
	if got := p.read("logs/nginx.pid"); got != strconv.Itoa(s.cmd.Process.Pid)+"\n" {
		t.Errorf("the pid file has %q", got)
	}
	// A second one finds the address taken.
	p.expect(fmt.Sprintf("nginx: [emerg] bind() to 127.0.0.1:%d failed (98: Address already in use)\n", port), 1, "-g", "pid logs/other.pid;")
	// A good configuration is taken, a bad one is not.
	p.write(config(port, "two", "daemon off;"))
	p.expect("", 0, "-s", "reload")
	eventually(t, "the new configuration", func() bool { return get(port) == "two" })
	p.write(config(port, "three", "daemon off; nope;"))
	s.cmd.Process.Signal(syscall.SIGHUP)
	p.logs("[emerg] " + strconv.Itoa(s.cmd.Process.Pid) + "#0: unknown directive \"nope\" in " + p.dir + "/conf/nginx.conf:1\n")
	if got := get(port); got != "two" {
		t.Errorf("after a bad configuration: %q", got)
	}
	p.expect("nginx: [emerg] unknown directive \"nope\" in PREFIX/conf/nginx.conf:1\n", 1, "-s", "reload")
	p.write(config(port, "four", "daemon off;"))
	// Logs are reopened; what has no meaning is ignored.
	if err := os.Rename(filepath.Join(p.dir, "logs/error.log"), filepath.Join(p.dir, "logs/old.log")); err != nil {
		t.Fatal(err)
	}
	p.expect("", 0, "-s", "reopen")
	eventually(t, "a new log", func() bool { _, err := os.Stat(filepath.Join(p.dir, "logs/error.log")); return err == nil })
	s.cmd.Process.Signal(syscall.SIGUSR2)
	p.logs("signal 12 (SIGUSR2) received, ignored")
	p.expect("", 0, "-s", "quit")
	if status := s.wait(); status != 0 {
		t.Errorf("status %d", status)
	}
	p.logs("gracefully shutting down")
	if got := p.read("logs/nginx.pid"); got != "" {
		t.Errorf("the pid file is left: %q", got)
	}
	if out := s.out.String(); out != "" {
		t.Errorf("it says %q", out)
	}
}

// TestStopWhileQuitting: a graceful end can be cut short.
func TestStopWhileQuitting(t *testing.T) {
	port := freePort(t)
	p := newPrefix(t, fmt.Sprintf(`daemon off; error_log logs/error.log notice; events {} http { access_log off; server { listen 127.0.0.1:%d;
		location / { return 200 x; }
		location /slow { content_by_lua_block { ngx.print(1) ngx.flush(true) ngx.sleep(60) } } } }`, port))
	s := p.start()
	eventually(t, "it serves", func() bool { return get(port) == "x" })
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
	c.Read(make([]byte, 1))
	s.cmd.Process.Signal(syscall.SIGQUIT)
	p.logs("gracefully shutting down")
	select {
	case <-s.end:
		t.Fatal("it did not wait for the request")
	case <-time.After(50 * time.Millisecond):
	}
	s.cmd.Process.Signal(syscall.SIGTERM)
	if status := s.wait(); status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestDaemon(t *testing.T) {
	port := freePort(t)
	p := newPrefix(t, config(port, "one", ""))
	p.expect("", 0) // it returns when the daemon serves
	if got := get(port); got != "one" {
		t.Error(got)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(p.read("logs/nginx.pid")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	p.expect(fmt.Sprintf("nginx: [emerg] bind() to 127.0.0.1:%d failed (98: Address already in use)\n", port), 1)
	p.expect("", 0, "-s", "stop")
	eventually(t, "the daemon ends", func() bool { return p.read("logs/nginx.pid") == "" })
	eventually(t, "and is gone", func() bool { return syscall.Kill(pid, 0) != nil || zombie(pid) })
	p.write("events {} nope;")
	p.expect("nginx: [emerg] unknown directive \"nope\" in PREFIX/conf/nginx.conf:1\n", 1)
}

// TestDaemonStderr: a daemon that logs to the standard error keeps it.
func TestDaemonStderr(t *testing.T) {
	port := freePort(t)
	p := newPrefix(t, strings.Replace(config(port, "one", ""), "logs/error.log", "stderr", 1))
	f, err := os.Create(filepath.Join(p.dir, "err"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := p.command()
	cmd.Stderr = f
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	p.expect("", 0, "-s", "stop")
	eventually(t, "the daemon says why it ends", func() bool { return strings.Contains(p.read("err"), "signal 15 (SIGTERM) received, exiting") })
	eventually(t, "the daemon ends", func() bool { return p.read("logs/nginx.pid") == "" })
}

// zombie tells a process that has ended and that nobody waited for.
func zombie(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(b), ") Z ")
}

func TestLuaFile(t *testing.T) {
	p := newPrefix(t, "")
	for name, text := range map[string]string{"app.lua": `ngx.print("app")`, "bad.lua": `ngx.exit(500)`, "args.lua": `ngx.say("ran")`,
		"main.lua": `local other = require("actor").spawn("other") require("actor").on { call = { request = function(r)
			return 200, nil, require("actor").call(other, "name") end } }`,
		"other.lua": `require("actor").on { call = { name = function() return "an actor" end } }`} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.expect("1\n", 0, "run", "-e", "ngx.say(1)")
	p.expect("ran\n", 0, "run", "args.lua")
	p.expect("", 1, "run", "bad.lua")
	p.expect("luahttpd: run takes a Lua file, or -e and a line of Lua (-h: help)\n", 1, "run")
	p.expect("nginx: [emerg] stat PREFIX/none.lua: no such file or directory\n", 1, "none.lua")
	// The first port is taken: the next free one is.
	if l, err := net.Listen("tcp", fmt.Sprintf(":%d", firstPort)); err == nil {
		defer l.Close()
	}
	for file, answer := range map[string]string{"app.lua": "app", "main.lua": "an actor"} {
		p.serves(file, answer)
	}
}

// serves runs a Lua file and looks whether it answers on a port that is not the first.
func (p *prefix) serves(file, answer string) {
	t := p.t
	s := p.start(file)
	eventually(t, "it says where", func() bool { return strings.Contains(s.out.String(), "press Ctrl-C to stop\n") })
	_, rest, _ := strings.Cut(s.out.String(), "listening on http://")
	addr, _, _ := strings.Cut(rest, "/")
	_, portText, _ := net.SplitHostPort(addr)
	port, _ := strconv.Atoi(portText)
	if port <= firstPort {
		t.Errorf("%s", s.out.String())
	}
	if got := get(port); got != answer {
		t.Error(got)
	}
	s.cmd.Process.Signal(syscall.SIGINT)
	if status := s.wait(); status != 0 {
		t.Errorf("status %d", status)
	}
}
