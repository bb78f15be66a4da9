package http1

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// parse is one call with the whole head.
func parse(raw string, lim *Limits) (*RequestHead, int, error) {
	h := new(RequestHead)
	n, err := ParseRequest([]byte(raw), h, lim)
	return h, n, err
}

// status is what a raw request is refused with: 0 when it is good, -1 when it is incomplete.
func status(err error) int {
	var p *ParseError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &p):
		return p.Status
	}
	return -1
}

func get(line string) string   { return line + "\r\nHost: a\r\n\r\n" }
func with(lines string) string { return "POST /p HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" }
func host(v string) string     { return "GET / HTTP/1.1\r\nHost: " + v + "\r\n\r\n" }
func length(v string) string   { return with("Content-Length: " + v + "\r\n") }
func coding(v string) string   { return with("Transfer-Encoding: " + v + "\r\n") }

var requestTable = []struct {
	name, raw string
	status    int // 0 accepted, -1 incomplete
}{
	{"get", get("GET /echo HTTP/1.1"), 0},
	{"http/1.0 without host", "GET / HTTP/1.0\r\n\r\n", 0},
	{"leading crlf", "\r\n" + get("GET / HTTP/1.1"), 0},
	{"five leading empty lines", "\r\n\r\n\r\n\r\n\r\n" + get("GET / HTTP/1.1"), 400},
	{"leading bare cr", "\r" + get("GET / HTTP/1.1"), 400},
	{"http/0.9", "GET /echo\r\n\r\n", 400},
	{"http/0.9 alone", "GET /echo\r\n", 400},
	{"version lower case", get("GET / http/1.1"), 400},
	{"version 1.2", get("GET / HTTP/1.2"), 0},
	{"version 2.0", get("GET / HTTP/2.0"), 505},
	{"version 9.9", get("GET / HTTP/9.9"), 505},
	{"version 1.10", get("GET / HTTP/1.10"), 400},
	{"version 01.1", get("GET / HTTP/01.1"), 400},
	{"version 0.9", get("GET / HTTP/0.9"), 400},
	{"version junk", get("GET / HTTP/1.1x"), 400},
	{"version without minor", get("GET / HTTP/1."), 400},
	{"version without dot", get("GET / HTTP/1"), 400},
	{"version crs", get("GET / HTTP/\r\r1.1"), 400},
	{"version overflow", get("GET / HTTP/4294967297.1"), 505},
	{"version cut", "GET / HTT", -1},
	{"version wrong at once", "GET / HTX", 400},
	{"double space", get("GET  / HTTP/1.1"), 400},
	{"space after version", get("GET / HTTP/1.1 "), 400},
	{"tabs", get("GET\t/\tHTTP/1.1"), 400},
	{"space in target", get("GET /a b HTTP/1.1"), 400},
	{"bare cr in line", get("GET\r/ HTTP/1.1"), 400},
	{"lf in line", get("GET /echo\nHTTP/1.1"), 400},
	{"nul in target", get("GET /\x00 HTTP/1.1"), 400},
	{"control in target", get("GET /\x01\x7f HTTP/1.1"), 400},
	{"obs-text in target", get("GET /\xff HTTP/1.1"), 0},
	{"fragment", get("GET /e#frag HTTP/1.1"), 0},
	{"absolute form", get("GET http://127.0.0.1/e HTTP/1.1"), 0},
	{"absolute form with userinfo", get("GET http://u:p@127.0.0.1/e HTTP/1.1"), 400},
	{"absolute form without host", get("GET http:///e HTTP/1.1"), 400},
	{"absolute form needs Host", "GET http://a/ HTTP/1.1\r\n\r\n", 400},
	{"options star", get("OPTIONS * HTTP/1.1"), 400},
	{"get star", get("GET * HTTP/1.1"), 400},
	{"connect", get("CONNECT 127.0.0.1:1 HTTP/1.1"), 405},
	{"connect without port", get("CONNECT localhost HTTP/1.1"), 400},
	{"connect path", get("CONNECT / HTTP/1.1"), 400},
	{"trace", get("TRACE / HTTP/1.1"), 405},
	{"target without slash", get("GET echo HTTP/1.1"), 400},
	{"method delimiters", get(`G=":<>(e),[T];?" / HTTP/1.1`), 400},
	{"method obs-text", get("G\xc3\x89T / HTTP/1.1"), 400},
	{"method empty", get(" / HTTP/1.1"), 400},
	{"method unknown", get("FOO / HTTP/1.1"), 0},
	{"method lower case", get("get / HTTP/1.1"), 400},
	{"line of 8000", get("GET /" + strings.Repeat("a", 7980) + " HTTP/1.1"), 0},
	{"line of 200000", get("GET /" + strings.Repeat("a", 200000) + " HTTP/1.1"), 414},
	{"line too long, incomplete", "GET /" + strings.Repeat("a", 8192), 414},
	{"all bare lf", "GET / HTTP/1.1\nHost: a\nX: y\n\n", 0},
	{"junk before", "Extra line" + get("GET / HTTP/1.1"), 400},
	{"first byte", "\x16", 400},
	{"tls hello", "\x16\x03\x01\x00\x2f\x01", 400},
	{"h2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},

	{"host missing", "GET / HTTP/1.1\r\n\r\n", 400},
	{"host twice", host("a\r\nHost: b"), 400},
	{"host twice same", host("a\r\nHost: a"), 400},
	{"host space", host("a b"), 400},
	{"host slash", host("a/b"), 400},
	{"host userinfo", host("u@b"), 400},
	{"host list", host("a, b"), 400},
	{"host bad port", host("a:80x"), 400},
	{"host port too high", host("a:65536"), 400},
	{"host open bracket", host("[::1"), 400},
	{"host nul", host("a\x00b"), 400},
	{"host obs-text", host("\xffa\xff"), 400},
	{"host ipv6", host("[::1]:80"), 0},
	{"host empty", host(""), 400},
	{"host space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
	{"host traversal", host("../../etc"), 400},
	{"host dots", host("a..b"), 400},

	{"space before colon", with("X-A : b\r\n"), 400},
	{"tab before colon", with("Content-Length\t: 5\r\n"), 400},
	{"obs-fold", with("X-A: b\r\n c\r\n"), 400},
	{"leading space", "GET / HTTP/1.1\r\n X-A: b\r\nHost: a\r\n\r\n", 400},
	{"leading tab", "GET / HTTP/1.1\r\n\tContent-Length: 5\r\nHost: a\r\n\r\n", 400},
	{"no colon", with("Content-Length 5\r\n"), 400},
	{"split name", with("Transfer-\r\nEncoding: chunked\r\n"), 400},
	{"empty name", with(": x\r\n"), 400},
	{"empty line of colon", with(":\r\n"), 400},
	{"name obs-text", with("\xefoo: x\r\n"), 400},
	{"name delimiters", with("X(){}[]@: x\r\n"), 400},
	{"name control", with("X\x01\x02: x\r\n"), 400},
	{"name nul", with("X\x00Y: x\r\n"), 400},
	{"name x85", with("Content-Length\x85: 5\r\n"), 400},
	{"name dot dropped", with("x.y: z\r\n"), 0},
	{"name hides length", with("Content-Length.: 5\r\n"), 400},
	{"name hides encoding", with("!transfer-ENCODING: chunked\r\n"), 400},
	{"value nul", with("X: a\x00b\r\n"), 400},
	{"value bare cr", with("X: a\rb\r\n"), 400},
	{"value bare lf", with("X: a\nTransfer-Encoding: chunked\r\n"), 400},
	{"value bel", with("X: a\x07b\r\n"), 400},
	{"value del", with("X: a\x7fb\r\n"), 400},
	{"value obs-text", with("X: caf\xe9\r\n"), 0},
	{"value empty", with("X:\r\n"), 0},
	{"value tabs", with("X:\t  v \t\r\n"), 0},
	{"value without space", with("X:v\r\n"), 0},
	{"underscore dropped", with("X_A: v\r\n"), 0},
	{"underscore length is none", with("Content_Length: 5\r\n"), 0},
	{"cr cr lf", with("X: a\r\r\n"), 400},
	{"cr x", "GET / HTTP/1.1\r\nHost: a\r\n\r\rZ: b\r\n\r\n", 400},
	{"lf ends head of crlf", "GET / HTTP/1.1\r\nHost: a\r\nX: y\n\n", 400},
	{"lf end only", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
	{"crlf end of lf head", "GET / HTTP/1.1\nHost: a\n\r\n", 0},
	{"crlf in lf head", "GET / HTTP/1.1\nHost: a\r\nX: y\n\n", 0},
	{"100 headers", with(strings.Repeat("X: 012345678901234567890\r\n", 100)), 0},
	{"1000 headers", with(strings.Repeat("X: y\r\n", 999)), 0},
	{"1001 headers", with(strings.Repeat("X: y\r\n", 1000)), 494},
	{"one header of 1 MB", with("X: " + strings.Repeat("a", 1<<20) + "\r\n"), 494},
	{"never ending name", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X", 300000), 494},
	{"head of 33000 in lines", with(strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 33)), 494},
	{"head of 33000 incomplete", "GET / HTTP/1.1\r\n" + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 33), 494},

	{"length", length("5"), 0},
	{"length zero", length("0"), 0},
	{"length blanks", length(" 5 \t"), 0},
	{"length leading zeros", length("0000005"), 0},
	{"length largest", length("1152921504606846975"), 0},
	{"length 2^60", length("1152921504606846976"), 400},
	{"length twice", length("5\r\nContent-Length: 5"), 400},
	{"length twice differing", length("0\r\nContent-Length: 5"), 400},
	{"length obs-fold", length("\r\n 5"), 400},

	{"coding", coding("chunked"), 0},
	{"coding case", coding("CHUNKED"), 0},
	{"coding and length", coding("chunked\r\nContent-Length: 5"), 400},
	{"length and coding", length("5\r\nTransfer-Encoding: chunked"), 400},
	{"coding in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
	{"coding twice", coding("chunked\r\nTransfer-Encoding: chunked"), 400},
	{"coding then identity", coding("chunked\r\nTransfer-Encoding: identity"), 400},
	{"coding space before colon", with("Transfer-Encoding : chunked\r\n"), 400},
	{"coding accent", with("Transf\x82r-Encoding: chunked\r\n"), 400},
	{"coding underscore and length", with("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n"), 0},
	{"coding folded", coding("\r\n chunked"), 400},

	{"authorization twice", with("Authorization: a\r\nAuthorization: b\r\n"), 400},
	{"expect twice", with("Expect: a\r\nExpect: b\r\n"), 400},
	{"if-match twice", with("If-Match: a\r\nIf-Match: b\r\n"), 400},
	{"if-none-match twice", with("If-None-Match: a\r\nIf-None-Match: b\r\n"), 400},
	{"if-range twice", with("If-Range: a\r\nIf-Range: b\r\n"), 400},
	{"if-modified-since twice", with("If-Modified-Since: a\r\nIf-Modified-Since: b\r\n"), 400},
	{"if-unmodified-since twice", with("If-Unmodified-Since: a\r\nIf-Unmodified-Since: b\r\n"), 400},
	{"content-range twice", with("Content-Range: a\r\nContent-Range: b\r\n"), 400},
	{"referer twice", with("Referer: a\r\nReferer: b\r\n"), 0},
	{"incomplete", "GET / HTTP/1.1\r\nHost: a\r\n", -1},
	{"nothing", "", -1},
}

func TestParseRequest(t *testing.T) {
	for _, c := range requestTable {
		t.Run(c.name, func(t *testing.T) {
			h, n, err := parse(c.raw, nil)
			if status(err) != c.status {
				t.Fatalf("%.100q: %v, want status %d", c.raw, err, c.status)
			}
			if err == nil && (n != len(c.raw) || h.Bytes != n) {
				t.Errorf("read %d of %d bytes", n, len(c.raw))
			}
		})
	}
}

// Every value here is no Content-Length, whatever else might be made of it.
func TestBadLengths(t *testing.T) {
	for _, v := range []string{"+5", "-5", "-48", "0x5", "5a", "5;", "5.0", "1e1", "1_0", "5 5", "5,6", "5, 5", "5,", ",5", "\x0b5", "5\x0b", "5\x0c",
		`"5"`, "\xef\xbc\x95", "5\x00", "abc", "", "\xa05", "99999999999999999999", "18446744073709551621", "9223372036854775813", "-18446744073709551611"} {
		if _, _, err := parse(length(v), nil); status(err) != 400 {
			t.Errorf("%q: %v", v, err)
		}
		if _, err := ParseResponse([]byte("HTTP/1.1 200 OK\r\nContent-Length: "+v+"\r\n\r\n"), new(ResponseHead), nil); status(err) != 502 {
			t.Errorf("upstream %q: %v", v, err)
		}
	}
}

func TestBadCodings(t *testing.T) {
	for _, v := range []string{"identity", "cow", "xchunked", "chunk", "chunkedx", "chunked, gzip", "chunked, identity", `"chunked"`, "'chunked'",
		"chunked;foo=bar", "\x0bchunked", "chunked\x00", "\xa0chunked", "\xffchunked", "chunked cow", "cow, chunked", "gzip, chunked",
		"chunked, chunked", "", "chunked\r", ",chunked", "chunked,"} {
		for _, more := range []string{"", "\r\nContent-Length: 5"} {
			if _, _, err := parse(coding(v+more), nil); status(err) != 400 && status(err) != 501 {
				t.Errorf("%q: %v", v+more, err)
			}
			if _, err := ParseResponse([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: "+v+more+"\r\n\r\n"), new(ResponseHead), nil); status(err) != 502 {
				t.Errorf("upstream %q: %v", v+more, err)
			}
		}
	}
}

func TestRequestParts(t *testing.T) {
	for _, c := range []struct{ target, host, wantHost, port, path, query string }{
		{"/", "a", "a", "", "/", ""},
		{"/a/b?c=d", "A.b:80", "A.b", "80", "/a/b", "c=d"},
		{"/a?b?c#d?e", "a.:1", "a", "1", "/a", "b?c"},
		{"/a#b?c", "a:", "a", "", "/a", ""},
		{"/%2e?%3f", "[::1]:8080", "[::1]", "8080", "/%2e", "%3f"},
		{"http://b", "a", "b", "", "/", ""},
		{"http://b:80?args#frag", "a", "b", "80", "/", "args"},
		{"HTTPS://b.:8443/c?d", "a", "b", "8443", "/c", "d"},
	} {
		h, _, err := parse("GET "+c.target+" HTTP/1.1\r\nHost: "+c.host+"\r\n\r\n", nil)
		if err != nil {
			t.Errorf("%s: %v", c.target, err)
			continue
		}
		if string(h.Target) != c.target || string(h.Host) != c.wantHost || string(h.Port) != c.port || string(h.Path) != c.path || string(h.Query) != c.query {
			t.Errorf("%s: target %q host %q port %q path %q query %q", c.target, h.Target, h.Host, h.Port, h.Path, h.Query)
		}
		if h.HasQuery != (c.query != "") {
			t.Errorf("%s: HasQuery %v", c.target, h.HasQuery)
		}
	}
}

func TestHosts(t *testing.T) {
	for _, good := range []string{"l", "abcd-ef.g02.xyz:", "123.49.0.78:987", "a_b", "www.a.xyz.", "a.:88", "[abcd::ef98:0:7654:321]:5", "[::ffff:12.30.67.89]",
		"[v0123456789aBcDeF.!$&'()*+,;=-._~AbC:]"} {
		if _, _, ok := SplitHost([]byte(good)); !ok {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{"", ".", ":80", "..", "a..", "example.com.:1.2", "1.2.3.4:98777", "1.2.3.4:9000:80", "example.com/\\:552", "..a", "[a\\b]", "[a/b]",
		"[::1].", "[::1].:98", "[ab..cd]", "x[::1]", "[::1", "[]", "[::1]x", "a\x02", "a\"b", "a<b"} {
		if _, _, ok := SplitHost([]byte(bad)); ok {
			t.Errorf("%q is accepted", bad)
		}
	}
}

func TestConnection(t *testing.T) {
	for _, c := range []struct {
		version, lines           string
		keep, upgrade, expect100 bool
	}{
		{"1.1", "", true, false, false},
		{"1.0", "", false, false, false},
		{"1.0", "Connection: Keep-Alive\r\n", true, false, false},
		{"1.0", "Connection: keep-alive, close\r\n", false, false, false},
		{"1.1", "Connection: foo, CLOSE\r\n", false, false, false},
		{"1.1", "Connection: foo\r\nConnection: close\r\n", false, false, false},
		{"1.1", "Connection: closed\r\n", true, false, false},
		{"1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", true, true, false},
		{"1.1", "Upgrade: websocket\r\n", true, false, false},
		{"1.0", "Connection: upgrade\r\nUpgrade: websocket\r\n", false, false, false},
		{"1.1", "Expect: 100-Continue\r\n", true, false, true},
		{"1.1", "Expect: foo\r\n", true, false, false},
		{"1.0", "Expect: 100-continue\r\n", false, false, false},
	} {
		h, _, err := parse("GET / HTTP/"+c.version+"\r\nHost: a\r\n"+c.lines+"\r\n", nil)
		if err != nil || h.KeepAlive != c.keep || h.HasUpgrade != c.upgrade || h.Expect100 != c.expect100 {
			t.Errorf("%s %q: keep %v upgrade %v expect %v, %v", c.version, c.lines, h.KeepAlive, h.HasUpgrade, h.Expect100, err)
		}
	}
}

func TestInvalidNames(t *testing.T) {
	raw := with("x_foo: 1\r\n.foo: 2\r\nfoo: 3\r\n")
	for _, c := range []struct {
		lim     *Limits
		fields  int
		dropped int
	}{
		{nil, 2, 2},
		{&Limits{IgnoreInvalid: true, AllowUnderscores: true}, 3, 1},
		{&Limits{}, 4, 0},
	} {
		h, _, err := parse(raw, c.lim)
		if err != nil || len(h.Fields) != c.fields || h.Dropped != c.dropped {
			t.Errorf("%+v: %d fields, %d dropped, %v", c.lim, len(h.Fields), h.Dropped, err)
		}
		if h.Dropped > 1 && string(trimEnd(h.DroppedLine)) != "x_foo: 1" {
			t.Errorf("dropped %q", h.DroppedLine)
		}
	}
	for _, lim := range []*Limits{{IgnoreInvalid: true, AllowUnderscores: true}, {}} {
		if _, _, err := parse(with("Content_Length: 5\r\n"), lim); status(err) != 400 {
			t.Errorf("%+v keeps Content_Length: %v", lim, err)
		}
		if _, _, err := parse(with("X_Content_Length: 5\r\n"), lim); err != nil {
			t.Error(err)
		}
	}
}

func trimEnd(b []byte) []byte { return bytes.TrimRight(b, "\r\n") }

func TestReasons(t *testing.T) {
	for raw, want := range map[string]string{
		get("get / HTTP/1.1"):                  "client sent invalid method while reading client request line",
		get("GET x HTTP/1.1"):                  "client sent invalid request while reading client request line",
		get("GET / HTTP/3.0"):                  "client sent invalid version while reading client request line",
		get("GET http://a@b/ HTTP/1.1"):        "client sent invalid host in request line while reading client request line",
		"GET / HTTP/1.1\r\n\r\n":               `client sent HTTP/1.1 request without "Host" header while reading client request headers`,
		host("a\r\nHost: b"):                   `client sent duplicate host header: "Host: b" while reading client request headers`,
		host("a b"):                            "client sent invalid host header while reading client request headers",
		length("x"):                            `client sent invalid "Content-Length" header while reading client request headers`,
		coding("cow"):                          `client sent unknown "Transfer-Encoding": "cow" while reading client request headers`,
		coding("chunked\r\nContent-Length: 1"): `client sent "Content-Length" and "Transfer-Encoding" headers at the same time while reading client request headers`,
		with("X\x01: a\r\n"):                   `client sent invalid header line: "X\x01" while reading client request headers`,
	} {
		if _, _, err := parse(raw, nil); err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", raw, err, want)
		}
	}
}

// Each head of the table is sent byte by byte, in a fresh buffer each time, as a reader that grows
// its buffer would: the outcome is that of the whole, and no call says "incomplete" for ever.
func TestRequestByteByByte(t *testing.T) {
	for _, c := range requestTable {
		if len(c.raw) > 10000 {
			continue
		}
		whole, _, wholeErr := parse(c.raw, nil)
		var h RequestHead
		var err error = ErrShort
		for i := 1; i <= len(c.raw) && err == ErrShort; i++ {
			_, err = ParseRequest([]byte(c.raw[:i]), &h, nil)
		}
		if status(err) != status(wholeErr) {
			t.Errorf("%s: byte by byte %v, at once %v", c.name, err, wholeErr)
		} else if err == nil && !sameRequest(whole, &h) {
			t.Errorf("%s: byte by byte\n%+v, at once\n%+v", c.name, h, whole)
		}
	}
}

func sameRequest(a, b *RequestHead) bool {
	if len(a.Fields) != len(b.Fields) {
		return false
	}
	for i := range a.Fields {
		if !bytes.Equal(a.Fields[i].Name, b.Fields[i].Name) || !bytes.Equal(a.Fields[i].Value, b.Fields[i].Value) {
			return false
		}
	}
	return bytes.Equal(a.Line, b.Line) && bytes.Equal(a.Method, b.Method) && bytes.Equal(a.Target, b.Target) && bytes.Equal(a.Host, b.Host) &&
		bytes.Equal(a.Port, b.Port) && bytes.Equal(a.Path, b.Path) && bytes.Equal(a.Query, b.Query) && a.HasQuery == b.HasQuery &&
		a.ContentLength == b.ContentLength && a.Chunked == b.Chunked && a.KeepAlive == b.KeepAlive && a.Expect100 == b.Expect100 &&
		a.HasUpgrade == b.HasUpgrade && a.Minor == b.Minor && a.Dropped == b.Dropped && a.Bytes == b.Bytes
}

// An error is said with the first byte that makes it certain.
func TestRequestErrorsAreEarly(t *testing.T) {
	for _, raw := range []string{"\x16", "g", "GEt", "GET x:", "GET *", "GET /\x00", "GET / HTTQ", "GET / HTTP/1.1x", "GET / HTTP/1.1\r\n ", "GET / HTTP/1.1\r\nX ",
		"GET / HTTP/1.1\r\nX: \x00", "GET / HTTP/1.1\r\nX: a\rb", "GET /\t"} {
		if _, _, err := parse(raw, nil); err == ErrShort && raw != "GET x:" {
			t.Errorf("%q is not refused", raw)
		}
		if _, _, err := parse(raw[:len(raw)-1], nil); err != ErrShort {
			t.Errorf("%q is refused: %v", raw[:len(raw)-1], err)
		}
	}
}

func TestRefusedLine(t *testing.T) {
	for raw, want := range map[string]string{
		"\r\nGeT / HTTP/1.1\r\nHost: a\r\n\r\n": "GeT / HTTP/1.1",
		"\x16\x03":                              "\x16\x03",
		"GET / HTTP/2.0\r\n":                    "GET / HTTP/2.0",
		"GET / HTTP/1.1\r\nX ":                  "GET / HTTP/1.1",
		"GET x:/ HTTP/1.1\n":                    "GET x:/ HTTP/1.1",
	} {
		if h, _, err := parse(raw, nil); err == nil || string(h.Line) != want {
			t.Errorf("%q: line %q, %v", raw, h.Line, err)
		}
	}
	var h RequestHead
	if _, err := ParseRequest([]byte("GET / HTTP/1.1\r\nHo"), &h, nil); err != ErrShort || string(h.Line) != "GET / HTTP/1.1" {
		t.Errorf("%q, %v", h.Line, err)
	}
}

// The head that is reused carries nothing of the one before it.
func TestRequestHeadIsReused(t *testing.T) {
	var h RequestHead
	first := "POST http://x:1/a?b HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 5\r\nx_y: z\r\n\r\n"
	if _, err := ParseRequest([]byte(first), &h, nil); err != nil {
		t.Fatal(err)
	}
	second := get("GET / HTTP/1.1")
	if _, err := ParseRequest([]byte(second), &h, nil); err != nil {
		t.Fatal(err)
	}
	fresh, _, _ := parse(second, nil)
	if !sameRequest(fresh, &h) || h.Scheme != nil || h.DroppedLine != nil {
		t.Errorf("%+v", h)
	}
}

func TestHTTP09(t *testing.T) {
	lim := &Limits{HTTP09: true}
	h, n, err := parse("GET /a?b\r\nrest", lim)
	if err != nil || n != 10 || h.Major != 0 || h.Minor != 9 || string(h.Path) != "/a" || h.KeepAlive || h.Bytes != n {
		t.Errorf("%d %v %+v", n, err, h)
	}
	for raw, want := range map[string]int{"POST /\r\n": 400, "GET /\r": -1, "GET /\rx": 400, "GET /\n": 0, "GET x\r\n": 400} {
		if _, _, err := parse(raw, lim); status(err) != want {
			t.Errorf("%q: %v", raw, err)
		}
	}
}
