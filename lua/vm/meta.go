package vm

import "math"

// Names of the metamethods, as keys that are found by address.
var (
	mmIndex     = intern("__index")
	mmNewindex  = intern("__newindex")
	mmCall      = intern("__call")
	mmEq        = intern("__eq")
	mmLt        = intern("__lt")
	mmLe        = intern("__le")
	mmLen       = intern("__len")
	mmConcat    = intern("__concat")
	mmUnm       = intern("__unm")
	mmToString  = intern("__tostring")
	mmArith     = [...]*str{intern("__add"), intern("__sub"), intern("__mul"), intern("__div"), intern("__mod"), intern("__pow")}
	maxMetaLoop = 100
)

// Bits of Table.absnt.
const (
	noIndex = 1 << iota
	noNewindex
)

// metatable gives the metatable of any value.
func (m *VM) metatable(v *Value) *Table {
	if v.isNum() {
		return m.numMeta
	}
	switch v.n {
	case tTable:
		return v.table().meta
	case tUser:
		return (*Userdata)(v.p).meta
	case tStr:
		return m.strMeta
	}
	return m.kindMeta[tagKinds[v.n]]
}

// metaOf gives a metamethod of a value, or nil.
func (m *VM) metaOf(v *Value, name *str) *Value {
	mt := m.metatable(v)
	if mt == nil {
		return nil
	}
	h := mt.getStr(name)
	if h == nil || h.n == tNil {
		return nil
	}
	return h
}

// indexOf gives the __index of a metatable, or nil. Where it was found is remembered.
func (mt *Table) indexOf() *Value {
	if mt.absnt&noIndex != 0 {
		return nil
	}
	if mt.idxAt < mt.n {
		if nd := mt.node(mt.idxAt); nd.key.n == tStr && nd.key.str() == mmIndex && nd.val.n != tNil {
			return &nd.val
		}
	}
	if mt.weak != nil {
		h := mt.getStr(mmIndex)
		if h == nil || h.n == tNil {
			return nil
		}
		v := *h
		return &v
	}
	nd := mt.findStr(mmIndex)
	if nd == nil || nd.val.n == tNil {
		mt.absnt |= noIndex
		return nil
	}
	mt.idxAt = mt.position(nd)
	return &nd.val
}

// index reads o[k] into dst. tmp is where a metamethod may be called, off the register of o for messages.
func (t *Thread) index(o, k *Value, dst, tmp uintptr, off int) bool {
	cur, key := *o, *k
	for i := 0; i < maxMetaLoop; i++ {
		var h *Value
		if cur.n == tTable {
			tab := cur.table()
			if v := tab.get(&key); v != nil && v.n != tNil {
				t.at(dst).set(v)
				return true
			}
			if tab.meta != nil {
				h = tab.meta.indexOf()
			}
			if h == nil {
				t.at(dst).n = tNil
				return true
			}
		} else if h = t.vm.metaOf(&cur, mmIndex); h == nil {
			if i > 0 {
				off = -1
			}
			return t.opFail("index", &cur, off)
		}
		if h.isFunc() {
			return t.meta2(*h, &cur, &key, dst, tmp, kMeta, 0)
		}
		cur = *h
	}
	return t.fail("'__index' chain too long; possibly a loop")
}

// meta2 calls a metamethod with two arguments above tmp.
func (t *Thread) meta2(h Value, a, b *Value, dst, tmp uintptr, kind uint16, aux uintptr) bool {
	x, y := *a, *b
	if !t.ensure(tmp + 64) {
		return false
	}
	*t.at(tmp) = h
	*t.at(tmp + 16) = x
	*t.at(tmp + 32) = y
	if !t.pushFrame(tmp, dst, 1, kind) {
		return false
	}
	t.fp().ip = aux
	return t.callValue(tmp, 2, 1, kSlow)
}

func (t *Thread) setindex(o, k, v *Value, tmp uintptr, off int) bool {
	cur, key, val := *o, *k, *v
	for i := 0; i < maxMetaLoop; i++ {
		var h *Value
		if cur.n == tTable {
			tab := cur.table()
			if tab.meta != nil {
				if tab.meta.absnt&noNewindex == 0 {
					old := tab.get(&key)
					if old == nil || old.n == tNil {
						if h = tab.meta.getStr(mmNewindex); h == nil || h.n == tNil {
							h = nil
							if tab.meta.weak == nil {
								tab.meta.absnt |= noNewindex
							}
						}
					}
				}
			}
			if h == nil {
				if key.n == tNil {
					return t.fail("table index is nil")
				}
				if key.isNum() && key.f() != key.f() {
					return t.fail("table index is NaN")
				}
				return t.rawset(tab, &key, &val)
			}
		} else if h = t.vm.metaOf(&cur, mmNewindex); h == nil {
			if i > 0 {
				off = -1
			}
			return t.opFail("index", &cur, off)
		}
		if h.isFunc() {
			if !t.ensure(tmp + 96) {
				return false
			}
			*t.at(tmp), *t.at(tmp + 16), *t.at(tmp + 32), *t.at(tmp + 48) = *h, cur, key, val
			return t.pushFrame(tmp, tmp, 0, kDrop) && t.callValue(tmp, 3, 0, kSlow)
		}
		cur = *h
	}
	return t.fail("'__newindex' chain too long; possibly a loop")
}

