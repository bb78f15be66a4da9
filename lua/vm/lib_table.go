package vm

import (
	"math"
	"sort"

	glua "github.com/yuin/gopher-lua"
)

var tableLibrary = map[string]Func{
	"concat":   tabConcat,
	"foreach":  tabForeach,
	"foreachi": tabForeachi,
	"getn": func(t *Thread) int {
		t.PushInt(t.length(t.CheckTable(1)))
		return 1
	},
	"insert": tabInsert,
	"maxn":   tabMaxn,
	"move":   tabMove,
	"pack":   tabPack,
	"remove": tabRemove,
	"sort":   tabSort,
	"unpack": libUnpack,
}

// tableExtensions are LuaJIT's and OpenResty's: require "table.new" gives the function and sets
// table.new.
var tableExtensions = map[string]Func{
	"new": func(t *Thread) int {
		narr, nrec := t.CheckInt(1), t.CheckInt(2)
		t.Push(t.vm.NewTable(min(max(narr, 0), 1<<16), min(max(nrec, 0), 1<<12)).Value())
		return 1
	},
	"clear": func(t *Thread) int {
		tb := t.CheckTable(1)
		tb.t = glua.LTable{Metatable: tb.t.Metatable}
		return 0
	},
	"nkeys": func(t *Thread) int {
		n := 0
		t.CheckTable(1).t.ForEach(func(_, _ glua.LValue) { n++ })
		t.PushInt(n)
		return 1
	},
	"isempty": func(t *Thread) int {
		_, _, ok := t.CheckTable(1).Next(Nil)
		t.PushBool(!ok)
		return 1
	},
	"isarray": func(t *Thread) int {
		array := true
		t.CheckTable(1).t.ForEach(func(k, _ glua.LValue) {
			n, ok := k.(glua.LNumber)
			array = array && ok && n >= 1 && float64(n) == math.Trunc(float64(n))
		})
		t.PushBool(array)
		return 1
	},
	"clone": func(t *Thread) int {
		tb := t.CheckTable(1)
		c := t.vm.NewTable(tb.Len(), 0)
		for k, v, ok := tb.Next(Nil); ok; k, v, ok = tb.Next(k) {
			c.Set(k, v)
		}
		c.SetMetatable(tb.Metatable())
		t.Push(c.Value())
		return 1
	},
}

func (m *VM) openTable() {
	tb := m.NewTable(0, 16)
	m.register(tb, tableLibrary)
	m.Globals().SetStr("table", tb.Value())
	for name, f := range tableExtensions {
		m.Builtin("table."+name, func(t *Thread) Value {
			fn := m.NewFunc(name, f)
			tb.SetStr(name, fn)
			return fn
		})
	}
}

// length is #tb, __len included.
func (t *Thread) length(tb *Table) int {
	if tb.Metatable() == nil {
		return tb.Len()
	}
	if mt := t.metafield(tb.Value(), "__len"); !mt.IsNil() {
		if r := t.CallRaw(mt, tb.Value()); len(r) > 0 {
			f, _ := r[0].ToNumber()
			return truncate(f)
		}
	}
	return tb.Len()
}

func tabConcat(t *Thread) int {
	tb, sep := t.CheckTable(1), t.OptString(2, "")
	i, j := t.OptInt(3, 1), 0
	if t.Arg(4).IsNil() {
		j = t.length(tb)
	} else {
		j = t.CheckInt(4)
	}
	n := 0
	for k := i; k <= j; k++ {
		switch x := tb.GetInt(k).v.(type) {
		case glua.LString:
			n += len(x)
		case glua.LNumber:
			n += 24
		default:
			t.Errorf("invalid value (%s) at index %d in table for 'concat'", Value{x}.Kind(), k)
		}
		n += len(sep)
		t.checkLength(n)
	}
	out := make([]byte, 0, n)
	for k := i; k <= j; k++ {
		if k > i {
			out = append(out, sep...)
		}
		out = appendConcat(out, tb.GetInt(k).v)
	}
	t.PushBytes(out)
	return 1
}

func tabForeach(t *Thread) int {
	tb, fn := t.CheckTable(1), t.CheckFunc(2)
	for k, v, ok := tb.Next(Nil); ok; k, v, ok = tb.Next(k) {
		if r := t.CallRaw(fn, k, v); len(r) > 0 && !r[0].IsNil() {
			t.Push(r[0])
			return 1
		}
	}
	return 0
}

func tabForeachi(t *Thread) int {
	tb, fn := t.CheckTable(1), t.CheckFunc(2)
	for i := 1; i <= tb.Len(); i++ {
		if r := t.CallRaw(fn, Int(i), tb.GetInt(i)); len(r) > 0 && !r[0].IsNil() {
			t.Push(r[0])
			return 1
		}
	}
	return 0
}

