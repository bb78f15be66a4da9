package vm

import (
	"math/bits"
	"unsafe"
)

// node is one entry of the hash part.
type node struct{ key, val Value }

const nodeSize = 32

// Table is a Lua table. arr holds 1..len(arr), its last element never nil, so that len(arr) is a border; when there are
// nils in it another border is given, see holes.go. The hash part
// keeps its entries in the order of insertion, which is the order of traversal; a deleted entry keeps its key until the
// part is rebuilt. Up to smallHash entries are found by comparing eight tag bytes at once, more by an index of positions.
// All methods are raw: no metamethods.
type Table struct {
	arr   []Value
	ents  unsafe.Pointer // [cap]node
	idx   unsafe.Pointer // [mask+1]uint32: position+1, or 0; nil while cap <= smallHash
	ctrl  uint64         // tag bytes of the first eight entries
	meta  *Table
	n     uint32 // entries in use, dead ones included
	cap   uint32
	mask  uint32
	absnt uint8  // metamethods known to be absent, when this is a metatable
	numk  bool   // the hash part has had keys that are numbers
	holes bool   // arr may have nils in it
	first uint32 // no live entry lies before it
	idxAt uint32 // where "__index" was found, when this is a metatable
	weak  *weakTable
}

const smallHash = 8

func (t *Table) node(i uint32) *node { return (*node)(unsafe.Add(t.ents, uintptr(i)*nodeSize)) }
func (t *Table) position(nd *node) uint32 {
	return uint32((uintptr(unsafe.Pointer(nd)) - uintptr(t.ents)) / nodeSize)
}
func (t *Table) slot(i uint32) *uint32 {
	return (*uint32)(unsafe.Add(t.idx, uintptr(i)*4))
}

const lows = 0x0101010101010101

// tagOf spreads the tag of a hash over eight bytes; tags are never zero, free entries are.
func tagOf(h uint32) uint64 { return uint64(h>>25|0x80) * lows }

// matchTags gives a word whose bit 8i+7 is set where byte i of ctrl may equal the tag; a false hit is possible, a miss is not.
func matchTags(ctrl, tag uint64) uint64 {
	x := ctrl ^ tag
	return (x - lows) &^ x & (lows << 7)
}

// Inline room for the entries of a small table: one allocation instead of two.
type table2 struct {
	Table
	nodes [2]node
}
type table4 struct {
	Table
	nodes [4]node
}

func newTable(na, nh int) *Table {
	var t *Table
	switch {
	case nh <= 0:
		t = &Table{}
	case nh <= 2:
		x := &table2{}
		t = &x.Table
		t.ents, t.cap = unsafe.Pointer(&x.nodes), 2
	case nh <= 4:
		x := &table4{}
		t = &x.Table
		t.ents, t.cap = unsafe.Pointer(&x.nodes), 4
	default:
		t = &Table{}
		t.alloc(nh)
	}
	if na > 0 {
		t.arr = make([]Value, 0, na)
	}
	return t
}

// like makes a table with the entries of t in the same places.
func (t *Table) like(na int) *Table {
	c := newTable(na, int(t.cap))
	copy(unsafe.Slice((*node)(c.ents), t.n), unsafe.Slice((*node)(t.ents), t.n))
	c.n, c.ctrl = t.n, t.ctrl
	if t.idx != nil {
		copy(unsafe.Slice((*uint32)(c.idx), t.mask+1), unsafe.Slice((*uint32)(t.idx), t.mask+1))
	}
	return c
}

const maxHash = 1 << 27

// alloc gives the table an empty hash part with room for n entries.
func (t *Table) alloc(n int) {
	if n > maxHash {
		panic(errTableOverflow)
	}
	c := 4
	for c < n {
		c *= 2
	}
	nd := make([]node, c)
	t.ents = unsafe.Pointer(&nd[0])
	t.cap = uint32(c)
	t.n, t.ctrl, t.idx, t.mask, t.first = 0, 0, nil, 0, 0
	if c > smallHash {
		ix := make([]uint32, c*2)
		t.idx = unsafe.Pointer(&ix[0])
		t.mask = uint32(c*2 - 1)
	}
}

func hashOf(k *Value) uint32 {
	switch {
	case k.n > maxTag:
		return uint32((k.n * 0x9E3779B97F4A7C15) >> 32)
	case k.n == tStr:
		return k.str().h()
	case k.n <= tTrue:
		return uint32(k.n) * 0x9E3779B9
	case k.n == tLight:
		if l := (*light)(k.p); l.name == "" { // equal by what it holds
			return 0x5bd1e995
		}
	}
	return uint32((uint64(uintptr(k.p)) * 0x9E3779B97F4A7C15) >> 32)
}

