package vm

import (
	"math"
	_ "unsafe" // for linkname

	glua "github.com/yuin/gopher-lua"
)

//go:linkname jumpTable github.com/yuin/gopher-lua.jumpTable
var jumpTable [glua.OP_NOP + 1]instruction

var _ = prepare()

// prepare sets gopher-lua's process-wide switches, once, and replaces the instructions that no
// option can set right.
func prepare() bool {
	glua.CompatVarArg = false    // no arg table per vararg call: 1330 ns and 8 allocations less for each chunk
	glua.MaxArrayIndex = 1 << 22 // t[1e7] = 1 must not allocate 10^7 slots
	jumpTable[glua.OP_CONCAT] = concat
	jumpTable[glua.OP_CALL] = call(jumpTable[glua.OP_CALL])
	jumpTable[glua.OP_FORPREP] = forPrep(jumpTable[glua.OP_FORPREP])
	jumpTable[glua.OP_MOD] = mod(jumpTable[glua.OP_MOD])
	return true
}

type instruction = func(*glua.LState, uint32, *frame) int

// call makes room for the frame first.
func call(plain instruction) instruction {
	return func(l *glua.LState, inst uint32, base *frame) int {
		growFrames(l)
		return plain(l, inst, base)
	}
}

// forPrep lets the bounds of a numeric for be strings that spell numbers.
func forPrep(plain instruction) instruction {
	return func(l *glua.LState, inst uint32, base *frame) int {
		_, a, _, _ := decode(inst)
		bounds := regs(l).array[currentFrame(l).LocalBase+a:][:3]
		for i, v := range bounds {
			if s, ok := v.(glua.LString); ok {
				if f, ok := parseNumber(string(s)); ok {
					bounds[i] = glua.LNumber(f)
				}
			}
		}
		return plain(l, inst, base)
	}
}

// mod is a % b for an infinite b: a - floor(a/b)*b, as LuaJIT computes it.
func mod(plain instruction) instruction {
	return func(l *glua.LState, inst uint32, base *frame) int {
		_, a, b, c := decode(inst)
		f := currentFrame(l)
		t := owner(l)
		if y, ok := t.register(f, c).v.(glua.LNumber); ok && math.IsInf(float64(y), 0) {
			if x, ok := t.register(f, b).v.(glua.LNumber); ok {
				r := float64(x) - math.Floor(float64(x)/float64(y))*float64(y)
				regs(l).array[f.LocalBase+a] = glua.LNumber(r)
				return 0
			}
		}
		return plain(l, inst, base)
	}
}

// decode splits an instruction.
func decode(inst uint32) (op, a, b, c int) {
	return int(inst >> 26), int(inst>>18) & 0xff, int(inst & 0x1ff), int(inst>>9) & 0x1ff
}

const bitRK = 1 << 8

// concat is OP_CONCAT with LuaJIT's spelling of numbers, wording of errors and a limit on the
// length.
func concat(l *glua.LState, inst uint32, _ *frame) int {
	_, a, b, c := decode(inst)
	base := currentFrame(l).LocalBase
	r := regs(l)
	first, last := base+b, base+c
	right := r.array[last]
	for i := last - 1; i >= first; {
		left := r.array[i]
		if !glua.LVCanConvToString(left) || !glua.LVCanConvToString(right) {
			right = concatMeta(l, left, right, i-base)
			r = regs(l)
			i--
			continue
		}
		from := i
		for from > first && glua.LVCanConvToString(r.array[from-1]) {
			from--
		}
		right = concatRun(owner(l), r.array[from:i+1], right)
		i = from - 1
	}
	r.array[base+a] = right
	if base+a >= r.top {
		r.top = base + a + 1
	}
	return 0
}

func concatRun(t *Thread, left []glua.LValue, right glua.LValue) glua.LValue {
	var scratch [128]byte
	buf := scratch[:0]
	if len(left) == 1 {
		if a, ok := left[0].(glua.LString); ok {
			if b, ok := right.(glua.LString); ok {
				t.checkLength(len(a) + len(b))
				return a + b
			}
		}
	}
	n := 24
	for _, v := range left {
		if s, ok := v.(glua.LString); ok {
			n += len(s)
		} else {
			n += 24
		}
	}
	if s, ok := right.(glua.LString); ok {
		n += len(s)
	}
	t.checkLength(n)
	if n > len(scratch) {
		buf = make([]byte, 0, n)
	}
	for _, v := range left {
		buf = appendConcat(buf, v)
	}
	return glua.LString(appendConcat(buf, right))
}

func appendConcat(buf []byte, v glua.LValue) []byte {
	if s, ok := v.(glua.LString); ok {
		return append(buf, s...)
	}
	return appendNumber(buf, float64(v.(glua.LNumber)))
}

// checkLength raises when a script is about to make a string of n bytes that is too long.
func (t *Thread) checkLength(n int) {
	if n > t.vm.maxString {
		t.Raise(String("not enough memory"))
	}
}

func concatMeta(l *glua.LState, left, right glua.LValue, reg int) glua.LValue {
	t := owner(l)
	op := t.metafield(Value{left}, "__concat")
	if op.IsNil() {
		op = t.metafield(Value{right}, "__concat")
	}
	if op.IsNil() {
		bad := left
		if glua.LVCanConvToString(left) {
			bad, reg = right, reg+1
		}
		t.operandError("concatenate", Value{bad}, reg)
	}
	if r := t.CallRaw(op, Value{left}, Value{right}); len(r) > 0 {
		return r[0].lv()
	}
	return glua.LNil
}