func tabInsert(t *Thread) int {
	tb := t.CheckTable(1)
	n := t.length(tb) + 1
	switch t.NArg() {
	case 2:
		tb.SetInt(n, t.Arg(2))
	case 3:
		pos := t.CheckInt(2)
		if pos >= 1 && pos < n && n-1 == tb.t.MaxN() {
			tb.t.Insert(pos, t.Arg(3).lv())
			return 0
		}
		n = max(n, pos)
		for i := n; i > pos; i-- {
			tb.SetInt(i, tb.GetInt(i-1))
		}
		tb.SetInt(pos, t.Arg(3))
	default:
		t.Errorf("wrong number of arguments to 'insert'")
	}
	return 0
}

func tabRemove(t *Thread) int {
	tb := t.CheckTable(1)
	n := t.length(tb)
	pos := t.OptInt(2, n)
	if n == 0 || pos < 1 || pos > n {
		return 0
	}
	t.Push(tb.GetInt(pos))
	if n == tb.t.MaxN() {
		tb.t.Remove(pos)
		return 1
	}
	for i := pos; i < n; i++ {
		tb.SetInt(i, tb.GetInt(i+1))
	}
	tb.SetInt(n, Nil)
	return 1
}

func tabMaxn(t *Thread) int {
	most := 0.0
	t.CheckTable(1).t.ForEach(func(k, _ glua.LValue) {
		if n, ok := k.(glua.LNumber); ok {
			most = max(most, float64(n))
		}
	})
	t.PushNumber(most)
	return 1
}

func tabMove(t *Thread) int {
	from, f, e, to := t.CheckTable(1), t.CheckInt(2), t.CheckInt(3), t.CheckInt(4)
	dst := from
	if t.NArg() >= 5 {
		dst = t.CheckTable(5)
	}
	switch {
	case e < f:
	case f <= 0 && e >= math.MaxInt+f:
		t.ArgError(3, "too many elements to move")
	case to > math.MaxInt-(e-f):
		t.ArgError(4, "destination wrap around")
	case to > e || to <= f || dst != from:
		for i := f; i <= e; i++ {
			t.SetIndex(dst.Value(), Int(to+i-f), t.Index(from.Value(), Int(i)))
		}
	default:
		for i := e; i >= f; i-- {
			t.SetIndex(dst.Value(), Int(to+i-f), t.Index(from.Value(), Int(i)))
		}
	}
	t.Push(dst.Value())
	return 1
}

func tabPack(t *Thread) int {
	tb := t.vm.NewTable(t.NArg(), 1)
	for i, v := range t.Args() {
		tb.SetInt(i+1, v)
	}
	tb.SetStr("n", Int(t.NArg()))
	t.Push(tb.Value())
	return 1
}

// sorter sorts a copy of the array part; an inconsistent order function gives some order, never a
// fault.
type sorter struct {
	t    *Thread
	v    []Value
	less Value
}

func (s *sorter) Len() int      { return len(s.v) }
func (s *sorter) Swap(i, j int) { s.v[i], s.v[j] = s.v[j], s.v[i] }
func (s *sorter) Less(i, j int) bool {
	a, b := s.v[i], s.v[j]
	if !s.less.IsNil() {
		r := s.t.CallRaw(s.less, a, b)
		return len(r) > 0 && r[0].Truth()
	}
	switch x := a.v.(type) {
	case glua.LNumber:
		if y, ok := b.v.(glua.LNumber); ok {
			return x < y
		}
	case glua.LString:
		if y, ok := b.v.(glua.LString); ok {
			return x < y
		}
	}
	return s.t.lessThan(a, b)
}

// lessThan is a < b with __lt.
func (t *Thread) lessThan(a, b Value) bool {
	if a.Kind() == b.Kind() && !t.metafield(a, "__lt").IsNil() {
		return t.l.LessThan(a.lv(), b.lv())
	}
	if a.Kind() == b.Kind() {
		t.Errorf("attempt to compare two %s values", a.Kind())
	}
	t.Errorf("attempt to compare %s with %s", a.Kind(), b.Kind())
	return false
}

func tabSort(t *Thread) int {
	tb := t.CheckTable(1)
	s := &sorter{t: t, v: make([]Value, t.length(tb))}
	if !t.Arg(2).IsNil() {
		s.less = t.CheckFunc(2)
	}
	for i := range s.v {
		s.v[i] = tb.GetInt(i + 1)
	}
	sort.Sort(s)
	for i, v := range s.v {
		tb.SetInt(i+1, v)
	}
	return 0
}
