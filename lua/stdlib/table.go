package stdlib

import (
	"github.com/luahttpd/luahttpd/lua/vm"
)

func (s *state) openTable() {
	t := s.library("table", []function{
		{"concat", tableConcat},
		{"foreach", tableForeach},
		{"foreachi", tableForeachi},
		{"getn", tableGetn},
		{"insert", tableInsert},
		{"maxn", tableMaxn},
		{"move", tableMove},
		{"pack", tablePack},
		{"remove", tableRemove},
		{"sort", tableSort},
	})
	t.SetStr("unpack", s.m.Globals().GetStr("unpack"))
	for _, f := range []function{
		{"new", func(t *vm.Thread) int {
			na, nh := t.CheckInt(1), t.CheckInt(2)
			if na < 0 || nh < 0 || na > 1<<26 || nh > 1<<26 {
				t.Errorf("table overflow")
			}
			t.Reserve(na*16 + nh*32)
			t.Push(t.VM().NewTable(na, nh).Value())
			return 1
		}},
		{"clear", func(t *vm.Thread) int { t.CheckTable(1).Clear(); return 0 }},
		{"nkeys", func(t *vm.Thread) int { t.PushInt(t.CheckTable(1).Count()); return 1 }},
		{"isempty", func(t *vm.Thread) int {
			_, _, some := t.CheckTable(1).Next(vm.Nil)
			t.PushBool(!some)
			return 1
		}},
		{"isarray", tableIsarray},
		{"clone", tableClone},
	} {
		v := s.m.NewFunc(f.name, f.f)
		s.preload.SetStr("table."+f.name, s.m.NewFunc(f.name, func(th *vm.Thread) int {
			t.SetStr(f.name, v) // as LuaJIT: the library has it from now on
			th.Push(v)
			return 1
		}))
	}
}

func tableGetn(t *vm.Thread) int {
	t.PushInt(t.CheckTable(1).Len())
	return 1
}

func tableMaxn(t *vm.Thread) int {
	tab := t.CheckTable(1)
	best := 0.0
	for k, _, ok := tab.Next(vm.Nil); ok; k, _, ok = tab.Next(k) {
		if k.Kind() == vm.KNumber && k.Num() > best {
			best = k.Num()
		}
	}
	t.PushNumber(best)
	return 1
}

func tableForeach(t *vm.Thread) int {
	tab, f := t.CheckTable(1), t.CheckFunc(2)
	for k, v, ok := tab.Next(vm.Nil); ok; k, v, ok = tab.Next(k) {
		if r := t.Call1(f, k, v); !r.IsNil() {
			t.Push(r)
			return 1
		}
	}
	return 0
}

func tableForeachi(t *vm.Thread) int {
	tab, f := t.CheckTable(1), t.CheckFunc(2)
	for i := 1; i <= tab.Len(); i++ {
		if r := t.Call1(f, vm.Int(i), tab.GetInt(i)); !r.IsNil() {
			t.Push(r)
			return 1
		}
	}
	return 0
}

func tableInsert(t *vm.Thread) int {
	tab := t.CheckTable(1)
	n := tab.Len()
	switch t.NArg() {
	case 2:
		t.RawSetInt(tab, n+1, t.Arg(2))
		return 0
	case 3:
	default:
		t.Errorf("wrong number of arguments to 'insert'")
	}
	i, v := t.CheckInt(2), t.Arg(3)
	switch {
	case i >= 1 && i <= n:
		t.Spend((n - i) / 64)
		tab.Insert(i, v)
	case i > n:
		tab.SetInt(i, v)
	default:
		t.Spend(n - i)
		for j := n; j >= i; j-- {
			tab.SetInt(j+1, tab.GetInt(j))
		}
		tab.SetInt(i, v)
	}
	return 0
}

func tableRemove(t *vm.Thread) int {
	tab := t.CheckTable(1)
	n := tab.Len()
	if t.NArg() < 2 || t.Arg(2).IsNil() {
		if n == 0 {
			return 0
		}
		t.Push(tab.GetInt(n))
		tab.SetInt(n, vm.Nil)
		return 1
	}
	i := t.CheckInt(2)
	if i < 1 || i > n {
		return 0
	}
	t.Spend((n - i) / 64)
	if len(tab.Elements()) == n {
		t.Push(tab.Remove(i))
		return 1
	}
	t.Push(tab.GetInt(i))
	for ; i < n; i++ {
		tab.SetInt(i, tab.GetInt(i+1))
	}
	tab.SetInt(n, vm.Nil)
	return 1
}

