package http1

// errPath is what an undecodable path is refused with, and one that leads above the root.
var errPath error = &ParseError{400, badRequest + whileLine}

// NormalizePath appends raw as nginx's $uri: %XX decoded, "." and ".." segments resolved,
// adjacent slashes merged when mergeSlashes. It ends at '?' or '#'. A decoded '/' or '.' counts as
// one; a decoded '%', '#' or '?' is text. Refused (*ParseError, 400): a path that does not begin
// with '/', an incomplete or bad escape, %00, and ".." above the root. dst and raw must not overlap.
func NormalizePath(dst, raw []byte, mergeSlashes bool) ([]byte, error) {
	if len(raw) == 0 || raw[0] != '/' {
		return dst, errPath
	}
	start := len(dst)
	if plainPath(raw) {
		return append(dst, raw...), nil
	}
	state := pathText
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '?' || c == '#' {
			break
		}
		if c == '%' {
			if i+2 >= len(raw) {
				return dst, errPath
			}
			high, low := hexValue[raw[i+1]], hexValue[raw[i+2]]
			if high < 0 || low < 0 {
				return dst, errPath
			}
			c = byte(high<<4 | low)
			i += 2
			if c == 0 {
				return dst, errPath
			}
		}
		switch {
		case c == '/' && state == pathSlash && mergeSlashes:
		case c == '/':
			var ok bool
			if dst, ok = endSegment(dst, start, state); !ok {
				return dst, errPath
			}
			if state != pathDot && state != pathDotDot {
				dst = append(dst, '/')
			}
			state = pathSlash
		case c == '.' && state == pathSlash:
			dst, state = append(dst, c), pathDot
		case c == '.' && state == pathDot:
			dst, state = append(dst, c), pathDotDot
		default:
			dst, state = append(dst, c), pathText
		}
	}
	dst, ok := endSegment(dst, start, state)
	if !ok {
		return dst, errPath
	}
	return dst, nil
}

type pathState uint8

const (
	pathText   pathState = iota
	pathSlash            // behind a '/'
	pathDot              // behind "/."
	pathDotDot           // behind "/.."
)

// endSegment takes "." off, or ".." with the segment before it; a '/' stays at the end.
func endSegment(dst []byte, start int, state pathState) ([]byte, bool) {
	switch state {
	case pathDot:
		return dst[:len(dst)-1], true
	case pathDotDot:
		end := len(dst) - 4 // the byte before the '/' of "/.."
		for end >= start && dst[end] != '/' {
			end--
		}
		if end < start {
			return dst, false
		}
		return dst[:end+1], true
	}
	return dst, true
}

// plainPath reports whether a path is its own normal form, as nearly all are.
func plainPath(raw []byte) bool {
	slash := false
	for _, c := range raw {
		if plainByte[c] {
			slash = false
			continue
		}
		if c != '/' && c != '.' || slash {
			return false
		}
		slash = c == '/'
	}
	return true
}

var plainByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c != '/' && c != '.' && c != '%' && c != '?' && c != '#'
	}
	return t
}()
