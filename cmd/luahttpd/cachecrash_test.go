package main

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestCacheCrash kills a server again and again while it stores and revalidates
// answers. No run of it serves from its cache what is not a whole answer.
func TestCacheCrash(t *testing.T) {
	const keys = 12
	var version atomic.Int64
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tag := r.Header.Get("If-None-Match")
		if tag != "" && rand.N(3) > 0 {
			w.WriteHeader(304)
			return
		}
		n := version.Add(1)
		body := bytes.Repeat(fmt.Appendf(nil, "%s of version %d\n", r.URL.Path, n), 1000+int(n%7)*2000)
		sum := md5.Sum(body)
		w.Header().Set("ETag", fmt.Sprintf(`"%d"`, n))
		w.Header().Set("X-Sum", hex.EncodeToString(sum[:]))
		w.Header().Set("X-Pad", strings.Repeat("x", int(n%500)))
		for len(body) > 0 {
			k, err := w.Write(body[:min(len(body), 20<<10)])
			if err != nil {
				return
			}
			body = body[k:]
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	}))
	defer peer.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	p := newPrefix(t, `daemon off; worker_processes 2; error_log logs/error.log notice; pid logs/pid; events {} http { access_log off;
		proxy_cache_path cache levels=1:2 keys_zone=z:1m; server { listen `+addr+`; location / { proxy_pass `+peer.URL+`; proxy_cache z; proxy_cache_key $uri;
		proxy_cache_valid 1s; proxy_cache_revalidate on; proxy_cache_bypass $arg_new; add_header X-Cache $upstream_cache_status always; } } }`)
	var hits, cut atomic.Int64
	ask := func(path string) {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(5 * time.Second))
		fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path)
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil { // the server was killed
			cut.Add(1)
			return
		}
		sum := md5.Sum(body)
		if r.StatusCode != 200 || hex.EncodeToString(sum[:]) != r.Header.Get("X-Sum") || !bytes.HasPrefix(body, []byte(strings.TrimSuffix(path, "?new=1"))) {
			t.Errorf("%s: %d, %s of %d bytes: %.40q", path, r.StatusCode, r.Header.Get("X-Cache"), len(body), body)
		}
		if r.Header.Get("X-Cache") == "HIT" {
			hits.Add(1)
		}
	}
	runs := 20
	if testing.Short() {
		runs = 5
	}
	left, stored := 0, int64(0) // files half written, answers found by the next run
	for run := range runs {
		server := p.start("-p", p.dir, "-c", "conf/nginx.conf")
		eventually(t, "it listens", func() bool {
			c, err := net.Dial("tcp", addr)
			if err == nil {
				c.Close()
			}
			return err == nil
		})
		before := hits.Load()
		for i := range keys { // what the last run has left
			ask(fmt.Sprint("/", i))
		}
		if run > 0 {
			stored += hits.Load() - before
		}
		done := make(chan bool)
		var clients sync.WaitGroup
		for range 6 {
			clients.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						ask(fmt.Sprint("/", rand.N(keys), []string{"", "?new=1"}[rand.N(2)]))
					}
				}
			})
		}
		time.Sleep(time.Duration(20+rand.N(80)) * time.Millisecond)
		server.cmd.Process.Signal(syscall.SIGKILL)
		server.wait()
		if out := server.out.String(); out != "" { // with -race
			t.Fatal(out)
		}
		close(done)
		clients.Wait()
		filepath.WalkDir(filepath.Join(p.dir, "cache"), func(path string, _ fs.DirEntry, _ error) error {
			if strings.HasSuffix(path, ".tmp") {
				left++
				os.Remove(path)
			}
			return nil
		})
	}
	t.Logf("%d hits, %d of them at once after a crash; %d answers were cut, %d files half written", hits.Load(), stored, cut.Load(), left)
	if stored == 0 || left == 0 {
		t.Error("nothing was stored, or nothing was being written")
	}
	for _, line := range strings.Split(p.read("logs/error.log"), "\n") {
		if strings.Contains(line, "[crit]") || strings.Contains(line, "[alert]") {
			t.Error(line)
		}
	}
}
