package vm

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// LuaBitOp: arguments are taken modulo 2^32, results are signed.

func (t *Thread) checkBits(i int) uint32 {
	f := t.CheckNumber(i)
	if f != f || math.IsInf(f, 0) {
		return 0
	}
	if f = math.RoundToEven(f); math.Abs(f) >= 1<<53 {
		f = math.Mod(f, 1<<32)
	}
	return uint32(int64(f))
}

func (t *Thread) pushBits(n uint32) int {
	t.PushInt(int(int32(n)))
	return 1
}

func (m *VM) openBit() {
	tb := m.NewTable(0, 16)
	for name, f := range map[string]func(a, b uint32) uint32{
		"band": func(a, b uint32) uint32 { return a & b },
		"bor":  func(a, b uint32) uint32 { return a | b },
		"bxor": func(a, b uint32) uint32 { return a ^ b },
	} {
		tb.SetStr(name, m.NewFunc(name, func(t *Thread) int {
			n := t.checkBits(1)
			for i := 2; i <= t.NArg(); i++ {
				n = f(n, t.checkBits(i))
			}
			return t.pushBits(n)
		}))
	}
	for name, f := range map[string]func(a, n uint32) uint32{
		"lshift":  func(a, n uint32) uint32 { return a << (n & 31) },
		"rshift":  func(a, n uint32) uint32 { return a >> (n & 31) },
		"arshift": func(a, n uint32) uint32 { return uint32(int32(a) >> (n & 31)) },
		"rol":     func(a, n uint32) uint32 { return bits.RotateLeft32(a, int(n&31)) },
		"ror":     func(a, n uint32) uint32 { return bits.RotateLeft32(a, -int(n&31)) },
	} {
		tb.SetStr(name, m.NewFunc(name, func(t *Thread) int { return t.pushBits(f(t.checkBits(1), t.checkBits(2))) }))
	}
	m.register(tb, map[string]Func{
		"tobit": func(t *Thread) int { return t.pushBits(t.checkBits(1)) },
		"bnot":  func(t *Thread) int { return t.pushBits(^t.checkBits(1)) },
		"bswap": func(t *Thread) int { return t.pushBits(bits.ReverseBytes32(t.checkBits(1))) },
		"tohex": bitTohex,
	})
	m.Globals().SetStr("bit", tb.Value())
}

func bitTohex(t *Thread) int {
	n, width := t.checkBits(1), 8
	if t.NArg() >= 2 {
		width = int(int32(t.checkBits(2)))
	}
	s := strconv.FormatUint(uint64(n), 16)
	s = strings.Repeat("0", 8-len(s)) + s
	if width < 0 {
		s, width = strings.ToUpper(s), -max(width, -8)
	}
	t.PushString(s[8-min(width, 8):])
	return 1
}