// findStr gives the entry of a string, or nil. An equal string of another address takes the place of the key, so that
// the next lookup with it finds it by address.
func (t *Table) findStr(k *str) *node {
	h := k.h()
	if t.idx == nil {
		for m := matchTags(t.ctrl, tagOf(h)); m != 0; m &= m - 1 {
			nd := t.node(uint32(bits.TrailingZeros64(m)) >> 3)
			if nd.key.p == unsafe.Pointer(k) {
				return nd
			}
			if nd.key.n == tStr && nd.key.str().eq(k) {
				nd.key.p = unsafe.Pointer(k)
				return nd
			}
		}
		return nil
	}
	for i := h & t.mask; ; i = (i + 1) & t.mask {
		e := *t.slot(i)
		if e == 0 {
			return nil
		}
		nd := t.node(e - 1)
		if nd.key.p == unsafe.Pointer(k) {
			return nd
		}
		if nd.key.n == tStr {
			if o := nd.key.str(); o.hash == h && o.len == k.len && o.s() == k.s() {
				nd.key.p = unsafe.Pointer(k)
				return nd
			}
		}
	}
}

func (t *Table) find(k *Value) *node {
	if k.n == tStr {
		return t.findStr(k.str())
	}
	h := hashOf(k)
	if t.idx == nil {
		for m := matchTags(t.ctrl, tagOf(h)); m != 0; m &= m - 1 {
			if nd := t.node(uint32(bits.TrailingZeros64(m)) >> 3); rawEq(&nd.key, k) {
				return nd
			}
		}
		return nil
	}
	for i := h & t.mask; ; i = (i + 1) & t.mask {
		e := *t.slot(i)
		if e == 0 {
			return nil
		}
		if nd := t.node(e - 1); rawEq(&nd.key, k) {
			return nd
		}
	}
}

// get gives the slot of a key, or nil. The slot may hold nil. Weak tables give a copy.
func (t *Table) get(k *Value) *Value {
	if t.weak != nil {
		return t.special(k)
	}
	if k.isNum() {
		f := k.f()
		if i := int(f); float64(i) == f {
			return t.getInt(i)
		}
		if !t.numk {
			return nil
		}
	}
	if nd := t.find(k); nd != nil {
		return &nd.val
	}
	return nil
}

// special is get for weak and lazy tables.
func (t *Table) special(k *Value) *Value {
	if t.weak.lazy != nil {
		return t.lazyGet(k)
	}
	return t.weak.get(k)
}

func (t *Table) getInt(i int) *Value {
	if uint(i-1) < uint(len(t.arr)) {
		return &t.arr[i-1]
	}
	if t.weak != nil {
		k := Int(i)
		return t.special(&k)
	}
	if !t.numk {
		return nil
	}
	k := Int(i)
	if nd := t.find(&k); nd != nil {
		return &nd.val
	}
	return nil
}

func (t *Table) getStr(k *str) *Value {
	if t.weak != nil {
		v := strValue(k)
		return t.special(&v)
	}
	if nd := t.findStr(k); nd != nil {
		return &nd.val
	}
	return nil
}

// set writes a key that is neither nil nor NaN.
func (t *Table) set(k, v *Value) {
	if k.isNum() {
		f := k.f()
		if i := int(f); float64(i) == f {
			t.setInt(i, v)
			return
		}
	}
	t.setHash(k, v)
}

func (t *Table) setInt(i int, v *Value) {
	n := len(t.arr)
	if uint(i-1) < uint(n) {
		t.arr[i-1].store(v)
		if v.n == tNil {
			if i == n {
				t.shrink()
			} else {
				t.holes = true
			}
		}
		return
	}
	if i == n+1 && v.n != tNil && t.weak == nil {
		t.push(v)
		return
	}
	k := Int(i)
	if i > n && v.n != tNil && t.weak == nil && (!t.numk || t.find(&k) == nil) && t.widen(i) {
		t.arr[i-1].store(v)
		return
	}
	t.setHash(&k, v)
}

func (t *Table) shrink() {
	n := len(t.arr)
	for n > 0 && t.arr[n-1].n == tNil {
		n--
	}
	t.arr = t.arr[:n]
}

func (t *Table) push(v *Value) {
	n := len(t.arr)
	if n < cap(t.arr) {
		t.arr = t.arr[:n+1]
	} else {
		na := make([]Value, n+1, growArr(n))
		copy(na, t.arr)
		t.arr = na
	}
	t.arr[n].store(v)
	if t.numk {
		t.migrate()
	}
}

const maxArr = 1 << 27

func growArr(n int) int {
	switch {
	case n < 4:
		return 4
	case n < 1<<16:
		return 1 << bits.Len(uint(n)) // the sizes that LuaJIT has, see holes.go
	case n > maxArr:
		panic(errTableOverflow)
	}
	return n + n/2
}

// migrate moves keys that follow the array part out of the hash part. The entries left behind match no key any more.
func (t *Table) migrate() {
	if nd := t.findInt(len(t.arr)); nd != nil {
		nd.key, nd.val = Value{n: tBox}, Value{}
	}
	for {
		nd := t.findInt(len(t.arr) + 1)
		if nd == nil || nd.val.n == tNil {
			return
		}
		v := nd.val
		nd.key, nd.val = Value{n: tBox}, Value{}
		n := len(t.arr)
		if n == cap(t.arr) {
			na := make([]Value, n, growArr(n))
			copy(na, t.arr)
			t.arr = na
		}
		t.arr = t.arr[:n+1]
		t.arr[n].store(&v)
	}
}

