package upstream_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cached starts a server with a cache below dir whose peer answers with f.
func cached(t *testing.T, dir, loc string, f func(n int, r *http.Request, body string) string) *server {
	p := answering(t, f)
	return serve(t, p, "proxy_cache_path "+dir+" levels=1:2 keys_zone=z:1m;",
		"location / { proxy_pass http://PEER; proxy_cache z; add_header X-Cache $upstream_cache_status always; "+loc+" }")
}

func cacheAnswer(t *testing.T, s *server, path, want, body string) {
	t.Helper()
	_, head, got := split(s.get(t, path))
	if !strings.Contains(head+"\r\n", "\r\nX-Cache: "+want+"\r\n") || body != "" && got != body {
		t.Errorf("%s: want %s %q, got %q\n%s", path, want, body, got, head)
	}
}

// What is stored and for how long follows nginx's rules.
func TestCacheRules(t *testing.T) {
	for _, c := range []struct{ loc, fields, want string }{
		{"", "", "MISS"},
		{"proxy_cache_valid 1m;", "", "HIT"},
		{"proxy_cache_valid 404 1m;", "", "MISS"},
		{"proxy_cache_valid any 1m;", "", "HIT"},
		{"", "Cache-Control: max-age=10\r\n", "HIT"},
		{"", "Cache-Control: max-age=0\r\n", "MISS"},
		{"proxy_cache_valid 1m;", "Cache-Control: no-store\r\n", "MISS"},
		{"proxy_cache_valid 1m; proxy_ignore_headers Cache-Control;", "Cache-Control: no-store\r\n", "HIT"},
		{"proxy_cache_valid 1m;", "Cache-Control: private\r\nX-Accel-Expires: 10\r\n", "HIT"},
		{"proxy_cache_valid 1m;", "X-Accel-Expires: 0\r\n", "MISS"},
		{"proxy_cache_valid 1m;", "Expires: Thu, 01 Jan 1970 00:00:00 GMT\r\n", "MISS"},
		{"", "Expires: Thu, 01 Jan 2060 00:00:00 GMT\r\n", "HIT"},
		{"proxy_cache_valid 1m;", "Set-Cookie: a=b\r\n", "MISS"},
		{"proxy_cache_valid 1m;", "Vary: *\r\n", "MISS"},
		{"proxy_cache_valid 1m; proxy_no_cache 1;", "", "MISS"},
		{"proxy_cache_valid 1m; proxy_cache_bypass 1;", "", "BYPASS"},
		{"proxy_cache_valid 1m; proxy_cache_min_uses 2;", "", "MISS"},
		{"proxy_cache_valid 1m; proxy_cache_methods GET POST;", "", "HIT"},
	} {
		s := cached(t, t.TempDir(), c.loc, func(_ int, r *http.Request, _ string) string {
			return ok + c.fields + "Content-Length: 2\r\n\r\nhi"
		})
		s.get(t, "/x")
		if cacheAnswer(t, s, "/x", c.want, "hi"); t.Failed() {
			t.Fatalf("%s %q\n%s", c.loc, c.fields, s.log)
		}
	}
}

