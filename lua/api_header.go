package lua

import (
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// headerArea is ngx.header: the fields of the response.
var headerArea = area{open: func(e *engine, ngx *vm.Table) {
	const in = "VRAPCHBLT"
	ngx.SetStr("header", e.proxy(e.function("__index", in, getHeader), e.function("__newindex", in, setHeader)).Value())
}}

func getHeader(t *vm.Thread, s *state) int {
	s.needRequest(t)
	if t.Arg(2).Kind() != vm.KString {
		t.PushNil()
		return 1
	}
	t.Push(s.field(s.fieldName(t.Arg(2).Str())))
	return 1
}

func setHeader(t *vm.Thread, s *state) int {
	s.needRequest(t)
	key, ok := t.Arg(2).ToString()
	if !ok {
		t.Errorf("bad response header name (string expected, got %s)", t.Arg(2).Kind())
	}
	var one [1]string
	values := fieldValues(t, t.Arg(3), one[:0])
	if s.sent() {
		s.logf(phases.LevelError, "attempt to set ngx.header.HEADER after sending out response headers")
		return 0
	}
	if bad := s.setField(s.fieldName(key), values, false); bad != "" {
		t.Errorf("failed to set header %s (error: %s)", key, bad)
	}
	return 0
}

// needRequest raises the error of a function that needs a client's request
// when there is none.
func (s *state) needRequest(t *vm.Thread) {
	if s.r == nil {
		t.Errorf("API disabled in the current context")
	}
}

// fieldName is a script's name of a field as it goes over the wire:
// underscores are hyphens unless the location says otherwise.
func (s *state) fieldName(name string) string {
	if s.own.underscores {
		name = strings.ReplaceAll(name, "_", "-")
	}
	return name
}

// fieldValues reads the value given for a field: nil and an empty table are
// none, a table is many. They are appended to values.
func fieldValues(t *vm.Thread, v vm.Value, values []string) []string {
	list := v.Table()
	switch {
	case v.IsNil():
		return nil
	case list == nil:
		return append(values, escapeField(t.ToString(v), false))
	}
	for i := 1; !list.GetInt(i).IsNil(); i++ {
		values = append(values, escapeField(t.ToString(list.GetInt(i)), false))
	}
	return values
}

// escapeField makes a name or value of a field safe: bytes that would end it
// are written as %XX.
func escapeField(text string, name bool) string {
	unsafe := func(c byte) bool {
		if name {
			return c <= 0x20 || c >= 0x7f || strings.IndexByte("\"(),/:;<=>?@[\\]{}", c) >= 0
		}
		return c < 0x20 && c != '\t' || c == 0x7f
	}
	clean := true
	for i := range len(text) {
		clean = clean && !unsafe(text[i])
	}
	if clean {
		return text
	}
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(text)+8)
	for i := range len(text) {
		if c := text[i]; unsafe(c) {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// setField sets a field of the response's head; without values it removes it.
// add keeps the values that a repeatable field has. bad says why not.
func (s *state) setField(name string, values []string, add bool) (bad string) {
	o := &s.r.Out
	name = escapeField(name, true)
	s.memo().fieldsSet = true
	last := ""
	if len(values) > 0 {
		last = values[len(values)-1]
	}
	s.e.lowered = appendLower(s.e.lowered[:0], name)
	switch string(s.e.lowered) {
	case "content-type":
		s.memo().typeSet = true
		o.ContentType, o.Charset = last, ""
	case "content-length":
		if last == "" {
			o.ContentLength = -1
			return ""
		}
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < 0 {
			return "invalid content length"
		}
		o.ContentLength = n
	case "last-modified":
		date, ok := http1.ParseHTTPDate(last, time.Now())
		o.Del(name)
		if o.LastModified = date; !ok {
			o.LastModified = time.Time{}
			if last != "" {
				o.Set(name, last)
			}
		}
	case "server":
		server := last
		o.Server = &server
	case "date":
		date := last
		o.Date = &date
	case "location":
		o.RelativeLocation = strings.HasPrefix(last, "/")
		setOne(o, name, last)
	case "content-encoding", "refresh", "content-range", "accept-ranges", "expires", "etag", "e-tag":
		setOne(o, name, last)
	default:
		if !add {
			o.Del(name)
		}
		for _, v := range values {
			o.Add(name, v)
		}
	}
	return ""
}

func setOne(o *phases.Response, name, value string) {
	if value == "" {
		o.Del(name)
	} else {
		o.Set(name, value)
	}
}

// field returns a field of the response's head as scripts see it: nil, a
// string, or a table of several.
func (s *state) field(name string) vm.Value {
	o := &s.r.Out
	s.e.lowered = appendLower(s.e.lowered[:0], name)
	switch string(s.e.lowered) {
	case "content-type":
		if o.ContentType != "" {
			return vm.Bytes(o.AppendContentType(nil))
		}
		return vm.Nil
	case "content-length":
		if o.ContentLength >= 0 {
			return vm.Number(float64(o.ContentLength))
		}
		return vm.Nil
	case "last-modified":
		if !o.LastModified.IsZero() {
			return vm.Bytes(http1.AppendHTTPDate(nil, o.LastModified))
		}
	case "server":
		return optional(o.Server)
	case "date":
		return optional(o.Date)
	}
	v := vm.Nil
	for _, f := range o.All() {
		if !strings.EqualFold(f.Name, name) {
			continue
		}
		switch list := v.Table(); {
		case v.IsNil():
			v = vm.String(f.Value)
		case list == nil:
			list = s.e.vm.NewTable(2, 0)
			list.SetInt(1, v)
			list.SetInt(2, vm.String(f.Value))
			v = list.Value()
		default:
			list.SetInt(list.Len()+1, vm.String(f.Value))
		}
	}
	return v
}

func optional(text *string) vm.Value {
	if text == nil || *text == "" {
		return vm.Nil
	}
	return vm.String(*text)
}