func tableMove(t *vm.Thread) int {
	a, f, e, d := t.CheckTable(1), t.CheckInt(2), t.CheckInt(3), t.CheckInt(4)
	dst := a
	if k, ok := t.TypeOf(5); ok && k != vm.KNil {
		dst = t.CheckTable(5)
	}
	if e >= f {
		if e-f > 1<<27 {
			t.ArgError(3, "too many elements to move")
		}
		t.Spend(e - f)
		if d > e || d <= f || dst != a {
			for i := 0; i <= e-f; i++ {
				dst.SetInt(d+i, a.GetInt(f+i))
			}
		} else {
			for i := e - f; i >= 0; i-- {
				dst.SetInt(d+i, a.GetInt(f+i))
			}
		}
	}
	t.Push(dst.Value())
	return 1
}

func tablePack(t *vm.Thread) int {
	n := t.NArg()
	tab := t.VM().NewTable(n, 1)
	for i := 1; i <= n; i++ {
		tab.SetInt(i, t.Arg(i))
	}
	tab.SetStr("n", vm.Int(n))
	t.Push(tab.Value())
	return 1
}

// maxUnpack bounds the results of unpack.
const maxUnpack = 250000

func tableUnpack(t *vm.Thread) int {
	tab := t.CheckTable(1)
	i := t.OptInt(2, 1)
	e := tab.Len()
	if k, ok := t.TypeOf(3); ok && k != vm.KNil {
		e = t.CheckInt(3)
	}
	if i > e {
		return 0
	}
	if e-i >= maxUnpack || e-i < 0 {
		t.Errorf("too many results to unpack")
	}
	n := e - i + 1
	for ; i <= e; i++ {
		t.Push(tab.GetInt(i))
	}
	return n
}

func tableIsarray(t *vm.Thread) int {
	tab := t.CheckTable(1)
	for k, _, ok := tab.Next(vm.Nil); ok; k, _, ok = tab.Next(k) {
		if f := k.Num(); k.Kind() != vm.KNumber || f < 1 || f != float64(int(f)) {
			t.PushBool(false)
			return 1
		}
	}
	t.PushBool(true)
	return 1
}

func tableClone(t *vm.Thread) int {
	tab := t.CheckTable(1)
	c := t.VM().NewTable(tab.Len(), 0)
	for k, v, ok := tab.Next(vm.Nil); ok; k, v, ok = tab.Next(k) {
		c.Set(k, v)
	}
	c.SetMetatable(tab.Metatable())
	t.Push(c.Value())
	return 1
}

func tableConcat(t *vm.Thread) int {
	tab := t.CheckTable(1)
	sep := t.OptString(2, "")
	i := t.OptInt(3, 1)
	e := tab.Len()
	if k, ok := t.TypeOf(4); ok && k != vm.KNil {
		e = t.CheckInt(4)
	}
	if i > e {
		t.PushString("")
		return 1
	}
	var num [32]byte
	total := 0
	for j := i; j <= e; j++ {
		v := tab.GetInt(j)
		switch v.Kind() {
		case vm.KString:
			total += len(v.Str())
		case vm.KNumber:
			total += len(vm.AppendNumber(num[:0], v.Num()))
		default:
			t.Errorf("invalid value (%s) at index %d in table for 'concat'", v.Kind(), j)
		}
		if j < e {
			total += len(sep)
		}
		if total > vm.MaxString {
			t.RaiseString("not enough memory")
		}
	}
	t.Reserve(total)
	res, b := vm.NewString(total)
	o := 0
	for j := i; j <= e; j++ {
		if v := tab.GetInt(j); v.Kind() == vm.KString {
			o += copy(b[o:], v.Str())
		} else {
			o += copy(b[o:], vm.AppendNumber(num[:0], v.Num()))
		}
		if j < e {
			o += copy(b[o:], sep)
		}
	}
	t.Push(res)
	return 1
}
