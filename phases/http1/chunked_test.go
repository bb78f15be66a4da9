package http1

import (
	"strings"
	"testing"
)

// decode feeds raw in pieces of the given size: the body, how much was read, and the outcome.
func decode(d *ChunkedDecoder, raw string, size int) (body string, used int, err error) {
	var b strings.Builder
	for used < len(raw) && !d.Done() {
		piece := []byte(raw[used:min(used+size, len(raw))])
		for len(piece) > 0 && !d.Done() {
			data, n, err := d.Next(piece)
			b.Write(data)
			piece = piece[n:]
			used += n
			if err != nil {
				return b.String(), used, err
			}
		}
	}
	return b.String(), used, nil
}

var chunkedTable = []struct {
	name, raw, body string
	status          int // 0 done, -1 incomplete
}{
	{"one", "5\r\nhello\r\n0\r\n\r\n", "hello", 0},
	{"empty", "0\r\n\r\n", "", 0},
	{"upper", "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0},
	{"lower", "a\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0},
	{"leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello", 0},
	{"extension", "5;a=b;c=\"d e\"\r\nhello\r\n0;x\r\n\r\n", "hello", 0},
	{"quoted crlf", "5;a=\"\r\nhello\r\n0\r\n\r\n", "hello", 0},
	{"trailers", "5\r\nhello\r\n0\r\nX-T: 1\r\nX-U: 2\r\n\r\n", "hello", 0},
	{"trailer like a request", "0\r\nX:POST / HTTP/1.1\r\n\r\n", "", 0},
	{"trailer length", "0\r\nContent-Length: 50\r\n\r\n", "", 400},
	{"trailer host", "0\r\nHost: evil\r\n\r\n", "", 400},
	{"trailer without colon", "0\r\nbad trailer\r\n\r\n", "", 400},
	{"trailer lf", "0\r\nA: b\n\r\n", "", 400},
	{"trailer fold", "0\r\nA: b\r\n c\r\n\r\n", "", 400},
	{"trailers of 9000", "0\r\nX: " + strings.Repeat("a", 9000) + "\r\n\r\n", "", 400},
	{"101 trailers", "0\r\n" + strings.Repeat("X: a\r\n", 101) + "\r\n", "", 400},
	{"then a request", "0\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "", 400},
	{"0x", "0x5\r\nhello\r\n0\r\n\r\n", "", 400},
	{"plus", "+5\r\nhello\r\n0\r\n\r\n", "", 400},
	{"minus", "-5\r\nhello\r\n0\r\n\r\n", "", 400},
	{"underscore", "0_5\r\nhello\r\n0\r\n\r\n", "", 400},
	{"space before", " 5\r\nhello\r\n0\r\n\r\n", "", 400},
	{"space behind", "5 \r\nhello\r\n0\r\n\r\n", "", 400},
	{"no size", "\r\nhello\r\n0\r\n\r\n", "", 400},
	{"only extension", ";a\r\nhello\r\n0\r\n\r\n", "", 400},
	{"not hex", "G\r\nhello\r\n0\r\n\r\n", "", 400},
	{"suffix", "5xyz\r\nhello\r\n0\r\n\r\n", "", 400},
	{"nul", "5\x00\r\nhello\r\n0\r\n\r\n", "", 400},
	{"vt", "5\x0b\r\nhello\r\n0\r\n\r\n", "", 400},
	{"2^64+5", "10000000000000005\r\nhello\r\n0\r\n\r\n", "", 400},
	{"2^64-1", "FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", "", 400},
	{"2^63-1", "7FFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", "", 400},
	{"2^60", "1000000000000000\r\nhello\r\n0\r\n\r\n", "", 400},
	{"2^60-1", "FFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n", "hello\r\n0\r\n\r\n", -1},
	{"2^32+5", "100000005\r\nhello\r\n0\r\n\r\n", "hello\r\n0\r\n\r\n", -1},
	{"point", "5.0\r\nhello\r\n0\r\n\r\n", "", 400},
	{"quoted", "\"5\"\r\nhello\r\n0\r\n\r\n", "", 400},
	{"size lf", "5\nhello\r\n0\r\n\r\n", "", 400},
	{"size cr", "5\rhello\r\n0\r\n\r\n", "", 400},
	{"size cr cr lf", "5\r\r\nhello\r\n0\r\n\r\n", "", 400},
	{"extension cr", "5;a\rb\r\nhello\r\n0\r\n\r\n", "", 400},
	{"extension lf", "5;\nhello\r\n0\r\n\r\n", "", 400},
	{"extension nul", "5;a\x00\r\nhello\r\n0\r\n\r\n", "", 400},
	{"data too long", "5\r\nhelloXX0\r\n\r\n", "hello", 400},
	{"data and no crlf", "5\r\nhelloXX\r\n0\r\n\r\n", "hello", 400},
	{"data end lf", "5\r\nhello\n0\r\n\r\n", "hello", 400},
	{"data end cr x", "5\r\nhello\rX0\r\n\r\n", "hello", 400},
	{"extra crlf", "5\r\nhello\r\n\r\n0\r\n\r\n", "hello", 400},
	{"last crlf as xx", "0\r\nXX\r\n\r\n", "", 400},
	{"last lf", "0\n\n", "", 400},
	{"end lf", "0\r\n\n", "", 400},
	{"end cr x", "0\r\n\rX", "", 400},
	{"size line of 1 MB", "5;" + strings.Repeat("a", 1<<20), "", 400},
	{"zeros without end", strings.Repeat("0", 2000), "", 400},
	{"much framing", strings.Repeat("1;"+strings.Repeat("e", 64)+"\r\nx\r\n", 2000) + "0\r\n\r\n", strings.Repeat("x", 342), 400},
	{"small chunks", strings.Repeat("1\r\nx\r\n", 20000) + "0\r\n\r\n", strings.Repeat("x", 20000), 0},
	{"no last", "5\r\nhello\r\n", "hello", -1},
	{"cut", "5\r\nhel", "hel", -1},
}

func TestChunked(t *testing.T) {
	for _, c := range chunkedTable {
		for _, size := range []int{1 << 30, 7, 1} {
			var d ChunkedDecoder
			body, used, err := decode(&d, c.raw, size)
			got := status(err)
			if err == nil && !d.Done() {
				got = -1
			}
			if got != c.status || body != c.body && c.status <= 0 || !strings.HasPrefix(c.body, body) && c.name != "much framing" {
				t.Errorf("%s in pieces of %d: %v %q, want %d %q", c.name, size, err, body, c.status, c.body)
			}
			if got == 0 && used != len(c.raw) {
				t.Errorf("%s in pieces of %d: read %d of %d", c.name, size, used, len(c.raw))
			}
		}
	}
}

func TestChunkedStopsAtItsEnd(t *testing.T) {
	var d ChunkedDecoder
	for range 2 {
		raw := "5;x\r\nhello\r\n0\r\nA: 1\r\nB:2 \r\n\r\n"
		body, used, err := decode(&d, raw+"GET / HTTP/1.1\r\n", 1<<30)
		if err != nil || body != "hello" || used != len(raw) || len(d.Trailers) != 2 || string(d.Trailers[1].Value) != "2" {
			t.Errorf("%q %d %v %q", body, used, err, d.Trailers)
		}
		if data, n, err := d.Next([]byte("more")); data != nil || n != 0 || err != nil {
			t.Errorf("behind the end: %q %d %v", data, n, err)
		}
		d.Reset()
	}
}

// A broken body stays broken, whatever follows, and is never done.
func TestChunkedErrorsStay(t *testing.T) {
	for _, c := range chunkedTable {
		if c.status != 400 {
			continue
		}
		var d ChunkedDecoder
		decode(&d, c.raw, 1<<30)
		if _, _, err := d.Next([]byte("0\r\n\r\n")); err == nil || d.Done() {
			t.Errorf("%s: goes on: %v, done %v", c.name, err, d.Done())
		}
	}
}

func TestChunkLeft(t *testing.T) {
	var d ChunkedDecoder
	if _, n, err := d.Next([]byte("ffff\r\n")); n != 6 || err != nil || d.Left() != 0xffff {
		t.Errorf("%d %v, left %d", n, err, d.Left())
	}
}

func TestAppendChunks(t *testing.T) {
	b := AppendChunkHeader(nil, 26)
	b = append(b, strings.Repeat("x", 26)+"\r\n"...)
	b = AppendLastChunk(b, []Field{{[]byte("A"), []byte("b\r\nc")}})
	if want := "1a\r\n" + strings.Repeat("x", 26) + "\r\n0\r\nA: b  c\r\n\r\n"; string(b) != want {
		t.Errorf("%q", b)
	}
}
