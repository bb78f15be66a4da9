package vm

import "math/bits"

// Value gives the table as a Value.
func (t *Table) Value() Value { return tableValue(t) }

// Get reads a key.
func (t *Table) Get(k Value) Value {
	if p := t.get(&k); p != nil {
		return *p
	}
	return Value{}
}

// Set writes a key; nil and NaN are no keys and are ignored.
func (t *Table) Set(k, v Value) {
	if k.n == tNil || k.isNum() && k.f() != k.f() {
		return
	}
	t.set(&k, &v)
}

// GetStr reads a string key.
func (t *Table) GetStr(s string) Value {
	if t.weak != nil {
		return t.Get(String(s))
	}
	if nd := t.findGo(s, hashString(s)); nd != nil {
		return nd.val
	}
	return Value{}
}

// findGo is findStr for a string of Go; it leaves the key as it is.
func (t *Table) findGo(s string, h uint32) *node {
	if t.idx == nil {
		for m := matchTags(t.ctrl, tagOf(h)); m != 0; m &= m - 1 {
			nd := t.node(uint32(bits.TrailingZeros64(m)) >> 3)
			if nd.key.n == tStr && nd.key.str().s() == s {
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
		if nd := t.node(e - 1); nd.key.n == tStr && nd.key.str().hash == h && nd.key.str().s() == s {
			return nd
		}
	}
}

// SetStr writes a string key.
func (t *Table) SetStr(s string, v Value) {
	if t.weak == nil {
		if nd := t.findGo(s, hashString(s)); nd != nil && nd.val.n != tNil {
			nd.val.store(&v)
			return
		}
	}
	k := String(s)
	t.setHash(&k, &v)
}

// GetInt reads an integer key.
func (t *Table) GetInt(i int) Value {
	if p := t.getInt(i); p != nil {
		return *p
	}
	return Value{}
}

// SetInt writes an integer key.
func (t *Table) SetInt(i int, v Value) { t.setInt(i, &v) }

// Append writes the element after the last.
func (t *Table) Append(v Value) { t.setInt(t.Len()+1, &v) }

// Len is the raw length: a border, as # without __len.
func (t *Table) Len() int {
	if t.weak != nil && t.weak.lazy == nil {
		return t.weak.length()
	}
	if t.holes {
		return t.border()
	}
	return len(t.arr)
}

// Next gives the entry after key k; Nil asks for the first. ok is false at the end and when k is no key of the table.
// Entries may be changed and removed between the calls, not added. Array elements come first, then the other keys in
// the order in which they were added.
func (t *Table) Next(k Value) (key, value Value, ok bool) {
	if !t.next(&k, &key, &value) || key.n == tNil {
		return Value{}, Value{}, false
	}
	return key, value, true
}

// NextKey is Next that tells a key that is not in the table (found false) from the end (key nil).
func (t *Table) NextKey(k Value) (key, value Value, found bool) {
	found = t.next(&k, &key, &value)
	return key, value, found
}

// Metatable gives the metatable, or nil.
func (t *Table) Metatable() *Table { return t.meta }

// SetMetatable sets the metatable; nil removes it. A __mode in it at this moment makes the table weak.
func (t *Table) SetMetatable(m *Table) {
	t.meta = m
	mode := ""
	if m != nil {
		mode = m.GetStr("__mode").Str()
	}
	if mode != "" || t.weak != nil {
		t.setMode(mode)
	}
}

// Clear removes all entries and keeps the room they had.
func (t *Table) Clear() { t.clear() }

// Count is the number of entries.
func (t *Table) Count() int {
	n := 0
	if t.weak != nil && t.weak.lazy != nil {
		t.ripen()
	}
	if t.weak != nil {
		for k, _, ok := t.Next(Nil); ok; k, _, ok = t.Next(k) {
			n++
		}
		return n
	}
	for i := range t.arr {
		if t.arr[i].n != tNil {
			n++
		}
	}
	for i := uint32(0); i < t.n; i++ {
		if t.node(i).val.n != tNil {
			n++
		}
	}
	return n
}

// Elements gives the array part, whose last element is not nil: to be read, and only until the table changes.
func (t *Table) Elements() []Value { return t.arr }

// Insert shifts the elements from i on up and writes v there; i lies within 1..Len()+1.
func (t *Table) Insert(i int, v Value) {
	n := len(t.arr)
	if v.n == tNil || n == 0 || i > n || t.holes {
		for j := t.Len(); j >= i; j-- {
			t.SetInt(j+1, t.GetInt(j))
		}
		t.SetInt(i, v)
		return
	}
	last := t.arr[n-1]
	copy(t.arr[i:], t.arr[i-1:n-1])
	t.arr[i-1] = Value{}
	t.arr[i-1].store(&v)
	t.push(&last)
}

// Remove takes out element i of 1..Len() and shifts the rest down.
func (t *Table) Remove(i int) Value {
	n := len(t.arr)
	v := t.arr[i-1]
	copy(t.arr[i-1:], t.arr[i:])
	t.arr[n-1] = Value{}
	t.shrink()
	return v
}
