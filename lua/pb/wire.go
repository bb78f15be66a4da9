package pb

import (
	"encoding/binary"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// wireType is how a value lies in a message.
type wireType uint8

const (
	varint wireType = iota
	fixed64
	delimited
	groupStart
	groupEnd
	fixed32
)

var wireNames = []string{"varint", "64bit", "bytes", "gstart", "gend", "32bit"}

func (w wireType) String() string {
	if int(w) < len(wireNames) {
		return wireNames[w]
	}
	return "<unknown>"
}

// kind is a type of fields by its number in descriptors.
type kind uint8

const (
	kindDouble kind = iota + 1
	kindFloat
	kindInt64
	kindUint64
	kindInt32
	kindFixed64
	kindFixed32
	kindBool
	kindString
	kindGroup
	kindMessage
	kindBytes
	kindUint32
	kindEnum
	kindSfixed32
	kindSfixed64
	kindSint32
	kindSint64
)

// kinds are their names and how they lie.
var kinds = [...]struct {
	name string
	wire wireType
}{
	kindDouble: {"double", fixed64}, kindFloat: {"float", fixed32}, kindInt64: {"int64", varint}, kindUint64: {"uint64", varint},
	kindInt32: {"int32", varint}, kindFixed64: {"fixed64", fixed64}, kindFixed32: {"fixed32", fixed32}, kindBool: {"bool", varint},
	kindString: {"string", delimited}, kindGroup: {"group", groupStart}, kindMessage: {"message", delimited}, kindBytes: {"bytes", delimited},
	kindUint32: {"uint32", varint}, kindEnum: {"enum", varint}, kindSfixed32: {"sfixed32", fixed32}, kindSfixed64: {"sfixed64", fixed64},
	kindSint32: {"sint32", varint}, kindSint64: {"sint64", varint},
}

func (k kind) valid() bool { return k >= kindDouble && int(k) < len(kinds) }

// reader reads a message, b[pos:]. What it cannot read it leaves.
type reader struct {
	b   []byte
	pos int
}

func (r *reader) more() bool { return r.pos < len(r.b) }

func (r *reader) varint() (uint64, bool) {
	v, n := binary.Uvarint(r.b[r.pos:])
	if n <= 0 {
		return 0, false
	}
	r.pos += n
	return v, true
}

// tag reads the number and the wire type of the next field.
func (r *reader) tag() (number int, w wireType, ok bool) {
	v, ok := r.varint()
	if !ok || v>>3 > maxNumber || v>>3 == 0 {
		return 0, 0, false
	}
	return int(v >> 3), wireType(v & 7), true
}

// maxNumber is the largest number of a field.
const maxNumber = 1<<29 - 1

func (r *reader) fixed(n int) (v uint64, ok bool) {
	if len(r.b)-r.pos < n {
		return 0, false
	}
	for i := range n {
		v |= uint64(r.b[r.pos+i]) << (8 * i)
	}
	r.pos += n
	return v, true
}

func (r *reader) bytes() ([]byte, bool) {
	start := r.pos
	n, ok := r.varint()
	if !ok || n > uint64(len(r.b)-r.pos) {
		r.pos = start
		return nil, false
	}
	r.pos += int(n)
	return r.b[r.pos-int(n) : r.pos], true
}

// skip passes over a value; false: the rest of the message is not readable.
func (r *reader) skip(number int, w wireType, depth int) (ok bool) {
	switch w {
	case varint:
		_, ok = r.varint()
	case fixed64:
		_, ok = r.fixed(8)
	case fixed32:
		_, ok = r.fixed(4)
	case delimited:
		_, ok = r.bytes()
	case groupStart:
		for depth < maxDepth {
			n, w, ok := r.tag()
			if !ok || w == groupEnd {
				return ok && n == number
			}
			if !r.skip(n, w, depth+1) {
				return false
			}
		}
	}
	return ok
}

// maxDepth is how deep messages may lie in one another, as in Google's.
const maxDepth = 100

// inner is a reader of the bytes that come next, which it passes over. It counts
// on from this one.
func (r *reader) inner(t *vm.Thread) *reader {
	n := len(r.take(t))
	return &reader{b: r.b[:r.pos], pos: r.pos - n}
}

// take is bytes with LuaProtobuf's errors.
func (r *reader) take(t *vm.Thread) []byte {
	n, ok := r.varint()
	if !ok {
		t.Errorf("invalid bytes length: 0 (at offset %d)", r.pos+1)
	}
	if n > uint64(len(r.b)-r.pos) {
		t.Errorf("unfinished bytes (len %d at offset %d)", n, r.pos+1)
	}
	r.pos += int(n)
	return r.b[r.pos-int(n) : r.pos]
}

func appendTag(b []byte, number int, w wireType) []byte {
	return binary.AppendUvarint(b, uint64(number)<<3|uint64(w))
}
