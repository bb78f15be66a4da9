package upstream_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// pattern is a body in which every place is different.
func pattern(size int) []byte {
	b := make([]byte, size)
	for i := 0; i+8 <= size; i += 8 {
		binary.LittleEndian.PutUint64(b[i:], uint64(i)*0x9e3779b97f4a7c15)
	}
	return b
}

// A peer that sends faster than the client reads is free when it has sent all;
// the client gets it all the same.
func TestReadAhead(t *testing.T) {
	body := pattern(24 << 20)
	for _, c := range []struct {
		loc, fields   string
		free, spilled bool // while the client does not read
	}{
		{"", "length", true, true},
		{"gzip on; gzip_types *;", "length", true, true},
		{"", "chunked", true, true},
		{"", "", true, true},
		{"proxy_max_temp_file_size 0;", "length", false, false},
		{"proxy_max_temp_file_size 1m;", "chunked", false, true},
		{"proxy_temp_path temp 1 2; proxy_temp_file_write_size 12k; proxy_buffers 4 4k;", "length", true, true},
		{"proxy_buffering off;", "length", false, false},
		{"", "X-Accel-Buffering: no\r\n", false, false},
		{"proxy_buffering off;", "X-Accel-Buffering: yes\r\n", true, true},
		{"proxy_limit_rate 20m;", "length", true, true},
		{"proxy_cache z; proxy_cache_valid 1m; proxy_max_temp_file_size 1m;", "length", true, false},
		{"proxy_cache z; proxy_cache_valid 1m;", "chunked", true, false},
		{"proxy_temp_path /dev/null/x;", "length", false, false},
	} {
		sent := make(chan bool, 1)
		p := startPeer(t, func(_ int, conn net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
				return
			}
			switch c.fields {
			case "chunked":
				fmt.Fprintf(conn, "%sTransfer-Encoding: chunked\r\n\r\n", ok)
				for rest := body; len(rest) > 0; rest = rest[min(len(rest), 70001):] {
					part := rest[:min(len(rest), 70001)]
					fmt.Fprintf(conn, "%x\r\n%s\r\n", len(part), part)
				}
				io.WriteString(conn, "0\r\n\r\n")
			case "length":
				fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n%s", ok, len(body), body)
			default:
				fmt.Fprintf(conn, "%s%s\r\n%s", ok, c.fields, body)
			}
			sent <- true
		})
		s := serve(t, p, "proxy_cache_path "+t.TempDir()+" keys_zone=z:1m;", "location / { proxy_pass http://PEER; "+c.loc+" }")
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n")
		wait := 10 * time.Second
		if !c.free {
			wait = 300 * time.Millisecond
		}
		free := false
		select {
		case <-sent:
			free = true
		case <-time.After(wait):
		}
		if free != c.free {
			t.Errorf("%q %q: the peer is free: %v\n%s", c.loc, c.fields, free, s.log)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%q %q: %v", c.loc, c.fields, err)
		}
		var from io.Reader = resp.Body
		if resp.Header.Get("Content-Encoding") == "gzip" {
			if from, err = gzip.NewReader(from); err != nil {
				t.Fatal(err)
			}
		}
		got, err := io.ReadAll(from)
		if err != nil || !bytes.Equal(got, body) {
			t.Errorf("%q %q: %d bytes came of %d, %v", c.loc, c.fields, len(got), len(body), err)
		}
		conn.Close()
		if spilled := strings.Contains(s.log.String(), "buffered to a temporary file"); spilled != c.spilled {
			t.Errorf("%q %q: spilled: %v", c.loc, c.fields, spilled)
		}
		if strings.Contains(c.loc, "proxy_cache ") {
			if _, _, got := split(s.get(t, "/")); got != string(body) || p.conns.Load() != 1 {
				t.Errorf("%q %q: %d bytes were stored", c.loc, c.fields, len(got))
			}
		}
	}
}

// What a peer sends before it fails reaches a slow client.
func TestReadAheadCut(t *testing.T) {
	body := pattern(12 << 20)
	sent := make(chan bool, 1)
	p := startPeer(t, func(_ int, c net.Conn) {
		http.ReadRequest(bufio.NewReader(c))
		fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", ok, len(body)+1, body)
		sent <- true
	})
	s := serve(t, p, "", "location / { proxy_pass http://PEER; }")
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	<-sent
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(resp.Body); err != io.ErrUnexpectedEOF || !bytes.Equal(got, body) {
		t.Errorf("%d bytes came of %d, %v", len(got), len(body), err)
	}
	if !strings.Contains(s.log.String(), "upstream prematurely closed connection while reading upstream") {
		t.Error(s.log)
	}
}
