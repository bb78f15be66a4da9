package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// variablesArea holds what looks like a field and is computed: ngx.var,
// ngx.ctx, ngx.arg, ngx.status, ngx.headers_sent, ngx.is_subrequest; and
// ngx.get_phase.
var variablesArea = area{
	rows: []row{{"get_phase", anyPhase, func(t *vm.Thread, s *state) int {
		t.PushString(s.phase.String())
		return 1
	}}},
	open: func(e *engine, ngx *vm.Table) {
		ngx.SetStr("var", e.proxy(
			e.function("__index", requestPhases, getVar), e.function("__newindex", requestPhases, setVar)).Value())
		ngx.SetStr("arg", e.proxy(
			e.function("__index", "SB", getArg), e.function("__newindex", "B", setArg)).Value())
		read, write := e.fields(ngxFields)
		mt := e.vm.NewTable(0, 2)
		mt.SetStr("__index", read)
		mt.SetStr("__newindex", write)
		ngx.SetMetatable(mt)
	},
}

// field is a computed field of the ngx table.
type field struct {
	name    string
	in, out string // phases that may read, write it; "" for none
	get     func(t *vm.Thread, s *state) vm.Value
	set     func(t *vm.Thread, s *state, v vm.Value)
}

const tablePhases = "WESVRAPCHBLTUKXFOQZ"

var ngxFields = []field{
	{"ctx", tablePhases, tablePhases, getTable, func(t *vm.Thread, s *state, v vm.Value) {
		if v.Kind() != vm.KTable {
			t.Errorf("ctx should be a table while getting a %s", v.Kind())
		}
		s.memo().table = v
		s.keepTable(v)
	}},
	{"status", requestPhases, requestPhases, func(t *vm.Thread, s *state) vm.Value { return vm.Int(s.status()) }, setStatus},
	{"headers_sent", requestPhases, "", func(t *vm.Thread, s *state) vm.Value { return vm.Bool(s.sent()) }, nil},
	{"is_subrequest", requestPhases, "", func(t *vm.Thread, s *state) vm.Value { return vm.Bool(!s.r.IsMain()) }, nil},
}

// fields makes the metamethods that compute the given fields. Others are
// ordinary ones.
func (e *engine) fields(list []field) (read, write vm.Value) {
	find := func(name vm.Value) *field {
		if name.Kind() == vm.KString {
			for i := range list {
				if list[i].name == name.Str() {
					return &list[i]
				}
			}
		}
		return nil
	}
	sets := map[string]phaseSet{}
	for _, f := range list {
		sets[f.in], sets[f.out] = phasesOf(f.in), phasesOf(f.out)
	}
	read = e.vm.NewFunc("__index", func(t *vm.Thread) int {
		f, s := find(t.Arg(2)), stateOf(t)
		if f == nil {
			t.PushNil()
			return 1
		}
		if in := sets[f.in]; !in.has(s.phase) {
			s.disabled(t, in)
		}
		t.Push(f.get(t, s))
		return 1
	})
	write = e.vm.NewFunc("__newindex", func(t *vm.Thread) int {
		f, s := find(t.Arg(2)), stateOf(t)
		if f == nil {
			t.Arg(1).Table().Set(t.Arg(2), t.Arg(3))
			return 0
		}
		if f.set == nil {
			t.Errorf("attempt to write to ngx.%s", f.name)
		}
		if out := sets[f.out]; !out.has(s.phase) {
			s.disabled(t, out)
		}
		f.set(t, s, t.Arg(3))
		return 0
	})
	return read, write
}

