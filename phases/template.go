package phases

import (
	"bytes"

	"github.com/luahttpd/luahttpd/conf"
)

// Template is a configured text with variables in it: "x $name ${name}y $1".
type Template struct {
	text  string
	raw   []byte // text; never written to
	parts []part // none: the text is constant
}

type part struct {
	lit string
	get func(r *Request, dst []byte) ([]byte, bool)
}

// Template compiles text, an argument of statement s.
func (b *Block) Template(s *conf.Stmt, text string) (*Template, error) {
	t := Literal(text)
	rest := text
	lit := ""
	flush := func() {
		if lit != "" {
			t.parts = append(t.parts, part{lit: lit})
			lit = ""
		}
	}
	for rest != "" {
		i := indexByte(rest, '$')
		if i < 0 {
			lit += rest
			break
		}
		lit += rest[:i]
		name, n, err := variableName(s, rest[i:])
		if err != nil {
			return nil, err
		}
		rest = rest[i+n:]
		flush()
		if c := name[0]; len(name) == 1 && c >= '1' && c <= '9' {
			group := int(c - '0')
			t.parts = append(t.parts, part{get: func(r *Request, dst []byte) ([]byte, bool) { return r.Capture(group, dst) }})
			continue
		}
		get, err := b.Reference(s, name)
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, part{get: get})
	}
	if len(t.parts) > 0 {
		flush()
	}
	return t, nil
}

// variableName reads $name, ${name} or $1 at the start of s and returns the
// name and the length of the whole.
func variableName(s *conf.Stmt, text string) (name string, n int, err error) {
	i := 1
	brace := len(text) > 1 && text[1] == '{'
	if brace {
		i = 2
	} else if len(text) > 1 && text[1] >= '1' && text[1] <= '9' {
		return text[1:2], 2, nil
	}
	j := i
	for j < len(text) && isNameByte(text[j]) {
		j++
	}
	if brace && (j >= len(text) || text[j] != '}') {
		return "", 0, s.Errorf("the closing bracket in \"%s\" variable is missing", text[i:j])
	}
	if i == j {
		return "", 0, s.Errorf("invalid variable name \"$\"")
	}
	if brace {
		return text[i:j], j + 1, nil
	}
	return text[i:j], j, nil
}

// CutVariable reads the $name or ${name} that text begins with.
func CutVariable(s *conf.Stmt, text string) (name, rest string, err error) {
	name, n, err := variableName(s, text)
	return name, text[n:], err
}

func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

func indexByte(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		if s[i] == c {
			return i
		}
	}
	return -1
}

// HasVariables tells whether text names any.
func HasVariables(text string) bool { return indexByte(text, '$') >= 0 }

// Literal makes a constant template.
func Literal(text string) *Template { return &Template{text: text, raw: []byte(text)} }

// Const returns the text of a template without variables.
func (t *Template) Const() (string, bool) { return t.text, len(t.parts) == 0 }

// Source is the text as it stands in the configuration.
func (t *Template) Source() string { return t.text }

// Append appends the value for r. Variables without a value count as empty.
func (t *Template) Append(r *Request, dst []byte) []byte {
	if len(t.parts) == 0 {
		return append(dst, t.text...)
	}
	for i := range t.parts {
		if p := &t.parts[i]; p.get == nil {
			dst = append(dst, p.lit...)
		} else {
			dst, _ = p.get(r, dst)
		}
	}
	return dst
}

// String returns the value for r.
func (t *Template) String(r *Request) string {
	if len(t.parts) == 0 {
		return t.text
	}
	b := t.Append(r, r.takeScratch())
	v := string(b)
	r.putScratch(b)
	return v
}

// True is the value as a condition: neither empty nor "0" (if=, proxy_bypass).
func (t *Template) True(r *Request) bool {
	b := t.Append(r, r.takeScratch())
	yes := len(b) > 0 && !bytes.Equal(b, []byte("0"))
	r.putScratch(b)
	return yes
}

// Bytes returns the value for r, not to be changed: a constant one is shared.
func (t *Template) Bytes(r *Request) []byte {
	if len(t.parts) == 0 {
		return t.raw
	}
	return t.Append(r, nil)
}
