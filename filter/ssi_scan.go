package filter

import "bytes"

// ssiCommand is one command as it stands in a page.
type ssiCommand struct {
	name    string
	params  []ssiParam
	invalid string // why it is none
}

type ssiParam struct{ name, value string }

const (
	ssiParamsMax = 16
	ssiNameMax   = 32 // of a command or a parameter, in bytes
)

// scanSSI reads the command that b begins with, "<!--#name param="value" -->",
// and returns its length, 0 if it is not complete.
func scanSSI(b []byte, valueMax int) (c ssiCommand, n int) {
	i := len(ssiOpening)
	i = skipBlanks(b, i)
	from := i
	for i < len(b) && isSSIName(b[i]) {
		i++
	}
	c.name = string(bytes.ToLower(b[from:i]))
	for i < len(b) {
		i = skipBlanks(b, i)
		if i == len(b) {
			break
		}
		if b[i] == '-' {
			if rest := b[i:]; len(rest) < 3 {
				if bytes.HasPrefix([]byte("-->"), rest) {
					return c, 0
				}
			} else if bytes.HasPrefix(rest, []byte("-->")) {
				return c.checked(i + 3)
			}
		}
		p, next, why := scanSSIParam(b, i, valueMax)
		if why != "" {
			end := bytes.Index(b[i:], []byte("-->"))
			if end < 0 {
				return c, 0
			}
			c.invalid = why
			return c, i + end + 3
		}
		if next == 0 {
			return c, 0
		}
		c.params, i = append(c.params, p), next
	}
	return c, 0
}

func (c ssiCommand) checked(n int) (ssiCommand, int) {
	switch {
	case c.name == "" || len(c.name) > ssiNameMax:
		c.invalid = "invalid SSI command"
	case len(c.params) > ssiParamsMax:
		c.invalid = "too many SSI command parameters"
	}
	return c, n
}

// scanSSIParam reads name="value" or name='value' at i; next is behind it, 0
// if it is not complete.
func scanSSIParam(b []byte, i, valueMax int) (p ssiParam, next int, invalid string) {
	from := i
	for i < len(b) && isSSIName(b[i]) {
		i++
	}
	if i == len(b) && i-from <= ssiNameMax {
		return p, 0, ""
	}
	p.name = string(bytes.ToLower(b[from:i]))
	if p.name == "" || len(p.name) > ssiNameMax {
		return p, 0, "invalid parameter name"
	}
	if i = skipBlanks(b, i); i == len(b) {
		return p, 0, ""
	}
	if b[i] != '=' {
		return p, 0, "no value of a parameter"
	}
	if i = skipBlanks(b, i+1); i == len(b) {
		return p, 0, ""
	}
	quote := b[i]
	if quote != '"' && quote != '\'' {
		return p, 0, "a value without quotes"
	}
	i++
	from = i
	for ; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case quote:
			if i-from > valueMax {
				return p, 0, "too long value of a parameter"
			}
			p.value = string(b[from:i])
			return p, i + 1, ""
		}
	}
	if i-from > valueMax+1 {
		return p, 0, "too long value of a parameter"
	}
	return p, 0, ""
}

func isSSIName(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_'
}

func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// get returns the value of a parameter.
func (c *ssiCommand) get(name string) (value string, ok bool) {
	for _, p := range c.params {
		if p.name == name {
			return p.value, true
		}
	}
	return "", false
}