func (t *Table) findInt(i int) *node {
	k := Int(i)
	return t.find(&k)
}

func (t *Table) setHash(k, v *Value) {
	if t.weak != nil {
		if t.weak.lazy != nil {
			t.lazySet(k, v)
		} else {
			t.weak.set(k, v)
		}
		return
	}
	t.absnt = 0
	if nd := t.find(k); nd != nil {
		nd.val.store(v)
		if v.n != tNil {
			if i := t.position(nd); i < t.first {
				t.first = i
			}
		}
		return
	}
	if v.n != tNil {
		t.insert(k, v)
	}
}

// insert adds a key that is not there.
func (t *Table) insert(k, v *Value) {
	if t.n == t.cap {
		t.rehash()
	}
	t.append(k, v)
}

// rehash rebuilds the hash part with room for more, dropping dead entries.
func (t *Table) rehash() {
	live := 0
	for i := uint32(0); i < t.n; i++ {
		if t.node(i).val.n != tNil {
			live++
		}
	}
	old, n := t.ents, t.n
	t.alloc(live + live/2 + 1)
	t.numk = false
	for i := uint32(0); i < n; i++ {
		nd := (*node)(unsafe.Add(old, uintptr(i)*nodeSize))
		if nd.val.n != tNil {
			t.append(&nd.key, &nd.val)
		}
	}
}

func (t *Table) append(k, v *Value) {
	h := hashOf(k)
	i := t.n
	t.n++
	if i < smallHash {
		t.ctrl |= uint64(h>>25|0x80) << (i * 8)
	}
	if t.idx != nil {
		j := h & t.mask
		for *t.slot(j) != 0 {
			j = (j + 1) & t.mask
		}
		*t.slot(j) = i + 1
	}
	if k.isNum() {
		t.numk = true
	}
	nd := t.node(i)
	nd.key.store(k)
	nd.val.store(v)
}

// setList writes consecutive integer keys, as constructors do; trailing nils included.
func (t *Table) setList(at int, v []Value) {
	if at == len(t.arr) && !t.numk && t.weak == nil {
		n := len(v)
		for n > 0 && v[n-1].n == tNil {
			n--
		}
		if n == 0 {
			return
		}
		if cap(t.arr)-at < n {
			c := at + n
			if at > 0 {
				c = growArr(c)
			}
			na := make([]Value, at, c)
			copy(na, t.arr)
			t.arr = na
		}
		t.arr = t.arr[:at+n]
		for j := 0; j < n; j++ {
			t.arr[at+j].store(&v[j])
			if v[j].n == tNil {
				t.holes = true
			}
		}
		return
	}
	for j := range v {
		t.setInt(at+j+1, &v[j])
	}
}

// next gives the entry after k (nil: the first): ok is false when k is no key, key is nil at the end.
func (t *Table) next(k *Value, key, val *Value) (ok bool) {
	if t.weak != nil {
		if t.weak.lazy == nil {
			return t.weak.next(k, key, val)
		}
		t.ripen()
	}
	if k.n == tMinus {
		z := Int(0)
		k = &z
	}
	pos := 0
	hash := uint32(0)
	inHash := false
	if k.isNum() {
		f := k.f()
		if i := int(f); float64(i) == f && uint(i-1) < uint(len(t.arr)) {
			pos = i
		} else {
			inHash = true
		}
	} else if k.n != tNil {
		inHash = true
	}
	if inHash {
		nd := t.find(k)
		if nd != nil {
			hash = t.position(nd) + 1
		} else if !k.isNum() || !(k.f() >= 1 && k.f() <= float64(cap(t.arr))) {
			return false
		} // else it was the end of the array part, which has shrunk
	} else {
		for ; pos < len(t.arr); pos++ {
			if t.arr[pos].n != tNil {
				*key, *val = Int(pos+1), t.arr[pos]
				return true
			}
		}
	}
	if hash < t.first {
		hash = t.first
	}
	fromFirst := hash == t.first
	for ; hash < t.n; hash++ {
		if nd := t.node(hash); nd.val.n != tNil {
			if fromFirst {
				t.first = hash
			}
			*key, *val = nd.key, nd.val
			return true
		}
	}
	if fromFirst {
		t.first = t.n
	}
	*key = Value{}
	return true
}

// clear removes all entries and keeps the room.
func (t *Table) clear() {
	if t.weak != nil {
		if t.weak.lazy == nil {
			t.weak.clear()
			return
		}
		t.ripen()
	}
	a := t.arr[:cap(t.arr)]
	for i := range a {
		a[i] = Value{}
	}
	t.arr = t.arr[:0]
	for i := uint32(0); i < t.n; i++ {
		*t.node(i) = node{}
	}
	if t.idx != nil {
		ix := unsafe.Slice((*uint32)(t.idx), int(t.mask)+1)
		for i := range ix {
			ix[i] = 0
		}
	}
	t.n, t.ctrl, t.first, t.numk, t.holes, t.absnt = 0, 0, 0, false, false, 0
}
