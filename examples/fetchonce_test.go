package examples

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// origin counts what it is asked for and answers when go is closed.
type origin struct {
	*httptest.Server
	mu    sync.Mutex
	asked map[string]int
	open  chan bool
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.asked[r.URL.Path]++
	n := o.asked[r.URL.Path]
	o.mu.Unlock()
	<-o.open
	if r.URL.Path == "/broken" {
		w.WriteHeader(500)
	}
	fmt.Fprintf(w, "%s %d", r.URL.Path, n)
}

func TestFetchOnce(t *testing.T) {
	o := &origin{asked: map[string]int{}, open: make(chan bool)}
	o.Server = httptest.NewServer(o)
	_, port, _ := strings.Cut(o.Listener.Addr().String(), ":")
	e := start(t, "fetchonce", []string{"connect() failed (111"}, "port=8081", "port="+port, "127.0.0.1:8081", "127.0.0.1:0")
	// The first who asks goes away.
	gone := dial(t, e.Addr().String())
	fmt.Fprint(gone, "GET /gone HTTP/1.0\r\n\r\n")
	eventually(t, "a fetch", func() bool { o.mu.Lock(); defer o.mu.Unlock(); return o.asked["/gone"] == 1 })
	gone.Close()
	var all sync.WaitGroup
	var ready atomic.Int32
	for i := range 300 {
		path, status := []string{"/page", "/broken", "/gone"}[i%3], []int{200, 502, 200}[i%3]
		all.Go(func() {
			ready.Add(1)
			s, body := e.ask("GET", path)
			if s != status || status == 200 && body != path+" 1" {
				t.Errorf("%s: %d %q", path, s, body)
			}
		})
	}
	eventually(t, "all", func() bool { return ready.Load() == 300 })
	time.Sleep(50 * time.Millisecond) // they wait
	close(o.open)
	all.Wait()
	for path, n := range o.asked {
		if n != 1 {
			t.Errorf("%s was fetched %d times", path, n)
		}
	}
	e.want("GET", "/page", 200, "/page 1")
	eventually(t, "an end of the failure", func() bool { // after a second
		status, _ := e.ask("GET", "/broken")
		o.mu.Lock()
		defer o.mu.Unlock()
		return status == 502 && o.asked["/broken"] == 2
	})
	e.want("GET", "/page", 200, "/page 1")
	e.crash("cache")
	eventually(t, "a new cache", func() bool { _, body := e.ask("GET", "/page"); return body == "/page 2" })
	o.Close()
	if status, _ := e.ask("GET", "/none"); status != 502 {
		t.Errorf("%d", status)
	}
	e.want("GET", "/page", 200, "/page 2")
}
