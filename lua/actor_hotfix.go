package lua

import (
	"errors"
	"os"
	"strings"

	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// actorHotfix gives an actor new code: hotfix(actor, source or path of a file). The new handlers see
// the state of the old ones: locals of the same name that are no functions.
func actorHotfix(t *vm.Thread, s *state) int {
	to, name := s.target(t, t.Arg(1), 1)
	if to == nil {
		s.raiseError(t, noActor(name, "hotfix"))
	}
	src := t.CheckString(2)
	if strings.HasSuffix(src, ".lua") && !strings.Contains(src, "\n") {
		text, err := os.ReadFile(s.modulePath(t, src))
		if err != nil {
			t.Errorf("%s", err.Error())
		}
		src = string(text)
	}
	_, fail := s.speaker(t).Call(to, "hotfix", mailbox.Program{Source: src, Replace: true}, s.e.site.http.callTimeout)
	if fail != nil {
		s.raiseError(t, fail)
	}
	t.PushBool(true)
	return 1
}

// execute carries out a message that no handler gets.
func (v *service) execute(m *mailbox.Message, p mailbox.Program) {
	var answer mailbox.Body
	var err error
	switch {
	case !p.Replace:
		answer, err = v.inject(m, p.Source)
	case v.prog == nil:
		m.Fail(mailbox.ENOCALL, "a worker's requests have no handlers of one program")
		return
	default:
		err = v.hotfix(m, p.Source)
	}
	if err != nil {
		m.Fail(mailbox.EERROR, err.Error())
		return
	}
	m.Reply(answer)
}

// hotfix runs the new program beside the old handlers and puts its handlers in their place.
func (v *service) hotfix(m *mailbox.Message, src string) error {
	p, err := vm.Compile([]byte(src), "=hotfix")
	if err != nil {
		return err
	}
	old := *v
	v.isSet = false
	s := v.begin(m.Strand())
	defer s.end()
	results, err := s.run(v.e.vm.Load(p), v.e.unpack(v.args())...)
	if err == nil && len(results) > 0 && results[0].Table() != nil && !v.isSet {
		if why := v.on(results[0].Table()); why != "" {
			err = errors.New(why)
		}
	}
	if err != nil {
		v.call, v.cast, v.other, v.down, v.exit, v.isSet = old.call, old.cast, old.other, old.down, old.exit, old.isSet
		return err
	}
	state := map[string]upvalue{}
	for _, f := range old.functions() {
		for i := 1; ; i++ {
			name, x, ok := f.Upvalue(i)
			if !ok {
				break
			}
			if x.Kind() != vm.KFunction && name != "" {
				state[name] = upvalue{f, i}
			}
		}
	}
	seen := map[*vm.Function]bool{}
	for _, f := range v.functions() {
		join(f, state, seen)
	}
	return nil
}

type upvalue struct {
	f *vm.Function
	i int
}

// join gives a new function, and those that it uses, the old variables.
func join(f *vm.Function, state map[string]upvalue, seen map[*vm.Function]bool) {
	if seen[f] || f.IsGo() {
		return
	}
	seen[f] = true
	for i := 1; ; i++ {
		name, x, ok := f.Upvalue(i)
		if !ok {
			return
		}
		if inner := x.Func(); inner != nil {
			join(inner, state, seen)
		} else if old, known := state[name]; known {
			f.JoinUpvalue(i, old.f, old.i)
		}
	}
}

// functions are the handlers of Lua.
func (v *service) functions() (all []*vm.Function) {
	add := func(x vm.Value) {
		if f := x.Func(); f != nil && !f.IsGo() {
			all = append(all, f)
		}
	}
	for _, t := range []*vm.Table{v.call, v.cast} {
		if t != nil {
			for k, x, ok := t.Next(vm.Nil); ok; k, x, ok = t.Next(k) {
				add(x)
			}
		}
	}
	add(v.other)
	add(v.down)
	add(v.exit)
	return all
}

// args are what the actor was started with.
func (v *service) args() mailbox.Body {
	if v.prog == nil {
		return nil
	}
	return v.prog.args
}
