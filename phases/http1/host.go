package http1

import "bytes"

// Bytes of a registered name: letters, digits, unreserved, sub-delims and '%' (RFC 3986
// section 3.2.2), without the comma, which would be a list of hosts.
var hostByte = byteSet("-._~%!$&'()*+;=")

// Bytes between the brackets of an IP literal.
var literalByte = byteSet("-._~!$&'()*+,;=:")

func byteSet(extra string) (t [256]bool) {
	for c := range 256 {
		t[c] = c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
	}
	for _, c := range []byte(extra) {
		t[c] = true
	}
	return t
}

// SplitHost validates host[:port] as nginx does and returns its parts: host without a trailing
// dot and in the letters it came in, port as digits, empty when absent.
func SplitHost(v []byte) (host, port []byte, ok bool) {
	i := 0
	if len(v) > 0 && v[0] == '[' {
		i = bytes.IndexByte(v, ']')
		if i < 2 {
			return nil, nil, false
		}
		for j, c := range v[1:i] {
			if !literalByte[c] || c == '.' && v[j] == '.' {
				return nil, nil, false
			}
		}
		i++
		host = v[:i]
	} else {
		for i < len(v) && hostByte[v[i]] {
			if v[i] == '.' && i > 0 && v[i-1] == '.' {
				return nil, nil, false
			}
			i++
		}
		host = v[:i]
		if i > 0 && host[i-1] == '.' {
			host = host[:i-1]
		}
	}
	if len(host) == 0 {
		return nil, nil, false
	}
	if i == len(v) {
		return host, nil, true
	}
	if v[i] != ':' {
		return nil, nil, false
	}
	port = v[i+1:]
	n := 0
	for _, c := range port {
		if c < '0' || c > '9' || len(port) > 5 {
			return nil, nil, false
		}
		n = n*10 + int(c-'0')
	}
	return host, port, n <= 65535
}
