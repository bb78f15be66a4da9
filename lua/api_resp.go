package lua

import (
	"strconv"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// responseArea is ngx.resp and the module of that name.
var responseArea = area{
	rows: []row{{"resp.get_headers", requestPhases, func(t *vm.Thread, s *state) int {
		list := s.responseFields()
		f := s.newFieldTable(t, len(list), "response")
		for _, field := range list[:f.count] {
			f.add([]byte(field.Name), []byte(field.Value))
		}
		return f.push(t)
	}}},
	open: func(e *engine, ngx *vm.Table) {
		e.vm.Builtin("ngx.resp", func(*vm.Thread) vm.Value {
			module := e.vm.NewTable(0, 4)
			module.SetStr("version", vm.String(restyVersion))
			module.SetStr("get_headers", ngx.GetStr("resp").Table().GetStr("get_headers"))
			e.add(module, row{"add_header", handlers + "H", addResponseField})
			e.add(module, row{"set_status", handlers + "H", setStatusLine})
			e.add(module, row{"bypass_if_checks", handlers + "H", func(t *vm.Thread, s *state) int {
				s.r.Out.Unconditional = true
				return 0
			}})
			return module.Value()
		})
	},
}

// responseFields lists the response's fields, those that the server makes from
// what it knows of the response included.
func (s *state) responseFields() []phases.Field {
	r := s.r
	o := &r.Out
	list := append([]phases.Field(nil), o.All()...)
	add := func(name, value string) { list = append(list, phases.Field{Name: name, Value: value}) }
	if o.ContentType != "" {
		add("Content-Type", string(o.AppendContentType(nil)))
	}
	if o.ContentLength >= 0 {
		add("Content-Length", strconv.FormatInt(o.ContentLength, 10))
	}
	switch {
	case o.Status == 101:
		add("Connection", "upgrade")
	case r.KeepAlive:
		add("Connection", "keep-alive")
	default:
		add("Connection", "close")
	}
	if o.Chunking {
		add("Transfer-Encoding", "chunked")
	}
	return list
}

func addResponseField(t *vm.Thread, s *state) int {
	name, v := t.CheckString(1), t.Arg(2)
	switch {
	case v.IsNil():
		t.Errorf("bad 'value' argument: string or table expected, got nil")
	case v.Table() != nil && v.Table().Len() == 0:
		t.Errorf("bad 'value' argument: non-empty table expected")
	}
	values := fieldValues(t, v, nil)
	if s.sent() {
		s.logf(phases.LevelError, "attempt to set ngx.header.HEADER after sending out response headers")
		return 0
	}
	if bad := s.setField(s.fieldName(name), values, true); bad != "" {
		t.Errorf("failed to set header %s (error: %s)", name, bad)
	}
	return 0
}

func setStatusLine(t *vm.Thread, s *state) int {
	status := t.CheckInt(1)
	if s.sent() {
		s.logf(phases.LevelError, "attempt to set ngx.status after sending out response headers")
		return 0
	}
	s.r.Out.Status, s.r.Out.Line = status, ""
	if reason := t.OptString(2, ""); reason != "" {
		s.r.Out.Line = strconv.Itoa(status) + " " + escapeField(reason, false)
	}
	return 0
}
