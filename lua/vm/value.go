package vm

import (
	"math"
	"unsafe"
)

// Value is one Lua value. n alone says what it is. A number f has n = Float64bits(-f): negated numbers can be added and
// compared as they lie in memory, and what is left for tags, n up to maxTag, are minus zero, which has a tag, and the
// fifteen smallest negative denormals, which are taken for zero. Below, n is a tag and p the object. When n says number,
// nil or boolean p is stale: it may be any pointer that was valid once, so that such values are written with one store
// and no barrier. The zero Value is nil. Values are not comparable with ==; see RawEqual.
type Value struct {
	p unsafe.Pointer
	n uint64
}

const (
	tNil = iota
	tFalse
	tTrue
	tStr
	tTable
	tLua
	tNative
	tThread
	tUser
	tLight
	tBox   // an upvalue cell in a closure; never in a register
	tIterN // the hidden generator of a loop over next
	tIterI // the hidden generator of a loop over ipairs
	tMinus // the number minus zero
)

const (
	maxTag = 15
	zero   = 1 << 63 // n of the number zero
)

// Kind is the type of a value as Lua names it; light userdata has a kind of its own.
type Kind uint8

const (
	KNil Kind = iota
	KBool
	KLight
	KNumber
	KString
	KTable
	KFunction
	KUserdata
	KThread
)

var kindNames = [...]string{"nil", "boolean", "userdata", "number", "string", "table", "function", "userdata", "thread"}

// String gives Lua's name of the type.
func (k Kind) String() string { return kindNames[k] }

var tagKinds = [16]Kind{tNil: KNil, tFalse: KBool, tTrue: KBool, tStr: KString, tTable: KTable, tLua: KFunction, tNative: KFunction,
	tThread: KThread, tUser: KUserdata, tLight: KLight, tIterN: KFunction, tIterI: KFunction, tMinus: KNumber}

// Nil is Lua's nil.
var Nil Value

// light is a light userdata: compared by p, or by identity when it has a name.
type light struct {
	p    any
	name string
}

// Number makes a number. Every NaN becomes the one that Lua itself makes.
func Number(f float64) Value {
	if f != f {
		return Value{n: 0x7FF8000000000000}
	}
	if n := math.Float64bits(-f); n > maxTag {
		return Value{n: n}
	} else if n != 0 {
		return Value{n: zero}
	}
	return Value{n: tMinus}
}

// Int makes a number out of an int.
func Int(i int) Value { return Value{n: math.Float64bits(-float64(i))} }

// Bool makes a boolean.
func Bool(b bool) Value {
	if b {
		return Value{n: tTrue}
	}
	return Value{n: tFalse}
}

// String makes a string; the bytes are copied.
func String(s string) Value { return strValue(newStr(s)) }

// Bytes makes a string out of a copy of b.
func Bytes(b []byte) Value { return strValue(newStrBytes(b)) }

// Light makes a light userdata; two with the same p are equal.
func Light(p any) Value { return Value{unsafe.Pointer(&light{p: p}), tLight} }

// NamedLight makes a light userdata that equals only itself and whose tostring is name.
func NamedLight(name string) Value { return Value{unsafe.Pointer(&light{name: name}), tLight} }

// Token makes a light userdata that equals only itself, whose tostring is name and whose LightValue is p. It belongs to
// no VM.
func Token(name string, p any) Value { return Value{unsafe.Pointer(&light{p: p, name: name}), tLight} }

// Settle makes a string, number, boolean or light userdata fit to be used by several VMs at once.
func (v Value) Settle() Value {
	if v.n == tStr {
		v.str().h() // not written to any more
	}
	return v
}

func strValue(s *str) Value       { return Value{unsafe.Pointer(s), tStr} }
func tableValue(t *Table) Value   { return Value{unsafe.Pointer(t), tTable} }
func (v *Value) isNum() bool      { return v.n > maxTag || v.n == tMinus }
func (v *Value) setInt(i int)     { v.n = math.Float64bits(-float64(i)) }
func (v *Value) str() *str        { return (*str)(v.p) }
func (v *Value) table() *Table    { return (*Table)(v.p) }
func (v *Value) lua() *closure    { return (*closure)(v.p) }
func (v *Value) native() *native  { return (*native)(v.p) }
func (v *Value) isFunc() bool     { return v.n == tLua || v.n == tNative }
func (v *Value) typeName() string { return v.Kind().String() }

// f is the number of a value that isNum.
func (v *Value) f() float64 {
	if v.n == tMinus {
		return math.Copysign(0, -1)
	}
	return -math.Float64frombits(v.n)
}

