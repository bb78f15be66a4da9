package vm

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
	"unsafe"
)

// Bind makes a Value of any value of Go. The rules are those of gopher-luar:
//
//	nil, booleans, strings   as they are, and nil pointers, maps, slices, channels and functions are nil
//	numbers                  numbers; int64 and uint64 lose what a float64 does not hold
//	functions                functions; arguments and results are converted. One of type Func gets the thread
//	structs, pointers        v.Field, v.field, v:Method(...), v:method(...); fields of a pointed-to struct are assigned to;
//	                         the tag `luar:"name"` renames a field, `luar:"-"` hides it; -p is what p points to,
//	                         p ^ v sets it
//	slices, arrays           v[i] from 1, #v, "for i, x in v() do", slice + x is append
//	maps                     v[k], #v, "for k, x in v() do"; a key wins over a method of the same name
//	channels                 c() receives (value, true), c(x) sends, -c closes, #c; they block the goroutine
//	*Table, *Thread, Value   themselves
//	all else                 userdata without operations
//
// Structs and arrays inside others are given as pointers where that is possible. tostring uses String and Error. An error
// of type error is a value like any other. Panics become Lua errors.
//
// The other way arguments and assigned values are converted to the Go type that is needed: tables to maps, slices, arrays
// and structs, functions to functions, all to any (float64, string, bool, map[any]any, func(...any) []any, or the value that
// was bound). What does not fit is an error. A function of Lua that Go calls raises its errors as panics; after the call
// that it was given to it runs on a thread of its own.
func (m *VM) Bind(v any) Value {
	switch v := v.(type) {
	case nil:
		return Nil
	case Value:
		return v
	case *Table:
		if v == nil {
			return Nil
		}
		return v.Value()
	case *Thread:
		if v == nil {
			return Nil
		}
		return v.Value()
	case Func:
		if v == nil {
			return Nil
		}
		return m.NewFunc("?", v)
	case func(*Thread) int:
		if v == nil {
			return Nil
		}
		return m.NewFunc("?", v)
	}
	return m.bind(reflect.ValueOf(v))
}

// BindType makes a constructor of v's type: called it gives a new map, slice (length, capacity) or channel (buffer), and
// of all other types a pointer to a zero value.
func (m *VM) BindType(v any) Value {
	mt := newTable(0, 4)
	set := m.setter(mt, "BindType")
	set("__call", func(t *Thread) int { t.Push(m.bind(construct(t))); return 1 })
	set("__eq", func(t *Thread) int {
		t.PushBool(t.CheckUserdata(1).Value == t.CheckUserdata(2).Value)
		return 1
	})
	return m.NewUserdata(reflect.TypeOf(v), mt)
}

func construct(t *Thread) reflect.Value {
	typ, ok := t.CheckUserdata(1).Value.(reflect.Type)
	if !ok {
		t.TypeError(1, "type of Go")
	}
	n := t.OptInt(2, 0)
	most := t.OptInt(3, n)
	switch typ.Kind() {
	case reflect.Chan:
		if n < 0 {
			t.ArgError(2, "negative buffer size")
		}
		if typ.ChanDir() != reflect.BothDir {
			t.Errorf("unidirectional channel type")
		}
		t.Reserve(min(n, maxBoundLen) * int(typ.Elem().Size()+1))
		if n > maxBoundLen {
			t.RaiseString(string(errTooLong))
		}
		return reflect.MakeChan(typ, n)
	case reflect.Map:
		return reflect.MakeMap(typ)
	case reflect.Slice:
		switch {
		case n < 0:
			t.ArgError(2, "negative length")
		case most < n:
			t.Errorf("length > capacity")
		}
		if most > maxBoundLen {
			t.RaiseString(string(errTooLong))
		}
		t.Reserve(most * int(typ.Elem().Size()))
		return reflect.MakeSlice(typ, n, most)
	}
	return reflect.New(typ)
}

// maxBoundLen bounds the length of what scripts make by BindType.
const maxBoundLen = 1 << 26

func (m *VM) setter(mt *Table, what string) func(name string, f Func) {
	mt.SetStr("__metatable", Const(what))
	return func(name string, f Func) { mt.SetStr(name, m.NewFunc(name, f)) }
}

