package http1

import (
	"net/http"
	"testing"
	"time"
)

func TestNormalizePath(t *testing.T) {
	for _, c := range []struct {
		raw, want string
		status    int
	}{
		{"/", "/", 0},
		{"/foo/bar.html", "/foo/bar.html", 0},
		{"/foo/bar/.?args", "/foo/bar/", 0},
		{"/foo/bar/.#frag", "/foo/bar/", 0},
		{"/foo/bar/..?args", "/foo/", 0},
		{"/foo/bar/.", "/foo/bar/", 0},
		{"/foo/bar/..", "/foo/", 0},
		{"/a/./b", "/a/b", 0},
		{"/a/../b", "/b", 0},
		{"/a/...", "/a/...", 0},
		{"/a/..b/.c", "/a/..b/.c", 0},
		{"/a..b/", "/a..b/", 0},
		{"//a///b", "/a/b", 0},
		{"/a//../b", "/b", 0},
		{"/%2e/%2E%2e", "", 400},
		{"/a%2Fb", "/a/b", 0},
		{"/a/%2e%2e/b", "/b", 0},
		{"/a/%2e%2e%2fb", "/b", 0},
		{"/%41%7a", "/Az", 0},
		{"/%02", "/\x02", 0},
		{"/%25%23%3f%3F", "/%#??", 0},
		{"/%252e%252e/x", "/%2e%2e/x", 0},
		{"/a%20b+c", "/a b+c", 0},
		{"/a?b/../..", "/a", 0},
		{"/..", "", 400},
		{"/../", "", 400},
		{"/a/../..", "", 400},
		{"/..%2f..%2fetc/passwd", "", 400},
		{"/%", "", 400},
		{"/%2", "", 400},
		{"/%zz", "", 400},
		{"/index.html%00.png", "", 400},
		{"/.%00./", "", 400},
		{"", "", 400},
		{"a", "", 400},
		{"/..;/", "/..;/", 0},
		{"/..\\..\\", "/..\\..\\", 0},
	} {
		got, err := NormalizePath([]byte("pre"), []byte(c.raw), true)
		if status(err) != c.status || err == nil && string(got) != "pre"+c.want {
			t.Errorf("%q: %q %v, want %q %d", c.raw, got, err, c.want, c.status)
		}
	}
	for raw, want := range map[string]string{"/foo//../bar": "/foo/bar", "/foo///../bar": "/foo//bar", "//": "//", "/a//": "/a//"} {
		if got, err := NormalizePath(nil, []byte(raw), false); err != nil || string(got) != want {
			t.Errorf("%q unmerged: %q %v", raw, got, err)
		}
	}
}

func TestAppendEscaped(t *testing.T) {
	const s = "a /?#%&+;=\"'<>\\^`{|}~@[]:\x01\x7f\xe9"
	for set, want := range map[Escape]string{
		EscapeURI:          "a%20/%3F%23%25&+;=%22'%3C%3E%5C%5E%60%7B%7C%7D~@[]:%01%7F%E9",
		EscapeArgs:         "a%20/%3F%23%25%26%2B%3B=%22'%3C%3E%5C%5E%60%7B%7C%7D~@[]:%01%7F%E9",
		EscapeURIComponent: "a%20%2F%3F%23%25%26%2B%3B%3D%22%27%3C%3E%5C%5E%60%7B%7C%7D~%40%5B%5D%3A%01%7F%E9",
		EscapeHTML:         "a%20/?%23%25&+;=%22%27%3C%3E%5C%5E%60%7B%7C%7D~@[]:%01%7F%E9",
		EscapeRefresh:      "a%20/?#%&+;=%22%27%3C%3E%5C%5E%60%7B%7C%7D~@[]:%01%7F%E9",
		EscapeMemcached:    "a%20/?#%25&+;=\"'<>\\^`{|}~@[]:%01\x7f\xe9",
	} {
		if got := string(AppendEscaped(nil, s, set)); got != want {
			t.Errorf("set %d:\n got %s\nwant %s", set, got, want)
		}
	}
	if got := string(AppendEscaped(nil, "AZaz09-._~", EscapeURIComponent)); got != "AZaz09-._~" {
		t.Error(got)
	}
	if got := string(AppendHTML(nil, `<a b="c&d">'`)); got != "&lt;a b=&quot;c&amp;d&quot;&gt;'" {
		t.Error(got)
	}
}

