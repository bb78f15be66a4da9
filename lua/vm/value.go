package vm

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unsafe"

	glua "github.com/yuin/gopher-lua"
)

// Value is any Lua value. The zero Value is nil. Values are compared with RawEqual, never with ==.
type Value struct{ v glua.LValue }

// Kind is the type of a Value.
type Kind uint8

// The kinds of values. KLight is light userdata: a bare identity.
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

// String returns Lua's name of the type.
func (k Kind) String() string { return kindNames[k] }

// Nil is Lua's nil.
var Nil Value

func Bool(b bool) Value      { return Value{glua.LBool(b)} }
func Number(f float64) Value { return Value{glua.LNumber(f)} }
func Int(i int) Value        { return Value{glua.LNumber(i)} }
func String(s string) Value  { return Value{glua.LString(s)} }

// Bytes copies b.
func Bytes(b []byte) Value { return Value{glua.LString(b)} }

// Light is a light userdata: two of the same p are equal. p must be comparable.
func Light(p any) Value {
	if p == p { // panics here rather than in a table when p has no ==
		return Value{light{p}}
	}
	return Value{light{nil}}
}

// NamedLight makes a new light userdata, equal only to itself, that prints as name.
func NamedLight(name string) Value { return Value{&named{name}} }

type light struct{ p any }

func (l light) Type() glua.LValueType { return glua.LTUserData }
func (l light) String() string {
	if p := fmt.Sprintf("%p", l.p); strings.HasPrefix(p, "0x") {
		return "userdata: " + p
	}
	return fmt.Sprintf("userdata: %v", l.p)
}

type named struct{ name string }

func (n *named) Type() glua.LValueType { return glua.LTUserData }
func (n *named) String() string        { return n.name }

// Kind returns the type of v.
func (v Value) Kind() Kind {
	switch v.v.(type) {
	case nil, *glua.LNilType:
		return KNil
	case glua.LBool:
		return KBool
	case glua.LNumber:
		return KNumber
	case glua.LString:
		return KString
	case *glua.LTable:
		return KTable
	case *glua.LFunction:
		return KFunction
	case *glua.LUserData:
		return KUserdata
	case *threadValue:
		return KThread
	}
	return KLight
}

// lv is v for gopher-lua, which wants its own nil.
func (v Value) lv() glua.LValue {
	if v.v == nil {
		return glua.LNil
	}
	return v.v
}

func (v Value) IsNil() bool { return v.v == nil || v.v == glua.LNil }
func (v Value) Truth() bool { return v.v != nil && v.v != glua.LNil && v.v != glua.LFalse }

// Bool, Num, Str, Table, Func, Userdata and Thread convert nothing: they return the zero value for
// another kind.
func (v Value) Bool() bool {
	b, _ := v.v.(glua.LBool)
	return bool(b)
}

func (v Value) Num() float64 {
	n, _ := v.v.(glua.LNumber)
	return float64(n)
}

func (v Value) Str() string {
	s, _ := v.v.(glua.LString)
	return string(s)
}

func (v Value) Table() *Table {
	t, _ := v.v.(*glua.LTable)
	return (*Table)(unsafe.Pointer(t))
}

func (v Value) Func() *Function {
	f, _ := v.v.(*glua.LFunction)
	return (*Function)(unsafe.Pointer(f))
}

func (v Value) Userdata() *Userdata {
	u, _ := v.v.(*glua.LUserData)
	return (*Userdata)(unsafe.Pointer(u))
}

func (v Value) Thread() *Thread {
	t, _ := v.v.(*threadValue)
	return (*Thread)(t)
}

// ToNumber converts as Lua's arithmetic does: numbers, and strings that spell one.
func (v Value) ToNumber() (float64, bool) {
	switch x := v.v.(type) {
	case glua.LNumber:
		return float64(x), true
	case glua.LString:
		return parseNumber(string(x))
	}
	return 0, false
}

// ToString converts strings and numbers ("%.14g").
func (v Value) ToString() (string, bool) {
	switch x := v.v.(type) {
	case glua.LString:
		return string(x), true
	case glua.LNumber:
		return formatNumber(float64(x)), true
	}
	return "", false
}

