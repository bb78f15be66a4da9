package lua

import (
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// restyLock is an object of the module resty.lock: a lock whose key is in a
// shared dictionary.
type restyLock struct {
	dict                   *dict
	key                    string
	held                   bool
	expires, timeout       float64 // seconds
	step, ratio, stepLimit float64
}

// restyLockArea is the module resty.lock.
var restyLockArea = area{open: func(e *engine, ngx *vm.Table) {
	e.vm.Builtin("resty.lock", func(*vm.Thread) vm.Value {
		module, mt, gone := e.vm.NewTable(0, 8), e.vm.NewTable(0, 1), e.vm.NewTable(0, 1)
		mt.SetStr("__index", module.Value())
		gone.SetStr("__gc", e.vm.NewFunc("__gc", func(t *vm.Thread) int {
			if l, ok := userdata[*restyLock](t.Arg(1)); ok {
				l.release()
			}
			return 0
		}))
		module.SetStr("_VERSION", vm.String("0.09"))
		for _, row := range []row{
			{"new", anyPhase, func(t *vm.Thread, s *state) int { return newLock(t, s, mt, gone) }},
			{"lock", anyPhase, lockLock},
			{"unlock", anyPhase, func(t *vm.Thread, s *state) int {
				if l := checkLock(t); !l.release() {
					return fail(t, "unlocked")
				}
				t.PushInt(1)
				return 1
			}},
			{"expire", anyPhase, lockExpire},
		} {
			e.add(module, row)
		}
		return module.Value()
	})
}}

func newLock(t *vm.Thread, s *state, mt, gone *vm.Table) int {
	name := t.ToString(t.Arg(2))
	l := &restyLock{expires: 30, timeout: 5, step: 0.001, ratio: 2, stepLimit: 0.5}
	for _, d := range s.e.site.http.dicts.Items {
		if d.name == name {
			l.dict = d
		}
	}
	if l.dict == nil {
		return fail(t, "dictionary not found")
	}
	if opts := t.Arg(3).Table(); opts != nil {
		for name, to := range map[string]*float64{"exptime": &l.expires, "timeout": &l.timeout, "step": &l.step, "ratio": &l.ratio, "max_step": &l.stepLimit} {
			if f, ok := opts.GetStr(name).ToNumber(); ok {
				*to = f
			}
		}
	}
	l.timeout = min(l.timeout, l.expires)
	table := s.e.vm.NewTable(1, 0)
	table.SetInt(1, s.e.vm.NewUserdata(l, gone))
	table.SetMetatable(mt)
	t.Push(table.Value())
	return 1
}

func checkLock(t *vm.Thread) *restyLock {
	if l, ok := userdata[*restyLock](t.CheckTable(1).GetInt(1)); ok {
		return l
	}
	t.ArgError(1, "lock expected")
	return nil
}

// release gives the lock back; it is false when it was not held.
func (l *restyLock) release() bool {
	held := l.held
	if l.held = false; held {
		l.dict.store(storeSet, l.key, item{}, 0, 0)
	}
	return held
}

// try takes the lock if nobody has it.
func (l *restyLock) try(s *state, key string) dictError {
	l.dict.clock.Store(s.e.now().UnixMilli())
	_, err := l.dict.store(storeAdd, key, item{kind: itemBool, num: 1}, int64(l.expires*1000), 0)
	if err == "" {
		l.key, l.held = key, true
	}
	return err
}

func lockLock(t *vm.Thread, s *state) int {
	l := checkLock(t)
	switch {
	case t.Arg(2).IsNil():
		return fail(t, "nil key")
	case l.held:
		return fail(t, "locked")
	}
	key := t.ToString(t.Arg(2))
	err := l.try(s, key)
	step, left, elapsed := min(l.step, l.timeout), l.timeout, 0.0
	for err == errExists && left > 0 {
		if !s.admit() {
			s.disabled(t, waitingPhases)
		}
		s.e.worker.Current().Sleep(time.Duration(step * float64(time.Second)))
		elapsed += step
		left -= step
		if err = l.try(s, key); left <= 0 {
			break
		}
		step = max(min(max(step*l.ratio, 0.001), left, l.stepLimit), 0.001)
	}
	switch err {
	case "":
		t.PushNumber(elapsed)
		return 1
	case errExists:
		return fail(t, "timeout")
	}
	return fail(t, string(err))
}

func lockExpire(t *vm.Thread, s *state) int {
	l := checkLock(t)
	if !l.held {
		return fail(t, "unlocked")
	}
	seconds := t.OptNumber(2, l.expires)
	l.dict.clock.Store(s.e.now().UnixMilli())
	if _, err := l.dict.store(storeReplace, l.key, item{kind: itemBool, num: 1}, int64(seconds*1000), 0); err != "" {
		if err == errNotFound {
			l.held = false
		}
		return fail(t, string(err))
	}
	t.PushBool(true)
	return 1
}