// rawset sets a key and counts what the table grows by; false: the run must not.
func (t *Thread) rawset(tab *Table, k, v *Value) bool {
	na, nh := cap(tab.arr), tab.cap
	if na >= large/16 && len(tab.arr) == na && !t.x.reserve(growArr(na)*16) ||
		nh >= large/nodeSize && tab.n == nh && !t.x.reserve(int(nh)*2*nodeSize) {
		return false
	}
	tab.set(k, v)
	if c := cap(tab.arr); c != na && na < large/16 {
		t.x.alloc(c * 16)
	}
	if tab.cap != nh && nh < large/nodeSize {
		t.x.alloc(int(tab.cap) * nodeSize)
	}
	return true
}

// RawSetInt is Table.SetInt for a function of Go that Lua called: the run pays for the memory.
func (t *Thread) RawSetInt(tab *Table, i int, v Value) {
	k := Int(i)
	if !t.rawset(tab, &k, &v) {
		panic(&raised{t.x.err})
	}
}

// arith computes by operator: 0 + ... 5 ^.
func arith(op uint8, x, y float64) float64 {
	switch op {
	case 0:
		return x + y
	case 1:
		return x - y
	case 2:
		return x * y
	case 3:
		return x / y
	case 4:
		return mod(x, y)
	}
	return pow(x, y)
}

func pow(x, y float64) float64 {
	switch y {
	case 2:
		return x * x
	case 0.5:
		return math.Sqrt(x)
	}
	return math.Pow(x, y)
}

// mod is Lua's modulo as LuaJIT computes it: a - floor(a/b)*b.
func mod(x, y float64) float64 {
	if y > 0 && x >= 0 && x < 1<<53 && y < 1<<53 {
		xi, yi := int64(x), int64(y)
		if float64(xi) == x && float64(yi) == y {
			return float64(xi % yi)
		}
	}
	return x - math.Floor(x/y)*y
}

func (t *Thread) arith(op uint8, a, b *Value, dst, tmp uintptr, offA, offB int) bool {
	x, ok1 := toNum(a)
	y, ok2 := toNum(b)
	if ok1 && ok2 {
		*t.at(dst) = Number(arith(op, x, y))
		return true
	}
	h := t.vm.metaOf(a, mmArith[op])
	if h == nil {
		h = t.vm.metaOf(b, mmArith[op])
	}
	if h == nil {
		if ok1 {
			a, offA = b, offB
		}
		return t.opFail("perform arithmetic on", a, offA)
	}
	return t.meta2(*h, a, b, dst, tmp, kMeta, 0)
}

func (t *Thread) unm(a *Value, dst, tmp uintptr, off int) bool {
	if x, ok := toNum(a); ok {
		*t.at(dst) = Number(-x)
		return true
	}
	h := t.vm.metaOf(a, mmUnm)
	if h == nil {
		return t.opFail("perform arithmetic on", a, off)
	}
	return t.meta2(*h, a, a, dst, tmp, kMeta, 0)
}

func (t *Thread) length(a *Value, dst, tmp uintptr, off int) bool {
	if a.n == tStr {
		t.at(dst).setInt(int(a.str().len))
		return true
	}
	h := t.vm.metaOf(a, mmLen)
	if h != nil {
		return t.meta2(*h, a, a, dst, tmp, kMeta, 0)
	}
	if a.n == tTable {
		t.at(dst).setInt(a.table().Len())
		return true
	}
	return t.opFail("get length of", a, off)
}

// Outcomes of a comparison.
const (
	cmpFailed = iota
	cmpFalse
	cmpTrue
	cmpPending // a metamethod runs; its frame does the rest
)

func outcome(b bool) int {
	if b {
		return cmpTrue
	}
	return cmpFalse
}

// compareFast compares numbers and strings.
func compareFast(a, b *Value, le bool) int {
	switch {
	case a.isNum() && b.isNum():
		if le {
			return outcome(a.f() <= b.f())
		}
		return outcome(a.f() < b.f())
	case a.n == tStr && b.n == tStr:
		if le {
			return outcome(a.str().s() <= b.str().s())
		}
		return outcome(a.str().s() < b.str().s())
	}
	return cmpFailed
}

