package http1

import "strconv"

// AppendRequestLine appends "METHOD target HTTP/1.minor" and CRLF for an upstream. Bytes that
// would end the target or the line (controls, blanks) are sent as %XX, and cut a method short.
func AppendRequestLine[M, T ~string | ~[]byte](dst []byte, method M, target T, minor int) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(method) {
		if nameClass[method[i]] == 0 {
			break
		}
		dst = append(dst, method[i])
	}
	dst = append(dst, ' ')
	from := len(dst)
	dst = append(dst, target...)
	if bad := firstNonTarget(dst, from); bad < len(dst) {
		dst = dst[:bad]
		for i := bad - from; i < len(target); i++ {
			if c := target[i]; c > ' ' && c != 0x7f {
				dst = append(dst, c)
			} else {
				dst = append(dst, '%', hex[c>>4], hex[c&15])
			}
		}
	}
	if minor == 0 {
		return append(dst, " HTTP/1.0\r\n"...)
	}
	return append(dst, " HTTP/1.1\r\n"...)
}

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
