package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/pcre"
)

// regexArea is ngx.re.* and the module ngx.re.
var regexArea = area{
	rows: []row{
		{"re.match", anyPhase, reMatch},
		{"re.find", anyPhase, reFind},
		{"re.gmatch", anyPhase, reGmatch},
		{"re.sub", anyPhase, func(t *vm.Thread, s *state) int { return reSub(t, s, false) }}, // api_re_sub.go
		{"re.gsub", anyPhase, func(t *vm.Thread, s *state) int { return reSub(t, s, true) }},
	},
	open: func(e *engine, ngx *vm.Table) {
		e.regexes.once = e.newRegexCache(e.site.http.regexCache)
		e.regexes.others = e.newRegexCache(regexRecent)
		e.vm.Builtin("ngx.re", func(*vm.Thread) vm.Value {
			m := e.vm.NewTable(0, 3)
			m.SetStr("version", vm.String(coreVersion))
			m.SetStr("split", e.function("split", anyPhase, reSplit)) // api_re_split.go
			m.SetStr("opt", e.function("opt", anyPhase, reOpt))
			return m.Value()
		})
	},
}

// coreVersion is the lua-resty-core whose modules the built-in ones stand for.
const coreVersion = "0.1.33"

// regexRecent is how many expressions without the option "o" are kept.
const regexRecent = 64

// regexes are the compiled expressions of one engine. nil caches keep nothing.
type regexes struct {
	once   *pcre.Cache // option o; lua_regex_cache_max_entries
	others *pcre.Cache
	caps   []int // lent to one match at a time
}

func (e *engine) newRegexCache(entries int) *pcre.Cache {
	if entries <= 0 {
		return nil
	}
	c := pcre.NewCache(entries)
	c.SetMatchLimit(e.site.http.regexLimit)
	return c
}

// regexArg compiles argument 2 with the options in argument 3.
func (e *engine) regexArg(t *vm.Thread) (*pcre.Regex, error) {
	return e.compileRegex(t, stringArg(t, 2), t.OptString(3, ""))
}

// compileRegex compiles a pattern. Unknown options raise an error.
func (e *engine) compileRegex(t *vm.Thread, pattern, options string) (*pcre.Regex, error) {
	flags, err := pcre.ParseFlags(options)
	if err != nil {
		t.Errorf("%v", err)
	}
	cache := e.regexes.others
	if flags&pcre.CompileOnce != 0 && e.regexes.once != nil {
		cache = e.regexes.once
	}
	return cache.Compile(pattern, flags)
}

// stringArg is an argument that is turned into a string whatever it is.
func stringArg(t *vm.Thread, i int) string {
	if v := t.Arg(i); v.Kind() != vm.KString {
		return t.ToString(v)
	}
	return t.Arg(i).Str()
}

// borrowCaps lends the offsets' buffer: scripts may run, and match, before it
// is given back.
func (e *engine) borrowCaps() []int {
	c := e.regexes.caps
	e.regexes.caps = nil
	return c
}

// match runs the expression of the arguments on argument 1 from the position
// in the table that is argument 4, which it moves behind the match.
func (s *state) match(t *vm.Thread, re *pcre.Regex) (subject string, caps []int, ok bool, err error) {
	subject = stringArg(t, 1)
	at, pos := vm.Nil, 0
	if !t.Arg(4).IsNil() {
		at = t.CheckTable(4).Value()
		if n, ok := t.Arg(4).Table().GetStr("pos").ToNumber(); ok && n > 1 {
			pos = int(min(n, 1<<53)) - 1
		}
	}
	caps, ok, err = re.MatchPaced(subject, pos, s.e.borrowCaps(), t)
	if ok && !at.IsNil() {
		at.Table().SetStr("pos", vm.Int(caps[1]+1))
	}
	return subject, caps, ok, err
}

