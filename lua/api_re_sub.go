package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// reSub is ngx.re.sub and, when global, gsub: it replaces one or all matches
// by a template or by what a function makes of their captures.
func reSub(t *vm.Thread, s *state, global bool) int {
	subject, by := stringArg(t, 1), t.Arg(3)
	re, err := s.e.compileRegex(t, stringArg(t, 2), t.OptString(4, ""))
	if err != nil {
		return failSub(t, err.Error())
	}
	var parts replacement
	if by.Kind() != vm.KFunction {
		text := stringArg(t, 3)
		if parts, err = parseReplacement(text); err != nil {
			s.logf(phases.LevelError, "%v", err)
			return failSub(t, "failed to compile the replacement template")
		}
	}
	var out []byte
	caps := s.e.borrowCaps()
	count, copied := 0, 0
	for pos := 0; pos <= len(subject); {
		var ok bool
		if caps, ok, err = re.MatchPaced(subject, pos, caps, t); err != nil {
			s.e.regexes.caps = caps
			return failSub(t, err.Error())
		}
		if !ok {
			break
		}
		count++
		out = append(out, subject[copied:caps[0]]...)
		copied, pos = caps[1], after(re, subject, caps)
		if by.Kind() == vm.KFunction {
			out = append(out, called(t, by, s.e.captures(re, subject, caps, nil))...)
		} else {
			out = parts.append(out, subject, caps)
		}
		if !global {
			break
		}
	}
	s.e.regexes.caps = caps
	if count == 0 {
		t.PushString(subject)
	} else {
		t.PushBytes(append(out, subject[copied:]...))
	}
	t.PushInt(count)
	return 2
}

func failSub(t *vm.Thread, text string) int {
	t.PushNil()
	return 1 + fail(t, text)
}

// called is what a function makes of a match, as a string whatever it is.
func called(t *vm.Thread, fn vm.Value, captures *vm.Table) string {
	v := vm.Nil
	if r := t.CallRaw(fn, captures.Value()); len(r) > 0 {
		v = r[0]
	}
	if v.Kind() == vm.KString {
		return v.Str()
	}
	return t.ToString(v)
}

// replacement is a template for matches: text and references to groups.
type replacement []struct {
	text  string
	group int // -1: text
}

func (p replacement) append(b []byte, subject string, caps []int) []byte {
	for _, part := range p {
		switch {
		case part.group < 0:
			b = append(b, part.text...)
		case 2*part.group < len(caps) && caps[2*part.group] >= 0:
			b = append(b, subject[caps[2*part.group]:caps[2*part.group+1]]...)
		}
	}
	return b
}

// replacementError says what is wrong with a template, in OpenResty's words.
type replacementError string

func (e replacementError) Error() string { return string(e) }

// maxGroup bounds the numbers of groups in templates; higher ones are empty
// all the same.
const maxGroup = 1 << 20

// parseReplacement reads $1, ${1} and $$ in a template.
func parseReplacement(s string) (replacement, error) {
	var parts replacement
	add := func(text string, group int) {
		parts = append(parts, struct {
			text  string
			group int
		}{text, group})
	}
	for i := 0; i < len(s); {
		from := i
		for i < len(s) && s[i] != '$' {
			i++
		}
		if i > from {
			add(s[from:i], -1)
		}
		if i == len(s) {
			break
		}
		i++
		if i < len(s) && s[i] == '$' {
			add("$", -1)
			i++
			continue
		}
		bracket := i < len(s) && s[i] == '{'
		if bracket {
			i++
		}
		from = i
		for i < len(s) && isNameByte(s[i]) {
			i++
		}
		name := s[from:i]
		group, digits := 0, 0
		for digits < len(name) && name[digits] >= '0' && name[digits] <= '9' {
			group = min(group*10+int(name[digits]-'0'), maxGroup)
			digits++
		}
		switch {
		case name == "":
			return nil, replacementError("lua script: invalid capturing variable name found in \"" + s + "\"")
		case digits == 0:
			return nil, replacementError("attempt to use named capturing variable \"" + name + "\" (named captures not supported yet)")
		case !bracket: // $1a is group 1 and an "a"
			i = from + digits
		case i == len(s) || s[i] != '}' || digits < len(name):
			return nil, replacementError("the closing bracket in \"" + name + "\" variable is missing")
		default:
			i++
		}
		add("", group)
	}
	return parts, nil
}

func isNameByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
}
