package phases

import (
	"strings"
	"time"
)

// Field is one field of a response's head.
type Field struct{ Name, Value string }

// Header is the list of a response's fields, in the order in which they are
// sent. Names are compared without regard to case. The zero value is empty.
type Header struct{ fields []Field }

// All returns the fields; the slice is the header's own.
func (h *Header) All() []Field { return h.fields }

// Get returns the first value of name.
func (h *Header) Get(name string) (string, bool) {
	for i := range h.fields {
		if strings.EqualFold(h.fields[i].Name, name) {
			return h.fields[i].Value, true
		}
	}
	return "", false
}

// Add appends a field.
func (h *Header) Add(name, value string) { h.fields = append(h.fields, Field{name, value}) }

// Set makes value the only one of name, at the place of the first.
func (h *Header) Set(name, value string) {
	for i := range h.fields {
		if strings.EqualFold(h.fields[i].Name, name) {
			h.fields[i] = Field{name, value}
			h.del(name, i+1)
			return
		}
	}
	h.Add(name, value)
}

// Del removes all fields of name.
func (h *Header) Del(name string) { h.del(name, 0) }

func (h *Header) del(name string, from int) {
	kept := h.fields[:from]
	for _, f := range h.fields[from:] {
		if !strings.EqualFold(f.Name, name) {
			kept = append(kept, f)
		}
	}
	h.fields = kept
}

// Reset empties the header and keeps its memory.
func (h *Header) Reset() { h.fields = h.fields[:0] }

// Response is what is known of the answer before its head is sent; filters
// change it. Fields that the server itself computes are not in Header: it
// holds everything else, Set-Cookie, ETag and Location included.
type Response struct {
	Status int
	// Line replaces the reason phrase of the status line when not empty
	// ("200 Fine": code and text).
	Line string
	Header
	// ContentLength is the number of body bytes, or -1 when it is unknown.
	ContentLength int64
	// ContentType is sent with Charset appended; "" sends none.
	ContentType string
	Charset     string
	// LastModified is zero when there is none.
	LastModified time.Time
	// Server and Date, when not nil, replace the generated fields; "" hides.
	Server, Date *string
	// Trailers are sent after a chunked body, in order.
	Trailers []Field
	// Trailing: there may be trailers, for which the body must be chunked.
	Trailing bool
	// Sent: the head has gone through the filters.
	Sent bool
	// NoBody: the head goes out without a body (HEAD, 204, 304).
	NoBody bool
	// Unconditional: the request's conditions (If-Modified-Since, …) are not
	// applied, as they are the business of the peer that answered.
	Unconditional bool
	// AllowRanges lets the range filter serve parts of this response.
	AllowRanges bool
	// OneRange: of several ranges none is served.
	OneRange bool
	// Offset is where in the whole the body begins that comes; ContentLength
	// is that of the whole.
	Offset int64
	// Chunking: the stream frames the body in chunks.
	Chunking bool
	// RelativeLocation: a Location that is a path is sent as it is.
	RelativeLocation bool
	// Raw: the body is already what the client gets, with its length known;
	// filters that change bodies leave it alone.
	Raw bool
}

// Clear forgets all that was said of the response, for another one to be made
// in its place.
func (o *Response) Clear() { o.reset() }

func (o *Response) reset() {
	f, t := o.fields[:0], o.Trailers[:0]
	*o = Response{ContentLength: -1, Trailers: t}
	o.fields = f
}

// ClearLength is called by a filter that changes the length of the body. With
// it go what only holds for the body as it was: ranges.
func (o *Response) ClearLength() {
	o.ContentLength = -1
	o.AllowRanges = false
	o.Del("Accept-Ranges")
}

// WeakenETag makes a strong ETag weak, as a filter must that changes the bytes
// but not the meaning (RFC 9110 section 8.8.1).
func (o *Response) WeakenETag() {
	if tag, ok := o.Get("ETag"); ok && !strings.HasPrefix(tag, "W/") {
		if len(tag) > 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
			o.Set("ETag", "W/"+tag)
		} else {
			o.Del("ETag")
		}
	}
}

// ChangeBody is called by a filter that makes another body of the response:
// its length goes, and what told versions of it apart; keepModified keeps
// Last-Modified and a weak ETag (sub_filter_last_modified and the like).
func (o *Response) ChangeBody(keepModified bool) {
	o.ClearLength()
	if keepModified {
		o.WeakenETag()
		return
	}
	o.LastModified = time.Time{}
	o.Del("ETag")
	o.Del("Last-Modified")
}
