package vm

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// token is a terminal of the grammar: a character, or one of the below.
type token int

const (
	tkEOF token = iota + 256
	tkName
	tkString
	tkNumber
	tkConcat
	tkDots
	tkEq
	tkGe
	tkLe
	tkNe
	tkLabel
	tkAnd
	tkBreak
	tkDo
	tkElse
	tkElseif
	tkEnd
	tkFalse
	tkFor
	tkFunction
	tkGoto
	tkIf
	tkIn
	tkLocal
	tkNil
	tkNot
	tkOr
	tkRepeat
	tkReturn
	tkThen
	tkTrue
	tkUntil
	tkWhile
)

var tokenNames = [...]string{
	"<eof>", "<name>", "<string>", "<number>", "..", "...", "==", ">=", "<=", "~=", "::", "and", "break", "do", "else", "elseif",
	"end", "false", "for", "function", "goto", "if", "in", "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
}

var keywords = func() map[string]token {
	m := map[string]token{}
	for t := tkAnd; t <= tkWhile; t++ {
		m[tokenNames[t-tkEOF]] = t
	}
	return m
}()

func (t token) String() string {
	switch {
	case t >= tkEOF:
		return tokenNames[t-tkEOF]
	case t < ' ' || t == 127:
		return fmt.Sprintf("char(%d)", int(t))
	}
	return string([]byte{byte(t)})
}

// lexer reads LuaJIT's dialect. Errors are panics of *SyntaxError.
type lexer struct {
	src   string
	chunk string
	pos   int
	line  int    // of the token that was read last
	text  string // its source text, for messages
	str   string // value of a name or string
	num   float64
}

// fail raises "chunk:line: msg near 'tok'".
func (x *lexer) fail(near token, msg string) {
	text := near.String()
	switch near {
	case 0:
		panic(&SyntaxError{fmt.Sprintf("%s:%d: %s", x.chunk, x.line, msg)})
	case tkName, tkString, tkNumber:
		text = x.text
	}
	panic(&SyntaxError{fmt.Sprintf("%s:%d: %s near '%s'", x.chunk, x.line, msg, text)})
}

// at is the byte i places ahead, or -1.
func (x *lexer) at(i int) int {
	if x.pos+i < len(x.src) {
		return int(x.src[x.pos+i])
	}
	return -1
}

// newline consumes a line end of one or two characters.
func (x *lexer) newline() {
	c := x.src[x.pos]
	x.pos++
	if n := x.at(0); (n == '\n' || n == '\r') && byte(n) != c {
		x.pos++
	}
	x.line++
}

func isIdent(c int) bool {
	return c == '_' || c >= 128 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' && c < 128 && c > 0
}

func isDigit(c int) bool { return c >= '0' && c <= '9' }

var pairTokens = map[string]token{"==": tkEq, ">=": tkGe, "<=": tkLe, "~=": tkNe, "::": tkLabel}

// next reads a token.
func (x *lexer) next() token {
	for {
		c := x.at(0)
		switch {
		case c < 0:
			return tkEOF
		case c == '\n' || c == '\r':
			x.newline()
		case c == ' ' || c == '\t' || c == '\v' || c == '\f':
			x.pos++
		case c == '-' && x.at(1) == '-':
			x.comment()
		case isDigit(c) || c == '.' && isDigit(x.at(1)):
			return x.number()
		case isIdent(c):
			return x.name()
		case c == '"' || c == '\'':
			return x.quoted(byte(c))
		case c == '[' && (x.at(1) == '[' || x.at(1) == '='):
			if level := x.bracket(); level >= 0 {
				x.long(level, "unfinished long string")
				return tkString
			}
			x.text = x.src[x.pos:min(x.pos+2, len(x.src))]
			x.fail(tkString, "invalid long string delimiter")
		case c == '.' && x.at(1) == '.':
			if x.at(2) == '.' {
				x.pos += 3
				return tkDots
			}
			x.pos += 2
			return tkConcat
		default:
			if x.pos+2 <= len(x.src) {
				if t, ok := pairTokens[x.src[x.pos:x.pos+2]]; ok {
					x.pos += 2
					return t
				}
			}
			x.pos++
			return token(c)
		}
	}
}

func (x *lexer) name() token {
	from := x.pos
	for isIdent(x.at(0)) {
		x.pos++
	}
	x.str = x.src[from:x.pos]
	x.text = x.str
	if t, ok := keywords[x.str]; ok {
		return t
	}
	return tkName
}

// bracket tells the level of the long bracket that opens here, or -1.
func (x *lexer) bracket() int {
	n := 1
	for x.at(n) == '=' {
		n++
	}
	if x.at(n) == '[' {
		return n - 1
	}
	return -1
}

