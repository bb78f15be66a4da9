package vm

import (
	glua "github.com/yuin/gopher-lua"
)

// openLibraries fills the globals with the standard libraries.
func (m *VM) openLibraries() {
	setOwner(m.main, &Thread{vm: m, l: m.main})
	for _, open := range []glua.LGFunction{glua.OpenPackage, glua.OpenBase, glua.OpenTable, glua.OpenIo, glua.OpenOs, glua.OpenString, glua.OpenMath, glua.OpenDebug} {
		m.main.Push(m.main.NewFunction(open))
		m.main.Push(glua.LString(""))
		m.main.Call(1, 0)
	}
	g := m.Globals()
	for _, name := range []string{"_printregs", "_GOPHER_LUA_VERSION", "channel"} {
		g.SetStr(name, Nil)
	}
	m.register(g, baseLibrary)
	co := m.NewTable(0, 8)
	m.register(co, coroutineLibrary)
	g.SetStr("coroutine", co.Value())
	m.openPackage()
}

// register puts functions into a table.
func (m *VM) register(t *Table, fs map[string]Func) {
	for name, f := range fs {
		t.SetStr(name, m.NewFunc(name, f))
	}
}
