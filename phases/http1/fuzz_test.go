package http1

import (
	"bytes"
	"strings"
	"testing"
)

// feed gives a parser growing copies of b: cuts tells where they end.
func feed(b, cuts []byte, parse func([]byte) (int, error)) (n int, err error) {
	end := 0
	for _, cut := range cuts {
		end += int(cut) % 40
		if end >= len(b) {
			break
		}
		if n, err = parse(bytes.Clone(b[:end])); err != ErrShort {
			return n, err
		}
	}
	return parse(bytes.Clone(b))
}

// FuzzRequest: any split gives the same result, and what is accepted is what was read.
func FuzzRequest(f *testing.F) {
	for i, c := range requestTable {
		if len(c.raw) < 4096 {
			f.Add([]byte(c.raw), []byte{byte(i), 1, 5, byte(i / 2), 0, 30}, i%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, b, cuts []byte, loose bool) {
		lim := &Limits{MaxHeaders: 20, MaxLine: 200, MaxBytes: 1000, IgnoreInvalid: !loose, AllowUnderscores: loose, HTTP09: loose}
		var whole, pieces RequestHead
		n, err := ParseRequest(b, &whole, lim)
		m, pieceErr := feed(b, cuts, func(b []byte) (int, error) { return ParseRequest(b, &pieces, lim) })
		if min(status(err), 1) != min(status(pieceErr), 1) || n != m { // of two errors the first to be seen counts
			t.Fatalf("at once %d %v, in pieces %d %v", n, err, m, pieceErr)
		}
		if err != nil {
			return
		}
		if !sameRequest(&whole, &pieces) {
			t.Fatalf("at once %+v, in pieces %+v", whole, pieces)
		}
		checkRequest(t, b[:n], &whole)
	})
}

// checkRequest holds a head against what a simple reader makes of the same bytes.
func checkRequest(t *testing.T, raw []byte, h *RequestHead) {
	t.Helper()
	if h.Bytes != len(raw) || h.Major == 1 && h.Minor > 0 && len(h.Host) == 0 || h.Chunked && h.ContentLength >= 0 {
		t.Fatalf("%q: %+v", raw, h)
	}
	if h.Major == 0 {
		return
	}
	if !bytes.HasSuffix(raw, []byte("\n\r\n")) && !bytes.HasSuffix(raw, []byte("\n\n")) {
		t.Fatalf("head ends in %q", raw[max(0, len(raw)-4):])
	}
	text := strings.ReplaceAll(strings.TrimLeft(string(raw), "\r\n"), "\r\n", "\n")
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if strings.ContainsAny(text, "\r\x00") || lines[0] != string(h.Line) || len(lines)-1 != len(h.Fields)+h.Dropped {
		t.Fatalf("%q: %d lines, %d fields, %d dropped", raw, len(lines), len(h.Fields), h.Dropped)
	}
	for _, f := range h.Fields {
		if len(f.Name) == 0 || bytes.ContainsAny(f.Name, " \t:\r\n\x00") || bytes.ContainsAny(f.Value, "\r\n\x00") || len(trim(f.Value)) != len(f.Value) {
			t.Fatalf("field %q: %q", f.Name, f.Value)
		}
	}
	if len(h.Path) == 0 || h.Path[0] != '/' || bytes.ContainsAny(h.Target, " \r\n\x00") || bytes.ContainsAny(h.Path, "?#") {
		t.Fatalf("target %q path %q", h.Target, h.Path)
	}
}

func FuzzResponse(f *testing.F) {
	for i, c := range responseTable {
		if len(c.raw) < 4096 {
			f.Add([]byte(c.raw), []byte{byte(i), 1, 5, byte(i / 2), 0, 30}, i%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, b, cuts []byte, cgi bool) {
		lim := &Limits{MaxHeaders: 20, MaxLine: 200, MaxBytes: 1000}
		parse := ParseResponse
		if cgi {
			parse = ParseCGI
		}
		var whole, pieces ResponseHead
		n, err := parse(b, &whole, lim)
		m, pieceErr := feed(b, cuts, func(b []byte) (int, error) { return parse(b, &pieces, lim) })
		if min(status(err), 1) != min(status(pieceErr), 1) || n != m { // of two errors the first to be seen counts
			t.Fatalf("at once %d %v, in pieces %d %v", n, err, m, pieceErr)
		}
		if err != nil {
			return
		}
		if whole.Status < 100 || whole.Status > 999 || whole.Bytes != n || whole.Chunked && whole.ContentLength >= 0 || len(whole.Fields) != len(pieces.Fields) ||
			!bytes.Equal(whole.StatusLine, pieces.StatusLine) || whole.KeepAlive != pieces.KeepAlive || whole.ContentLength != pieces.ContentLength {
			t.Fatalf("at once %+v, in pieces %+v", whole, pieces)
		}
		for i, field := range whole.Fields {
			if !bytes.Equal(field.Name, pieces.Fields[i].Name) || !bytes.Equal(field.Value, pieces.Fields[i].Value) || bytes.ContainsAny(field.Value, "\r\n\x00") {
				t.Fatalf("field %q: %q", field.Name, field.Value)
			}
		}
	})
}

// FuzzChunked: any split gives the same body, end and outcome.
func FuzzChunked(f *testing.F) {
	for i, c := range chunkedTable {
		if len(c.raw) < 4096 {
			f.Add([]byte(c.raw), uint8(i%9+1))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint8) {
		limits := ChunkedDecoder{MaxLine: 50, MaxOverhead: 200, MaxTrailer: 100, MaxTrailers: 5}
		whole, pieces := limits, limits
		body, used, err := decode(&whole, string(b), 1<<30)
		body2, used2, err2 := decode(&pieces, string(b), int(size)+1)
		if body != body2 || err == nil && used != used2 || err != err2 || whole.Done() != pieces.Done() {
			t.Fatalf("at once %q %d %v, in pieces %q %d %v", body, used, err, body2, used2, err2)
		}
		if len(whole.Trailers) != len(pieces.Trailers) {
			t.Fatalf("at once %q, in pieces %q", whole.Trailers, pieces.Trailers)
		}
		if whole.Done() && !bytes.HasSuffix(b[:used], []byte("\r\n")) {
			t.Fatalf("%q is done", b[:used])
		}
	})
}

// FuzzNormalizePath: the result is below the root, has no dot segments, and is stable under a
// second pass when it holds nothing that decodes.
func FuzzNormalizePath(f *testing.F) {
	for _, s := range []string{"/", "/a/../b", "/a//b/./c/..", "/%2e%2e/", "/a%2f..%2F%2e", "/..", "/a?b", "/a#b", "/%00", "/%"} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, merge bool) {
		before := bytes.Clone(raw)
		got, err := NormalizePath([]byte("x"), raw, merge)
		if !bytes.Equal(before, raw) {
			t.Fatal("raw is written to")
		}
		if err != nil {
			return
		}
		if got[0] != 'x' || len(got) < 2 || got[1] != '/' {
			t.Fatalf("%q", got)
		}
		got = got[1:]
		if bytes.IndexByte(raw, 0) < 0 && bytes.IndexByte(got, 0) >= 0 || merge && bytes.Contains(got, []byte("//")) {
			t.Fatalf("%q: %q", raw, got)
		}
		for _, segment := range bytes.Split(got[1:], []byte("/")) {
			if string(segment) == "." || string(segment) == ".." {
				t.Fatalf("%q: %q", raw, got)
			}
		}
		if bytes.ContainsAny(got, "%?#") {
			return
		}
		if again, err := NormalizePath(nil, got, merge); err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q: %q, then %q %v", raw, got, again, err)
		}
	})
}

