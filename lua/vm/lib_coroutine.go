package vm

var coroutineLibrary = map[string]Func{
	"create": func(t *Thread) int {
		t.Push(t.NewCoroutine(t.CheckFunc(1)).Value())
		return 1
	},
	"resume": func(t *Thread) int {
		co := t.checkThread(1)
		r, err := t.Resume(co, t.Args()[1:]...)
		if err != nil {
			t.PushBool(false)
			t.Push(err.(*Error).Value)
			return 2
		}
		t.PushBool(true)
		return 1 + t.PushAll(r)
	},
	"yield": func(t *Thread) int { return t.PushAll(t.Yield(t.Args()...)) },
	"wrap": func(t *Thread) int {
		co := t.NewCoroutine(t.CheckFunc(1))
		t.Push(t.vm.NewFunc("wrap", func(t *Thread) int {
			r, err := t.Resume(co, t.Args()...)
			if err != nil {
				t.Rethrow(err.(*Error))
			}
			return t.PushAll(r)
		}))
		return 1
	},
	"status": func(t *Thread) int {
		t.PushString(t.checkThread(1).Status())
		return 1
	},
	"running": func(t *Thread) int {
		t.Push(t.Value())
		t.PushBool(t.co == nil)
		return 2
	},
	"isyieldable": func(t *Thread) int {
		t.PushBool(t.co != nil || t.vm.onYield != nil)
		return 1
	},
}

// Rethrow raises, as coroutine.wrap does, the error that ended a coroutine: LuaJIT puts the
// caller's position before a message.
func (t *Thread) Rethrow(e *Error) {
	v := e.Value
	if v.Kind() == KString {
		v = String(joinWhere(t.Where(1), v.Str()))
	}
	panic(raised{v: v, from: e})
}

// RethrowAsIs raises the error that ended a coroutine without adding a position, as
// lua-nginx-module's coroutine.wrap does.
func (t *Thread) RethrowAsIs(e *Error) { panic(raised{v: e.Value, from: e}) }

func (t *Thread) checkThread(i int) *Thread {
	co := t.Arg(i).Thread()
	if co == nil {
		t.ArgError(i, "coroutine expected")
	}
	return co
}