// A stored answer outlives the server; a file that is not whole is not served.
func TestCacheFiles(t *testing.T) {
	dir := t.TempDir()
	var asked atomic.Int32
	answer := func(int, *http.Request, string) string {
		asked.Add(1)
		return ok + "Cache-Control: max-age=100\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	}
	key := "proxy_cache_key $uri;"
	s := cached(t, dir, key, answer)
	cacheAnswer(t, s, "/x", "MISS", "")
	cacheAnswer(t, s, "/x", "HIT", "hello")
	s = cached(t, dir, key, answer)
	cacheAnswer(t, s, "/x", "HIT", "hello")
	if n := asked.Load(); n != 1 {
		t.Errorf("the peer was asked %d times", n)
	}
	// A process that died while it wrote, or a disk, leaves such files.
	for what, damage := range map[string]func(f *os.File, size int64) error{
		"the last byte is missing": func(f *os.File, size int64) error { return f.Truncate(size - 1) },
		"the head is cut":          func(f *os.File, size int64) error { return f.Truncate(60) },
		"it is empty":              func(f *os.File, size int64) error { return f.Truncate(0) },
		"a byte follows":           func(f *os.File, size int64) error { return f.Truncate(size + 1) },
		"the head was not written": func(f *os.File, size int64) error { _, err := f.WriteAt(make([]byte, 100), 0); return err },
		"a byte of the head is bad": func(f *os.File, size int64) error {
			_, err := f.WriteAt([]byte{0xff}, 50)
			return err
		},
	} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			st, err := f.Stat()
			if err != nil {
				return err
			}
			os.WriteFile(path+".00000001.tmp", []byte("what was being written"), 0o600)
			return damage(f, st.Size())
		})
		if err != nil {
			t.Fatal(err)
		}
		n := asked.Load()
		cacheAnswer(t, s, "/x", "MISS", "")
		if cacheAnswer(t, s, "/x", "HIT", "hello"); asked.Load() != n+1 {
			t.Errorf("%s: the peer was asked %d times", what, asked.Load()-n)
		}
	}
}

func TestCacheVary(t *testing.T) {
	s := cached(t, t.TempDir(), "proxy_cache_valid 1m;", func(_ int, r *http.Request, _ string) string {
		return ok + "Vary: X-V\r\nContent-Length: 1\r\n\r\n" + r.Header.Get("X-V")
	})
	for _, c := range []struct{ v, want string }{{"a", "MISS"}, {"b", "MISS"}, {"a", "HIT"}, {"b", "HIT"}, {"c", "MISS"}, {"b", "HIT"}} {
		_, head, body := split(s.raw(t, "GET / HTTP/1.1\r\nHost: x\r\nX-V: "+c.v+"\r\nConnection: close\r\n\r\n"))
		if !strings.Contains(head, "X-Cache: "+c.want) || body != c.v {
			t.Errorf("%s: want %s, got %q\n%s", c.v, c.want, body, head)
		}
	}
}

// A stale answer is served when the peer fails.
func TestCacheStale(t *testing.T) {
	var mode atomic.Value
	mode.Store("ok")
	s := cached(t, t.TempDir(), "proxy_cache_use_stale error updating http_500;", func(_ int, r *http.Request, _ string) string {
		switch mode.Load() {
		case "closed":
			return ""
		case "500":
			return "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"
		}
		return ok + "X-Accel-Expires: @1\r\nContent-Length: 2\r\n\r\n" + mode.Load().(string)
	})
	cacheAnswer(t, s, "/x", "MISS", "ok")
	for _, m := range []string{"closed", "500"} {
		mode.Store(m)
		cacheAnswer(t, s, "/x", "STALE", "ok")
	}
	mode.Store("no")
	cacheAnswer(t, s, "/x", "EXPIRED", "no")
}

// With a lock one request asks the peer and the others wait for its answer.
func TestCacheLock(t *testing.T) {
	var asked atomic.Int32
	s := cached(t, t.TempDir(), "proxy_cache_valid 1m; proxy_cache_lock on;", func(int, *http.Request, string) string {
		asked.Add(1)
		time.Sleep(50 * time.Millisecond)
		return ok + "Content-Length: 2\r\n\r\nhi"
	})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, _, body := split(s.get(t, "/x")); body != "hi" {
				t.Error(body)
			}
		})
	}
	wg.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("the peer was asked %d times", n)
	}
}

func TestCacheRevalidate(t *testing.T) {
	s := cached(t, t.TempDir(), "proxy_cache_revalidate on; proxy_cache_valid 1m;", func(_ int, r *http.Request, _ string) string {
		if tag := r.Header.Get("If-None-Match"); tag != "" {
			return fmt.Sprintf("HTTP/1.1 304 Not Modified\r\nX-Accel-Expires: 100\r\nETag: %s\r\n\r\n", tag)
		}
		return ok + "X-Accel-Expires: @1\r\nETag: \"x\"\r\nContent-Length: 2\r\n\r\nhi"
	})
	cacheAnswer(t, s, "/x", "MISS", "hi")
	cacheAnswer(t, s, "/x", "REVALIDATED", "hi")
	cacheAnswer(t, s, "/x", "HIT", "hi")
}

