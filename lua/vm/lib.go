package vm

// openLibraries fills the globals with the standard libraries.
func (m *VM) openLibraries() {
	setOwner(m.main, &Thread{vm: m, l: m.main})
	g := m.Globals()
	g.SetStr("_G", g.Value())
	g.SetStr("_VERSION", String("Lua 5.1"))
	m.register(g, baseLibrary)
	m.register(g, environmentLibrary)
	m.next, m.ipairsNext = g.GetStr("next"), m.NewFunc("ipairs", ipairsNext)
	for name, fs := range map[string]map[string]Func{"coroutine": coroutineLibrary, "debug": debugLibrary} {
		tb := m.NewTable(0, len(fs))
		m.register(tb, fs)
		g.SetStr(name, tb.Value())
	}
	m.openString()
	m.openTable()
	m.openMath()
	m.openBit()
	m.openOs()
	m.openIo()
	m.openJit()
	m.openPackage()
}

// register puts functions into a table.
func (m *VM) register(t *Table, fs map[string]Func) {
	for name, f := range fs {
		t.SetStr(name, m.NewFunc(name, f))
	}
}
