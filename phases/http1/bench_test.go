package http1

import (
	"testing"
	"time"
)

var testNow = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

const browserHead = "GET /static/app/main.4f2c9d.js?v=20261120 HTTP/1.1\r\n" +
	"Host: www.example.com\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Connection: keep-alive\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n" +
	"Sec-Fetch-Dest: document\r\n" +
	"Sec-Fetch-Mode: navigate\r\n" +
	"\r\n"

const smallHead = "GET / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"

const responseHead = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/html; charset=utf-8\r\n" +
	"Content-Length: 12345\r\nConnection: keep-alive\r\nETag: \"5f3b-1\"\r\nCache-Control: max-age=3600\r\n\r\n"

func BenchmarkRequest(b *testing.B) {
	for name, raw := range map[string]string{"browser": browserHead, "small": smallHead} {
		b.Run(name, func(b *testing.B) {
			head := []byte(raw)
			var h RequestHead
			b.SetBytes(int64(len(head)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseRequest(head, &h, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A head of 32 KB that arrives byte by byte.
func BenchmarkRequestDripped(b *testing.B) {
	head := []byte("GET / HTTP/1.1\r\nHost: a\r\n")
	for len(head) < 32000 {
		head = append(head, "X-Header: "...)
		for range 4000 {
			head = append(head, 'a')
		}
		head = append(head, "\r\n"...)
	}
	head = append(head, "\r\n"...)
	lim := &Limits{MaxBytes: 40000}
	var h RequestHead
	b.SetBytes(int64(len(head)))
	for b.Loop() {
		for i := 1; i <= len(head); i++ {
			if _, err := ParseRequest(head[:i], &h, lim); err != nil && (err != ErrShort || i == len(head)) {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkResponse(b *testing.B) {
	head := []byte(responseHead)
	var h ResponseHead
	b.SetBytes(int64(len(head)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseResponse(head, &h, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChunked(b *testing.B) {
	body := AppendChunkHeader(nil, 4096)
	body = append(append(body, make([]byte, 4096)...), "\r\n"...)
	body = AppendLastChunk(body, nil)
	var d ChunkedDecoder
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		d.Reset()
		for src := body; !d.Done(); {
			_, n, err := d.Next(src)
			if err != nil {
				b.Fatal(err)
			}
			src = src[n:]
		}
	}
}

func BenchmarkNormalizePath(b *testing.B) {
	for name, raw := range map[string]string{"plain": "/static/app/main.4f2c9d.js", "escaped": "/a%20b/../c//d.html"} {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			in := []byte(raw)
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = NormalizePath(dst[:0], in, true)
			}
		})
	}
}

func BenchmarkAppendResponseHead(b *testing.B) {
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendStatusLine(dst[:0], 200, "")
		dst = AppendField(dst, "Server", "luahttpd")
		dst = append(dst, "Date: "...)
		dst = append(AppendHTTPDate(dst, testNow), "\r\n"...)
		dst = AppendField(dst, "Content-Type", "text/html")
		dst = AppendFieldInt(dst, "Content-Length", 12345)
		dst = append(dst, "\r\n"...)
	}
}
