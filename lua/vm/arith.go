package vm

import "math"

// Arithmetic on strings that spell numbers. gopher-lua's own conversion takes "010" for 8 and "1_0"
// for 10, so strings get metamethods for it.

var stringArithmetic = map[string]func(a, b float64) float64{
	"__add": func(a, b float64) float64 { return a + b },
	"__sub": func(a, b float64) float64 { return a - b },
	"__mul": func(a, b float64) float64 { return a * b },
	"__div": func(a, b float64) float64 { return a / b },
	"__mod": func(a, b float64) float64 { return a - math.Floor(a/b)*b },
	"__pow": math.Pow,
	"__unm": func(a, _ float64) float64 { return -a },
}

func (m *VM) openArithmetic(mt *Table) {
	for event, compute := range stringArithmetic {
		mt.SetStr(event, m.NewFunc(event, func(t *Thread) int {
			a, b := t.Arg(1), t.Arg(2)
			if event == "__unm" {
				b = a
			}
			x, okX := a.ToNumber()
			y, okY := b.ToNumber()
			if okX && okY {
				t.PushNumber(compute(x, y))
				return 1
			}
			return t.operate(event, a, b)
		}))
	}
}

// operate uses the metamethod of the operand that is no string, or fails as the instruction that is
// being run would.
func (t *Thread) operate(event string, a, b Value) int {
	for _, v := range []Value{a, b} {
		if v.Kind() == KString {
			continue
		}
		if mt := t.metafield(v, event); !mt.IsNil() {
			r := append(t.CallRaw(mt, a, b), Nil)
			t.Push(r[0])
			return 1
		}
	}
	f := currentFrame(t.l)
	unwindTo(t.l, f.Parent, f.Base)
	if f.Parent == nil || f.Parent.Fn.IsG {
		t.hostFault("attempt to perform arithmetic on a " + a.Kind().String() + " value")
	}
	t.fault(f.Parent, "__unm undefined")
	return 0
}
