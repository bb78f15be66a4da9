package http1

// maxEmptyLines is how many empty lines may stand before a request line (RFC 9112 section 2.2).
const maxEmptyLines = 4

// RequestHead is a request's head. It is reused: every parse starts it afresh, Fields keeps its room.
// Slices are of the buffer given to the call of [ParseRequest] that was complete.
type RequestHead struct {
	// Line is the request line without its end. It alone is set as soon as it is complete, with
	// ErrShort (nil: not even the line is there); of a refused line it is what came ($request).
	Line     []byte
	Method   []byte
	Target   []byte // as it came ($request_uri)
	Protocol []byte // as it came ($server_protocol)

	Major, Minor int // 1.0 or 1.1; a higher minor is 1.1; 0.9 with [Limits].HTTP09

	Fields []Field

	// Scheme is that of a target in absolute form, else nil.
	Scheme []byte
	// Host and Port are the validated authority of the target, which wins, or Host field: Host
	// without a trailing dot, in the letters it came in; empty when an HTTP/1.0 request has none.
	Host, Port []byte

	Path, Query []byte // of the target, undecoded, up to its '?' and '#'; Path is never empty
	HasQuery    bool

	ContentLength int64 // -1: none
	Chunked       bool
	KeepAlive     bool // by version and Connection
	Expect100     bool // the client waits for 100 Continue; never set for HTTP/1.0
	HasUpgrade    bool // Upgrade, named by Connection, on HTTP/1.1

	// Dropped counts the fields left out by [Limits].IgnoreInvalid, DroppedLine is the first of them
	// (nginx logs: client sent invalid header line).
	Dropped     int
	DroppedLine []byte

	Bytes int // length of the head, empty lines before it included

	at progress
}

// progress is where a parse of an incomplete head stands.
type progress struct {
	pos                int // start of the first line that is not complete
	lineStart, lineEnd int // the request line, without its end
	scanned            int // bytes known to be good, past the name or method of that line; 0: nothing known
	empty              int
	seen               uint32
	conn               connection
	encoding           []byte // value of Transfer-Encoding
	hasLine            bool
	lf                 bool // lines end in a bare LF
	upgrade            bool
}

// Reset forgets an incomplete head. It is needed before the struct serves another connection.
func (h *RequestHead) Reset() {
	*h = RequestHead{Fields: h.Fields[:0], ContentLength: -1}
}

// ParseRequest reads the head at the start of b and returns its length. An incomplete head is
// ErrShort: the next call must come with the same bytes and more, at any address. What it has
// looked at is not looked at again, so a head may arrive byte by byte. Anything refused is a
// *ParseError, as early as the bytes allow; nil limits are nginx's defaults.
func ParseRequest(b []byte, h *RequestHead, lim *Limits) (n int, err error) {
	var room Limits
	l := lim.resolved(&room)
	resumed := h.at.pos > 0 || h.at.scanned > 0
	if !resumed || len(b) < h.at.scanned || len(b) < h.at.pos {
		h.Reset()
		resumed = false
	}
	n, err = h.parse(b, l)
	if resumed && err != ErrShort {
		h.Reset() // slices taken in earlier calls may be of a buffer that has been left
		n, err = h.parse(b, l)
	}
	if err != ErrShort {
		if h.Line == nil {
			h.Line = firstLine(b[h.at.pos:])
		}
		h.at = progress{}
	}
	return n, err
}

// firstLine is b up to a line end, as far as it is there.
func firstLine(b []byte) []byte {
	for i, c := range b {
		if c == '\r' || c == '\n' {
			return b[:i:i]
		}
	}
	return b[:len(b):len(b)]
}

func (h *RequestHead) parse(b []byte, l *Limits) (int, error) {
	if h.at.scanned > h.at.pos && h.stillGood(b) {
		return 0, h.short(b, l, len(b))
	}
	if !h.at.hasLine {
		if err := h.requestLine(b, l); err != nil {
			return 0, err
		}
		if h.Major == 0 {
			return h.Bytes, nil
		}
	}
	for {
		pos := h.at.pos
		s := scanField(b, pos)
		switch {
		case s.verdict == fieldShort:
			return 0, h.short(b, l, s.next)
		// A peer in front that knows CRLF only would take a bare LF for a part of
		// a value, and never passes on a head that begins with one.
		case s.verdict == fieldBad || s.lf && !h.at.lf:
			return 0, badLine(b, pos, s.next)
		case s.next-pos > l.MaxLine:
			return 0, tooLong(b[pos:s.next])
		case s.next > l.MaxBytes:
			return 0, errField(494, "client sent too large request")
		case s.verdict == fieldEnd:
			return h.finish(s.next)
		}
		f := Field{b[pos:s.nameEnd:s.nameEnd], b[s.valueStart:s.valueEnd:s.valueEnd]}
		if err := h.field(f, s.classes, b[pos:s.next], l); err != nil {
			return 0, err
		}
		h.at.pos = s.next
	}
}

// stillGood reports whether the bytes that have come since only lengthen a value or a target.
func (h *RequestHead) stillGood(b []byte) bool {
	if h.at.hasLine {
		return firstControl(b, h.at.scanned) == len(b)
	}
	return firstNonTarget(b, h.at.scanned) == len(b)
}

// short checks the limits of an incomplete head and notes how far it is good.
func (h *RequestHead) short(b []byte, l *Limits, scanned int) error {
	switch {
	case len(b)-h.at.pos >= l.MaxLine && !h.at.hasLine:
		return errLine(414, "client sent too long URI")
	case len(b)-h.at.pos >= l.MaxLine:
		return tooLong(b[h.at.pos:])
	case len(b) >= l.MaxBytes:
		return errField(494, "client sent too large request")
	}
	if h.at.hasLine {
		h.Line = b[h.at.lineStart:h.at.lineEnd:h.at.lineEnd]
	}
	h.at.scanned = scanned
	return ErrShort
}