// FuzzAppend: whatever a script makes of a head, its lines stay the lines that were appended.
func FuzzAppend(f *testing.F) {
	f.Add("GET", "/ HTTP/1.1\r\nX: y", "X", "a\r\n\r\nb")
	f.Fuzz(func(t *testing.T, method, target, name, value string) {
		b := AppendRequestLine(nil, method, target, 1)
		if strings.Count(string(b), " ") != 2 || strings.ContainsAny(string(b[:len(b)-2]), "\r\n\x00\t") {
			t.Fatalf("%q", b)
		}
		b = AppendField(nil, name, value)
		if b = b[:len(b)-2]; strings.ContainsAny(string(b), "\r\n\x00") || len(b) != len(name)+len(value)+2 {
			t.Fatalf("%q", b)
		}
		b = AppendStatusLine(nil, 200, value)
		if strings.ContainsAny(string(b[:len(b)-2]), "\r\n\x00") {
			t.Fatalf("%q", b)
		}
	})
}

// FuzzHTTPDate: what is read is written the same, in the form that is written.
func FuzzHTTPDate(f *testing.F) {
	f.Add("Sun, 06 Nov 1994 08:49:37 GMT")
	f.Add("Sunday, 06-Nov-94 08:49:37 GMT")
	f.Add("Sun Nov  6 08:49:37 1994")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ParseHTTPDate(s, testNow)
		if ok && len(s) == 29 && s[3] == ',' && s[23:25] != "60" && string(AppendHTTPDate(nil, got)) != s {
			t.Fatalf("%q: %v", s, got)
		}
	})
}
