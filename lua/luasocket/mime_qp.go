package luasocket

import (
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

const upperHex = "0123456789ABCDEF"

// quote is qp(rest, piece, line break): quoted-printable, whose line breaks
// (CR LF) become what the third argument says.
func quote(t *vm.Thread) int {
	mark := t.OptString(3, lineBreak)
	t.Reserve(strings.Count(t.OptString(1, "")+t.OptString(2, ""), lineBreak) * len(mark))
	return rest(func(out, in []byte, last bool) ([]byte, []byte) {
		for len(in) > 0 {
			used := 0
			if out, used = quoteOne(out, in, mark); used == 0 {
				break
			}
			in = in[used:]
		}
		if last && len(in) > 0 { // what would have depended on what came next
			for _, c := range in {
				out = appendQuoted(out, c, isPlain(c))
			}
			return append(out, softBreak...), nil
		}
		return out, in
	})(t)
}

// quoteOne appends what begins in, and says how many bytes that were; none: more
// must be seen to tell.
func quoteOne(out, in []byte, mark string) ([]byte, int) {
	switch c := in[0]; c {
	case '\r':
		if len(in) < 2 {
			return out, 0
		}
		if in[1] == '\n' {
			return append(out, mark...), 2
		}
		return appendQuoted(out, c, false), 1
	case ' ', '\t': // quoted at the end of a line
		if len(in) < 3 {
			return out, 0
		}
		if in[1] == '\r' && in[2] == '\n' {
			return append(appendQuoted(out, c, false), mark...), 3
		}
		return append(out, c), 1
	default:
		return appendQuoted(out, c, isPlain(c)), 1
	}
}

func isPlain(c byte) bool { return '!' <= c && c <= '~' && c != '=' }

func appendQuoted(out []byte, c byte, plain bool) []byte {
	if plain {
		return append(out, c)
	}
	return append(out, '=', upperHex[c>>4], upperHex[c&15])
}

// unquote undoes quote. What is no valid escape stays as it is; other bytes
// that must not be there are dropped.
func unquote(out, in []byte, last bool) ([]byte, []byte) {
	for len(in) > 0 {
		c, used := in[0], 1
		switch {
		case c == '=':
			if used = 3; len(in) < used {
				return out, in
			}
			high, low := strings.IndexByte(upperHex, upper(in[1])), strings.IndexByte(upperHex, upper(in[2]))
			switch {
			case in[1] == '\r' && in[2] == '\n':
			case high < 0 || low < 0:
				out = append(out, in[:3]...)
			default:
				out = append(out, byte(high<<4|low))
			}
		case c == '\r':
			if used = 2; len(in) < used {
				return out, in
			}
			if in[1] == '\n' {
				out = append(out, lineBreak...)
			}
		case c == '\t' || ' ' <= c && c <= '~':
			out = append(out, c)
		}
		in = in[used:]
	}
	return out, nil
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}
