package http1

// ResponseHead is an upstream's response head. It is reused as [RequestHead] is.
type ResponseHead struct {
	StatusLine []byte // as it came, without its end
	Reason     []byte // may be empty

	Major, Minor int // 1.0 or 1.1; a higher minor is 1.1
	Status       int // 100 to 999; 1xx are heads like any other

	Fields []Field

	ContentLength int64 // -1: none. What a HEAD, 204 or 304 has of it is not a body
	Chunked       bool
	KeepAlive     bool // by version and Connection; a body that ends with the connection is the caller's to see
	Upgrade       bool // Upgrade, named by Connection
	LF            bool // some line ends in a bare LF

	Bytes int

	at responseProgress
}

type responseProgress struct {
	progress
	length, encoding bool
}

// upstreamMaxBytes bounds a response head when Limits do not.
const upstreamMaxBytes = 65536

// Reset forgets an incomplete head. It is needed before the struct serves another connection.
func (h *ResponseHead) Reset() {
	*h = ResponseHead{Fields: h.Fields[:0], ContentLength: -1}
}

// ParseResponse is [ParseRequest] for a response. Of the limits, numbers count: MaxBytes is
// proxy_buffer_size (default 65536) and MaxLine defaults to it; field names hold any token byte.
// Every refusal is a *ParseError with status 502. Unlike a client's, an upstream's lines may end
// in CRLF and LF by turns, as those of scripts do: what is sent on is written anew.
func ParseResponse(b []byte, h *ResponseHead, lim *Limits) (n int, err error) {
	return h.resume(b, lim, false)
}

func (h *ResponseHead) resume(b []byte, lim *Limits, cgi bool) (n int, err error) {
	var room Limits
	l := upstreamLimits(lim, &room)
	resumed := h.at.pos > 0 || h.at.scanned > 0
	if !resumed || len(b) < h.at.scanned || len(b) < h.at.pos {
		h.Reset()
		resumed = false
	}
	n, err = h.parse(b, l, cgi)
	if resumed && err != ErrShort {
		h.Reset()
		n, err = h.parse(b, l, cgi)
	}
	if err != ErrShort {
		h.at = responseProgress{}
	}
	return n, err
}

// Never written to.
var upstreamDefaults = Limits{MaxHeaders: defaultMaxHeaders, MaxLine: upstreamMaxBytes, MaxBytes: upstreamMaxBytes}

func upstreamLimits(l, room *Limits) *Limits {
	switch {
	case l == nil:
		return &upstreamDefaults
	case l.MaxHeaders > 0 && l.MaxLine > 0 && l.MaxBytes > 0:
		return l
	case l.MaxBytes > 0:
		return l.filled(room, l.MaxBytes, 0)
	}
	return l.filled(room, upstreamMaxBytes, upstreamMaxBytes)
}

func (h *ResponseHead) parse(b []byte, l *Limits, cgi bool) (int, error) {
	if h.at.scanned > h.at.pos && firstControl(b, h.at.scanned) == len(b) {
		return 0, h.short(b, l, len(b))
	}
	if cgi {
		h.Major, h.Minor = 1, 1
	} else if !h.at.hasLine {
		if err := h.statusLine(b, l); err != nil {
			return 0, err
		}
	}
	for {
		pos := h.at.pos
		s := scanField(b, pos)
		switch {
		case s.verdict == fieldShort:
			return 0, h.short(b, l, s.next)
		case s.verdict == fieldBad:
			return 0, errUpstream("upstream sent invalid header: " + quoted(b[pos:min(s.next+1, len(b))]))
		case s.next-pos > l.MaxLine || s.next > l.MaxBytes:
			return 0, errUpstream("upstream sent too big header")
		}
		h.LF = h.LF || s.lf
		if s.verdict == fieldEnd {
			return h.finish(s.next), nil
		}
		f := Field{b[pos:s.nameEnd:s.nameEnd], b[s.valueStart:s.valueEnd:s.valueEnd]}
		if s.classes&nameOdd != 0 && hidesFraming(f.Name) || s.classes&nameUnderscore != 0 && namesFraming(f.Name) {
			return 0, errUpstream("upstream sent invalid header: " + quoted(b[pos:s.next]))
		}
		if len(h.Fields) >= l.MaxHeaders {
			return 0, errUpstream(errTooMany("upstream", l.MaxHeaders))
		}
		h.Fields = append(h.Fields, f)
		if err := h.field(f); err != nil {
			return 0, err
		}
		h.at.pos = s.next
	}
}