// neg is the negated number as it lies in memory, of a value with n > maxTag.
func (v *Value) neg() float64 { return *(*float64)(unsafe.Pointer(&v.n)) }

// setSum writes a negated number as it is; what cancels out is zero, never minus zero.
func (v *Value) setSum(neg float64) {
	*(*float64)(unsafe.Pointer(&v.n)) = neg
	if v.n <= maxTag {
		v.n = zero
	}
}

// setProduct writes a negated number as it is; it may be minus zero.
func (v *Value) setProduct(neg float64) {
	*(*float64)(unsafe.Pointer(&v.n)) = neg
	if v.n <= maxTag {
		v.n = tMinus
	}
}

// set writes a register: a number goes in with one store.
func (v *Value) set(s *Value) {
	if s.n > maxTag {
		v.n = s.n
	} else {
		*v = *s
	}
}

// store writes a slot of the heap (table, upvalue), where a stale pointer would keep garbage alive.
func (v *Value) store(s *Value) {
	if s.n-tStr <= maxTag-tStr {
		*v = *s
		return
	}
	v.n = s.n
	if v.p != nil {
		v.p = nil
	}
}

// Kind tells the type.
func (v Value) Kind() Kind {
	if v.n > maxTag {
		return KNumber
	}
	return tagKinds[v.n]
}

// IsNil tells whether v is nil.
func (v Value) IsNil() bool { return v.n == tNil }

// Truth is false for nil and false, true for all else.
func (v Value) Truth() bool { return v.n > tFalse }

// Bool is v == true.
func (v Value) Bool() bool { return v.n == tTrue }

// Num is the number, 0 for other kinds.
func (v Value) Num() float64 {
	if v.isNum() {
		return v.f()
	}
	return 0
}

// Str is the string, "" for other kinds. It shares the bytes of the value, which never change.
func (v Value) Str() string {
	if v.n == tStr {
		return v.str().s()
	}
	return ""
}

// Table is the table, nil for other kinds.
func (v Value) Table() *Table {
	if v.n == tTable {
		return v.table()
	}
	return nil
}

// Func is the function, nil for other kinds.
func (v Value) Func() *Function {
	if v.n == tLua || v.n == tNative {
		return (*Function)(v.p)
	}
	return nil
}

// Userdata is the full userdata, nil for other kinds.
func (v Value) Userdata() *Userdata {
	if v.n == tUser {
		return (*Userdata)(v.p)
	}
	return nil
}

// Thread is the coroutine, nil for other kinds.
func (v Value) Thread() *Thread {
	if v.n == tThread {
		return (*Thread)(v.p)
	}
	return nil
}

// LightValue is what Light was given, nil for other kinds.
func (v Value) LightValue() any {
	if v.n == tLight {
		return (*light)(v.p).p
	}
	return nil
}

// ToNumber converts as arithmetic does: numbers and strings that are numerals.
func (v Value) ToNumber() (float64, bool) { return toNum(&v) }

// ToString converts as concatenation does: strings and numbers.
func (v Value) ToString() (string, bool) {
	if v.n == tStr {
		return v.str().s(), true
	}
	if v.isNum() {
		var b [32]byte
		return string(appendNum(b[:0], v.f())), true
	}
	return "", false
}

func toNum(v *Value) (float64, bool) {
	if v.isNum() {
		return v.f(), true
	}
	if v.n == tStr {
		return parseNumber(v.str().s())
	}
	return 0, false
}

// RawEqual compares without metamethods.
func RawEqual(a, b Value) bool { return rawEq(&a, &b) }

func rawEq(a, b *Value) bool {
	if a.isNum() || b.isNum() {
		return a.isNum() && b.isNum() && a.f() == b.f()
	}
	if a.n != b.n {
		return false
	}
	if a.n <= tTrue || a.p == b.p {
		return true
	}
	switch a.n {
	case tStr:
		return a.str().eq(b.str())
	case tLight:
		x, y := (*light)(a.p), (*light)(b.p)
		return x.name == "" && y.name == "" && x.p != nil && x.p == y.p
	}
	return false
}

// Userdata is a full userdata: a Go value with a metatable. Value may be changed at any time.
type Userdata struct {
	Value any
	meta  *Table
	env   *Table
	due   bool // see VM.Finalize
}

// Metatable gives the metatable, or nil.
func (u *Userdata) Metatable() *Table { return u.meta }

// SetMetatable sets the metatable; nil removes it.
func (u *Userdata) SetMetatable(t *Table) { u.meta = t }

// Val gives the userdata as a Value.
func (u *Userdata) Val() Value { return Value{unsafe.Pointer(u), tUser} }
