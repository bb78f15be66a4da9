// Package stdlib is Lua's standard library for package vm: that of LuaJIT 2.1 with the compatibility to Lua 5.2 that
// OpenResty builds it with.
package stdlib

import "github.com/luahttpd/luahttpd/lua/vm"

// function is one entry of a library's table.
type function struct {
	name string
	f    vm.Func
}

// state is what the libraries of one VM share.
type state struct {
	m                     *vm.VM
	dumps                 map[string]*vm.Proto // functions dumped by string.dump
	stdin, stdout, stderr *file
	in, out               *file // of io.input and io.output
	fileMeta              *vm.Table
	tostring, format      vm.Value              // the functions of these names
	steps                 int                   // of collectgarbage("step")
	loading               map[string]*vm.Thread // who loads a module
	matcher               *matcher              // at rest
	loaded                *vm.Table
	preload               *vm.Table
	modules               *Modules
	pkg                   *vm.Table            // package
	open                  func(library string) // of libraries that are opened when they are named
}

// New makes a VM with all libraries.
func New(o vm.Options) *vm.VM {
	m := vm.New(o)
	Open(m)
	return m
}

// Open puts all libraries into the VM. The result tells of the modules that require loads out of files.
func Open(m *vm.VM) *Modules {
	s := &state{m: m, dumps: map[string]*vm.Proto{}, loading: map[string]*vm.Thread{}}
	g := m.Globals()
	g.SetStr("_G", g.Value())
	g.SetStr("_VERSION", vm.Const("Lua 5.1"))
	s.openPackage(g)
	s.modules = &Modules{loaded: s.loaded, files: map[string]moduleFile{}, users: map[string]map[string]struct{}{}}
	s.openBase(g)
	s.openCoroutine()
	s.openTable()
	s.openString()
	s.openMath()
	s.openBit()
	s.openOS()
	s.openIO()
	s.openDebug()
	s.openJIT()
	s.openBuffer()
	return s.modules
}

// fill puts functions into a table.
func (s *state) fill(t *vm.Table, list []function) {
	for _, f := range list {
		t.SetStr(f.name, s.m.NewFunc(f.name, f.f))
	}
}

// library makes the table of a library, a global and a loaded module.
func (s *state) library(name string, list []function) *vm.Table {
	t := s.m.NewTable(0, len(list))
	s.fill(t, list)
	s.m.Globals().SetStr(name, t.Value())
	s.loaded.SetStr(name, t.Value())
	return t
}

// module makes a value that require gives, without a global.
func (s *state) module(name string, v vm.Value) {
	s.preload.SetStr(name, s.m.NewFunc(name, func(t *vm.Thread) int {
		t.Push(v)
		return 1
	}))
}
