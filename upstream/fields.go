package upstream

import (
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// hiddenFields are those of an answer that clients do not see unless
// proxy_pass_header names them.
var hiddenFields = []string{"Date", "Server", "X-Pad", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate",
	"X-Accel-Buffering", "X-Accel-Charset"}

// keepFields copies the answer's fields out of the buffer, all into one
// string: scripts and logs see them after the buffer is used again. A peer's
// answers are often as the last one, which needs no new string.
func (x *Exchange) keepFields() {
	b := x.text[:0]
	for i := range x.head.Fields {
		f := &x.head.Fields[i]
		b = append(append(b, f.Name...), f.Value...)
	}
	x.text = b
	if string(b) != x.lastText {
		x.lastText = string(b)
	}
	rest := x.lastText
	x.fields = x.fields[:0]
	for i := range x.head.Fields {
		n, m := len(x.head.Fields[i].Name), len(x.head.Fields[i].Value)
		x.fields = append(x.fields, phases.Field{Name: rest[:n], Value: rest[n : n+m]})
		rest = rest[n+m:]
	}
}

// field returns the first field of the answer with that name, in lower case.
func (x *Exchange) field(name string) (string, bool) {
	for i := range x.fields {
		if sameName(x.fields[i].Name, name) {
			return x.fields[i].Value, true
		}
	}
	return "", false
}

// describe makes the response's head of the answer's.
func (x *Exchange) describe() {
	r := x.r
	o := &r.Out
	o.Status, o.ContentLength, o.Line = x.head.Status, -1, ""
	if reason := x.head.Reason; len(reason) > 0 && string(reason) != http1.StatusText(o.Status) {
		o.Line = strconv.Itoa(o.Status) + " " + string(reason)
	}
	if x.head.ContentLength >= 0 && !x.head.Chunked {
		o.ContentLength = x.head.ContentLength
	}
	o.Unconditional = !x.fromCache && !x.cacheable()
	if x.set.ForceRanges {
		o.AllowRanges = true
	}
	for i := range x.fields {
		x.pass(&x.fields[i])
	}
}

// pass adds one field of the answer to the response, unless clients do not see
// it.
func (x *Exchange) pass(f *phases.Field) {
	if !hasName(&x.set.hidden, f.Name) && !x.take(f) {
		x.r.Out.Add(f.Name, f.Value)
	}
}

// take deals with the fields that are not passed on as they are.
func (x *Exchange) take(f *phases.Field) bool {
	o := &x.r.Out
	switch len(f.Name) {
	case len("date"): // and etag, vary, link
		if sameName(f.Name, "date") {
			o.Date = &f.Value
			return true
		}
	case len("server"):
		if sameName(f.Name, "server") {
			o.Server = &f.Value
			return true
		}
	case len("refresh"):
		if sameName(f.Name, "refresh") {
			o.Add(f.Name, x.refresh(f.Value))
			return true
		}
	case len("location"):
		if sameName(f.Name, "location") {
			v, changed := x.location(f.Value)
			o.RelativeLocation = !changed
			o.Set(f.Name, v)
			return true
		}
	case len("connection"): // and keep-alive, set-cookie
		if sameName(f.Name, "set-cookie") {
			o.Add(f.Name, x.cookie(f.Value))
			return true
		}
		return sameName(f.Name, "connection") || sameName(f.Name, "keep-alive")
	case len("content-type"):
		if sameName(f.Name, "content-type") {
			x.contentType(f.Value)
			return true
		}
	case len("last-modified"): // and accept-ranges
		return x.lastModified(f) || x.acceptRanges(f)
	case len("content-length"):
		return sameName(f.Name, "content-length")
	case len("transfer-encoding"):
		return sameName(f.Name, "transfer-encoding")
	}
	return false
}

// contentType sets the media type; the charset of X-Accel-Charset stays.
func (x *Exchange) contentType(v string) {
	o := &x.r.Out
	charset := o.Charset
	setContentType(o, v)
	if charset != "" {
		o.Charset = charset
	}
}

func (x *Exchange) lastModified(f *phases.Field) bool {
	if !sameName(f.Name, "last-modified") {
		return false
	}
	t, ok := http1.ParseHTTPDate(f.Value, x.r.Worker.Now())
	if ok {
		x.r.Out.LastModified = t
	}
	return ok
}

// acceptRanges leaves ranges to this server where it has the whole.
func (x *Exchange) acceptRanges(f *phases.Field) bool {
	if !sameName(f.Name, "accept-ranges") {
		return false
	}
	if x.fromCache || x.cacheable() {
		x.r.Out.AllowRanges = true
		return true
	}
	return x.set.ForceRanges
}

// setContentType parts the charset from a media type.
func setContentType(o *phases.Response, v string) {
	o.ContentType, o.Charset = v, ""
	for i := 0; i < len(v); i++ {
		if v[i] != ';' {
			continue
		}
		p := strings.TrimLeft(v[i+1:], " ")
		if len(p) > 8 && strings.EqualFold(p[:8], "charset=") {
			o.ContentType, o.Charset = v[:i], strings.Trim(p[8:], "\"")
			return
		}
	}
}
