package vm

import (
	"unsafe"
	"weak"
)

// weakTable holds the entries of a table with __mode. Such a table has no array and no hash part, so that the fast paths
// find nothing and ask here. An object that is held weakly is a weak.Pointer; strings, numbers and booleans are values
// and stay. A value that refers to its own weak key keeps it alive (no ephemerons).
type weakTable struct {
	lazy       *lazyTable // then it is no weak table
	keys, vals bool
	m          map[weakKey]int
	ents       []weakEntry
	dead       int
}

type weakKey struct {
	n uint64
	p uintptr
	s string
}

type weakEntry struct {
	key, val   Value // empty where the weak pointer below is used
	wkey, wval weakRef
	id         weakKey
	used       bool
}

// weakRef is a weak reference to an object of any of the collectable kinds.
type weakRef struct {
	tag uint64
	ptr weak.Pointer[byte]
}

func weakable(v *Value) bool { return v.n >= tTable && v.n <= tUser }

func makeRef(v *Value) weakRef { return weakRef{v.n, weak.Make((*byte)(v.p))} }

func (r *weakRef) value() Value {
	if p := r.ptr.Value(); p != nil {
		return Value{unsafe.Pointer(p), r.tag}
	}
	return Value{}
}

func idOf(k *Value) weakKey {
	switch {
	case k.isNum():
		f := k.f()
		if f == 0 {
			f = 0
		}
		v := Number(f + 0)
		return weakKey{n: v.n}
	case k.n == tStr:
		return weakKey{n: tStr, s: k.str().s()}
	case k.n <= tTrue:
		return weakKey{n: k.n}
	}
	return weakKey{n: k.n, p: uintptr(k.p)}
}

// setMode makes the table weak, changes how it is, or makes it strong again (mode "").
func (t *Table) setMode(mode string) {
	keys, vals := false, false
	for i := 0; i < len(mode); i++ {
		keys = keys || mode[i] == 'k'
		vals = vals || mode[i] == 'v'
	}
	if t.weak != nil && t.weak.keys == keys && t.weak.vals == vals || t.weak == nil && !keys && !vals {
		return
	}
	var all []Value
	for k, v, ok := t.Next(Nil); ok; k, v, ok = t.Next(k) {
		all = append(all, k, v)
	}
	meta := t.meta
	*t = Table{meta: meta}
	if keys || vals {
		t.weak = &weakTable{keys: keys, vals: vals, m: map[weakKey]int{}}
	}
	for i := 0; i < len(all); i += 2 {
		t.set(&all[i], &all[i+1])
	}
}

func (w *weakTable) read(e *weakEntry) (k, v Value) {
	k, v = e.key, e.val
	if e.wkey.tag != 0 {
		k = e.wkey.value()
	}
	if e.wval.tag != 0 {
		v = e.wval.value()
	}
	if k.n == tNil {
		v = Value{}
	}
	return k, v
}

func (w *weakTable) get(k *Value) *Value {
	i, ok := w.m[idOf(k)]
	if !ok {
		return nil
	}
	_, v := w.read(&w.ents[i])
	if v.n == tNil {
		return nil
	}
	found := v // of its own: what is kept here would not be held weakly any more
	return &found
}

func (w *weakTable) set(k, v *Value) {
	id := idOf(k)
	i, ok := w.m[id]
	if v.n == tNil {
		if ok {
			w.drop(i)
		}
		return
	}
	if !ok {
		w.sweep()
		i = len(w.ents)
		w.ents = append(w.ents, weakEntry{})
		w.m[id] = i
	}
	e := weakEntry{key: *k, val: *v, id: id, used: true}
	if w.keys && weakable(k) {
		e.wkey, e.key = makeRef(k), Value{}
	}
	if w.vals && weakable(v) {
		e.wval, e.val = makeRef(v), Value{}
	}
	w.ents[i] = e
}

// drop empties an entry; its place stays until the next sweep, so that a traversal is not disturbed.
func (w *weakTable) drop(i int) {
	e := &w.ents[i]
	e.val, e.wval = Value{}, weakRef{}
	w.dead++
}

// sweep drops the entries whose objects are gone, when the list has grown enough for it to pay.
func (w *weakTable) sweep() {
	if len(w.ents) < 8 || len(w.ents) < cap(w.ents) && w.dead < len(w.ents)/2 {
		return
	}
	var live []weakEntry
	m := map[weakKey]int{}
	for i := range w.ents {
		if _, v := w.read(&w.ents[i]); v.n != tNil {
			m[w.ents[i].id] = len(live)
			live = append(live, w.ents[i])
		}
	}
	w.ents, w.m, w.dead = live, m, 0
}

func (w *weakTable) next(k, key, val *Value) bool {
	i := 0
	if k.n != tNil {
		at, ok := w.m[idOf(k)]
		if !ok {
			return false
		}
		i = at + 1
	}
	for ; i < len(w.ents); i++ {
		if kk, v := w.read(&w.ents[i]); v.n != tNil {
			*key, *val = kk, v
			return true
		}
	}
	*key = Value{}
	return true
}

func (w *weakTable) clear() { w.m, w.ents, w.dead = map[weakKey]int{}, nil, 0 }

func (w *weakTable) length() int {
	n := 0
	for {
		k := Int(n + 1)
		if w.get(&k) == nil {
			return n
		}
		n++
	}
}
