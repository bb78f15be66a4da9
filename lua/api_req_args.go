package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
)

// requestArgsArea is ngx.req's part on arguments, those of the URI and those
// of a form.
var requestArgsArea = area{rows: []row{
	{"req.get_uri_args", requestPhases, getURIArgs},
	{"req.set_uri_args", requestPhases, setURIArgs},
	{"req.get_post_args", requestPhases, getPostArgs},
}}

func getURIArgs(t *vm.Thread, s *state) int {
	limit := t.OptInt(1, defaultArgs)
	var into *vm.Table
	if !t.Arg(2).IsNil() {
		into = t.CheckTable(2)
		for k, _, ok := into.Next(vm.Nil); ok; k, _, ok = into.Next(vm.Nil) {
			into.Set(k, vm.Nil)
		}
	}
	return s.pushArgs(t, string(s.r.Args), limit, into)
}

// pushArgs pushes the table of arguments, and "truncated" when there are more
// than limit.
func (s *state) pushArgs(t *vm.Thread, text string, limit int, into *vm.Table) int {
	if limit < 0 {
		limit = defaultArgs
	}
	table, truncated := s.e.decodeArgs(text, limit, into)
	t.Push(table.Value())
	if truncated {
		s.debugf("lua hit query args limit %d", limit)
		t.PushString("truncated")
		return 2
	}
	return 1
}

func setURIArgs(t *vm.Thread, s *state) int {
	if t.NArg() != 1 {
		t.Errorf("expecting 1 argument but seen %d", t.NArg())
	}
	args := s.argsOption(t, t.Arg(1), 1)
	s.r.Args, s.r.Rewritten = escapeControls(args), true
	return 0
}

// escapeControls makes arguments safe: bytes that no URI may have are written
// as %XX.
func escapeControls(args string) []byte {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(args))
	for i := range len(args) {
		if c := args[i]; c < 0x20 || c == 0x7f {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// argsOption is arguments as scripts may give them: text, a number or a table.
// i says of which argument the error is.
func (s *state) argsOption(t *vm.Thread, v vm.Value, i int) string {
	switch v.Kind() {
	case vm.KString, vm.KNumber:
		text, _ := v.ToString()
		return text
	case vm.KTable:
		return s.e.encodeArgs(t, v.Table())
	}
	t.ArgError(i, "string, number, or table expected, but got "+v.Kind().String())
	return ""
}

func getPostArgs(t *vm.Thread, s *state) int {
	if t.NArg() > 1 {
		t.Errorf("expecting 0 or 1 arguments but seen %d", t.NArg())
	}
	limit := t.OptInt(1, defaultArgs)
	switch b := &s.r.Body; {
	case b.Discarded:
		t.Push(s.e.vm.NewTable(0, 0).Value())
		return 1
	case !b.Read:
		t.Errorf("no request body found; maybe you should turn on lua_need_request_body?")
		return 0
	}
	data, ok := s.bodyData(t)
	if !ok {
		return fail(t, "request body in temp file not supported")
	}
	return s.pushArgs(t, string(data), limit, nil)
}
