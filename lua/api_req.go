package lua

import (
	"bytes"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// requestArea is ngx.req: the request's line, and what is known of it. Its
// fields, arguments and body are in areas of their own.
var requestArea = area{rows: []row{
	{"req.get_method", requestPhases, func(t *vm.Thread, s *state) int {
		t.PushString(s.r.Method)
		return 1
	}},
	{"req.set_method", requestPhases, setMethod},
	{"req.set_uri", requestPhases, setURI},
	{"req.http_version", requestPhases, func(t *vm.Thread, s *state) int {
		switch r := s.r; {
		case r.Major >= 2:
			t.PushInt(r.Major)
		case r.Major == 1 && r.Minor == 1:
			t.PushNumber(1.1)
		case r.Major == 1:
			t.PushInt(1)
		default:
			t.PushNumber(0.9)
		}
		return 1
	}},
	{"req.start_time", requestPhases, func(t *vm.Thread, s *state) int {
		t.PushNumber(float64(s.r.Start.UnixMilli()) / 1000)
		return 1
	}},
	{"req.is_internal", requestPhases, func(t *vm.Thread, s *state) int {
		t.PushBool(s.r.Internal)
		return 1
	}},
	{"req.raw_header", requestPhases, rawHeader},
}}

func setMethod(t *vm.Thread, s *state) int {
	v := t.Arg(1)
	if v.Kind() != vm.KNumber {
		t.Errorf("bad method number")
	}
	name, ok := methodName(v)
	if !ok {
		t.Errorf("unsupported HTTP method: %s", t.ToString(v))
	}
	s.r.Method = name
	return 0
}

// methodName is the method that ngx.HTTP_GET and the like stand for.
func methodName(v vm.Value) (name string, ok bool) {
	for i, name := range methods {
		if float64(methodID(i)) == v.Num() {
			return name, true
		}
	}
	return "", false
}

func setURI(t *vm.Thread, s *state) int {
	n := t.NArg()
	if n < 1 || n > 3 {
		t.Errorf("expecting 1, 2 or 3 arguments but seen %d", n)
	}
	uri := t.CheckString(1)
	if uri == "" {
		t.Errorf("attempt to use zero-length uri")
	}
	jump, binary := false, false
	if n >= 2 {
		jump = t.CheckBool(2)
	}
	if n == 3 {
		binary = t.CheckBool(3)
	}
	if jump {
		if in := phasesOf("VR"); !in.has(s.phase) {
			s.disabled(t, in)
		}
		s.checkAbortable(t)
	}
	if c, bad := unsafeByte(uri); bad && !binary {
		t.Errorf("unsafe byte \"0x%02x\" in uri \"%s\" (maybe you want to set the 'binary' argument?)", c, escapeLog(uri))
	}
	s.r.ChangeURI([]byte(uri), nil, jump)
	if jump {
		s.memo().table = vm.Nil // as with any other redirect
		s.debugf("lua set uri jump to \"%s\"", uri)
		s.over(t, verdict{kind: exited, code: exitDeclined})
	}
	return 0
}

// unsafeByte finds a control byte, which no URI may have.
func unsafeByte(uri string) (c byte, bad bool) {
	for i := range len(uri) {
		if c := uri[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return c, true
		}
	}
	return 0, false
}

func rawHeader(t *vm.Thread, s *state) int {
	if t.NArg() > 1 {
		t.Errorf("expecting 0 or 1 arguments, but seen %d", t.NArg())
	}
	r := s.r.Main
	if r.Major >= 2 {
		t.Errorf("http2 requests not supported yet")
	}
	head := r.RawHead
	if t.Arg(1).Truth() {
		_, head, _ = bytes.Cut(head, []byte("\n"))
	}
	t.PushBytes(head)
	return 1
}

// requestFieldArea is ngx.req's part on the fields of the request's head.
var requestFieldArea = area{
	rows: []row{
		{"req.get_headers", requestPhases, getFields},
		{"req.set_header", requestPhases, func(t *vm.Thread, s *state) int { return s.setRequestField(t, true) }},
		{"req.clear_header", requestPhases, func(t *vm.Thread, s *state) int {
			putField(s.r, t.CheckString(1), nil, true)
			return 0
		}},
	},
	open: func(e *engine, ngx *vm.Table) {
		e.fieldTable = e.vm.NewTable(0, 1)
		e.fieldTable.SetStr("__index", e.vm.NewFunc("__index", fieldIndex))
		e.vm.Builtin("ngx.req", func(*vm.Thread) vm.Value {
			module := e.vm.NewTable(0, 2)
			module.SetStr("version", vm.String(restyVersion))
			e.add(module, row{"add_header", requestPhases, func(t *vm.Thread, s *state) int { return s.setRequestField(t, false) }})
			return module.Value()
		})
	},
}

// restyVersion is the version that the modules of lua-resty-core say they have.
const restyVersion = "0.1.31"

// fieldIndex finds a field by its name in any letters, underscores for hyphens.
func fieldIndex(t *vm.Thread) int {
	name, ok := t.Arg(2).ToString()
	if table := t.Arg(1).Table(); ok && table != nil {
		t.Push(table.GetStr(lowerField(name)))
	} else {
		t.PushNil()
	}
	return 1
}

func lowerField(name string) string {
	b := []byte(name)
	for i, c := range b {
		switch {
		case c >= 'A' && c <= 'Z':
			b[i] = c + 'a' - 'A'
		case c == '_':
			b[i] = '-'
		}
	}
	return string(b)
}

func getFields(t *vm.Thread, s *state) int {
	fields := s.r.Fields
	if s.r.Major == 0 { // HTTP/0.9 has none
		fields = nil
	}
	f := s.newFieldTable(t, len(fields), "request")
	for i := range fields[:f.count] {
		f.add(fields[i].Name, fields[i].Value)
	}
	return f.push(t)
}

// fieldTable makes the table of a head's fields for a script.
type fieldTable struct {
	e         *engine
	table     *vm.Table
	raw       bool // names as they came, and only so
	count     int  // how many to add
	truncated bool
}

// newFieldTable reads the arguments max and raw. n is how many fields there
// are, what says whose they are.
func (s *state) newFieldTable(t *vm.Thread, n int, what string) fieldTable {
	limit := t.OptInt(1, defaultArgs)
	if limit < 0 {
		limit = defaultArgs
	}
	f := fieldTable{e: s.e, raw: t.Arg(2).Truth(), count: n}
	if limit > 0 && n > limit {
		s.debugf("lua exceeding %s header limit %d > %d", what, n, limit)
		f.count, f.truncated = limit, true
	}
	f.table = s.e.vm.NewTable(0, f.count)
	return f
}

func (f *fieldTable) add(name, value []byte) {
	if !f.raw {
		name = appendLower(f.e.lowered[:0], name)
		f.e.lowered = name
	}
	f.e.addField(f.table, vm.Bytes(name), vm.Bytes(value))
}

// push pushes the table, and "truncated" when there are more fields.
func (f *fieldTable) push(t *vm.Thread) int {
	if !f.raw {
		f.table.SetMetatable(f.e.fieldTable)
	}
	t.Push(f.table.Value())
	if f.truncated {
		t.PushString("truncated")
		return 2
	}
	return 1
}

func appendLower[T string | []byte](dst []byte, name T) []byte {
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// setRequestField is set_header, and add_header without override.
func (s *state) setRequestField(t *vm.Thread, override bool) int {
	if t.Arg(1).IsNil() {
		t.Errorf("bad 'name' argument: string expected, got nil")
	}
	name, v := t.ToString(t.Arg(1)), t.Arg(2)
	switch {
	case v.IsNil() && !override:
		t.Errorf("bad 'value' argument: string or table expected, got nil")
	case v.Table() != nil && v.Table().Len() == 0 && !override:
		t.Errorf("bad 'value' argument: non-empty table expected")
	}
	var one [1]string
	putField(s.r, name, fieldValues(t, v, one[:0]), override)
	return 0
}

// putField sets the values of a request's field; none removes it. What the
// server itself reads of a field follows.
func putField(r *phases.Request, name string, values []string, override bool) {
	if r.Major == 0 {
		return // HTTP/0.9 has no fields
	}
	name = escapeField(name, true)
	if override && len(values) != 1 {
		r.SetField(name, nil)
	}
	for i, v := range values {
		if i == 0 && override && len(values) == 1 || hasOne(name) {
			r.SetField(name, r.FieldText(v))
		} else {
			r.AddField(name, r.FieldText(v))
		}
	}
}

// hasOne tells whether a request has the field once at most.
func hasOne(name string) bool {
	return strings.EqualFold(name, "Host") || strings.EqualFold(name, "Content-Length")
}
