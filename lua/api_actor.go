package lua

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// The phases in which a script may wait for an actor.
const calling = waiting + "W"

// actorArea is the module actor.
var actorArea = area{open: func(e *engine, ngx *vm.Table) {
	e.vm.Builtin("actor", func(*vm.Thread) vm.Value { return e.actorModule() })
}}

// actorNames are those of the module's functions.
var actorNames = sync.OnceValue(func() *vm.Names {
	var names []string
	for _, row := range actorFunctions() {
		names = append(names, row.name)
	}
	return vm.NewNames(names)
})

// actorModule makes the module; each function when it is first used.
func (e *engine) actorModule() vm.Value {
	module := e.vm.NewTable(0, 0)
	module.Later(actorNames(), func(name string) {
		for _, row := range actorFunctions() {
			if row.name == name {
				e.add(module, row)
			}
		}
	})
	return module.Value()
}

// actorFunctions are the functions of the module.
func actorFunctions() []row {
	return []row{
		{"spawn", calling, actorSpawn},
		{"unique", calling, actorUnique},
		{"whereis", anyPhase, actorWhereis},
		{"self", anyPhase, actorSelf},
		{"context", anyPhase, actorContext},
		{"send", anyPhase, actorSend},
		{"call", calling, actorCall},
		{"pcall", calling, actorPcall},
		{"reply", anyPhase, actorReply},
		{"defer", anyPhase, actorDefer},
		{"noreply", anyPhase, actorNoReply},
		{"on", anyPhase, actorOn},
		{"fork", anyPhase, actorFork},
		{"queue", anyPhase, actorQueue},
		{"select", calling, actorSelect},
		{"monitor", anyPhase, actorMonitor},
		{"listen", anyPhase, actorListen},
		{"exit", anyPhase, actorExit},
		{"kill", anyPhase, actorKill},
		{"publish", anyPhase, actorPublish},
		{"subscribe", anyPhase, actorSubscribe},
		{"share", anyPhase, actorShare},
		{"shared", anyPhase, actorShared},
		{"stat", anyPhase, actorStat},
		{"cancelled", anyPhase, actorCancelled},
		{"hotfix", calling, actorHotfix},
	}
}

// speaker is in whose name the state's calls are made.
func (s *state) speaker(t *vm.Thread) *mailbox.Strand {
	if s.strand != nil {
		return s.strand
	}
	if s.e.self == nil {
		t.Errorf("actors are not there in the context of %s", s.phase.context())
	}
	co := s.e.worker.Current()
	if entry := s.entry.strand; s.entry != s && entry != nil && entry.Msg != nil {
		s.strand = mailbox.NewStrand(s.e.self, co, entry.Msg)
	} else {
		s.strand = s.e.self.Strand(co)
	}
	return s.strand
}

// message is what the state handles, nil when it is none.
func (s *state) message() *mailbox.Message {
	if s.strand != nil {
		return s.strand.Msg
	}
	if s.entry.strand != nil {
		return s.entry.strand.Msg
	}
	return nil
}

// target is the actor that an argument names: an address, or a name. It is nil when nobody has the
// name.
func (s *state) target(t *vm.Thread, v vm.Value, arg int) (a *mailbox.Actor, name string) {
	if a, ok := v.LightValue().(*mailbox.Actor); ok {
		return a, ""
	}
	if v.Kind() == vm.KString {
		return s.e.site.find(v.Str(), s.e), v.Str()
	}
	t.ArgError(arg, "actor or name expected, got "+v.Kind().String())
	return nil, ""
}

// site.find looks a name up as the engine sees it: of an actor that every worker has one of, its
// own.
func (c *site) find(name string, e *engine) *mailbox.Actor {
	if e.worker != nil {
		if a := c.scope.Find(c.instance(name, e.worker.ID())); a != nil {
			return a
		}
	}
	return c.scope.Find(name)
}

// refer gives the name that is to be called instead of a: errors of messages that were never sent.
func noActor(name, cmd string) *mailbox.Error {
	return &mailbox.Error{Code: mailbox.ENOACTOR, Addr: name, Cmd: cmd, Msg: "there is no actor of this name"}
}

// period reads a duration; 0 when there is none.
func period(t *vm.Thread, v vm.Value, what string) time.Duration {
	if v.IsNil() {
		return 0
	}
	n, ok := v.ToNumber()
	if !ok || !(n > 0) {
		t.Errorf("%s must be a positive number of seconds", what)
	}
	return time.Duration(min(n, math.MaxInt32) * float64(time.Second))
}

