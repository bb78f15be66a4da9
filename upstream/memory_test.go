package upstream_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestMemory has 1,000 clients that do not read answers much larger than the
// buffers, and as many whose peers send a byte now and then: what is held for
// each of them is bounded, with filters on the way too.
func TestMemory(t *testing.T) {
	const size = 2 << 20
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 6000 {
		t.Skip("not enough descriptors")
	}
	block := make([]byte, 64<<10) // what no coding makes shorter
	for i := range block {
		block[i] = byte(rand.Uint32())
	}
	var sent atomic.Int64
	p := startPeer(t, func(_ int, c net.Conn) {
		c.SetDeadline(time.Now().Add(time.Minute))
		request := make([]byte, 256)
		n, err := c.Read(request)
		if err != nil {
			return
		}
		fmt.Fprintf(c, "%sContent-Type: text/html\r\nContent-Length: %d\r\n\r\n", ok, size)
		for bytes.HasPrefix(request[:n], []byte("GET /trickle")) {
			if _, err := c.Write(block[:1]); err != nil { // the server has no client any more
				return
			}
			sent.Add(1)
			time.Sleep(100 * time.Millisecond)
		}
		for left := size; left > 0 && err == nil; left -= n {
			n, err = c.Write(block[:min(left, len(block))])
			sent.Add(int64(n))
		}
	})
	const spill = "proxy_max_temp_file_size 64k; "
	for _, c := range []struct {
		name, path, loc string
		clients         int
		most            int64 // KB each
	}{
		{"in buffers", "/", "proxy_max_temp_file_size 0;", 1000, 100},
		{"in a file", "/", spill, 1000, 100},
		{"slow peers", "/trickle", "", 1000, 100},
		{"sub_filter", "/", spill + "sub_filter hello bye; sub_filter_once off;", 1000, 100},
		{"charset", "/", spill + "charset utf-8; source_charset koi8-r;", 1000, 100},
		{"body_filter_by_lua", "/", spill + "body_filter_by_lua_block { ngx.arg[1] = ngx.arg[1] .. 'x' }", 1000, 100},
		{"slow peers and a filter by Lua", "/trickle", "body_filter_by_lua_block { ngx.arg[1] = ngx.arg[1] .. 'x' }", 1000, 100},
		{"gzip", "/", spill + "gzip on; gzip_comp_level 6;", 200, 1500},
		{"gzip and slow peers", "/trickle", "gzip on;", 200, 500},
	} {
		s := serve(t, p, "charset_map koi8-r utf-8 { C0 D18E; }", "location / { proxy_pass http://PEER; proxy_connect_timeout 20s; "+c.loc+" }")
		before := heap()
		conns := make([]net.Conn, c.clients)
		for i := range conns {
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			conns[i] = conn
			conn.(*net.TCPConn).SetReadBuffer(4096)
			fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n", c.path)
		}
		last := sent.Load()
		for range 100 { // until nothing moves, or all trickle
			time.Sleep(100 * time.Millisecond)
			now := sent.Load()
			if now == last || c.path == "/trickle" && now > 5*int64(c.clients) {
				break
			}
			last = now
		}
		held := (heap() - before) / int64(c.clients) >> 10
		t.Logf("%s: %d KB each", c.name, held)
		if held > c.most {
			t.Errorf("%s: %d KB are held for each", c.name, held)
		}
		for _, conn := range conns {
			conn.Close()
		}
		sent.Store(0)
	}
}

// heap is what the program holds, in bytes.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}
