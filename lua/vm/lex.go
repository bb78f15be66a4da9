package vm

import (
	"fmt"
	"strings"
)

// SyntaxError is what Compile returns for a program that is not Lua. Message is as LuaJIT words it,
// "chunk:line: message near 'token'".
type SyntaxError struct{ Message string }

func (e *SyntaxError) Error() string { return e.Message }

type token int

const (
	tkEOF token = iota + 256
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
	tkConcat
	tkDots
	tkEq
	tkGe
	tkLe
	tkNe
	tkLabel
	tkNumber
	tkName
	tkString
)

var tokenNames = [...]string{"<eof>", "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
	"local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while", "..", "...", "==", ">=", "<=", "~=", "::",
	"<number>", "<name>", "<string>"}

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
	case t < 32:
		return fmt.Sprintf("char(%d)", int(t))
	}
	return string([]byte{byte(t)})
}

// lexer reads tokens. t is the current one, with its value in str or num; peek looks one further.
type lexer struct {
	src   string
	pos   int
	chunk string
	line  int // of the character being read
	last  int // line of the token before the current
	t     token
	str   string
	num   float64
	text  string // what an error says is near, for names, numbers and strings

	ahead bool
	at    token
	astr  string
	anum  float64
	atext string
}

// maxLines bounds a chunk.
const maxLines = 1<<31 - 256

func newLexer(src, chunk string) *lexer {
	lx := &lexer{src: src, chunk: chunk, line: 1, last: 1}
	if strings.HasPrefix(src, "\xef\xbb\xbf") {
		lx.pos = 3
	}
	if lx.pos < len(src) && src[lx.pos] == '#' {
		for lx.pos < len(src) && src[lx.pos] != '\n' && src[lx.pos] != '\r' {
			lx.pos++
		}
	}
	return lx
}

func (lx *lexer) fail(near string, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if near != "" {
		msg = fmt.Sprintf("%s near '%s'", msg, near)
	}
	panic(&SyntaxError{fmt.Sprintf("%s:%d: %s", shortName(lx.chunk), lx.line, msg)})
}

// failAt words an error near token t, which is the current one.
func (lx *lexer) failAt(t token, format string, args ...any) {
	near := t.String()
	if t == tkName || t == tkString || t == tkNumber {
		near = lx.text
	}
	lx.fail(near, format, args...)
}

func (lx *lexer) next() {
	lx.last = lx.line
	if lx.ahead {
		lx.t, lx.str, lx.num, lx.text = lx.at, lx.astr, lx.anum, lx.atext
		lx.ahead = false
		return
	}
	lx.t = lx.scan()
}

func (lx *lexer) peek() token {
	if !lx.ahead {
		t, s, n, x := lx.t, lx.str, lx.num, lx.text
		lx.at = lx.scan()
		lx.astr, lx.anum, lx.atext = lx.str, lx.num, lx.text
		lx.t, lx.str, lx.num, lx.text = t, s, n, x
		lx.ahead = true
	}
	return lx.at
}

func (lx *lexer) cur() int {
	if lx.pos < len(lx.src) {
		return int(lx.src[lx.pos])
	}
	return -1
}

func (lx *lexer) after(i int) int {
	if lx.pos+i < len(lx.src) {
		return int(lx.src[lx.pos+i])
	}
	return -1
}

// newline steps over one line end: \n, \r, \r\n or \n\r.
func (lx *lexer) newline() {
	c := lx.src[lx.pos]
	lx.pos++
	if lx.pos < len(lx.src) {
		if d := lx.src[lx.pos]; (d == '\n' || d == '\r') && d != c {
			lx.pos++
		}
	}
	lx.line++
	if lx.line > maxLines {
		lx.fail("", "chunk has too many lines")
	}
}

func isNameStart(c int) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 128
}

func isNameChar(c int) bool { return isNameStart(c) || c >= '0' && c <= '9' }

