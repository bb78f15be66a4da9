package openssl

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"math/big"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// maxBits bounds the numbers that scripts may make, so that no operation takes
// long.
const maxBits = 64 << 10

var errTooBig = errors.New("bignum too long")

// number is a bn, or a Lua number, or nil.
func bignum(v vm.Value) *big.Int {
	if b, ok := object[*big.Int](v); ok {
		return b
	}
	if v.Kind() == vm.KNumber {
		if f := new(big.Float); v.Num() == v.Num() && !f.SetFloat64(v.Num()).IsInf() {
			i, _ := f.Int(nil)
			return i
		}
	}
	return nil
}

func checkBN(t *vm.Thread, i int) *big.Int {
	b := bignum(t.Arg(i))
	if b == nil {
		t.ArgError(i, "expect a bn instance or a number")
	}
	return b
}

// parseBN reads a number in base 10, 16, 2 (binary string) or 0 (MPI).
func parseBN(s string, base int) (*big.Int, error) {
	if len(s) > maxBits {
		return nil, errTooBig
	}
	b := new(big.Int)
	switch base {
	case 10, 16:
		if _, ok := b.SetString(strings.TrimPrefix(s, "+"), base); !ok || strings.Contains(s, "_") {
			return nil, errors.New("bad number")
		}
	case 2:
		b.SetBytes([]byte(s))
	case 0:
		if len(s) < 4 || int64(binary.BigEndian.Uint32([]byte(s))) != int64(len(s)-4) {
			return nil, errors.New("bad MPI")
		}
		if s = s[4:]; s != "" {
			b.SetBytes(append([]byte{s[0] & 0x7f}, s[1:]...))
			if s[0]&0x80 != 0 {
				b.Neg(b)
			}
		}
	default:
		return nil, errors.New("unsupported base")
	}
	if b.BitLen() > maxBits {
		return nil, errTooBig
	}
	return b, nil
}

// toMPI is the inverse of parseBN's base 0.
func toMPI(b *big.Int) []byte {
	raw := b.Bytes()
	if len(raw) > 0 && raw[0]&0x80 != 0 {
		raw = append([]byte{0}, raw...)
	}
	if b.Sign() < 0 {
		raw[0] |= 0x80
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...)
}

// arithmetic is the operations with two numbers. The result is nil for one
// that has none.
var arithmetic = map[string]func(a, b *big.Int) *big.Int{
	"add": func(a, b *big.Int) *big.Int { return new(big.Int).Add(a, b) },
	"sub": func(a, b *big.Int) *big.Int { return new(big.Int).Sub(a, b) },
	"mul": func(a, b *big.Int) *big.Int { return new(big.Int).Mul(a, b) },
	"div": func(a, b *big.Int) *big.Int { return divide(a, b, (*big.Int).Quo) },
	"mod": func(a, b *big.Int) *big.Int { return divide(a, b, (*big.Int).Rem) },
	"gcd": func(a, b *big.Int) *big.Int {
		return new(big.Int).GCD(nil, nil, new(big.Int).Abs(a), new(big.Int).Abs(b))
	},
	"exp": func(a, b *big.Int) *big.Int {
		if b.Sign() < 0 || !b.IsInt64() || int64(a.BitLen())*b.Int64() > maxBits || b.Int64() > maxBits {
			return nil
		}
		return new(big.Int).Exp(a, b, nil)
	},
}

func divide(a, b *big.Int, do func(z, x, y *big.Int) *big.Int) *big.Int {
	if b.Sign() == 0 {
		return nil
	}
	return do(new(big.Int), a, b)
}

