package phases

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases/http1"
)

type get = func(r *Request, dst []byte) ([]byte, bool)

func value(f func(r *Request, dst []byte) []byte) get {
	return func(r *Request, dst []byte) ([]byte, bool) { return f(r, dst), true }
}

// coreVariables are nginx's own; those of other modules stand with them.
func coreVariables() []Variable {
	text := func(name string, f func(r *Request) string) Variable {
		return Variable{Name: name, Get: func(r *Request, dst []byte) ([]byte, bool) { return append(dst, f(r)...), true }}
	}
	number := func(name string, f func(r *Request) int64) Variable {
		return Variable{Name: name, Get: func(r *Request, dst []byte) ([]byte, bool) { return strconv.AppendInt(dst, f(r), 10), true }}
	}
	appended := func(name string, f func(r *Request, dst []byte) []byte) Variable {
		return Variable{Name: name, Get: value(f)}
	}
	uri := func(r *Request, dst []byte) []byte { return append(dst, r.URI...) }
	args := func(r *Request, dst []byte) ([]byte, bool) { return append(dst, r.Args...), true }
	setArgs := func(r *Request, v []byte) { r.Args, r.Rewritten = v, true }
	return []Variable{
		appended("uri", uri), appended("document_uri", uri),
		{Name: "args", Get: args, Set: setArgs},
		{Name: "query_string", Get: args},
		{Name: "is_args", Get: value(func(r *Request, dst []byte) []byte {
			if len(r.Args) > 0 {
				dst = append(dst, '?')
			}
			return dst
		})},
		appended("request_uri", func(r *Request, dst []byte) []byte { return append(dst, r.Main.Target...) }),
		appended("request", func(r *Request, dst []byte) []byte { return append(dst, r.Main.RequestLine...) }),
		text("request_method", func(r *Request) string { return r.Main.Method }),
		text("scheme", (*Request).Scheme),
		text("https", func(r *Request) string {
			if r.Client.TLS != nil {
				return "on"
			}
			return ""
		}),
		appended("host", (*Request).appendHost),
		text("server_name", func(r *Request) string { return r.Server.Name }),
		{Name: "server_addr", Get: func(r *Request, dst []byte) ([]byte, bool) {
			if !r.Client.Local.IsValid() {
				return append(dst, "unix:"+r.Client.Unix...), true
			}
			return r.Client.Local.Addr().Unmap().AppendTo(dst), true
		}},
		{Name: "request_port", Get: func(r *Request, dst []byte) ([]byte, bool) { return append(dst, r.requestPort()...), true }},
		{Name: "is_request_port", Get: value(func(r *Request, dst []byte) []byte {
			if len(r.requestPort()) > 0 {
				dst = append(dst, ':')
			}
			return dst
		})},
		{Name: "server_port", Get: func(r *Request, dst []byte) ([]byte, bool) {
			if !r.Client.Local.IsValid() {
				return dst, true
			}
			return strconv.AppendUint(dst, uint64(r.Client.Local.Port()), 10), true
		}},
		text("server_protocol", (*Request).Protocol),
		text("remote_addr", func(r *Request) string { return r.Client.Name }),
		{Name: "remote_port", Get: func(r *Request, dst []byte) ([]byte, bool) {
			if !r.Client.Addr.IsValid() {
				return dst, true
			}
			return strconv.AppendUint(dst, uint64(r.Client.Addr.Port()), 10), true
		}},
		{Name: "binary_remote_addr", Get: func(r *Request, dst []byte) ([]byte, bool) {
			if !r.Client.Addr.IsValid() {
				return append(dst, "unix:"...), true
			}
			return append(dst, r.Client.Addr.Addr().Unmap().AsSlice()...), true
		}},
		proxyAddr("proxy_protocol_addr", func(c *Client) netip.AddrPort { return c.ProxyAddr }),
		proxyPort("proxy_protocol_port", func(c *Client) netip.AddrPort { return c.ProxyAddr }),
		proxyAddr("proxy_protocol_server_addr", func(c *Client) netip.AddrPort { return c.ProxyLocal }),
		proxyPort("proxy_protocol_server_port", func(c *Client) netip.AddrPort { return c.ProxyLocal }),
		appended("document_root", (*Request).AppendRoot),
		{Name: "realpath_root", Get: func(r *Request, dst []byte) ([]byte, bool) {
			p, err := filepath.EvalSymlinks(string(r.AppendRoot(nil)))
			return append(dst, p...), err == nil
		}},
		appended("request_filename", func(r *Request, dst []byte) []byte { return r.AppendPath(dst) }),
		{Name: "request_body", Get: func(r *Request, dst []byte) ([]byte, bool) {
			b := &r.Body
			if !b.Read || b.File != nil || len(b.Data) == 0 {
				return dst, false
			}
			return append(dst, b.Data...), true
		}},
		{Name: "request_body_file", Get: func(r *Request, dst []byte) ([]byte, bool) {
			return append(dst, r.Body.Path...), r.Body.File != nil
		}},
		number("request_length", func(r *Request) int64 { return int64(r.HeadLength) + r.Main.Body.received }),
		appended("request_time", func(r *Request, dst []byte) []byte { return AppendSeconds(dst, r.Worker.Now().Sub(r.Main.Start)) }),
		{Name: "request_id", Cache: true, Get: func(r *Request, dst []byte) ([]byte, bool) {
			var b [16]byte
			rand.Read(b[:])
			return hex.AppendEncode(dst, b[:]), true
		}},
		text("request_completion", func(r *Request) string {
			if r.ended && !r.failed {
				return "OK"
			}
			return ""
		}),
		{Name: "status", Get: func(r *Request, dst []byte) ([]byte, bool) { return r.appendStatus(dst), true }},
		number("body_bytes_sent", (*Request).BodyBytesSent),
		number("bytes_sent", (*Request).BytesSent),
		{Name: "content_length", Get: func(r *Request, dst []byte) ([]byte, bool) {
			if r.Chunked && r.Body.Read { // how long it is has turned out
				return strconv.AppendInt(dst, r.Body.Size, 10), true
			}
			v := r.Field("Content-Length")
			return append(dst, v...), v != nil
		}},
		{Name: "content_type", Get: func(r *Request, dst []byte) ([]byte, bool) { return appendFields(r, "content_type", dst) }},
		number("connection", func(r *Request) int64 { return int64(r.Client.ID) }),
		number("connection_requests", func(r *Request) int64 { return int64(r.Client.Requests) }),
		appended("connection_time", func(r *Request, dst []byte) []byte { return AppendSeconds(dst, r.Worker.Now().Sub(r.Client.Since)) }),
		text("pipe", func(r *Request) string {
			if r.Client.Pipelined {
				return "p"
			}
			return "."
		}),
		appended("msec", func(r *Request, dst []byte) []byte {
			ms := r.Worker.Now().UnixMilli()
			return AppendSeconds(dst, time.Duration(ms)*time.Millisecond)
		}),
		appended("time_local", func(r *Request, dst []byte) []byte {
			return r.Worker.Now().AppendFormat(dst, "02/Jan/2006:15:04:05 -0700")
		}),
		appended("time_iso8601", func(r *Request, dst []byte) []byte {
			return r.Worker.Now().AppendFormat(dst, "2006-01-02T15:04:05-07:00")
		}),
		number("pid", func(*Request) int64 { return int64(os.Getpid()) }),
		text("hostname", func(r *Request) string { return r.Config.Hostname }),
		text("nginx_version", func(r *Request) string { return r.Config.Build.Version }),
		{Name: "remote_user", Get: (*Request).appendUser},
		{Name: "limit_rate", Get: func(r *Request, dst []byte) ([]byte, bool) { return strconv.AppendInt(dst, r.Rate(), 10), true },
			Set: func(r *Request, v []byte) {
				if n, ok := conf.Size(string(v)); ok {
					r.limitRate = n + 1
				}
			}},
	}
}