// short checks the limits of an incomplete head and notes how far it is good.
func (h *ResponseHead) short(b []byte, l *Limits, scanned int) error {
	if len(b) >= l.MaxBytes || len(b)-h.at.pos >= l.MaxLine {
		return errUpstream("upstream sent too big header")
	}
	h.at.scanned = scanned
	return ErrShort
}

// statusLine reads "HTTP/1.x SP 3DIGIT [SP reason]" and its end (RFC 9112 section 4).
func (h *ResponseHead) statusLine(b []byte, l *Limits) error {
	const form = "HTTP/1.0 000"
	for i := range min(len(b), len(form)) {
		c := b[i]
		if form[i] == '0' && c >= '0' && c <= '9' {
			continue
		}
		if c != form[i] || form[i] == '0' {
			if i < len("HTTP/") {
				return errUpstream("upstream sent no valid HTTP/1.0 header")
			}
			return errStatusLine(b[:min(len(b), len(form))])
		}
	}
	if len(b) >= 10 && b[9] == '0' {
		return errStatusLine(b[:min(len(b), len(form))])
	}
	if len(b) <= len(form) {
		return h.short(b, l, 0)
	}
	if c := b[len(form)]; c != ' ' && c != '\r' && c != '\n' {
		return errStatusLine(b[:len(form)+1])
	}
	end := firstControl(b, len(form))
	eol := scanLineEnd(b, end, fieldGood)
	switch eol.verdict {
	case fieldShort:
		return h.short(b, l, end)
	case fieldBad:
		return errStatusLine(b[:end+1])
	}
	if eol.next > l.MaxLine || eol.next > l.MaxBytes {
		return errUpstream("upstream sent too big header")
	}
	h.StatusLine = b[:end:end]
	h.Reason = b[min(len(form)+1, end):end:end]
	h.Major, h.Minor = 1, min(int(b[7]-'0'), 1)
	h.Status = int(b[9]-'0')*100 + int(b[10]-'0')*10 + int(b[11]-'0')
	h.at.pos, h.at.scanned, h.at.hasLine, h.LF = eol.next, 0, true, eol.lf
	return nil
}

// field reads the fields that frame the message or say what becomes of the connection.
func (h *ResponseHead) field(f Field) error {
	switch {
	case equalFold(f.Name, "content-length"):
		if h.at.length {
			return errUpstream(errDuplicate("upstream", f))
		}
		n, ok := parseLength(f.Value)
		if !ok {
			return errUpstream("upstream sent invalid \"Content-Length\" header: " + quoted(f.Value))
		}
		h.ContentLength, h.at.length = n, true
	case equalFold(f.Name, "transfer-encoding"):
		if h.at.encoding {
			return errUpstream(errDuplicate("upstream", f))
		}
		if !equalFold(f.Value, "chunked") {
			return errUpstream("upstream sent unknown \"Transfer-Encoding\": " + quoted(f.Value))
		}
		if h.Minor == 0 {
			return errUpstream("upstream sent HTTP/1.0 response with \"Transfer-Encoding\" header")
		}
		h.Chunked, h.at.encoding = true, true
	case equalFold(f.Name, "connection"):
		h.at.conn.add(f.Value)
	case equalFold(f.Name, "upgrade"):
		h.at.upgrade = len(f.Value) > 0
	}
	if h.at.length && h.at.encoding {
		return errUpstream("upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time")
	}
	return nil
}

func (h *ResponseHead) finish(n int) int {
	h.Bytes = n
	h.KeepAlive = h.at.conn.keeps(h.Minor)
	h.Upgrade = h.at.upgrade && h.at.conn.upgrade
	return n
}