func actorSend(t *vm.Thread, s *state) int {
	to, name := s.target(t, t.Arg(1), 1)
	cmd := t.CheckString(2)
	b, err := s.e.pack(t.Args()[2:])
	if err != nil {
		s.raiseError(t, err)
	}
	if to == nil {
		s.e.site.cfg.Actors.Lost(s.e.self, name, cmd)
		return fail(t, string(mailbox.ENOACTOR))
	}
	if err := s.e.self.Send(to, cmd, b, s.e.worker); err != nil {
		if err.Code == mailbox.EDEAD {
			return fail(t, string(mailbox.ENOACTOR))
		}
		return fail(t, string(err.Code))
	}
	t.PushBool(true)
	return 1
}

// doCall is actor.call without the raising.
func (s *state) doCall(t *vm.Thread) (mailbox.Body, *mailbox.Error) {
	target, timeout := t.Arg(1), s.e.site.http.callTimeout
	if list := target.Table(); list != nil {
		if d := period(t, list.GetStr("timeout"), "timeout"); d > 0 {
			timeout = d
		}
		target = list.GetInt(1)
	}
	to, name := s.target(t, target, 1)
	cmd := t.CheckString(2)
	b, err := s.e.pack(t.Args()[2:])
	if err != nil {
		err.Cmd, err.Addr = cmd, name
		if to != nil {
			err.Addr = to.Short()
		}
		return nil, err
	}
	if to == nil {
		err := noActor(name, cmd)
		s.e.site.cfg.Actors.Lost(s.e.self, name, cmd)
		s.e.site.cfg.Actors.Unsent(err)
		return nil, err
	}
	strand := s.speaker(t)
	return strand.Call(to, cmd, b, timeout)
}

func actorCall(t *vm.Thread, s *state) int {
	b, err := s.doCall(t)
	if err != nil {
		s.raiseError(t, err)
	}
	return t.PushAll(s.unpackFor(b))
}

func actorPcall(t *vm.Thread, s *state) int {
	b, err := s.doCall(t)
	if err != nil {
		t.PushBool(false)
		t.Push(s.errorHere(t, err))
		return 2
	}
	t.PushBool(true)
	return 1 + t.PushAll(s.unpackFor(b))
}

func actorReply(t *vm.Thread, s *state) int {
	m := s.message()
	if m == nil || m.Kind != mailbox.Call {
		t.PushBool(false)
		return 1
	}
	if m.Answered() || m.Deferred() {
		s.raiseError(t, &mailbox.Error{Code: mailbox.EREPLIED, Msg: "session " + session(m), Addr: m.To.Short(), Cmd: m.Cmd, Session: m.Session})
	}
	b, err := s.e.pack(t.Args())
	if err != nil {
		s.raiseError(t, err)
	}
	t.PushBool(m.Reply(b))
	return 1
}

func actorNoReply(t *vm.Thread, s *state) int {
	if m := s.message(); m != nil && m.Kind == mailbox.Call {
		m.Reply(mailbox.Args{})
	}
	return 0
}

func actorDefer(t *vm.Thread, s *state) int {
	m := s.message()
	if m == nil || m.Kind != mailbox.Call {
		t.Errorf("actor.defer: there is no call to answer")
	}
	if m.Answered() || m.Deferred() {
		s.raiseError(t, &mailbox.Error{Code: mailbox.EREPLIED, Msg: "session " + session(m), Addr: m.To.Short(), Cmd: m.Cmd, Session: m.Session})
	}
	t.Push(s.e.vm.NewUserdata(m.Defer(), s.e.deferTable()))
	return 1
}

func actorOn(t *vm.Thread, s *state) int {
	v := s.e.service
	if v == nil {
		t.Errorf("actor.on: there is no actor in the context of %s", s.phase.context())
	}
	if f := t.Arg(1); f.Kind() == vm.KFunction {
		v.other, v.call, v.cast, v.isSet = f, nil, nil, true
		return 0
	}
	if why := v.on(t.CheckTable(1)); why != "" {
		t.ArgError(1, why)
	}
	return 0
}

