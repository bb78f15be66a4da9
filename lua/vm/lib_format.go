package vm

import (
	"math"
	"strconv"
	"strings"
)

// spec is one conversion of string.format.
type spec struct {
	text                            string // "%-5d"
	minus, plus, space, zero, sharp bool
	width, prec                     int // prec -1: none given
	verb                            byte
}

// strFormat is string.format.
func strFormat(t *Thread) int {
	format := t.CheckString(1)
	var out []byte
	arg := 1
	for i := 0; i < len(format); i++ {
		j := strings.IndexByte(format[i:], '%')
		if j < 0 {
			out = append(out, format[i:]...)
			break
		}
		out = append(out, format[i:i+j]...)
		i += j
		if i+1 < len(format) && format[i+1] == '%' {
			out = append(out, '%')
			i++
			continue
		}
		sp, n := parseSpec(t, format[i:])
		i += n - 1
		arg++
		out = sp.append(t, out, arg)
		t.checkLength(len(out))
	}
	t.PushBytes(out)
	return 1
}

func parseSpec(t *Thread, s string) (sp spec, n int) {
	bad := func(n int) {
		t.Errorf("invalid option '%s' to 'format'", s[:min(n, len(s))])
	}
	i := 1
flags:
	for ; i < len(s); i++ {
		switch s[i] {
		case '-':
			sp.minus = true
		case '+':
			sp.plus = true
		case ' ':
			sp.space = true
		case '0':
			sp.zero = true
		case '#':
			sp.sharp = true
		default:
			break flags
		}
	}
	number := func() int {
		n, from := 0, i
		for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			if n = n*10 + int(s[i]-'0'); i-from >= 2 {
				bad(i + 1)
			}
		}
		return n
	}
	sp.width, sp.prec = number(), -1
	if i < len(s) && s[i] == '.' {
		i++
		sp.prec = number()
	}
	if i >= len(s) || strings.IndexByte("cdiouxXeEfFgGaAqsp", s[i]) < 0 {
		bad(i + 1)
	}
	sp.verb, sp.text = s[i], s[:i+1]
	return sp, i + 1
}

func (sp spec) append(t *Thread, out []byte, arg int) []byte {
	switch sp.verb {
	case 'c':
		return sp.pad(out, "", string([]byte{byte(t.CheckInt(arg))}))
	case 's':
		s := t.ToString(t.checkNoValue(arg))
		if sp.prec >= 0 && sp.prec < len(s) {
			s = s[:sp.prec]
		}
		sp.zero = false
		return sp.pad(out, "", s)
	case 'q':
		return appendQuoted(out, t.CheckString(arg))
	case 'p':
		_, s, _ := strings.Cut(t.CheckAny(arg).lv().String(), ": ")
		return sp.pad(out, "", s)
	case 'd', 'i':
		return sp.decimal(out, t.CheckNumber(arg))
	case 'u', 'o', 'x', 'X':
		return sp.unsigned(out, t.CheckNumber(arg))
	}
	return sp.float(out, t.CheckNumber(arg))
}

func (t *Thread) checkNoValue(i int) Value {
	if i > t.NArg() {
		t.ArgError(i, "value expected")
	}
	return t.Arg(i)
}

// pad appends sign and body in the width; zeros go between them.
func (sp spec) pad(out []byte, sign, body string) []byte {
	n := sp.width - len(sign) - len(body)
	switch {
	case n <= 0:
		return append(append(out, sign...), body...)
	case sp.minus:
		out = append(append(out, sign...), body...)
		return appendRepeat(out, ' ', n)
	case sp.zero:
		out = appendRepeat(append(out, sign...), '0', n)
		return append(out, body...)
	}
	out = appendRepeat(out, ' ', n)
	return append(append(out, sign...), body...)
}

func appendRepeat(out []byte, c byte, n int) []byte {
	for range n {
		out = append(out, c)
	}
	return out
}

func (sp spec) sign(negative bool) string {
	switch {
	case negative:
		return "-"
	case sp.plus:
		return "+"
	case sp.space:
		return " "
	}
	return ""
}

