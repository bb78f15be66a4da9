package vm

import "testing"

// TestVerify breaks code in every way that verify knows.
func TestVerify(t *testing.T) {
	const src = "local a, t, n = 1, {}, 0 for i = 1, 3 do t.x = a + 1 end for k in pairs(t) do a = k end return function() n = n + 1 return a, n end"
	good, err := compileString(src, "=t")
	if err != nil {
		t.Fatal(err)
	}
	if err := good.verify(); err != nil {
		t.Fatal(err)
	}
	inner := good.protos[0]
	if err := inner.verify(); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*Proto{good, inner} {
		for pc := range p.codeS {
			op := p.codeS[pc].op
			for i, kind := range operands[op] {
				if kind == ' ' {
					continue
				}
				bad := *p
				bad.setCode(p.codeS)
				in := &bad.codeS[pc]
				*[]*uint16{&in.a, &in.b, &in.c}[i] = 0x7FF0
				if bad.verify() == nil {
					t.Errorf("instruction %d of kind %d: operand %c is not verified", pc, op, 'a'+i)
				}
			}
		}
	}
	short := *good
	short.codeS = short.codeS[:len(short.codeS)-1]
	if op := short.codeS[len(short.codeS)-1].op; (op < opTAILCALL || op > opRETURN1) && short.verify() == nil {
		t.Error("code may end without a return")
	}
	odd := *good
	odd.setCode(good.codeS)
	odd.codeS[0].op = opMax
	if odd.verify() == nil {
		t.Error("an unknown instruction is not found")
	}
}
