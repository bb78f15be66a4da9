package vm

import "reflect"

// operations puts the metamethods of a type into its metatable.
func (b *binding) operations(m *VM) {
	set := m.setter(b.meta, "Bind")
	set("__tostring", func(t *Thread) int { t.PushString(boundString(b.self(t, 1).Interface())); return 1 })
	set("__index", b.method)
	switch b.typ.Kind() {
	case reflect.Pointer:
		b.pointer(set)
		switch b.typ.Elem().Kind() {
		case reflect.Struct:
			set("__index", b.structIndex)
			set("__newindex", b.structSet)
		case reflect.Array:
			b.list(set)
		}
	case reflect.Struct:
		set("__index", b.structIndex)
		set("__eq", b.equal)
	case reflect.Array:
		b.list(set)
		set("__eq", b.equal)
	case reflect.Slice:
		b.list(set)
		set("__add", func(t *Thread) int {
			v := b.self(t, 1)
			t.Push(m.bind(reflect.Append(v, (&converter{t: t}).arg(2, v.Type().Elem()))))
			return 1
		})
	case reflect.Map:
		b.mapping(set)
	case reflect.Chan:
		set("__len", b.len)
		set("__eq", func(t *Thread) int {
			t.PushBool(b.self(t, 1).Pointer() == b.self(t, 2).Pointer())
			return 1
		})
		set("__call", b.channel)
		set("__unm", func(t *Thread) int { b.self(t, 1).Close(); return 0 })
	}
}

func (b *binding) equal(t *Thread) int {
	t.PushBool(b.self(t, 1).Interface() == b.self(t, 2).Interface())
	return 1
}

func (b *binding) len(t *Thread) int {
	t.PushInt(reflect.Indirect(b.self(t, 1)).Len())
	return 1
}

// method is __index of what has methods only.
func (b *binding) method(t *Thread) int {
	b.self(t, 1)
	t.Push(b.methods[t.Arg(2).Str()])
	return 1
}

func (b *binding) pointer(set func(string, Func)) {
	set("__eq", func(t *Thread) int {
		t.PushBool(b.self(t, 1).Pointer() == b.self(t, 2).Pointer())
		return 1
	})
	set("__pow", func(t *Thread) int {
		v := b.self(t, 1).Elem()
		v.Set((&converter{t: t}).arg(2, v.Type()))
		t.Push(t.Arg(1))
		return 1
	})
	set("__unm", func(t *Thread) int {
		t.Push(t.vm.bind(b.self(t, 1).Elem()))
		return 1
	})
}

// fieldOf finds a field; ok is false when there is none of the name. A nil pointer on the way is an error.
func (b *binding) fieldOf(t *Thread, name string) (v reflect.Value, ok bool) {
	index, ok := b.fields[name]
	if !ok {
		return v, false
	}
	v, err := reflect.Indirect(b.self(t, 1)).FieldByIndexErr(index)
	if err != nil {
		t.Errorf("%s", err)
	}
	return v, true
}

func (b *binding) structIndex(t *Thread) int {
	name := t.CheckString(2)
	if fn, ok := b.methods[name]; ok {
		t.Push(fn)
		return 1
	}
	if f, ok := b.fieldOf(t, name); ok {
		t.Push(t.vm.element(f))
		return 1
	}
	t.PushNil()
	return 1
}

func (b *binding) structSet(t *Thread) int {
	name := t.CheckString(2)
	f, ok := b.fieldOf(t, name)
	if !ok {
		t.Errorf("unknown field %s", name)
	}
	f.Set((&converter{t: t}).arg(3, f.Type()))
	return 0
}

// list are the operations of slices, arrays and pointers to arrays.
func (b *binding) list(set func(string, Func)) {
	at := func(t *Thread) reflect.Value {
		v := reflect.Indirect(b.self(t, 1))
		i := t.CheckInt(2)
		if i < 1 || i > v.Len() {
			t.ArgError(2, "index out of range")
		}
		return v.Index(i - 1)
	}
	set("__len", b.len)
	set("__index", func(t *Thread) int {
		switch t.Arg(2).Kind() {
		case KNumber:
			t.Push(t.vm.element(at(t)))
			return 1
		case KString:
			return b.method(t)
		}
		t.ArgError(2, "must be a number or string")
		return 0
	})
	set("__newindex", func(t *Thread) int {
		e := at(t)
		if !e.CanSet() {
			t.Errorf("cannot set an element of an array that is a copy")
		}
		e.Set((&converter{t: t}).arg(3, e.Type()))
		return 0
	})
	set("__call", func(t *Thread) int {
		v := reflect.Indirect(b.self(t, 1))
		i := 0
		t.Push(t.vm.NewFunc("iterator", func(t *Thread) int {
			if i >= v.Len() {
				return 0
			}
			i++
			t.PushInt(i)
			t.Push(t.vm.element(v.Index(i - 1)))
			return 2
		}))
		return 1
	})
}

func (b *binding) mapping(set func(string, Func)) {
	set("__len", b.len)
	set("__index", func(t *Thread) int {
		v := b.self(t, 1)
		c := converter{t: t}
		if k, err := c.value(t.Arg(2), v.Type().Key()); err == nil && k.Comparable() {
			if e := v.MapIndex(k); e.IsValid() {
				t.Push(t.vm.bind(e))
				return 1
			}
		}
		return b.method(t)
	})
	set("__newindex", func(t *Thread) int {
		v := b.self(t, 1)
		c := converter{t: t}
		k := c.arg(2, v.Type().Key())
		if !k.Comparable() {
			t.ArgError(2, "cannot be a key of a map")
		}
		var e reflect.Value
		if !t.Arg(3).IsNil() {
			e = c.arg(3, v.Type().Elem())
		}
		v.SetMapIndex(k, e)
		return 0
	})
	set("__call", func(t *Thread) int {
		it := b.self(t, 1).MapRange()
		t.Push(t.vm.NewFunc("iterator", func(t *Thread) int {
			if !it.Next() {
				return 0
			}
			t.Push(t.vm.bind(it.Key()))
			t.Push(t.vm.bind(it.Value()))
			return 2
		}))
		return 1
	})
}

func (b *binding) channel(t *Thread) int {
	c := b.self(t, 1)
	switch t.NArg() {
	case 1:
		if c.Type().ChanDir()&reflect.RecvDir == 0 {
			t.ArgError(1, "receive from send-only type "+c.Type().String())
		}
		v, ok := c.Recv()
		if ok {
			t.Push(t.vm.bind(v))
		} else {
			t.PushNil()
		}
		t.PushBool(ok)
		return 2
	case 2:
		if c.Type().ChanDir()&reflect.SendDir == 0 {
			t.ArgError(1, "send to receive-only type "+c.Type().String())
		}
		c.Send((&converter{t: t}).arg(2, c.Type().Elem()))
		return 0
	}
	t.Errorf("expecting 1 or 2 arguments, got %d", t.NArg())
	return 0
}