func (sp spec) digits(s string) string {
	if sp.prec > len(s) {
		s = strings.Repeat("0", sp.prec-len(s)) + s
	}
	return s
}

func (sp spec) decimal(out []byte, f float64) []byte {
	if f != f || math.IsInf(f, 0) || math.Abs(f) >= 1<<63 {
		return sp.decimalOverflow(out, f)
	}
	n := int64(f)
	body := strconv.FormatInt(n, 10)
	if n < 0 {
		body = body[1:]
	}
	if sp.prec >= 0 {
		sp.zero = false
	}
	return sp.pad(out, sp.sign(n < 0), sp.digits(body))
}

func (sp spec) decimalOverflow(out []byte, _ float64) []byte {
	return sp.pad(out, "-", "9223372036854775808")
}

func (sp spec) unsigned(out []byte, f float64) []byte {
	var n uint64
	if f >= 1<<63 && f < 1<<64 {
		n = uint64(f)
	} else if f == f && math.Abs(f) < 1<<63 {
		n = uint64(int64(f))
	} else {
		n = 1 << 63
	}
	base, prefix := 10, ""
	switch sp.verb {
	case 'o':
		base = 8
		if sp.sharp {
			prefix = "0"
		}
	case 'x', 'X':
		base = 16
		if sp.sharp && n != 0 {
			prefix = "0" + string(sp.verb)
		}
	}
	body := strconv.FormatUint(n, base)
	if sp.verb == 'X' {
		body = strings.ToUpper(body)
	}
	if sp.prec >= 0 {
		sp.zero = false
	}
	return sp.pad(out, prefix, sp.digits(body))
}

func (sp spec) float(out []byte, f float64) []byte {
	sign := sp.sign(math.Signbit(f) && f == f)
	upper := sp.verb < 'a'
	var body string
	switch abs := math.Abs(f); {
	case f != f:
		body, sp.zero = "nan", false
	case math.IsInf(f, 0):
		body, sp.zero = "inf", false
	default:
		prec := sp.prec
		switch sp.verb | 0x20 {
		case 'a':
			body = hexFloat(abs, prec)
			sign, body = sign+"0x", body[2:]
		case 'g':
			body = shortFloat(abs, prec, sp.sharp)
		default:
			if prec < 0 {
				prec = 6
			}
			body = strconv.FormatFloat(roundUp(abs, sp.verb|0x20, prec), sp.verb|0x20, prec, 64)
			if sp.sharp && prec == 0 {
				body += "."
			}
		}
	}
	if upper {
		body, sign = strings.ToUpper(body), strings.ToUpper(sign)
	}
	return sp.pad(out, sign, body)
}

// shortFloat is C's %g.
func shortFloat(f float64, prec int, keepZeros bool) string {
	if prec < 0 {
		prec = 6
	}
	prec = max(prec, 1)
	f = roundUp(f, 'e', prec-1)
	s := strconv.FormatFloat(f, 'e', prec-1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	exp, _ := strconv.Atoi(exponent)
	if exp < -4 || exp >= prec {
		if !keepZeros && strings.Contains(mantissa, ".") {
			mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
		}
		return mantissa + "e" + exponent
	}
	s = strconv.FormatFloat(f, 'f', prec-1-exp, 64)
	if !keepZeros && strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// hexFloat is C's %a: the exponent has no leading zeros.
func hexFloat(f float64, prec int) string {
	s := strconv.FormatFloat(f, 'x', prec, 64)
	m, e, _ := strings.Cut(s, "p")
	n, _ := strconv.Atoi(e)
	if n >= 0 {
		return m + "p+" + strconv.Itoa(n)
	}
	return m + "p" + strconv.Itoa(n)
}

// appendQuoted is %q: a literal that Lua reads back.
func appendQuoted(out []byte, s string) []byte {
	out = append(out, '"')
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '"' || c == '\\' || c == '\n':
			out = append(out, '\\', c)
		case c < ' ' || c == 127:
			out = append(out, '\\')
			if c >= 100 || i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
				out = append(out, '0'+c/100, '0'+c/10%10, '0'+c%10)
			} else {
				out = strconv.AppendUint(out, uint64(c), 10)
			}
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}
