package cjson

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// token is a kind of token, in lua-cjson's order.
type token uint8

const (
	tokenObjectBegin token = iota
	tokenObjectEnd
	tokenArrayBegin
	tokenArrayEnd
	tokenString
	tokenInteger // a number without point and exponent
	tokenNumber
	tokenBoolean
	tokenNull
	tokenColon
	tokenComma
	tokenEnd
	tokenError
)

// tokenNames are what errors call them.
var tokenNames = [...]string{"T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END", "T_STRING", "T_INTEGER",
	"T_NUMBER", "T_BOOLEAN", "T_NULL", "T_COLON", "T_COMMA", "T_END", "T_ERROR"}

// at is the byte i of the text; a zero byte ends it as its end does.
func (d *decoder) at(i int) byte {
	if i < len(d.text) {
		return d.text[i]
	}
	return 0
}

func (d *decoder) fail(what string) {
	d.kind, d.index, d.wrong = tokenError, d.pos, what
}

// scan reads the next token.
func (d *decoder) scan() {
	if !d.skip() {
		d.fail("unclosed multi-line comment")
		return
	}
	d.index = d.pos
	switch c := d.at(d.pos); c {
	case '{':
		d.one(tokenObjectBegin)
	case '}':
		d.one(tokenObjectEnd)
	case '[':
		d.one(tokenArrayBegin)
	case ']':
		d.one(tokenArrayEnd)
	case ':':
		d.one(tokenColon)
	case ',':
		d.one(tokenComma)
	case 0:
		d.kind = tokenEnd
	case '"':
		d.scanString()
	default:
		rest := d.text[d.pos:]
		switch {
		case c == '-' || c >= '0' && c <= '9':
			if d.decodeInvalid == 0 && oddNumber(rest) {
				d.fail("invalid number")
				return
			}
			d.scanNumber(rest)
		case strings.HasPrefix(rest, "true"):
			d.kind, d.flag, d.pos = tokenBoolean, true, d.pos+4
		case strings.HasPrefix(rest, "false"):
			d.kind, d.flag, d.pos = tokenBoolean, false, d.pos+5
		case strings.HasPrefix(rest, "null"):
			d.kind, d.pos = tokenNull, d.pos+4
		case strings.IndexByte("+iInN", c) >= 0 && d.decodeInvalid == 1 && oddNumber(rest):
			d.scanNumber(rest)
		default:
			d.fail("invalid token")
		}
	}
}

func (d *decoder) one(k token) {
	d.kind = k
	d.pos++
}

// skip passes white space, and comments where they are allowed. It fails in
// one that does not end.
func (d *decoder) skip() bool {
	for ; d.pos < len(d.text); d.pos++ {
		switch d.text[d.pos] {
		case ' ', '\t', '\n', '\r':
		case '/':
			rest := d.text[d.pos:]
			switch {
			case d.comments == 1 && strings.HasPrefix(rest, "//"):
				end := strings.IndexByte(rest, '\n')
				if end < 0 {
					end = len(rest) - 1
				}
				d.pos += end
			case d.comments == 1 && strings.HasPrefix(rest, "/*"):
				end := strings.Index(rest[2:], "*/")
				if end < 0 {
					d.pos = len(d.text)
					return false
				}
				d.pos += end + 3
			default:
				return true
			}
		default:
			return true
		}
	}
	return true
}

// oddNumber tells whether a number is none of JSON: signed by +, hexadecimal,
// with leading zeros, infinite or NaN.
func oddNumber(s string) bool {
	if s[0] == '+' {
		return true
	}
	s = strings.TrimPrefix(s, "-")
	if strings.HasPrefix(s, "0") {
		return len(s) > 1 && (s[1]|0x20 == 'x' || s[1] >= '0' && s[1] <= '9')
	}
	return len(s) >= 3 && (strings.EqualFold(s[:3], "inf") || strings.EqualFold(s[:3], "nan"))
}

// scanNumber reads what C's strtod reads.
func (d *decoder) scanNumber(s string) {
	n, ok := numberLen(s)
	if !ok {
		d.fail("invalid number")
		return
	}
	d.kind = tokenNumber
	if strings.Trim(s[:n], "-0123456789") == "" {
		d.kind = tokenInteger
	}
	d.num = parseNumber(s[:n])
	d.pos += n
}

