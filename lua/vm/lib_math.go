package vm

import "math"

// random is xorshift: every VM has its own sequence, the same after the same randomseed.
type random struct{ a, b uint64 }

func (r *random) seed(f float64) {
	r.a, r.b = math.Float64bits(f)*0x9e3779b97f4a7c15+1, 0x2545f4914f6cdd1d
	for range 10 {
		r.next()
	}
}

func (r *random) next() float64 {
	x, y := r.a, r.b
	r.a = y
	x ^= x << 23
	r.b = x ^ y ^ x>>17 ^ y>>26
	return float64((r.b+y)>>11) / (1 << 53)
}

func (m *VM) openMath() {
	tb := m.NewTable(0, 32)
	for name, f := range map[string]func(float64) float64{
		"abs": math.Abs, "acos": math.Acos, "asin": math.Asin, "atan": math.Atan, "ceil": math.Ceil, "cos": math.Cos,
		"cosh": math.Cosh, "deg": func(x float64) float64 { return x * (180 / math.Pi) }, "exp": math.Exp, "floor": math.Floor,
		"log10": math.Log10, "rad": func(x float64) float64 { return x * (math.Pi / 180) }, "sin": math.Sin, "sinh": math.Sinh,
		"sqrt": math.Sqrt, "tan": math.Tan, "tanh": math.Tanh,
	} {
		tb.SetStr(name, m.NewFunc(name, func(t *Thread) int {
			t.PushNumber(f(t.CheckNumber(1)))
			return 1
		}))
	}
	for name, f := range map[string]func(a, b float64) float64{"atan2": math.Atan2, "fmod": math.Mod, "pow": math.Pow} {
		tb.SetStr(name, m.NewFunc(name, func(t *Thread) int {
			t.PushNumber(f(t.CheckNumber(1), t.CheckNumber(2)))
			return 1
		}))
	}
	m.register(tb, map[string]Func{
		"frexp": func(t *Thread) int {
			f, e := math.Frexp(t.CheckNumber(1))
			t.PushNumber(f)
			t.PushInt(e)
			return 2
		},
		"ldexp": func(t *Thread) int {
			t.PushNumber(math.Ldexp(t.CheckNumber(1), t.CheckInt(2)))
			return 1
		},
		"log":  mathLog,
		"max":  func(t *Thread) int { return mathPick(t, func(a, b float64) bool { return a > b }) },
		"min":  func(t *Thread) int { return mathPick(t, func(a, b float64) bool { return a < b }) },
		"modf": mathModf,
	})
	r := &random{}
	r.seed(0)
	tb.SetStr("random", m.NewFunc("random", func(t *Thread) int { return mathRandom(t, r.next()) }))
	tb.SetStr("randomseed", m.NewFunc("randomseed", func(t *Thread) int {
		r.seed(t.CheckNumber(1))
		return 0
	}))
	tb.SetStr("pi", Number(math.Pi))
	tb.SetStr("huge", Number(math.Inf(1)))
	m.Globals().SetStr("math", tb.Value())
}

func mathLog(t *Thread) int {
	x := t.CheckNumber(1)
	if t.NArg() < 2 {
		t.PushNumber(math.Log(x))
		return 1
	}
	switch base := t.CheckNumber(2); base {
	case 2:
		t.PushNumber(math.Log2(x))
	case 10:
		t.PushNumber(math.Log10(x))
	default:
		t.PushNumber(math.Log2(x) / math.Log2(base))
	}
	return 1
}

func mathModf(t *Thread) int {
	x := t.CheckNumber(1)
	whole, part := math.Trunc(x), 0.0
	if !math.IsInf(x, 0) {
		part = x - whole
	}
	t.PushNumber(whole)
	t.PushNumber(math.Copysign(part, x))
	return 2
}

func mathPick(t *Thread, better func(a, b float64) bool) int {
	best := t.CheckNumber(1)
	for i := 2; i <= t.NArg(); i++ {
		if x := t.CheckNumber(i); better(x, best) {
			best = x
		}
	}
	t.PushNumber(best)
	return 1
}

// mathRandom does not check its interval: LuaJIT does not.
func mathRandom(t *Thread, f float64) int {
	switch t.NArg() {
	case 0:
		t.PushNumber(f)
	case 1:
		t.PushNumber(math.Floor(f*t.CheckNumber(1)) + 1)
	default:
		lo, hi := t.CheckNumber(1), t.CheckNumber(2)
		t.PushNumber(math.Floor(f*(hi-lo+1)) + lo)
	}
	return 1
}
