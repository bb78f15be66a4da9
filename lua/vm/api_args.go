package vm

import (
	"fmt"
	"math"
)

// NArg is the number of arguments of the function of Go that runs.
func (t *Thread) NArg() int { return t.an }

// Arg gives argument i, from 1; Nil past the end.
func (t *Thread) Arg(i int) Value {
	if uint(i-1) >= uint(t.an) {
		return Value{}
	}
	v := *t.at(t.ab + uintptr(i-1)*16)
	if v.n <= tTrue || v.n > maxTag {
		v.p = nil
	}
	return v
}

// arg gives the slot of an argument that is there.
func (t *Thread) arg(i int) *Value { return t.at(t.ab + uintptr(i-1)*16) }

// SetArg overwrites argument i.
func (t *Thread) SetArg(i int, v Value) {
	if uint(i-1) < uint(t.an) {
		*t.arg(i) = v
	}
}

// Args gives all arguments: to be read, and only until the next push or call.
func (t *Thread) Args() []Value { return t.slice(t.ab, t.an) }

// TypeOf gives the kind of argument i; ok is false when there is none.
func (t *Thread) TypeOf(i int) (k Kind, ok bool) {
	if uint(i-1) >= uint(t.an) {
		return KNil, false
	}
	return t.arg(i).Kind(), true
}

// ArgError raises "bad argument #i to 'name' (msg)"; a method that was called with a wrong self is told from that.
func (t *Thread) ArgError(i int, msg string) {
	name, kind := t.calledName()
	if kind == "method" {
		i--
		if i == 0 {
			t.Errorf("calling '%s' on bad self (%s)", name, msg)
		}
	}
	t.Errorf("bad argument #%d to '%s' (%s)", i, name, msg)
}

// TypeError raises "bad argument #i to 'name' (want expected, got ...)".
func (t *Thread) TypeError(i int, want string) {
	got := "no value"
	if i <= t.an {
		got = t.arg(i).typeName()
	}
	t.ArgError(i, want+" expected, got "+got)
}

// CheckString gives argument i as a string; numbers are converted.
func (t *Thread) CheckString(i int) string {
	if uint(i-1) < uint(t.an) {
		v := t.arg(i)
		if v.n == tStr {
			return v.str().s()
		}
		if v.isNum() {
			return FormatNumber(v.f())
		}
	}
	t.TypeError(i, "string")
	return ""
}

// CheckNumber gives argument i as a number; numerals are converted.
func (t *Thread) CheckNumber(i int) float64 {
	if uint(i-1) < uint(t.an) {
		v := t.arg(i)
		if v.n > maxTag {
			return -v.neg()
		}
		if f, ok := toNum(v); ok {
			return f
		}
	}
	t.TypeError(i, "number")
	return 0
}

// CheckInt gives argument i as an integer, truncated.
func (t *Thread) CheckInt(i int) int { return truncate(t.CheckNumber(i)) }

func truncate(f float64) int {
	switch {
	case f >= 1<<62:
		return math.MaxInt64
	case f <= -1<<62:
		return math.MinInt64
	case f != f:
		return 0
	}
	return int(f)
}

// CheckBool gives argument i, which must be a boolean.
func (t *Thread) CheckBool(i int) bool {
	if uint(i-1) < uint(t.an) {
		if n := t.arg(i).n; n == tTrue || n == tFalse {
			return n == tTrue
		}
	}
	t.TypeError(i, "boolean")
	return false
}

// CheckTable gives argument i, which must be a table.
func (t *Thread) CheckTable(i int) *Table {
	if uint(i-1) < uint(t.an) {
		if v := t.arg(i); v.n == tTable {
			return v.table()
		}
	}
	t.TypeError(i, "table")
	return nil
}

// CheckFunc gives argument i, which must be a function.
func (t *Thread) CheckFunc(i int) Value {
	if uint(i-1) < uint(t.an) {
		if v := t.arg(i); v.isFunc() {
			return *v
		}
	}
	t.TypeError(i, "function")
	return Nil
}

// CheckUserdata gives argument i, which must be a full userdata.
func (t *Thread) CheckUserdata(i int) *Userdata {
	if uint(i-1) < uint(t.an) {
		if v := t.arg(i); v.n == tUser {
			return (*Userdata)(v.p)
		}
	}
	t.TypeError(i, "userdata")
	return nil
}

// CheckAny gives argument i, which must be there.
func (t *Thread) CheckAny(i int) Value {
	if uint(i-1) >= uint(t.an) {
		t.ArgError(i, "value expected")
	}
	return t.Arg(i)
}

// absent tells whether argument i is nil or not there.
func (t *Thread) absent(i int) bool { return uint(i-1) >= uint(t.an) || t.arg(i).n == tNil }

// OptString is CheckString with d for an argument that is nil or not there.
func (t *Thread) OptString(i int, d string) string {
	if t.absent(i) {
		return d
	}
	return t.CheckString(i)
}

// OptNumber is CheckNumber with a default.
func (t *Thread) OptNumber(i int, d float64) float64 {
	if t.absent(i) {
		return d
	}
	return t.CheckNumber(i)
}

// OptInt is CheckInt with a default.
func (t *Thread) OptInt(i int, d int) int {
	if t.absent(i) {
		return d
	}
	return t.CheckInt(i)
}

// OptBool is CheckBool with a default.
func (t *Thread) OptBool(i int, d bool) bool {
	if t.absent(i) {
		return d
	}
	return t.CheckBool(i)
}

// Push adds a value to those that the function returns.
func (t *Thread) Push(v Value) {
	if t.push+16 > t.limit {
		t.growPush()
	}
	*t.at(t.push) = v
	t.push += 16
}

func (t *Thread) growPush() {
	if !t.growStack(t.push + 16) {
		panic(&raised{t.x.err})
	}
}

// PushString pushes a string; the bytes are copied.
func (t *Thread) PushString(s string) {
	t.x.alloc(len(s))
	t.Push(String(s))
}

// PushBytes pushes a string out of a copy of b.
func (t *Thread) PushBytes(b []byte) {
	t.x.alloc(len(b))
	t.Push(Bytes(b))
}

// PushNumber pushes a number.
func (t *Thread) PushNumber(f float64) { t.Push(Number(f)) }

// PushInt pushes an integer.
func (t *Thread) PushInt(i int) { t.Push(Int(i)) }

// PushBool pushes a boolean.
func (t *Thread) PushBool(b bool) { t.Push(Bool(b)) }

// PushNil pushes nil.
func (t *Thread) PushNil() { t.Push(Value{}) }

// PushAll pushes values and gives their number.
func (t *Thread) PushAll(vs []Value) int {
	for i := range vs {
		t.Push(vs[i])
	}
	return len(vs)
}

// PushError pushes nil and a message: "return t.PushError(...)".
func (t *Thread) PushError(format string, a ...any) int {
	t.PushNil()
	t.PushString(fmt.Sprintf(format, a...))
	return 2
}
