package lua

import (
	"runtime"
	"strconv"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

func session(m *mailbox.Message) string { return strconv.FormatUint(m.Session, 10) }

// errorKey is where the table of an error keeps the error itself.
var errorKey = vm.NamedLight("actor error")

// callError is the error of a call that a value is, or nil.
func callError(v vm.Value) *mailbox.Error {
	if t := v.Table(); t != nil {
		e, _ := t.Get(errorKey).LightValue().(*mailbox.Error)
		return e
	}
	return nil
}

// errorValue makes the object that actor.call raises.
func (e *engine) errorValue(err *mailbox.Error) vm.Value {
	t := e.vm.NewTable(0, 8)
	set := func(name, text string) {
		if text != "" {
			t.SetStr(name, vm.String(text))
		}
	}
	set("code", string(err.Code))
	set("msg", err.Msg)
	set("addr", err.Addr)
	set("cmd", err.Cmd)
	set("traceback", err.Traceback)
	if b, ok := err.Value.(*body); ok {
		t.SetStr("value", e.take(b.vals[0], true))
	}
	t.SetStr("session", vm.Number(float64(err.Session)))
	t.SetStr("chain", e.luaValue(err.Chain))
	t.Set(errorKey, vm.Light(err))
	if e.errorTable == nil {
		e.errorTable = e.vm.NewTable(0, 2)
		e.errorTable.SetStr("__tostring", e.vm.NewFunc("tostring", func(t *vm.Thread) int {
			if err := callError(t.Arg(1)); err != nil {
				t.PushString(err.Error())
			} else {
				t.PushString("actor error")
			}
			return 1
		}))
		e.errorTable.SetStr("__name", vm.Const("actor.error"))
	}
	t.SetMetatable(e.errorTable)
	return t.Value()
}

func (s *state) raiseError(t *vm.Thread, err *mailbox.Error) { t.Raise(s.errorHere(t, err)) }

// errorHere is errorValue with the place of the call, where the callee has not given its own.
func (s *state) errorHere(t *vm.Thread, err *mailbox.Error) vm.Value {
	if err.Traceback == "" {
		err.Traceback = t.Traceback("", 1)
	}
	return s.e.errorValue(err)
}

// methods makes, once for a VM, the metatable of a kind of userdata.
func (e *engine) methods(kind string, functions map[string]func(*vm.Thread, *state) int) *vm.Table {
	if t := e.vm.Registry().GetStr(kind).Table(); t != nil {
		return t
	}
	mt, index := e.vm.NewTable(0, 2), e.vm.NewTable(0, 4)
	for name, f := range functions {
		if len(name) > 2 && name[:2] == "__" {
			mt.SetStr(name, e.function(name, anyPhase, f))
		} else {
			index.SetStr(name, e.function(name, anyPhase, f))
		}
	}
	mt.SetStr("__index", index.Value())
	e.vm.Registry().SetStr(kind, mt.Value())
	return mt
}

func checkDeferred(t *vm.Thread) *mailbox.Deferred {
	if u := t.Arg(1).Userdata(); u != nil {
		if d, ok := u.Value.(*mailbox.Deferred); ok {
			return d
		}
	}
	t.ArgError(1, "deferred answer expected")
	return nil
}

// deferTable is the metatable of what actor.defer gives.
func (e *engine) deferTable() *vm.Table {
	use := func(t *vm.Thread, s *state) *mailbox.Message {
		d := checkDeferred(t)
		m := d.Message()
		if !d.Use() {
			s.raiseError(t, &mailbox.Error{Code: mailbox.EREPLIED, Msg: "session " + session(m), Addr: m.To.Short(), Cmd: m.Cmd, Session: m.Session})
		}
		return m
	}
	return e.methods("actor.deferred", map[string]func(*vm.Thread, *state) int{
		"__call": func(t *vm.Thread, s *state) int {
			b, err := s.e.pack(t.Args()[1:])
			if err != nil {
				s.raiseError(t, err)
			}
			t.PushBool(use(t, s).Reply(b))
			return 1
		},
		"fail": func(t *vm.Thread, s *state) int {
			m := use(t, s)
			text := "failed"
			if e := callError(t.Arg(2)); e != nil {
				text = e.Error()
			} else if !t.Arg(2).IsNil() {
				text = t.ToString(t.Arg(2))
			}
			t.PushBool(m.Fail(mailbox.EERROR, text))
			return 1
		},
		"alive": func(t *vm.Thread, s *state) int {
			t.PushBool(checkDeferred(t).Alive())
			return 1
		},
	})
}

// logRun logs the error of state.run.
func (s *state) logRun(err error) {
	if err != errGone {
		s.logFork(err.(*mailbox.Error))
	}
}

func (s *state) logFork(err *mailbox.Error) {
	s.logf(phases.LevelError, "actor %s: fork: %s\n%s", s.e.self, err.Msg, err.Traceback)
}

// actorQueue makes a critical section: a function that runs functions one at a time.
func actorQueue(t *vm.Thread, s *state) int {
	if s.e.self == nil {
		t.Errorf("actor.queue: there is no actor in the context of %s", s.phase.context())
	}
	q := mailbox.NewQueue(s.e.self)
	t.Push(s.e.function("queue", calling, func(t *vm.Thread, s *state) int {
		fn := t.CheckFunc(1)
		var results []vm.Value
		var failed error
		args := append([]vm.Value(nil), t.Args()[1:]...)
		err := q.Do(s.speaker(t), func() {
			var got []vm.Value
			got, failed = t.Call(fn, args...)
			results = append(results, got...)
		})
		if err != nil {
			s.raiseError(t, err)
		}
		if le, ok := failed.(*vm.Error); ok {
			t.RethrowAsIs(le)
		} else if failed != nil {
			t.Exit(nil)
		}
		return t.PushAll(results)
	}))
	return 1
}

// actorSelect makes several calls at once: for req, ok, … in actor.select(list, timeout).
func actorSelect(t *vm.Thread, s *state) int {
	list := t.CheckTable(1)
	timeout := period(t, t.Arg(2), "timeout")
	if timeout == 0 {
		timeout = s.e.site.http.callTimeout
	}
	sel := s.speaker(t).Select()
	for i := 1; i <= list.Len(); i++ {
		entry := list.GetInt(i)
		req := entry.Table()
		if req == nil {
			sel.Cancel()
			t.ArgError(1, "each call must be a table {actor, command, …}")
		}
		to, name := s.target(t, req.GetInt(1), 1)
		cmd, ok := req.GetInt(2).ToString()
		if !ok {
			sel.Cancel()
			t.ArgError(1, "each call must be a table {actor, command, …}")
		}
		args := make([]vm.Value, 0, 4)
		for j := 3; j <= req.Len(); j++ {
			args = append(args, req.GetInt(j))
		}
		b, err := s.e.pack(args)
		if err == nil && to == nil {
			err = noActor(name, cmd)
		}
		if err != nil {
			sel.Failed(err, entry)
			continue
		}
		sel.Call(to, cmd, b, timeout, entry)
	}
	mt := s.e.methods("actor.select", map[string]func(*vm.Thread, *state) int{"__call": selectNext, "close": selectClose})
	t.Push(s.e.vm.NewUserdata(newSelecting(s.e.worker, sel), mt))
	return 1
}

// selecting is a select as the script has it. Lua 5.1 does not tell when a loop is left: the calls
// that are under way then end with the coroutine, with close, or when this is garbage.
type selecting struct {
	*mailbox.Select
	cleanup runtime.Cleanup
}

func newSelecting(w *actor.Worker, sel *mailbox.Select) *selecting {
	l := &selecting{Select: sel}
	l.cleanup = runtime.AddCleanup(l, func(sel *mailbox.Select) {
		w.Post(actor.TaskFunc(func(*actor.Worker) { sel.Cancel() }))
	}, sel)
	return l
}

func checkSelect(t *vm.Thread) *selecting {
	l, ok := userdata[*selecting](t.Arg(1))
	if !ok {
		t.ArgError(1, "select expected")
	}
	return l
}

func selectClose(t *vm.Thread, s *state) int {
	l := checkSelect(t)
	l.cleanup.Stop()
	l.Cancel()
	return 0
}

func selectNext(t *vm.Thread, s *state) int {
	l := checkSelect(t)
	ref, b, err, ok := l.Next()
	if !ok {
		l.cleanup.Stop()
		t.PushNil()
		return 1
	}
	t.Push(ref.(vm.Value))
	if err != nil {
		t.PushBool(false)
		t.Push(s.e.errorValue(err))
		return 3
	}
	t.PushBool(true)
	return 2 + t.PushAll(s.unpackFor(b))
}

func actorPublish(t *vm.Thread, s *state) int {
	topic := t.CheckString(1)
	b, err := s.e.pack(t.Args()[1:])
	if err != nil {
		s.raiseError(t, err)
	}
	b.many = true
	t.PushInt(s.e.site.cfg.Actors.Publish(s.e.self, topic, b, s.e.worker))
	return 1
}

func actorSubscribe(t *vm.Thread, s *state) int {
	topic, fn := t.CheckString(1), t.CheckFunc(2)
	if s.e.self == nil {
		t.Errorf("actor.subscribe: there is no actor in the context of %s", s.phase.context())
	}
	sys := s.e.site.cfg.Actors
	f := sys.Subscribe(s.e.self, topic, fn)
	t.Push(s.e.vm.NewUserdata(f, s.e.methods("actor.subscription", map[string]func(*vm.Thread, *state) int{
		"cancel": func(t *vm.Thread, s *state) int {
			if u := t.Arg(1).Userdata(); u != nil {
				if f, ok := u.Value.(*mailbox.Subscription); ok {
					sys.Unsubscribe(f)
				}
			}
			return 0
		}})))
	if s.r != nil { // it is the request's
		s.r.OnEnd(func() { sys.Unsubscribe(f) })
	}
	return 1
}

func actorStat(t *vm.Thread, s *state) int {
	if !t.Arg(1).IsNil() {
		a, _ := s.target(t, t.Arg(1), 1)
		if a == nil {
			return fail(t, string(mailbox.ENOACTOR))
		}
		t.Push(s.e.statValue(a.Stat()))
		return 1
	}
	sys := s.e.site.cfg.Actors
	l := sys.DeadLetters()
	t.Push(s.e.luaValue(map[string]any{"actors": len(sys.Actors()),
		"deadletter": map[string]any{"noactor": l.NoActor, "late": l.Late, "overflow": l.Overflow, "exit": l.Exit}}))
	return 1
}

func (e *engine) statValue(st mailbox.Stat) vm.Value {
	return e.luaValue(map[string]any{"address": st.Address, "name": st.Name, "worker": st.Worker, "state": st.State,
		"mailbox": st.Mailbox, "running": st.Running, "handled": st.Handled, "errors": st.Errors, "calls": st.Calls})
}
