package vm

import (
	"fmt"
	"math"
	"unsafe"

	glua "github.com/yuin/gopher-lua"
)

// Thread is a Lua thread: a server thread from VM.NewThread, or a coroutine that a script made.
type Thread struct {
	vm       *VM
	l        *glua.LState // nil before the first run and after the last
	data     any
	parent   *Thread
	children map[*Thread]struct{} // coroutines made by this thread that are suspended: they end with it
	results  []Value
	handler  glua.LValue // of the innermost xpcall
	catching catchKind
	status   status
	depth    int  // running Go calls
	seen     bool // a script may hold it: it is not used again
	co       *coroutine
}

type status uint8

const (
	suspended status = iota
	running
	normal
	dead
)

var statusNames = [...]string{"suspended", "running", "normal", "dead"}

// threadValue is a Thread as gopher-lua sees it.
type threadValue Thread

func (t *threadValue) Type() glua.LValueType { return glua.LTThread }
func (t *threadValue) String() string        { return fmt.Sprintf("thread: %p", t) }

// Value returns the thread as a Lua value.
func (t *Thread) Value() Value {
	t.seen = true
	return Value{(*threadValue)(t)}
}

func (t *Thread) attach() {
	m := t.vm
	if n := len(m.idle); n > 0 {
		t.l, m.idle = m.idle[n-1], m.idle[:n-1]
	} else {
		t.l, _ = m.main.NewThread()
		t.l.Panic = raiseGopher
	}
	setOwner(t.l, t)
}

func (t *Thread) detach() {
	if t.l == nil {
		return
	}
	if t.rest() && len(t.vm.idle) < maxIdle {
		t.vm.idle = append(t.vm.idle, t.l)
	}
	t.l = nil
}

// rest empties the stack and tells whether it is small enough to keep.
func (t *Thread) rest() bool {
	unwindTo(t.l, nil, 0)
	t.l.Env = t.vm.main.Env
	return len(regs(t.l).array) <= maxIdleStack
}

func (t *Thread) VM() *VM { return t.vm }

// Data belongs to the server. A coroutine has that of the thread that made it, and on each resume
// that of the resumer.
func (t *Thread) Data() any        { return t.data }
func (t *Thread) SetData(data any) { t.data = data }

// Parent returns the thread that made this one with coroutine.create, or nil for a server thread.
func (t *Thread) Parent() *Thread { return t.parent }

// Status is "suspended", "running", "normal" or "dead".
func (t *Thread) Status() string { return statusNames[t.status] }

// NArg returns the number of arguments of the running host function.
func (t *Thread) NArg() int { return currentFrame(t.l).NArgs }

// Arg returns argument i, counted from 1; Nil past the end.
func (t *Thread) Arg(i int) Value {
	f := currentFrame(t.l)
	if i < 1 || i > f.NArgs {
		return Nil
	}
	return Value{regs(t.l).array[f.LocalBase+i-1]}
}

func (t *Thread) CheckString(i int) string {
	if s, ok := t.Arg(i).ToString(); ok {
		return s
	}
	t.TypeError(i, "string")
	return ""
}

func (t *Thread) CheckNumber(i int) float64 {
	if n, ok := t.Arg(i).ToNumber(); ok {
		return n
	}
	t.TypeError(i, "number")
	return 0
}

// CheckInt truncates towards zero; what no int holds becomes the nearest one.
func (t *Thread) CheckInt(i int) int { return truncate(t.CheckNumber(i)) }

func truncate(f float64) int {
	switch {
	case f != f:
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int(f)
}

func (t *Thread) CheckBool(i int) bool {
	if t.Arg(i).Kind() != KBool {
		t.TypeError(i, "boolean")
	}
	return t.Arg(i).Bool()
}

func (t *Thread) CheckTable(i int) *Table {
	if tb := t.Arg(i).Table(); tb != nil {
		return tb
	}
	t.TypeError(i, "table")
	return nil
}

func (t *Thread) CheckFunc(i int) Value {
	if t.Arg(i).Kind() != KFunction {
		t.TypeError(i, "function")
	}
	return t.Arg(i)
}

func (t *Thread) CheckAny(i int) Value {
	if i > t.NArg() {
		t.ArgError(i, "value expected")
	}
	return t.Arg(i)
}

func (t *Thread) OptString(i int, d string) string {
	if t.Arg(i).IsNil() {
		return d
	}
	return t.CheckString(i)
}

func (t *Thread) OptNumber(i int, d float64) float64 {
	if t.Arg(i).IsNil() {
		return d
	}
	return t.CheckNumber(i)
}

func (t *Thread) OptInt(i, d int) int {
	if t.Arg(i).IsNil() {
		return d
	}
	return t.CheckInt(i)
}

func (t *Thread) OptBool(i int, d bool) bool {
	if t.Arg(i).IsNil() {
		return d
	}
	return t.CheckBool(i)
}

func (t *Thread) Push(v Value)         { t.l.Push(v.lv()) }
func (t *Thread) PushString(s string)  { t.l.Push(glua.LString(s)) }
func (t *Thread) PushBytes(b []byte)   { t.l.Push(glua.LString(b)) }
func (t *Thread) PushNumber(f float64) { t.l.Push(glua.LNumber(f)) }
func (t *Thread) PushInt(i int)        { t.l.Push(glua.LNumber(i)) }
func (t *Thread) PushBool(b bool)      { t.l.Push(glua.LBool(b)) }
func (t *Thread) PushNil()             { t.l.Push(glua.LNil) }

// Index returns v[k], metamethods included.
func (t *Thread) Index(v, k Value) Value { return Value{t.l.GetTable(v.lv(), k.lv())} }

// SetIndex assigns v[k] = val, metamethods included.
func (t *Thread) SetIndex(v, k, val Value) { t.l.SetTable(v.lv(), k.lv(), val.lv()) }

// ToString is tostring(v): it honours __tostring.
func (t *Thread) ToString(v Value) string {
	switch x := v.v.(type) {
	case glua.LString:
		return string(x)
	case glua.LNumber:
		return formatNumber(float64(x))
	}
	if mt := t.metafield(v, "__tostring"); !mt.IsNil() {
		r := t.CallRaw(mt, v)
		if len(r) == 0 {
			t.Errorf("'tostring' must return a string to 'print'")
		}
		s, ok := r[0].ToString()
		if !ok {
			t.Errorf("'tostring' must return a string to 'print'")
		}
		return s
	}
	return v.lv().String()
}

// metafield returns the field of v's metatable, or Nil.
func (t *Thread) metafield(v Value, name string) Value {
	if mt := t.metatable(v); mt != nil {
		return mt.GetStr(name)
	}
	return Nil
}

func (t *Thread) metatable(v Value) *Table {
	switch x := v.v.(type) {
	case *glua.LTable:
		return Value{x.Metatable}.Table()
	case *glua.LUserData:
		return Value{x.Metatable}.Table()
	}
	// GetMetatable returns __metatable instead when there is one; types other than these two are
	// shared by a VM and have none.
	return Value{t.l.GetMetatable(v.lv())}.Table()
}

// Args returns all arguments of the running host function: a view of the stack, valid until the
// next Push or call.
func (t *Thread) Args() []Value {
	f := currentFrame(t.l)
	if f.NArgs == 0 {
		return nil
	}
	return unsafe.Slice((*Value)(unsafe.Pointer(&regs(t.l).array[f.LocalBase])), f.NArgs)
}

// PushAll pushes vs and returns their number.
func (t *Thread) PushAll(vs []Value) int {
	for _, v := range vs {
		t.l.Push(v.lv())
	}
	return len(vs)
}
