package stdlib

import (
	"math"
	"math/bits"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func (s *state) openBit() {
	fold := func(f func(a, b int32) int32) vm.Func {
		return func(t *vm.Thread) int {
			x := bitArg(t, 1)
			for i := 2; i <= t.NArg(); i++ {
				x = f(x, bitArg(t, i))
			}
			t.PushNumber(float64(x))
			return 1
		}
	}
	shift := func(f func(x uint32, n uint) uint32) vm.Func {
		return func(t *vm.Thread) int {
			x := bitArg(t, 1)
			t.PushNumber(float64(int32(f(uint32(x), uint(bitArg(t, 2))&31))))
			return 1
		}
	}
	s.library("bit", []function{
		{"tobit", func(t *vm.Thread) int { t.PushNumber(float64(bitArg(t, 1))); return 1 }},
		{"bnot", func(t *vm.Thread) int { t.PushNumber(float64(^bitArg(t, 1))); return 1 }},
		{"bswap", func(t *vm.Thread) int {
			t.PushNumber(float64(int32(bits.ReverseBytes32(uint32(bitArg(t, 1))))))
			return 1
		}},
		{"band", fold(func(a, b int32) int32 { return a & b })},
		{"bor", fold(func(a, b int32) int32 { return a | b })},
		{"bxor", fold(func(a, b int32) int32 { return a ^ b })},
		{"lshift", shift(func(x uint32, n uint) uint32 { return x << n })},
		{"rshift", shift(func(x uint32, n uint) uint32 { return x >> n })},
		{"arshift", shift(func(x uint32, n uint) uint32 { return uint32(int32(x) >> n) })},
		{"rol", shift(func(x uint32, n uint) uint32 { return bits.RotateLeft32(x, int(n)) })},
		{"ror", shift(func(x uint32, n uint) uint32 { return bits.RotateLeft32(x, -int(n)) })},
		{"tohex", bitTohex},
	})
}

// bitArg reduces a number to 32 bits, rounding to even as LuaJIT's tobit does.
func bitArg(t *vm.Thread, i int) int32 {
	f := t.CheckNumber(i)
	if f >= -1<<31 && f < 1<<32 && f == float64(int64(f)) {
		return int32(uint32(int64(f)))
	}
	f += 6755399441055744 // 2^52 + 2^51
	return int32(uint32(math.Float64bits(f)))
}

func bitTohex(t *vm.Thread) int {
	x := uint32(bitArg(t, 1))
	n := 8
	if t.NArg() > 1 {
		n = int(bitArg(t, 2))
	}
	digits := "0123456789abcdef"
	if n < 0 {
		digits = "0123456789ABCDEF"
		n = -n
	}
	var b [254]byte // no longer ones in LuaJIT
	if n > len(b) || n < 0 {
		n = len(b)
	}
	for i := n - 1; i >= 0; i-- {
		b[i] = digits[x&15]
		x >>= 4
	}
	t.PushBytes(b[:n])
	return 1
}