// RawEqual compares without metamethods.
func RawEqual(a, b Value) bool { return a.lv() == b.lv() }

// formatNumber is "%.14g" as LuaJIT prints it.
func formatNumber(f float64) string {
	var buf [32]byte
	return string(appendNumber(buf[:0], f))
}

func appendNumber(b []byte, f float64) []byte {
	switch {
	case f == math.Trunc(f) && math.Abs(f) < 1e14:
		if f == 0 && math.Signbit(f) {
			return append(b, "-0"...)
		}
		return strconv.AppendInt(b, int64(f), 10)
	case f != f:
		return append(b, "nan"...)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	}
	return strconv.AppendFloat(b, roundUp(f, 'e', 13), 'g', 14, 64)
}

// roundUp makes a number that lies exactly between two decimals with prec digits one that is
// printed as the one further from zero: LuaJIT rounds so, Go and C to even.
func roundUp(f float64, verb byte, prec int) float64 {
	var buf [400]byte
	s := strconv.AppendFloat(buf[:0], f, verb, -1, 64)
	mantissa, _, _ := bytes.Cut(s, []byte("e"))
	point := bytes.IndexByte(mantissa, '.')
	if point < 0 && verb == 'f' || len(mantissa)-point-1 != prec+1 || mantissa[len(mantissa)-1] != '5' {
		return f
	}
	exact := strconv.AppendFloat(nil, f, verb, prec+60, 64)
	mantissa, _, _ = bytes.Cut(exact, []byte("e"))
	if len(bytes.TrimRight(mantissa[bytes.IndexByte(mantissa, '.')+prec+2:], "0")) > 0 {
		return f
	}
	return math.Nextafter(f, math.Copysign(math.Inf(1), f))
}

// parseNumber reads a number as LuaJIT's lexer and tonumber do: decimal, hexadecimal, with
// surrounding space.
func parseNumber(s string) (float64, bool) {
	s = strings.Trim(s, " \t\n\v\f\r")
	digits, neg := s, false
	if digits != "" && (digits[0] == '-' || digits[0] == '+') {
		neg, digits = digits[0] == '-', digits[1:]
	}
	if digits == "" {
		return 0, false
	}
	var f float64
	switch c := digits[0]; {
	case c == '0' && len(digits) > 2 && (digits[1] == 'x' || digits[1] == 'X'):
		var ok bool
		if f, ok = parseHex(digits[2:]); !ok {
			return 0, false
		}
	case c == '0' && len(digits) > 2 && (digits[1] == 'b' || digits[1] == 'B'):
		n, err := strconv.ParseUint(digits[2:], 2, 64)
		if err != nil {
			return 0, false
		}
		f = float64(n)
	case c >= '0' && c <= '9' || c == '.':
		if strings.ContainsAny(digits, "_xXpPiInN") {
			return 0, false
		}
		var err error
		f, err = strconv.ParseFloat(digits, 64)
		if err != nil && !math.IsInf(f, 0) {
			return 0, false
		}
	case strings.EqualFold(digits, "inf") || strings.EqualFold(digits, "infinity"):
		f = math.Inf(1)
	case strings.EqualFold(digits, "nan"):
		f = math.NaN()
	default:
		return 0, false
	}
	if neg {
		f = -f
	}
	return f, true
}

func parseHex(s string) (float64, bool) {
	if strings.ContainsAny(s, ".pP") {
		if !strings.ContainsAny(s, "pP") {
			s += "p0"
		}
		if strings.Contains(s, "_") {
			return 0, false
		}
		f, err := strconv.ParseFloat("0x"+s, 64)
		return f, err == nil
	}
	f := 0.0
	for i := range len(s) {
		d, ok := hexDigit(s[i])
		if !ok {
			return 0, false
		}
		f = f*16 + float64(d)
	}
	return f, s != ""
}

func hexDigit(c byte) (int, bool) {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0'), true
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10, true
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10, true
	}
	return 0, false
}