func actorFork(t *vm.Thread, s *state) int {
	fn := t.CheckFunc(1)
	args := append([]vm.Value(nil), t.Args()[1:]...)
	v := s.e.service
	if v == nil {
		t.Errorf("actor.fork: there is no actor in the context of %s", s.phase.context())
	}
	v.fork(func(s *state) {
		if _, err := s.run(fn, args...); err != nil && err != errGone {
			s.logFork(err.(*mailbox.Error))
		}
	})
	return 0
}

func actorWhereis(t *vm.Thread, s *state) int {
	t.Push(address(s.e.site.find(t.CheckString(1), s.e)))
	return 1
}

func actorSelf(t *vm.Thread, s *state) int {
	t.Push(address(s.e.self))
	return 1
}

func actorContext(t *vm.Thread, s *state) int {
	m := s.message()
	if m == nil {
		t.PushInt(0)
		return 1
	}
	t.PushNumber(float64(m.Session))
	t.Push(address(m.From))
	t.Push(s.e.luaValue(m.Chain()))
	if m.Deadline().IsZero() {
		t.PushNil()
	} else {
		t.PushNumber(max(0, m.Deadline().Sub(s.e.worker.Now()).Seconds()))
	}
	return 4
}

func actorCancelled(t *vm.Thread, s *state) int {
	m := s.message()
	t.PushBool(m != nil && m.Cancelled())
	return 1
}

func actorExit(t *vm.Thread, s *state) int {
	if s.e.self == nil || s.e.self.Front() {
		t.Errorf("actor.exit: a request is no actor of its own")
	}
	s.e.self.Finish(t.OptString(1, mailbox.Normal))
	t.Exit(nil)
	return 0
}

func actorKill(t *vm.Thread, s *state) int {
	a, _ := s.target(t, t.Arg(1), 1)
	if a == nil || a.Front() || !a.Alive() {
		return fail(t, string(mailbox.ENOACTOR))
	}
	a.Kill(t.OptString(2, "killed"), s.e.worker)
	if a == s.e.self {
		t.Exit(nil)
	}
	t.PushBool(true)
	return 1
}

func actorMonitor(t *vm.Thread, s *state) int {
	a, name := s.target(t, t.Arg(1), 1)
	if a == nil {
		return fail(t, string(mailbox.ENOACTOR)+": "+name)
	}
	fn := t.Arg(2)
	if !fn.IsNil() && fn.Kind() != vm.KFunction {
		t.TypeError(2, "function")
	}
	m := a.Monitor(s.e.self, fn, s.e.worker)
	t.Push(s.e.vm.NewUserdata(m, s.e.methods("actor.monitor", map[string]func(*vm.Thread, *state) int{
		"cancel": func(t *vm.Thread, s *state) int {
			if u := t.Arg(1).Userdata(); u != nil {
				if m, ok := u.Value.(*mailbox.Monitor); ok {
					m.Cancel()
				}
			}
			return 0
		}})))
	return 1
}

// options reads the table of actor.spawn.
func (s *state) options(t *vm.Thread, arg int, spec *mailbox.Spec, p *program) {
	spec.Worker, spec.Scope, spec.Restart = s.e.worker, s.e.site.scope, &mailbox.Restart{Max: mailbox.DefaultMax, Within: mailbox.DefaultWithin}
	p.own = s.e.site.http
	if t.Arg(arg).IsNil() {
		return
	}
	o := t.CheckTable(arg)
	if name := o.GetStr("name"); !name.IsNil() && spec.Name == "" {
		if spec.Name = name.Str(); spec.Name == "" {
			t.Errorf("name must be a text")
		}
	}
	if args := o.GetStr("args"); !args.IsNil() {
		b, err := s.e.pack([]vm.Value{args})
		if err != nil {
			s.raiseError(t, err)
		}
		b.many = true // once more for a restart
		p.args = b
	}
	spec.Mailbox = int(positive(t, o, "mailbox"))
	spec.Serial = o.GetStr("serial").Truth()
	spec.Survive = o.GetStr("survive").Truth()
	spec.Idle = period(t, o.GetStr("idle"), "idle")
	switch v := o.GetStr("overflow"); v.Str() {
	case "error":
	case "drop_new":
		spec.Overflow = mailbox.DropNew
	case "drop_old":
		spec.Overflow = mailbox.DropOld
	case "wait":
		spec.Overflow = mailbox.Wait
	default:
		if !v.IsNil() {
			t.Errorf("overflow must be error, drop_new, drop_old or wait")
		}
	}
	switch r := o.GetStr("restart"); {
	case r.Table() != nil:
		spec.Restart.Always = true
		if n := positive(t, r.Table(), "max"); n > 0 {
			spec.Restart.Max = int(n)
		}
		if d := period(t, r.Table().GetStr("within"), "within"); d > 0 {
			spec.Restart.Within = d
		}
	case r.Kind() == vm.KBool && r.Bool():
		spec.Restart.Always = true
	case !r.IsNil():
		spec.Restart = nil
	}
	if w := o.GetStr("worker"); !w.IsNil() {
		all := s.e.site.cfg.Actors.Workers()
		n, ok := w.ToNumber()
		if !ok || n < 0 || n >= float64(len(all)) {
			t.Errorf("worker must be a number from 0 to %d", len(all)-1)
		}
		spec.Worker = all[int(n)]
	}
	if f := o.GetStr("loop"); f.Kind() == vm.KFunction {
		p.loopProto = s.source(t, f, arg)
	} else {
		p.loop = f.Str()
	}
	p.memory = int64(positive(t, o, "mem_limit"))
	p.own = p.own.limited(period(t, o.GetStr("burst"), "burst"), p.memory)
}

