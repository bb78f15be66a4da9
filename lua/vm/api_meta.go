package vm

import "fmt"

// Index reads v[k], metamethods included. Errors are raised.
func (t *Thread) Index(v, k Value) Value {
	for i := 0; i < maxMetaLoop; i++ {
		var h *Value
		if v.n == tTable {
			tab := v.table()
			if p := tab.get(&k); p != nil && p.n != tNil {
				return *p
			}
			if tab.meta != nil {
				h = tab.meta.indexOf()
			}
			if h == nil {
				return Value{}
			}
		} else if h = t.vm.metaOf(&v, mmIndex); h == nil {
			t.RaiseString("attempt to index a " + v.typeName() + " value")
		}
		if h.isFunc() {
			return t.Call1(*h, v, k)
		}
		v = *h
	}
	t.RaiseString("'__index' chain too long; possibly a loop")
	return Value{}
}

// SetIndex writes v[k] = val, metamethods included. Errors are raised.
func (t *Thread) SetIndex(v, k, val Value) {
	for i := 0; i < maxMetaLoop; i++ {
		var h *Value
		if v.n == tTable {
			tab := v.table()
			if old := tab.get(&k); (old == nil || old.n == tNil) && tab.meta != nil {
				if h = tab.meta.getStr(mmNewindex); h != nil && h.n == tNil {
					h = nil
				}
			}
			if h == nil {
				if k.n == tNil {
					t.RaiseString("table index is nil")
				}
				if k.isNum() && k.f() != k.f() {
					t.RaiseString("table index is NaN")
				}
				if !t.rawset(tab, &k, &val) {
					panic(&raised{t.x.err})
				}
				return
			}
		} else if h = t.vm.metaOf(&v, mmNewindex); h == nil {
			t.RaiseString("attempt to index a " + v.typeName() + " value")
		}
		if h.isFunc() {
			t.Call1(*h, v, k, val)
			return
		}
		v = *h
	}
	t.RaiseString("'__newindex' chain too long; possibly a loop")
}

// Less tells whether a < b, metamethods included. Errors are raised.
func (t *Thread) Less(a, b Value) bool {
	if r := compareFast(&a, &b, false); r != cmpFailed {
		return r == cmpTrue
	}
	h, _ := t.vm.compareMeta(&a, &b, false)
	if h == nil {
		t.compareFail(&a, &b)
		t.rethrow()
	}
	v := t.Call1(*h, a, b)
	return v.Truth()
}

// Equal tells whether a == b, metamethods included.
func (t *Thread) Equal(a, b Value) bool {
	if rawEq(&a, &b) {
		return true
	}
	if h := t.vm.eqMeta(&a, &b); h != nil {
		return t.Call1(*h, a, b).Truth()
	}
	return false
}

// Metamethod gives a metamethod of v, Nil when it has none.
func (t *Thread) Metamethod(v Value, name string) Value {
	if mt := t.vm.metatable(&v); mt != nil {
		return mt.GetStr(name)
	}
	return Nil
}

// ToString is tostring: __tostring is honoured, and must give a string.
func (t *Thread) ToString(v Value) string {
	if v.n == tStr {
		return v.str().s()
	}
	if r := t.ToStringValue(v); r.n == tStr {
		return r.str().s()
	} else if s, ok := r.ToString(); ok {
		return s
	}
	t.RaiseString("'tostring' must return a string to 'print'")
	return ""
}

// ToStringValue is tostring, whatever __tostring gives.
func (t *Thread) ToStringValue(v Value) Value {
	if v.n == tStr {
		return v
	}
	if h := t.vm.metaOf(&v, mmToString); h != nil {
		return t.Call1(*h, v)
	}
	return String(rawString(v))
}

// rawString is tostring without metamethods.
func rawString(v Value) string {
	if v.isNum() {
		return FormatNumber(v.f())
	}
	switch v.n {
	case tStr:
		return v.str().s()
	case tNil:
		return "nil"
	case tTrue:
		return "true"
	case tFalse:
		return "false"
	case tLight:
		if l := (*light)(v.p); l.name != "" {
			return l.name
		}
	case tNative:
		return fmt.Sprintf("function: builtin#%d", v.native().id)
	}
	return fmt.Sprintf("%s: %#010x", v.typeName(), address(v.p))
}

// Raw is tostring without metamethods.
func (v Value) Raw() string { return rawString(v) }

// Address is where the object of the value lies, 0 for values that are none.
func (v Value) Address() uintptr {
	if v.n < tStr || v.isNum() {
		return 0
	}
	return address(v.p)
}