// modular is the operations modulo m, which is not zero.
var modular = map[string]func(a, b, m *big.Int) *big.Int{
	"mod_add": func(a, b, m *big.Int) *big.Int { a = new(big.Int).Add(a, b); return a.Mod(a, m) },
	"mod_sub": func(a, b, m *big.Int) *big.Int { a = new(big.Int).Sub(a, b); return a.Mod(a, m) },
	"mod_mul": func(a, b, m *big.Int) *big.Int { a = new(big.Int).Mul(a, b); return a.Mod(a, m) },
	"mod_exp": func(a, b, m *big.Int) *big.Int {
		if max(a.BitLen(), b.BitLen(), m.BitLen()) > 16<<10 { // the largest RSA keys in use
			return nil
		}
		return new(big.Int).Exp(a, b, m)
	},
}

func (l *library) pushBN(t *vm.Thread, where string, b *big.Int) int {
	if b == nil || b.BitLen() > maxBits {
		return refuse(t, where+" failed")
	}
	t.Push(l.bn.wrap(b))
	return 1
}

func (l *library) openBN() {
	c := l.bn
	from := func(name string, base int) func(t *vm.Thread) int {
		return func(t *vm.Thread) int {
			b, err := parseBN(t.CheckString(1), base)
			if err != nil {
				return refuse(t, "bn."+name+": "+err.Error())
			}
			return l.pushBN(t, "bn."+name, b)
		}
	}
	c.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int {
			b, err := newBN(t, 1)
			if err != nil {
				return refuse(t, "bn.new: "+err.Error())
			}
			return l.pushBN(t, "bn.new", b)
		},
		"set": method(c, func(t *vm.Thread, b *big.Int) int {
			v, err := newBN(t, 2)
			if err != nil {
				return refuse(t, "bn:set: "+err.Error())
			}
			b.Set(v)
			t.Push(t.Arg(1))
			return 1
		}),
		"dup": func(t *vm.Thread) int {
			return l.pushBN(t, "bn.dup", new(big.Int).Set(checkObject[*big.Int](t, 1, "bn")))
		},
		"from_binary": from("from_binary", 2), "from_mpi": from("from_mpi", 0), "from_hex": from("from_hex", 16), "from_dec": from("from_dec", 10),
		"to_binary": method(c, func(t *vm.Thread, b *big.Int) int {
			pad := t.OptInt(2, 0)
			if pad < 0 || pad > maxBits || pad > 0 && (b.BitLen()+7)/8 > pad {
				return refuse(t, "bn:to_binary failed")
			}
			out := b.Bytes()
			if pad > len(out) {
				out = b.FillBytes(make([]byte, pad))
			}
			t.PushBytes(out)
			return 1
		}),
		"to_mpi": method(c, func(t *vm.Thread, b *big.Int) int { t.PushBytes(toMPI(b)); return 1 }),
		"to_hex": method(c, func(t *vm.Thread, b *big.Int) int { t.PushString(hexBN(b)); return 1 }),
		"to_dec": method(c, func(t *vm.Thread, b *big.Int) int { t.PushString(b.String()); return 1 }),
		"generate_prime": func(t *vm.Thread) int {
			bits := t.CheckInt(1)
			if bits < 2 || bits > 4096 || t.Arg(2).Truth() {
				return refuse(t, "bn.generate_prime: not supported")
			}
			var p *big.Int
			l.Offload(func() { p, _ = rand.Prime(rand.Reader, bits) })
			return l.pushBN(t, "bn.generate_prime", p)
		},
		"sqr": method(c, func(t *vm.Thread, b *big.Int) int { return l.pushBN(t, "bn:sqr", new(big.Int).Mul(b, b)) }),
		"mod_sqr": method(c, func(t *vm.Thread, b *big.Int) int {
			m := checkBN(t, 2)
			return l.pushBN(t, "bn:mod_sqr", divide(new(big.Int).Mul(b, b), m, (*big.Int).Mod))
		}),
		"lshift": method(c, func(t *vm.Thread, b *big.Int) int {
			return l.pushBN(t, "bn:lshift", new(big.Int).Lsh(b, uint(min(max(t.CheckInt(2), 0), maxBits))))
		}),
		"rshift": method(c, func(t *vm.Thread, b *big.Int) int {
			return l.pushBN(t, "bn:rshift", new(big.Int).Rsh(b, uint(max(t.CheckInt(2), 0))))
		}),
		"is_zero":  method(c, func(t *vm.Thread, b *big.Int) int { t.PushBool(b.Sign() == 0); return 1 }),
		"is_one":   method(c, func(t *vm.Thread, b *big.Int) int { t.PushBool(b.IsInt64() && b.Int64() == 1); return 1 }),
		"is_odd":   method(c, func(t *vm.Thread, b *big.Int) int { t.PushBool(b.Bit(0) == 1); return 1 }),
		"is_word":  method(c, func(t *vm.Thread, b *big.Int) int { t.PushBool(b.Cmp(checkBN(t, 2)) == 0); return 1 }),
		"is_prime": method(c, func(t *vm.Thread, b *big.Int) int { t.PushBool(b.BitLen() <= 4096 && b.ProbablyPrime(20)); return 1 }),
	})
	toNumber := method(c, func(t *vm.Thread, b *big.Int) int {
		t.PushNumber(float64(new(big.Int).And(new(big.Int).Abs(b), new(big.Int).SetUint64(1<<64-1)).Uint64()))
		return 1
	})
	c.funcs(map[string]func(t *vm.Thread) int{"to_number": toNumber, "tonumber": toNumber})
	for name, do := range modular {
		c.module.SetStr(name, l.vm.NewFunc(name, func(t *vm.Thread) int {
			a, b, m := checkBN(t, 1), checkBN(t, 2), checkBN(t, 3)
			if m.Sign() == 0 {
				return refuse(t, "bn:"+name+": division by zero")
			}
			return l.pushBN(t, "bn:"+name, do(a, b, m))
		}))
	}
	for name, do := range arithmetic {
		f := l.vm.NewFunc(name, func(t *vm.Thread) int { return l.pushBN(t, "bn:"+name, do(checkBN(t, 1), checkBN(t, 2))) })
		c.module.SetStr(name, f)
		c.mt.SetStr("__"+name, f)
	}
	l.bnMetamethods()
}

