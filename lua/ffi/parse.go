package ffi

import (
	"fmt"
	"strconv"
	"strings"
)

// declarations is what ffi.cdef has been told, for one VM.
type declarations struct {
	types     map[string]*ctype // typedefs and base types
	tags      map[string]*ctype // "struct x"
	constants map[string]int64
	functions map[string]*ctype
}

func newDeclarations() *declarations {
	return &declarations{baseTypes(), map[string]*ctype{}, map[string]int64{}, map[string]*ctype{}}
}

// parser reads C declarations.
type parser struct {
	*declarations
	tokens []string
	pos    int
	depth  int
	given  []*ctype // for each "$"
}

// syntaxError is what a parser panics with.
type syntaxError string

func (p *parser) fail(format string, a ...any) { panic(syntaxError(fmt.Sprintf(format, a...))) }

// catch turns the parser's panic into an error.
func catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case syntaxError:
		*err = fmt.Errorf("%s", string(r))
	default:
		panic(r)
	}
}

// tokenize splits C text into words, numbers and single marks; comments and
// preprocessor lines are dropped.
func tokenize(src string) (tokens []string) {
	isWord := func(c byte) bool {
		return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case strings.HasPrefix(src[i:], "//") || c == '#':
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case strings.HasPrefix(src[i:], "/*"):
			end := strings.Index(src[i:], "*/")
			if end < 0 {
				return tokens
			}
			i += end + 2
		case isWord(c):
			from := i
			for i < len(src) && isWord(src[i]) {
				i++
			}
			tokens = append(tokens, src[from:i])
		case c == '"':
			from := i
			for i++; i < len(src) && src[i] != '"'; i++ {
			}
			i = min(i+1, len(src))
			tokens = append(tokens, src[from:i])
		default:
			tokens = append(tokens, src[i:i+1])
			i++
		}
	}
	return tokens
}

func (p *parser) peek() string {
	if p.pos < len(p.tokens) {
		return p.tokens[p.pos]
	}
	return ""
}

func (p *parser) next() string {
	t := p.peek()
	p.pos++
	return t
}

