// Package vm is the Lua virtual machine: it compiles and runs scripts and is the API that host
// functions are written against.
//
// A VM belongs to one goroutine at a time; its threads take turns. A host function may park the
// goroutine or iter.Pull coroutine it runs on, and other threads of the same VM run meanwhile. This
// implementation is a layer over gopher-lua.
package vm

import (
	"unsafe"

	glua "github.com/yuin/gopher-lua"
)

// Limits of one VM.
const (
	maxFrames     = 16384   // nested calls of one thread: "stack overflow"
	firstFrames   = 512     // room for frames in a new thread
	maxRegisters  = 1 << 18 // values on one thread's stack: "stack overflow"
	maxCoroutines = 190     // coroutines that resume one another: "C stack overflow"
	maxIdle       = 1024    // pooled threads, stacks and carriers kept, each
	maxIdleStack  = 4096    // values on the stack of a pooled thread
	maxString     = 1 << 28 // bytes of a string that a script makes: "not enough memory"
)

// Options of a VM. The zero value is usable.
type Options struct {
	// MemoryLimit is the size in bytes of the largest string a script may build; 0 and more than
	// 256 MB are 256 MB. This implementation has no measure of a script's tables.
	MemoryLimit int64
}

// VM is one Lua world: globals, loaded modules and a pool of threads.
type VM struct {
	main      *glua.LState
	onYield   func(t *Thread, args []Value) []Value
	onPanic   func(t *Thread, value any, stack string)
	builtins  map[string]func(t *Thread) Value
	requires  map[string]*Thread // server threads that load a module
	threads   []*Thread          // server threads at rest, stack attached
	idle      []*glua.LState     // stacks at rest
	carriers  []*carrier
	maxString int
	dumps     []*Proto // by string.dump

	next, ipairsNext Value // what pairs and ipairs return
	pkg              *Table
	loaded           *Table
}

// New makes a VM with the standard libraries open.
func New(o Options) *VM {
	limit := int(o.MemoryLimit)
	if limit <= 0 || limit > maxString {
		limit = maxString
	}
	m := &VM{
		main: glua.NewState(glua.Options{
			CallStackSize: firstFrames, RegistrySize: 256, RegistryMaxSize: maxRegisters, RegistryGrowStep: 1024,
			SkipOpenLibs: true, MinimizeStackMemory: true,
		}),
		builtins:  map[string]func(t *Thread) Value{},
		requires:  map[string]*Thread{},
		maxString: limit,
	}
	m.main.Panic = raiseGopher
	m.main.G.MainThread, m.main.G.CurrentThread = m.main, m.main
	m.openLibraries()
	return m
}

// Close ends every coroutine that is still suspended. The VM must not be used afterwards.
func (m *VM) Close() {
	for _, c := range m.carriers {
		c.stop()
	}
	m.carriers, m.idle, m.threads = nil, nil, nil
}

func (m *VM) Globals() *Table  { return Value{m.main.G.Global}.Table() }
func (m *VM) Registry() *Table { return Value{m.main.G.Registry}.Table() }

// NewTable makes a table with room for narr items and nrec fields.
func (m *VM) NewTable(narr, nrec int) *Table {
	return Value{m.main.CreateTable(narr, nrec)}.Table()
}

// Func is a host function: it reads its arguments from t, pushes results and returns how many of
// the last pushed are its own.
type Func func(t *Thread) int

// NewFunc makes a function value of f. name stands in error messages when the caller has none for
// it.
func (m *VM) NewFunc(name string, f Func) Value {
	return Value{m.main.NewClosure(func(l *glua.LState) int { return f(owner(l)) }, glua.LString(name))}
}

// NewUserdata makes a full userdata; mt may be nil.
func (m *VM) NewUserdata(v any, mt *Table) Value {
	u := &Userdata{Value: v, env: m.main.G.Global, metatable: mt.Value().lv()}
	return Value{(*glua.LUserData)(unsafe.Pointer(u))}
}

// Builtin makes `require name` return what load gives, before any file is looked for. It is built
// at the first require.
func (m *VM) Builtin(name string, load func(t *Thread) Value) { m.builtins[name] = load }

// SetPath sets package.path and package.cpath.
func (m *VM) SetPath(path, cpath string) {
	m.pkg.SetStr("path", String(path))
	m.pkg.SetStr("cpath", String(cpath))
}

// Path returns package.path and package.cpath.
func (m *VM) Path() (path, cpath string) {
	return m.pkg.GetStr("path").Str(), m.pkg.GetStr("cpath").Str()
}

// OnYield sets what coroutine.yield does on a thread that no coroutine.resume runs: f gets yield's
// arguments and returns its results.
func (m *VM) OnYield(f func(t *Thread, args []Value) []Value) { m.onYield = f }

// OnPanic sets a function that is told of every Go panic that becomes a Lua error, also of those that
// a script catches: they are faults of host functions, for the log.
func (m *VM) OnPanic(f func(t *Thread, value any, stack string)) { m.onPanic = f }

// NewThread takes a thread from the pool. Give it back with Release.
func (m *VM) NewThread() *Thread {
	if n := len(m.threads); n > 0 {
		t := m.threads[n-1]
		m.threads = m.threads[:n-1]
		t.status = suspended
		return t
	}
	t := &Thread{vm: m}
	t.attach()
	return t
}

// Release ends t's unfinished coroutines and puts its stack back into the pool. t must not be
// running.
func (m *VM) Release(t *Thread) {
	for co := range t.children {
		co.kill()
	}
	clear(t.results[:cap(t.results)])
	t.data, t.status, t.depth = nil, dead, 0
	if t.seen || len(m.threads) >= maxIdle || !t.rest() {
		t.detach()
		return
	}
	m.threads = append(m.threads, t)
}
