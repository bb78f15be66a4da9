package filter

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// Ranges serves the parts of a response that the request asks for (RFC 9110
// section 14): one as it is, several as multipart/byteranges. It works on
// responses of a known length that allow it; a range of a file stays one.
var Ranges = phases.Define(phases.Spec[struct{}]{
	Name: "ranges",
	Filter: func(*struct{}) phases.Filter {
		return phases.Filter{
			Header: func(next phases.HeaderFunc) phases.HeaderFunc {
				return func(r *phases.Request) error {
					if r.Out.Status == 200 && r.Out.AllowRanges && r.Out.ContentLength >= 0 && r.Loc.Core.MaxRanges != 0 {
						if err := chooseRanges(r); err != nil {
							return err
						}
					}
					return next(r)
				}
			},
			Body: func(next phases.BodyFunc) phases.BodyFunc {
				return func(r *phases.Request, c phases.Chunk) error {
					if r.Out.Status == 206 {
						if p := partial.Get(r); p != nil {
							return p.send(r, c, next)
						}
					}
					return next(r, c)
				}
			},
		}
	},
})

// span is the bytes of a body from its first to before its end.
type span struct{ from, to int64 }

// parts is a partial response that is being sent.
type parts struct {
	spans    []span
	next     int   // the span that is being sent
	done     int64 // how much of it has been
	off      int64 // where in the whole body the next chunk begins
	length   int64 // of the whole body
	opening  string
	boundary string // of a multipart body
	held     phases.Chunk
	holds    bool
}

var partial = phases.NewSlot[parts](phases.KeepNothing)

func chooseRanges(r *phases.Request) error {
	o := &r.Out
	v := string(r.Field("Range"))
	if len(v) < 7 || !strings.EqualFold(v[:6], "bytes=") || !rangeApplies(r) {
		o.Set("Accept-Ranges", "bytes")
		return nil
	}
	limit := r.Loc.Core.MaxRanges
	if limit < 0 {
		limit = math.MaxInt
	}
	if r.Out.OneRange {
		limit = min(limit, 1)
	}
	spans, verdict := parseRanges(v[6:], o.ContentLength, limit)
	switch verdict {
	case rangesIgnored:
		o.Set("Accept-Ranges", "bytes")
		return nil
	case rangesUnsatisfiable:
		o.Set("Content-Range", "bytes */"+strconv.FormatInt(o.ContentLength, 10))
		o.ContentLength = -1
		return &phases.StatusError{Status: 416}
	}
	p := partial.Ensure(r)
	*p = parts{spans: spans, length: o.ContentLength, off: o.Offset}
	o.Status, o.Line = 206, ""
	if len(spans) == 1 {
		o.Set("Content-Range", spans[0].contentRange(p.length))
		o.ContentLength = spans[0].to - spans[0].from
		return nil
	}
	p.describe(o)
	return nil
}

// rangeApplies is If-Range.
func rangeApplies(r *phases.Request) bool {
	v := r.Field("If-Range")
	switch {
	case v == nil:
		return true
	case len(v) >= 2 && v[len(v)-1] == '"':
		tag, ok := r.Out.Get("ETag")
		return ok && tag == string(v)
	case r.Out.LastModified.IsZero():
		return false
	}
	t, ok := http1.ParseHTTPDate(v, r.Worker.Now())
	return ok && t.Unix() == r.Out.LastModified.Unix()
}

type rangesVerdict int

const (
	rangesGood rangesVerdict = iota
	rangesIgnored
	rangesUnsatisfiable
)

// parseRanges reads what follows "bytes=" for a body of length bytes. More
// than limit ranges, and ranges that together are longer than the body, are
// ignored as nginx ignores them.
func parseRanges(v string, length int64, limit int) ([]span, rangesVerdict) {
	var spans []span
	var total int64
	for {
		s, ok := parseRange(&v, length)
		if !ok {
			return nil, rangesUnsatisfiable
		}
		switch {
		case s.from < s.to:
			if limit == len(spans) {
				return nil, rangesIgnored
			}
			if total > math.MaxInt64-(s.to-s.from) {
				return nil, rangesUnsatisfiable
			}
			spans, total = append(spans, s), total+s.to-s.from
		case s.from == 0:
			return nil, rangesIgnored
		}
		if v == "" {
			break
		}
		v = v[1:] // the comma
	}
	switch {
	case len(spans) == 0:
		return nil, rangesUnsatisfiable
	case total > length:
		return nil, rangesIgnored
	}
	return spans, rangesGood
}

