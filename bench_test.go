package luahttpd

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// BenchmarkServer measures whole exchanges over loopback, client included:
// good for profiles (-cpuprofile) and for comparing commits. bench/bench.py
// compares with nginx.
func BenchmarkServer(b *testing.B) {
	prefix := b.TempDir()
	if err := os.MkdirAll(filepath.Join(prefix, "html"), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(prefix, "html/file1k.txt"), bytes.Repeat([]byte("x"), 1024), 0o644); err != nil {
		b.Fatal(err)
	}
	up := startServer(b, `events {} error_log stderr error; http { keepalive_requests 100000000; server { listen 127.0.0.1:0; location / { return 200 "upstream says hello\n"; } } }`, prefix)
	_, port, _ := net.SplitHostPort(up.Addr().String())
	ts := startServer(b, strings.ReplaceAll(strings.ReplaceAll(`events {} error_log stderr error; http { keepalive_requests 100000000; client_body_buffer_size 256k;
		upstream backend { server UPSTREAM; keepalive 64; }
		server { listen 127.0.0.1:0;
		location = /return { return 200 "hello\n"; }
		location = /hello { content_by_lua_block { ngx.say("hello") } }
		location = /body { content_by_lua_block { ngx.req.read_body(); ngx.say(#ngx.req.get_body_data()) } }
		location = /socket { content_by_lua_block {
			local sock = ngx.socket.tcp()
			assert(sock:connect("127.0.0.1", UPPORT))
			sock:send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			repeat local line = sock:receive() until line == ""
			ngx.print(sock:receive(20))
			sock:setkeepalive()
		} }
		location = /capture { content_by_lua_block { ngx.print(ngx.location.capture("/return").body) } }
		location = /headers { content_by_lua_block { ngx.req.set_header("X-A", "b") ngx.say(ngx.req.get_headers()["User-Agent"]) } }
		location = /proxy { proxy_pass http://backend; }
		location / { }
	} }`, "UPSTREAM", up.Addr().String()), "UPPORT", port), prefix)
	get := func(path string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n\r\n"
	}
	for _, c := range []struct{ name, request string }{
		{"return", get("/return")}, {"hello", get("/hello")}, {"file1k", get("/file1k.txt")}, {"proxy", get("/proxy")},
		{"socket", get("/socket")}, {"capture", get("/capture")}, {"headers", get("/headers")},
		{"body", fmt.Sprintf("POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", 16384, strings.Repeat("x", 16384))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(16)
			b.RunParallel(func(pb *testing.PB) {
				conn, err := net.Dial("tcp", ts.Addr().String())
				if err != nil {
					b.Error(err)
					return
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(time.Minute))
				request, buf := []byte(c.request), make([]byte, 8192)
				for pb.Next() {
					if _, err := conn.Write(request); err != nil {
						b.Error(err)
						return
					}
					if n, err := conn.Read(buf); err != nil || !bytes.HasPrefix(buf[:n], []byte("HTTP/1.1 200")) {
						b.Errorf("%v: %q", err, buf[:n])
						return
					}
				}
			})
		})
	}
}
