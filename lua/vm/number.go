package vm

import (
	"math"
	"math/bits"
	"strconv"
)

// appendNum appends a number as "%.14g" writes it.
func appendNum(b []byte, f float64) []byte {
	if i := int64(f); float64(i) == f && i > -100000000000000 && i < 100000000000000 {
		if i == 0 && math.Signbit(f) {
			return append(b, '-', '0')
		}
		return strconv.AppendInt(b, i, 10)
	}
	switch {
	case f != f:
		return append(b, "nan"...)
	case f > math.MaxFloat64:
		return append(b, "inf"...)
	case f < -math.MaxFloat64:
		return append(b, "-inf"...)
	}
	return strconv.AppendFloat(b, AwayFromZero(f, 14), 'g', 14, 64)
}

// AwayFromZero gives what is to be written with so many significant digits for f: when f lies halfway between two such
// numbers LuaJIT goes away from zero, not to the even one.
func AwayFromZero(f float64, digits int) float64 {
	b := math.Float64bits(f)
	m, e := b&(1<<52-1)|1<<52, int(b>>52&0x7FF)-1075
	z := bits.TrailingZeros64(m)
	m, e = m>>z, e+z // f is m * 2^e, m is odd
	if e < -27 || e >= bits.LeadingZeros64(m) || digits > 17 {
		return f
	}
	for ; e < 0; e++ { // the digits of f are those of m * 5^-e
		if m > math.MaxUint64/5 {
			return f
		}
		m *= 5
	}
	for m <<= e; m%10 == 0; m /= 10 {
	}
	if n := powers[digits]; m%10 == 5 && m >= n && m < 10*n {
		return math.Nextafter(f, math.Copysign(math.Inf(1), f))
	}
	return f
}

// powers are those of ten.
var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17}

// FormatNumber writes a number as tostring does.
func FormatNumber(f float64) string {
	var b [32]byte
	return string(appendNum(b[:0], f))
}

func isSpace(c byte) bool { return c == ' ' || c-9 < 5 }

// ParseNumber reads a numeral as tonumber does: decimal, hexadecimal with fraction and exponent, binary, inf and nan,
// with white space around.
func ParseNumber(s string) (float64, bool) { return parseNumber(s) }

func parseNumber(s string) (float64, bool) {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	if len(s) == 0 {
		return 0, false
	}
	if len(s) <= 15 { // plain integers
		var n int64
		ok := true
		for i := 0; i < len(s); i++ {
			c := s[i] - '0'
			if c > 9 {
				ok = false
				break
			}
			n = n*10 + int64(c)
		}
		if ok {
			return float64(n), true
		}
	}
	neg := false
	t := s
	if t[0] == '-' || t[0] == '+' {
		neg = t[0] == '-'
		t = t[1:]
	}
	if len(t) == 0 {
		return 0, false
	}
	var f float64
	ok := false
	switch c := t[0]; {
	case c == '0' && len(t) > 2 && t[1]|32 == 'x':
		f, ok = parseHex(t[2:])
	case c == '0' && len(t) > 2 && t[1]|32 == 'b':
		f, ok = parseBinary(t[2:])
	case c|32 == 'i':
		if equalFold(t, "inf") || equalFold(t, "infinity") {
			f, ok = math.Inf(1), true
		}
	case c|32 == 'n':
		if equalFold(t, "nan") {
			f, ok = math.NaN(), true
		}
	case c-'0' < 10 || c == '.':
		f, ok = parseDecimal(t)
	}
	if !ok {
		return 0, false
	}
	if neg && f == f {
		f = -f
	}
	return f, true
}

func equalFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i]|32 != lower[i] {
			return false
		}
	}
	return true
}

func parseDecimal(t string) (float64, bool) {
	// strconv also takes underscores, "Inf" and hexadecimal: only the plain form may reach it.
	i, digits := 0, 0
	for i < len(t) && t[i]-'0' < 10 {
		i++
		digits++
	}
	if i < len(t) && t[i] == '.' {
		i++
		for i < len(t) && t[i]-'0' < 10 {
			i++
			digits++
		}
	}
	if digits == 0 {
		return 0, false
	}
	if i < len(t) && t[i]|32 == 'e' {
		i++
		if i < len(t) && (t[i] == '-' || t[i] == '+') {
			i++
		}
		if i >= len(t) {
			return 0, false
		}
		for i < len(t) && t[i]-'0' < 10 {
			i++
		}
	}
	if i != len(t) {
		return 0, false
	}
	f, err := strconv.ParseFloat(t, 64)
	if err != nil {
		if e, is := err.(*strconv.NumError); !is || e.Err != strconv.ErrRange {
			return 0, false
		}
	}
	return f, true
}

func hexDigit(c byte) int {
	switch {
	case c-'0' < 10:
		return int(c - '0')
	case c|32 >= 'a' && c|32 <= 'f':
		return int(c|32-'a') + 10
	}
	return -1
}

func parseHex(t string) (float64, bool) {
	var m uint64
	exp, digits := 0, 0
	frac, sticky := false, false
	i := 0
	for ; i < len(t); i++ {
		if t[i] == '.' && !frac {
			frac = true
			continue
		}
		d := hexDigit(t[i])
		if d < 0 {
			break
		}
		digits++
		if m>>60 == 0 {
			m = m<<4 | uint64(d)
			if frac {
				exp -= 4
			}
		} else {
			sticky = sticky || d != 0
			if !frac {
				exp += 4
			}
		}
	}
	if digits == 0 {
		return 0, false
	}
	if i < len(t) && t[i]|32 == 'p' {
		i++
		e, neg, n := 0, false, 0
		if i < len(t) && (t[i] == '-' || t[i] == '+') {
			neg = t[i] == '-'
			i++
		}
		for ; i < len(t) && t[i]-'0' < 10; i++ {
			if e < 100000 {
				e = e*10 + int(t[i]-'0')
			}
			n++
		}
		if n == 0 {
			return 0, false
		}
		if neg {
			e = -e
		}
		exp += e
	}
	if i != len(t) {
		return 0, false
	}
	if sticky {
		m |= 1
	}
	return math.Ldexp(float64(m), exp), true
}

func parseBinary(t string) (float64, bool) {
	f := 0.0
	for i := 0; i < len(t); i++ {
		if t[i]-'0' > 1 {
			return 0, false
		}
		f = f*2 + float64(t[i]-'0')
	}
	return f, true
}
