package vm

import "unsafe"

// What run does out of line: each carries out instruction i of the frame on top, whose ip is stored. They give false
// with an error set. A hint in i is written where a field was found by its key.

// iterHash marks, in the hidden control of a loop over next, that the array part is done.
const iterHash = 1 << 62

// base is the register base and tmp what lies behind the registers, where metamethods are called.
func (t *Thread) window() (cl *closure, base, tmp uintptr) {
	base = uintptr(t.fp().base)
	cl = t.at(base - 16).lua()
	return cl, base, base + cl.p.frame
}

func (cl *closure) k(off uint16) *Value { return (*Value)(unsafe.Add(cl.p.k, uintptr(off))) }

func (t *Thread) getGlobal(i *ins) bool {
	cl, base, tmp := t.window()
	key := cl.k(i.b)
	if cl.env.weak == nil || cl.env.weak.lazy != nil {
		if nd := cl.env.findStr(key.str()); nd != nil && nd.val.n != tNil {
			i.c = uint16(min(cl.env.position(nd), 0xFFFF))
			t.at(base + uintptr(i.a)).set(&nd.val)
			return true
		}
	}
	env := tableValue(cl.env)
	return t.index(&env, key, base+uintptr(i.a), tmp, -1)
}

func (t *Thread) setGlobal(i *ins) bool {
	cl, base, tmp := t.window()
	env := tableValue(cl.env)
	return t.setindex(&env, cl.k(i.b), t.at(base+uintptr(i.a)), tmp, -1)
}

func (t *Thread) farGlobal(i *ins) bool {
	cl, base, tmp := t.window()
	env := tableValue(cl.env)
	key := &cl.p.kS[int(i.c)<<16|int(i.b)]
	if i.op == opGETGLOBALX {
		return t.index(&env, key, base+uintptr(i.a), tmp, -1)
	}
	return t.setindex(&env, key, t.at(base+uintptr(i.a)), tmp, -1)
}

func (t *Thread) getField(i *ins) bool {
	cl, base, tmp := t.window()
	o, key := t.at(base+uintptr(i.b)), cl.k(i.c)
	if o.n == tTable {
		tab := o.table()
		for n := 0; (tab.weak == nil || tab.weak.lazy != nil) && n < 4; n++ {
			if nd := tab.findStr(key.str()); nd != nil && nd.val.n != tNil {
				if n == 0 {
					i.x = uint8(min(tab.position(nd), 255))
				}
				t.at(base + uintptr(i.a)).set(&nd.val)
				return true
			}
			if tab.weak != nil {
				break
			}
			if tab.meta == nil {
				t.at(base + uintptr(i.a)).n = tNil
				return true
			}
			h := tab.meta.indexOf()
			if h == nil {
				t.at(base + uintptr(i.a)).n = tNil
				return true
			}
			if h.n != tTable {
				break
			}
			tab = h.table()
		}
	}
	return t.index(o, key, base+uintptr(i.a), tmp, int(i.b))
}

func (t *Thread) self(i *ins) bool {
	cl, base, tmp := t.window()
	o, key := *t.at(base + uintptr(i.b)), cl.k(i.c)
	t.at(base + uintptr(i.a) + 16).set(&o)
	var tab *Table
	switch o.n {
	case tTable:
		tab = o.table()
	case tStr, tUser:
		if mt := t.vm.metatable(&o); mt != nil {
			if h := mt.indexOf(); h != nil && h.n == tTable {
				tab = h.table()
			}
		}
	}
	for n := 0; tab != nil && tab.weak == nil && n < 8; n++ {
		if nd := tab.findStr(key.str()); nd != nil && nd.val.n != tNil {
			i.x = uint8(min(tab.position(nd), 255))
			t.at(base + uintptr(i.a)).set(&nd.val)
			return true
		}
		if tab.meta == nil {
			break
		}
		h := tab.meta.indexOf()
		if h == nil || h.n != tTable {
			break
		}
		tab = h.table()
	}
	return t.index(&o, key, base+uintptr(i.a), tmp, int(i.b))
}

func (t *Thread) getIndex(i *ins) bool {
	_, base, tmp := t.window()
	o := t.at(base + uintptr(i.b))
	if i.op == opGETINT {
		key := Int(int(i.c))
		return t.index(o, &key, base+uintptr(i.a), tmp, int(i.b))
	}
	key := t.at(base + uintptr(i.c))
	if o.n == tTable {
		if v := o.table().get(key); v != nil && v.n != tNil {
			t.at(base + uintptr(i.a)).set(v)
			return true
		}
	}
	return t.index(o, key, base+uintptr(i.a), tmp, int(i.b))
}

func (t *Thread) setField(i *ins) bool {
	cl, base, tmp := t.window()
	o, key, v := t.at(base+uintptr(i.a)), cl.k(i.b), t.at(base+uintptr(i.c))
	if o.n == tTable {
		tab := o.table()
		if tab.weak == nil {
			nd := tab.findStr(key.str())
			if nd != nil && nd.val.n != tNil {
				i.x = uint8(min(tab.position(nd), 255))
				nd.val.store(v)
				return true
			}
			if tab.meta == nil && nd == nil {
				if v.n == tNil {
					return true
				}
				if tab.n == tab.cap && !t.x.reserve(int(tab.cap)*40+128) {
					return false
				}
				tab.absnt = 0
				i.x = uint8(min(tab.n, 255))
				tab.insert(key, v)
				if tab.n-1 < 255 {
					i.x = uint8(tab.n - 1)
				}
				return true
			}
		}
	}
	return t.setindex(o, key, v, tmp, int(i.a))
}

