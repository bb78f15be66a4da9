package lua

import (
	_ "embed"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// skynetSource is the module skynet: skynet's names for what package actor has.
//
//go:embed skynet.lua
var skynetSource []byte

// skynetModulesSource has the modules that are made of services.
//
//go:embed skynet_modules.lua
var skynetModulesSource []byte

var skynetProto, skynetModulesProto = compiledIn(skynetSource, "=skynet"), compiledIn(skynetModulesSource, "=skynet.snax")

// skynetArea is the module skynet, and those beside it.
var skynetArea = area{open: func(e *engine, ngx *vm.Table) {
	e.vm.Builtin("skynet", func(t *vm.Thread) vm.Value {
		return t.Call1(e.vm.Load(skynetProto()), e.skynetHost())
	})
	openSkynetSocket(e)
	var more *vm.Table
	for _, name := range []string{"service", "datacenter", "multicast", "snax"} {
		e.vm.Builtin("skynet."+name, func(t *vm.Thread) vm.Value {
			if more == nil {
				more = t.Call1(e.vm.Load(skynetModulesProto()), e.skynetHost()).Table()
			}
			return more.GetStr(name)
		})
	}
	e.vm.Builtin("skynet.manager", func(t *vm.Thread) vm.Value {
		return t.Call1(e.vm.Globals().GetStr("require"), vm.Const("skynet"))
	})
	e.vm.Builtin("skynet.queue", func(*vm.Thread) vm.Value {
		return e.function("queue", anyPhase, actorQueue)
	})
}}

// skynetHost is what the modules get of the host.
func (e *engine) skynetHost() vm.Value {
	host := e.vm.NewTable(0, 12)
	for _, row := range skynetFunctions() {
		e.add(host, row)
	}
	return host.Value()
}

// skynetFunctions are what the module gets of the host.
func skynetFunctions() []row {
	return []row{
		{"start", anyPhase, func(t *vm.Thread, s *state) int {
			v := s.e.service
			if v == nil || v.prog == nil {
				t.Errorf("skynet.start: only a service can start")
			}
			v.start = t.CheckFunc(1)
			return 0
		}},
		{"find", anyPhase, func(t *vm.Thread, s *state) int {
			t.Push(address(s.e.findService(t.Arg(1))))
			return 1
		}},
		{"id", anyPhase, func(t *vm.Thread, s *state) int {
			pushID(t, t.Arg(1))
			return 1
		}},
		{"name", anyPhase, func(t *vm.Thread, s *state) int {
			a, _ := t.Arg(2).LightValue().(*mailbox.Actor)
			if a == nil {
				t.ArgError(2, "actor expected")
			}
			if err := s.e.site.scope.Register(t.CheckString(1), a); err != nil {
				s.raiseError(t, err)
			}
			return 0
		}},
		{"spawn", calling, skynetSpawn},
		{"context", anyPhase, func(t *vm.Thread, s *state) int {
			m := s.message()
			if m == nil {
				t.PushInt(0)
				return 1
			}
			session := 0.0
			if m.Kind == mailbox.Call {
				session = float64(m.Session)
			}
			t.PushNumber(session)
			pushID(t, address(m.From))
			return 2
		}},
		{"wait", calling, skynetWait},
		{"wakeup", anyPhase, func(t *vm.Thread, s *state) int {
			w := s.e.sleepers[sleeperKey(t.Arg(1))]
			if w != nil && !w.woken {
				w.woken = true
				w.wake()
			}
			t.PushBool(w != nil)
			return 1
		}},
		{"now", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushNumber(time.Since(processStart).Seconds())
			return 1
		}},
		{"starttime", anyPhase, func(t *vm.Thread, s *state) int {
			t.PushNumber(float64(processStart.Unix()))
			return 1
		}},
	}
}

func pushID(t *vm.Thread, v vm.Value) {
	if a, ok := v.LightValue().(*mailbox.Actor); ok {
		t.PushNumber(float64(a.ID))
	} else {
		t.PushInt(0)
	}
}

// findService finds what skynet calls an address: a number, ":hex" or ".name".
func (e *engine) findService(v vm.Value) *mailbox.Actor {
	sys := e.site.cfg.Actors
	switch {
	case v.Kind() == vm.KNumber:
		return sys.Find(uint64(v.Num()))
	case v.Kind() == vm.KString && strings.HasPrefix(v.Str(), ":"):
		id, err := strconv.ParseUint(v.Str()[1:], 16, 64)
		if err != nil {
			return nil
		}
		return sys.Find(id)
	case v.Kind() == vm.KString:
		return e.site.find(strings.TrimPrefix(v.Str(), "."), e)
	}
	a, _ := v.LightValue().(*mailbox.Actor)
	return a
}

// serviceMailbox is how many messages wait at most for a service: there is no limit in skynet.
const serviceMailbox = 1 << 20

// skynetSpawn starts a service: spawn(source, name, arguments …), where source is a file's name or a
// function, and name that of a service that is started once, or false. It gives nil when the service
// has done its work and ended.
func skynetSpawn(t *vm.Thread, s *state) int {
	source, name, unique := t.Arg(1), t.Arg(1).Str(), t.Arg(2).Truth()
	if unique {
		name = t.CheckString(2)
	}
	b, err := s.e.pack(t.Args()[2:])
	if err != nil {
		s.raiseError(t, err)
	}
	b.many = true
	p := &program{site: s.e.site, own: s.e.site.http, args: b, name: name}
	spec := &mailbox.Spec{New: p.behave, Worker: s.e.worker, Scope: s.e.site.scope, Mailbox: serviceMailbox}
	var a *mailbox.Actor
	if unique {
		spec.Name = name
		if a = s.e.site.scope.Find(name); a != nil && s.speaker(t).Ready(a) != nil {
			a = nil
		}
	}
	if a == nil {
		p.proto = s.source(t, source, 1)
		if unique {
			a, _, err = s.speaker(t).Unique(spec)
		} else {
			a, err = s.speaker(t).Spawn(spec)
		}
		if err != nil && hasFinished(err) {
			t.PushNil()
			return 1
		}
		if err != nil {
			s.raiseError(t, err)
		}
	}
	t.PushNumber(float64(a.ID))
	return 1
}

// sleeper is a coroutine in skynet.wait or skynet.sleep.
type sleeper struct {
	waiter
	woken bool
}

// sleeperKey is a token as a key.
func sleeperKey(v vm.Value) any {
	switch v.Kind() {
	case vm.KTable:
		return v.Table()
	case vm.KThread:
		return v.Thread()
	}
	return keyOf(v)
}

// skynetWait parks until wakeup(token), or for some seconds; it says whether it was woken.
func skynetWait(t *vm.Thread, s *state) int {
	key := sleeperKey(t.Arg(1))
	w := &sleeper{waiter: newWaiter(s.e.worker.Current())}
	if s.e.sleepers == nil {
		s.e.sleepers = map[any]*sleeper{}
	}
	s.e.sleepers[key] = w
	defer func() {
		if s.e.sleepers[key] == w {
			delete(s.e.sleepers, key)
		}
	}()
	if n, ok := t.Arg(2).ToNumber(); ok {
		timer := s.e.worker.AfterFunc(time.Duration(max(n, 0)*float64(time.Second)), w.wake)
		defer timer.Stop()
	}
	w.park()
	t.PushBool(w.woken)
	return 1
}