func getTable(t *vm.Thread, s *state) vm.Value {
	m := s.memo()
	if m.table.IsNil() && s.own.keepTable && s.r != nil {
		if kept := keptTables.Get(s.r); kept != nil && kept.e == s.e {
			m.table = kept.table
		}
	}
	if m.table.IsNil() {
		m.table = s.e.vm.NewTable(0, 4).Value()
		s.keepTable(m.table)
		s.inherit(m.table.Table())
		if s.r == nil {
			s.debugf("lua release ngx.ctx at ref 1")
		} else if r := s.r; r.LogEnabled(phases.LevelDebug) {
			r.OnEnd(func() { r.Errorf(phases.LevelDebug, "lua release ngx.ctx at ref 1") })
		}
	}
	return m.table
}

// keptTable is the ngx.ctx of a request whose locations keep it over internal
// redirects (lua_ctx_inherit).
type keptTable struct {
	e     *engine
	table vm.Value
}

var keptTables = phases.NewSlot[keptTable](phases.KeepOverRedirect)

func (s *state) keepTable(table vm.Value) {
	if s.own.keepTable && s.r != nil {
		*keptTables.Ensure(s.r) = keptTable{s.e, table}
	}
}

// status is what ngx.status reads.
func (s *state) status() int {
	if s.r.Out.Status == 0 && s.r.Major == 0 {
		return 9 // HTTP/0.9, as in nginx
	}
	return s.r.Out.Status
}

func setStatus(t *vm.Thread, s *state, v vm.Value) {
	status, ok := v.ToNumber()
	if !ok {
		t.Errorf("bad argument to ngx.status (number expected, got %s)", v.Kind())
	}
	if s.sent() {
		s.logf(phases.LevelError, "attempt to set ngx.status after sending out response headers")
		return
	}
	s.r.Out.Status, s.r.Out.Line = int(status), ""
}

func getVar(t *vm.Thread, s *state) int {
	buf := s.e.takeBuffer()
	var value []byte
	var ok bool
	switch k := t.Arg(2); k.Kind() {
	case vm.KNumber:
		if n := int(k.Num()); n > 0 {
			value, ok = s.r.Capture(n, buf)
		}
	case vm.KString:
		value, ok = s.r.Variable(k.Str(), buf)
	default:
		t.Errorf("bad variable name")
	}
	if ok {
		t.PushBytes(value)
	} else {
		t.PushNil()
	}
	s.e.putBuffer(value)
	return 1
}

func setVar(t *vm.Thread, s *state) int {
	if t.Arg(2).Kind() != vm.KString {
		t.Errorf("bad variable name")
	}
	var value []byte
	switch v := t.Arg(3); v.Kind() {
	case vm.KNil:
	case vm.KString, vm.KNumber, vm.KBool:
		value = []byte(t.ToString(v))
	default:
		t.Errorf("bad variable value type: %s", v.Kind())
	}
	if err := s.r.SetVariable(t.Arg(2).Str(), value); err != nil {
		t.Errorf("%v", err)
	}
	return 0
}

func getArg(t *vm.Thread, s *state) int {
	i, a := t.CheckInt(2), &s.entry.arg
	switch {
	case s.phase == inSet && i >= 1 && i <= len(a.list):
		t.PushString(a.list[i-1])
	case s.phase == inSet:
		t.PushNil()
	case i == 1:
		t.PushBytes(a.chunk)
	case i == 2:
		t.PushBool(a.eof)
	default:
		t.Errorf("bad index: %d", i)
	}
	return 1
}

func setArg(t *vm.Thread, s *state) int {
	i, a, v := t.CheckInt(2), &s.entry.arg, t.Arg(3)
	switch {
	case i == 2:
		a.eof = v.Truth()
	case i != 1:
		t.Errorf("bad index: %d", i)
	case v.IsNil():
		a.chunk = nil
	case v.Kind() == vm.KTable:
		text, bad := s.e.appendArray(nil, v.Table(), true, 0)
		if bad != "" {
			t.ArgError(3, bad)
		}
		a.chunk = text
	case v.Kind() == vm.KString || v.Kind() == vm.KNumber:
		text, _ := v.ToString()
		a.chunk = []byte(text)
	default:
		t.Errorf("bad chunk data type: %s", v.Kind())
	}
	return 0
}