// compareMeta finds the metamethod of a comparison, the first operand's before the second's. swap asks for b < a, negated.
func (m *VM) compareMeta(a, b *Value, le bool) (h *Value, swap bool) {
	name := mmLt
	if le {
		name = mmLe
	}
	if h = m.metaOf(a, name); h == nil {
		h = m.metaOf(b, name)
	}
	if h == nil && le {
		h, _ = m.compareMeta(b, a, false)
		return h, true
	}
	return h, false
}

func (t *Thread) less(a, b *Value, le bool, tmp uintptr) int {
	if r := compareFast(a, b, le); r != cmpFailed {
		return r
	}
	h, swap := t.vm.compareMeta(a, b, le)
	if h == nil {
		if le { // LuaJIT names the operands the other way round
			a, b = b, a
		}
		t.compareFail(a, b)
		return cmpFailed
	}
	aux := uintptr(0)
	if swap {
		a, b, aux = b, a, 1
	}
	if !t.meta2(*h, a, b, 0, tmp, kCmp, aux) {
		return cmpFailed
	}
	return cmpPending
}

// eqMeta gives the __eq of two different tables or userdata, nil when they are simply different.
func (m *VM) eqMeta(a, b *Value) *Value {
	if a.n != b.n || a.n != tTable && a.n != tUser {
		return nil
	}
	h := m.metaOf(a, mmEq)
	if h == nil {
		return nil
	}
	if m.metatable(a) != m.metatable(b) {
		if o := m.metaOf(b, mmEq); o == nil || !rawEq(h, o) {
			return nil
		}
	}
	return h
}

func (t *Thread) equal(a, b *Value, tmp uintptr) int {
	if a.n == tStr && b.n == tStr {
		return outcome(a.str().eq(b.str()))
	}
	if rawEq(a, b) {
		return cmpTrue
	}
	h := t.vm.eqMeta(a, b)
	if h == nil {
		return cmpFalse
	}
	if !t.meta2(*h, a, b, 0, tmp, kCmp, 0) {
		return cmpFailed
	}
	return cmpPending
}

func catable(v *Value) bool { return v.n == tStr || v.isNum() }

// concat joins the n values at from into dst, the last ones first.
func (t *Thread) concat(dst, from uintptr, n int) bool {
	for n > 1 {
		v := t.slice(from, n)
		k := 0
		for k < n && catable(&v[n-1-k]) {
			k++
		}
		if k >= 2 {
			s, ok := t.join(v[n-k:])
			if !ok {
				return false
			}
			v[n-k] = strValue(s)
			n -= k - 1
			continue
		}
		a, b := &v[n-2], &v[n-1]
		h := t.vm.metaOf(a, mmConcat)
		if h == nil {
			h = t.vm.metaOf(b, mmConcat)
		}
		if h == nil {
			bad, at := a, n-2
			if catable(a) {
				bad, at = b, n-1
			}
			off := int(from) + at*16
			if f := t.fp(); f.kind < kPcall {
				off -= int(f.base)
			}
			return t.opFail("concatenate", bad, off)
		}
		f := t.fp()
		tmp := uintptr(f.base) + t.at(uintptr(f.base)-16).lua().p.frame
		return t.meta2(*h, a, b, dst, tmp, kConcat, uintptr(n-1))
	}
	t.at(dst).set(t.at(from))
	return true
}

// join makes one string of strings and numbers.
func (t *Thread) join(v []Value) (*str, bool) {
	var nb [64]byte
	total := 0
	for i := range v {
		if v[i].n == tStr {
			total += int(v[i].str().len)
		} else {
			total += len(appendNum(nb[:0], v[i].f()))
		}
	}
	if total <= 1 {
		b := nb[:0]
		for i := range v {
			if v[i].n == tStr {
				b = append(b, v[i].str().s()...)
			} else {
				b = appendNum(b, v[i].f())
			}
		}
		return newStrBytes(b), true
	}
	if total > maxStr {
		return nil, t.fail("string length overflow")
	}
	if !t.x.reserve(total) {
		return nil, false
	}
	s, b := newStrBuf(total)
	o := 0
	for i := range v {
		if v[i].n == tStr {
			o += copy(b[o:], v[i].str().s())
		} else {
			o += len(appendNum(b[o:o:total], v[i].f()))
		}
	}
	return s, true
}

// forPrep makes the three values of a counting loop numbers.
func (t *Thread) forPrep(a *[4]Value) bool {
	for j, name := range [...]string{"initial", "limit", "step"} {
		f, ok := toNum(&a[j])
		if !ok {
			if j > 0 {
				return t.fail("'for' " + name + " must be a number")
			}
			return t.fail("'for' initial value must be a number")
		}
		if f == 0 {
			f = 0 // not minus zero, which the loop does not know
		}
		a[j] = Number(f + 0)
	}
	return true
}
