package lua

import (
	"sync"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// sharing is the tables that actor.share has published, by name.
type sharing struct {
	mu sync.Mutex
	m  map[string]*frozen
}

var sharingSlot phases.ConfigSlot[sharing]

func actorShare(t *vm.Thread, s *state) int {
	name, table := t.CheckString(1), t.CheckTable(2)
	b, err := s.e.pack([]vm.Value{table.Value()})
	if err != nil {
		s.raiseError(t, err)
	}
	f, ok := b.vals[0].LightValue().(*frozen)
	if !ok {
		f = freeze(b.vals[0].Table())
	}
	sh := sharingSlot.Of(s.e.site.cfg)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.m == nil {
		sh.m = map[string]*frozen{}
	}
	sh.m[name] = f
	t.PushBool(true)
	return 1
}

func actorShared(t *vm.Thread, s *state) int {
	sh := sharingSlot.Of(s.e.site.cfg)
	sh.mu.Lock()
	f := sh.m[t.CheckString(1)]
	sh.mu.Unlock()
	if f == nil {
		t.PushNil()
	} else {
		t.Push(s.e.wrap(f))
	}
	return 1
}

// frozenKey is where the metatable of a shared table's wrapping keeps it.
var frozenKey = vm.NamedLight("shared table")

// frozenOf is the shared table that a table is the wrapping of, or nil.
func (e *engine) frozenOf(t *vm.Table) *frozen {
	if mt := t.Metatable(); mt != nil {
		f, _ := mt.Get(frozenKey).LightValue().(*frozen)
		return f
	}
	return nil
}

// wrap makes the table by which a VM sees a shared table: an empty one, whose metatable looks there.
// Each is made once as long as it is used.
func (e *engine) wrap(f *frozen) vm.Value {
	if e.wrappings == nil {
		e.wrappings = e.vm.NewTable(0, 0)
		mode := e.vm.NewTable(0, 1)
		mode.SetStr("__mode", vm.Const("v"))
		e.wrappings.SetMetatable(mode)
	}
	key := f.self
	if t := e.wrappings.Get(key); !t.IsNil() {
		return t
	}
	t, mt := e.vm.NewTable(0, 0), e.vm.NewTable(0, 8)
	out := func(v vm.Value) vm.Value {
		if in, ok := v.LightValue().(*frozen); ok {
			return e.wrap(in)
		}
		return v
	}
	step := func(all bool) vm.Func {
		return func(t *vm.Thread) int {
			i := 0
			next := e.vm.NewFunc("next", func(t *vm.Thread) int {
				k, v, ok := f.at(i)
				if !ok || !all && i >= len(f.list) {
					t.PushNil()
					return 1
				}
				i++
				t.Push(k)
				t.Push(out(v))
				return 2
			})
			t.Push(next)
			t.Push(t.Arg(1))
			t.PushNil()
			return 3
		}
	}
	mt.SetStr("__index", e.vm.NewFunc("index", func(t *vm.Thread) int {
		t.Push(out(f.get(t.Arg(2))))
		return 1
	}))
	mt.SetStr("__newindex", e.vm.NewFunc("newindex", func(t *vm.Thread) int {
		t.Errorf("a shared table cannot be changed")
		return 0
	}))
	mt.SetStr("__len", e.vm.NewFunc("len", func(t *vm.Thread) int {
		t.PushInt(len(f.list))
		return 1
	}))
	mt.SetStr("__pairs", e.vm.NewFunc("pairs", step(true)))
	mt.SetStr("__ipairs", e.vm.NewFunc("ipairs", step(false)))
	mt.SetStr("__metatable", vm.Bool(false))
	mt.Set(frozenKey, key)
	t.SetMetatable(mt)
	e.wrappings.Set(key, t.Value())
	return t.Value()
}