func TestStatus(t *testing.T) {
	for code, want := range map[int]string{
		200: "HTTP/1.1 200 OK\r\n", 302: "HTTP/1.1 302 Moved Temporarily\r\n", 418: "HTTP/1.1 418 \r\n", 700: "HTTP/1.1 700 \r\n",
		9: "HTTP/1.1 009 \r\n", 99: "HTTP/1.1 099 \r\n", 0: "HTTP/1.1 000 \r\n", -1: "HTTP/1.1 000 \r\n",
	} {
		if got := string(AppendStatusLine(nil, code, "")); got != want {
			t.Errorf("%d: %q", code, got)
		}
	}
	if got := string(AppendStatusLine(nil, 200, "Fine\r\nX: y")); got != "HTTP/1.1 200 Fine  X: y\r\n" {
		t.Errorf("%q", got)
	}
	if StatusText(504) != "Gateway Time-out" || StatusText(1000) != "" {
		t.Error(StatusText(504), StatusText(1000))
	}
}

func TestAppendRequestLine(t *testing.T) {
	for _, c := range []struct {
		method, target string
		minor          int
		want           string
	}{
		{"GET", "/a?b", 1, "GET /a?b HTTP/1.1\r\n"},
		{"POST", "/\xe9", 0, "POST /\xe9 HTTP/1.0\r\n"},
		{"GET / HTTP/1.1\r\nX:", "/a b\r\n\tc\x7f\x00", 1, "GET /a%20b%0D%0A%09c%7F%00 HTTP/1.1\r\n"},
	} {
		if got := string(AppendRequestLine(nil, c.method, []byte(c.target), c.minor)); got != c.want {
			t.Errorf("%q %q: %q", c.method, c.target, got)
		}
	}
}

func TestAppendField(t *testing.T) {
	b := AppendField(nil, "A\r\nB", []byte("c\x00d\re\nf\tg"))
	b = AppendFieldInt(b, "Content-Length", 1<<40)
	if string(b) != "A  B: c d e f\tg\r\nContent-Length: 1099511627776\r\n" {
		t.Errorf("%q", b)
	}
}

func TestDates(t *testing.T) {
	now := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	want := time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"} {
		if got, ok := ParseHTTPDate(s, now); !ok || !got.Equal(want) {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
	for _, s := range []string{"", "Sun", "Sun, 06 Nov 1994 08:49:37", "sun, 06 Nov 1994 08:49:37 GMT", "Mon, 06 Nov 1994 08:49:37 GMT", "Sun, 6 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Wed, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 1994 08:49:3x GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun Nov 06 08:49:37 1994x", "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT"} {
		if got, ok := ParseHTTPDate(s, now); ok {
			t.Errorf("%q: %v", s, got)
		}
	}
	for year := range 200 {
		at := time.Date(1900+year, time.Month(year%12+1), year%28+1, year%24, year%60, (year*7)%60, 0, time.UTC)
		s := string(AppendHTTPDate(nil, at))
		if s != at.Format(http.TimeFormat) {
			t.Fatalf("%v: %q", at, s)
		}
		if got, ok := ParseHTTPDate([]byte(s), now); !ok || !got.Equal(at) {
			t.Errorf("%q: %v %v", s, got, ok)
		}
	}
	if got := string(AppendCookieDate(nil, want)); got != "Sun, 06-Nov-94 08:49:37 GMT" {
		t.Error(got)
	}
	if got := string(AppendCookieDate(nil, time.Date(2038, 1, 19, 0, 0, 0, 0, time.UTC))); got != "Tue, 19-Jan-2038 00:00:00 GMT" {
		t.Error(got)
	}
	if got, ok := ParseHTTPDate("Sat, 31 Dec 2016 23:59:60 GMT", now); !ok || got.Unix() != 1483228800 {
		t.Error(got, ok)
	}
}
