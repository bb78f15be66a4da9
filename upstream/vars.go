package upstream

import (
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// variables are $upstream_NAME: one value for each try, "a, b", and " : "
// between the exchanges of a request that was redirected inside the server.
func variables() []phases.Variable {
	list := func(name string, f func(a *attempt, dst []byte) []byte) phases.Variable {
		return phases.Variable{Name: name, Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			x := held.Get(r)
			if x == nil || len(x.attempts) == 0 {
				return dst, false
			}
			for i := range x.attempts {
				a := &x.attempts[i]
				dst = f(a, dst)
				switch {
				case i == len(x.attempts)-1:
				case a.last:
					dst = append(dst, " : "...)
				default:
					dst = append(dst, ", "...)
				}
			}
			return dst, true
		}}
	}
	duration := func(d time.Duration, dst []byte) []byte {
		if d < 0 {
			return append(dst, '-')
		}
		return phases.AppendSeconds(dst, d)
	}
	return append(cacheVariables(),
		list("upstream_addr", func(a *attempt, dst []byte) []byte { return append(dst, a.addr...) }),
		list("upstream_status", func(a *attempt, dst []byte) []byte {
			if a.status == 0 {
				return append(dst, '-')
			}
			return strconv.AppendInt(dst, int64(a.status), 10)
		}),
		list("upstream_connect_time", func(a *attempt, dst []byte) []byte { return duration(a.connect, dst) }),
		list("upstream_header_time", func(a *attempt, dst []byte) []byte { return duration(a.header, dst) }),
		list("upstream_response_time", func(a *attempt, dst []byte) []byte { return duration(a.took, dst) }),
		list("upstream_response_length", func(a *attempt, dst []byte) []byte { return strconv.AppendInt(dst, a.length, 10) }),
		list("upstream_bytes_sent", func(a *attempt, dst []byte) []byte { return strconv.AppendInt(dst, a.sent, 10) }),
		list("upstream_bytes_received", func(a *attempt, dst []byte) []byte { return strconv.AppendInt(dst, a.received, 10) }),
	)
}

func cacheVariables() []phases.Variable {
	cache := func(name string, f func(c *cacheUse, dst []byte) ([]byte, bool)) phases.Variable {
		return phases.Variable{Name: name, Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			if x := held.Get(r); x != nil && x.cache != nil {
				return f(x.cache, dst)
			}
			return dst, false
		}}
	}
	return []phases.Variable{
		cache("upstream_cache_status", func(c *cacheUse, dst []byte) ([]byte, bool) {
			return append(dst, cacheStatusNames[c.status]...), c.status != cacheNone
		}),
		cache("upstream_cache_key", func(c *cacheUse, dst []byte) ([]byte, bool) { return append(dst, c.keyText...), true }),
		cache("upstream_cache_last_modified", func(c *cacheUse, dst []byte) ([]byte, bool) {
			if c.stored.modified == 0 {
				return dst, false
			}
			return http1.AppendHTTPDate(dst, time.Unix(c.stored.modified, 0)), true
		}),
		cache("upstream_cache_etag", func(c *cacheUse, dst []byte) ([]byte, bool) {
			return append(dst, c.stored.etag...), c.stored.etag != ""
		}),
	}
}

func prefixes() []phases.Prefix {
	return []phases.Prefix{
		{Name: "upstream_http_", Get: func(r *phases.Request, rest string, dst []byte) ([]byte, bool) {
			if x := held.Get(r); x != nil {
				return appendFields(x.fields, rest, dst)
			}
			return dst, false
		}},
		{Name: "upstream_trailer_", Get: func(r *phases.Request, rest string, dst []byte) ([]byte, bool) {
			if x := held.Get(r); x != nil {
				return appendFields(x.trailers, rest, dst)
			}
			return dst, false
		}},
		{Name: "upstream_cookie_", Get: upstreamCookie},
	}
}

// appendFields joins the values of the fields that a variable names.
func appendFields(fields []phases.Field, name string, dst []byte) ([]byte, bool) {
	found := false
	for i := range fields {
		if f := &fields[i]; len(f.Name) == len(name) && strings.EqualFold(strings.ReplaceAll(f.Name, "-", "_"), name) {
			if found {
				dst = append(dst, ", "...)
			}
			dst, found = append(dst, f.Value...), true
		}
	}
	return dst, found
}

func upstreamCookie(r *phases.Request, rest string, dst []byte) ([]byte, bool) {
	x := held.Get(r)
	if x == nil {
		return dst, false
	}
	for i := range x.fields {
		f := &x.fields[i]
		if !sameName(f.Name, "set-cookie") {
			continue
		}
		pair, _, _ := strings.Cut(f.Value, ";")
		if name, value, ok := strings.Cut(pair, "="); ok && strings.EqualFold(strings.Trim(name, " "), rest) {
			return append(dst, strings.Trim(value, " ")...), true
		}
	}
	return dst, false
}
