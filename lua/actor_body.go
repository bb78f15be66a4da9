package lua

import (
	"fmt"

	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// body is what a script sends: values that belong to no VM yet. Strings are shared; tables are
// copies, which the receiver keeps. Who gets a body that others get too copies its tables.
type body struct {
	vals   []vm.Value
	room   [3]vm.Value
	many   bool // received by several
	frozen bool // there are shared tables in it, or a socket, which the receiver's VM has to wrap
	socket *handover
}

// Values are the values as Go has them.
func (b *body) Values() []any {
	all := make([]any, len(b.vals))
	for i, v := range b.vals {
		all[i] = goValue(v)
	}
	return all
}

// size is about how many bytes the body holds.
func (b *body) size() int64 {
	var n int64
	for _, v := range b.vals {
		n += sizeOf(v)
	}
	return n
}

func sizeOf(v vm.Value) int64 {
	n := int64(16)
	switch v.Kind() {
	case vm.KString:
		n += int64(len(v.Str()))
	case vm.KTable:
		t := v.Table()
		for k, x, ok := t.Next(vm.Nil); ok; k, x, ok = t.Next(k) {
			n += sizeOf(k) + sizeOf(x)
		}
	}
	return n
}

// sendDepth bounds how deep tables in tables are sent.
const sendDepth = 100

// pack makes a body of values; the error is ETYPE or ECYCLE.
func (e *engine) pack(vals []vm.Value) (*body, *mailbox.Error) {
	b := &body{}
	if len(vals) <= len(b.room) {
		b.vals = b.room[:len(vals)]
	} else {
		b.vals = make([]vm.Value, len(vals))
	}
	for i, v := range vals {
		if v.Kind() <= vm.KString {
			b.vals[i] = v.Settle()
			continue
		}
		c := copier{e: e, b: b}
		var err *mailbox.Error
		if b.vals[i], err = c.copy(v); err != nil {
			if i > 0 || len(vals) > 1 {
				err.Msg += fmt.Sprintf(" (value %d)", i+1)
			}
			return nil, err
		}
	}
	return b, nil
}

// copier copies one value with what is in it. The tables that it is in are its stack.
type copier struct {
	e     *engine
	b     *body
	stack []*vm.Table
	path  []vm.Value
}

func (c *copier) fail(code mailbox.Code, what string) *mailbox.Error {
	at := ""
	for _, k := range c.path {
		at += "[" + keyText(k) + "]"
	}
	if at != "" {
		what += " at " + at
	}
	return &mailbox.Error{Code: code, Msg: what}
}

func keyText(k vm.Value) string {
	if text, ok := k.ToString(); ok {
		return text
	}
	return k.Kind().String()
}

func (c *copier) copy(v vm.Value) (vm.Value, *mailbox.Error) {
	switch v.Kind() {
	case vm.KTable:
		return c.table(v.Table())
	case vm.KFunction, vm.KThread, vm.KUserdata:
		return vm.Nil, c.fail(mailbox.ETYPE, "a "+v.Kind().String()+" cannot be sent")
	}
	return v.Settle(), nil
}

func (c *copier) table(from *vm.Table) (vm.Value, *mailbox.Error) {
	if _, ok := userdata[*cosocket](from.GetInt(1)); ok {
		return vm.Nil, c.fail(mailbox.ETYPE, "a socket cannot be sent but by its method give")
	}
	if f := c.e.frozenOf(from); f != nil {
		c.b.frozen = true
		return f.self, nil
	}
	for _, t := range c.stack {
		if t == from {
			return vm.Nil, c.fail(mailbox.ECYCLE, "a table contains itself")
		}
	}
	if len(c.stack) >= sendDepth {
		return vm.Nil, c.fail(mailbox.ECYCLE, "tables are nested more than 100 deep")
	}
	c.stack = append(c.stack, from)
	to := c.e.vm.NewTable(from.Len(), max(from.Count()-from.Len(), 0))
	for k, v, ok := from.Next(vm.Nil); ok; k, v, ok = from.Next(k) {
		c.path = append(c.path, k)
		if k.Kind() > vm.KString {
			return vm.Nil, c.fail(mailbox.ETYPE, "a "+k.Kind().String()+" cannot be sent as a key")
		}
		if v.Kind() > vm.KString {
			var err *mailbox.Error
			if v, err = c.copy(v); err != nil {
				return vm.Nil, err
			}
		}
		to.Set(k.Settle(), v.Settle())
		c.path = c.path[:len(c.path)-1]
	}
	c.stack = c.stack[:len(c.stack)-1]
	return to.Value(), nil
}

// unpack gives the values of a body to the VM.
func (e *engine) unpack(from mailbox.Body) []vm.Value {
	switch b := from.(type) {
	case nil:
		return nil
	case *body:
		if !b.many && !b.frozen {
			return b.vals
		}
		vals := make([]vm.Value, len(b.vals))
		for i, v := range b.vals {
			vals[i] = e.take(v, b.many)
		}
		return vals
	default:
		values := from.Values()
		vals := make([]vm.Value, len(values))
		for i, v := range values {
			vals[i] = e.luaValue(v)
		}
		return vals
	}
}

// take makes a value of a body the VM's: shared tables get their wrapping; other tables are copied
// when others take them too.
func (e *engine) take(v vm.Value, copies bool) vm.Value {
	switch p := v.LightValue().(type) {
	case *frozen:
		return e.wrap(p)
	case *handover:
		return e.receiveSocket(p)
	}
	from := v.Table()
	if from == nil {
		return v
	}
	to := from
	if copies {
		to = e.vm.NewTable(from.Len(), max(from.Count()-from.Len(), 0))
	}
	for k, x, ok := from.Next(vm.Nil); ok; k, x, ok = from.Next(k) {
		if kind := x.Kind(); copies || kind == vm.KTable || kind == vm.KLight {
			to.Set(k, e.take(x, copies))
		}
	}
	return to.Value()
}

// luaValue makes a value of Go one of the VM; what has no counterpart is its text.
func (e *engine) luaValue(v any) vm.Value {
	switch v := v.(type) {
	case nil:
		return vm.Nil
	case bool:
		return vm.Bool(v)
	case string:
		return vm.String(v)
	case []byte:
		return vm.Bytes(v)
	case float64:
		return vm.Number(v)
	case int:
		return vm.Int(v)
	case int64:
		return vm.Number(float64(v))
	case uint64:
		return vm.Number(float64(v))
	case *mailbox.Actor:
		return address(v)
	case error:
		return vm.String(v.Error())
	case []any:
		t := e.vm.NewTable(len(v), 0)
		for i, x := range v {
			t.SetInt(i+1, e.luaValue(x))
		}
		return t.Value()
	case []string:
		t := e.vm.NewTable(len(v), 0)
		for i, x := range v {
			t.SetInt(i+1, vm.String(x))
		}
		return t.Value()
	case map[string]any:
		t := e.vm.NewTable(0, len(v))
		for k, x := range v {
			t.SetStr(k, e.luaValue(x))
		}
		return t.Value()
	case map[string]string:
		t := e.vm.NewTable(0, len(v))
		for k, x := range v {
			t.SetStr(k, vm.String(x))
		}
		return t.Value()
	case map[any]any:
		t := e.vm.NewTable(0, len(v))
		for k, x := range v {
			t.Set(e.luaValue(k), e.luaValue(x))
		}
		return t.Value()
	}
	return vm.String(fmt.Sprint(v))
}

// goValue is a value of a body in Go. A table that is a list is a []any, others are map[any]any.
func goValue(v vm.Value) any {
	switch v.Kind() {
	case vm.KBool:
		return v.Bool()
	case vm.KNumber:
		return v.Num()
	case vm.KString:
		return v.Str()
	case vm.KLight:
		switch p := v.LightValue().(type) {
		case *mailbox.Actor:
			return p
		case *frozen:
			return p.goValue()
		case *handover:
			return p.parcel
		}
		return nil // ngx.null
	case vm.KTable:
		t := v.Table()
		n := t.Len()
		if n > 0 && n == t.Count() {
			list := make([]any, n)
			for i := range list {
				list[i] = goValue(t.GetInt(i + 1))
			}
			return list
		}
		m := make(map[any]any, t.Count())
		for k, x, ok := t.Next(vm.Nil); ok; k, x, ok = t.Next(k) {
			m[goValue(k)] = goValue(x)
		}
		return m
	}
	return nil
}

// address is an actor as a value: the same one always, so that it can be compared and be a key.
func address(a *mailbox.Actor) vm.Value {
	if a == nil {
		return vm.Nil
	}
	return a.Handle(func() any { return vm.Token(a.String(), a) }).(vm.Value)
}

// frozen is an immutable table that VMs share.
type frozen struct {
	self vm.Value   // the table in a body
	list []vm.Value // 1, 2, …
	m    map[any]int
	keys []vm.Value
	vals []vm.Value
}

func keyOf(k vm.Value) any {
	switch k.Kind() {
	case vm.KString:
		return k.Str()
	case vm.KNumber:
		return k.Num()
	case vm.KBool:
		return k.Bool()
	case vm.KLight:
		return k.LightValue()
	}
	return nil
}

// freeze makes a shared table of one that pack has made.
func freeze(t *vm.Table) *frozen {
	f := &frozen{m: map[any]int{}}
	f.self = vm.Token("shared table", f)
	for i := 1; i <= t.Len(); i++ {
		f.list = append(f.list, freezeValue(t.GetInt(i)))
	}
	for k, v, ok := t.Next(vm.Nil); ok; k, v, ok = t.Next(k) {
		if n := k.Num(); k.Kind() == vm.KNumber && n >= 1 && n <= float64(len(f.list)) && n == float64(int(n)) {
			continue
		}
		f.m[keyOf(k)] = len(f.keys)
		f.keys = append(f.keys, k)
		f.vals = append(f.vals, freezeValue(v))
	}
	return f
}

func freezeValue(v vm.Value) vm.Value {
	if t := v.Table(); t != nil {
		return freeze(t).self
	}
	return v
}

func (f *frozen) get(k vm.Value) vm.Value {
	if k.Kind() == vm.KNumber {
		if n := k.Num(); n >= 1 && n <= float64(len(f.list)) && n == float64(int(n)) {
			return f.list[int(n)-1]
		}
	}
	if i, ok := f.m[keyOf(k)]; ok {
		return f.vals[i]
	}
	return vm.Nil
}

// at gives the entry number i, from 0.
func (f *frozen) at(i int) (k, v vm.Value, ok bool) {
	if i < len(f.list) {
		return vm.Int(i + 1), f.list[i], true
	}
	if i -= len(f.list); i < len(f.keys) {
		return f.keys[i], f.vals[i], true
	}
	return vm.Nil, vm.Nil, false
}

func (f *frozen) goValue() any {
	m := map[any]any{}
	for i := 0; ; i++ {
		k, v, ok := f.at(i)
		if !ok {
			return m
		}
		m[goValue(k)] = goValue(v)
	}
}
