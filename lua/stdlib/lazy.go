package stdlib

import "github.com/luahttpd/luahttpd/lua/vm"

// Lazy opens the libraries of VMs that are many and small: each when a program first names it. It is
// immutable and serves any number of VMs.
type Lazy struct {
	globals, loaded, preload *vm.Names
	index                    *vm.Names // of the metatable of strings
	parts                    map[string]part
}

// part is what is opened at once.
type part struct {
	name    string
	open    func(s *state)
	preload []string // modules without a global
}

func parts() []part {
	return []part{
		{"package", func(s *state) { s.openPackage(s.m.Globals()) }, nil},
		{"coroutine", (*state).openCoroutine, nil},
		{"table", (*state).openTable, []string{"table.new", "table.clear", "table.nkeys", "table.isempty", "table.isarray", "table.clone"}},
		{"string", (*state).openString, nil},
		{"math", (*state).openMath, nil},
		{"bit", (*state).openBit, nil},
		{"os", (*state).openOS, nil},
		{"io", (*state).openIO, nil},
		{"debug", (*state).openDebug, nil},
		{"jit", (*state).openJIT, []string{"jit.opt", "jit.v", "jit.dump", "jit.p", "jit.util"}},
	}
}

// NewLazy makes the lists. host are globals that the host makes, also instead of the library's own.
func NewLazy(host []string) *Lazy {
	l := &Lazy{parts: map[string]part{}, index: vm.NewNames([]string{"__index"})}
	globals := append([]string{"_G", "_VERSION", "require", "module", "pcall", "xpcall", "next"}, host...)
	for _, f := range (&state{}).base() {
		globals = append(globals, f.name)
	}
	libraries, modules := []string{"_G"}, []string{"string.buffer"}
	for _, p := range parts() {
		l.parts[p.name] = p
		libraries = append(libraries, p.name)
		for _, name := range p.preload {
			l.parts[name] = p
			modules = append(modules, name)
		}
	}
	l.parts["module"] = l.parts["package"]
	l.parts["string.buffer"] = part{name: "string.buffer", open: func(s *state) {
		s.m.Globals().GetStr("string")
		s.openBuffer()
	}}
	l.globals, l.loaded, l.preload = vm.NewNames(append(globals, libraries...)), vm.NewNames(libraries), vm.NewNames(modules)
	return l
}

// Open makes the libraries of a VM. host makes a global of the host, or says that it is none; opened
// is called when a library has been opened.
func (l *Lazy) Open(m *vm.VM, host func(name string) bool, opened func(library string)) *Modules {
	s := &state{m: m, dumps: map[string]*vm.Proto{}, loading: map[string]*vm.Thread{}}
	s.loaded, s.preload = m.NewTable(0, 0), m.NewTable(0, 0)
	s.modules = &Modules{loaded: s.loaded, files: map[string]moduleFile{}, users: map[string]map[string]struct{}{}}
	m.Registry().SetStr("_LOADED", s.loaded.Value())
	done := map[string]bool{}
	open := func(name string) {
		if p, ok := l.parts[name]; ok && !done[p.name] {
			done[p.name] = true
			p.open(s)
			opened(p.name)
		}
	}
	s.open = open
	g := m.Globals()
	g.Later(l.globals, func(name string) {
		if !host(name) && !s.single(name) {
			open(name)
		}
	})
	s.loaded.Later(l.loaded, func(name string) {
		if name == "_G" {
			s.loaded.SetStr(name, g.Value())
		} else {
			open(name)
		}
	})
	s.preload.Later(l.preload, open)
	mt := m.NewTable(0, 0)
	mt.Later(l.index, func(name string) {
		open("string")
		mt.SetStr(name, s.loaded.GetStr("string"))
	})
	m.SetTypeMetatable(vm.KString, mt)
	return s.modules
}

// single makes a global that is a part of its own.
func (s *state) single(name string) bool {
	g := s.m.Globals()
	switch name {
	case "_G":
		g.SetStr(name, g.Value())
	case "_VERSION":
		g.SetStr(name, vm.Const("Lua 5.1"))
	case "require":
		g.SetStr(name, s.m.NewFunc(name, s.require))
	case "pcall", "xpcall", "next":
		g.SetStr(name, s.m.Primitive(name))
	default:
		for _, f := range s.base() {
			if f.name == name {
				v := s.m.NewFunc(name, f.f)
				g.SetStr(name, v)
				if name == "tostring" {
					s.tostring = v
				}
				return true
			}
		}
		return false
	}
	return true
}
