// Package ffi is the part of LuaJIT's module ffi that can be had without C:
// C types laid over memory of our own. Libraries use it for buffers and
// structures. Functions of C are a handful that is built in; others are
// missing, and shared libraries cannot be loaded.
package ffi

import (
	"bytes"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// library is the module in one VM.
type library struct {
	*declarations
	vm        *vm.VM
	null      vm.Value // ngx.null, which is a NULL pointer too
	plain     *vm.Table
	collected *vm.Table
	nextAddr  uint64
	errno     int
	names     map[string]*ctype // types by how they were written
}

// Register makes ffi available to require in m.
func Register(m *vm.VM, null vm.Value) {
	m.Builtin("ffi", func(*vm.Thread) vm.Value {
		l := &library{declarations: newDeclarations(), vm: m, null: null, nextAddr: 0x10000, names: map[string]*ctype{}}
		if err := l.declare(opaque); err != nil {
			panic(err)
		}
		return l.open()
	})
}

// opaque are the types that modules of the server stand for, which programs
// cast their values to.
const opaque = `
typedef struct stack_st OPENSSL_STACK;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct x509_st X509;
`

func (l *library) open() vm.Value {
	l.openMetatable()
	module := l.vm.NewTable(0, 24)
	for name, do := range map[string]func(t *vm.Thread) int{
		"cdef": l.cdef, "typeof": l.typeof, "new": l.new, "cast": l.cast, "string": l.str, "copy": l.copy, "fill": l.fill,
		"sizeof": l.sizeof, "alignof": l.alignof, "offsetof": l.offsetof, "istype": l.istype, "gc": l.setGC, "metatype": l.metatype,
		"abi": l.abi, "errno": l.getErrno, "load": l.loadLibrary,
	} {
		module.SetStr(name, l.vm.NewFunc(name, do))
	}
	module.SetStr("os", vm.String("Linux"))
	module.SetStr("arch", vm.String("x64"))
	c, mt := l.vm.NewTable(0, 8), l.vm.NewTable(0, 1)
	mt.SetStr("__index", l.vm.NewFunc("__index", l.symbol))
	c.SetMetatable(mt)
	module.SetStr("C", c.Value())
	return module.Value()
}

func (l *library) cdef(t *vm.Thread) int {
	if err := l.declare(t.CheckString(1)); err != nil {
		t.Errorf("%v", err)
	}
	return 0
}

// maxNames bounds the texts of types that are remembered.
const maxNames = 1024

// checkType is an argument that names a type: text, a type or a value of it.
func (l *library) checkType(t *vm.Thread, i int) *ctype {
	v := t.Arg(i)
	if ct, ok := typeOf(v); ok {
		return ct
	}
	if c := l.cdataOf(v); c != nil {
		return c.t
	}
	if v.Kind() != vm.KString {
		t.TypeError(i, "C type")
	}
	if ct := l.names[v.Str()]; ct != nil {
		return ct
	}
	ct, err := l.typeName(v.Str(), nil)
	if err != nil {
		t.Errorf("%v", err)
	}
	if ct.kind == record && !ct.complete || strings.Contains(v.Str(), "{") {
		return ct // it may be declared later; or it is a new type each time
	}
	if len(l.names) >= maxNames {
		clear(l.names)
	}
	l.names[v.Str()] = ct
	return ct
}

func (l *library) typeof(t *vm.Thread) int {
	var ct *ctype
	if n := t.NArg(); n > 1 {
		given := make([]*ctype, 0, n-1)
		for i := 2; i <= n; i++ {
			given = append(given, l.checkType(t, i))
		}
		var err error
		if ct, err = l.typeName(t.CheckString(1), given); err != nil {
			t.Errorf("%v", err)
		}
	} else {
		ct = l.checkType(t, 1)
	}
	t.Push(l.vm.NewUserdata(&ctypeValue{ct}, l.plain))
	return 1
}

func (l *library) new(t *vm.Thread) int {
	ct := l.checkType(t, 1)
	args := append([]vm.Value(nil), t.Args()[1:]...)
	t.Push(l.create(t, ct, args))
	return 1
}

// create makes a value of a type. Numbers are Lua's own.
func (l *library) create(t *vm.Thread, ct *ctype, args []vm.Value) vm.Value {
	size := ct.size
	if ct.kind == array && ct.count < 0 {
		if len(args) == 0 {
			t.Errorf("size of C type is unknown or too large")
		}
		n, ok := args[0].ToNumber()
		if !ok || !(n >= 0) || n > float64(maxSize/max(ct.elem.size, 1)) {
			t.Errorf("size of C type is unknown or too large")
		}
		size, args = int(n)*ct.elem.size, args[1:]
	}
	switch {
	case ct.kind == void || ct.kind == function || !ct.complete:
		t.Errorf("size of C type is unknown or too large")
	case ct.kind == pointer:
		to := place{}
		if len(args) > 0 {
			to = l.mustPoint(t, args[0], ct)
		}
		return l.value(&cdata{t: ct, at: to})
	}
	t.Reserve(size)
	at := place{mem: l.allocate(size)}
	if ct.kind != array && ct.kind != record {
		if len(args) > 0 {
			l.store(t, ct, at, args[0])
		}
		return l.load(t, ct, at)
	}
	if len(args) > 0 && !(len(args) == 1 && args[0].IsNil()) {
		l.construct(t, ct, at, size, args)
	}
	c := &cdata{t: ct, at: at}
	if ct.meta != nil && !ct.meta.GetStr("__gc").IsNil() {
		return l.vm.NewUserdata(c, l.collected)
	}
	return l.value(c)
}

// construct fills a new array or record from the arguments of its constructor.
func (l *library) construct(t *vm.Thread, ct *ctype, at place, size int, args []vm.Value) {
	first := args[0]
	if len(args) == 1 && (first.Table() != nil || first.Kind() == vm.KString || l.cdataOf(first) != nil && !l.scalarField(ct)) {
		l.initialize(t, ct, at, first)
		return
	}
	if ct.kind == record {
		for i, v := range args {
			if i >= len(ct.fields) {
				t.Errorf("too many initializers for '%s'", ct)
			}
			if f := ct.fields[i]; !v.IsNil() {
				l.store(t, f.t, place{at.mem, f.off}, v)
			}
		}
		return
	}
	for i := 0; (i+1)*ct.elem.size <= size; i++ { // one value fills the array
		v := args[min(i, len(args)-1)]
		if i >= len(args) && len(args) > 1 {
			return
		}
		l.store(t, ct.elem, place{at.mem, i * ct.elem.size}, v)
	}
}

// scalarField tells whether the first field of a record takes a pointer.
func (l *library) scalarField(ct *ctype) bool {
	return ct.kind == record && len(ct.fields) > 0 && ct.fields[0].t.kind == pointer
}

func (l *library) mustPoint(t *vm.Thread, v vm.Value, ct *ctype) place {
	to, ok := l.pointerOf(t, v)
	if !ok {
		l.cannot(t, v, ct)
	}
	return to
}

// foreign tells whether a value is of the server's own, and cdata in OpenResty:
// a pointer that scripts only pass on.
func (l *library) foreign(v vm.Value) bool {
	u := v.Userdata()
	if u == nil || l.cdataOf(v) != nil {
		return false
	}
	_, ok := u.Value.(interface{ LuaType() string })
	return ok
}

func (l *library) cast(t *vm.Thread) int {
	ct, v := l.checkType(t, 1), t.Arg(2)
	switch ct.kind {
	case pointer:
		if l.foreign(v) {
			t.Push(v)
			return 1
		}
		to := l.mustPoint(t, v, ct)
		if to == (place{}) {
			t.PushNil() // NULL is nil, which scripts compare it with
		} else {
			t.Push(l.value(&cdata{t: ct, at: to}))
		}
	case boolean, integer, float:
		at := place{mem: l.allocate(ct.size)}
		l.storeNumber(t, ct, at, l.number(t, v, ct))
		t.Push(l.load(t, ct, at))
	default:
		l.cannot(t, v, ct)
	}
	return 1
}

// bytesOf are the bytes at a pointer or of a string.
func (l *library) bytesOf(t *vm.Thread, i int) []byte {
	v := t.Arg(i)
	if v.Kind() == vm.KString {
		return []byte(v.Str())
	}
	c := l.cdataOf(v)
	if c == nil {
		t.TypeError(i, "cdata")
	}
	c.at.span(t, 0)
	return c.at.mem.bytes[c.at.off:]
}

func (l *library) str(t *vm.Thread) int {
	b := l.bytesOf(t, 1)
	if !t.Arg(2).IsNil() {
		n := t.CheckInt(2)
		if n < 0 || n > len(b) {
			t.Errorf("attempt to access memory out of bounds")
		}
		t.PushBytes(b[:n])
		return 1
	}
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	t.PushBytes(b)
	return 1
}

func (l *library) copy(t *vm.Thread) int {
	to, from := l.bytesOf(t, 1), l.bytesOf(t, 2)
	if t.Arg(3).IsNil() {
		if t.Arg(2).Kind() != vm.KString {
			t.TypeError(3, "number")
		}
		from = append(from, 0)
	} else {
		n := t.CheckInt(3)
		if n == len(from)+1 && t.Arg(2).Kind() == vm.KString {
			from = append(from, 0)
		}
		if n < 0 || n > len(from) {
			t.Errorf("attempt to access memory out of bounds")
		}
		from = from[:n]
	}
	if len(from) > len(to) {
		t.Errorf("attempt to access memory out of bounds")
	}
	copy(to, from)
	return 0
}

func (l *library) fill(t *vm.Thread) int {
	b, n := l.bytesOf(t, 1), t.CheckInt(2)
	if n < 0 || n > len(b) {
		t.Errorf("attempt to access memory out of bounds")
	}
	c := byte(t.OptInt(3, 0))
	for i := range b[:n] {
		b[i] = c
	}
	return 0
}

func (l *library) sizeof(t *vm.Thread) int {
	if c := l.cdataOf(t.Arg(1)); c != nil && c.t.kind == array && c.t.count < 0 {
		t.PushInt(len(c.at.mem.bytes) - c.at.off)
		return 1
	}
	ct := l.checkType(t, 1)
	switch {
	case ct.kind == array && ct.count < 0:
		if t.Arg(2).IsNil() {
			t.PushNil()
			return 1
		}
		t.PushInt(ct.elem.size * t.CheckInt(2))
	case !ct.complete || ct.kind == void || ct.kind == function:
		t.PushNil()
	default:
		t.PushInt(ct.size)
	}
	return 1
}

func (l *library) alignof(t *vm.Thread) int {
	t.PushInt(l.checkType(t, 1).align)
	return 1
}

func (l *library) offsetof(t *vm.Thread) int {
	f, ok := l.checkType(t, 1).field(t.CheckString(2))
	if !ok {
		t.PushNil()
		return 1
	}
	t.PushInt(f.off)
	return 1
}

func (l *library) istype(t *vm.Thread) int {
	ct, c := l.checkType(t, 1), l.cdataOf(t.Arg(2))
	t.PushBool(c != nil && (sameType(ct, c.t) || ct.kind == record && c.t.kind == pointer && sameType(ct, c.t.elem)))
	return 1
}

// setGC is ffi.gc.
func (l *library) setGC(t *vm.Thread) int {
	if c := l.cdataOf(t.Arg(1)); c != nil {
		c.gc = t.Arg(2)
		if u := t.Arg(1).Userdata(); !c.gc.IsNil() && u.Metatable() != l.collected {
			u.SetMetatable(l.collected)
			l.vm.Finalize(u)
		}
	}
	t.Push(t.Arg(1))
	return 1
}

func (l *library) metatype(t *vm.Thread) int {
	ct, mt := l.checkType(t, 1), t.CheckTable(2)
	if ct.kind != record {
		t.Errorf("cannot have a metatable: '%s'", ct)
	}
	if ct.meta != nil {
		t.Errorf("cannot change a protected metatable")
	}
	ct.meta = mt
	t.Push(l.vm.NewUserdata(&ctypeValue{ct}, l.plain))
	return 1
}

func (l *library) abi(t *vm.Thread) int {
	switch t.CheckString(1) {
	case "64bit", "le", "fpu", "hardfp":
		t.PushBool(true)
	default:
		t.PushBool(false)
	}
	return 1
}

func (l *library) getErrno(t *vm.Thread) int {
	was := l.errno
	if !t.Arg(1).IsNil() {
		l.errno = t.CheckInt(1)
	}
	t.PushInt(was)
	return 1
}

func (l *library) loadLibrary(t *vm.Thread) int {
	name := t.CheckString(1)
	t.Errorf("%s: cannot open shared object file: No such file or directory", name)
	return 0
}

// symbol is the access to ffi.C: constants that were declared, and the
// functions of C that are built in.
func (l *library) symbol(t *vm.Thread) int {
	name := t.CheckString(2)
	if n, ok := l.constants[name]; ok {
		t.PushNumber(float64(n))
		return 1
	}
	ct := l.functions[name]
	if ct == nil {
		t.Errorf("missing declaration for symbol '%s'", name)
	}
	do := symbols[name]
	if do == nil {
		t.Errorf("undefined symbol: %s", name)
	}
	f := l.value(&cdata{t: ct, fn: func(t *vm.Thread) int { return do(l, t) }})
	t.Arg(1).Table().SetStr(name, f)
	t.Push(f)
	return 1
}