// An answer to HEAD that is stored as such keeps its length.
func TestCacheHead(t *testing.T) {
	s := cached(t, t.TempDir(), "proxy_cache_valid 1m; proxy_cache_convert_head off; proxy_cache_key $request_method$uri;",
		func(_ int, r *http.Request, _ string) string {
			if r.Method == "HEAD" {
				return ok + "Content-Length: 500\r\n\r\n"
			}
			return ok + "Content-Length: 2\r\n\r\nhi"
		})
	for _, want := range []string{"MISS", "HIT"} {
		_, head, body := split(s.raw(t, "HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
		if !strings.Contains(head, "Content-Length: 500\r\n") || !strings.Contains(head, "X-Cache: "+want) || body != "" {
			t.Errorf("%s, %q", head, body)
		}
		cacheAnswer(t, s, "/x", want, "hi")
	}
}

// A revalidation does not touch an answer that took the place of the old one.
func TestCacheReplacedMeanwhile(t *testing.T) {
	asks, free := make(chan bool), make(chan bool)
	s := cached(t, t.TempDir(), "proxy_cache_key $uri; proxy_cache_revalidate on; proxy_cache_bypass $arg_b; proxy_cache_valid 1m;", func(_ int, r *http.Request, _ string) string {
		switch {
		case r.URL.RawQuery != "":
			return ok + "X-Long: " + strings.Repeat("x", 100) + "\r\nContent-Length: 3\r\n\r\nnew"
		case r.Header.Get("If-None-Match") != "":
			asks <- true
			<-free
			return "HTTP/1.1 304 Not Modified\r\n\r\n"
		}
		return ok + "X-Accel-Expires: @1\r\nETag: \"x\"\r\nContent-Length: 2\r\n\r\nhi"
	})
	cacheAnswer(t, s, "/x", "MISS", "hi")
	var wg sync.WaitGroup
	wg.Go(func() { cacheAnswer(t, s, "/x", "REVALIDATED", "hi") })
	<-asks
	cacheAnswer(t, s, "/x?b=1", "BYPASS", "new")
	free <- true
	wg.Wait()
	cacheAnswer(t, s, "/x", "HIT", "new")
}

// While a stale answer is brought up to date in the background, its client's
// connection goes on; a subrequest does not wait for it either.
func TestCacheBackground(t *testing.T) {
	var asked atomic.Int32
	free := make(chan bool)
	p := answering(t, func(_ int, r *http.Request, _ string) string {
		if asked.Add(1) == 1 {
			return ok + "X-Accel-Expires: @1\r\nETag: \"1\"\r\nContent-Length: 3\r\n\r\nold"
		}
		if r.Header.Get("X-Echo") != "/x?1" || r.Header.Get("If-None-Match") != "\"1\"" {
			t.Errorf("the update asks %v", r.Header)
		}
		<-free
		return ok + "X-Accel-Expires: 100\r\nContent-Length: 3\r\n\r\nnew"
	})
	s := serve(t, p, "proxy_cache_path "+t.TempDir()+" keys_zone=z:1m;", `location / { proxy_pass http://PEER; proxy_cache z;
		proxy_cache_use_stale updating; proxy_cache_background_update on; proxy_cache_revalidate on; proxy_set_header X-Echo $request_uri;
		add_header X-Cache $upstream_cache_status always; add_before_body /sub; addition_types text/plain; }
		location = /sub { return 200 ""; }
		location = /echo { return 200 still; }`)
	cacheAnswer(t, s, "/x?1", "MISS", "old")
	one := "GET /x?1 HTTP/1.1\r\nHost: x\r\n\r\n"
	for range 2 {
		// The second request of the connection is answered while the peer is not.
		got := s.raw(t, one+"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if !strings.Contains(got, "old") || !strings.HasSuffix(got, "still") {
			t.Errorf("got %q", got)
		}
	}
	cacheAnswer(t, s, "/x?1", "UPDATING", "old")
	close(free)
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if strings.HasSuffix(s.get(t, "/x?1"), "new") {
			break
		}
	}
	cacheAnswer(t, s, "/x?1", "HIT", "new")
	if n := asked.Load(); n != 2 {
		t.Errorf("the peer was asked %d times", n)
	}
}

// A purge removes what is stored under a key, for all values of Vary's fields,
// or under all keys that begin with one.
func TestCachePurge(t *testing.T) {
	dir := t.TempDir()
	answer := func(_ int, r *http.Request, _ string) string {
		return ok + "Vary: X-V\r\nContent-Length: 2\r\n\r\nhi"
	}
	loc := "proxy_cache_valid 1m; proxy_cache_key $uri; proxy_cache_purge $arg_none $http_x_purge;"
	s := cached(t, dir, loc, answer)
	get := func(path, v, want string) {
		t.Helper()
		_, head, _ := split(s.raw(t, "GET "+path+" HTTP/1.1\r\nHost: x\r\nX-V: "+v+"\r\nConnection: close\r\n\r\n"))
		if !strings.Contains(head, "X-Cache: "+want) {
			t.Errorf("%s %s: want %s, got\n%s", path, v, want, head)
		}
	}
	purge := func(path string, want int) {
		t.Helper()
		if status, _, _ := split(s.raw(t, "PURGE "+path+" HTTP/1.1\r\nHost: x\r\nX-Purge: 1\r\nConnection: close\r\n\r\n")); status != want {
			t.Errorf("a purge of %s: %d, want %d", path, status, want)
		}
	}
	for _, path := range []string{"/a/1", "/a/2", "/b"} {
		for _, v := range []string{"x", "y"} {
			get(path, v, "MISS")
			get(path, v, "HIT")
		}
	}
	purge("/none", 404)
	purge("/a/1", 204)
	purge("/a/1", 404)
	get("/a/1", "y", "MISS")
	get("/a/1", "x", "MISS")
	get("/a/2", "x", "HIT")
	s = cached(t, dir, loc, answer) // another run finds the files
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if status, _, _ := split(s.raw(t, "PURGE /a/* HTTP/1.1\r\nHost: x\r\nX-Purge: 1\r\nConnection: close\r\n\r\n")); status == 204 {
			break
		}
	}
	time.Sleep(20 * time.Millisecond)
	purge("/a/*", 404)
	get("/a/2", "x", "MISS")
	get("/b", "x", "HIT")
	get("/b", "y", "HIT")
	purge("/b", 204)
	get("/b", "y", "MISS")
}