// parseRange takes one range off v, up to the comma or the end.
func parseRange(v *string, length int64) (s span, ok bool) {
	skip := func() { *v = strings.TrimLeft(*v, " ") }
	ended := func() bool { return *v == "" || (*v)[0] == ',' }
	skip()
	suffix := strings.HasPrefix(*v, "-")
	if !suffix {
		if s.from, ok = takeNumber(v); !ok {
			return s, false
		}
		skip()
		if !strings.HasPrefix(*v, "-") {
			return s, false
		}
	}
	*v = (*v)[1:]
	if !suffix {
		skip()
		if ended() {
			s.to = length
			return s, true
		}
	}
	if s.to, ok = takeNumber(v); !ok {
		return s, false
	}
	skip()
	if !ended() {
		return s, false
	}
	if suffix {
		s.from, s.to = max(length-s.to, 0), length-1
	}
	s.to = min(s.to, length-1) + 1
	return s, true
}

func takeNumber(v *string) (n int64, ok bool) {
	i := 0
	for ; i < len(*v) && (*v)[i] >= '0' && (*v)[i] <= '9'; i++ {
		d := int64((*v)[i] - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	*v = (*v)[i:]
	return n, i > 0
}

func (s span) contentRange(length int64) string {
	b := make([]byte, 0, 48)
	b = strconv.AppendInt(append(b, "bytes "...), s.from, 10)
	b = strconv.AppendInt(append(b, '-'), s.to-1, 10)
	return string(strconv.AppendInt(append(b, '/'), length, 10))
}

// describe makes the head of a multipart response.
func (p *parts) describe(o *phases.Response) {
	n := strconv.FormatUint(rand.Uint64(), 10)
	p.boundary = strings.Repeat("0", 20-len(n)) + n
	p.opening = "\r\n--" + p.boundary + "\r\n"
	if o.ContentType != "" {
		p.opening += "Content-Type: " + string(o.AppendContentType(nil)) + "\r\n"
	}
	p.opening += "Content-Range: "
	size := int64(len(p.closing()))
	for i := range p.spans {
		size += int64(len(p.partHead(i))) + p.spans[i].to - p.spans[i].from
	}
	o.ContentType, o.Charset = "multipart/byteranges; boundary="+p.boundary, ""
	o.ContentLength = size
}

func (p *parts) partHead(i int) string {
	return p.opening + p.spans[i].contentRange(p.length) + "\r\n\r\n"
}

func (p *parts) closing() string { return "\r\n--" + p.boundary + "--\r\n" }

const errOverlap = errorText("the ranges of a response that comes piece by piece are not in order")

// send passes on what the spans have of a chunk.
func (p *parts) send(r *phases.Request, c phases.Chunk, next phases.BodyFunc) error {
	end := p.off + c.Len()
	emit := func(out phases.Chunk) error {
		was, had := p.held, p.holds
		p.held, p.holds = out, true
		if had {
			return next(r, was)
		}
		return nil
	}
	for p.next < len(p.spans) {
		s := p.spans[p.next]
		at := s.from + p.done
		if at < p.off {
			return errOverlap
		}
		if at >= end {
			break
		}
		if p.boundary != "" && p.done == 0 {
			if err := emit(phases.Chunk{Bytes: []byte(p.partHead(p.next))}); err != nil {
				return err
			}
		}
		to := min(s.to, end)
		if err := emit(slice(c, at-p.off, to-p.off)); err != nil {
			return err
		}
		if p.done += to - at; to < s.to {
			break
		}
		if p.next, p.done = p.next+1, 0; p.next == len(p.spans) && p.boundary != "" {
			if err := emit(phases.Chunk{Bytes: []byte(p.closing())}); err != nil {
				return err
			}
		}
	}
	p.off = end
	out := p.held // what is after the data goes with the last piece of it
	some := p.holds
	p.held, p.holds = phases.Chunk{}, false
	out.Flush, out.Last, out.End = c.Flush, c.Last, c.End
	if !some && !c.Flush && !c.Last && !c.End {
		return nil
	}
	return next(r, out)
}

// slice is the bytes of c between two offsets, without what is after them.
func slice(c phases.Chunk, from, to int64) phases.Chunk {
	if c.File != nil {
		return phases.Chunk{File: c.File, Off: c.Off + from, Size: to - from}
	}
	return phases.Chunk{Bytes: c.Bytes[from:to]}
}
