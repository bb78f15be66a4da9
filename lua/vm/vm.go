// Package vm is a Lua machine: LuaJIT's dialect of Lua 5.1, compiled to the code of an interpreter and run by it.
//
// A VM and all that belongs to it (threads, tables, values) is used by one goroutine at a time. A host function may wait
// by parking the goroutine or coroutine it runs on; meanwhile others may run other threads of the same VM, as long as
// only one runs at any moment.
package vm

import (
	"reflect"
	"runtime"
	"unsafe"
)

// Func is a function of Go that Lua can call. Its arguments are t.Arg(1) to t.Arg(t.NArg()); it pushes its results and
// returns how many of the last pushed values they are. It raises errors with t.Errorf and its like, which do not return.
// A panic becomes a Lua error too; a value with a method UnwindsLua passes through all Lua code.
type Func func(t *Thread) int

// Options of a VM.
type Options struct {
	MemoryLimit int64 // bytes one run may allocate, freed or not; 0: no limit
	Pool        *Pool // shared with other VMs of the same goroutine; nil: one of its own
}

// VM is one Lua world.
type VM struct {
	globals      *Table
	registry     *Table
	strMeta      *Table
	numMeta      *Table
	kindMeta     [KThread + 1]*Table
	main         *Thread
	onSlice      func(t *Thread, s Slice) error
	onYield      func(t *Thread, args []Value) []Value
	hook         *hook
	builtins     map[string]func(t *Thread) Value
	fallbacks    map[string]func(t *Thread) Value
	natives      uint32 // functions of Go made so far
	moreBuiltins func(name string)
	shared       *Pool
	opts         Options
	gc           *collector
	yield        Value
	resume       Value
	next         Value
	ipairs       Value
	scratch      []byte
	closed       bool
	bound        map[reflect.Type]*binding // see Bind
}

// New makes a VM without libraries; package stdlib has them.
func New(o Options) *VM {
	m := &VM{opts: o, builtins: map[string]func(t *Thread) Value{}, gc: &collector{}, shared: o.Pool}
	if m.shared == nil {
		m.shared = NewPool()
		m.globals, m.registry = newTable(0, 64), newTable(0, 8)
	} else { // one of many, and small
		m.globals, m.registry = newTable(0, 0), newTable(0, 0)
	}
	m.yield = m.special("yield", spYield, yieldToHost)
	m.resume = m.special("resume", spResume, specialOnly)
	m.next = m.NewFunc("next", nextFunc)
	m.next.native().loop = loopNext
	m.ipairs = m.NewFunc("ipairs_aux", ipairsAux)
	m.ipairs.native().loop = loopIpairs
	return m
}

func (m *VM) newExec() *exec {
	x := &exec{}
	x.reset(m)
	return x
}

func (x *exec) reset(m *VM) {
	*x = exec{vm: m, budget: slice}
	if m != nil {
		x.maxBytes = m.opts.MemoryLimit
	}
}

// Close releases the VM. It must not be used afterwards.
func (m *VM) Close() {
	m.closed = true
	m.gc.close()
}

// Globals is the table of global variables.
func (m *VM) Globals() *Table { return m.globals }

// Registry is a table that Lua code sees only through debug.getregistry.
func (m *VM) Registry() *Table { return m.registry }

// Main is the thread that the VM begins with.
func (m *VM) Main() *Thread {
	if m.main == nil {
		m.main = newThread(m, 256, 16)
		m.main.root = true
		m.main.x = m.newExec()
	}
	return m.main
}

// NewTable makes a table with room for narr elements and nrec other entries.
func (m *VM) NewTable(narr, nrec int) *Table { return newTable(narr, nrec) }

// NewFunc makes a function. The name is for messages when nothing better is known.
func (m *VM) NewFunc(name string, f Func) Value {
	return m.special(name, spNone, f)
}

func (m *VM) special(name string, sp uint8, f Func) Value {
	m.natives++
	return Value{unsafe.Pointer(&native{Function: Function{env: m.globals}, fn: f, special: sp, id: m.natives, name: name}), tNative}
}

// Primitive gives a function that only the VM can carry out: "pcall", "xpcall", "resume", "yield", "next" or "ipairs"
// (the iterator that ipairs returns). Loops over the last two run without calling them.
func (m *VM) Primitive(name string) Value {
	switch name {
	case "pcall":
		return m.special(name, spPcall, specialOnly)
	case "xpcall":
		return m.special(name, spXpcall, specialOnly)
	case "resume":
		return m.resume
	case "yield":
		return m.yield
	case "next":
		return m.next
	case "ipairs":
		return m.ipairs
	}
	return Nil
}

// NewUserdata makes a full userdata around v; mt may be nil. With a __gc in mt, that is called after the userdata has
// become garbage.
func (m *VM) NewUserdata(v any, mt *Table) Value {
	u := &Userdata{Value: v, meta: mt, env: m.globals}
	if mt != nil && !mt.GetStr("__gc").IsNil() {
		m.Finalize(u)
	}
	return Value{unsafe.Pointer(u), tUser}
}

