package stdlib

import (
	"fmt"
	"math"
	"strconv"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// spec is one conversion of a format.
type spec struct {
	minus, plus, space, alt, zero bool
	width, prec                   int // prec -1: none
	verb                          byte
}

func stringFormat(t *vm.Thread) int {
	f := t.CheckString(1)
	out := t.Scratch()
	arg := 1
	for i := 0; i < len(f); {
		c := f[i]
		if c != '%' {
			j := i + 1
			for j < len(f) && f[j] != '%' {
				j++
			}
			out = append(out, f[i:j]...)
			i = j
			continue
		}
		i++
		if i < len(f) && f[i] == '%' {
			out = append(out, '%')
			i++
			continue
		}
		start := i
		var sp spec
		sp, i = parseSpec(t, f, i)
		arg++
		t.CheckAny(arg)
		if i-start == 1 { // no flags, by far the most frequent
			switch sp.verb {
			case 's':
				v := t.Arg(arg)
				if v.Kind() == vm.KString {
					out = append(out, v.Str()...)
					continue
				}
			case 'd', 'i':
				if x := t.CheckNumber(arg); x == math.Trunc(x) && math.Abs(x) < 1<<62 {
					out = strconv.AppendInt(out, int64(x), 10)
					continue
				}
			}
		}
		if sp.verb == 's' || sp.verb == 'q' { // may call Lua, which may format
			s, own := "", false
			if v := t.Arg(arg); sp.verb == 's' && v.Kind() == vm.KTable || v.Kind() == vm.KUserdata {
				saved := append([]byte(nil), out...)
				s, own = t.ToString(v), true
				out = saved
			}
			out = sp.text(t, out, arg, s, own)
		} else {
			out = sp.number(t, out, arg)
		}
		if len(out) > vm.MaxString {
			t.RaiseString("not enough memory")
		}
	}
	t.PushBytes(out)
	t.Keep(out)
	return 1
}

func parseSpec(t *vm.Thread, f string, i int) (sp spec, next int) {
	sp.prec = -1
	begin := i
	for ; i < len(f); i++ {
		switch f[i] {
		case '-':
			sp.minus = true
			continue
		case '+':
			sp.plus = true
			continue
		case ' ':
			sp.space = true
			continue
		case '#':
			sp.alt = true
			continue
		case '0':
			sp.zero = true
			continue
		}
		break
	}
	bad := func() {
		end := min(i+1, len(f))
		t.Errorf("invalid option '%%%s' to 'format'", f[begin:end])
	}
	digits := func() int {
		n := 0
		for k := 0; i < len(f) && f[i]-'0' < 10; k++ {
			if k == 2 {
				bad()
			}
			n = n*10 + int(f[i]-'0')
			i++
		}
		return n
	}
	sp.width = digits()
	if i < len(f) && f[i] == '.' {
		i++
		sp.prec = digits()
	}
	if i >= len(f) {
		bad()
	}
	sp.verb = f[i]
	switch sp.verb {
	case 'd', 'i', 'u', 'c', 'x', 'X', 'o', 'e', 'E', 'f', 'F', 'g', 'G', 'a', 'A', 's', 'q', 'p':
	default:
		bad()
	}
	return sp, i + 1
}

// pad appends s in the field.
func (sp *spec) pad(out []byte, s string) []byte {
	n := sp.width - len(s)
	if !sp.minus {
		for ; n > 0; n-- {
			out = append(out, ' ')
		}
	}
	out = append(out, s...)
	for ; n > 0; n-- {
		out = append(out, ' ')
	}
	return out
}

// padNumber appends a number made of sign and digits, zeros between them when they are asked for.
func (sp *spec) padNumber(out []byte, sign string, digits []byte, zeros bool) []byte {
	n := sp.width - len(sign) - len(digits)
	if !sp.minus && !zeros {
		for ; n > 0; n-- {
			out = append(out, ' ')
		}
	}
	out = append(out, sign...)
	if zeros && !sp.minus {
		for ; n > 0; n-- {
			out = append(out, '0')
		}
	}
	out = append(out, digits...)
	for ; n > 0; n-- {
		out = append(out, ' ')
	}
	return out
}

func (sp *spec) sign(neg bool) string {
	switch {
	case neg:
		return "-"
	case sp.plus:
		return "+"
	case sp.space:
		return " "
	}
	return ""
}

func (sp *spec) text(t *vm.Thread, out []byte, arg int, s string, own bool) []byte {
	v := t.CheckAny(arg)
	if sp.verb == 'q' {
		return quote(out, t.ToString(v))
	}
	if !own {
		s = t.ToString(v)
	}
	if sp.prec >= 0 && len(s) > sp.prec {
		s = s[:sp.prec]
	}
	return sp.pad(out, s)
}

func quote(out []byte, s string) []byte {
	out = append(out, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '\n':
			out = append(out, '\\', c)
		case c < 32 || c == 127:
			out = append(out, '\\')
			if i+1 < len(s) && s[i+1]-'0' < 10 {
				if c < 100 {
					out = append(out, '0')
				}
				if c < 10 {
					out = append(out, '0')
				}
			}
			out = strconv.AppendInt(out, int64(c), 10)
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

func (sp *spec) number(t *vm.Thread, out []byte, arg int) []byte {
	var buf [128]byte
	switch sp.verb {
	case 'd', 'i':
		x := t.CheckNumber(arg)
		i := toInt64(x)
		u := uint64(i)
		if i < 0 {
			u = -u
		}
		return sp.integer(out, sp.sign(i < 0), strconv.AppendUint(buf[:0], u, 10))
	case 'u':
		return sp.integer(out, "", strconv.AppendUint(buf[:0], toUint64(t.CheckNumber(arg)), 10))
	case 'x', 'X', 'o':
		base := 16
		if sp.verb == 'o' {
			base = 8
		}
		u := toUint64(t.CheckNumber(arg))
		d := strconv.AppendUint(buf[:0], u, base)
		sign := ""
		if sp.alt && u != 0 {
			sign = map[byte]string{'x': "0x", 'X': "0X", 'o': "0"}[sp.verb]
		}
		if sp.verb == 'X' {
			for i, c := range d {
				if c >= 'a' {
					d[i] = c - 32
				}
			}
		}
		return sp.integer(out, sign, d)
	case 'c':
		return sp.pad(out, string([]byte{byte(t.CheckInt(arg))}))
	case 'p':
		return sp.pad(out, pointer(t.Arg(arg)))
	}
	return sp.float(out, t.CheckNumber(arg))
}

// pointer is what %p shows.
func pointer(v vm.Value) string {
	if p := v.Address(); p != 0 {
		return fmt.Sprintf("%#010x", p)
	}
	return "NULL"
}

func (sp *spec) integer(out []byte, sign string, d []byte) []byte {
	zeros := sp.zero
	if sp.prec >= 0 {
		zeros = false
		for len(d) < sp.prec {
			d = append(append(make([]byte, 0, len(d)+1), '0'), d...)
		}
		if sp.prec == 0 && len(d) == 1 && d[0] == '0' {
			d = nil
		}
	}
	return sp.padNumber(out, sign, d, zeros)
}

func toInt64(x float64) int64 {
	switch {
	case x >= 1<<63:
		if x < 1<<64 {
			return int64(uint64(x))
		}
		return math.MinInt64
	case x < -1<<63, x != x:
		return math.MinInt64
	}
	return int64(x)
}

func toUint64(x float64) uint64 {
	if x >= 1<<63 && x < 1<<64 {
		return uint64(x)
	}
	return uint64(toInt64(x))
}

func (sp *spec) float(out []byte, x float64) []byte {
	var buf [400]byte
	neg := math.Signbit(x)
	if x != x || math.IsInf(x, 0) {
		s := "inf"
		if x != x {
			s, neg = "nan", false
		}
		if sp.verb < 'a' {
			s = map[string]string{"inf": "INF", "nan": "NAN"}[s]
		}
		plus := sp.plus
		sp.plus = plus && x == x
		out = sp.padNumber(out, sp.sign(neg), []byte(s), false)
		sp.plus = plus
		return out
	}
	prec := sp.prec
	if prec < 0 {
		prec = 6
	}
	var d []byte
	switch sp.verb {
	case 'f', 'F':
		if plain := sp.width == 0 && !sp.plus && !sp.space && !sp.alt; plain {
			return fixed(out, x, prec)
		}
		d = fixed(buf[:0], math.Abs(x), prec)
		if sp.alt && prec == 0 {
			d = append(d, '.')
		}
	case 'e', 'E':
		x = vm.AwayFromZero(x, prec+1)
		d = strconv.AppendFloat(buf[:0], math.Abs(x), sp.verb, prec, 64)
		if sp.alt && prec == 0 {
			d = append(d[:1], append([]byte{'.'}, d[1:]...)...)
		}
	case 'g', 'G':
		if prec == 0 {
			prec = 1
		}
		x = vm.AwayFromZero(x, prec)
		if sp.alt {
			d = fmt.Appendf(buf[:0], "%#."+strconv.Itoa(prec)+string(sp.verb), math.Abs(x))
		} else {
			d = strconv.AppendFloat(buf[:0], math.Abs(x), sp.verb, prec, 64)
		}
	default:
		d = hexFloat(buf[:0], math.Abs(x), sp.verb, sp.prec)
	}
	return sp.padNumber(out, sp.sign(neg), d, sp.zero)
}

// hexFloat writes %a as C does: the exponent has no leading zero, and a mantissa that is rounded up to two stays that.
func hexFloat(b []byte, x float64, verb byte, prec int) []byte {
	up := byte('1')
	if _, e := math.Frexp(x); prec >= 0 {
		if r, _ := strconv.ParseFloat(string(strconv.AppendFloat(nil, x, 'x', prec, 64)), 64); r >= math.Ldexp(1, e) {
			x, up = math.Ldexp(1, e-1), '2'
		}
	}
	d := strconv.AppendFloat(b, x, map[byte]byte{'a': 'x', 'A': 'X'}[verb], prec, 64)
	if up == '2' {
		d[len(b)+2] = up
	}
	for i := len(d) - 1; i > 0; i-- {
		if d[i] == '+' || d[i] == '-' {
			if i+2 < len(d) && d[i+1] == '0' {
				d = append(d[:i+1], d[i+2:]...)
			}
			break
		}
	}
	return d
}

// fixed writes x with prec decimals. What lies exactly between two goes away from zero, as in LuaJIT.
func fixed(b []byte, x float64, prec int) []byte {
	if prec <= 15 {
		y := math.Abs(x) * pow10[prec]
		if y < 1<<52 && y-math.Floor(y) == 0.5 {
			n := len(b)
			b = strconv.AppendFloat(b, x, 'f', prec+25, 64)
			cut := len(b) - 25
			if tail := string(b[cut:]); tail == "5000000000000000000000000" {
				return strconv.AppendFloat(b[:n], math.Nextafter(x, math.Copysign(math.Inf(1), x)), 'f', prec, 64)
			}
			b = b[:n]
		}
	}
	return strconv.AppendFloat(b, x, 'f', prec, 64)
}

var pow10 = [16]float64{1, 10, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}