func positive(t *vm.Thread, o *vm.Table, name string) float64 {
	v := o.GetStr(name)
	if v.IsNil() {
		return 0
	}
	n, ok := v.ToNumber()
	if !ok || n <= 0 || n > 1<<40 {
		t.Errorf("%s must be a positive number", name)
	}
	return n
}

// source finds the program of an actor: a module, a file, or a function.
func (s *state) source(t *vm.Thread, v vm.Value, arg int) *vm.Proto {
	if f := v.Func(); f != nil {
		if f.IsGo() {
			t.ArgError(arg, "a function of Lua expected")
		}
		if name, _, ok := f.Upvalue(1); ok {
			t.ArgError(arg, "the function of an actor must not use locals from outside: "+name)
		}
		return f.Proto()
	}
	if v.Kind() != vm.KString {
		t.ArgError(arg, "module or function expected, got "+v.Kind().String())
	}
	path := s.modulePath(t, v.Str())
	p, err := s.e.site.compileFile(path)
	if err != nil {
		t.Errorf("%s", err.Error())
	}
	return p
}

// modulePath is the file of a module, by package.path; what has a slash or ends with .lua is a path.
func (s *state) modulePath(t *vm.Thread, name string) string {
	if strings.HasSuffix(name, ".lua") || strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(s.e.site.cfg.Prefix, name)
		}
		return name
	}
	path, _ := s.e.vm.Path()
	results := t.CallRaw(s.e.vm.Globals().GetStr("package").Table().GetStr("searchpath"), vm.String(name), vm.String(path))
	if results[0].IsNil() {
		t.Errorf("module '%s' not found:%s", name, results[1].Str())
	}
	return results[0].Str()
}

func actorSpawn(t *vm.Thread, s *state) int {
	p := &program{site: s.e.site, proto: s.source(t, t.Arg(1), 1)}
	spec := &mailbox.Spec{New: p.behave}
	s.options(t, 2, spec, p)
	a, err := s.speaker(t).Spawn(spec)
	if err != nil {
		s.raiseError(t, err)
	}
	t.Push(address(a))
	return 1
}

func actorUnique(t *vm.Thread, s *state) int {
	p := &program{site: s.e.site}
	spec := &mailbox.Spec{New: p.behave, Name: t.CheckString(1)}
	if spec.Name == "" {
		t.ArgError(1, "a name expected")
	}
	strand := s.speaker(t)
	if a := s.e.site.scope.Find(spec.Name); a == nil || strand.Ready(a) != nil {
		p.proto = s.source(t, t.Arg(2), 2)
		s.options(t, 3, spec, p)
		if module := t.Arg(2).Str(); module != "" {
			spec.Key = s.modulePath(t, module)
			if p.args != nil {
				spec.Key += fmt.Sprint(p.args.Values())
			}
		}
		if a := s.e.site.scope.Adopt(spec); a != nil {
			t.Push(address(a))
			t.PushBool(false)
			return 2
		}
		a, fresh, err := strand.Unique(spec)
		if err != nil {
			s.raiseError(t, err)
		}
		t.Push(address(a))
		t.PushBool(fresh)
		return 2
	} else {
		t.Push(address(a))
		t.PushBool(false)
	}
	return 2
}
