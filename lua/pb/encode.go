package pb

import (
	"encoding/binary"
	"math"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// encoder is one call of encode.
type encoder struct {
	*library
	t *vm.Thread
}

// message appends the fields of a table in the order of their numbers.
func (e *encoder) message(b []byte, m *message, from vm.Value, depth int) []byte {
	if depth > maxDepth {
		e.t.Errorf("message too many levels")
	}
	for _, f := range m.sorted {
		v := e.t.Index(from, vm.String(f.name))
		if v.IsNil() {
			continue
		}
		e.t.Spend(1)
		e.t.Reserve(len(b))
		switch {
		case f.of != nil && f.of.pairs:
			b = e.pairs(b, f, e.table(f, v), depth)
		case f.repeated:
			b = e.list(b, m, f, e.table(f, v), depth)
		case f.of != nil && !f.of.known:
		default:
			b = e.tagged(b, f, v, e.omitsZero(m, f), depth)
		}
	}
	return b
}

// omitsZero tells whether a zero need not be written.
func (e *encoder) omitsZero(m *message, f *field) bool {
	return !e.encodeDefaults && m.proto3 && f.oneof == 0 && f.kind != kindMessage
}

func (e *encoder) table(f *field, v vm.Value) *vm.Table {
	t := v.Table()
	if t == nil {
		e.t.ArgError(2, "table expected at field '"+f.name+"', got "+v.Kind().String())
	}
	return t
}

// tagged appends a value behind its number; omit: unless it is zero.
func (e *encoder) tagged(b []byte, f *field, v vm.Value, omit bool, depth int) []byte {
	start := len(b)
	b, zero := e.value(appendTag(b, f.number, kinds[f.kind].wire), f, v, depth)
	if zero && omit {
		return b[:start]
	}
	return b
}

func (e *encoder) pairs(b []byte, f *field, from *vm.Table, depth int) []byte {
	key, value := f.of.byNumber[1], f.of.byNumber[2]
	if key == nil || value == nil {
		return b
	}
	for k, v, ok := from.Next(vm.Nil); ok; k, v, ok = from.Next(k) {
		e.t.Spend(1)
		inner := e.tagged(nil, key, k, true, depth)
		inner = e.tagged(inner, value, v, value.kind != kindMessage, depth)
		b = appendBytes(appendTag(b, f.number, delimited), inner)
	}
	return b
}

func (e *encoder) list(b []byte, m *message, f *field, from *vm.Table, depth int) []byte {
	if !f.packed {
		for i := 1; ; i++ {
			v := from.GetInt(i)
			if v.IsNil() {
				return b
			}
			e.t.Spend(1)
			b = e.tagged(b, f, v, false, depth)
		}
	}
	var inner []byte
	for i := 1; ; i++ {
		v := from.GetInt(i)
		if v.IsNil() {
			break
		}
		e.t.Spend(1)
		inner, _ = e.value(inner, f, v, depth)
	}
	if inner == nil && e.omitsZero(m, f) {
		return b
	}
	return appendBytes(appendTag(b, f.number, delimited), inner)
}

func appendBytes(b, inner []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(inner))), inner...)
}

// value appends a value of the field's kind.
func (e *encoder) value(b []byte, f *field, v vm.Value, depth int) (out []byte, zero bool) {
	switch f.kind {
	case kindMessage:
		e.table(f, v)
		if !f.of.known {
			return appendBytes(b, nil), true
		}
		inner := e.message(nil, f.of, v, depth+1)
		return appendBytes(b, inner), len(inner) == 0
	case kindString, kindBytes:
		s, ok := v.ToString()
		if !ok {
			e.wrong(f, "string", v)
		}
		e.t.Reserve(len(b) + len(s))
		return append(binary.AppendUvarint(b, uint64(len(s))), s...), s == ""
	case kindBool:
		if !v.Truth() {
			return append(b, 0), true
		}
		return append(b, 1), false
	case kindDouble, kindFloat:
		n, ok := v.ToNumber()
		if !ok {
			e.wrong(f, "number/'#number'", v)
		}
		if f.kind == kindFloat {
			return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(n))), n == 0
		}
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(n)), n == 0
	case kindEnum:
		bits := e.enumValue(f, v)
		return binary.AppendUvarint(b, bits), bits == 0
	}
	bits, ok := toInteger(e.t, v)
	if !ok {
		e.wrong(f, "number/'#number'", v)
	}
	switch f.kind {
	case kindInt32:
		return binary.AppendUvarint(b, uint64(int64(int32(bits)))), bits == 0
	case kindUint32:
		return binary.AppendUvarint(b, uint64(uint32(bits))), bits == 0
	case kindSint32:
		return binary.AppendUvarint(b, uint64(uint32(zigzag(int64(int32(bits)))))), bits == 0
	case kindSint64:
		return binary.AppendUvarint(b, zigzag(int64(bits))), bits == 0
	case kindFixed32, kindSfixed32:
		return binary.LittleEndian.AppendUint32(b, uint32(bits)), bits == 0
	case kindFixed64, kindSfixed64:
		return binary.LittleEndian.AppendUint64(b, bits), bits == 0
	}
	return binary.AppendUvarint(b, bits), bits == 0
}

func (e *encoder) enumValue(f *field, v vm.Value) uint64 {
	if v.Kind() != vm.KNumber && v.Kind() != vm.KString {
		e.t.ArgError(2, "number/string expected at enum field '"+f.name+"', got "+v.Kind().String())
	}
	if v.Kind() == vm.KString {
		if g := f.of.byName[v.Str()]; g != nil {
			return uint64(int64(g.number))
		}
	}
	bits, ok := toInteger(e.t, v)
	if !ok {
		e.t.ArgError(2, "can not encode unknown enum '"+v.Str()+"' at field '"+f.name+"'")
	}
	return bits
}

func (e *encoder) wrong(f *field, want string, v vm.Value) {
	e.t.ArgError(2, want+" expected for field '"+f.name+"', got "+v.Kind().String())
}
