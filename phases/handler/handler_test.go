package handler

import (
	"bytes"
	"compress/gzip"
	"io"
	"sync"
	"testing"
	"time"
)

func TestUnescapeRedirect(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"http://a/b", "http://a/b"},
		{"%2Fb%20c%3Fd%2F", "/b%20c?d%2F"},
		{"a?%2F", "a?%2F"},
		{"%0d%0A%25%7f%C3", "%0d%0A%25%7f%C3"},
		{"a%", "a"},
		{"a%2", "a"},
		{"a%zb", "azb"},
		{"a%2zb", "ab"},
	} {
		if got := string(unescapeRedirect([]byte(c.in))); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzUnescapeRedirect(f *testing.F) {
	for _, s := range []string{"", "%", "%4", "%41", "%3f%41", "a%0d%0ab"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, s []byte) {
		was := bytes.Clone(s)
		out := unescapeRedirect(s)
		if len(out) > len(s) || !bytes.Equal(s, was) {
			t.Errorf("%q became %q and %q", was, s, out)
		}
		if bytes.ContainsAny(out, "\r\n\x00") && !bytes.ContainsAny(s, "\r\n\x00") {
			t.Errorf("%q gave control bytes: %q", s, out)
		}
	})
}

func TestEscapes(t *testing.T) {
	const text = "a\"b\\c\n\t\x01\x7f\xc3\xa9"
	if got, want := string(escapeLog(nil, []byte(text))), `a\x22b\x5Cc\x0A\x09\x01\x7F\xC3\xA9`; got != want {
		t.Errorf("log: %s, want %s", got, want)
	}
	if got, want := string(escapeJSON(nil, []byte(text))), `a\"b\\c\n\t\u0001`+"\x7f\xc3\xa9"; got != want {
		t.Errorf("json: %s, want %s", got, want)
	}
}

func TestHundredths(t *testing.T) {
	for in, want := range map[string]uint64{"0.5%": 50, "100%": 10000, "33.33%": 3333, "2.%": 200, "1%": 100} {
		if got, ok := hundredths(in); !ok || got != want {
			t.Errorf("%s: %d %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "1", "%", "1.234%", "-1%", "a%"} {
		if n, ok := hundredths(in); ok && n != 0 {
			t.Errorf("%q is taken for %d", in, n)
		}
	}
}

// TestMurmur2 compares with values of the public algorithm, its seed the length.
func TestMurmur2(t *testing.T) {
	for in, want := range map[string]uint32{
		"": 0, "a": 2456313694, "ab": 446775395, "abc": 324500635, "abcd": 646393889, "hello world": 1151865881,
	} {
		if got := murmur2([]byte(in)); got != want {
			t.Errorf("%q: %d, want %d", in, got, want)
		}
	}
}

type written struct {
	mu  sync.Mutex
	buf bytes.Buffer
	n   int
}

func (w *written) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
	return w.buf.Write(p)
}

func (w *written) is(t *testing.T, writes int, text string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n != writes || w.buf.String() != text {
		t.Errorf("%d writes: %q, want %d: %q", w.n, w.buf.String(), writes, text)
	}
}

func TestLogBuffer(t *testing.T) {
	w := &written{}
	l := &logBuffer{logParams: logParams{size: 8}, out: w}
	put := func(line string) {
		if n, err := l.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	put("one\n")
	put("two\n")
	w.is(t, 0, "")
	put("3\n")
	w.is(t, 1, "one\ntwo\n")
	put("a long line\n")
	w.is(t, 3, "one\ntwo\n3\na long line\n")
	put("4\n")
	l.Flush()
	l.Flush()
	w.is(t, 4, "one\ntwo\n3\na long line\n4\n")
}

func TestLogBufferTime(t *testing.T) {
	w := &written{}
	l := &logBuffer{logParams: logParams{size: 100, flush: time.Millisecond}, out: w}
	for range 2 {
		l.Write([]byte("x\n"))
		for range 1000 {
			l.mu.Lock()
			done := len(l.lines) == 0
			l.mu.Unlock()
			if done {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	w.is(t, 2, "x\nx\n")
}

func TestLogBufferGzip(t *testing.T) {
	w := &written{}
	l := &logBuffer{logParams: logParams{size: 4, gzip: 1}, out: w}
	l.Write([]byte("one\n"))
	l.Write([]byte("two\n"))
	l.Flush()
	z, err := gzip.NewReader(&w.buf)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != "one\ntwo\n" {
		t.Errorf("%q %v", text, err)
	}
}
