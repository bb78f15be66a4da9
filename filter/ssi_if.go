package filter

import (
	"bytes"
	"strings"
)

// ssiIf is one level of "if".
type ssiIf struct {
	output bool // this part is put out
	chosen bool // this part or one before it was
}

// ssiIfMax bounds how deep "if" may nest.
const ssiIfMax = 100

// visible tells whether what is read now is put out.
func (z *ssiReading) visible() bool {
	return z.skipped == 0 && (len(z.ifs) == 0 || z.ifs[len(z.ifs)-1].output)
}

func (z *ssiReading) beginIf(c *ssiCommand) error {
	if !z.visible() {
		z.skipped++
		return nil
	}
	if len(z.ifs) == ssiIfMax {
		return z.failed("the \"if\" commands are nested too deep")
	}
	z.ifs = append(z.ifs, ssiIf{})
	return z.choose(c)
}

func (z *ssiReading) elseIf(c *ssiCommand) error {
	switch {
	case z.skipped > 0:
		return nil
	case len(z.ifs) == 0:
		return z.failed("invalid context of SSI command: \"%s\"", c.name)
	}
	level := &z.ifs[len(z.ifs)-1]
	if level.chosen {
		level.output = false
		return nil
	}
	if c.name == "else" {
		level.output, level.chosen = true, true
		return nil
	}
	level.output = true // an error is put out
	return z.choose(c)
}

func (z *ssiReading) endIf(c *ssiCommand) error {
	switch {
	case z.skipped > 0:
		z.skipped--
	case len(z.ifs) == 0:
		return z.failed("invalid context of SSI command: \"%s\"", c.name)
	default:
		z.ifs = z.ifs[:len(z.ifs)-1]
	}
	return nil
}

// choose evaluates the expression of "if" or "elif".
func (z *ssiReading) choose(c *ssiCommand) error {
	expr, _ := c.get("expr")
	level := &z.ifs[len(z.ifs)-1]
	holds, why := z.holds(expr)
	if why != "" {
		level.output = true
		err := z.failed("%s", why)
		level.output = false
		return err
	}
	level.output, level.chosen = holds, holds
	return nil
}

// holds evaluates "text", "text = text", "text != text" and both with a regular
// expression in slashes on the right.
func (z *ssiReading) holds(expr string) (yes bool, why string) {
	end := 0
	for end < len(expr) && (isSSIName(expr[end]) || strings.IndexByte("${}\"'", expr[end]) >= 0) {
		end++
	}
	left, why := z.evaluate(expr[:end])
	if why != "" {
		return false, why
	}
	rest := strings.TrimLeft(expr[end:], " ")
	if rest == "" {
		return len(left) > 0, ""
	}
	negative := false
	switch {
	case strings.HasPrefix(rest, "="):
		rest = rest[1:]
	case strings.HasPrefix(rest, "!="):
		negative, rest = true, rest[2:]
	default:
		return false, "invalid expression in \"" + expr + "\""
	}
	rest = strings.TrimLeft(rest, " ")
	pattern, isRegex := strings.CutPrefix(rest, "/")
	if isRegex && len(rest) > 1 {
		if pattern, isRegex = strings.CutSuffix(pattern, "/"); !isRegex {
			return false, "invalid expression in \"" + expr + "\""
		}
		rest = pattern
	}
	right, why := z.evaluate(rest)
	switch {
	case why != "":
		return false, why
	case isRegex:
		yes, why = z.matches(string(right), left)
	default:
		yes = bytes.Equal(left, right)
	}
	return yes != negative, why
}

// matches matches a regular expression and keeps its groups as variables.
func (z *ssiReading) matches(pattern string, subject []byte) (yes bool, why string) {
	re, err := ssiCompilers.Of(z.r.Config).Compile(pattern, 0)
	if err != nil {
		return false, err.Error()
	}
	groups, yes, err := re.Match(subject, 0, nil)
	if err != nil {
		return false, err.Error() + " on \"" + string(subject) + "\" using \"" + pattern + "\""
	}
	if !yes {
		return false, ""
	}
	group := func(i int) []byte {
		if groups[2*i] < 0 {
			return nil
		}
		return bytes.Clone(subject[groups[2*i]:groups[2*i+1]])
	}
	z.captures = z.captures[:0]
	for i := range len(groups) / 2 {
		z.captures = append(z.captures, group(i))
	}
	for _, n := range re.Names() {
		z.assign(n.Name, group(n.Index))
	}
	return true, ""
}

// variable returns the value of a name in lower case: a group of the last
// expression, what "set" gave it, or a variable of the server.
func (z *ssiReading) variable(name string) (value []byte, ok bool) {
	if len(name) == 1 && name[0] >= '0' && name[0] <= '9' {
		if i := int(name[0] - '0'); i < len(z.captures) {
			return z.captures[i], true
		}
	}
	if v, ok := z.page.vars[name]; ok {
		return v, true
	}
	if name == "date_gmt" || name == "date_local" {
		return z.date(name), true
	}
	return z.r.Variable(name, nil)
}

// date is a date as this page has it formatted, which for a block is not what
// the request that it stands in says.
func (z *ssiReading) date(name string) []byte {
	now := z.r.Worker.Now().Local()
	if name == "date_gmt" {
		now = now.In(gmt)
	}
	return appendTime(nil, z.timeFormat, now)
}

// evaluate replaces $name, ${name} and \$ in a text; a variable without a
// value is empty.
func (z *ssiReading) evaluate(text string) (value []byte, why string) {
	value = []byte{}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && strings.IndexByte("\\'\"$", text[i+1]) >= 0:
			i++
			value = append(value, text[i])
		case c != '$':
			value = append(value, c)
		default:
			name, n := "", 0
			if rest := text[i+1:]; strings.HasPrefix(rest, "{") {
				if n = strings.IndexByte(rest, '}') + 1; n == 0 {
					return nil, "the closing bracket in \"" + text + "\" variable is missing"
				}
				name = rest[1 : n-1]
			} else {
				for n < len(rest) && isSSIName(rest[n]) {
					n++
				}
				name = rest[:n]
			}
			if name == "" || len(name) > ssiNameMax*2 {
				return nil, "invalid variable name in \"" + text + "\""
			}
			v, _ := z.variable(strings.ToLower(name))
			value = append(value, v...)
			i += n
			if len(value) > ssiValueMax {
				return nil, "too long value of \"" + text + "\""
			}
		}
	}
	return value, ""
}

// ssiValueMax bounds a text with its variables replaced, in bytes: they can
// be set to longer and longer ones.
const ssiValueMax = 1 << 20