func reMatch(t *vm.Thread, s *state) int {
	re, err := s.e.regexArg(t)
	if err != nil {
		return fail(t, err.Error())
	}
	into := t.Arg(5).Table()
	if into == nil && !t.Arg(5).IsNil() {
		t.TypeError(5, "table")
	}
	subject, caps, ok, err := s.match(t, re)
	defer func() { s.e.regexes.caps = caps }()
	switch {
	case err != nil:
		return fail(t, err.Error())
	case !ok:
		t.PushNil()
	default:
		t.Push(s.e.captures(re, subject, caps, into).Value())
	}
	return 1
}

// captures makes the table of a match: [0] is the whole, [1] and so on the
// groups, false for one that is unset, and the named ones by name too.
func (e *engine) captures(re *pcre.Regex, subject string, caps []int, into *vm.Table) *vm.Table {
	names := re.Names()
	if into == nil {
		into = e.vm.NewTable(re.NumGroups(), len(names)+1)
	}
	for i := range re.NumGroups() + 1 {
		into.SetInt(i, capture(subject, caps, i))
	}
	several := re.Flags()&pcre.DupNames != 0
	for _, n := range names {
		if several {
			into.SetStr(n.Name, vm.Nil)
		}
	}
	for _, n := range names {
		v := into.GetInt(n.Index)
		switch list := into.GetStr(n.Name).Table(); {
		case !several:
			into.SetStr(n.Name, v)
		case !v.Truth():
		case list == nil:
			list = e.vm.NewTable(1, 0)
			list.SetInt(1, v)
			into.SetStr(n.Name, list.Value())
		default:
			list.SetInt(list.Len()+1, v)
		}
	}
	return into
}

func capture(subject string, caps []int, i int) vm.Value {
	if caps[2*i] < 0 {
		return vm.Bool(false)
	}
	return vm.String(subject[caps[2*i]:caps[2*i+1]])
}

func reFind(t *vm.Thread, s *state) int {
	re, err := s.e.regexArg(t)
	if err != nil {
		t.PushNil()
		return 1 + fail(t, err.Error())
	}
	_, caps, ok, err := s.match(t, re)
	s.e.regexes.caps = caps
	if err != nil {
		t.PushNil()
		return 1 + fail(t, err.Error())
	}
	if !ok {
		t.PushNil()
		return 1
	}
	n := max(t.OptInt(5, 0), 0)
	if n > re.NumGroups() {
		t.PushNil()
		return 1 + fail(t, "nth out of bound")
	}
	if caps[2*n] < 0 {
		t.PushNil()
		t.PushNil()
		return 2
	}
	t.PushInt(caps[2*n] + 1)
	t.PushInt(caps[2*n+1])
	return 2
}

func reGmatch(t *vm.Thread, s *state) int {
	re, err := s.e.regexArg(t)
	if err != nil {
		return fail(t, err.Error())
	}
	e, subject, pos := s.e, stringArg(t, 1), 0
	t.Push(e.vm.NewFunc("gmatch_iterator", func(t *vm.Thread) int {
		if pos > len(subject) {
			t.PushNil()
			return 1
		}
		caps, ok, err := re.MatchPaced(subject, pos, e.borrowCaps(), t)
		e.regexes.caps = caps
		switch {
		case err != nil:
			pos = len(subject) + 1
			return fail(t, err.Error())
		case !ok:
			pos = len(subject) + 1
			t.PushNil()
			return 1
		}
		pos = after(re, subject, caps)
		t.Push(e.captures(re, subject, caps, nil).Value())
		return 1
	}))
	return 1
}

// after is where the next match is looked for: behind this one, a character
// further if it was empty.
func after(re *pcre.Regex, subject string, caps []int) int {
	pos := caps[1]
	if pos > caps[0] {
		return pos
	}
	pos++
	for re.Flags()&pcre.UTF != 0 && pos < len(subject) && subject[pos]&0xc0 == 0x80 {
		pos++
	}
	return pos
}
