package upstream

import (
	"time"

	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// httpProtocol speaks HTTP/1.0 and HTTP/1.1 with a peer for proxy_pass.
type httpProtocol struct {
	own     *proxyConf
	method  string
	chunked bool // the request's body is sent in chunks
	upgrade bool // the request asks for another protocol

	decoder http1.ChunkedDecoder
	mode    bodyMode
	left    int64
	extra   bool // more came than the answer is long
	interim int
}

type bodyMode uint8

const (
	noBody bodyMode = iota
	ofLength
	inChunks
	untilClosed
)

// maxInterim bounds how many 1xx answers may stand before the final one.
const maxInterim = 100

func (h *httpProtocol) reset(*Exchange) {
	h.mode, h.left, h.extra, h.interim = noBody, 0, false, 0
	h.decoder.Reset()
}

// request writes the request line, the fields of the configuration, those of
// the client that it lets through, and what frames the body.
func (h *httpProtocol) request(x *Exchange, b []byte) ([]byte, error) {
	r, own := x.r, h.own
	h.chunked, h.upgrade = false, false
	cached := x.cacheable()
	if cached && h.method == "HEAD" && x.cache.conf.convert {
		h.method = "GET"
	}
	b = http1.AppendRequestLine(b, h.method, x.uri, own.Version)
	for i := range own.fields {
		b = own.fields[i].append(x, b)
	}
	b = h.appendFraming(x, b)
	if x.set.PassHeaders {
		for i := range r.Fields {
			if f := &r.Fields[i]; !hasName(&own.named, f.Name) && !(cached && hasName(&conditional, f.Name)) {
				b = http1.AppendField(b, f.Name, f.Value)
			}
		}
	}
	if cached {
		b = x.appendValidators(b, &own.named)
	}
	return append(b, '\r', '\n'), nil
}

// append adds the field unless its value is empty.
func (f *sentField) append(x *Exchange, b []byte) []byte {
	if f.line != "" {
		return append(b, f.line...)
	}
	if f.connection {
		if u := x.target.upstream; x.http.own.Version == 0 || u.Keepalive.Idle == 0 && u.Choose == nil {
			b = append(b, "Connection: close\r\n"...)
		}
		return b
	}
	from := len(b)
	b = append(append(b, f.name...), ": "...)
	value := len(b)
	if f.host {
		b = append(b, x.target.host...)
	} else {
		b = f.value.Append(x.r, b)
	}
	if len(b) == value {
		return b[:from]
	}
	for i, c := range b[value:] {
		if c == '\r' || c == '\n' || c == 0 {
			b[value+i] = ' '
		}
	}
	if f.upgrade {
		x.http.upgrade = true
	}
	return append(b, '\r', '\n')
}

// appendFraming says how long the body is. Nothing that a client or a
// configuration says of it is believed.
func (h *httpProtocol) appendFraming(x *Exchange, b []byte) []byte {
	r := x.r
	switch {
	case x.setBody != nil:
		return http1.AppendFieldInt(b, "Content-Length", int64(len(x.setBody)))
	case !x.set.PassBody:
		return b
	case x.stream && r.ContentLength < 0:
		h.chunked = true
		return append(b, "Transfer-Encoding: chunked\r\n"...)
	case x.stream:
		return http1.AppendFieldInt(b, "Content-Length", r.ContentLength)
	case r.Body.Size > 0 || r.ContentLength >= 0:
		return http1.AppendFieldInt(b, "Content-Length", r.Body.Size)
	}
	return b
}

func (h *httpProtocol) framed(*Exchange) bool { return h.chunked }

func (h *httpProtocol) open(dst []byte, n int) []byte { return http1.AppendChunkHeader(dst, n) }
func (h *httpProtocol) shut(dst []byte, n int) []byte { return append(dst, '\r', '\n') }
func (h *httpProtocol) end(dst []byte) []byte         { return http1.AppendLastChunk(dst, nil) }

func (h *httpProtocol) readHead(x *Exchange, b []byte) (used int, err error) {
	for {
		n, err := http1.ParseResponse(b[used:], &x.head, &x.limits)
		if err != nil {
			return used, err
		}
		used += n
		switch s := x.head.Status; {
		case s == 101:
			if !h.upgrade {
				return used, &http1.ParseError{Status: 502, Reason: "upstream sent status 101 that was not asked for while reading response header from upstream"}
			}
		case s < 200:
			if h.interim++; h.interim > maxInterim {
				return used, &http1.ParseError{Status: 502, Reason: "upstream sent too many informational responses while reading response header from upstream"}
			}
			if s == 103 {
				x.hint()
			}
			continue
		}
		h.frame(x)
		return used, nil
	}
}

// frame finds out how long the answer is (RFC 9112 section 6.3).
func (h *httpProtocol) frame(x *Exchange) {
	switch a := &x.head; {
	case h.method == "HEAD" || a.Status == 204 || a.Status == 304 || a.Status == 101:
		h.mode = noBody
	case a.Chunked:
		h.mode = inChunks
	case a.ContentLength >= 0:
		h.mode, h.left = ofLength, a.ContentLength
	default:
		h.mode = untilClosed
	}
}

func (h *httpProtocol) readBody(x *Exchange, b []byte) (data []byte, n int, done bool, err error) {
	switch h.mode {
	case ofLength:
		n = int(min(int64(len(b)), h.left))
		h.left -= int64(n)
		h.extra = n < len(b)
		return b[:n], n, h.left == 0, nil
	case inChunks:
		return h.readChunks(x, b)
	case untilClosed:
		return b, len(b), false, nil
	}
	h.extra = len(b) > 0
	return nil, 0, true, nil
}

// readChunks decodes what is there of a chunked body, its runs put together in
// place.
func (h *httpProtocol) readChunks(x *Exchange, b []byte) (data []byte, n int, done bool, err error) {
	from, to := 0, 0
	for n < len(b) && !h.decoder.Done() {
		run, used, err := h.decoder.Next(b[n:])
		if len(run) > 0 {
			at := n + used - len(run)
			if to == 0 {
				from, to = at, at
			}
			if to != at {
				copy(b[to:], run)
			}
			to += len(run)
		}
		n += used
		if err != nil {
			return b[from:to], n, false, &http1.ParseError{Status: 502, Reason: "upstream sent invalid chunked response"}
		}
	}
	if done = h.decoder.Done(); done {
		h.extra = n < len(b)
		for _, f := range h.decoder.Trailers {
			x.trailers = append(x.trailers, phases.Field{Name: string(f.Name), Value: string(f.Value)})
		}
	}
	return b[from:to], n, done, nil
}

func (h *httpProtocol) closed(*Exchange) bool { return h.mode == untilClosed }

func (h *httpProtocol) reusable(x *Exchange) bool {
	return x.head.KeepAlive && h.mode != untilClosed && !h.extra && x.head.Status != 101
}

// appendURI writes what is asked of the peer: nginx's rules of proxy_pass. The
// URI of the directive takes the place of the location's name; without one
// the request goes as the client sent it, unless it was rewritten.
func (h *httpProtocol) appendURI(x *Exchange, b []byte) []byte {
	r, own, uri := x.r, h.own, x.target.uri
	switch {
	case own.pass.dynamic && uri != "":
		return append(b, uri...)
	case uri == "" && !r.Rewritten && r.IsMain():
		if t := r.Target; len(t) > 0 && t[0] == '/' {
			return append(b, t...)
		}
	}
	path := r.URI
	if uri != "" && !r.Moved {
		b = append(b, uri...)
		path = path[min(own.pass.cut, len(path)):]
	}
	b = http1.AppendEscaped(b, path, http1.EscapeURI)
	if len(r.Args) > 0 {
		b = append(append(b, '?'), r.Args...)
	}
	return b
}

// conditional are the client's fields that make an answer less than the whole:
// one that is to be stored is asked for without them. Never written to.
var conditional = func() (n nameSet) {
	for _, name := range []string{"If-Modified-Since", "If-Unmodified-Since", "If-None-Match", "If-Match", "Range", "If-Range"} {
		n.add(name)
	}
	return n
}()

// appendValidators asks whether what is stored is still good.
func (x *Exchange) appendValidators(b []byte, named *nameSet) []byte {
	c := x.cache
	if c.status != cacheExpired || !c.conf.revalidate || c.file == nil {
		return b
	}
	if c.stored.modified != 0 && !named.has("If-Modified-Since") {
		b = append(b, "If-Modified-Since: "...)
		b = append(http1.AppendHTTPDate(b, time.Unix(c.stored.modified, 0)), "\r\n"...)
	}
	if c.stored.etag != "" && !named.has("If-None-Match") {
		b = http1.AppendField(b, "If-None-Match", c.stored.etag)
	}
	return b
}
