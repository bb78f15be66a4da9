package resty

import "github.com/luahttpd/luahttpd/lua/vm"

// maxPooled is how many tables a pool keeps for one tag.
const maxPooled = 200

// openTablePool makes tablepool: fetch(tag, narr, nrec), release(tag, table,
// noclear).
func openTablePool(m *vm.VM) *vm.Table {
	pools := map[string][]*vm.Table{}
	t := m.NewTable(0, 3)
	t.SetStr("fetch", m.NewFunc("fetch", func(t *vm.Thread) int {
		tag := t.CheckString(1)
		pool := pools[tag]
		if n := len(pool); n > 0 {
			t.Push(pool[n-1].Value())
			pool[n-1] = nil
			pools[tag] = pool[:n-1]
			return 1
		}
		t.Push(m.NewTable(max(min(t.OptInt(2, 0), maxSized), 0), max(min(t.OptInt(3, 0), maxSized), 0)).Value())
		return 1
	}))
	t.SetStr("release", m.NewFunc("release", func(t *vm.Thread) int {
		tag, obj := t.CheckString(1), t.Arg(2).Table()
		if obj == nil {
			t.Errorf("object empty")
		}
		if len(pools[tag]) >= maxPooled {
			return 0
		}
		obj.SetMetatable(nil)
		if !t.Arg(3).Truth() {
			for k, _, ok := obj.Next(vm.Nil); ok; k, _, ok = obj.Next(vm.Nil) {
				obj.Set(k, vm.Nil)
			}
		}
		pools[tag] = append(pools[tag], obj)
		return 0
	}))
	t.SetStr("_VERSION", vm.String("0.01"))
	return t
}

// maxSized is the largest size that a new table is given room for.
const maxSized = 1 << 16
