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
	memo                   lockMemo
	dictRef, keyRef        int
}

// lockMemo is the field memo of the module: what locks refer to, by number.
// Here nothing needs it; programs that look for locks that leak count it. The
// numbers that are free are a list that begins at 0.
type lockMemo struct{ *vm.Table }

func (m lockMemo) ref(v vm.Value) int {
	if v.IsNil() {
		return -1
	}
	n := int(m.GetInt(0).Num())
	if n != 0 {
		m.SetInt(0, m.GetInt(n))
	} else {
		n = m.Len() + 1
	}
	m.SetInt(n, v)
	return n
}

func (m lockMemo) unref(n int) {
	if n > 0 {
		m.SetInt(n, m.GetInt(0))
		m.SetInt(0, vm.Int(n))
	}
}

// restyLockArea is the module resty.lock.
var restyLockArea = area{open: func(e *engine, ngx *vm.Table) {
	e.vm.Builtin("resty.lock", func(*vm.Thread) vm.Value {
		module, mt, gone := e.vm.NewTable(0, 8), e.vm.NewTable(0, 1), e.vm.NewTable(0, 1)
		memo := lockMemo{e.vm.NewTable(0, 0)}
		module.SetStr("memo", memo.Value())
		mt.SetStr("__index", module.Value())
		gone.SetStr("__gc", e.vm.NewFunc("__gc", func(t *vm.Thread) int {
			if l, ok := userdata[*restyLock](t.Arg(1)); ok {
				l.release()
				memo.unref(l.dictRef)
			}
			return 0
		}))
		module.SetStr("_VERSION", vm.String("0.09"))
		for _, row := range []row{
			{"new", anyPhase, func(t *vm.Thread, s *state) int { return newLock(t, s, memo, mt, gone) }},
			{"lock", anyPhase, lockLock},
			{"unlock", anyPhase, func(t *vm.Thread, s *state) int {
				if l := checkLock(t); !l.release() {
					return fail(t, "unlocked")
				}
				t.PushInt(1)
				return 1
			}},
			{"expire", anyPhase, lockExpire},
			{"ref_obj", anyPhase, func(t *vm.Thread, s *state) int { t.PushInt(memo.ref(t.Arg(1))); return 1 }},
			{"unref_obj", anyPhase, func(t *vm.Thread, s *state) int { memo.unref(t.CheckInt(1)); return 0 }},
		} {
			e.add(module, row)
		}
		return module.Value()
	})
}}

func newLock(t *vm.Thread, s *state, memo lockMemo, mt, gone *vm.Table) int {
	name := t.ToString(t.Arg(2))
	l := &restyLock{memo: memo, expires: 30, timeout: 5, step: 0.001, ratio: 2, stepLimit: 0.5}
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
	l.dictRef = memo.ref(t.Arg(2))
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
		l.memo.unref(l.keyRef)
		l.dict.store(storeSet, l.key, item{}, 0, 0)
	}
	return held
}

// try takes the lock if nobody has it.
func (l *restyLock) try(s *state, key string) dictError {
	l.dict.clock.Store(s.e.now().UnixMilli())
	_, err := l.dict.store(storeAdd, key, item{kind: itemBool, num: 1}, int64(l.expires*1000), 0)
	if err == "" {
		l.key, l.held, l.keyRef = key, true, l.memo.ref(vm.String(key))
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
			l.memo.unref(l.keyRef)
		}
		return fail(t, string(err))
	}
	t.PushBool(true)
	return 1
}
