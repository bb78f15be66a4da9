package vm

import (
	"errors"
	"os"
	"reflect"
	"strings"
)

// Default search paths.
const (
	defaultPath  = "./?.lua;/usr/local/share/lua/5.1/?.lua;/usr/local/share/lua/5.1/?/init.lua"
	defaultCpath = "./?.so;/usr/local/lib/lua/5.1/?.so"
)

// errnoText is the C library's wording of a file error.
func errnoText(err error) string {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	s := err.Error()
	if s == "" || errno(err) == 0 {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// errno is the system's number of an error, or 0.
func errno(err error) int {
	for ; err != nil; err = errors.Unwrap(err) {
		if v := reflect.ValueOf(err); v.Kind() == reflect.Uintptr {
			return int(v.Uint())
		}
	}
	return 0
}

func (m *VM) openPackage() {
	g := m.Globals()
	m.loaded = m.NewTable(0, 32)
	m.pkg = m.NewTable(0, 8)
	m.Registry().SetStr("_LOADED", m.loaded.Value())
	m.pkg.SetStr("loaded", m.loaded.Value())
	m.pkg.SetStr("preload", m.NewTable(0, 4).Value())
	m.pkg.SetStr("config", String("/\n;\n?\n!\n-\n"))
	m.SetPath(defaultPath, defaultCpath)
	m.register(m.pkg, map[string]Func{
		"searchpath": libSearchpath,
		"seeall": func(t *Thread) int {
			tb := t.CheckTable(1)
			mt := tb.Metatable()
			if mt == nil {
				mt = t.vm.NewTable(0, 1)
				tb.SetMetatable(mt)
			}
			mt.SetStr("__index", t.vm.Globals().Value())
			return 0
		},
		"loadlib": func(t *Thread) int {
			t.PushNil()
			t.PushString("dynamic libraries not enabled; no C modules in this server")
			t.PushString("absent")
			return 3
		},
	})
	loaders := m.NewTable(4, 0)
	for i, f := range []Func{preloadLoader, fileLoader, cLoader, func(*Thread) int { return 0 }} {
		loaders.SetInt(i+1, m.NewFunc("loader", f))
	}
	m.pkg.SetStr("loaders", loaders.Value())
	m.register(g, map[string]Func{"require": libRequire, "module": libModule})
	g.SetStr("package", m.pkg.Value())
	m.loaded.SetStr("_G", g.Value())
	m.loaded.SetStr("package", m.pkg.Value())
	for _, name := range []string{"string", "table", "math", "os", "io", "debug", "coroutine", "bit", "jit"} {
		if v := g.GetStr(name); !v.IsNil() {
			m.loaded.SetStr(name, v)
		}
	}
}

func libSearchpath(t *Thread) int {
	name, err := searchPath(t.CheckString(1), t.CheckString(2), t.OptString(3, "."), t.OptString(4, "/"))
	if err != "" {
		t.PushNil()
		t.PushString(err)
		return 2
	}
	t.PushString(name)
	return 1
}

// searchPath returns the first readable file, or the list of those tried.
func searchPath(name, path, sep, dir string) (file, tried string) {
	if sep != "" {
		name = strings.ReplaceAll(name, sep, dir)
	}
	var b strings.Builder
	for template := range strings.SplitSeq(path, ";") {
		if template == "" {
			continue
		}
		file := strings.ReplaceAll(template, "?", name)
		if f, err := os.Open(file); err == nil {
			st, err := f.Stat()
			f.Close()
			if err == nil && !st.IsDir() {
				return file, ""
			}
		}
		b.WriteString("\n\tno file '" + file + "'")
	}
	return "", b.String()
}

func preloadLoader(t *Thread) int {
	name := t.CheckString(1)
	if tb := t.vm.pkg.GetStr("preload").Table(); tb != nil {
		if v := tb.GetStr(name); !v.IsNil() {
			t.Push(v)
			return 1
		}
	} else {
		t.Errorf("'package.preload' must be a table")
	}
	t.PushString("\n\tno field package.preload['" + name + "']")
	return 1
}

func fileLoader(t *Thread) int {
	name := t.CheckString(1)
	path, ok := t.vm.pkg.GetStr("path").ToString()
	if !ok {
		t.Errorf("'package.path' must be a string")
	}
	file, tried := searchPath(name, path, ".", "/")
	if file == "" {
		t.PushString(tried)
		return 1
	}
	text, err := readSource(file)
	if err == nil {
		var p *Proto
		if p, err = Compile(text, "@"+file); err == nil {
			t.Push(t.vm.Load(p))
			return 1
		}
	}
	t.Errorf("error loading module '%s' from file '%s':\n\t%s", name, file, err)
	return 0
}

func cLoader(t *Thread) int {
	name := t.CheckString(1)
	path, _ := t.vm.pkg.GetStr("cpath").ToString()
	file, tried := searchPath(name, path, ".", "/")
	if file != "" {
		t.Errorf("error loading module '%s' from file '%s':\n\tC modules cannot be loaded by this server", name, file)
	}
	t.PushString(tried)
	return 1
}

// loading marks a module whose loader runs. When the loader waits and another server thread
// requires the module meanwhile, that one loads it too: it cannot be given what is not there yet.
var loading = NamedLight("loading")

func libRequire(t *Thread) int {
	name := t.CheckString(1)
	m := t.vm
	v := m.loaded.GetStr(name)
	if v.Truth() {
		if !RawEqual(v, loading) {
			t.Push(v)
			return 1
		}
		if by := m.requires[name]; by == nil || by == t.root() {
			t.Errorf("loop or previous error loading module '%s'", name)
		}
	}
	if load := m.builtins[name]; load != nil {
		v = load(t)
		if cur := m.loaded.GetStr(name); v.IsNil() && !cur.IsNil() {
			v = cur
		}
		m.loaded.SetStr(name, v)
		t.Push(v)
		return 1
	}
	loader := t.findLoader(name)
	m.loaded.SetStr(name, loading)
	m.requires[name] = t.root()
	r := t.CallRaw(loader, String(name))
	delete(m.requires, name)
	if len(r) > 0 && !r[0].IsNil() {
		m.loaded.SetStr(name, r[0])
	} else if RawEqual(m.loaded.GetStr(name), loading) {
		m.loaded.SetStr(name, Bool(true))
	}
	t.Push(m.loaded.GetStr(name))
	return 1
}

func (t *Thread) findLoader(name string) Value {
	loaders := t.vm.pkg.GetStr("loaders").Table()
	if loaders == nil {
		t.Errorf("'package.loaders' must be a table")
	}
	var tried strings.Builder
	for i := 1; ; i++ {
		l := loaders.GetInt(i)
		if l.IsNil() {
			t.Errorf("module '%s' not found:%s", name, tried.String())
		}
		if r := t.CallRaw(l, String(name)); len(r) > 0 {
			if r[0].Kind() == KFunction {
				return r[0]
			}
			s, _ := r[0].ToString()
			tried.WriteString(s)
		}
	}
}

// libModule is Lua 5.1's module(name, ...).
func libModule(t *Thread) int {
	name := t.CheckString(1)
	m := t.vm
	tb := m.loaded.GetStr(name).Table()
	if tb == nil {
		if tb = m.findTable(name); tb == nil {
			t.Errorf("name conflict for module '%s'", name)
		}
		m.loaded.SetStr(name, tb.Value())
	}
	if tb.GetStr("_NAME").IsNil() {
		tb.SetStr("_M", tb.Value())
		tb.SetStr("_NAME", String(name))
		tb.SetStr("_PACKAGE", String(name[:strings.LastIndexByte(name, '.')+1]))
	}
	if caller := t.at(1); caller == nil || caller.Fn.IsG {
		t.Errorf("'module' not called from a Lua function")
	} else {
		caller.Fn.Env = &tb.t
	}
	for i := 2; i <= t.NArg(); i++ {
		if f := t.Arg(i); f.Kind() == KFunction {
			t.CallRaw(f, tb.Value())
		}
	}
	return 0
}

// findTable walks and makes the tables of a dotted global name; nil when something else is in the
// way.
func (m *VM) findTable(name string) *Table {
	tb := m.Globals()
	for part := range strings.SplitSeq(name, ".") {
		v := tb.GetStr(part)
		if v.IsNil() {
			v = m.NewTable(0, 4).Value()
			tb.SetStr(part, v)
		}
		if tb = v.Table(); tb == nil {
			return nil
		}
	}
	return tb
}
