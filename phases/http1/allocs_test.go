//go:build !race

package http1

import "testing"

// Nothing on the way of a good message allocates once its structs have their room.
func TestAllocs(t *testing.T) {
	var request RequestHead
	var response ResponseHead
	var chunks ChunkedDecoder
	dst := make([]byte, 0, 1024)
	browser, absolute := []byte(browserHead), []byte("GET http://a HTTP/1.1\r\nHost: a\r\nX_y: z\r\n\r\n")
	answer, body := []byte(responseHead), []byte("5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
	path := []byte("/a%20b/../c//d.html")
	for name, work := range map[string]func(){
		"request": func() { ParseRequest(browser, &request, nil) },
		"request in pieces": func() {
			for i := 1; i <= len(browser); i++ {
				ParseRequest(browser[:i], &request, nil)
			}
		},
		"limits":        func() { ParseRequest(browser, &request, &Limits{MaxLine: 1000}) },
		"upstream's":    func() { ParseResponse(answer, &response, &Limits{MaxBytes: 4096}) },
		"absolute form": func() { ParseRequest(absolute, &request, nil) },
		"response":      func() { ParseResponse(answer, &response, nil) },
		"chunked": func() {
			chunks.Reset()
			for src := body; !chunks.Done(); {
				_, n, _ := chunks.Next(src)
				src = src[n:]
			}
		},
		"normalize": func() { NormalizePath(dst, path, true) },
		"escape":    func() { AppendEscaped(dst, path, EscapeURIComponent) },
		"head": func() {
			b := AppendStatusLine(dst, 404, "")
			b = AppendField(b, "Server", "luahttpd")
			b = AppendHTTPDate(b, testNow)
			AppendLastChunk(AppendChunkHeader(b, 4096), nil)
		},
		"date": func() { ParseHTTPDate("Sun, 06 Nov 1994 08:49:37 GMT", testNow) },
	} {
		if n := testing.AllocsPerRun(100, work); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
