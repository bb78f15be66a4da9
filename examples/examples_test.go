// Package examples holds whole configurations, each served by the one command at the head of its
// nginx.conf, and their tests.
package examples

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd"
)

// example is one that runs on free ports.
type example struct {
	*luahttpd.Server
	t   *testing.T
	log *logText
}

type logText struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start serves examples/name; edits are pairs of what to replace in its nginx.conf. At the end the log
// must have no errors but those with one of the words of expected.
func start(t *testing.T, name string, expected []string, edits ...string) *example {
	t.Helper()
	text, err := os.ReadFile(name + "/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	if head := "luahttpd -p examples/" + name + " -c nginx.conf"; !strings.Contains(strings.SplitN(string(text), "\n", 2)[0], head) {
		t.Errorf("the first line does not say %q", head)
	}
	config := strings.NewReplacer(append(edits, "127.0.0.1:8080", "127.0.0.1:0", "worker_processes auto", "worker_processes 2")...).Replace(string(text))
	e := &example{t: t, log: &logText{}}
	if e.Server, err = luahttpd.Parse(strings.NewReader(config), luahttpd.WithPrefix(name), luahttpd.WithStderr(e.log)); err != nil {
		t.Fatal(err)
	}
	if err := e.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := e.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		for _, line := range regexp.MustCompile(`(?m)^.*\[(error|crit|alert|emerg)\].*$`).FindAllString(e.log.String(), -1) {
			if !containsAny(line, expected) {
				t.Error(line)
			}
		}
	})
	return e
}

func containsAny(s string, words []string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// ask sends a request of its own connection and gives status and body.
func (e *example) ask(method, path string) (int, string) {
	e.t.Helper()
	req, err := http.NewRequest(method, "http://"+e.Addr().String()+path, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		e.t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Error(err)
	}
	return resp.StatusCode, string(b)
}

func (e *example) want(method, path string, status int, body string) {
	e.t.Helper()
	if s, b := e.ask(method, path); s != status || b != body {
		e.t.Errorf("%s %s: %d %q, want %d %q", method, path, s, b, status, body)
	}
}

// eventually waits until ok, at most ten seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 2000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it never comes: ", what)
}

// crash ends an actor as too much memory does.
func (e *example) crash(name string) {
	e.t.Helper()
	for _, a := range e.Actors().Actors() {
		if a.Name == name {
			a.Worker().Call(func() { a.Crash("broken") })
			return
		}
	}
	e.t.Errorf("there is no actor %s", name)
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}
