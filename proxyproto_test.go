package luahttpd

import (
	"bytes"
	"encoding/binary"
	"io"
	"net/netip"
	"strings"
	"testing"
)

// proxyV2 is a version 2 header.
func proxyV2(verCmd, family byte, body string) string {
	head := append([]byte{}, proxySignature...)
	head = append(head, verCmd, family)
	return string(binary.BigEndian.AppendUint16(head, uint16(len(body)))) + body
}

const v4Body = "\xc0\x00\x02\x01\xc0\x00\x02\x02\x12\x34\x00\x50"

func TestProxyHeader(t *testing.T) {
	const want = "192.0.2.1:4660 192.0.2.2:80"
	for line, want := range map[string]string{
		"PROXY TCP4 192.0.2.1 192.0.2.2 4660 80": want, "PROXY TCP6 2001:db8::1 ::1 1 2": "[2001:db8::1]:1 [::1]:2",
		"PROXY UNKNOWN": "none", "PROXY UNKNOWN what ever": "none", "PROXY TCP4 ::1 ::1 1 2": "bad", "PROXY TCP6 1.2.3.4 1.2.3.4 1 2": "bad",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1": "bad", "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536": "bad", "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3": "bad",
		"PROXY TCP4 1.2.3.4  1.2.3.4 1 2": "bad", "PROXY TCP6 fe80::1%eth0 ::1 1 2": "bad", "PROXY UDP4 1.2.3.4 1.2.3.4 1 2": "bad", "PROXY ": "bad",
	} {
		checkProxy(t, line, want)(parseProxyV1([]byte(line)))
	}
	v6 := netip.MustParseAddr("2001:db8::1").As16()
	for _, c := range []struct {
		verCmd, family byte
		body, want     string
	}{
		{0x21, 0x11, v4Body, want}, {0x21, 0x11, v4Body + "\x04\x00\x01x", want},
		{0x21, 0x21, string(v6[:]) + string(v6[:]) + "\x00\x01\x00\x02", "[2001:db8::1]:1 [2001:db8::1]:2"},
		{0x20, 0x11, v4Body, "none"}, {0x20, 0, "", "none"}, {0x21, 0x31, strings.Repeat("\x00", 216), "none"}, {0x21, 0x12, v4Body, "none"}, {0x21, 0, "", "none"},
		{0x31, 0x11, v4Body, "bad"}, {0x21, 0x11, v4Body[:11], "bad"}, {0x21, 0x21, v4Body, "bad"},
	} {
		checkProxy(t, c.body, c.want)(parseProxyV2(c.verCmd, c.family, []byte(c.body)))
	}
}

func checkProxy(t *testing.T, what, want string) func(h *proxyHeader, err error) {
	return func(h *proxyHeader, err error) {
		t.Helper()
		got := "none"
		switch {
		case err != nil:
			got = "bad"
		case h != nil:
			got = h.source.String() + " " + h.target.String()
		}
		if got != want {
			t.Errorf("%q: %s, want %s", what, got, want)
		}
	}
}

func FuzzProxyHeader(f *testing.F) {
	f.Add(true, []byte("PROXY TCP4 192.0.2.1 192.0.2.2 4660 80"))
	f.Add(false, []byte("\x21\x11"+v4Body))
	f.Fuzz(func(t *testing.T, text bool, b []byte) {
		var h *proxyHeader
		var err error
		switch {
		case text:
			h, err = parseProxyV1(b)
		case len(b) >= 2:
			h, err = parseProxyV2(b[0], b[1], b[2:])
		}
		if err != nil && h != nil || h != nil && (!h.source.IsValid() || !h.target.IsValid()) {
			t.Errorf("%v %v", h, err)
		}
	})
}

// TestProxyProtocol sends headers to a server, in pieces and at once.
func TestProxyProtocol(t *testing.T) {
	ts := startServer(t, `events {} error_log stderr info; http { server { listen 127.0.0.1:0 proxy_protocol; client_header_timeout 200ms;
		return 200 "$proxy_protocol_addr $proxy_protocol_port $remote_addr"; } }`, t.TempDir())
	ts.expected = []string{"while reading PROXY protocol"}
	const request = "GET / HTTP/1.0\r\n\r\n"
	for _, c := range []struct{ header, want string }{
		{"PROXY TCP4 192.0.2.1 192.0.2.2 4660 80\r\n", "192.0.2.1 4660 127.0.0.1"},
		{proxyV2(0x21, 0x11, v4Body), "192.0.2.1 4660 127.0.0.1"},
		{proxyV2(0x21, 0x11, v4Body+strings.Repeat("t", 2000)), "192.0.2.1 4660 127.0.0.1"},
		{proxyV2(0x20, 0, ""), "  127.0.0.1"},
		{"PROXY UNKNOWN\r\n", "  127.0.0.1"},
		{"", ""},
		{"PROXY TCP4 192.0.2.1 192.0.2.2 4660 80\n" + strings.Repeat("x", 200), ""},
		{string(proxySignature) + "\x21\x11\xff\xff", ""},
		{string(proxySignature[:8]) + "nonsense", ""},
	} {
		for _, step := range []int{0, 1} {
			d := dial(t, ts.Addr())
			for rest := c.header + request; rest != ""; {
				n := len(rest)
				if step > 0 {
					n = step
				}
				if _, err := d.Write([]byte(rest[:n])); err != nil {
					break
				}
				rest = rest[n:]
			}
			answer, _ := io.ReadAll(d) // a reset where the header is refused
			got := string(answer)
			_, body, _ := strings.Cut(got, "\r\n\r\n")
			if body != c.want {
				t.Errorf("%q: %q, want %q", c.header, got, c.want)
			}
		}
	}
	if !bytes.Contains([]byte(ts.log.String()), []byte("broken header while reading PROXY protocol, client: 127.0.0.1, server: 127.0.0.1:0")) {
		t.Error(ts.log.String())
	}
}
