package resty

import "github.com/luahttpd/luahttpd/lua/vm"

// class is a module whose new makes objects: tables with the module's
// functions as methods and a Go value of type T in field 1.
type class[T any] struct {
	module *vm.Table
	mt     *vm.Table
}

// newClass makes a class with the given methods; argument 1 of a method is the
// object.
func newClass[T any](m *vm.VM, version string, methods map[string]func(t *vm.Thread, v T) int) class[T] {
	c := class[T]{m.NewTable(0, len(methods)+2), m.NewTable(0, 1)}
	for name, do := range methods {
		c.module.SetStr(name, m.NewFunc(name, func(t *vm.Thread) int { return do(t, c.self(t)) }))
	}
	c.module.SetStr("_VERSION", vm.String(version))
	c.mt.SetStr("__index", c.module.Value())
	return c
}

// object wraps v.
func (c class[T]) object(m *vm.VM, v T) vm.Value {
	t := m.NewTable(1, 0)
	t.SetInt(1, m.NewUserdata(v, nil))
	t.SetMetatable(c.mt)
	return t.Value()
}

// self is the value of the object that is argument 1.
func (c class[T]) self(t *vm.Thread) (v T) {
	if u := t.CheckTable(1).GetInt(1).Userdata(); u != nil {
		if v, ok := u.Value.(T); ok {
			return v
		}
	}
	t.ArgError(1, "bad object")
	return v
}

// refuse pushes nil and why.
func refuse(t *vm.Thread, why string) int {
	t.PushNil()
	t.PushString(why)
	return 2
}