func (lx *lexer) scan() token {
	for {
		c := lx.cur()
		if isNameStart(c) {
			start := lx.pos
			for isNameChar(lx.cur()) {
				lx.pos++
			}
			s := lx.src[start:lx.pos]
			if k, ok := keywords[s]; ok {
				lx.text, lx.str = s, s
				return k
			}
			lx.str, lx.text = s, s
			return tkName
		}
		if c >= '0' && c <= '9' {
			return lx.number()
		}
		switch c {
		case -1:
			return tkEOF
		case '\n', '\r':
			lx.newline()
			continue
		case ' ', '\t', '\v', '\f':
			lx.pos++
			continue
		case '-':
			lx.pos++
			if lx.cur() != '-' {
				return '-'
			}
			lx.pos++
			lx.comment()
			continue
		case '[':
			n := lx.bracket()
			if n >= 0 {
				lx.longString(n, true)
				return tkString
			}
			if n == -1 {
				lx.pos++
				return '['
			}
			lx.text = lx.src[lx.pos : lx.pos-n]
			lx.failAt(tkString, "invalid long string delimiter")
		case '=':
			return lx.pair('=', '=', tkEq)
		case '<':
			return lx.pair('<', '=', tkLe)
		case '>':
			return lx.pair('>', '=', tkGe)
		case '~':
			return lx.pair('~', '=', tkNe)
		case ':':
			return lx.pair(':', ':', tkLabel)
		case '"', '\'':
			lx.string(byte(c))
			return tkString
		case '.':
			if lx.after(1) == '.' {
				lx.pos += 2
				if lx.cur() == '.' {
					lx.pos++
					return tkDots
				}
				return tkConcat
			}
			if d := lx.after(1); d >= '0' && d <= '9' {
				return lx.number()
			}
			lx.pos++
			return '.'
		default:
			lx.pos++
			return token(c)
		}
	}
}

func (lx *lexer) pair(a token, b int, both token) token {
	lx.pos++
	if lx.cur() == b {
		lx.pos++
		return both
	}
	return a
}

// comment skips a comment whose dashes are read.
func (lx *lexer) comment() {
	if lx.cur() == '[' {
		if n := lx.bracket(); n >= 0 {
			lx.longString(n, false)
			return
		}
	}
	for c := lx.cur(); c >= 0 && c != '\n' && c != '\r'; c = lx.cur() {
		lx.pos++
	}
}

// bracket tells at '[' how many '=' open a long bracket; -1 when a plain '[' stands there; -(k) for '[' and k-1 '='
// without a second '['. It moves nothing.
func (lx *lexer) bracket() int {
	i := 1
	for lx.after(i) == '=' {
		i++
	}
	if lx.after(i) == '[' {
		return i - 1
	}
	return -i
}

func (lx *lexer) longString(level int, keep bool) {
	start := lx.pos
	lx.pos += level + 2
	if c := lx.cur(); c == '\n' || c == '\r' {
		lx.newline()
	}
	var b strings.Builder
	from := lx.pos
	for {
		switch c := lx.cur(); c {
		case -1:
			if keep {
				lx.fail("<eof>", "unfinished long string")
			}
			lx.fail("<eof>", "unfinished long comment")
		case ']':
			i := 1
			for i <= level && lx.after(i) == '=' {
				i++
			}
			if i == level+1 && lx.after(i) == ']' {
				if keep {
					b.WriteString(lx.src[from:lx.pos])
					lx.str = b.String()
				}
				lx.pos += level + 2
				if keep {
					lx.text = lx.src[start:lx.pos]
				}
				return
			}
			lx.pos++
		case '\n', '\r':
			if keep {
				b.WriteString(lx.src[from:lx.pos])
				b.WriteByte('\n')
			}
			lx.newline()
			from = lx.pos
		default:
			lx.pos++
		}
	}
}

func (lx *lexer) number() token {
	start := lx.pos
	exp := 'e'
	if lx.cur() == '0' && lx.after(1)|32 == 'x' {
		exp = 'p'
	}
	for {
		c := lx.cur()
		if isNameChar(c) || c == '.' {
			lx.pos++
			if c|32 == int(exp) {
				if d := lx.cur(); d == '+' || d == '-' {
					lx.pos++
				}
			}
			continue
		}
		break
	}
	lx.text = lx.src[start:lx.pos]
	f, ok := parseNumber(lx.text)
	if !ok {
		lower := strings.ToLower(lx.text)
		digits := strings.TrimRight(lower, "ul")
		if digits != lower && strings.HasSuffix(lower, "ll") || strings.HasSuffix(lower, "i") {
			if _, isNum := parseNumber(strings.TrimSuffix(digits, "i")); isNum {
				lx.failAt(tkNumber, "64 bit and complex literals are not supported")
			}
		}
		lx.failAt(tkNumber, "malformed number")
	}
	lx.num = f
	return tkNumber
}

