package vm

import (
	"time"
	"unsafe"
)

// Holder is userdata that has memory which is no Lua value: n bytes, the same ones for the same what, a pointer.
type Holder interface{ Held() (what any, n int) }

// Held counts the bytes that can be reached from values, the globals included where a function among them can reach
// those. It stops where they are more than most, or after the time allowed; enough tells that it did not have to. What
// Go code keeps outside of userdata that are Holders is not seen.
func Held(roots []Value, most int64, within time.Duration) (held int64, enough bool) {
	w := walk{seen: map[unsafe.Pointer]struct{}{}, todo: append([]Value(nil), roots...)}
	until := time.Now().Add(within)
	for n := 1; len(w.todo) > 0; n++ {
		if w.held > most || n%4096 == 0 && time.Now().After(until) {
			return w.held, false
		}
		v := w.todo[len(w.todo)-1]
		w.todo = w.todo[:len(w.todo)-1]
		w.visit(v)
	}
	return w.held, w.held <= most
}

type walk struct {
	seen   map[unsafe.Pointer]struct{}
	shared map[any]struct{}
	todo   []Value
	held   int64
}

func (w *walk) add(v Value) {
	if v.n < tStr || v.n > tUser || v.p == nil {
		return
	}
	if _, seen := w.seen[v.p]; seen {
		return
	}
	w.seen[v.p] = struct{}{}
	if v.n == tStr { // has nothing behind it
		w.held += int64(max(v.str().len+strHeader+7, 16) &^ 7)
		return
	}
	w.todo = append(w.todo, v)
}

func (w *walk) visit(v Value) {
	switch v.n {
	case tTable:
		w.table(v.table())
	case tLua:
		w.closure(v.lua())
	case tNative:
		w.held += int64(unsafe.Sizeof(native{}))
		w.thread(v.native().co)
	case tThread:
		w.stack((*Thread)(v.p))
	case tUser:
		u := (*Userdata)(v.p)
		w.held += int64(unsafe.Sizeof(*u))
		w.refer(u.meta)
		w.refer(u.env)
		if h, ok := u.Value.(Holder); ok {
			w.hold(h.Held())
		}
	}
}

func (w *walk) hold(what any, n int) {
	if _, seen := w.shared[what]; seen || n == 0 {
		return
	}
	if w.shared == nil {
		w.shared = map[any]struct{}{}
	}
	w.shared[what] = struct{}{}
	w.held += int64(n)
}

// refer and thread are add for what may be nil.
func (w *walk) refer(t *Table) {
	if t != nil {
		w.add(tableValue(t))
	}
}

func (w *walk) thread(t *Thread) {
	if t != nil {
		w.add(Value{unsafe.Pointer(t), tThread})
	}
}

func (w *walk) table(t *Table) {
	w.held += int64(unsafe.Sizeof(*t)) + int64(cap(t.arr))*16 + int64(t.cap)*nodeSize
	if t.idx != nil {
		w.held += int64(t.mask+1) * 4
	}
	w.refer(t.meta)
	for _, v := range t.arr {
		w.add(v)
	}
	for i := range t.n {
		nd := t.node(i)
		w.add(nd.key)
		w.add(nd.val)
	}
	if t.weak != nil {
		w.held += int64(cap(t.weak.ents)) * int64(unsafe.Sizeof(weakEntry{}))
		for i := range t.weak.ents {
			w.add(t.weak.ents[i].key)
			w.add(t.weak.ents[i].val)
		}
	}
}

func (w *walk) closure(c *closure) {
	w.held += int64(unsafe.Sizeof(*c)) + int64(len(c.p.caps))*16
	w.refer(c.env)
	for i := range c.p.caps {
		v := c.up(uintptr(i) * 16)
		if v.n != tBox {
			w.add(*v)
			continue
		}
		cell := (*upval)(v.p)
		if _, seen := w.seen[v.p]; cell == nil || seen {
			continue
		}
		w.seen[v.p] = struct{}{}
		w.held += int64(unsafe.Sizeof(*cell))
		w.add(*cell.v)
	}
}

func (w *walk) stack(t *Thread) {
	w.held += int64(unsafe.Sizeof(*t)) + int64(t.limit) + int64(t.flimit) + int64(cap(t.buf))*16
	for _, v := range t.slice(0, int(t.limit/16)) {
		w.add(v)
	}
	for _, v := range t.buf[:cap(t.buf)] {
		w.add(v)
	}
	w.refer(t.env)
	w.thread(t.parent)
}