// Finalize has the __gc of the userdata called after it has become garbage, if it has one by then.
func (m *VM) Finalize(u *Userdata) {
	if u.due { // Go ends the process over a second finalizer
		return
	}
	u.due = true
	gc := m.gc
	gc.expected.Add(1)
	runtime.SetFinalizer(u, func(u *Userdata) { gc.add(u) })
}

// Load makes a function out of a compiled chunk, with the VM's globals.
func (m *VM) Load(p *Proto) Value {
	q := m.shared.protos[p]
	if q == nil {
		if len(m.shared.protos) >= maxProtos {
			clear(m.shared.protos)
		}
		q = p.instantiate()
		m.shared.protos[p] = q
	}
	return Value{unsafe.Pointer(newClosure(q, m.globals)), tLua}
}

// maxProtos bounds the chunks whose copies are kept for the next load.
const maxProtos = 4096

// loadOnce is Load for a chunk that no other VM and no later load will use.
func (m *VM) loadOnce(p *Proto, env *Table) Value {
	return Value{unsafe.Pointer(newClosure(p, env)), tLua}
}

// Builtin says that require of this name gives what load makes, on first use. It wins over files.
func (m *VM) Builtin(name string, load func(t *Thread) Value) { m.builtins[name] = load }

// BuiltinLoader gives what Builtin was told, or nil.
func (m *VM) BuiltinLoader(name string) func(t *Thread) Value {
	if f := m.builtins[name]; f != nil || m.moreBuiltins == nil {
		return f
	}
	m.moreBuiltins(name)
	return m.builtins[name]
}

// Fallback is Builtin for a module that files of its name win over.
func (m *VM) Fallback(name string, load func(t *Thread) Value) {
	if m.fallbacks == nil {
		m.fallbacks = map[string]func(t *Thread) Value{}
	}
	m.fallbacks[name] = load
}

// FallbackLoader gives what Fallback was told, or nil, when BuiltinLoader has been asked for the name.
func (m *VM) FallbackLoader(name string) func(t *Thread) Value { return m.fallbacks[name] }

// MoreBuiltins sets what is asked for a builtin that is not there: it may make one.
func (m *VM) MoreBuiltins(f func(name string)) { m.moreBuiltins = f }

// Builtins calls f with the name of every builtin and every fallback.
func (m *VM) Builtins(f func(name string)) {
	for name := range m.builtins {
		f(name)
	}
	for name := range m.fallbacks {
		f(name)
	}
}

// SetPath sets package.path and package.cpath.
func (m *VM) SetPath(path, cpath string) {
	if p := m.globals.GetStr("package").Table(); p != nil {
		p.SetStr("path", String(path))
		p.SetStr("cpath", String(cpath))
	}
}

// Path gives package.path and package.cpath.
func (m *VM) Path() (path, cpath string) {
	if p := m.globals.GetStr("package").Table(); p != nil {
		return p.GetStr("path").Str(), p.GetStr("cpath").Str()
	}
	return "", ""
}

// OnYield sets what happens when coroutine.yield is called on a thread that nobody resumed: f gets the values and gives
// what yield returns. It may wait. Without it such a yield is an error.
func (m *VM) OnYield(f func(t *Thread, args []Value) []Value) { m.onYield = f }

func yieldToHost(t *Thread) int {
	args := append([]Value(nil), t.Args()...)
	res := t.vm.onYield(t, args)
	for i := range res {
		t.Push(res[i])
	}
	return len(res)
}

// SetTypeMetatable sets the metatable that all values of a kind share: all but tables and full userdata.
func (m *VM) SetTypeMetatable(k Kind, mt *Table) {
	switch k {
	case KString:
		m.strMeta = mt
	case KNumber:
		m.numMeta = mt
	default:
		m.kindMeta[k] = mt
	}
}

// MetatableOf gives the metatable of any value, or nil.
func (m *VM) MetatableOf(v Value) *Table { return m.metatable(&v) }

// NewThread gives a thread of the server: one that Go runs with Call.
func (m *VM) NewThread() *Thread {
	if n := len(m.shared.threads); n > 0 {
		t := m.shared.threads[n-1]
		m.shared.threads[n-1] = nil
		m.shared.threads = m.shared.threads[:n-1]
		t.vm, t.env = m, m.globals
		t.x.reset(m)
		return t
	}
	t := newThread(m, 32, 4)
	t.root = true
	t.x = m.newExec()
	return t
}

// maxPool bounds the threads kept for reuse, maxPooledStack the stack of one that is kept (bytes).
const (
	maxPool        = 256
	maxPooledStack = 16 * 4096
)

// Release gives a thread back that will not be used any more. One that still runs is not kept.
func (m *VM) Release(t *Thread) {
	if !t.root || t.hasFrame() || t.depth > 0 || m.closed || len(m.shared.threads) >= maxPool || t.limit > maxPooledStack {
		return
	}
	clear(t.slice(0, int(t.limit/16)))
	clear(t.buf[:cap(t.buf)])
	x := t.x
	x.reset(nil)
	*t = Thread{stk: t.stk, limit: t.limit, frames: t.frames, flimit: t.flimit, fo: t.fo, root: true,
		buf: t.buf[:0], x: x}
	m.shared.threads = append(m.shared.threads, t)
}
