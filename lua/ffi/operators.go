package ffi

import (
	"fmt"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// openMetatable makes the metatables that all cdata share; collected is for
// those that are to be told when they have become garbage.
func (l *library) openMetatable() {
	l.plain, l.collected = l.vm.NewTable(0, 12), l.vm.NewTable(0, 12)
	for _, mt := range []*vm.Table{l.plain, l.collected} {
		for name, do := range map[string]func(t *vm.Thread) int{
			"__index": l.index, "__newindex": l.newIndex, "__eq": l.equal, "__call": l.call, "__tostring": l.toString, "__len": l.length,
			"__lt":  func(t *vm.Thread) int { return l.compare(t, "__lt", func(a, b uint64) bool { return a < b }) },
			"__le":  func(t *vm.Thread) int { return l.compare(t, "__le", func(a, b uint64) bool { return a <= b }) },
			"__add": l.add, "__sub": l.subtract,
		} {
			mt.SetStr(name, l.vm.NewFunc(name, do))
		}
		for _, name := range []string{"__mul", "__div", "__mod", "__pow", "__unm", "__concat"} {
			mt.SetStr(name, l.vm.NewFunc(name, func(t *vm.Thread) int { return l.other(t, name) }))
		}
		mt.SetStr("__metatable", vm.String("ffi"))
	}
	l.collected.SetStr("__gc", l.vm.NewFunc("__gc", func(t *vm.Thread) int {
		c := l.cdataOf(t.Arg(1))
		switch {
		case c == nil:
		case !c.gc.IsNil():
			t.CallRaw(c.gc, t.Arg(1))
		case c.t.meta != nil:
			if gc := c.t.meta.GetStr("__gc"); !gc.IsNil() {
				t.CallRaw(gc, t.Arg(1))
			}
		}
		return 0
	}))
}

// value wraps a cdata for scripts.
func (l *library) value(c *cdata) vm.Value { return l.vm.NewUserdata(c, l.plain) }

func (l *library) cdataOf(v vm.Value) *cdata {
	if u := v.Userdata(); u != nil {
		if c, ok := u.Value.(*cdata); ok {
			return c
		}
	}
	return nil
}

// target is the record or the elements that a cdata gives access to.
func (c *cdata) target() *ctype {
	if c.t.kind == pointer || c.t.kind == array {
		return c.t.elem
	}
	return c.t
}

// metatable is that of ffi.metatype, which pointers to the type have too.
func (c *cdata) metatable() *vm.Table {
	if c.t.kind == pointer {
		return c.t.elem.meta
	}
	return c.t.meta
}

// element finds what a key names.
func (l *library) element(t *vm.Thread, c *cdata, key vm.Value) (ct *ctype, at place, ok bool) {
	switch key.Kind() {
	case vm.KNumber:
		if c.t.kind == pointer || c.t.kind == array {
			elem := c.t.elem
			if elem.size == 0 {
				t.Errorf("size of C type is unknown or too large")
			}
			return elem, place{c.at.mem, c.at.off + int(key.Num())*elem.size}, true
		}
	case vm.KString:
		ct := c.t
		if ct.kind == pointer {
			ct = ct.elem
		}
		if ct.kind == record {
			if f, ok := ct.field(key.Str()); ok {
				return f.t, place{c.at.mem, c.at.off + f.off}, true
			}
		}
	}
	return nil, place{}, false
}

func (l *library) index(t *vm.Thread) int {
	c, key := l.cdataOf(t.Arg(1)), t.Arg(2)
	if c == nil {
		return l.typeIndex(t)
	}
	if ct, at, ok := l.element(t, c, key); ok {
		t.Push(l.load(t, ct, at))
		return 1
	}
	if meta := c.metatable(); meta != nil {
		switch h := meta.GetStr("__index"); h.Kind() {
		case vm.KNil:
		case vm.KFunction:
			return t.PushAll(t.CallRaw(h, t.Arg(1), key))
		default:
			t.Push(t.Index(h, key))
			return 1
		}
	}
	l.noMember(t, c.t, key)
	return 0
}

// typeIndex is the access to a type's metatable: constructors have methods.
func (l *library) typeIndex(t *vm.Thread) int {
	if ct, ok := typeOf(t.Arg(1)); ok && ct.meta != nil {
		if h := ct.meta.GetStr("__index"); !h.IsNil() && h.Kind() != vm.KFunction {
			t.Push(t.Index(h, t.Arg(2)))
			return 1
		}
	}
	t.PushNil()
	return 1
}

func (l *library) noMember(t *vm.Thread, ct *ctype, key vm.Value) {
	if key.Kind() == vm.KString {
		t.Errorf("'%s' has no member named '%s'", ct, key.Str())
	}
	t.Errorf("'%s' cannot be indexed with '%s'", ct, key.Kind())
}

func (l *library) newIndex(t *vm.Thread) int {
	c, key, v := l.cdataOf(t.Arg(1)), t.Arg(2), t.Arg(3)
	if c == nil {
		t.Errorf("attempt to index a C type")
	}
	if ct, at, ok := l.element(t, c, key); ok {
		l.store(t, ct, at, v)
		return 0
	}
	if meta := c.metatable(); meta != nil {
		if h := meta.GetStr("__newindex"); !h.IsNil() {
			t.CallRaw(h, t.Arg(1), key, v)
			return 0
		}
	}
	l.noMember(t, c.t, key)
	return 0
}

// override calls the metamethod of either operand's type, if there is one.
func (l *library) override(t *vm.Thread, name string) (n int, ok bool) {
	for i := 1; i <= 2; i++ {
		if c := l.cdataOf(t.Arg(i)); c != nil {
			if meta := c.metatable(); meta != nil {
				if h := meta.GetStr(name); !h.IsNil() {
					return t.PushAll(t.CallRaw(h, t.Arg(1), t.Arg(2))), true
				}
			}
		}
	}
	return 0, false
}

func (l *library) other(t *vm.Thread, name string) int {
	n, ok := l.override(t, name)
	if !ok {
		t.Errorf("attempt to perform arithmetic on '%s' and '%s'", describe(t.Arg(1)), describe(t.Arg(2)))
	}
	return n
}

// describe is the type of a value for a message.
func describe(v vm.Value) string {
	if u := v.Userdata(); u != nil {
		if c, ok := u.Value.(*cdata); ok {
			return c.t.String()
		}
	}
	return v.Kind().String()
}

func (l *library) equal(t *vm.Thread) int {
	if n, ok := l.override(t, "__eq"); ok {
		return n
	}
	a, b := l.cdataOf(t.Arg(1)), l.cdataOf(t.Arg(2))
	t.PushBool(a != nil && b != nil && a.at == b.at)
	return 1
}

func (l *library) compare(t *vm.Thread, name string, less func(a, b uint64) bool) int {
	if n, ok := l.override(t, name); ok {
		return n
	}
	a, b := l.cdataOf(t.Arg(1)), l.cdataOf(t.Arg(2))
	if a == nil || b == nil {
		t.Errorf("attempt to compare '%s' with '%s'", describe(t.Arg(1)), describe(t.Arg(2)))
	}
	t.PushBool(less(a.at.address(), b.at.address()))
	return 1
}

// add is a pointer and a number, in either order.
func (l *library) add(t *vm.Thread) int {
	c, n := l.cdataOf(t.Arg(1)), t.Arg(2)
	if c == nil {
		c, n = l.cdataOf(t.Arg(2)), t.Arg(1)
	}
	if f, ok := n.ToNumber(); ok && l.move(t, c, int(f)) {
		return 1
	}
	return l.other(t, "__add")
}

// move pushes the pointer that is n elements on.
func (l *library) move(t *vm.Thread, c *cdata, n int) bool {
	if c == nil || c.t.kind != pointer && c.t.kind != array {
		return false
	}
	ct := c.t
	if ct.kind == array {
		ct = pointerTo(ct.elem)
	}
	t.Push(l.value(&cdata{t: ct, at: place{c.at.mem, c.at.off + n*max(ct.elem.size, 1)}}))
	return true
}

// subtract is a pointer less a number, or the distance of two pointers.
func (l *library) subtract(t *vm.Thread) int {
	a, b := l.cdataOf(t.Arg(1)), l.cdataOf(t.Arg(2))
	if a != nil && b != nil && a.metatable() == nil {
		if a.t.kind != record && b.t.kind != record {
			t.PushNumber(float64(int64(a.at.address()-b.at.address())) / float64(max(a.target().size, 1)))
			return 1
		}
	}
	if f, ok := t.Arg(2).ToNumber(); ok && l.move(t, a, -int(f)) {
		return 1
	}
	return l.other(t, "__sub")
}

// call makes a value of a type, or calls a C function.
func (l *library) call(t *vm.Thread) int {
	if ct, ok := typeOf(t.Arg(1)); ok {
		args := append([]vm.Value(nil), t.Args()[1:]...)
		t.Push(l.create(t, ct, args))
		return 1
	}
	c := l.cdataOf(t.Arg(1))
	if c != nil && c.fn != nil {
		return c.fn(t)
	}
	if c != nil && c.metatable() != nil {
		if h := c.metatable().GetStr("__call"); !h.IsNil() {
			return t.PushAll(t.CallRaw(h, append([]vm.Value(nil), t.Args()...)...))
		}
	}
	t.Errorf("attempt to call a '%s' value", describe(t.Arg(1)))
	return 0
}

func (l *library) length(t *vm.Thread) int {
	if n, ok := l.override(t, "__len"); ok {
		return n
	}
	t.Errorf("attempt to get length of '%s'", describe(t.Arg(1)))
	return 0
}

func (l *library) toString(t *vm.Thread) int {
	if ct, ok := typeOf(t.Arg(1)); ok {
		t.PushString("ctype<" + ct.String() + ">")
		return 1
	}
	c := l.cdataOf(t.Arg(1))
	if c == nil {
		t.PushString("cdata")
		return 1
	}
	if meta := c.metatable(); meta != nil {
		if h := meta.GetStr("__tostring"); !h.IsNil() {
			return t.PushAll(t.CallRaw(h, t.Arg(1)))
		}
	}
	t.PushString(fmt.Sprintf("cdata<%s>: %#x", c.t, c.at.address()))
	return 1
}

// typeOf is the type that a value stands for itself.
func typeOf(v vm.Value) (*ctype, bool) {
	if u := v.Userdata(); u != nil {
		if c, ok := u.Value.(*ctypeValue); ok {
			return c.t, true
		}
	}
	return nil, false
}