// proxyAddr and proxyPort are the ends of the connection that a PROXY protocol
// header told of; empty if there was none.
func proxyAddr(name string, end func(c *Client) netip.AddrPort) Variable {
	return Variable{Name: name, Get: func(r *Request, dst []byte) ([]byte, bool) {
		if a := end(r.Client); a.IsValid() {
			dst = a.Addr().AppendTo(dst)
		}
		return dst, true
	}}
}

func proxyPort(name string, end func(c *Client) netip.AddrPort) Variable {
	return Variable{Name: name, Get: func(r *Request, dst []byte) ([]byte, bool) {
		if a := end(r.Client); a.IsValid() {
			dst = strconv.AppendUint(dst, uint64(a.Port()), 10)
		}
		return dst, true
	}}
}

func corePrefixes() []Prefix {
	return []Prefix{
		{Name: "arg_", Get: func(r *Request, rest string, dst []byte) ([]byte, bool) {
			v, ok := r.Arg(rest)
			return append(dst, v...), ok
		}},
		{Name: "cookie_", Get: func(r *Request, rest string, dst []byte) ([]byte, bool) {
			v, ok := r.Cookie(rest)
			return append(dst, v...), ok
		}},
		{Name: "http_", Get: appendFields},
		{Name: "sent_http_", Get: appendSent},
		{Name: "sent_trailer_", Get: func(r *Request, rest string, dst []byte) ([]byte, bool) {
			return joinFields(r.Out.Trailers, rest, dst)
		}},
	}
}

// sameName compares a field's name with a variable's, which has "_" for "-".
func sameName(name, variable string) bool {
	if len(name) != len(variable) {
		return false
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c == '-' {
			c = '_'
		}
		if c != variable[i] {
			return false
		}
	}
	return true
}