func (x *lexer) comment() {
	x.pos += 2
	if x.at(0) == '[' {
		if level := x.bracket(); level >= 0 {
			x.long(level, "unfinished long comment")
			return
		}
	}
	for c := x.at(0); c >= 0 && c != '\n' && c != '\r'; c = x.at(0) {
		x.pos++
	}
}

// long reads a long string or comment of a level.
func (x *lexer) long(level int, unfinished string) {
	from := x.pos
	x.pos += level + 2
	if c := x.at(0); c == '\n' || c == '\r' {
		x.newline()
	}
	var b strings.Builder
	closing := "]" + strings.Repeat("=", level) + "]"
	for {
		i := strings.IndexAny(x.src[x.pos:], "]\n\r")
		if i < 0 {
			x.line += strings.Count(x.src[x.pos:], "\n")
			x.pos = len(x.src)
			x.fail(tkEOF, unfinished)
		}
		b.WriteString(x.src[x.pos : x.pos+i])
		x.pos += i
		switch {
		case x.src[x.pos] != ']':
			x.newline()
			b.WriteByte('\n')
		case strings.HasPrefix(x.src[x.pos:], closing):
			x.pos += len(closing)
			x.str, x.text = b.String(), x.src[from:x.pos]
			return
		default:
			b.WriteByte(']')
			x.pos++
		}
	}
}

func (x *lexer) number() token {
	from := x.pos
	exponent := byte('e')
	if x.at(0) == '0' && x.at(1)|0x20 == 'x' {
		exponent = 'p'
	}
	for {
		c := x.at(0)
		sign := (c == '-' || c == '+') && x.pos > from && x.src[x.pos-1]|0x20 == exponent
		if !isIdent(c) && c != '.' && !sign {
			break
		}
		x.pos++
	}
	x.text = x.src[from:x.pos]
	text := strings.ToLower(x.text)
	for _, suffix := range []string{"ull", "llu", "ll"} { // 64-bit integers are doubles here
		if t, ok := strings.CutSuffix(text, suffix); ok {
			text = t
			break
		}
	}
	f, ok := parseNumber(text)
	if !ok {
		x.fail(tkNumber, "malformed number")
	}
	x.num = f
	return tkNumber
}

func (x *lexer) quoted(quote byte) token {
	from := x.pos
	var b []byte
	x.pos++
	for {
		i := x.pos
		for i < len(x.src) && x.src[i] != quote && x.src[i] != '\\' && x.src[i] != '\n' && x.src[i] != '\r' {
			i++
		}
		b = append(b, x.src[x.pos:i]...)
		x.pos = i
		if i == len(x.src) {
			x.fail(tkEOF, "unfinished string")
		}
		switch x.src[i] {
		case quote:
			x.pos++
			x.str, x.text = string(b), x.src[from:x.pos]
			return tkString
		case '\\':
			n, ok := len(b), false
			if b, ok = x.escape(b); !ok {
				x.text = string(quote) + string(b[:n])
				x.fail(tkString, "invalid escape sequence")
			}
		default:
			x.text = string(quote) + string(b)
			x.fail(tkString, "unfinished string")
		}
	}
}

var simpleEscapes = map[int]byte{
	'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v', '\\': '\\', '"': '"', '\'': '\'',
}

func (x *lexer) escape(b []byte) ([]byte, bool) {
	x.pos++
	c := x.at(0)
	if e, ok := simpleEscapes[c]; ok {
		x.pos++
		return append(b, e), true
	}
	switch {
	case c < 0:
		return b, true // the caller reports the end
	case c == '\n' || c == '\r':
		x.newline()
		return append(b, '\n'), true
	case c == 'z':
		x.pos++
		for c = x.at(0); c == ' ' || c >= '\t' && c <= '\r'; c = x.at(0) {
			if c == '\n' || c == '\r' {
				x.newline()
			} else {
				x.pos++
			}
		}
		return b, true
	case c == 'x':
		if x.pos+3 > len(x.src) {
			return b, false
		}
		n, err := strconv.ParseUint(x.src[x.pos+1:x.pos+3], 16, 8)
		x.pos += 3
		return append(b, byte(n)), err == nil
	case c == 'u':
		digits, _, ok := strings.Cut(x.src[x.pos:], "}")
		if !ok || !strings.HasPrefix(digits, "u{") {
			return b, false
		}
		n, err := strconv.ParseUint(digits[2:], 16, 32)
		x.pos += len(digits) + 1
		if err != nil || n > utf8.MaxRune {
			return b, false
		}
		return appendUTF8(b, rune(n)), true
	case isDigit(c):
		n := 0
		for i := 0; i < 3 && isDigit(x.at(0)); i++ {
			n = n*10 + x.at(0) - '0'
			x.pos++
		}
		return append(b, byte(n)), n <= 255
	}
	return b, false
}

// appendUTF8 encodes any code point, surrogates included.
func appendUTF8(b []byte, r rune) []byte {
	if r >= 0xd800 && r <= 0xdfff {
		return append(b, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(b, r)
}