// What is over a limit is removed, the oldest first, a few files at a time.
func TestCacheLimits(t *testing.T) {
	for _, c := range []struct{ parameters, left string }{
		{"max_size=3k manager_files=2 manager_sleep=1ms", "some"},
		{"min_free=1000000g", "none"},
		{"loader_files=1 loader_sleep=1ms loader_threshold=1ms", "all"},
	} {
		dir := t.TempDir()
		start := func() *server {
			p := answering(t, func(int, *http.Request, string) string {
				return ok + "Content-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000)
			})
			return serve(t, p, "proxy_cache_path "+dir+" keys_zone=z:1m "+c.parameters+";",
				"location / { proxy_pass http://PEER; proxy_cache z; proxy_cache_key $uri; proxy_cache_valid 1m; add_header X-Cache $upstream_cache_status; }")
		}
		s := start()
		for i := range 10 {
			s.get(t, fmt.Sprint("/", i))
		}
		start() // it loads the files and then looks at the limits
		want := map[string]func(n int) bool{
			"none": func(n int) bool { return n == 0 }, "some": func(n int) bool { return n == 2 }, "all": func(n int) bool { return n == 10 },
		}[c.left]
		n := -1
		for deadline := time.Now().Add(3 * time.Second); time.Now().Before(deadline) && !want(n); time.Sleep(5 * time.Millisecond) {
			files, _ := os.ReadDir(dir)
			n = len(files)
		}
		if !want(n) {
			t.Errorf("%s: %d files are left", c.parameters, n)
		}
	}
}
