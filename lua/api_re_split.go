package lua

import "github.com/luahttpd/luahttpd/lua/vm"

// reSplit is split(subject, regex, options, ctx, max, res) of the module
// ngx.re: the pieces between the matches, each match's first group after the
// piece before it. With max the last piece is all that is left.
func reSplit(t *vm.Thread, s *state) int {
	subject := stringArg(t, 1)
	most := t.OptInt(5, 0)
	var at *vm.Table
	pos := 0
	if !t.Arg(4).IsNil() {
		at = t.CheckTable(4)
		if n, ok := at.GetStr("pos").ToNumber(); ok && n > 1 {
			pos = int(min(n, 1<<53)) - 1
		}
	}
	out := t.Arg(6).Table()
	if out == nil {
		if !t.Arg(6).IsNil() {
			t.Errorf("res is not a table")
		}
		out = s.e.vm.NewTable(4, 0)
	}
	if pos >= len(subject) {
		out.SetInt(1, vm.Nil)
		t.Push(out.Value())
		return 1
	}
	re, err := s.e.regexArg(t)
	if err != nil {
		return fail(t, err.Error())
	}
	n, pieces, from := 0, 1, pos
	add := func(text string) {
		n++
		out.SetInt(n, vm.String(text))
	}
	caps := s.e.borrowCaps()
	defer func() { s.e.regexes.caps = caps }()
	for pos < len(subject) && (most <= 0 || pieces < most) {
		var ok bool
		if caps, ok, err = re.MatchPaced(subject, pos, caps, t); err != nil {
			return fail(t, err.Error())
		}
		if !ok {
			break
		}
		if caps[1] == caps[0] && (caps[0] <= from || caps[0] >= len(subject)) {
			pos = after(re, subject, caps) // nothing lies between an empty match and an end
			continue
		}
		add(subject[from:caps[0]])
		if re.NumGroups() > 0 && caps[2] >= 0 {
			add(subject[caps[2]:caps[3]])
		}
		pieces++
		from, pos = caps[1], after(re, subject, caps)
	}
	if at != nil {
		at.SetStr("pos", vm.Int(pos+1))
	}
	add(subject[from:])
	out.SetInt(n+1, vm.Nil)
	t.Push(out.Value())
	return 1
}

// reOpt is opt(name, value) of the module ngx.re. There is no JIT stack to
// size: a known option is accepted.
func reOpt(t *vm.Thread, s *state) int {
	if t.CheckString(1) != "jit_stack_size" {
		t.Errorf("unrecognized option name")
	}
	if once := s.e.regexes.once; once != nil && once.Len() > 0 {
		t.Errorf("changing jit stack size is not allowed when some regexs have already been compiled and cached")
	}
	return 0
}
