package lua

import (
	"slices"
	"sync"

	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// An actor's VM is small: libraries and areas of the API are opened when its program first names
// something of them.

// lazyAPI says where the names of the API come from. It is made once for a site.
type lazyAPI struct {
	once    sync.Once
	areas   []area
	libs    *stdlib.Lazy
	fields  *vm.Names        // of ngx
	ngx     map[string][]int // areas by field of ngx
	modules map[string][]int // by builtin module
	globals map[string][]int // by global, and by library that they change
}

// actorAreas are the parts of the API that an actor has: its globals are its own.
func actorAreas() []area { return areas()[:len(areas())-1] }

// learn opens every area once, to see what it makes.
func (l *lazyAPI) learn(s *site) {
	l.areas = actorAreas()
	l.ngx, l.modules, l.globals = map[string][]int{}, map[string][]int{}, map[string][]int{}
	e := &engine{site: s, vm: stdlib.New(vm.Options{}), cached: true, null: null}
	defer e.vm.Close()
	ngx := e.vm.NewTable(0, 128)
	e.vm.Globals().SetStr("ngx", ngx.Value())
	var fields []string
	for i, a := range l.areas {
		before := e.surface()
		e.openArea(ngx, a)
		for name, v := range e.surface() {
			if old, there := before[name]; there && vm.RawEqual(old, v) {
				continue
			}
			switch name.kind {
			case 'n':
				fields = append(fields, name.name)
				l.ngx[name.name] = append(l.ngx[name.name], i)
			case 'm':
				l.modules[name.name] = append(l.modules[name.name], i)
			case 'g':
				l.globals[name.name] = append(l.globals[name.name], i)
			}
		}
		for _, r := range a.rows { // it adds to what others have made
			if name := firstName(r.name); len(l.ngx[name]) > 0 && l.ngx[name][len(l.ngx[name])-1] != i {
				l.ngx[name] = append(l.ngx[name], i)
			}
		}
	}
	l.fields = vm.NewNames(fields)
	l.libs = stdlib.NewLazy([]string{"ngx", "ndk", "print"})
}

// Modules are the names that require finds without a file, in order.
func Modules(cfg *phases.Config) []string {
	e := &engine{site: siteSlot.Of(cfg), vm: stdlib.New(vm.Options{}), cached: true, null: null}
	defer e.vm.Close()
	e.openAPI(actorAreas())
	var names []string
	e.vm.Builtins(func(name string) { names = append(names, name) })
	slices.Sort(names)
	return names
}

func firstName(name string) string {
	for i := range len(name) {
		if name[i] == '.' {
			return name[:i]
		}
	}
	return name
}

type surfaceName struct {
	kind byte // n: field of ngx, m: module, g: global or library
	name string
}

// surface is what programs can see of the VM.
func (e *engine) surface() map[surfaceName]vm.Value {
	all := map[surfaceName]vm.Value{}
	ngx := e.vm.Globals().GetStr("ngx").Table()
	for k, v, ok := ngx.Next(vm.Nil); ok; k, v, ok = ngx.Next(k) {
		if t := v.Table(); t != nil { // what is below counts too
			for k2, v2, ok := t.Next(vm.Nil); ok; k2, v2, ok = t.Next(k2) {
				if v2.Kind() == vm.KFunction {
					v = v2 // the last one is enough: tables only grow
				}
			}
		}
		all[surfaceName{'n', k.Str()}] = v
	}
	e.vm.Builtins(func(name string) { all[surfaceName{'m', name}] = vm.Nil })
	for _, name := range []string{"ndk", "print"} {
		all[surfaceName{'g', name}] = e.vm.Globals().GetStr(name)
	}
	for library, function := range map[string]string{"coroutine": "resume", "os": "exit"} {
		all[surfaceName{'g', library}] = e.vm.Globals().GetStr(library).Table().GetStr(function)
	}
	return all
}

// openArea opens one area in the engine's VM.
func (e *engine) openArea(ngx *vm.Table, a area) {
	for _, row := range a.rows {
		e.add(ngx, row)
	}
	if a.open != nil {
		a.open(e, ngx)
	}
}

// newActorVM makes the VM of an actor. VMs of one worker share what can be shared.
func (s *site) newActorVM(e *engine) {
	l := &s.lazy
	l.once.Do(func() { l.learn(s) })
	e.null = null
	var pool *vm.Pool
	if home := s.engine(e.worker); home != nil {
		if home.actorPool == nil {
			home.actorPool = vm.NewPool()
		}
		pool = home.actorPool
	}
	e.vm = vm.New(vm.Options{Pool: pool})
	var ngx *vm.Table
	open := func(areas []int) {
		for _, i := range areas {
			if e.opened&(1<<i) == 0 {
				e.opened |= 1 << i
				e.openArea(ngx, l.areas[i])
			}
		}
	}
	table := func() *vm.Table {
		if ngx == nil {
			ngx = e.vm.NewTable(0, 0)
			ngx.Later(l.fields, func(name string) { open(l.ngx[name]) })
		}
		return ngx
	}
	e.modules = l.libs.Open(e.vm, func(name string) bool {
		switch name {
		case "ngx":
			e.vm.Globals().SetStr("ngx", table().Value())
		case "ndk", "print":
			table()
			open(l.globals[name])
		default:
			return false
		}
		return true
	}, func(library string) {
		if library == "package" {
			e.setPaths()
		}
		if areas := l.globals[library]; areas != nil {
			table()
			open(areas)
		}
	})
	e.vm.MoreBuiltins(func(name string) {
		switch name {
		case "actor":
			e.vm.Builtin(name, func(*vm.Thread) vm.Value { return e.actorModule() })
		case "ngx":
			e.vm.Builtin(name, func(*vm.Thread) vm.Value { return e.vm.Globals().GetStr("ngx") })
		default:
			table()
			open(l.modules[name])
		}
	})
}
