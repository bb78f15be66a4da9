package ffi

import (
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// kind is what a C type is at the bottom.
type kind uint8

const (
	void kind = iota
	boolean
	integer
	float
	pointer
	array
	record // struct or union
	function
)

// ctype is a C type. Types are compared by sameType: only records and those
// with a metatable have an identity.
type ctype struct {
	kind        kind
	name        string // of base types, records and their typedefs
	size, align int
	depth       int // of types within it
	unsigned    bool
	elem        *ctype // of a pointer or array; what a function returns
	count       int    // of an array; -1 for [?]
	fields      []field
	union       bool
	complete    bool // the fields of a record are known
	params      []*ctype
	meta        *vm.Table // of ffi.metatype
}

type field struct {
	name string // "" for an embedded record
	t    *ctype
	off  int
}

// wordSize is that of pointers and long: LP64.
const wordSize = 8

func base(k kind, name string, size int, unsigned bool) *ctype {
	return &ctype{kind: k, name: name, size: size, align: max(size, 1), unsigned: unsigned, complete: true}
}

// baseTypes are those that need no declaration.
func baseTypes() map[string]*ctype {
	types := map[string]*ctype{}
	add := func(t *ctype, names ...string) {
		for _, n := range names {
			types[n] = t
		}
	}
	add(base(void, "void", 0, false), "void")
	add(base(boolean, "bool", 1, true), "bool", "_Bool")
	add(base(float, "float", 4, false), "float")
	add(base(float, "double", 8, false), "double")
	for _, n := range []int{8, 16, 32, 64} {
		bits := strconv.Itoa(n)
		add(base(integer, "int"+bits+"_t", n/8, false), "int"+bits+"_t", "__int"+bits)
		add(base(integer, "uint"+bits+"_t", n/8, true), "uint"+bits+"_t")
	}
	add(base(integer, "long", wordSize, false), "intptr_t", "ptrdiff_t", "ssize_t", "time_t", "off_t", "intmax_t")
	add(base(integer, "unsigned long", wordSize, true), "uintptr_t", "size_t", "uintmax_t")
	add(base(integer, "char", 1, false), "char")
	add(base(integer, "int", 4, false), "int")
	for _, n := range []string{"u_char", "uint8"} {
		types[n] = types["uint8_t"]
	}
	return types
}

// integerType is the type that a list of specifiers means: "unsigned long int".
func integerType(words []string) *ctype {
	longs, short, unsigned, char := 0, false, false, ""
	for _, w := range words {
		switch w {
		case "long":
			longs++
		case "short":
			short = true
		case "unsigned":
			unsigned = true
		case "char", "double", "signed":
			char += w
		}
	}
	t := base(integer, "int", 4, unsigned)
	switch {
	case strings.Contains(char, "double"):
		return base(float, "double", 8, false)
	case strings.Contains(char, "char"):
		t = base(integer, "char", 1, unsigned)
	case short:
		t = base(integer, "short", 2, unsigned)
	case longs > 0:
		t = base(integer, "long", wordSize, unsigned)
	}
	if unsigned {
		t.name = "unsigned " + t.name
	}
	return t
}

func pointerTo(t *ctype) *ctype {
	return &ctype{kind: pointer, size: wordSize, align: wordSize, elem: t, complete: true, depth: t.depth + 1}
}

func arrayOf(t *ctype, n int) *ctype {
	return &ctype{kind: array, size: t.size * max(n, 0), align: t.align, elem: t, count: n, complete: true, depth: t.depth + 1}
}

// String is the type as C writes it.
func (t *ctype) String() string {
	switch t.kind {
	case pointer:
		if t.elem.kind == pointer {
			return t.elem.String() + "*"
		}
		return t.elem.String() + " *"
	case array:
		if t.count < 0 {
			return t.elem.String() + " [?]"
		}
		return t.elem.String() + " [" + strconv.Itoa(t.count) + "]"
	case function:
		return t.elem.String() + " ()"
	}
	return t.name
}

// layout places the fields of a record.
func (t *ctype) layout(fields []field) {
	t.size, t.align = 0, 1
	for i := range fields {
		f := &fields[i]
		t.align = max(t.align, f.t.align)
		t.depth = max(t.depth, f.t.depth+1)
		if t.union {
			t.size = max(t.size, f.t.size)
			continue
		}
		f.off = aligned(t.size, f.t.align)
		t.size = f.off + f.t.size
	}
	t.size = aligned(t.size, t.align)
	t.fields, t.complete = fields, true
}

func aligned(n, to int) int { return (n + to - 1) / to * to }

// field finds a field by name, those of embedded records too.
func (t *ctype) field(name string) (f field, ok bool) {
	for _, f := range t.fields {
		if f.name == name {
			return f, true
		}
		if f.name == "" && f.t.kind == record {
			if in, ok := f.t.field(name); ok {
				in.off += f.off
				return in, true
			}
		}
	}
	return field{}, false
}

// sameType compares types as ffi.istype does.
func sameType(a, b *ctype) bool {
	if a == b {
		return true
	}
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case pointer:
		return sameType(a.elem, b.elem)
	case array:
		return a.count == b.count && sameType(a.elem, b.elem)
	case integer, float:
		return a.size == b.size && a.unsigned == b.unsigned
	case record, function:
		return false
	}
	return true
}
