package lpeg

import "unicode/utf8"

// maxPoint is the last code point.
const maxPoint = utf8.MaxRune

// utfLen is how many bytes a code point has; surrogates count like others.
func utfLen(c int) int {
	switch {
	case c < 0x80:
		return 1
	case c < 0x800:
		return 2
	case c < 0x10000:
		return 3
	}
	return 4
}

// utfLead is the first of them.
func utfLead(c int) byte {
	switch utfLen(c) {
	case 1:
		return byte(c)
	case 2:
		return byte(0xC0 | c>>6)
	case 3:
		return byte(0xE0 | c>>12)
	}
	return byte(0xF0 | c>>18)
}

// decodeUTF gives the code point that s begins with and its length, 0 when it
// is none. Surrogates are let pass, overlong forms are not.
func decodeUTF(s string) (c, n int) {
	if s == "" {
		return 0, 0
	}
	lead := s[0]
	switch {
	case lead < 0x80:
		return int(lead), 1
	case lead < 0xC0 || lead >= 0xF8:
		return 0, 0
	case lead < 0xE0:
		c, n = int(lead&0x1F), 2
	case lead < 0xF0:
		c, n = int(lead&0x0F), 3
	default:
		c, n = int(lead&0x07), 4
	}
	if len(s) < n {
		return 0, 0
	}
	for i := 1; i < n; i++ {
		if s[i]&0xC0 != 0x80 {
			return 0, 0
		}
		c = c<<6 | int(s[i]&0x3F)
	}
	if c > maxPoint || utfLen(c) != n {
		return 0, 0
	}
	return c, n
}
