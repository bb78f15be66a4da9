// Package cjson is OpenResty's lua-cjson for scripts: the modules cjson and
// cjson.safe, with its settings, its leniencies and its error texts.
package cjson

import (
	"math"
	"strconv"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// version is the lua-cjson that is followed.
const version = "2.1.0.11"

// maxNesting bounds what scripts may set the two nesting limits to: nesting
// costs Go stack.
const maxNesting = 20_000

// library is what the instances of one VM share.
type library struct {
	vm           *vm.VM
	null         vm.Value
	empty        vm.Value  // empty_array
	arrayMT      *vm.Table // array_mt
	emptyArrayMT *vm.Table // empty_array_mt
}

// codec is one instance, as cjson.new() makes it: settings and buffers of its
// own.
type codec struct {
	*library
	emptyAsObject    int
	escapeSlash      int
	skipUnsupported  int
	arrayWithMT      int
	comments         int
	sparseConvert    int
	sparseRatio      int
	sparseSafe       int
	encodeDepth      int
	decodeDepth      int
	precision        int
	keepBuffer       int
	encodeInvalid    int // off, on, null
	decodeInvalid    int
	indent           string
	encoded, decoded []byte
}

// Register makes the modules available to require in m. null is what JSON's
// null becomes: ngx.null.
func Register(m *vm.VM, null vm.Value) {
	var shared *library
	open := func(safe bool) func(*vm.Thread) vm.Value {
		return func(*vm.Thread) vm.Value {
			if shared == nil {
				shared = &library{vm: m, null: null, empty: vm.NamedLight("userdata: empty_array"),
					arrayMT: m.NewTable(0, 0), emptyArrayMT: m.NewTable(0, 0)}
			}
			return shared.instance(safe)
		}
	}
	m.Builtin("cjson", open(false))
	m.Builtin("cjson.safe", open(true))
}

// instance makes the table of a new codec.
func (l *library) instance(safe bool) vm.Value {
	c := &codec{library: l, emptyAsObject: 1, escapeSlash: 1, sparseRatio: 2, sparseSafe: 10,
		encodeDepth: 1000, decodeDepth: 1000, precision: 14, keepBuffer: 1, decodeInvalid: 1}
	t := l.vm.NewTable(0, 32)
	encode, decode, name := c.encode, c.decode, "cjson"
	if safe {
		encode, decode, name = l.protect("encode", encode), l.protect("decode", decode), "cjson.safe"
	}
	t.SetStr("encode", l.vm.NewFunc("encode", encode))
	t.SetStr("decode", l.vm.NewFunc("decode", decode))
	t.SetStr("new", l.vm.NewFunc("new", func(t *vm.Thread) int {
		t.Push(l.instance(safe))
		return 1
	}))
	for name, do := range c.settings() {
		t.SetStr(name, l.vm.NewFunc(name, do))
	}
	t.SetStr("null", l.null)
	t.SetStr("empty_array", l.empty)
	t.SetStr("array_mt", l.arrayMT.Value())
	t.SetStr("empty_array_mt", l.emptyArrayMT.Value())
	t.SetStr("_NAME", vm.String(name))
	t.SetStr("_VERSION", vm.String(version))
	return t.Value()
}

// settings are the functions that read and change the codec.
func (c *codec) settings() map[string]vm.Func {
	return map[string]vm.Func{
		"encode_empty_table_as_object":        option(&c.emptyAsObject, "off", "on"),
		"encode_escape_forward_slash":         option(&c.escapeSlash, "off", "on"),
		"encode_skip_unsupported_value_types": option(&c.skipUnsupported, "off", "on"),
		"decode_array_with_array_mt":          option(&c.arrayWithMT, "off", "on"),
		"decode_allow_comment":                option(&c.comments, "off", "on"),
		"encode_keep_buffer":                  option(&c.keepBuffer, "off", "on"),
		"encode_invalid_numbers":              option(&c.encodeInvalid, "off", "on", "null"),
		"decode_invalid_numbers":              option(&c.decodeInvalid, "off", "on"),
		"encode_max_depth":                    integer(&c.encodeDepth, 1, math.MaxInt32),
		"decode_max_depth":                    integer(&c.decodeDepth, 1, math.MaxInt32),
		"encode_number_precision":             integer(&c.precision, 1, 16),
		"encode_sparse_array": func(t *vm.Thread) int {
			atMost(t, 3)
			return setOption(t, 1, &c.sparseConvert, "off", "on") +
				setInteger(t, 2, &c.sparseRatio, 0, math.MaxInt32) +
				setInteger(t, 3, &c.sparseSafe, 0, math.MaxInt32)
		},
		"encode_indent": func(t *vm.Thread) int {
			atMost(t, 1)
			c.indent = t.OptString(1, c.indent)
			t.PushString(c.indent)
			return 1
		},
	}
}

func atMost(t *vm.Thread, n int) {
	if t.NArg() > n {
		t.ArgError(n+1, "found too many arguments")
	}
}

// option makes a function for a setting that is one of names. The first two
// are false and true as well.
func option(setting *int, names ...string) vm.Func {
	return func(t *vm.Thread) int {
		atMost(t, 1)
		return setOption(t, 1, setting, names...)
	}
}

func setOption(t *vm.Thread, i int, setting *int, names ...string) int {
	switch v := t.Arg(i); v.Kind() {
	case vm.KNil:
	case vm.KBool:
		*setting = 0
		if v.Bool() {
			*setting = 1
		}
	default:
		name, found := t.CheckString(i), false
		for n := range names {
			if names[n] == name {
				*setting, found = n, true
			}
		}
		if !found {
			t.ArgError(i, "invalid option '"+name+"'")
		}
	}
	if *setting < 2 {
		t.PushBool(*setting == 1)
	} else {
		t.PushString(names[*setting])
	}
	return 1
}

// integer makes a function for a setting that is a number.
func integer(setting *int, low, high int) vm.Func {
	return func(t *vm.Thread) int {
		atMost(t, 1)
		return setInteger(t, 1, setting, low, high)
	}
}

func setInteger(t *vm.Thread, i int, setting *int, low, high int) int {
	if !t.Arg(i).IsNil() {
		n := t.CheckInt(i)
		if n < low || n > high {
			t.ArgError(1, "expected integer between "+strconv.Itoa(low)+" and "+strconv.Itoa(high))
		}
		*setting = n
	}
	t.PushInt(*setting)
	return 1
}

// protect makes a function return nil and the text instead of raising an
// error.
func (l *library) protect(name string, f vm.Func) vm.Func {
	inner := l.vm.NewFunc(name, f)
	return func(t *vm.Thread) int {
		oneArg(t)
		results, err := t.Call(inner, t.Arg(1))
		switch e := err.(type) {
		case nil:
			return t.PushAll(results)
		case *vm.Error:
			t.PushNil()
			t.Push(e.Value)
			return 2
		case *vm.Exit: // a metamethod ended the script
			t.Exit(e.Value)
		}
		return 0
	}
}

func oneArg(t *vm.Thread) {
	if t.NArg() != 1 {
		t.ArgError(1, "expected 1 argument")
	}
}
