package ffi

import (
	"encoding/binary"
	"math"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// maxSize bounds one allocation in bytes.
const maxSize = 256 << 20

// memory is a piece of memory that C types lay over. Pointers in it keep what
// they point to beside the bytes.
type memory struct {
	bytes []byte
	refs  map[int]place // by offset
	addr  uint64        // of the first byte, as scripts see it
}

// place is a byte of a memory; the zero place is NULL.
type place struct {
	mem *memory
	off int
}

// cdata is a value of a C type: memory of its own, a part of another's, or for
// a pointer where it points.
type cdata struct {
	t  *ctype
	at place
	// fn is a C function; gc is called when the cdata has become garbage.
	fn func(t *vm.Thread) int
	gc vm.Value
}

// LuaType is what type() says.
func (*cdata) LuaType() string { return "cdata" }

// Held is the size of what it lies in, for limits on memory.
func (c *cdata) Held() (what any, n int) {
	if c.at.mem == nil {
		return nil, 0
	}
	return c.at.mem, len(c.at.mem.bytes)
}

// ctypeValue is a C type as a value of Lua's.
type ctypeValue struct{ t *ctype }

// LuaType is what type() says.
func (*ctypeValue) LuaType() string { return "cdata" }

func (l *library) allocate(n int) *memory {
	m := &memory{bytes: make([]byte, n), addr: l.nextAddr}
	l.nextAddr += uint64(aligned(n, 16) + 16)
	return m
}

// refer notes what the pointer at an offset points to.
func (m *memory) refer(off int, to place) {
	if m.refs == nil {
		m.refs = map[int]place{}
	}
	m.refs[off] = to
}

// address is the number of a place.
func (p place) address() uint64 {
	if p.mem == nil {
		return uint64(p.off)
	}
	return p.mem.addr + uint64(p.off)
}

// span returns n bytes at a place; it raises an error when they are not there.
func (p place) span(t *vm.Thread, n int) []byte {
	if p.mem == nil {
		t.Errorf("attempt to use a NULL pointer")
	}
	if p.off < 0 || n < 0 || n > len(p.mem.bytes)-p.off {
		t.Errorf("attempt to access memory out of bounds")
	}
	return p.mem.bytes[p.off : p.off+n]
}

// load reads a value of a type.
func (l *library) load(t *vm.Thread, ct *ctype, at place) vm.Value {
	switch ct.kind {
	case boolean:
		return vm.Bool(at.span(t, 1)[0] != 0)
	case integer:
		return vm.Number(readInteger(at.span(t, ct.size), ct.unsigned))
	case float:
		b := at.span(t, ct.size)
		if ct.size == 4 {
			return vm.Number(float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		}
		return vm.Number(math.Float64frombits(binary.LittleEndian.Uint64(b)))
	case pointer:
		at.span(t, wordSize)
		to, ok := at.mem.refs[at.off]
		if !ok {
			return vm.Nil
		}
		return l.value(&cdata{t: ct, at: to})
	}
	at.span(t, 0)
	return l.value(&cdata{t: ct, at: at})
}

func readInteger(b []byte, unsigned bool) float64 {
	var n uint64
	for i, c := range b {
		n |= uint64(c) << (8 * i)
	}
	if unsigned {
		return float64(n)
	}
	shift := 64 - 8*len(b)
	return float64(int64(n) << shift >> shift)
}

// store writes a value of Lua's as a value of a type.
func (l *library) store(t *vm.Thread, ct *ctype, at place, v vm.Value) {
	switch ct.kind {
	case boolean, integer, float:
		l.storeNumber(t, ct, at, l.number(t, v, ct))
		return
	case pointer:
		b := at.span(t, wordSize)
		to, ok := l.pointerOf(t, v)
		if !ok {
			l.cannot(t, v, ct)
		}
		delete(at.mem.refs, at.off)
		if to.mem != nil {
			at.mem.refer(at.off, to)
		}
		binary.LittleEndian.PutUint64(b, to.address())
		return
	}
	l.initialize(t, ct, at, v)
}

func (l *library) storeNumber(t *vm.Thread, ct *ctype, at place, f float64) {
	b := at.span(t, ct.size)
	var n uint64
	switch {
	case ct.kind == boolean:
		if f != 0 {
			n = 1
		}
	case ct.kind == float && ct.size == 4:
		n = uint64(math.Float32bits(float32(f)))
	case ct.kind == float:
		n = math.Float64bits(f)
	default:
		n = toInteger(f)
	}
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
}

// toInteger truncates as C does, negative numbers and those above 2^63 too.
func toInteger(f float64) uint64 {
	switch {
	case f != f:
		return 0
	case f >= 1<<63:
		if f >= 1<<64 {
			return math.MaxUint64
		}
		return uint64(f)
	}
	return uint64(int64(max(f, -1<<63)))
}

// number is a value as a number for a type.
func (l *library) number(t *vm.Thread, v vm.Value, ct *ctype) float64 {
	switch v.Kind() {
	case vm.KNumber:
		return v.Num()
	case vm.KBool:
		if v.Bool() {
			return 1
		}
		return 0
	case vm.KString:
		if n, ok := l.constants[v.Str()]; ok && ct.unsigned { // an enumeration's word
			return float64(n)
		}
	case vm.KNil:
		if ct.kind == boolean {
			return 0
		}
	case vm.KUserdata:
		if c, ok := v.Userdata().Value.(*cdata); ok && (c.t.kind == pointer || c.t.kind == array) {
			return float64(c.at.address())
		}
	}
	l.cannot(t, v, ct)
	return 0
}

// cannot raises the error of a value that does not fit a type.
func (l *library) cannot(t *vm.Thread, v vm.Value, ct *ctype) {
	from := v.Kind().String()
	if u := v.Userdata(); u != nil {
		if c, ok := u.Value.(*cdata); ok {
			from = c.t.String()
		}
	}
	t.Errorf("cannot convert '%s' to '%s'", from, ct)
}

// pointerOf is where a value points: cdata, strings and nil do.
func (l *library) pointerOf(t *vm.Thread, v vm.Value) (to place, ok bool) {
	switch v.Kind() {
	case vm.KNil:
		return place{}, true
	case vm.KString:
		t.Reserve(len(v.Str()) + 1)
		m := l.allocate(len(v.Str()) + 1)
		copy(m.bytes, v.Str())
		return place{mem: m}, true
	case vm.KNumber:
		return place{off: int(v.Num())}, true
	case vm.KUserdata:
		if c, is := v.Userdata().Value.(*cdata); is {
			return c.at, c.t.kind == pointer || c.t.kind == array || c.t.kind == record
		}
	case vm.KLight:
		if vm.RawEqual(v, l.null) {
			return place{}, true
		}
	}
	return place{}, false
}

// initialize fills an array or record from a table, a string or its like.
func (l *library) initialize(t *vm.Thread, ct *ctype, at place, v vm.Value) {
	n := ct.size
	if ct.kind == array && ct.count < 0 {
		n = len(at.mem.bytes) - at.off
	}
	if u := v.Userdata(); u != nil {
		if c, ok := u.Value.(*cdata); ok && (sameType(c.t, ct) || c.t.kind == pointer && sameType(c.t.elem, ct)) {
			copy(at.span(t, n), c.at.span(t, n))
			for off, to := range c.at.mem.refs {
				if off >= c.at.off && off < c.at.off+n {
					at.mem.refer(at.off+off-c.at.off, to)
				}
			}
			return
		}
	}
	switch {
	case v.Kind() == vm.KString && ct.kind == array && ct.elem.size == 1:
		b := at.span(t, n)
		clear(b[copy(b, v.Str()):])
	case v.Table() != nil && ct.kind == array:
		l.fillArray(t, ct, at, n, v.Table())
	case v.Table() != nil && ct.kind == record:
		l.fillRecord(t, ct, at, v.Table())
	default:
		l.cannot(t, v, ct)
	}
}

func (l *library) fillArray(t *vm.Thread, ct *ctype, at place, n int, list *vm.Table) {
	from := 1
	if !list.GetInt(0).IsNil() {
		from = 0
	}
	for i := 0; (i+1)*ct.elem.size <= n; i++ {
		v := list.GetInt(from + i)
		if v.IsNil() {
			return
		}
		l.store(t, ct.elem, place{at.mem, at.off + i*ct.elem.size}, v)
	}
}

func (l *library) fillRecord(t *vm.Thread, ct *ctype, at place, list *vm.Table) {
	for i, f := range ct.fields {
		v := list.GetInt(i + 1)
		if v.IsNil() && f.name != "" {
			v = list.GetStr(f.name)
		}
		if f.name == "" && v.IsNil() {
			l.fillRecord(t, f.t, place{at.mem, at.off + f.off}, list)
			continue
		}
		if !v.IsNil() {
			l.store(t, f.t, place{at.mem, at.off + f.off}, v)
		}
		if ct.union && i == 0 && !list.GetInt(1).IsNil() {
			return
		}
	}
}
