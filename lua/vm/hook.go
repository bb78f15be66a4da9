package vm

import "unsafe"

// A hook is called by an interpreter of its own: run is compiled once for each of these types, and only the second has
// code in it that calls step before every instruction. So programs without a hook pay nothing for it. A chain of threads
// changes from one to the other where the instruction that is carried out ends: the run returns, see exec.raise.
type (
	plain   struct{}
	watched [1]byte
)

// Events are what a hook is called for.
type Events uint8

const (
	OnCall   Events = 1 << iota // a function begins
	OnReturn                    // a function of Lua returns
	OnLine                      // a line of code begins, or begins again by a jump back
)

// Hook is a function of Lua that observes what runs. It is called with the event ("call", "return", "line" or "count") and
// the line, if that is the event; the function observed is at level 2 of it. What it calls is not observed, and no
// coroutine may yield in it.
type Hook struct {
	Func   Value
	Events Events
	Count  int // 0, or after how many instructions it is called again and again
}

// hook is the one that is set, and how far it has observed.
type hook struct {
	Hook
	left int     // instructions until the next "count"
	th   *Thread // at, the instruction seen last, is of the frame at fo of this thread
	fo   uintptr
	at   uintptr
}

// Hook gives the hook that is set; its Func is nil when there is none.
func (m *VM) Hook() Hook {
	if m.hook == nil {
		return Hook{}
	}
	return m.hook.Hook
}

// SetHook sets the hook of the VM, as in LuaJIT one for all threads; without events or count there is none. Threads that
// wait meanwhile come under it at the end of a slice of theirs. A function of Go ends with "return t.SetHook(h)".
func (t *Thread) SetHook(h Hook) int {
	t.vm.hook = nil
	if h.Func.isFunc() && (h.Events != 0 || h.Count > 0) {
		if h.Count > 0 {
			h.Events |= onCount
		}
		t.vm.hook = &hook{Hook: h, left: h.Count}
	}
	t.x.thenN = -1
	return callPending
}

// observed tells whether a hook is to observe what runs now.
func (x *exec) observed() bool { return x.vm.hook != nil && !x.inHook }

// back ends a run within another that was the watched one, or not. When that has changed the outer one has to look.
func (x *exec) back(seen bool) {
	if x.watched != seen {
		x.watched = seen
		x.budget = -1
	}
}

// step calls the hook before instruction i, if it is owed anything. false: an error is to be raised, or the hook is gone.
func (t *Thread) step(i *ins) bool {
	x, f := t.x, t.fp()
	before := f.ip
	f.ip = uintptr(unsafe.Pointer(i))
	if x.budget < 1 { // so that the instruction need not look
		place := AtLoop
		if i.op == opCALL {
			place = AtCall
		}
		if !x.check(place, 0) {
			return false
		}
	}
	h := t.vm.hook
	if h == nil {
		f.ip -= insSize
		x.turn = true
		return false
	}
	p := t.at(uintptr(f.base) - 16).lua().p
	began := before == uintptr(p.entry)
	if !began && h.th == t && h.fo == t.fo {
		before = h.at
	}
	h.th, h.fo, h.at = t, t.fo, f.ip
	if began && !t.see(OnCall, "call", 0) {
		return false
	}
	if h.Count > 0 {
		if h.left--; h.left == 0 {
			h.left = h.Count
			if !t.see(onCount, "count", 0) {
				return false
			}
		}
	}
	if h.Events&OnLine != 0 {
		pc, was := t.fp().pc(p), (int(before)-int(uintptr(p.code)))/insSize
		if (began || pc <= was || p.lines[pc] != p.lines[was]) && !t.see(OnLine, "line", int(p.lines[pc])) {
			return false
		}
	}
	return i.op < opRETURN || i.op > opRETURN1 || t.see(OnReturn, "return", 0)
}

// onCount is the event of hooks with a Count.
const onCount Events = 1 << 7

// seeNative calls the hook for the function of Go at slot, which is about to be called with n arguments.
func (t *Thread) seeNative(slot uintptr, n int) bool {
	if !t.ensure(slot + uintptr(n+2)*16) {
		return false
	}
	ab, an, push := t.ab, t.an, t.push
	t.ab, t.an, t.push = slot+16, n, slot+uintptr(n+1)*16
	if !t.see(OnCall, "call", 0) {
		return false
	}
	t.ab, t.an, t.push = ab, an, push
	return true
}

// see calls the hook, if it is one for e. What it leaves on the stack lies above all that is alive there.
func (t *Thread) see(e Events, name string, line int) bool {
	x, h := t.x, t.vm.hook
	if h == nil || h.Events&e == 0 {
		return true
	}
	slot, top := t.safeTop(), t.top
	if t.ab == 0 {
		slot = max(slot, top)
	}
	if !t.ensure(slot + 64) {
		return false
	}
	*t.at(slot), *t.at(slot + 16), *t.at(slot + 32) = h.Func, strValue(intern(name)), Value{}
	if line > 0 {
		*t.at(slot + 32) = Int(line)
	}
	x.inHook, x.watched = true, false
	ok := t.call(slot, 2, false)
	x.inHook, x.watched = false, true
	x.budget = max(x.budget, 1) // or the instruction would look, and be carried out again
	t.top = top
	return ok
}
