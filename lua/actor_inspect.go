package lua

import (
	"fmt"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// What debug_console sees of the actors of Lua, and of the requests of a worker: service as a
// mailbox.Inspector.

// Tasks are the actor's coroutines that run scripts. Those of a request whose VM is its own
// (lua_code_cache off) are not among them.
func (v *service) Tasks() []mailbox.Task {
	if v.e == nil {
		return nil
	}
	all := make([]mailbox.Task, 0, len(v.e.live))
	for _, s := range v.e.live {
		t := mailbox.Task{ID: s.id, What: s.what(), Since: s.since()}
		if s.strand != nil {
			t.Waits = s.strand.Waits()
		}
		var b strings.Builder
		s.writeStack(&b)
		for i, sub := range s.threads {
			if sub.light.progress == running {
				fmt.Fprintf(&b, "light thread %d\n", i+1)
				sub.writeStack(&b)
				if sub.strand != nil && t.Waits == "" {
					t.Waits = sub.strand.Waits()
				}
			}
		}
		t.Stack = b.String()
		all = append(all, t)
	}
	return all
}

// what says what the state runs for.
func (s *state) what() string {
	switch m := s.message(); {
	case m != nil && m.Kind == mailbox.Down:
		return "down of " + m.From.String()
	case m != nil && m.Kind == mailbox.Topic:
		return "topic " + m.Cmd
	case m != nil:
		from := "outside"
		if m.From != nil {
			from = m.From.String()
		}
		if m.Kind == mailbox.Call {
			return fmt.Sprintf("call %s session %d from %s", m.Cmd, m.Session, from)
		}
		return fmt.Sprintf("%s from %s", m.Cmd, from)
	case s.r != nil:
		return fmt.Sprintf("%s, %s %s of %s", s.phase.context(), s.r.Method, s.r.Target, s.r.Client.Name)
	case s.phase == inActor:
		return "fork"
	}
	return s.phase.context()
}

func (s *state) since() time.Time {
	switch m := s.message(); {
	case m != nil:
		return m.Sent()
	case s.r != nil:
		return s.r.Start
	}
	return time.Time{}
}

// writeStack writes where the thread stands, the coroutines that it has resumed first.
func (s *state) writeStack(b *strings.Builder) {
	for t := s.t.Running(); t != nil; t = t.Resumer() {
		b.WriteString(trimHeading(t.Traceback("", 0)))
		b.WriteByte('\n')
	}
}

// KillTask ends a coroutine: the caller of what it handles gets EDEAD, its request the status 500.
func (v *service) KillTask(id uint64) bool {
	if v.e == nil {
		return false
	}
	for _, s := range v.e.live {
		if s.id == id && s.co != nil {
			return s.kill()
		}
	}
	return false
}

// kill ends the run, unless a worker's start or end waits for it, or it has come to its own end.
func (s *state) kill() bool {
	_, runs := s.t.Frame(0)
	switch s.phase {
	case inInit, inInitWorker, inExitWorker:
		return false
	case inActor, inTimer:
		s.co.Kill()
		return true
	}
	if !runs && s.alive == 0 {
		return false
	}
	s.verdict = verdict{kind: exited, code: 500}
	s.logf(phases.LevelError, "killed by the debug console")
	s.co.Interrupt(s)
	return true
}

// mostMemory bounds what Memory counts.
const mostMemory = 1 << 30

// Memory is what can be reached from the actor's globals and handlers.
func (v *service) Memory() (n int64, exact bool) {
	if v.e == nil {
		return 0, true
	}
	return vm.Held(v.roots(), mostMemory, weighTime)
}

// Limits of an injected program.
const (
	injectBurst  = time.Second // that it may run without waiting
	injectOutput = 1 << 20     // bytes that it may print
)

// inject runs a program in the actor. Its globals are the actor's, but for print, which writes the
// answer, and _P, the handlers.
func (v *service) inject(m *mailbox.Message, src string) (mailbox.Body, error) {
	p, err := vm.Compile([]byte(src), "=inject")
	if err != nil {
		return nil, err
	}
	e := v.e
	own := e.site.http
	if v.prog != nil {
		own = v.prog.own
	}
	s := e.begin(own.limited(injectBurst, 0), nil, inActor)
	s.strand = m.Strand()
	defer s.end()
	var out strings.Builder
	env, meta, handlers := e.vm.NewTable(0, 2), e.vm.NewTable(0, 2), e.vm.NewTable(0, 5)
	env.SetStr("print", e.vm.NewFunc("print", func(t *vm.Thread) int {
		for i, arg := range t.Args() {
			if i > 0 {
				out.WriteByte('\t')
			}
			out.WriteString(t.ToString(arg))
		}
		out.WriteByte('\n')
		if out.Len() > injectOutput {
			t.Errorf("more than %d bytes printed", injectOutput)
		}
		return 0
	}))
	for name, t := range map[string]*vm.Table{"call": v.call, "cast": v.cast} {
		if t != nil {
			handlers.SetStr(name, t.Value())
		}
	}
	handlers.SetStr("default", v.other)
	handlers.SetStr("down", v.down)
	handlers.SetStr("exit", v.exit)
	env.SetStr("_P", handlers.Value())
	meta.SetStr("__index", e.vm.Globals().Value())
	meta.SetStr("__newindex", e.vm.Globals().Value())
	env.SetMetatable(meta)
	fn := e.vm.Load(p)
	fn.Func().SetEnv(env)
	if _, err := s.run(fn); err != nil {
		if me, ok := err.(*mailbox.Error); ok {
			return nil, fmt.Errorf("%s%s\n%s", out.String(), me.Msg, me.Traceback)
		}
		return nil, err
	}
	return mailbox.Args{out.String()}, nil
}
