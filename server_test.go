package luahttpd

import (
	"bytes"
	"context"
	"errors"
	"net"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// logBuffer is the error log of a server under test.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// testServer is a server that runs for one test. When the test ends it is
// shut down and must have left nothing: no connection, request, descriptor,
// coroutine or goroutine, and no error in its log that was not expected.
type testServer struct {
	*Server
	log *logBuffer
	// expected are texts that lines of level error and above may contain.
	expected []string
}

func startServer(t testing.TB, config, prefix string, opts ...Option) *testServer {
	t.Helper()
	before := runtime.NumGoroutine()
	log := &logBuffer{}
	opts = append([]Option{WithPrefix(prefix), WithStderr(log)}, opts...)
	s, err := Parse(strings.NewReader(config), opts...)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	ts := &testServer{Server: s, log: log}
	t.Cleanup(func() { ts.check(t, before) })
	return ts
}

func (ts *testServer) check(t testing.TB, goroutines int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := ts.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v: %d connections are left", err, ts.left())
	}
	for _, w := range ts.workers {
		for _, tn := range append(w.old, w.now) {
			if tn != nil && tn.requests != 0 {
				t.Errorf("worker %d: %d requests are left", w.loop.ID(), tn.requests)
			}
		}
		if n := w.loop.FDs(); n != 0 {
			t.Errorf("worker %d: %d descriptors are left", w.loop.ID(), n)
		}
		if n := w.loop.Coroutines(); n != 0 {
			t.Errorf("worker %d: %d coroutines are left", w.loop.ID(), n)
		}
	}
	if st := ts.Stats(); st.Active != 0 || st.Reading != 0 || st.Writing != 0 || st.Waiting != 0 {
		t.Errorf("the counters are left at %+v", st)
	}
	for range 200 {
		if runtime.NumGoroutine() <= goroutines {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines are left\n%s", n-goroutines, buf[:runtime.Stack(buf, true)])
	}
	for line := range strings.SplitSeq(ts.log.String(), "\n") {
		if loud.MatchString(line) && !containsAny(line, ts.expected) {
			t.Errorf("unexpected in the log: %s", line)
		}
	}
}

var loud = regexp.MustCompile(`^\S+ \S+ \[(error|crit|alert|emerg)\] `)

func (ts *testServer) left() (n int) {
	for _, w := range ts.workers {
		w.loop.Call(func() { n += w.conns })
	}
	return n
}

func containsAny(line string, texts []string) bool {
	for _, text := range texts {
		if strings.Contains(line, text) {
			return true
		}
	}
	return false
}

// exchange sends payload, in pieces of at most step bytes (0: at once), and
// returns everything that the server sends until it closes or wait says that
// it is enough.
func (ts *testServer) exchange(t testing.TB, payload string, step int) string {
	t.Helper()
	a := ts.Addr()
	c, err := net.DialTimeout(a.Network(), a.String(), 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		for p := payload; p != ""; {
			n := len(p)
			if step > 0 {
				n = min(n, step)
			}
			if _, err := c.Write([]byte(p[:n])); err != nil {
				return
			}
			p = p[n:]
		}
	}()
	var got bytes.Buffer
	if _, err := got.ReadFrom(c); err != nil && got.Len() == 0 && !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading the response: %v", err)
	}
	return got.String()
}