func (p *parser) accept(t string) bool {
	if p.peek() == t && p.pos < len(p.tokens) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(t string) {
	if !p.accept(t) {
		near := p.peek()
		if near == "" {
			near = "<eof>"
		}
		p.fail("'%s' expected near '%s'", t, near)
	}
}

// declare reads declarations up to the end (ffi.cdef).
func (d *declarations) declare(src string) (err error) {
	defer catch(&err)
	p := &parser{declarations: d, tokens: tokenize(src)}
	for p.pos < len(p.tokens) {
		if !p.accept(";") {
			p.declaration()
		}
	}
	return nil
}

func (p *parser) declaration() {
	typedef, constant := false, false
	for {
		switch p.peek() {
		case "typedef":
			typedef = true
		case "static":
			constant = true
		case "extern", "inline", "__inline", "__extension__":
		default:
			goto base
		}
		p.pos++
	}
base:
	b := p.base()
	for !p.accept(";") {
		name, t := p.declarator(b)
		switch {
		case typedef:
			if t.kind == record && t.name == "" {
				t.name = name
			}
			p.types[name] = t
		case constant && p.accept("="):
			p.constants[name] = p.number()
		case t.kind == function:
			p.functions[name] = t
		}
		p.attributes()
		if !p.accept(",") {
			p.expect(";")
			return
		}
	}
}

// attributes skips __attribute__((...)) and __asm__("...").
func (p *parser) attributes() {
	for {
		switch p.peek() {
		case "__attribute__", "__asm__", "asm", "__declspec":
			p.pos++
			p.expect("(")
			for depth := 1; depth > 0; {
				switch p.next() {
				case "(":
					depth++
				case ")":
					depth--
				case "":
					p.fail("')' expected near '<eof>'")
				}
			}
		default:
			return
		}
	}
}

// base reads what stands before the declarators.
func (p *parser) base() *ctype {
	var words []string
	var t *ctype
	for {
		p.attributes()
		switch w := p.peek(); w {
		case "const", "volatile", "restrict", "__restrict", "__const":
			p.pos++
			continue
		case "unsigned", "signed", "short", "long":
			p.pos++
			words = append(words, w)
			continue
		case "char", "int", "double":
			if t == nil {
				p.pos++
				words = append(words, w)
				continue
			}
		case "struct", "union":
			p.pos++
			t = p.record(w == "union")
			continue
		case "enum":
			p.pos++
			t = p.enum()
			continue
		case "$":
			if t == nil && len(words) == 0 {
				if len(p.given) == 0 {
					p.fail("wrong number of type parameters")
				}
				p.pos++
				t, p.given = p.given[0], p.given[1:]
				continue
			}
		default:
			if t == nil && len(words) == 0 && w != "" {
				if t = p.types[w]; t == nil {
					p.fail("declaration specifier expected near '%s'", w)
				}
				p.pos++
				continue
			}
		}
		switch {
		case len(words) == 1 && words[0] != "unsigned" && words[0] != "signed" && p.types[words[0]] != nil:
			return p.types[words[0]]
		case len(words) > 0:
			return integerType(words)
		case t == nil:
			p.fail("declaration specifier expected near '%s'", p.peek())
		}
		return t
	}
}

// maxNesting bounds declarations within one another, and types made of types:
// Go could not unwind a stack that is full.
const maxNesting = 100

// nest enters a declaration within another; what it returns leaves it.
func (p *parser) nest() func() {
	if p.depth++; p.depth > maxNesting {
		p.fail("C type is nested too deeply")
	}
	return func() { p.depth-- }
}

// shallow refuses a type of too many types, as typedefs can make it.
func (p *parser) shallow(t *ctype) *ctype {
	if t.depth > maxNesting {
		p.fail("C type is nested too deeply")
	}
	return t
}

// record reads a struct or union behind that word.
func (p *parser) record(union bool) *ctype {
	p.attributes()
	word := "struct "
	if union {
		word = "union "
	}
	t := &ctype{kind: record, union: union, align: 1}
	if p.peek() != "{" {
		name := word + p.next()
		if known := p.tags[name]; known != nil {
			t = known
		} else {
			t.name = name
			p.tags[name] = t
		}
	}
	if !p.accept("{") {
		return t
	}
	if t.complete {
		p.fail("attempt to redefine '%s'", t.name)
	}
	defer p.nest()()
	var fields []field
	for !p.accept("}") {
		b := p.base()
		if p.accept(";") { // an embedded record
			if !b.complete {
				p.fail("invalid C type")
			}
			fields = append(fields, field{t: b})
			continue
		}
		for {
			name, ft := p.declarator(b)
			if p.accept(":") { // a bit field has a whole number
				p.number()
			}
			p.attributes()
			if !ft.complete && ft.kind == record || ft.kind == void || ft.kind == function {
				p.fail("invalid C type")
			}
			fields = append(fields, field{name: name, t: ft})
			if !p.accept(",") {
				break
			}
		}
		p.expect(";")
	}
	p.attributes()
	if t.complete { // by a record of the same name within it
		p.fail("attempt to redefine '%s'", t.name)
	}
	t.layout(fields)
	if t.size > maxSize {
		p.fail("size of C type is unknown or too large")
	}
	return p.shallow(t)
}

// enum reads an enumeration behind that word.
func (p *parser) enum() *ctype {
	t := base(integer, "int", 4, true)
	if p.peek() != "{" {
		t.name = "enum " + p.next()
		if known := p.tags[t.name]; known != nil {
			t = known
		} else {
			p.tags[t.name] = t
		}
	}
	if p.accept("{") {
		for n := int64(0); !p.accept("}"); n++ {
			name := p.next()
			if p.accept("=") {
				n = p.number()
			}
			p.constants[name] = n
			if !p.accept(",") {
				p.expect("}")
				break
			}
		}
	}
	return t
}

// number reads a constant: a number, perhaps negative, or a name.
func (p *parser) number() int64 {
	defer p.nest()()
	if p.accept("-") {
		return -p.number()
	}
	if p.accept("(") {
		n := p.number()
		p.expect(")")
		return n
	}
	w := p.next()
	if n, ok := p.constants[w]; ok {
		return n
	}
	n, err := strconv.ParseInt(strings.TrimRight(w, "uUlL"), 0, 64)
	if err != nil {
		p.fail("constant expected near '%s'", w)
	}
	for p.accept("<") { // 1 << 3 is common
		p.expect("<")
		n <<= uint64(p.number()) & 63
	}
	return n
}

// declarator reads "*name[3]" and the like. The name may be missing.
func (p *parser) declarator(t *ctype) (name string, _ *ctype) {
	defer p.nest()()
	for p.accept("*") {
		t = p.shallow(pointerTo(t))
		for p.accept("const") || p.accept("volatile") || p.accept("restrict") || p.accept("__restrict") {
		}
	}
	p.attributes()
	inner := -1 // where "(*name)" begins, to be read when its type is known
	switch w := p.peek(); {
	case w == "(" && p.pos+1 < len(p.tokens) && (p.tokens[p.pos+1] == "*" || p.tokens[p.pos+1] == "("):
		inner = p.pos + 1
		for depth := 0; ; {
			switch p.next() {
			case "(":
				depth++
			case ")":
				depth--
			case "":
				p.fail("')' expected near '<eof>'")
			}
			if depth == 0 {
				break
			}
		}
	case w != "" && (w[0] == '_' || w[0] >= 'a' && w[0] <= 'z' || w[0] >= 'A' && w[0] <= 'Z'):
		name = p.next()
	}
	t = p.suffix(t)
	if inner >= 0 {
		end := p.pos
		p.pos = inner
		name, t = p.declarator(t)
		p.pos = end
	}
	return name, t
}

// suffix reads "[n]" and "(parameters)".
func (p *parser) suffix(t *ctype) *ctype {
	defer p.nest()()
	switch {
	case p.accept("["):
		n := -1
		if !p.accept("?") && p.peek() != "]" {
			n = int(p.number())
			if n < 0 || n > maxSize {
				p.fail("size of C type is unknown or too large")
			}
		}
		p.expect("]")
		elem := p.suffix(t)
		if n > 0 && elem.size > maxSize/n {
			p.fail("size of C type is unknown or too large")
		}
		return p.shallow(arrayOf(elem, n))
	case p.accept("("):
		f := &ctype{kind: function, elem: t, depth: t.depth + 1, size: wordSize, align: wordSize, complete: true}
		for !p.accept(")") {
			if p.accept(".") {
				continue
			}
			_, param := p.declarator(p.base())
			f.params = append(f.params, param)
			if !p.accept(",") {
				p.expect(")")
				break
			}
		}
		return p.shallow(f)
	}
	return t
}

// typeName reads the name of a type: "struct x *", "char[?]".
func (d *declarations) typeName(src string, given []*ctype) (t *ctype, err error) {
	defer catch(&err)
	p := &parser{declarations: d, tokens: tokenize(src), given: given}
	_, t = p.declarator(p.base())
	if p.pos < len(p.tokens) {
		p.fail("unexpected '%s'", p.peek())
	}
	return t, nil
}
