package http1

import "strconv"

// AppendField appends "name: value" and CRLF. Whatever name and value hold, they stay one line:
// CR, LF and NUL become a space.
func AppendField[N, V ~string | ~[]byte](dst []byte, name N, value V) []byte {
	dst = appendLine(dst, name)
	dst = append(dst, ':', ' ')
	dst = appendLine(dst, value)
	return append(dst, '\r', '\n')
}

// AppendFieldInt is [AppendField] for a number.
func AppendFieldInt[N ~string | ~[]byte](dst []byte, name N, value int64) []byte {
	dst = appendLine(dst, name)
	dst = append(dst, ':', ' ')
	dst = strconv.AppendInt(dst, value, 10)
	return append(dst, '\r', '\n')
}

func appendLine[S ~string | ~[]byte](dst []byte, s S) []byte {
	from := len(dst)
	dst = append(dst, s...)
	for i, c := range dst[from:] {
		if c <= '\r' && (c == '\r' || c == '\n' || c == 0) {
			dst[from+i] = ' '
		}
	}
	return dst
}

// AppendInt appends n in decimal.
func AppendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// AppendHex appends n in lower case hexadecimal.
func AppendHex(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 16) }