// newBN is the arguments of bn.new from i on.
func newBN(t *vm.Thread, i int) (*big.Int, error) {
	switch v := t.Arg(i); v.Kind() {
	case vm.KNil:
		return new(big.Int), nil
	case vm.KString:
		return parseBN(v.Str(), t.OptInt(i+1, 10))
	default:
		if b := bignum(v); b != nil {
			return new(big.Int).Set(b), nil
		}
	}
	return nil, errors.New("unexpected type")
}

func hexBN(b *big.Int) string {
	s := strings.ToUpper(b.Text(16))
	sign, digits := "", s
	if b.Sign() < 0 {
		sign, digits = "-", s[1:]
	}
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	return sign + digits
}

func (l *library) bnMetamethods() {
	compare := func(holds func(order int) bool) vm.Func {
		return func(t *vm.Thread) int { t.PushBool(holds(checkBN(t, 1).Cmp(checkBN(t, 2)))); return 1 }
	}
	for name, do := range map[string]vm.Func{
		"__unm":      func(t *vm.Thread) int { return l.pushBN(t, "bn", new(big.Int).Neg(checkBN(t, 1))) },
		"__eq":       compare(func(order int) bool { return order == 0 }),
		"__lt":       compare(func(order int) bool { return order < 0 }),
		"__le":       compare(func(order int) bool { return order <= 0 }),
		"__tostring": func(t *vm.Thread) int { t.PushString(checkBN(t, 1).String()); return 1 },
	} {
		l.bn.mt.SetStr(name, l.vm.NewFunc(name, do))
	}
	pow := l.bn.mt.GetStr("__exp")
	l.bn.mt.SetStr("__pow", pow)
	l.bn.mt.SetStr("__exp", vm.Nil)
}
