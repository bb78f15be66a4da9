package vm

import (
	"fmt"
	"reflect"
)

// Into converts v by the rules of Bind and stores it in what p, a pointer, points to.
func (t *Thread) Into(v Value, p any) error {
	d := reflect.ValueOf(p).Elem()
	g, err := (&converter{t: t}).value(v, d.Type())
	if err == nil {
		d.Set(g)
	}
	return err
}

// converter converts values of Lua to types of Go.
type converter struct {
	t     *Thread
	live  *bool // whether the call lasts that functions are given to; nil: there is none
	seen  map[*Table]reflect.Value
	depth int
}

// maxBindNesting bounds tables in tables that are converted.
const maxBindNesting = 200

// arg converts an argument; what does not fit is an error of the argument.
func (c *converter) arg(i int, want reflect.Type) reflect.Value {
	v, err := c.value(c.t.Arg(i), want)
	if err != nil {
		c.t.ArgError(i, err.Error())
	}
	return v
}

// misfit is the error of a value that is not what Go wants.
func misfit(v Value, want reflect.Type) error {
	switch {
	case v.IsNil():
		return fmt.Errorf("cannot use nil as type %s", want)
	case v.n == tUser:
		return fmt.Errorf("cannot use %v (type %T) as type %s", (*Userdata)(v.p).Value, (*Userdata)(v.p).Value, want)
	}
	return fmt.Errorf("cannot use %s (type %s) as type %s", v.Raw(), v.typeName(), want)
}

func (c *converter) value(v Value, want reflect.Type) (reflect.Value, error) {
	if want == typeValue {
		return reflect.ValueOf(v), nil
	}
	var g reflect.Value
	switch v.Kind() {
	case KNil:
		switch want.Kind() {
		case reflect.Chan, reflect.Func, reflect.Interface, reflect.Map, reflect.Pointer, reflect.Slice, reflect.UnsafePointer:
			return reflect.Zero(want), nil
		}
		return g, misfit(v, want)
	case KBool:
		g = reflect.ValueOf(v.Bool())
	case KNumber:
		g = reflect.ValueOf(v.Num())
	case KString:
		g = reflect.ValueOf(v.Str())
	case KTable:
		if want == typeTable {
			return reflect.ValueOf(v.Table()), nil
		}
		return c.table(v, want)
	case KFunction:
		return c.function(v, want)
	case KThread:
		g = reflect.ValueOf(v.Thread())
	case KUserdata:
		g = reflect.ValueOf(v.Userdata().Value)
	case KLight:
		g = reflect.ValueOf(v.LightValue())
	}
	if !g.IsValid() || !g.CanConvert(want) {
		return g, misfit(v, want)
	}
	return g.Convert(want), nil
}

func (c *converter) table(v Value, want reflect.Type) (reflect.Value, error) {
	tab := v.table()
	if want == typeAny {
		want = reflect.TypeFor[map[any]any]()
	}
	if g, ok := c.seen[tab]; ok && g.Type() == want {
		return g, nil
	}
	if c.depth++; c.depth > maxBindNesting {
		return reflect.Value{}, fmt.Errorf("a table is nested too deeply")
	}
	defer func() { c.depth-- }()
	c.t.Spend(1 + tab.Count())
	switch {
	case want.Kind() == reflect.Slice || want.Kind() == reflect.Array:
		return c.elements(v, want)
	case want.Kind() == reflect.Map:
		g := reflect.MakeMap(want)
		c.remember(tab, g)
		for k, e, ok := tab.Next(Nil); ok; k, e, ok = tab.Next(k) {
			gk, err := c.value(k, want.Key())
			if err == nil && !gk.Comparable() {
				err = misfit(k, want.Key())
			}
			if err != nil {
				return g, err
			}
			ge, err := c.value(e, want.Elem())
			if err != nil {
				return g, err
			}
			g.SetMapIndex(gk, ge)
		}
		return g, nil
	case want.Kind() == reflect.Struct:
		p := reflect.New(want)
		return p.Elem(), c.fill(tab, p)
	case want.Kind() == reflect.Pointer && want.Elem().Kind() == reflect.Struct:
		p := reflect.New(want.Elem())
		c.remember(tab, p)
		if want != p.Type() {
			return p, misfit(v, want)
		}
		return p, c.fill(tab, p)
	}
	return reflect.Value{}, misfit(v, want)
}

func (c *converter) remember(tab *Table, g reflect.Value) {
	if c.seen == nil {
		c.seen = map[*Table]reflect.Value{}
	}
	c.seen[tab] = g
}

func (c *converter) elements(v Value, want reflect.Type) (g reflect.Value, err error) {
	tab := v.table()
	n := tab.Len()
	if want.Kind() == reflect.Slice {
		c.t.Reserve(n * int(want.Elem().Size()))
		g = reflect.MakeSlice(want, n, n)
		c.remember(tab, g)
	} else if g = reflect.New(want).Elem(); n != want.Len() {
		return g, misfit(v, want)
	}
	for i := range n {
		e, err := c.value(tab.GetInt(i+1), want.Elem())
		if err != nil {
			return g, err
		}
		g.Index(i).Set(e)
	}
	return g, nil
}

// fill sets the fields of the struct that p points to.
func (c *converter) fill(tab *Table, p reflect.Value) error {
	typ := p.Type().Elem()
	fields := c.t.vm.binding(typ).fields
	for k, e, ok := tab.Next(Nil); ok; k, e, ok = tab.Next(k) {
		if k.Kind() != KString {
			continue
		}
		index, known := fields[k.Str()]
		if !known {
			return fmt.Errorf("type %s has no field %s", typ, k.Str())
		}
		f, err := p.Elem().FieldByIndexErr(index)
		if err != nil {
			return err
		}
		v, err := c.value(e, f.Type())
		if err != nil {
			return err
		}
		f.Set(v)
	}
	return nil
}

// function makes a function of Go that calls one of Lua.
func (c *converter) function(fn Value, want reflect.Type) (reflect.Value, error) {
	loose := want == typeAny
	if loose {
		want = reflect.TypeFor[func(...any) []any]()
	}
	if want.Kind() != reflect.Func {
		return reflect.Value{}, misfit(fn, want)
	}
	t, live := c.t, c.live
	return reflect.MakeFunc(want, func(args []reflect.Value) []reflect.Value {
		m, th := t.vm, t
		if live == nil || !*live {
			th = m.NewThread()
			defer m.Release(th)
		}
		in := make([]Value, 0, len(args))
		for i, a := range args {
			if want.IsVariadic() && i == len(args)-1 {
				for j := range a.Len() {
					in = append(in, m.bind(a.Index(j)))
				}
			} else {
				in = append(in, m.bind(a))
			}
		}
		var out []Value
		if th == t {
			out = t.CallRaw(fn, in...)
		} else {
			var err error
			if out, err = th.Call(fn, in...); err != nil {
				panic(err)
			}
		}
		back := converter{t: th}
		if loose {
			all := make([]any, len(out))
			for i, v := range out {
				g, err := back.value(v, typeAny)
				if err != nil {
					panic(err)
				}
				if g.IsValid() {
					all[i] = g.Interface()
				}
			}
			return []reflect.Value{reflect.ValueOf(all)}
		}
		if len(out) != want.NumOut() {
			panic(fmt.Errorf("expecting %d return values, got %d", want.NumOut(), len(out)))
		}
		res := make([]reflect.Value, len(out))
		for i, v := range out {
			g, err := back.value(v, want.Out(i))
			if err != nil {
				panic(err)
			}
			res[i] = g
		}
		return res
	}), nil
}
