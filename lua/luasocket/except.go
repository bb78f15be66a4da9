package luasocket

import "github.com/luahttpd/luahttpd/lua/vm"

// newTry is socket.newtry: a function that gives its arguments back unless the
// first is false; then it calls the finalizer and raises the second, wrapped so
// that protect knows it.
func (l *library) newTry(t *vm.Thread) int {
	finalizer := t.Arg(1)
	t.Push(l.m.NewFunc("try", func(t *vm.Thread) int {
		if t.Arg(1).Truth() {
			t.ReturnArgs(1, t.NArg())
			return t.NArg()
		}
		wrapped := l.m.NewTable(1, 0)
		wrapped.SetInt(1, t.Arg(2))
		wrapped.SetMetatable(l.raisedTable())
		if finalizer.IsNil() {
			return t.Throw(wrapped.Value())
		}
		return t.CallThen(&vm.Continuation{Then: func(t *vm.Thread) int { return t.Throw(wrapped.Value()) }}, finalizer)
	}))
	return 1
}

func (l *library) raisedTable() *vm.Table {
	if l.raised == nil {
		l.raised = l.m.NewTable(0, 1)
		l.raised.SetStr("__metatable", vm.Bool(false))
	}
	return l.raised
}

// protect is socket.protect: the function, but what a try raises in it is
// returned as nil and the error. Other errors go on.
func (l *library) protect(t *vm.Thread) int {
	f, pcall := t.Arg(1), l.m.Primitive("pcall")
	t.Push(l.m.NewFunc("protected", func(t *vm.Thread) int {
		args := append([]vm.Value{f}, t.Args()...)
		return t.CallThen(&vm.Continuation{Then: func(t *vm.Thread) int {
			if t.Arg(1).Truth() {
				t.ReturnArgs(2, t.NArg())
				return t.NArg() - 1
			}
			if e := t.Arg(2).Table(); e != nil && e.Metatable() == l.raisedTable() {
				t.PushNil()
				t.Push(e.GetInt(1))
				return 2
			}
			return t.Throw(t.Arg(2))
		}}, pcall, args...)
	}))
	return 1
}
