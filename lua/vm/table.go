package vm

import (
	"math"

	glua "github.com/yuin/gopher-lua"
)

// Table is a Lua table. Its methods are raw: no metamethods.
type Table struct{ t glua.LTable }

func (t *Table) Value() Value {
	if t == nil {
		return Nil
	}
	return Value{&t.t}
}

func (t *Table) Get(k Value) Value { return Value{t.t.RawGet(k.lv())} }

// Set assigns t[k]. A nil or NaN key is ignored: callers that take keys from scripts check first.
func (t *Table) Set(k, v Value) {
	if n, ok := k.v.(glua.LNumber); ok && math.IsNaN(float64(n)) || k.IsNil() {
		return
	}
	t.t.RawSet(k.lv(), v.lv())
}

func (t *Table) GetStr(s string) Value    { return Value{t.t.RawGetString(s)} }
func (t *Table) SetStr(s string, v Value) { t.t.RawSetString(s, v.lv()) }

func (t *Table) GetInt(i int) Value    { return Value{t.t.RawGet(glua.LNumber(i))} }
func (t *Table) SetInt(i int, v Value) { t.t.RawSetInt(i, v.lv()) }

// Len is a border, as # without __len.
func (t *Table) Len() int { return t.t.Len() }

// Next continues a traversal after k (Nil begins); ok is false at the end.
func (t *Table) Next(k Value) (key, value Value, ok bool) {
	a, b := t.t.Next(k.lv())
	return Value{a}, Value{b}, a != glua.LNil
}

func (t *Table) Metatable() *Table { return Value{t.t.Metatable}.Table() }

func (t *Table) SetMetatable(mt *Table) { t.t.Metatable = mt.Value().lv() }

// Function is a Lua or host function.
type Function struct{ f glua.LFunction }

func (f *Function) Value() Value      { return Value{&f.f} }
func (f *Function) Env() *Table       { return Value{f.f.Env}.Table() }
func (f *Function) SetEnv(env *Table) { f.f.Env = &env.t }

// Userdata is a host value with a metatable.
type Userdata struct {
	Value     any
	env       *glua.LTable
	metatable glua.LValue
}

func (u *Userdata) Metatable() *Table      { return Value{u.metatable}.Table() }
func (u *Userdata) SetMetatable(mt *Table) { u.metatable = mt.Value().lv() }
