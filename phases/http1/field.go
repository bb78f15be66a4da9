package http1

import "bytes"

// Field is one field line of a head; its slices are of the parsed buffer, blanks around the value cut.
type Field struct{ Name, Value []byte }

// Limits bounds a head. The zero value of a number is its default.
type Limits struct {
	MaxHeaders int // field lines, default 1000 (max_headers)
	MaxLine    int // bytes of one line with its end, default 8192 (the size of large_client_header_buffers)
	MaxBytes   int // bytes of the head, default 32768 (number times size of large_client_header_buffers)

	// AllowUnderscores takes '_' for a good byte of a request's field name (underscores_in_headers).
	AllowUnderscores bool
	// IgnoreInvalid drops a request's fields whose names hold other token bytes than letters,
	// digits and '-', instead of keeping them (ignore_invalid_headers). Both ends of a proxy
	// agree on such names, but scripts and CGI variables do not.
	IgnoreInvalid bool
	// HTTP09 takes "GET /x" and a line end for a whole HTTP/0.9 request, whose answer is a body
	// alone. Without it that is 400.
	HTTP09 bool
}

const (
	defaultMaxHeaders = 1000
	defaultMaxLine    = 8192
	defaultMaxBytes   = 4 * 8192
)

// nginxLimits is what a nil *Limits means: nginx's defaults. Never written to.
var nginxLimits = Limits{MaxHeaders: defaultMaxHeaders, MaxLine: defaultMaxLine, MaxBytes: defaultMaxBytes, IgnoreInvalid: true}

// resolved has no zero numbers. It is l itself when that has none, else a copy in room.
func (l *Limits) resolved(room *Limits) *Limits {
	switch {
	case l == nil:
		return &nginxLimits
	case l.MaxHeaders > 0 && l.MaxLine > 0 && l.MaxBytes > 0:
		return l
	}
	return l.filled(room, defaultMaxLine, defaultMaxBytes)
}

func (l *Limits) filled(r *Limits, line, bytes int) *Limits {
	*r = *l
	if r.MaxHeaders <= 0 {
		r.MaxHeaders = defaultMaxHeaders
	}
	if r.MaxBytes <= 0 {
		r.MaxBytes = bytes
	}
	if r.MaxLine <= 0 {
		r.MaxLine = line
	}
	return r
}

// Classes of bytes in a field name. Zero is no token byte (RFC 9110 section 5.6.2).
const (
	nameGood = 1 << iota
	nameUnderscore
	nameOdd
)

var nameClass = func() (t [256]uint8) {
	for c := range 256 {
		switch {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c == '-':
			t[c] = nameGood
		case c == '_':
			t[c] = nameUnderscore
		case bytes.IndexByte([]byte("!#$%&'*+.^`|~"), byte(c)) >= 0:
			t[c] = nameOdd
		}
	}
	return t
}()

type verdict uint8

const (
	fieldGood  verdict = iota
	fieldEnd           // the empty line: next is behind it
	fieldShort         // the line is not complete; next is how far it is known to be good, 0 when not past the name
	fieldBad           // next is the offending byte
)

// span is one scanned line of b: name is b[pos:nameEnd], value b[valueStart:valueEnd].
type span struct {
	nameEnd, valueStart, valueEnd, next int
	classes                             uint8
	lf                                  bool // the line ends in a bare LF
	verdict                             verdict
}

// scanField looks at the line that starts at pos. Folded lines, blanks before the colon and
// control bytes other than HT in the value are bad.
func scanField(b []byte, pos int) (s span) {
	if pos < len(b) && b[pos] <= '\r' && (b[pos] == '\r' || b[pos] == '\n') {
		return scanLineEnd(b, pos, fieldEnd)
	}
	i, classes := pos, uint8(0)
	for ; i < len(b); i++ {
		class := nameClass[b[i]]
		if class == 0 {
			break
		}
		classes |= class
	}
	switch {
	case i == len(b):
		return span{verdict: fieldShort}
	case b[i] != ':' || i == pos:
		return span{verdict: fieldBad, next: i}
	}
	nameEnd := i
	i++
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	end := firstControl(b, i)
	if end+1 < len(b) && b[end] == '\r' && b[end+1] == '\n' {
		s = span{next: end + 2} // nearly all
	} else if s = scanLineEnd(b, end, fieldGood); s.verdict != fieldGood {
		return s
	}
	for end > i && (b[end-1] == ' ' || b[end-1] == '\t') {
		end--
	}
	s.nameEnd, s.valueStart, s.valueEnd, s.classes = nameEnd, i, end, classes
	return s
}

// scanLineEnd reads CRLF or LF at i.
func scanLineEnd(b []byte, i int, good verdict) (s span) {
	s.next = i
	switch {
	case i >= len(b):
		s.verdict = fieldShort
	case b[i] == '\n':
		s.next, s.lf, s.verdict = i+1, true, good
	case b[i] != '\r':
		s.verdict = fieldBad
	case i+1 == len(b):
		s.verdict = fieldShort
	case b[i+1] == '\n':
		s.next, s.verdict = i+2, good
	default:
		s.verdict = fieldBad
	}
	return s
}

// hidesFraming reports whether an odd name holds that of a framing field: somebody who skips
// or cuts at the odd byte would read it.
func hidesFraming(name []byte) bool {
	for i := 0; i+14 <= len(name); i++ {
		if namesFraming(name[i:i+14]) || i+17 <= len(name) && namesFraming(name[i:i+17]) {
			return true
		}
	}
	return false
}

// namesFraming reports whether name is that of a framing field once '_' is read as '-', as CGI
// variables make it.
func namesFraming(name []byte) bool {
	return foldsTo(name, "content-length") || foldsTo(name, "transfer-encoding")
}

func foldsTo(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if c|0x20 != lower[i] && (c != '_' || lower[i] != '-') {
			return false
		}
	}
	return true
}

// maxLength bounds a Content-Length and a chunk: sums of a few of them stay within int64.
const maxLength = 1<<60 - 1

// parseLength reads a Content-Length (RFC 9110 section 8.6): digits only, at most maxLength.
func parseLength(v []byte) (int64, bool) {
	if len(v) == 0 {
		return 0, false
	}
	var n int64
	for _, c := range v {
		d := int64(c - '0')
		if c < '0' || c > '9' || n > (maxLength-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// connection holds what the Connection fields of a head name.
type connection struct{ close, keepAlive, upgrade bool }

// add reads one Connection value, a list of case-insensitive tokens (RFC 9110 section 7.6.1).
func (c *connection) add(v []byte) {
	for len(v) > 0 {
		token := v
		if i := bytes.IndexByte(v, ','); i >= 0 {
			token, v = v[:i], v[i+1:]
		} else {
			v = nil
		}
		token = trim(token)
		switch {
		case equalFold(token, "close"):
			c.close = true
		case equalFold(token, "keep-alive"):
			c.keepAlive = true
		case equalFold(token, "upgrade"):
			c.upgrade = true
		}
	}
}

// keeps reports whether the connection outlives the message (RFC 9112 section 9.3).
func (c *connection) keeps(minor int) bool {
	return !c.close && (minor >= 1 || c.keepAlive)
}