func (t *Thread) setIndex(i *ins) bool {
	_, base, tmp := t.window()
	o, v := t.at(base+uintptr(i.a)), t.at(base+uintptr(i.c))
	if i.op == opSETINT {
		if o.n == tTable {
			if tab := o.table(); int(i.b) <= len(tab.arr) && v.n != tNil {
				if s := &tab.arr[i.b-1]; s.n != tNil || tab.meta == nil {
					s.store(v)
					return true
				}
			}
		}
		key := Int(int(i.b))
		return t.setindex(o, &key, v, tmp, int(i.a))
	}
	return t.setindex(o, t.at(base+uintptr(i.b)), v, tmp, int(i.a))
}

func (t *Thread) newTableAt(i *ins) {
	f := t.fp()
	d := t.at(uintptr(f.base) + uintptr(i.a))
	if i.x == 0 {
		t.x.alloc(96 + int(i.b)*16 + int(i.c)*32)
		*d = tableValue(newTable(int(i.b), int(i.c)))
		return
	}
	shape := t.at(uintptr(f.base) - 16).lua().p.shapes[i.c]
	t.x.alloc(96 + int(i.b)*16 + int(shape.cap)*32)
	*d = tableValue(shape.like(int(i.b)))
}

func (t *Thread) setList(i *ins) {
	base := uintptr(t.fp().base)
	tab := t.at(base + uintptr(i.a)).table()
	n := int(i.x)
	if n&openList != 0 {
		n = int((t.top - base - uintptr(i.b)) / 16)
		t.x.alloc(n * 16)
		tab.reach(int(i.x&^openList), int(i.c)*batch+n)
	}
	tab.setList(int(i.c)*batch, t.slice(base+uintptr(i.b), n))
}

func (t *Thread) arithRR(i *ins) bool {
	_, base, tmp := t.window()
	return t.arith(i.op-opADD, t.at(base+uintptr(i.b)), t.at(base+uintptr(i.c)), base+uintptr(i.a), tmp, int(i.b), int(i.c))
}

func (t *Thread) arithRK(i *ins) bool {
	cl, base, tmp := t.window()
	return t.arith(i.op-opADDK, t.at(base+uintptr(i.b)), cl.k(i.c), base+uintptr(i.a), tmp, int(i.b), -1)
}

func (t *Thread) unary(i *ins) bool {
	_, base, tmp := t.window()
	if i.op == opUNM {
		return t.unm(t.at(base+uintptr(i.b)), base+uintptr(i.a), tmp, int(i.b))
	}
	return t.length(t.at(base+uintptr(i.b)), base+uintptr(i.a), tmp, int(i.b))
}

// settle jumps after a comparison that is decided.
func (t *Thread) settle(r int) bool {
	switch r {
	case cmpFailed:
		return false
	case cmpPending:
		return true
	}
	t.fp().jumpIf(r == cmpTrue)
	return true
}

func (t *Thread) compareRR(i *ins) bool {
	_, base, tmp := t.window()
	return t.settle(t.less(t.at(base+uintptr(i.a)), t.at(base+uintptr(i.b)), i.op == opJLE || i.op == opJNLE, tmp))
}

func (t *Thread) compareRK(i *ins) bool {
	cl, base, tmp := t.window()
	a, b := t.at(base+uintptr(i.a)), cl.k(i.b)
	op := (i.op - opJLTK) &^ 1
	le := op == opJLEK-opJLTK || op == opJGEK-opJLTK
	if i.op >= opJGTK {
		a, b = b, a
	}
	return t.settle(t.less(a, b, le, tmp))
}

func (t *Thread) equalRR(i *ins) bool {
	_, base, tmp := t.window()
	return t.settle(t.equal(t.at(base+uintptr(i.a)), t.at(base+uintptr(i.b)), tmp))
}

func (t *Thread) equalRK(i *ins) bool {
	cl, base, _ := t.window()
	return t.settle(outcome(rawEq(t.at(base+uintptr(i.a)), cl.k(i.b))))
}

// nativeResults puts the r values that a function of Go has pushed last where the call at slot wants w of them.
func (t *Thread) nativeResults(slot uintptr, r, w int) bool {
	src := t.push - uintptr(r)*16
	if uintptr(r)*16 > t.push || src < slot {
		return t.fail("a function of Go returns values it has not pushed")
	}
	n := r
	if w >= 0 && n > w {
		n = w
	}
	if src != slot {
		for i := uintptr(0); i < uintptr(n)*16; i += 16 {
			t.at(slot + i).set(t.at(src + i))
		}
	}
	if w < 0 {
		t.top = slot + uintptr(r)*16
		return true
	}
	for ; n < w; n++ {
		t.at(slot + uintptr(n)*16).n = tNil
	}
	return true
}

// forPrepAgain makes the bounds numbers and lets the instruction run again.
func (t *Thread) forPrepAgain(a *[4]Value) bool {
	if !t.forPrep(a) {
		return false
	}
	t.fp().ip -= insSize
	return true
}

// ipairsSlow is a step of a loop over ipairs outside the array part.
func (t *Thread) ipairsSlow(i *ins) {
	f := t.fp()
	a := (*[6]Value)(unsafe.Pointer(t.at(uintptr(f.base) + uintptr(i.a))))
	n := int(a[2].n) + 1
	v := a[1].table().getInt(n)
	if v == nil || v.n == tNil {
		f.ip += insSize
		return
	}
	a[2].n = uint64(n)
	a[3].setInt(n)
	a[4].set(v)
	for j := 2; j < int(i.b); j++ {
		t.at(uintptr(f.base) + uintptr(i.a) + uintptr(j)*16 + 48).n = tNil
	}
	f.ip += insSize + uintptr(int(int16((*ins)(unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(&f.ip)), insSize)).c))*insSize)
}
