package filter

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/phases"
)

// Slice makes a response of parts of a fixed size, each asked for by a request
// of its own with $slice_range, so that a cache keeps the parts.
var Slice = phases.Define(phases.Spec[slicing]{
	Name:       "slice",
	Directives: []phases.Directive[slicing]{phases.SetSize("slice", inLocations, func(own *slicing) *int64 { return &own.size })},
	Active:     func(own *slicing) bool { return own.size > 0 },
	Filter:     func(own *slicing) phases.Filter { return phases.Filter{Header: own.header, Body: own.body} },
	Variables:  []phases.Variable{{Name: "slice_range", Get: sliceRange}},
})

// slicing is the configuration of a block: the size of a part in bytes.
type slicing struct{ size int64 }

// sliceState is how far a response is that is made of parts.
type sliceState struct {
	size     int64
	next     int64 // where the part begins that is asked for
	end      int64 // behind the last byte that is wanted
	etag     string
	answered bool // the part that is asked for has come
}

var sliced = phases.NewSlot[sliceState](phases.KeepNothing)

func sliceRange(r *phases.Request, dst []byte) ([]byte, bool) {
	z := sliced.Get(r)
	if z == nil {
		own := phases.ConfOf[slicing](r.Loc)
		if !r.IsMain() || r.Out.Sent || own == nil || own.size == 0 {
			return dst, false
		}
		z = sliced.Ensure(r)
		*z = sliceState{size: own.size, next: rangeStart(r) / own.size * own.size}
	}
	dst = strconv.AppendInt(append(dst, "bytes="...), z.next, 10)
	return strconv.AppendInt(append(dst, '-'), z.next+z.size-1, 10), true
}

// rangeStart is where the range begins that a client asks for, as far as that
// is known without the length of the whole.
func rangeStart(r *phases.Request) int64 {
	v := string(r.Field("Range"))
	if r.Field("If-Range") != nil || len(v) < 7 || !strings.EqualFold(v[:6], "bytes=") || strings.Contains(v, ",") {
		return 0
	}
	v = strings.TrimLeft(v[6:], " ")
	n, ok := takeNumber(&v)
	if !ok || n > math.MaxInt64/2 {
		return 0
	}
	return n
}

func (own *slicing) header(next phases.HeaderFunc) phases.HeaderFunc {
	return func(r *phases.Request) error {
		z, o := sliced.Get(r), &r.Out
		if z == nil {
			return next(r)
		}
		if o.Status != 206 {
			if r.IsMain() {
				sliced.Drop(r)
				return next(r)
			}
			return refuseSlice(r, "unexpected status code %d in slice response", o.Status)
		}
		tag, _ := o.Get("ETag")
		if z.etag != "" && tag != z.etag {
			return refuseSlice(r, "etag mismatch in slice response")
		}
		z.etag = tag
		from, to, length, ok := parseContentRange(o)
		switch {
		case !ok:
			return refuseSlice(r, "invalid range in slice response")
		case length < 0:
			return refuseSlice(r, "no complete length in slice response")
		case from != z.next || to != min(from+z.size, length):
			return refuseSlice(r, "unexpected range in slice response: %d-%d", from, to)
		}
		z.next, z.answered = to, true
		o.Status, o.Line, o.ContentLength, o.Offset = 200, "", length, from
		o.Del("Content-Range")
		o.Del("Accept-Ranges")
		o.AllowRanges, o.OneRange = true, true
		if err := next(r); err != nil {
			return err
		}
		if !r.IsMain() {
			return nil
		}
		z.end = length
		if p := partial.Get(r); p != nil && o.Status == 206 {
			z.end = p.spans[0].to
			z.skip(p)
		}
		return nil
	}
}

// skip leaves out the parts before the one in which the range begins, when the
// first one was not that.
func (z *sliceState) skip(p *parts) {
	if from := p.spans[0].from; z.next+z.size <= from {
		z.next = from / z.size * z.size
	}
}

// refuseSlice ends a response that cannot be put together.
func refuseSlice(r *phases.Request, format string, a ...any) error {
	r.Errorf(phases.LevelError, format, a...)
	return phases.ErrGone
}

// parseContentRange reads "bytes FROM-LAST/LENGTH"; to is behind the last byte,
// a length of -1 is not known.
func parseContentRange(o *phases.Response) (from, to, length int64, ok bool) {
	v, _ := o.Get("Content-Range")
	v, ok = strings.CutPrefix(v, "bytes ")
	if !ok {
		return 0, 0, 0, false
	}
	if from, ok = takeNumber(&v); !ok || !strings.HasPrefix(v, "-") {
		return 0, 0, 0, false
	}
	v = v[1:]
	if to, ok = takeNumber(&v); !ok || !strings.HasPrefix(v, "/") || to < from || to == math.MaxInt64 {
		return 0, 0, 0, false
	}
	if v = v[1:]; v == "*" {
		return from, to + 1, -1, true
	}
	length, ok = takeNumber(&v)
	return from, to + 1, length, ok && v == "" && to < length
}

func (own *slicing) body(next phases.BodyFunc) phases.BodyFunc {
	return func(r *phases.Request, c phases.Chunk) error {
		z := sliced.Get(r)
		if z == nil || !r.IsMain() || r.Out.NoBody || !c.End {
			return next(r, c)
		}
		last := phases.Chunk{Flush: c.Flush, Last: c.Last, End: c.End}
		c.Last, c.End = false, false
		if err := next(r, c); err != nil {
			return err
		}
		for {
			if !z.answered {
				return refuseSlice(r, "missing slice response")
			}
			if z.next >= z.end {
				break
			}
			if err := z.ask(r); err != nil {
				return err
			}
		}
		sliced.Drop(r)
		return next(r, last)
	}
}

// ask has the next part sent.
func (z *sliceState) ask(r *phases.Request) error {
	if p := partial.Get(r); p != nil && r.Out.Status == 206 {
		p.off = z.next
	}
	sub, se := r.NewSubrequest(bytes.Clone(r.URI), bytes.Clone(r.Args), &phases.Subrequest{})
	if se != nil {
		return se
	}
	sub.Loc, sub.Method = r.Loc, r.Method
	*sliced.Ensure(sub) = *z
	part := sliced.Get(sub)
	part.answered = false
	sub.RunContent()
	z.next, z.etag, z.answered = part.next, part.etag, part.answered && sub.Complete()
	return nil
}
