package resty

import (
	"math"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// lru is a cache of Lua values of one VM. When it is full the least recently
// used one goes.
type lru struct {
	capacity int
	values   *vm.Table // key → value; programs see it as the field hasht
	places   *vm.Table // key → place in slots, from 1
	slots    []slot    // [0] is the list's head: next is the latest used
	free     []int
}

type slot struct {
	key        vm.Value
	expires    float64 // seconds since 1970; negative: never
	flags      uint32
	prev, next int
}

func newLRU(m *vm.VM, capacity int) *lru {
	return &lru{capacity: capacity, values: m.NewTable(0, 0), places: m.NewTable(0, 0), slots: make([]slot, 1)}
}

// place returns the slot of a key, 0 if there is none.
func (l *lru) place(key vm.Value) int { return int(l.places.Get(key).Num()) }

func (h Host) openLRU(m *vm.VM) *vm.Table { return h.openCache(m, false) }

func (h Host) openPureLRU(m *vm.VM) *vm.Table { return h.openCache(m, true) }

// openCache makes a module of caches; of the one that is a hash table of its
// own in OpenResty programs can see how many buckets it has.
func (h Host) openCache(m *vm.VM, buckets bool) *vm.Table {
	c := newClass(m, "0.15", map[string]func(t *vm.Thread, l *lru) int{
		"get":       func(t *vm.Thread, l *lru) int { return l.get(t, h.Now()) },
		"set":       func(t *vm.Thread, l *lru) int { return l.set(t, h.Now()) },
		"delete":    func(t *vm.Thread, l *lru) int { return l.delete(t) },
		"flush_all": func(t *vm.Thread, l *lru) int { return l.flush() },
		"get_keys":  func(t *vm.Thread, l *lru) int { return l.keys(t) },
		"count":     func(t *vm.Thread, l *lru) int { t.PushInt(len(l.slots) - 1 - len(l.free)); return 1 },
		"capacity":  func(t *vm.Thread, l *lru) int { t.PushInt(l.capacity); return 1 },
	})
	c.module.SetStr("new", m.NewFunc("new", func(t *vm.Thread) int {
		n := t.CheckInt(1)
		if n < 1 {
			return refuse(t, "size too small")
		}
		l := newLRU(m, n)
		object := c.object(m, l)
		if buckets {
			load := min(max(t.OptNumber(2, 0.5), 0.1), 1)
			object.Table().SetStr("bucket_sz", vm.Number(math.Exp2(math.Ceil(math.Log2(float64(n)/load)))))
		} else {
			object.Table().SetStr("hasht", l.values.Value())
		}
		t.Push(object)
		return 1
	}))
	return c.module
}

func (l *lru) unlink(i int) {
	s := &l.slots[i]
	l.slots[s.prev].next, l.slots[s.next].prev = s.next, s.prev
}

func (l *lru) pushFront(i int) {
	s := &l.slots[i]
	s.prev, s.next = 0, l.slots[0].next
	l.slots[s.next].prev = i
	l.slots[0].next = i
}

// get(key) returns the value, or nil and what it was when it has expired; and
// its flags.
func (l *lru) get(t *vm.Thread, now float64) int {
	i := l.place(t.Arg(2))
	if i == 0 {
		t.PushNil()
		return 1
	}
	l.unlink(i)
	l.pushFront(i)
	s := &l.slots[i]
	value := l.values.Get(s.key)
	if s.expires >= 0 && s.expires < now {
		t.PushNil()
		t.Push(value)
	} else {
		t.Push(value)
		t.PushNil()
	}
	t.PushNumber(float64(s.flags))
	return 3
}

// set(key, value, ttl, flags) keeps a value; ttl is in seconds, nil for ever.
func (l *lru) set(t *vm.Thread, now float64) int {
	key := t.CheckAny(2)
	if key.Kind() == vm.KNil || key.Kind() == vm.KLight || key.Num() != key.Num() {
		t.ArgError(2, "nil, NaN and light userdata are no keys")
	}
	i := l.place(key)
	switch {
	case i != 0:
		l.unlink(i)
	case len(l.free) > 0:
		i = l.free[len(l.free)-1]
		l.free = l.free[:len(l.free)-1]
	case len(l.slots) <= l.capacity:
		i = len(l.slots)
		l.slots = append(l.slots, slot{})
	default:
		i = l.slots[0].prev
		l.forget(l.slots[i].key)
		l.unlink(i)
	}
	l.slots[i] = slot{key: key, expires: -1}
	if ttl := t.Arg(4); !ttl.IsNil() {
		l.slots[i].expires = now + t.CheckNumber(4)
	}
	if flags := t.Arg(5).Num(); flags > 0 {
		l.slots[i].flags = uint32(min(flags, math.MaxUint32))
	}
	l.values.Set(key, t.Arg(3))
	l.places.Set(key, vm.Int(i))
	l.pushFront(i)
	return 0
}

func (l *lru) delete(t *vm.Thread) int {
	key := t.Arg(2)
	i := l.place(key)
	if i == 0 {
		t.PushBool(false)
		return 1
	}
	l.forget(key)
	l.unlink(i)
	l.slots[i] = slot{}
	l.free = append(l.free, i)
	t.PushBool(true)
	return 1
}

func (l *lru) forget(key vm.Value) {
	l.values.Set(key, vm.Nil)
	l.places.Set(key, vm.Nil)
}

func (l *lru) flush() int {
	l.values.Clear()
	l.places.Clear()
	l.slots, l.free = make([]slot, 1), nil
	return 0
}

// keys(max, res) lists the keys, the latest used first.
func (l *lru) keys(t *vm.Thread) int {
	most := t.OptInt(2, 0)
	out := t.Arg(3).Table()
	if out == nil {
		out = t.VM().NewTable(0, 0)
	}
	n := 0
	for i := l.slots[0].next; i != 0 && (most <= 0 || n < most); i = l.slots[i].next {
		n++
		out.SetInt(n, l.slots[i].key)
	}
	out.SetInt(n+1, vm.Nil)
	t.Push(out.Value())
	return 1
}
