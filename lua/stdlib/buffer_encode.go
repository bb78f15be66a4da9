package stdlib

import (
	"encoding/binary"
	"math"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// The tags of LuaJIT's serialization format; what follows a tag is
// little-endian, a length is one byte below 0xe0 or else two or five.
const (
	tagNil      = 0x00
	tagFalse    = 0x01
	tagTrue     = 0x02
	tagNull     = 0x03
	tagInt      = 0x06
	tagNum      = 0x07
	tagTab      = 0x08 // bit 0: with pairs; 0x0a: with an array from 0; 0x0c: from 1
	tagString   = 0x20
	encodeDepth = 100
)

// encode appends a value; it raises an error for one that has no such form.
func (s *state) encode(t *vm.Thread, b []byte, v vm.Value, depth int) []byte {
	if len(b) > vm.MaxString {
		t.RaiseString("not enough memory")
	}
	switch v.Kind() {
	case vm.KNil:
		return append(b, tagNil)
	case vm.KBool:
		if v.Bool() {
			return append(b, tagTrue)
		}
		return append(b, tagFalse)
	case vm.KNumber:
		if f := v.Num(); f == float64(int32(f)) && (f != 0 || !math.Signbit(f)) {
			return binary.LittleEndian.AppendUint32(append(b, tagInt), uint32(int32(f)))
		}
		return binary.LittleEndian.AppendUint64(append(b, tagNum), math.Float64bits(v.Num()))
	case vm.KString:
		b = appendLength(b, tagString+len(v.Str()))
		return append(b, v.Str()...)
	case vm.KTable:
		if depth == encodeDepth {
			t.Errorf("too deep to serialize")
		}
		return s.encodeTable(t, b, v.Table(), depth+1)
	case vm.KLight:
		return append(b, tagNull)
	}
	t.Errorf("cannot serialize %s", v.Kind())
	return nil
}

func (s *state) encodeTable(t *vm.Thread, b []byte, tab *vm.Table, depth int) []byte {
	n, pairs := tab.Len(), 0
	inArray := func(k vm.Value) bool {
		return k.Kind() == vm.KNumber && k.Num() >= 1 && k.Num() <= float64(n) && k.Num() == math.Trunc(k.Num())
	}
	for k, _, ok := tab.Next(vm.Nil); ok; k, _, ok = tab.Next(k) {
		if !inArray(k) {
			pairs++
		}
	}
	tag := byte(tagTab)
	if n > 0 {
		tag |= 4
	}
	if pairs > 0 {
		tag |= 1
	}
	b = append(b, tag)
	if n > 0 {
		b = appendLength(b, n+1)
	}
	if pairs > 0 {
		b = appendLength(b, pairs)
	}
	for i := 1; i <= n; i++ {
		b = s.encode(t, b, tab.GetInt(i), depth)
	}
	for k, v, ok := tab.Next(vm.Nil); ok && pairs > 0; k, v, ok = tab.Next(k) {
		if !inArray(k) {
			b = s.encode(t, s.encode(t, b, k, depth), v, depth)
		}
	}
	return b
}

func appendLength(b []byte, n int) []byte {
	switch {
	case n < 0xe0:
		return append(b, byte(n))
	case n < 0x1fe0:
		n -= 0xe0
		return append(b, 0xe0|byte(n>>8), byte(n))
	}
	return binary.LittleEndian.AppendUint32(append(b, 0xff), uint32(n))
}

// decode reads a value and returns what follows it; it raises an error when
// there is none.
func (s *state) decode(t *vm.Thread, b []byte, depth int) (v vm.Value, rest []byte) {
	if depth > encodeDepth {
		t.Errorf("too deep to deserialize")
	}
	n, b := s.decodeLength(t, b)
	if n >= tagString {
		if n -= tagString; n > len(b) {
			t.Errorf("unexpected end of buffer")
		}
		return vm.Bytes(b[:n]), b[n:]
	}
	switch n {
	case tagNil:
		return vm.Nil, b
	case tagFalse, tagTrue:
		return vm.Bool(n == tagTrue), b
	case tagNull:
		return vm.Light(nil), b
	case tagInt:
		s.need(t, b, 4)
		return vm.Int(int(int32(binary.LittleEndian.Uint32(b)))), b[4:]
	case tagNum:
		s.need(t, b, 8)
		return vm.Number(math.Float64frombits(binary.LittleEndian.Uint64(b))), b[8:]
	}
	if n < tagTab || n > tagTab|5 {
		t.Errorf("bad tag 0x%02x in buffer", n)
	}
	return s.decodeTable(t, b, n&^tagTab, depth)
}

func (s *state) decodeTable(t *vm.Thread, b []byte, form, depth int) (vm.Value, []byte) {
	array, pairs := 0, 0
	if form >= 2 {
		array, b = s.decodeLength(t, b)
	}
	if form&1 != 0 {
		pairs, b = s.decodeLength(t, b)
	}
	if array+pairs > len(b)+1 { // each takes a byte at least
		t.Errorf("unexpected end of buffer")
	}
	tab := t.VM().NewTable(array, pairs)
	first := 0
	if form >= 4 {
		first = 1
	}
	for i := first; i < array; i++ {
		var v vm.Value
		v, b = s.decode(t, b, depth+1)
		tab.SetInt(i, v)
	}
	for range pairs {
		var k, v vm.Value
		k, b = s.decode(t, b, depth+1)
		v, b = s.decode(t, b, depth+1)
		tab.Set(k, v)
	}
	return tab.Value(), b
}

func (s *state) need(t *vm.Thread, b []byte, n int) {
	if len(b) < n {
		t.Errorf("unexpected end of buffer")
	}
}

func (s *state) decodeLength(t *vm.Thread, b []byte) (n int, rest []byte) {
	s.need(t, b, 1)
	switch c := b[0]; {
	case c < 0xe0:
		return int(c), b[1:]
	case c == 0xff:
		s.need(t, b, 5)
		return int(binary.LittleEndian.Uint32(b[1:])), b[5:]
	default:
		s.need(t, b, 2)
		return (int(c)&0x1f)<<8 + int(b[1]) + 0xe0, b[2:]
	}
}
