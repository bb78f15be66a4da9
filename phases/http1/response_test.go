package http1

import (
	"strings"
	"testing"
)

const ok = "HTTP/1.1 200 OK\r\n"

var responseTable = []struct {
	name, raw string
	status    int // 0 accepted, 502 refused, -1 incomplete
}{
	{"length", ok + "Content-Length: 5\r\n\r\nhello", 0},
	{"close-delimited", ok + "\r\nbody", 0},
	{"http/1.0", "HTTP/1.0 200 OK\r\n\r\nbody", 0},
	{"http/1.2", "HTTP/1.2 200 OK\r\n\r\n", 0},
	{"no reason", "HTTP/1.1 200\r\n\r\n", 0},
	{"empty reason", "HTTP/1.1 200 \r\n\r\n", 0},
	{"obs-text reason", "HTTP/1.1 200 \xe9\r\n\r\n", 0},
	{"chunked", ok + "Transfer-Encoding: chunked\r\n\r\n", 0},
	{"100", "HTTP/1.1 100 Continue\r\n\r\n", 0},
	{"101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw", 0},
	{"600", "HTTP/1.1 600 X\r\n\r\n", 0},
	{"any token", ok + "x.y_z!: 1\r\n\r\n", 0},
	{"all bare lf", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", 0},
	{"length and coding", ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 502},
	{"coding and length", ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 502},
	{"length twice", ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 502},
	{"coding twice", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 502},
	{"coding in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", 502},
	{"length before colon", ok + "Content-Length : 2\r\n\r\n", 502},
	{"length hidden", ok + "Content_Length: 2\r\n\r\n", 502},
	{"nul in value", ok + "X: a\x00b\r\n\r\n", 502},
	{"cr in value", ok + "X: a\rSet-Cookie: evil=1\r\n\r\n", 502},
	{"obs-fold", ok + "X: a\r\n b\r\n\r\n", 502},
	{"space before colon", ok + "X : a\r\n\r\n", 502},
	{"no colon", ok + "garbage line\r\n\r\n", 502},
	{"empty name", ok + ": x\r\n\r\n", 502},
	{"control in name", ok + "X\x01: x\r\n\r\n", 502},
	{"mixed line ends", ok + "X: y\n\r\n", 0},
	{"header of 1 MB", ok + "X: " + strings.Repeat("a", 1<<20), 502},
	{"20000 headers", ok + strings.Repeat("X: 1\r\n", 20000) + "\r\n", 502},
	{"1001 headers", ok + strings.Repeat("X: 1\r\n", 1001) + "\r\n", 502},
	{"status word", "HTTP/1.1 abc OK\r\n\r\n", 502},
	{"status of two digits", "HTTP/1.1 99 X\r\n\r\n", 502},
	{"status below 100", "HTTP/1.1 099 X\r\n\r\n", 502},
	{"status of four digits", "HTTP/1.1 2000 OK\r\n\r\n", 502},
	{"http/2.0", "HTTP/2.0 200 OK\r\n\r\n", 502},
	{"two spaces", "HTTP/1.1  200 OK\r\n\r\n", 502},
	{"http/0.9", "just a body, no status line\n", 502},
	{"junk", "\x16\x03\x01", 502},
	{"leading empty line", "\r\n" + ok + "\r\n", 502},
	{"control in reason", "HTTP/1.1 200 O\x01K\r\n\r\n", 502},
	{"cut status", "HTTP/1.1 20", -1},
	{"cut header", ok + "Content-Len", -1},
	{"nothing", "", -1},
}

func TestParseResponse(t *testing.T) {
	for _, c := range responseTable {
		var h ResponseHead
		n, err := ParseResponse([]byte(c.raw), &h, nil)
		if status(err) != c.status {
			t.Errorf("%s: %v, want %d", c.name, err, c.status)
			continue
		}
		if err == nil {
			end := strings.Index(strings.ReplaceAll(c.raw, "\n\r\n", "\n\n"), "\n\n") + 2
			end += strings.Count(c.raw[:end], "\n\r\n") + strings.Count(c.raw[end:min(end+1, len(c.raw))], "\n")
			if n != end || h.Bytes != n {
				t.Errorf("%s: read %d, the head has %d", c.name, n, end)
			}
		}
	}
}

func TestResponseByteByByte(t *testing.T) {
	for _, c := range responseTable {
		if len(c.raw) > 10000 {
			continue
		}
		var h ResponseHead
		var err error = ErrShort
		for i := 1; i <= len(c.raw) && err == ErrShort; i++ {
			_, err = ParseResponse([]byte(c.raw[:i]), &h, nil)
		}
		if status(err) != c.status {
			t.Errorf("%s: %v, want %d", c.name, err, c.status)
		}
	}
}

func TestResponseParts(t *testing.T) {
	var h ResponseHead
	raw := "HTTP/1.1 206 Partial Content\r\nContent-Length: 12\r\nSet-Cookie: a\r\nConnection: close\r\n\r\n"
	if _, err := ParseResponse([]byte(raw), &h, nil); err != nil {
		t.Fatal(err)
	}
	if h.Status != 206 || string(h.Reason) != "Partial Content" || string(h.StatusLine) != "HTTP/1.1 206 Partial Content" || h.ContentLength != 12 ||
		h.KeepAlive || h.Chunked || h.Upgrade || len(h.Fields) != 3 || string(h.Fields[1].Value) != "a" {
		t.Errorf("%+v", h)
	}
	if _, err := ParseResponse([]byte("HTTP/1.1 101\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), &h, nil); err != nil || !h.Upgrade || !h.KeepAlive || len(h.Reason) != 0 || h.ContentLength != -1 {
		t.Errorf("%+v %v", h, err)
	}
}

func TestResponseReasons(t *testing.T) {
	const tail = " while reading response header from upstream"
	for raw, want := range map[string]string{
		"just":                              "upstream sent no valid HTTP/1.0 header",
		"HTTP/1.1 abc":                      `upstream sent invalid status line "HTTP/1.1 abc"`,
		ok + "X y\r\n\r\n":                  `upstream sent invalid header: "X "`,
		ok + "Content-Length: x\r\n\r\n":    `upstream sent invalid "Content-Length" header: "x"`,
		ok + "Transfer-Encoding: x\r\n\r\n": `upstream sent unknown "Transfer-Encoding": "x"`,
		ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n": `upstream sent duplicate header line: "Content-Length: 2"`,
	} {
		if _, err := ParseResponse([]byte(raw), new(ResponseHead), nil); err == nil || err.Error() != want+tail {
			t.Errorf("%q:\n got %v\nwant %s", raw, err, want+tail)
		}
	}
}

func TestParseCGI(t *testing.T) {
	for _, c := range []struct {
		raw          string
		status, code int
		line, reason string
	}{
		{"Content-Type: a\n\nbody", 0, 200, "", ""},
		{"Status: 404 Not Found\r\nX: y\r\n\r\n", 0, 404, "404 Not Found", "Not Found"},
		{"Status: 204\r\n\r\n", 0, 204, "204", ""},
		{"Location: /x\r\n\r\n", 0, 302, "", ""},
		{"Location: /x\r\nStatus: 201 Created\r\n\r\n", 0, 201, "201 Created", "Created"},
		{"Status: 201 Created\r\nLocation: /x\r\n\r\n", 0, 201, "201 Created", "Created"},
		{"Status: abc\r\n\r\n", 502, 0, "", ""},
		{"Status: 2000\r\n\r\n", 502, 0, "", ""},
		{"no colon\r\n\r\n", 502, 0, "", ""},
		{"Content-Type: a\r\n", -1, 0, "", ""},
		{"\r\n", 0, 200, "", ""},
		{"Transfer-Encoding: chunked\r\n\r\n", 0, 200, "", ""},
		{"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 502, 0, "", ""},
	} {
		var h ResponseHead
		var err error = ErrShort
		for i := 0; i <= len(c.raw) && err == ErrShort; i++ {
			_, err = ParseCGI([]byte(c.raw[:i]), &h, nil)
		}
		if status(err) != c.status || err == nil && (h.Status != c.code || string(h.StatusLine) != c.line || string(h.Reason) != c.reason) {
			t.Errorf("%q: %v %d %q %q", c.raw, err, h.Status, h.StatusLine, h.Reason)
		}
	}
}