func tooLong(line []byte) error {
	return errField(494, "client sent too long header line: "+quoted(line[:min(len(line), maxQuoted)]))
}

func badLine(b []byte, pos, at int) error {
	return errField(400, "client sent invalid header line: "+quoted(b[pos:min(at+1, len(b))]))
}

// Fields a request may have only once; the bits of progress.seen.
const (
	seenHost = 1 << iota
	seenLength
	seenEncoding
	seenExpect
	seenAuthorization
	seenModified
	seenUnmodified
	seenMatch
	seenNoneMatch
	seenContentRange
	seenIfRange
)

// unique returns the bit of a field that may come only once, or 0.
func unique(name []byte) uint32 {
	switch len(name) {
	case 4:
		return bitIf(name, "host", seenHost)
	case 6:
		return bitIf(name, "expect", seenExpect)
	case 8:
		return bitIf(name, "if-match", seenMatch) | bitIf(name, "if-range", seenIfRange)
	case 13:
		return bitIf(name, "authorization", seenAuthorization) | bitIf(name, "if-none-match", seenNoneMatch) |
			bitIf(name, "content-range", seenContentRange)
	case 14:
		return bitIf(name, "content-length", seenLength)
	case 17:
		return bitIf(name, "transfer-encoding", seenEncoding) | bitIf(name, "if-modified-since", seenModified)
	case 19:
		return bitIf(name, "if-unmodified-since", seenUnmodified)
	}
	return 0
}

func bitIf(name []byte, lower string, bit uint32) uint32 {
	if equalFold(name, lower) {
		return bit
	}
	return 0
}

// field takes one field line into the head.
func (h *RequestHead) field(f Field, classes uint8, line []byte, l *Limits) error {
	if classes != nameGood {
		odd := classes&nameOdd != 0
		invalid := odd || !l.AllowUnderscores && classes&nameUnderscore != 0
		drop := invalid && l.IgnoreInvalid
		if odd && hidesFraming(f.Name) || !drop && namesFraming(f.Name) {
			return errField(400, "client sent invalid header line: "+quoted(line))
		}
		if drop {
			if h.Dropped == 0 {
				h.DroppedLine = line
			}
			h.Dropped++
			return h.count(l)
		}
	}
	if err := h.count(l); err != nil {
		return err
	}
	h.Fields = append(h.Fields, f)
	if bit := unique(f.Name); bit != 0 {
		if h.at.seen&bit != 0 {
			if bit == seenHost {
				return errField(400, "client sent duplicate host header: "+quoted(append(append(f.Name[:len(f.Name):len(f.Name)], ": "...), f.Value...)))
			}
			return errField(400, errDuplicate("client", f))
		}
		h.at.seen |= bit
		return h.uniqueField(bit, f.Value)
	}
	switch {
	case equalFold(f.Name, "connection"):
		h.at.conn.add(f.Value)
	case equalFold(f.Name, "upgrade"):
		h.at.upgrade = len(f.Value) > 0
	}
	return nil
}

func (h *RequestHead) count(l *Limits) error {
	if len(h.Fields)+h.Dropped >= l.MaxHeaders {
		return errField(494, errTooMany("client", l.MaxHeaders))
	}
	return nil
}

// uniqueField reads the fields that frame the message or name its server.
func (h *RequestHead) uniqueField(bit uint32, value []byte) error {
	switch bit {
	case seenHost:
		host, port, ok := SplitHost(value)
		if !ok {
			return errField(400, "client sent invalid host header")
		}
		if h.Host == nil {
			h.Host, h.Port = host, port
		}
	case seenLength:
		n, ok := parseLength(value)
		if !ok {
			return errField(400, "client sent invalid \"Content-Length\" header")
		}
		h.ContentLength = n
	case seenEncoding:
		h.at.encoding = value
	case seenExpect:
		h.Expect100 = h.Minor >= 1 && equalFold(value, "100-continue")
	}
	return nil
}

// encoding reads Transfer-Encoding when all fields are known.
func (h *RequestHead) encoding() error {
	switch {
	case h.at.seen&seenEncoding == 0:
		return nil
	case h.Minor == 0:
		return errField(400, "client sent HTTP/1.0 request with \"Transfer-Encoding\" header")
	case !equalFold(h.at.encoding, "chunked"):
		return errField(501, "client sent unknown \"Transfer-Encoding\": "+quoted(h.at.encoding))
	case h.ContentLength >= 0:
		return errField(400, "client sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time")
	}
	h.Chunked = true
	return nil
}

// finish checks what only the whole head tells.
func (h *RequestHead) finish(n int) (int, error) {
	h.Bytes = n
	h.KeepAlive = h.at.conn.keeps(h.Minor)
	if err := h.encoding(); err != nil {
		return 0, err
	}
	h.HasUpgrade = h.at.upgrade && h.at.conn.upgrade && h.Minor >= 1
	switch {
	case h.at.seen&seenHost == 0 && h.Minor >= 1:
		return 0, errField(400, "client sent HTTP/1.1 request without \"Host\" header")
	case string(h.Method) == "CONNECT":
		return 0, errField(405, "client sent CONNECT method")
	case string(h.Method) == "TRACE":
		return 0, errField(405, "client sent TRACE method")
	}
	return n, nil
}