func (m *VM) bind(v reflect.Value) Value {
	switch v.Kind() {
	case reflect.Invalid:
		return Nil
	case reflect.Bool:
		return Bool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return Number(float64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return Number(float64(v.Uint()))
	case reflect.Float32, reflect.Float64:
		return Number(v.Float())
	case reflect.String:
		return String(v.String())
	case reflect.Interface:
		return m.bind(v.Elem())
	case reflect.Func:
		if v.IsNil() {
			return Nil
		}
		return m.bindFunc("?", v)
	case reflect.Chan, reflect.Map, reflect.Pointer, reflect.Slice:
		if v.IsNil() {
			return Nil
		}
		switch v.Type() {
		case typeTable, typeThread:
			return m.Bind(v.Interface())
		}
	case reflect.Struct:
		if v.Type() == typeValue {
			return v.Interface().(Value)
		}
	case reflect.Array:
	default:
		return m.NewUserdata(v.Interface(), nil)
	}
	return Value{unsafe.Pointer(&Userdata{Value: v.Interface(), meta: m.binding(v.Type()).meta, env: m.globals}), tUser}
}

// element binds a part of something: a struct or array is given as a pointer, so that it can be changed where it is.
func (m *VM) element(v reflect.Value) Value {
	if (v.Kind() == reflect.Struct && v.Type() != typeValue || v.Kind() == reflect.Array) && v.CanAddr() {
		v = v.Addr()
	}
	return m.bind(v)
}

var (
	typeValue  = reflect.TypeFor[Value]()
	typeTable  = reflect.TypeFor[*Table]()
	typeThread = reflect.TypeFor[*Thread]()
	typeAny    = reflect.TypeFor[any]()
)

// binding is what a VM knows of a type of Go.
type binding struct {
	typ     reflect.Type
	meta    *Table
	methods map[string]Value
	fields  map[string][]int
}

// names gives the names by which scripts know an exported name.
func names(name string) []string {
	r, n := utf8.DecodeRuneInString(name)
	return []string{name, string(unicode.ToLower(r)) + name[n:]}
}

func (m *VM) binding(typ reflect.Type) *binding {
	if b := m.bound[typ]; b != nil {
		return b
	}
	b := &binding{typ: typ, meta: newTable(0, 10), methods: map[string]Value{}}
	if m.bound == nil {
		m.bound = map[reflect.Type]*binding{}
	}
	m.bound[typ] = b
	for i := range typ.NumMethod() {
		f := typ.Method(i)
		fn := m.bindFunc(f.Name, f.Func)
		for _, name := range names(f.Name) {
			b.methods[name] = fn
		}
	}
	target := typ
	if typ.Kind() == reflect.Pointer {
		target = typ.Elem()
	}
	if target.Kind() == reflect.Struct {
		b.fields = map[string][]int{}
		for _, f := range reflect.VisibleFields(target) {
			b.field(f)
		}
	}
	b.operations(m)
	return b
}

func (b *binding) field(f reflect.StructField) {
	if !f.IsExported() {
		return
	}
	switch tag := f.Tag.Get("luar"); tag {
	case "-":
	case "":
		for _, name := range names(f.Name) {
			b.fields[name] = f.Index
		}
	default:
		b.fields[tag] = f.Index
	}
}

// bindFunc makes a function that converts arguments and results.
func (m *VM) bindFunc(name string, f reflect.Value) Value {
	typ := f.Type()
	in := typ.NumIn()
	if typ.NumOut() == 1 && typ.Out(0).Kind() == reflect.Int && (in == 1 || in == 2) && typ.In(in-1) == typeThread {
		return m.NewFunc(name, func(t *Thread) int { return callBare(t, f, in) })
	}
	return m.NewFunc(name, func(t *Thread) int {
		n := t.NArg()
		switch {
		case typ.IsVariadic() && n < in-1:
			t.Errorf("invalid number of function arguments (%d or more expected, got %d)", in-1, n)
		case !typ.IsVariadic() && n != in:
			t.Errorf("invalid number of function arguments (%d expected, got %d)", in, n)
		}
		c := converter{t: t, live: new(true)}
		defer func() { *c.live = false }()
		args := make([]reflect.Value, n)
		for i := range args {
			var want reflect.Type
			if typ.IsVariadic() && i >= in-1 {
				want = typ.In(in - 1).Elem()
			} else {
				want = typ.In(i)
			}
			args[i] = c.arg(i+1, want)
		}
		res := f.Call(args)
		for _, v := range res {
			t.Push(m.bind(v))
		}
		return len(res)
	})
}

// callBare calls a function or method that takes the thread itself.
func callBare(t *Thread, f reflect.Value, in int) int {
	args := []reflect.Value{reflect.ValueOf(t)}
	if in == 2 {
		c := converter{t: t, live: new(true)}
		args = []reflect.Value{c.arg(1, f.Type().In(0)), args[0]}
	}
	return int(f.Call(args)[0].Int())
}

// self is the value of the type that a metamethod is called with.
func (b *binding) self(t *Thread, i int) reflect.Value {
	u := t.CheckUserdata(i)
	v := reflect.ValueOf(u.Value)
	if u.meta != b.meta || v.Type() != b.typ {
		t.ArgError(i, "expecting "+b.typ.String())
	}
	return v
}

func boundString(v any) string {
	switch v := v.(type) {
	case fmt.Stringer:
		return v.String()
	case error:
		return v.Error()
	}
	return strings.TrimSpace(fmt.Sprintf("userdata: %T", v))
}
