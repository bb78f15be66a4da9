package http1

import "bytes"

// Escape names one of nginx's sets of bytes that are written as %XX.
type Escape uint8

const (
	// EscapeURI is for a path: ' ' '#' '%' '?' and what RFC 3986 has in no URI.
	EscapeURI Escape = iota
	// EscapeArgs is for arguments: EscapeURI and '&' '+' ';'.
	EscapeArgs
	// EscapeURIComponent leaves letters, digits, '-' '.' '_' '~'.
	EscapeURIComponent
	// EscapeHTML is for an href: EscapeURI without '?', with '"' and '\''.
	EscapeHTML
	// EscapeRefresh is for a Refresh header: EscapeHTML without '#' and '%'.
	EscapeRefresh
	// EscapeMemcached is for a memcached key: ' ' '%' and control bytes.
	EscapeMemcached
	// EscapeArgument is for a name or value of arguments: what JavaScript's
	// encodeURIComponent escapes, EscapeURIComponent without '!' '\'' '(' ')' '*'.
	EscapeArgument

	escapeSets
)

const notInURI = "\"<>\\^`{|}"

// escaped has bit 1<<set for every byte that the set escapes.
var escaped = func() (t [256]uint8) {
	add := func(set Escape, bytes string) {
		for _, c := range []byte(bytes) {
			t[c] |= 1 << set
		}
	}
	add(EscapeURI, " #%?"+notInURI)
	add(EscapeArgs, " #%&+;?"+notInURI)
	add(EscapeHTML, " #\"%'"+notInURI)
	add(EscapeRefresh, " \"'"+notInURI)
	add(EscapeMemcached, " %")
	for c := range 256 {
		if c < 0x20 {
			t[c] |= 1<<escapeSets - 1
		}
		if c >= 0x7f {
			t[c] |= (1<<escapeSets - 1) &^ (1 << EscapeMemcached)
		}
		if nameClass[c] == 0 && c != '(' && c != ')' || nameClass[c] == nameOdd && bytes.IndexByte([]byte("!'*.~"), byte(c)) < 0 {
			t[c] |= 1 << EscapeArgument
		}
		if nameClass[c] == 0 || nameClass[c] == nameOdd && c != '.' && c != '~' {
			t[c] |= 1 << EscapeURIComponent
		}
	}
	return t
}()

// AppendEscaped appends s with the bytes of set as %XX, upper case digits.
func AppendEscaped[S ~string | ~[]byte](dst []byte, s S, set Escape) []byte {
	const hex = "0123456789ABCDEF"
	bit := uint8(1) << set
	for i := range len(s) {
		c := s[i]
		if escaped[c]&bit == 0 {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', hex[c>>4], hex[c&15])
	}
	return dst
}

// AppendHTML appends s as text of an HTML page: '<' '>' '&' '"' as entities.
func AppendHTML[S ~string | ~[]byte](dst []byte, s S) []byte {
	for i := range len(s) {
		switch c := s[i]; c {
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '&':
			dst = append(dst, "&amp;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// hexValue is a digit's value, -1 for other bytes.
var hexValue = func() (t [256]int8) {
	for c := range 256 {
		switch {
		case c >= '0' && c <= '9':
			t[c] = int8(c - '0')
		case c >= 'a' && c <= 'f':
			t[c] = int8(c - 'a' + 10)
		case c >= 'A' && c <= 'F':
			t[c] = int8(c - 'A' + 10)
		default:
			t[c] = -1
		}
	}
	return t
}()
