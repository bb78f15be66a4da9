// Package pb has the module pb of lua-protobuf, which encodes and decodes
// messages of Protocol Buffers. Its file protoc.lua, which reads .proto files,
// runs on it. What is not here: pb.buffer, pb.slice, pb.conv, pb.io, pack and
// unpack, hooks and states.
package pb

import (
	"encoding/hex"
	"os"
	"slices"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// functions is the module.
var functions = []struct {
	name string
	f    func(l *library, t *vm.Thread) int
}{
	{"load", (*library).load},         // (descriptors): a FileDescriptorSet
	{"loadfile", (*library).loadFile}, // (path)
	{"encode", (*library).encode},     // (type, table)
	{"decode", (*library).decode},     // (type, bytes [, table])
	{"types", (*library).eachType},    // (): iterates
	{"type", (*library).describe},     // (type)
	{"fields", (*library).eachField},  // (type): iterates
	{"field", (*library).field},       // (type, name or number)
	{"enum", (*library).enum},         // (type, name or number): the other
	{"defaults", (*library).getDefaults},
	{"option", (*library).option}, // (name)
	{"clear", (*library).clear},   // ([type])
	{"tohex", func(_ *library, t *vm.Thread) int {
		s := t.CheckString(1)
		t.Reserve(3 * len(s))
		var b []byte
		for i := range len(s) {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(b, strings.ToUpper(hex.EncodeToString([]byte{s[i]}))...)
		}
		t.PushBytes(b)
		return 1
	}},
	{"fromhex", func(_ *library, t *vm.Thread) int {
		b, err := hex.DecodeString(strings.Join(strings.Fields(t.CheckString(1)), ""))
		if err != nil {
			t.ArgError(1, err.Error())
		}
		t.PushBytes(b)
		return 1
	}},
	{"result", func(_ *library, t *vm.Thread) int { t.PushString(t.CheckString(1)); return 1 }},
}

// defaultsMode says what decode does for fields that are not there.
type defaultsMode uint8

const (
	autoDefaults defaultsMode = iota // copies them in proto3
	noDefaults
	copiedDefaults
	metaDefaults // a metatable gives them
)

// options are those of pb.option.
var options = map[string]func(l *library){
	"enum_as_name":              func(l *library) { l.enumAsValue = false },
	"enum_as_value":             func(l *library) { l.enumAsValue = true },
	"int64_as_number":           func(l *library) { l.mode = asNumber },
	"int64_as_string":           func(l *library) { l.mode = asString },
	"int64_as_hexstring":        func(l *library) { l.mode = asHex },
	"auto_default_values":       func(l *library) { l.defaults = autoDefaults },
	"no_default_values":         func(l *library) { l.defaults = noDefaults },
	"use_default_values":        func(l *library) { l.defaults = copiedDefaults },
	"use_default_metatable":     func(l *library) { l.defaults = metaDefaults },
	"encode_default_values":     func(l *library) { l.encodeDefaults = true },
	"no_encode_default_values":  func(l *library) { l.encodeDefaults = false },
	"decode_default_array":      func(l *library) { l.defaultArray = true },
	"no_decode_default_array":   func(l *library) { l.defaultArray = false },
	"decode_default_message":    func(l *library) { l.defaultMessage = true },
	"no_decode_default_message": func(l *library) { l.defaultMessage = false },
	"encode_order":              func(*library) {}, // it is always that of the numbers
	"no_encode_order":           func(*library) {},
	"disable_hooks":             func(*library) {},
	"disable_enchooks":          func(*library) {},
}

// library is the module in one VM.
type library struct {
	vm    *vm.VM
	types registry
	metas map[*message]*vm.Table

	mode                                                      integerMode
	defaults                                                  defaultsMode
	enumAsValue, encodeDefaults, defaultArray, defaultMessage bool
}

// Register makes the module available to require in m.
func Register(m *vm.VM) {
	m.Builtin("pb", func(*vm.Thread) vm.Value {
		l := &library{vm: m, types: registry{}, metas: map[*message]*vm.Table{}}
		t := m.NewTable(0, len(functions))
		for _, f := range functions {
			t.SetStr(f.name, m.NewFunc(f.name, func(t *vm.Thread) int { return f.f(l, t) }))
		}
		return t.Value()
	})
}

func (l *library) loadBytes(t *vm.Thread, b []byte) int {
	t.Spend(len(b))
	at, ok := l.types.load(b)
	clear(l.metas)
	t.PushBool(ok)
	t.PushInt(at + 1)
	return 2
}

func (l *library) load(t *vm.Thread) int { return l.loadBytes(t, []byte(t.CheckString(1))) }

func (l *library) loadFile(t *vm.Thread) int {
	name := t.CheckString(1)
	b, err := os.ReadFile(name)
	if err != nil {
		return t.PushError("%s", err.Error())
	}
	return l.loadBytes(t, b)
}

// typeArg is the type that argument 1 names.
func (l *library) typeArg(t *vm.Thread) *message {
	name := t.CheckString(1)
	m := l.types.find(name)
	if m == nil {
		t.ArgError(1, "type '"+name+"' does not exists")
	}
	return m
}

func (l *library) encode(t *vm.Thread) int {
	m := l.typeArg(t)
	t.CheckTable(2)
	e := &encoder{l, t}
	t.PushBytes(e.message(nil, m, t.Arg(2), 0))
	return 1
}

func (l *library) decode(t *vm.Thread) int {
	m := l.typeArg(t)
	d := &decoder{l, t}
	into := t.Arg(3).Table()
	if into == nil {
		into = d.table(m, 0)
	}
	d.message(m, &reader{b: []byte(t.OptString(2, ""))}, into, 0)
	t.Push(into.Value())
	return 1
}

func (l *library) pushType(t *vm.Thread, m *message) int {
	t.PushString(m.name)
	t.PushString(m.name[strings.LastIndexByte(m.name, '.')+1:])
	switch {
	case m.pairs:
		t.PushString("map")
	case m.enum:
		t.PushString("enum")
	default:
		t.PushString("message")
	}
	return 3
}

func (l *library) describe(t *vm.Thread) int {
	if m := l.types.find(t.CheckString(1)); m != nil {
		return l.pushType(t, m)
	}
	return 0
}

func (l *library) eachType(t *vm.Thread) int {
	var list []*message
	for _, m := range l.types {
		if m.known {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, func(a, b *message) int { return strings.Compare(a.name, b.name) })
	t.Push(l.vm.NewFunc("next", func(t *vm.Thread) int {
		if len(list) == 0 {
			t.PushNil()
			return 1
		}
		m := list[0]
		list = list[1:]
		return l.pushType(t, m)
	}))
	return 1
}

func (l *library) eachField(t *vm.Thread) int {
	m := l.types.find(t.CheckString(1))
	n := 0
	t.Push(l.vm.NewFunc("next", func(t *vm.Thread) int {
		if m == nil || n >= len(m.sorted) {
			t.PushNil()
			return 1
		}
		n++
		return pushField(t, m, m.sorted[n-1])
	}))
	return 1
}

func pushField(t *vm.Thread, m *message, f *field) int {
	t.PushString(f.name)
	t.PushInt(f.number)
	switch {
	case f.of != nil:
		t.PushString(f.of.name)
	case f.kind.valid():
		t.PushString(kinds[f.kind].name)
	default:
		t.PushString("<unknown>") // a value of an enumeration
	}
	if f.hasDeflt {
		t.PushString(f.deflt)
	} else {
		t.PushNil()
	}
	switch {
	case f.packed:
		t.PushString("packed")
	case f.repeated:
		t.PushString("repeated")
	default:
		t.PushString("optional")
	}
	if f.oneof == 0 {
		return 5
	}
	t.PushString(m.oneofName(f))
	t.PushInt(f.oneof - 1)
	return 7
}

// fieldArg is the field of a type that argument 2 names or numbers, or nil.
func (l *library) fieldArg(t *vm.Thread) (*message, *field) {
	m := l.types.find(t.CheckString(1))
	if m == nil {
		return nil, nil
	}
	if v := t.Arg(2); v.Kind() == vm.KNumber {
		return m, m.byNumber[int(v.Num())]
	}
	return m, m.byName[t.CheckString(2)]
}

func (l *library) field(t *vm.Thread) int {
	m, f := l.fieldArg(t)
	if f == nil {
		return 0
	}
	return pushField(t, m, f)
}

func (l *library) enum(t *vm.Thread) int {
	_, f := l.fieldArg(t)
	switch {
	case f == nil:
		return 0
	case t.Arg(2).Kind() == vm.KNumber:
		t.PushString(f.name)
	default:
		t.PushInt(f.number)
	}
	return 1
}

// getDefaults gives the metatable of use_default_metatable, or replaces it.
func (l *library) getDefaults(t *vm.Thread) int {
	m := l.types.find(t.CheckString(1))
	if m == nil {
		t.ArgError(1, "type not found")
	}
	t.Push((&decoder{l, t}).meta(m).Value())
	if t.NArg() > 1 {
		delete(l.metas, m)
		if own := t.Arg(2).Table(); own != nil {
			l.metas[m] = own
		}
	}
	return 1
}

func (l *library) option(t *vm.Thread) int {
	set := options[t.CheckString(1)]
	if set == nil {
		t.ArgError(1, "invalid option '"+t.CheckString(1)+"'")
	}
	set(l)
	clear(l.metas)
	return 0
}

// clear forgets a type, or all.
func (l *library) clear(t *vm.Thread) int {
	clear(l.metas)
	if t.Arg(1).IsNil() {
		clear(l.types)
		return 0
	}
	if m := l.types.find(t.CheckString(1)); m != nil {
		// Fields of others may have this type: they go on naming it.
		*m = message{name: m.name, byNumber: map[int]*field{}, byName: map[string]*field{}}
	}
	return 0
}
