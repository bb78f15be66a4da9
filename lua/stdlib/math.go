package stdlib

import (
	"math"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// random is the generator of LuaJIT: Tausworthe, 223 bits.
type random [4]uint64

func (r *random) step() uint64 {
	var x uint64
	for i, p := range [4][3]uint{{63, 31, 18}, {58, 19, 28}, {55, 24, 7}, {47, 21, 8}} {
		k, q, sh := p[0], p[1], p[2]
		z := r[i]
		z = (z<<q^z)>>(k-sh) ^ (z&(^uint64(0)<<(64-k)))<<sh
		r[i] = z
		x ^= z
	}
	return x
}

func (r *random) float() float64 {
	u := r.step()
	return math.Float64frombits(u&0x000FFFFFFFFFFFFF|0x3FF0000000000000) - 1
}

func (r *random) seed(d float64) {
	m := uint64(0x11090601)
	for i := range r {
		low := uint64(1) << (m & 255)
		m >>= 8
		d = d*3.14159265358979323846 + 2.7182818284590452354
		u := math.Float64bits(d)
		if u < low {
			u += low
		}
		r[i] = u
	}
	for i := 0; i < 10; i++ {
		r.step()
	}
}

func math1(f func(float64) float64) vm.Func {
	return func(t *vm.Thread) int {
		t.PushNumber(f(t.CheckNumber(1)))
		return 1
	}
}

func (s *state) openMath() {
	rng := &random{}
	rng.seed(0)
	m := s.library("math", []function{
		{"abs", math1(math.Abs)}, {"acos", math1(math.Acos)}, {"asin", math1(math.Asin)}, {"atan", math1(math.Atan)},
		{"ceil", math1(math.Ceil)}, {"cos", math1(math.Cos)}, {"cosh", math1(math.Cosh)}, {"exp", math1(math.Exp)},
		{"floor", mathFloor}, {"log10", math1(math.Log10)}, {"sin", math1(math.Sin)}, {"sinh", math1(math.Sinh)},
		{"sqrt", math1(math.Sqrt)}, {"tan", math1(math.Tan)}, {"tanh", math1(math.Tanh)},
		{"deg", math1(func(x float64) float64 { return x * (180 / math.Pi) })},
		{"rad", math1(func(x float64) float64 { return x * (math.Pi / 180) })},
		{"atan2", func(t *vm.Thread) int { t.PushNumber(math.Atan2(t.CheckNumber(1), t.CheckNumber(2))); return 1 }},
		{"fmod", func(t *vm.Thread) int { t.PushNumber(math.Mod(t.CheckNumber(1), t.CheckNumber(2))); return 1 }},
		{"pow", func(t *vm.Thread) int { t.PushNumber(math.Pow(t.CheckNumber(1), t.CheckNumber(2))); return 1 }},
		{"ldexp", func(t *vm.Thread) int { t.PushNumber(math.Ldexp(t.CheckNumber(1), t.CheckInt(2))); return 1 }},
		{"frexp", mathFrexp},
		{"log", mathLog},
		{"modf", mathModf},
		{"max", func(t *vm.Thread) int { return mathBest(t, func(a, b float64) bool { return a > b }) }},
		{"min", func(t *vm.Thread) int { return mathBest(t, func(a, b float64) bool { return a < b }) }},
		{"random", func(t *vm.Thread) int { return mathRandom(t, rng) }},
		{"randomseed", func(t *vm.Thread) int { rng.seed(t.CheckNumber(1)); return 0 }},
	})
	m.SetStr("pi", vm.Number(math.Pi))
	m.SetStr("huge", vm.Number(math.Inf(1)))
}

func mathFloor(t *vm.Thread) int {
	t.PushNumber(math.Floor(t.CheckNumber(1)))
	return 1
}

func mathFrexp(t *vm.Thread) int {
	f, e := math.Frexp(t.CheckNumber(1))
	t.PushNumber(f)
	t.PushInt(e)
	return 2
}

func mathLog(t *vm.Thread) int {
	x := t.CheckNumber(1)
	if k, ok := t.TypeOf(2); ok && k != vm.KNil {
		switch b := t.CheckNumber(2); b {
		case 2:
			t.PushNumber(math.Log2(x))
		case 10:
			t.PushNumber(math.Log10(x))
		default:
			t.PushNumber(math.Log(x) / math.Log(b))
		}
		return 1
	}
	t.PushNumber(math.Log(x))
	return 1
}

func mathModf(t *vm.Thread) int {
	x := t.CheckNumber(1)
	if math.IsInf(x, 0) {
		t.PushNumber(x)
		t.PushNumber(math.Copysign(0, x))
		return 2
	}
	i := math.Trunc(x)
	t.PushNumber(i)
	t.PushNumber(math.Copysign(x-i, x))
	return 2
}

// mathBest keeps the later one of two numbers unless the other is better: so LuaJIT treats nan.
func mathBest(t *vm.Thread, better func(a, b float64) bool) int {
	best := t.CheckNumber(1)
	for i := 2; i <= t.NArg(); i++ {
		if f := t.CheckNumber(i); !better(best, f) {
			best = f
		}
	}
	t.PushNumber(best)
	return 1
}

func mathRandom(t *vm.Thread, rng *random) int {
	f := rng.float()
	switch t.NArg() {
	case 0:
	case 1:
		f = math.Floor(f*t.CheckNumber(1)) + 1
	default:
		lo, hi := t.CheckNumber(1), t.CheckNumber(2)
		f = math.Floor(f*(hi-lo+1)) + lo
	}
	t.PushNumber(f)
	return 1
}
