package cjson

import (
	"math"
	"strconv"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// maxKeptBuffer is how large a buffer is kept between calls, in bytes.
const maxKeptBuffer = 1 << 20

func (c *codec) encode(t *vm.Thread) int {
	oneArg(t)
	e := encoder{codec: c, t: t, out: c.encoded[:0]}
	c.encoded = nil // a metamethod may encode too
	e.value(t.Arg(1), 0)
	t.PushBytes(e.out)
	if c.keepBuffer == 1 && cap(e.out) <= maxKeptBuffer {
		c.encoded = e.out
	}
	return 1
}

// encoder writes one value.
type encoder struct {
	*codec
	t   *vm.Thread
	out []byte
}

func (e *encoder) refuse(v vm.Value, why string) {
	e.t.Errorf("Cannot serialise %s: %s", v.Kind(), why)
}

// value appends v and tells whether there is anything of it: a type without
// JSON is left out if the codec says so, an error otherwise.
func (e *encoder) value(v vm.Value, depth int) bool {
	switch v.Kind() {
	case vm.KString:
		e.out = e.appendString(e.out, v.Str())
	case vm.KNumber:
		e.number(v)
	case vm.KBool:
		e.out = strconv.AppendBool(e.out, v.Bool())
	case vm.KNil:
		e.out = append(e.out, "null"...)
	case vm.KTable:
		e.table(v.Table(), depth+1)
	default:
		switch {
		case vm.RawEqual(v, e.null):
			e.out = append(e.out, "null"...)
		case vm.RawEqual(v, e.empty):
			e.out = append(e.out, "[]"...)
		case e.skipUnsupported == 1:
			return false
		default:
			e.refuse(v, "type not supported")
		}
	}
	return true
}

func (e *encoder) number(v vm.Value) {
	f := v.Num()
	if math.IsNaN(f) || math.IsInf(f, 0) {
		switch {
		case e.encodeInvalid == 0:
			e.refuse(v, "must not be NaN or Infinity")
		case e.encodeInvalid == 2:
			e.out = append(e.out, "null"...)
		case math.IsNaN(f):
			e.out = append(e.out, "NaN"...)
		case f < 0:
			e.out = append(e.out, "-Infinity"...)
		default:
			e.out = append(e.out, "Infinity"...)
		}
		return
	}
	e.out = appendNumber(e.out, f, e.precision)
}

// appendNumber is C's %.<precision>g.
func appendNumber(b []byte, f float64, precision int) []byte {
	if i := int64(f); float64(i) == f && math.Abs(f) < 1e14 && precision >= 14 && (i != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(b, i, 10)
	}
	return strconv.AppendFloat(b, f, 'g', precision, 64)
}

func (e *encoder) table(t *vm.Table, depth int) {
	if depth > min(e.encodeDepth, maxNesting) {
		e.t.Errorf("Cannot serialise, excessive nesting (%d)", depth)
	}
	mt := t.Metatable()
	if mt == e.arrayMT && mt != nil {
		e.array(t, t.Len(), depth, true)
		return
	}
	if mt != nil {
		if length := mt.GetStr("__len"); !length.IsNil() {
			n := 0.0
			if r := e.t.CallRaw(length, t.Value()); len(r) > 0 {
				n, _ = r[0].ToNumber()
			}
			e.array(t, int(min(n, math.MaxInt32)), depth, false)
			return
		}
	}
	n := e.arrayLen(t)
	switch {
	case n > 0 || n == 0 && e.emptyAsObject == 0:
		e.array(t, n, depth, mt == nil)
	case mt == e.emptyArrayMT && mt != nil:
		e.array(t, t.Len(), depth, true)
	default:
		e.object(t, depth)
	}
}

// arrayLen is how long the array is that a table stands for, -1 if it is none.
func (e *encoder) arrayLen(t *vm.Table) int {
	longest, items := 0.0, 0
	for k, _, ok := t.Next(vm.Nil); ok; k, _, ok = t.Next(k) {
		f := k.Num()
		if k.Kind() != vm.KNumber || f < 1 || f != math.Floor(f) {
			return -1
		}
		longest = max(longest, f)
		items++
	}
	if e.sparseRatio > 0 && longest > float64(items)*float64(e.sparseRatio) && longest > float64(e.sparseSafe) {
		if e.sparseConvert == 0 {
			e.refuse(t.Value(), "excessively sparse array")
		}
		return -1
	}
	return int(min(longest, math.MaxInt32))
}

// array appends the items 1 to n, read without metamethods if raw.
func (e *encoder) array(t *vm.Table, n, depth int, raw bool) {
	e.out = append(e.out, '[')
	some := false
	for i := 1; i <= n; i++ {
		before := len(e.out)
		if some {
			e.out = append(e.out, ',')
		}
		e.newline(depth)
		var v vm.Value
		if raw {
			v = t.GetInt(i)
		} else {
			v = e.t.Index(t.Value(), vm.Int(i))
		}
		if e.value(v, depth) {
			some = true
		} else {
			e.out = e.out[:before]
		}
	}
	if some {
		e.newline(depth - 1)
	}
	e.out = append(e.out, ']')
}

func (e *encoder) object(t *vm.Table, depth int) {
	e.out = append(e.out, '{')
	some := false
	for k, v, ok := t.Next(vm.Nil); ok; k, v, ok = t.Next(k) {
		before := len(e.out)
		if some {
			e.out = append(e.out, ',')
		}
		e.newline(depth)
		switch k.Kind() {
		case vm.KString:
			e.out = e.appendString(e.out, k.Str())
		case vm.KNumber:
			e.out = append(e.out, '"')
			e.number(k)
			e.out = append(e.out, '"')
		default:
			e.refuse(k, "table key must be a number or string")
		}
		e.out = append(e.out, ':')
		if e.indent != "" {
			e.out = append(e.out, ' ')
		}
		if e.value(v, depth) {
			some = true
		} else {
			e.out = e.out[:before]
		}
	}
	if some {
		e.newline(depth - 1)
	}
	e.out = append(e.out, '}')
}

func (e *encoder) newline(depth int) {
	if e.indent == "" {
		return
	}
	e.out = append(e.out, '\n')
	for range depth {
		e.out = append(e.out, e.indent...)
	}
}

// appendString quotes s. Bytes above 127 stay as they are, UTF-8 or not.
func (c *codec) appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		k := s[i]
		if k >= ' ' && k != '"' && k != '\\' && k != 127 && (k != '/' || c.escapeSlash == 0) {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		switch k {
		case '"', '\\', '/':
			b = append(b, '\\', k)
		case '\b':
			b = append(b, `\b`...)
		case '\t':
			b = append(b, `\t`...)
		case '\n':
			b = append(b, `\n`...)
		case '\f':
			b = append(b, `\f`...)
		case '\r':
			b = append(b, `\r`...)
		default:
			const digits = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', digits[k>>4], digits[k&15])
		}
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
