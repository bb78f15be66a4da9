package pcre

import "unicode/utf8"

// badUTF is PCRE2's number for what is wrong with a subject that is not UTF-8:
// at the first place, with the bytes that a sequence of up to six would have.
func badUTF(s []byte) MatchError {
	for i := 0; i < len(s); {
		if _, size := utf8.DecodeRune(s[i:]); size > 1 || s[i] < utf8.RuneSelf {
			i += size
			continue
		}
		return badSequence(s[i:])
	}
	return 0
}

func badSequence(s []byte) MatchError {
	c := s[0]
	more := 0
	switch {
	case c < 0xc0:
		return -22 // a byte that only continues
	case c >= 0xfe:
		return -23 // a byte of no sequence
	case c < 0xe0:
		more = 1
	case c < 0xf0:
		more = 2
	case c < 0xf8:
		more = 3
	case c < 0xfc:
		more = 4
	default:
		more = 5
	}
	if missing := more - (len(s) - 1); missing > 0 {
		return MatchError(-2 - missing)
	}
	for i := 1; i <= more; i++ {
		if s[i]&0xc0 != 0x80 {
			return MatchError(-7 - i)
		}
	}
	d := s[1]
	switch {
	case more >= 4:
		return MatchError(-9 - more)
	case c == 0xed && d >= 0xa0:
		return -16 // a surrogate
	case c > 0xf4 || c == 0xf4 && d > 0x8f:
		return -15 // beyond the last character
	default:
		return MatchError(-16 - more) // longer than it need be
	}
}
