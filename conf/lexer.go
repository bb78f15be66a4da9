package conf

import (
	"bytes"
	"fmt"
)

// A lexer cuts one text into statements. It follows ngx_conf_read_token of
// nginx 1.22: where a word begins and ends is subtle, and files rely on it.
type lexer struct {
	name  string
	src   []byte
	pos   int
	line  int // of src[pos]; see number
	param bool
}

// nginxBuffer is the longest argument nginx takes. A quote that is open for
// longer at the end of the file is reported by its beginning, as nginx does.
const nginxBuffer = 4096

// What ended the tokens that were read.
type ending int

const (
	atEnd   ending = iota // ;
	atOpen                // {
	atClose               // }, no tokens
	atEOF                 // no tokens
)

// A word is a token and whether it was in quotes.
type word struct {
	text   string
	quoted bool
}

func newLexer(name string, src []byte) *lexer {
	return &lexer{name: name, src: src, line: 1}
}

func (lx *lexer) errorAt(line int, format string, a ...any) error {
	if lx.param {
		line = 0
	}
	return &Error{fmt.Sprintf(format, a...), lx.name, line}
}

func (lx *lexer) errorf(format string, a ...any) error {
	return lx.errorAt(lx.line, format, a...)
}

// words reads the tokens of one statement. start is the line of the first.
func (lx *lexer) words() (words []word, start int, end ending, err error) {
	for {
		c, ok := lx.skipSpace()
		if !ok {
			if len(words) > 0 {
				return nil, 0, 0, lx.unfinished()
			}
			return nil, lx.line, atEOF, nil
		}
		if len(words) == 0 {
			start = lx.line
		}
		switch c {
		case ';', '{':
			if len(words) == 0 {
				return nil, 0, 0, lx.errorf("unexpected \"%c\"", c)
			}
			lx.pos++
			return words, start, endingOf(c), nil
		case '}':
			if len(words) > 0 {
				return nil, 0, 0, lx.errorf("unexpected \"}\"")
			}
			lx.pos++
			return nil, start, atClose, nil
		}
		var w word
		if c == '"' || c == '\'' {
			w, err = lx.quotedWord(c)
		} else {
			w, err = lx.plainWord()
		}
		if err != nil {
			return nil, 0, 0, err
		}
		words = append(words, w)
	}
}

func endingOf(c byte) ending {
	if c == '{' {
		return atOpen
	}
	return atEnd
}

// skipSpace stops at the first byte of the next token, which it returns.
// A # begins a comment only here: within a word it is a letter like others.
func (lx *lexer) skipSpace() (byte, bool) {
	for lx.pos < len(lx.src) {
		c := lx.src[lx.pos]
		switch {
		case c == '\n':
			lx.line++
		case c == '#':
			n := bytes.IndexByte(lx.src[lx.pos:], '\n')
			if n < 0 {
				lx.pos = len(lx.src)
				return 0, false
			}
			lx.pos += n
			continue
		case !isSpace(c):
			return c, true
		}
		lx.pos++
	}
	return 0, false
}

// plainWord ends before a space, ; or {, but a { right after $ belongs to it:
// ${name}. A backslash takes the next byte along, whatever it is.
func (lx *lexer) plainWord() (word, error) {
	begin, line := lx.pos, lx.line
	dollar := false
	for lx.pos < len(lx.src) {
		c := lx.src[lx.pos]
		switch {
		case c == '{' && dollar:
			lx.pos++
			continue
		case isSpace(c) || c == ';' || c == '{':
			raw := lx.src[begin:lx.pos]
			if len(raw) > MaxParameter {
				return word{}, lx.errorAt(line, "too long parameter \"%s...\" started", raw[:10])
			}
			return word{text: unescape(raw)}, nil
		case c == '\\':
			lx.skipEscaped()
		}
		dollar = c == '$'
		lx.pos++
	}
	if lx.pos-begin >= nginxBuffer {
		return word{}, lx.errorAt(line, "too long parameter \"%s...\" started", lx.src[begin:begin+10])
	}
	return word{}, lx.unfinished()
}

// quotedWord reads up to the closing quote, and checks that something follows
// it that may: a space, ; or {, or the ) of an if.
func (lx *lexer) quotedWord(quote byte) (word, error) {
	lx.pos++
	begin, line := lx.pos, lx.line
	for lx.pos < len(lx.src) && lx.src[lx.pos] != quote {
		switch lx.src[lx.pos] {
		case '\n':
			lx.line++
		case '\\':
			lx.skipEscaped()
		}
		lx.pos++
	}
	if lx.pos-begin > MaxParameter || lx.pos >= len(lx.src) && lx.pos-begin >= nginxBuffer {
		return word{}, lx.errorAt(line, "too long parameter, probably missing terminating \"%c\" character", quote)
	}
	if lx.pos >= len(lx.src) {
		return word{}, lx.unfinished()
	}
	w := word{unescape(lx.src[begin:lx.pos]), true}
	lx.pos++
	if lx.pos >= len(lx.src) {
		return word{}, lx.unfinished()
	}
	if c := lx.src[lx.pos]; !isSpace(c) && c != ';' && c != '{' && c != ')' {
		return word{}, lx.errorf("unexpected \"%s\"", lx.src[lx.pos:lx.pos+1])
	}
	return w, nil
}

// skipEscaped stands on a backslash and steps to the byte after it, so that
// the caller's own step passes both.
func (lx *lexer) skipEscaped() {
	if lx.pos+1 >= len(lx.src) {
		return
	}
	lx.pos++
	if lx.src[lx.pos] == '\n' {
		lx.line++
	}
}

func (lx *lexer) unfinished() error {
	if lx.param {
		return lx.errorf("unexpected end of parameter, expecting \";\"")
	}
	return lx.errorf("unexpected end of file, expecting \";\" or \"}\"")
}

// unescape resolves \" \' \\ \t \r \n. Any other backslash stays: it is part of
// a regular expression, most of the time.
func unescape(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw)
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '\\' && i+1 < len(raw) {
			if e, ok := escaped(raw[i+1]); ok {
				c = e
				i++
			}
		}
		out = append(out, c)
	}
	return string(out)
}

// escaped returns what a backslash and c stand for, if anything.
func escaped(c byte) (byte, bool) {
	switch c {
	case '"', '\'', '\\':
		return c, true
	case 't':
		return '\t', true
	case 'r':
		return '\r', true
	case 'n':
		return '\n', true
	}
	return 0, false
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