func (lx *lexer) string(quote byte) {
	b := []byte{quote}
	lx.pos++
	for {
		c := lx.cur()
		switch {
		case c == int(quote):
			lx.pos++
			lx.str = string(b[1:])
			lx.text = string(append(b, quote))
			return
		case c < 0:
			lx.fail("<eof>", "unfinished string")
		case c == '\n' || c == '\r':
			lx.text = string(b)
			lx.failAt(tkString, "unfinished string")
		case c == '\\':
			lx.pos++
			b = lx.escape(b)
		default:
			b = append(b, byte(c))
			lx.pos++
		}
	}
}

// escape reads what follows a backslash.
func (lx *lexer) escape(b []byte) []byte {
	bad := func() {
		lx.text = string(b)
		lx.failAt(tkString, "invalid escape sequence")
	}
	c := lx.cur()
	lx.pos++
	switch c {
	case 'a':
		return append(b, '\a')
	case 'b':
		return append(b, '\b')
	case 'f':
		return append(b, '\f')
	case 'n':
		return append(b, '\n')
	case 'r':
		return append(b, '\r')
	case 't':
		return append(b, '\t')
	case 'v':
		return append(b, '\v')
	case '\\', '"', '\'':
		return append(b, byte(c))
	case '\n', '\r':
		lx.pos--
		lx.newline()
		return append(b, '\n')
	case 'x':
		if lx.after(1) < 0 || hexDigit(byte(lx.cur())) < 0 || hexDigit(byte(lx.after(1))) < 0 {
			bad()
		}
		b = append(b, byte(hexDigit(byte(lx.cur()))<<4|hexDigit(byte(lx.after(1)))))
		lx.pos += 2
		return b
	case 'z':
		for c := lx.cur(); c >= 0 && isSpace(byte(c)); c = lx.cur() {
			if c == '\n' || c == '\r' {
				lx.newline()
			} else {
				lx.pos++
			}
		}
		return b
	case 'u':
		if lx.cur() != '{' {
			bad()
		}
		lx.pos++
		n, digits := 0, 0
		for c := lx.cur(); c >= 0 && hexDigit(byte(c)) >= 0; c = lx.cur() {
			n = n<<4 | hexDigit(byte(c))
			if digits++; n > 0x10FFFF {
				bad()
			}
			lx.pos++
		}
		if digits == 0 || lx.cur() != '}' || n >= 0xD800 && n < 0xE000 {
			bad()
		}
		lx.pos++
		return appendUTF8(b, n)
	case -1:
		lx.pos--
		return b
	}
	if c < '0' || c > '9' {
		bad()
	}
	n := c - '0'
	for i := 0; i < 2 && lx.cur() >= '0' && lx.cur() <= '9'; i++ {
		n = n*10 + lx.cur() - '0'
		lx.pos++
	}
	if n > 255 {
		bad()
	}
	return append(b, byte(n))
}

func appendUTF8(b []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n < 0x800:
		return append(b, byte(0xC0|n>>6), byte(0x80|n&63))
	case n < 0x10000:
		return append(b, byte(0xE0|n>>12), byte(0x80|n>>6&63), byte(0x80|n&63))
	}
	return append(b, byte(0xF0|n>>18), byte(0x80|n>>12&63), byte(0x80|n>>6&63), byte(0x80|n&63))
}

// shortLen bounds the name of a chunk in messages, as LuaJIT's LUA_IDSIZE does.
const shortLen = 60

// shortName is the name of a chunk as messages show it: "=x" and "@x" give x, cut in front or behind when it is long;
// program text gives [string "first line..."].
func shortName(chunk string) string {
	if chunk == "" {
		return `[string ""]`
	}
	switch chunk[0] {
	case '=':
		if len(chunk) > shortLen {
			return chunk[1:shortLen]
		}
		return chunk[1:]
	case '@':
		if len(chunk) > shortLen {
			return "..." + chunk[len(chunk)-(shortLen-4):]
		}
		return chunk[1:]
	}
	const whole, cut = shortLen - 12, shortLen - 15
	n := 0
	for n < whole && n < len(chunk) && chunk[n] >= ' ' {
		n++
	}
	if n < len(chunk) {
		return `[string "` + chunk[:min(n, cut)] + `..."]`
	}
	return `[string "` + chunk + `"]`
}
