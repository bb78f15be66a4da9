package phases

import "bytes"

// SplitURI takes a URI apart that a handler was given for a path of this
// server: the decoded path and the arguments behind "?". ok is false for an
// empty path and for one that climbs above the root; the log says so.
func (r *Request) SplitURI(uri []byte) (path, args []byte, ok bool) {
	path, args, _ = bytes.Cut(uri, []byte("?"))
	if bytes.IndexByte(path, '%') >= 0 {
		path = decodePercent(path)
	}
	if len(path) == 0 || climbs(path) || bytes.IndexByte(path, 0) >= 0 {
		r.Errorf(LevelError, "unsafe URI \"%s\" was detected", uri)
		return nil, nil, false
	}
	return path, args, true
}

func climbs(path []byte) bool {
	return bytes.Equal(path, []byte("..")) || bytes.HasPrefix(path, []byte("../")) ||
		bytes.HasSuffix(path, []byte("/..")) || bytes.Contains(path, []byte("/../"))
}

// decodePercent resolves %XX; other percent signs stay.
func decodePercent(s []byte) []byte {
	dst := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2]); hi < 16 && lo < 16 {
				dst = append(dst, hi<<4|lo)
				i += 2
				continue
			}
		}
		dst = append(dst, s[i])
	}
	return dst
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}
