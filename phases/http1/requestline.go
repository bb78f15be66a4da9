package http1

import "bytes"

// methodByte is nginx's alphabet of methods.
var methodByte = func() (t [256]bool) {
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = true
	}
	t['_'], t['-'] = true, true
	return t
}()

const (
	badMethod  = "client sent invalid method"
	badRequest = "client sent invalid request"
	badVersion = "client sent invalid version"
	badURIHost = "client sent invalid host in request line"
)

// requestLine reads "METHOD SP target SP HTTP/x.y" and its end.
func (h *RequestHead) requestLine(b []byte, l *Limits) error {
	if err := h.emptyLines(b, l); err != nil {
		return err
	}
	start := h.at.pos
	i := start
	for i < len(b) && methodByte[b[i]] {
		i++
	}
	switch {
	case i == len(b):
		return h.short(b, l, 0)
	case b[i] != ' ' || i == start:
		return errLine(400, badMethod)
	}
	method := b[start:i:i]
	target := i + 1
	if target == len(b) {
		return h.short(b, l, 0)
	}
	if c := b[target] | 0x20; b[target] != '/' && (c < 'a' || c > 'z') && string(method) != "CONNECT" && string(method) != "PRI" {
		return errLine(400, badRequest)
	}
	end := firstNonTarget(b, target)
	switch {
	case end == len(b):
		return h.short(b, l, end)
	case end == target:
		return errLine(400, badRequest)
	case b[end] == '\r' || b[end] == '\n':
		return h.simpleRequest(b, start, i, end, l)
	case b[end] != ' ':
		return errLine(400, badRequest)
	}
	n, minor, err := version(b[end+1:])
	if err == ErrShort {
		return h.short(b, l, 0)
	}
	if err != nil {
		return err
	}
	stop := end + 1 + n
	eol := scanLineEnd(b, stop, fieldGood)
	switch eol.verdict {
	case fieldShort:
		return h.short(b, l, 0)
	case fieldBad:
		return errLine(400, badRequest)
	}
	if eol.next-start > l.MaxLine {
		return errLine(414, "client sent too long URI")
	}
	h.Line, h.Method, h.Target, h.Protocol = b[start:stop:stop], method, b[target:end:end], b[end+1:stop:stop]
	h.Major, h.Minor = 1, min(minor, 1)
	h.at.pos, h.at.scanned, h.at.hasLine, h.at.lf = eol.next, 0, true, eol.lf
	h.at.lineStart, h.at.lineEnd = start, stop
	return h.target()
}

// simpleRequest is HTTP/0.9: "GET target" and the end of the line are the whole request.
func (h *RequestHead) simpleRequest(b []byte, start, methodEnd, stop int, l *Limits) error {
	if !l.HTTP09 || string(b[start:methodEnd]) != "GET" {
		return errLine(400, badRequest)
	}
	eol := scanLineEnd(b, stop, fieldGood)
	switch eol.verdict {
	case fieldShort:
		return h.short(b, l, 0)
	case fieldBad:
		return errLine(400, badRequest)
	}
	h.Line, h.Method, h.Target = b[start:stop:stop], b[start:methodEnd:methodEnd], b[methodEnd+1:stop:stop]
	h.Major, h.Minor, h.Bytes = 0, 9, eol.next
	return h.target()
}

// emptyLines steps over the empty lines that some clients send behind a body.
func (h *RequestHead) emptyLines(b []byte, l *Limits) error {
	for {
		pos := h.at.pos
		if pos == len(b) {
			return h.short(b, l, 0)
		}
		if b[pos] != '\r' && b[pos] != '\n' {
			return nil
		}
		eol := scanLineEnd(b, pos, fieldGood)
		if eol.verdict == fieldShort {
			return h.short(b, l, 0)
		}
		if eol.verdict == fieldBad || h.at.empty == maxEmptyLines {
			return errLine(400, badMethod)
		}
		h.at.empty++
		h.at.pos = eol.next
	}
}

// maxMajorDigits bounds what is waited for.
const maxMajorDigits = 3

// version reads "HTTP/1.x" and returns its length. One digit stands behind the dot; a higher
// major version is well formed and 505.
func version(v []byte) (n, minor int, err error) {
	const prefix = "HTTP/"
	if len(v) >= 8 && string(v[:7]) == "HTTP/1." && v[7] >= '0' && v[7] <= '9' {
		return 8, int(v[7] - '0'), nil
	}
	if len(v) < len(prefix) {
		if string(v) != prefix[:len(v)] {
			return 0, 0, errLine(400, badRequest)
		}
		return 0, 0, ErrShort
	}
	if string(v[:5]) != prefix {
		return 0, 0, errLine(400, badRequest)
	}
	digits := 5
	for digits < len(v) && v[digits] >= '0' && v[digits] <= '9' {
		digits++
	}
	major := v[5:digits]
	if len(major) > 0 && major[0] == '0' {
		return 0, 0, errLine(400, badRequest)
	}
	if digits == len(v) && len(major) <= maxMajorDigits {
		return 0, 0, ErrShort
	}
	if len(major) > maxMajorDigits {
		return 0, 0, errLine(505, badVersion)
	}
	if len(major) == 0 || v[digits] != '.' {
		return 0, 0, errLine(400, badRequest)
	}
	if digits+1 == len(v) {
		return 0, 0, ErrShort
	}
	if c := v[digits+1]; c < '0' || c > '9' {
		return 0, 0, errLine(400, badRequest)
	}
	return 0, 0, errLine(505, badVersion) // 1.x has been taken above
}

// target splits the target: origin form, absolute form (its authority wins over Host), and
// authority form for CONNECT alone.
func (h *RequestHead) target() error {
	t := h.Target
	if string(h.Method) == "CONNECT" {
		host, port, ok := SplitHost(t)
		if !ok || len(port) == 0 {
			return errLine(400, badRequest)
		}
		h.Host, h.Port, h.Path = host, port, t[:0:0]
		return nil
	}
	if t[0] == '*' { // only a PRI preface gets here
		return errLine(400, badRequest)
	}
	if t[0] != '/' {
		rest, err := h.authority(t)
		if err != nil {
			return err
		}
		t = rest
	}
	if i := bytes.IndexByte(t, '#'); i >= 0 {
		t = t[:i]
	}
	if i := bytes.IndexByte(t, '?'); i >= 0 {
		h.Query, h.HasQuery = t[i+1:], true
		t = t[:i]
	}
	h.Path = t
	if len(t) == 0 {
		h.Path = root
	}
	return nil
}

// root is the path of an absolute form without one. Never written to.
var root = []byte("/")

// authority cuts "scheme://host:port" off a target in absolute form.
func (h *RequestHead) authority(t []byte) (rest []byte, err error) {
	i := 0
	for i < len(t) && (nameClass[t[i]] == nameGood || t[i] == '+' || t[i] == '.') {
		i++
	}
	if i+3 > len(t) || string(t[i:i+3]) != "://" {
		return nil, errLine(400, badRequest)
	}
	h.Scheme = t[:i:i]
	t = t[i+3:]
	end := bytes.IndexAny(t, "/?#")
	if end < 0 {
		end = len(t)
	}
	host, port, ok := SplitHost(t[:end])
	if !ok {
		return nil, errLine(400, badURIHost)
	}
	h.Host, h.Port = host, port
	return t[end:], nil
}
