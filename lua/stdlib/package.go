package stdlib

import (
	"fmt"
	"os"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// Search paths of a fresh VM, as LuaJIT has them.
const (
	defaultPath  = "./?.lua;/usr/local/share/luajit-2.1/?.lua;/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/init.lua;/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua"
	defaultCPath = "./?.so;/usr/local/lib/lua/5.1/?.so;/usr/local/lib/lua/5.1/loadall.so"
)

func (s *state) openPackage(g *vm.Table) {
	p := s.m.NewTable(0, 16)
	s.pkg = p
	if s.loaded == nil {
		s.loaded, s.preload = s.m.NewTable(0, 32), s.m.NewTable(0, 4)
	}
	g.SetStr("package", p.Value())
	s.m.Registry().SetStr("_LOADED", s.loaded.Value())
	s.loaded.SetStr("package", p.Value())
	s.loaded.SetStr("_G", g.Value())
	p.SetStr("loaded", s.loaded.Value())
	p.SetStr("preload", s.preload.Value())
	p.SetStr("path", vm.Const(defaultPath))
	p.SetStr("cpath", vm.Const(defaultCPath))
	p.SetStr("config", vm.Const("/\n;\n?\n!\n-\n"))
	s.fill(p, []function{
		{"loadlib", func(t *vm.Thread) int {
			t.CheckString(1)
			t.PushNil()
			t.PushString("dynamic libraries cannot be loaded")
			t.PushString("absent")
			return 3
		}},
		{"searchpath", packageSearchpath},
		{"seeall", packageSeeall},
	})
	loaders := s.m.NewTable(4, 0)
	for i, f := range []vm.Func{s.loaderPreload, s.loaderLua(p), loaderC(p), func(t *vm.Thread) int { return 0 }} {
		loaders.SetInt(i+1, s.m.NewFunc("loader", f))
	}
	p.SetStr("loaders", loaders.Value())
	p.SetStr("searchers", loaders.Value())
	g.SetStr("require", s.m.NewFunc("require", s.require))
	g.SetStr("module", s.m.NewFunc("module", s.moduleFunc))
}

func (s *state) loaderPreload(t *vm.Thread) int {
	name := t.CheckString(1)
	if f := s.preload.Get(t.Arg(1)); !f.IsNil() {
		t.Push(f)
		return 1
	}
	t.PushString("\n\tno field package.preload['" + name + "']")
	return 1
}

// search looks for a module along a path of templates. tried lists what was not there.
func search(name, path, sep, rep string) (file, tried string) {
	if sep != "" {
		name = strings.ReplaceAll(name, sep, rep)
	}
	var b strings.Builder
	for _, tpl := range strings.Split(path, ";") {
		if tpl == "" {
			continue
		}
		f := strings.ReplaceAll(tpl, "?", name)
		if st, err := os.Stat(f); err == nil && !st.IsDir() {
			if h, err := os.Open(f); err == nil {
				h.Close()
				return f, ""
			}
		}
		fmt.Fprintf(&b, "\n\tno file '%s'", f)
	}
	return "", b.String()
}

func (s *state) loaderLua(p *vm.Table) vm.Func {
	return func(t *vm.Thread) int {
		name := t.CheckString(1)
		path := p.GetStr("path")
		if path.Kind() != vm.KString {
			t.Errorf("'package.path' must be a string")
		}
		file, tried := search(name, path.Str(), ".", "/")
		if file == "" {
			t.PushString(tried)
			return 1
		}
		s.modules.found(name, file)
		f, err := s.loadFile(t, file, "", nil)
		if err != nil {
			t.Errorf("error loading module '%s' from file '%s':\n\t%s", name, file, err)
		}
		t.Push(f)
		return 1
	}
}

func loaderC(p *vm.Table) vm.Func {
	return func(t *vm.Thread) int {
		name := t.CheckString(1)
		file, tried := search(name, p.GetStr("cpath").Str(), ".", "/")
		if file == "" {
			t.PushString(tried)
			return 1
		}
		t.Errorf("error loading module '%s' from file '%s':\n\tdynamic libraries cannot be loaded", name, file)
		return 0
	}
}

func packageSearchpath(t *vm.Thread) int {
	file, tried := search(t.CheckString(1), t.CheckString(2), t.OptString(3, "."), t.OptString(4, "/"))
	if file == "" {
		t.PushNil()
		t.PushString(tried)
		return 2
	}
	t.PushString(file)
	return 1
}

// require loads a module. While it does its entry in package.loaded is a sentinel, by which loops are found.
func (s *state) require(t *vm.Thread) int {
	name := t.CheckString(1)
	key := t.Arg(1)
	if key.Kind() != vm.KString {
		key = vm.String(name)
	}
	if len(s.loading) > 0 {
		s.noteUsers(t, name)
	}
	if v := s.loaded.Get(key); v.Truth() {
		if v.Kind() != vm.KLight || !vm.RawEqual(v, sentinel) {
			t.Push(v)
			return 1
		}
		// Another thread of the host that is loading the module, and waits, is no loop.
		if by := s.loading[name]; by == nil || by.SameRun(t) {
			t.Errorf("loop or previous error loading module '%s'", name)
		}
	}
	if s.preload.Get(key).IsNil() {
		if load := s.m.BuiltinLoader(name); load != nil {
			v := load(t)
			if v.IsNil() {
				v = vm.Bool(true)
			}
			s.loaded.Set(key, v)
			t.Push(v)
			return 1
		}
	}
	if s.pkg == nil {
		s.open("package")
	}
	// Whatever the program has made of the global.
	loader := s.findLoader(t, s.pkg, key, name)
	s.loaded.Set(key, sentinel)
	s.loading[name] = t
	end := func() { delete(s.loading, name) }
	return t.CallThen(&vm.Continuation{Failed: end, Then: func(t *vm.Thread) int {
		end()
		v := t.Arg(1)
		if !v.IsNil() {
			s.loaded.Set(key, v)
		}
		if v = s.loaded.Get(key); v.Kind() == vm.KLight && vm.RawEqual(v, sentinel) {
			v = vm.Bool(true)
			s.loaded.Set(key, v)
		}
		t.Push(v)
		return 1
	}}, loader, key)
}

// sentinel marks modules that are being loaded.
var sentinel = vm.NamedLight("loading")

func (s *state) findLoader(t *vm.Thread, p *vm.Table, key vm.Value, name string) vm.Value {
	loaders := p.GetStr("loaders").Table()
	if loaders == nil {
		t.Errorf("'package.loaders' must be a table")
	}
	var tried strings.Builder
	for i := 1; ; i++ {
		l := loaders.GetInt(i)
		if l.IsNil() {
			if load := s.m.FallbackLoader(name); load != nil {
				return s.m.NewFunc("require", func(t *vm.Thread) int { t.Push(load(t)); return 1 })
			}
			t.Errorf("module '%s' not found:%s", name, tried.String())
		}
		switch r := t.Call1(l, key); r.Kind() {
		case vm.KFunction:
			return r
		case vm.KString:
			tried.WriteString(r.Str())
		}
	}
}

func packageSeeall(t *vm.Thread) int {
	tab := t.CheckTable(1)
	mt := tab.Metatable()
	if mt == nil {
		mt = t.VM().NewTable(0, 1)
		tab.SetMetatable(mt)
	}
	mt.SetStr("__index", t.VM().Globals().Value())
	return 0
}

// moduleFunc is module: it makes the table of the module, and the environment of the function that called.
func (s *state) moduleFunc(t *vm.Thread) int {
	name := t.CheckString(1)
	tab := s.loaded.Get(vm.String(name)).Table()
	if tab == nil {
		tab = s.moduleTable(t, name)
		s.loaded.Set(vm.String(name), tab.Value())
	}
	if tab.GetStr("_NAME").IsNil() {
		tab.SetStr("_M", tab.Value())
		tab.SetStr("_NAME", vm.String(name))
		tab.SetStr("_PACKAGE", vm.String(name[:strings.LastIndexByte(name, '.')+1]))
	}
	fr, ok := t.Frame(1)
	if !ok || fr.Func.Func().IsGo() {
		t.Errorf("'module' not called from a Lua function")
	}
	fr.Func.Func().SetEnv(tab)
	for i := 2; i <= t.NArg(); i++ {
		if f := t.Arg(i); f.Kind() == vm.KFunction {
			t.CallRaw(f, tab.Value())
		}
	}
	return 0
}

// moduleTable finds or makes the global table a.b.c.
func (s *state) moduleTable(t *vm.Thread, name string) *vm.Table {
	tab := s.m.Globals()
	for _, part := range strings.Split(name, ".") {
		k := vm.String(part)
		v := tab.Get(k)
		if v.IsNil() {
			v = s.m.NewTable(0, 4).Value()
			tab.Set(k, v)
		}
		if tab = v.Table(); tab == nil {
			t.Errorf("name conflict for module '%s'", name)
		}
	}
	return tab
}