// numberLen is how many bytes at the begin of s are a number for strtod.
func numberLen(s string) (n int, ok bool) {
	if n < len(s) && (s[n] == '-' || s[n] == '+') {
		n++
	}
	rest := s[n:]
	for _, word := range []string{"infinity", "inf", "nan"} {
		if len(rest) >= len(word) && strings.EqualFold(rest[:len(word)], word) {
			return n + len(word), true
		}
	}
	isDigit, exponent := func(c byte) bool { return c >= '0' && c <= '9' }, byte('e')
	if len(rest) > 2 && rest[0] == '0' && rest[1]|0x20 == 'x' && isHex(rest[2]) {
		n, isDigit, exponent = n+2, isHex, 'p'
	}
	digits := 0
	for ; n < len(s) && isDigit(s[n]); n++ {
		digits++
	}
	if n < len(s) && s[n] == '.' {
		n++
		for ; n < len(s) && isDigit(s[n]); n++ {
			digits++
		}
	}
	if digits == 0 {
		return 0, false
	}
	if n < len(s) && s[n]|0x20 == exponent {
		e := n + 1
		if e < len(s) && (s[e] == '-' || s[e] == '+') {
			e++
		}
		for from := e; e < len(s) && s[e] >= '0' && s[e] <= '9'; e++ {
			n = max(n, from, e+1)
		}
	}
	return n, true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

// parseNumber makes the number of a text that numberLen has measured.
func parseNumber(s string) float64 {
	if len(s) <= 15 {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && (n != 0 || s[0] != '-') {
			return float64(n)
		}
	}
	digits := strings.TrimLeft(s, "+-")
	if len(digits) > 1 && digits[1]|0x20 == 'x' && !strings.ContainsAny(digits, "pP") {
		s += "p0"
	}
	f, err := strconv.ParseFloat(s, 64) // too large a number is infinite, as for strtod
	if err != nil && f == 0 {
		return math.NaN()
	}
	return f
}

func (d *decoder) scanString() {
	d.pos++
	from := d.pos
	for i := from; i < len(d.text); i++ {
		switch d.text[i] {
		case '"':
			// A copy: a small string must not hold the whole text in memory.
			d.kind, d.str, d.pos = tokenString, strings.Clone(d.text[from:i]), i+1
			return
		case '\\', 0:
			d.buf = append(d.buf[:0], d.text[from:i]...)
			d.pos = i
			d.scanEscaped()
			return
		}
	}
	d.pos = len(d.text)
	d.fail("unexpected end of string")
}

// scanEscaped goes on with a string from its first escape.
func (d *decoder) scanEscaped() {
	for {
		switch c := d.at(d.pos); c {
		case '"':
			d.pos++
			d.kind, d.str = tokenString, string(d.buf)
			return
		case 0:
			d.fail("unexpected end of string")
			return
		case '\\':
			escaped := d.at(d.pos + 1)
			if escaped == 'u' {
				if !d.unicode() {
					d.fail("invalid unicode escape code")
					return
				}
				continue
			}
			i := strings.IndexByte(`"\/bfnrt`, escaped)
			if i < 0 {
				d.fail("invalid escape code")
				return
			}
			d.buf = append(d.buf, "\"\\/\b\f\n\r\t"[i])
			d.pos += 2
		default:
			d.buf = append(d.buf, c)
			d.pos++
		}
	}
}

// unicode reads \uXXXX, or two of them for a character beyond the first plane.
func (d *decoder) unicode() bool {
	r, ok := d.hex4(d.pos + 2)
	if !ok {
		return false
	}
	n := 6
	if r&0xf800 == 0xd800 {
		low, ok := d.hex4(d.pos + 8)
		if r&0x400 != 0 || d.at(d.pos+6) != '\\' || d.at(d.pos+7) != 'u' || !ok || low&0xfc00 != 0xdc00 {
			return false
		}
		r = (r&0x3ff<<10 | low&0x3ff) + 0x10000
		n = 12
	}
	d.buf = utf8.AppendRune(d.buf, r)
	d.pos += n
	return true
}

func (d *decoder) hex4(from int) (r rune, ok bool) {
	for i := from; i < from+4; i++ {
		c := d.at(i)
		if !isHex(c) {
			return 0, false
		}
		if c > '9' {
			c = c | 0x20 - 'a' + 10
		}
		r = r<<4 | rune(c&15)
	}
	return r, true
}