// appendFields joins the values of all fields of the name, as nginx does.
func appendFields(r *Request, rest string, dst []byte) ([]byte, bool) {
	found := false
	sep := ", "
	if rest == "cookie" {
		sep = "; "
	}
	for _, f := range r.Fields {
		if len(f.Name) == len(rest) && sameName(string(f.Name), rest) {
			if found {
				dst = append(dst, sep...)
			}
			dst, found = append(dst, f.Value...), true
		}
	}
	return dst, found
}

// Arg returns the value of the first argument called name, as it stands in
// the query; names are compared without regard to case.
func (r *Request) Arg(name string) ([]byte, bool) {
	rest := r.Args
	for len(rest) > 0 {
		pair, more, _ := bytes.Cut(rest, []byte("&"))
		rest = more
		k, v, ok := bytes.Cut(pair, []byte("="))
		if ok && len(k) == len(name) && equalFold(k, name) {
			return v, true
		}
	}
	return nil, false
}

// Cookie returns the value of a cookie of the request.
func (r *Request) Cookie(name string) ([]byte, bool) {
	for _, f := range r.Fields {
		if len(f.Name) != 6 || !equalFold(f.Name, "Cookie") {
			continue
		}
		rest := f.Value
		for len(rest) > 0 {
			pair, more, _ := bytes.Cut(rest, []byte(";"))
			rest = more
			k, v, ok := bytes.Cut(bytes.TrimLeft(pair, " \t"), []byte("="))
			if ok && len(k) == len(name) && equalFold(k, name) {
				return bytes.TrimRight(v, " \t"), true
			}
		}
	}
	return nil, false
}

// Scheme is "http" or "https".
func (r *Request) Scheme() string {
	if r.Client.TLS != nil {
		return "https"
	}
	return "http"
}

// Protocol is "HTTP/1.1" and the like.
func (r *Request) Protocol() string {
	switch {
	case r.Major == 1 && r.Minor == 1:
		return "HTTP/1.1"
	case r.Major == 1:
		return "HTTP/1.0"
	case r.Major >= 2:
		return "HTTP/" + strconv.Itoa(r.Major) + ".0"
	}
	return ""
}

// appendHost is the host that the client named, else the server's name.
func (r *Request) appendHost(dst []byte) []byte {
	if len(r.Host) > 0 {
		return append(dst, r.Host...)
	}
	return append(dst, r.Server.Name...)
}

func (r *Request) appendStatus(dst []byte) []byte {
	status := r.Out.Status
	if r.errStatus != 0 && !r.Out.Sent {
		status = r.errStatus
	}
	if status == 0 {
		return append(dst, "000"...)
	}
	if status < 100 {
		dst = append(dst, "000"[:3-len(strconv.Itoa(status))]...)
	}
	return strconv.AppendInt(dst, int64(status), 10)
}

// AppendSeconds writes a duration as seconds with three decimals.
func AppendSeconds(dst []byte, d time.Duration) []byte {
	ms := max(d.Milliseconds(), 0)
	dst = strconv.AppendInt(dst, ms/1000, 10)
	return append(dst, '.', byte('0'+ms/100%10), byte('0'+ms/10%10), byte('0'+ms%10))
}

func (r *Request) appendUser(dst []byte) ([]byte, bool) {
	user, _, ok := r.BasicAuth()
	return append(dst, user...), ok
}

// BasicAuth returns the credentials of an Authorization field (RFC 7617).
func (r *Request) BasicAuth() (user, password string, ok bool) {
	v := string(r.Field("Authorization"))
	if len(v) < 6 || !strings.EqualFold(v[:6], "basic ") {
		return "", "", false
	}
	raw, err := decodeBase64(strings.TrimSpace(v[6:]))
	if err != nil {
		return "", "", false
	}
	return cutBytes(raw)
}

// Rate is the limit of the response's speed in bytes a second; 0: none.
func (r *Request) Rate() int64 {
	if r.limitRate > 0 {
		return r.limitRate - 1
	}
	if t := r.Loc.Core.LimitRate; t != nil {
		if n, ok := conf.Size(t.String(r)); ok {
			return n
		}
	}
	return 0
}

// SetRate changes the limit for this response.
func (r *Request) SetRate(n int64) { r.limitRate = n + 1 }

// RateAfter is how many bytes go out before the limit applies.
func (r *Request) RateAfter() int64 {
	if t := r.Loc.Core.LimitRateAfter; t != nil {
		if n, ok := conf.Size(t.String(r)); ok {
			return n
		}
	}
	return 0
}

// requestPort is the port that the client names: in the request line, else in
// the Host field.
func (r *Request) requestPort() []byte {
	host := r.Main.Field("Host")
	if _, rest, ok := bytes.Cut(r.Main.RequestLine, []byte(" ")); ok && len(rest) > 0 && rest[0] != '/' {
		if _, rest, ok := bytes.Cut(rest, []byte("://")); ok {
			if end := bytes.IndexAny(rest, "/?# "); end >= 0 {
				rest = rest[:end]
			}
			host = rest
		}
	}
	_, port, ok := http1.SplitHost(host)
	if !ok {
		return nil
	}
	return port
}
