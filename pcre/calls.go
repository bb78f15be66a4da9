package pcre

// maxCalls bounds the calls of groups that are under way or may be gone back
// into. Running out of it is ErrMatchLimit.
const maxCalls = 20_000

// call is a recursion into a group that is under way.
type call struct {
	back   int32 // the instruction to return to
	group  int32
	outer  int // the call around this one, or -1
	pos    int
	height int   // of the stack
	before []int // all registers at the call
}

// enter begins a call of group; back is where it returns to.
func (m *machine) enter(back, group int32, pos int) {
	m.steps -= len(m.regs) >> 4
	m.push(fCall, 0, len(m.calls), 0)
	m.calls = append(m.calls, call{back, group, m.regs[m.callers], pos, len(m.stack), append([]int(nil), m.regs...)})
	m.set(int32(m.callers), len(m.calls)-1)
}

// leave ends the call at: what groups matched inside is forgotten.
func (m *machine) leave(at int) int32 {
	c := &m.calls[at]
	for r, value := range c.before {
		if m.regs[r] != value && r != 0 { // \K stays
			m.set(int32(r), value)
		}
	}
	return c.back
}

// accept ends the call at where the pattern or an (*ACCEPT) does. Unlike the
// end of a group, PCRE does not go back into such a call.
func (m *machine) accept(at int) int32 {
	m.forget(m.calls[at].height)
	return m.leave(at)
}

// callAt reports whether group is already being called at pos: a call that
// would never end.
func (m *machine) callAt(group int32, pos int) bool {
	for at := m.regs[m.callers]; at >= 0 && m.calls[at].pos == pos; at = m.calls[at].outer {
		if m.calls[at].group == group {
			return true
		}
	}
	return false
}

// confine undoes everything a verb in call reaches: up to the begin of that
// call, of a negative assertion or of a condition. It returns false if the
// whole attempt is undone.
func (m *machine) confine(call int) bool {
	for last := len(m.stack) - 1; last >= 0; last-- {
		f := &m.stack[last]
		if f.kind == fLook && f.pc != nowhere {
			return true
		}
		m.undo(f)
		m.stack = m.stack[:last]
		if f.kind == fCall && f.pos == call {
			return true
		}
	}
	return false
}

// nextBranch undoes everything since the branch whose height is in register r
// began, or since the call the (*THEN) stands in if that is later.
func (m *machine) nextBranch(r, call int) {
	height := max(m.regs[r], 0)
	for last := len(m.stack) - 1; last >= height; last-- {
		f := &m.stack[last]
		called := f.kind == fCall && f.pos == call
		m.undo(f)
		m.stack = m.stack[:last]
		if called {
			return
		}
	}
}

func (m *machine) verb(in *inst, pos int) {
	call := m.regs[m.callers]
	switch in.op {
	case iCommit:
		m.push(fCommit, 0, 0, call)
	case iPrune:
		m.push(fPrune, 0, 0, call)
	case iThen:
		m.push(fThen, 0, int(in.a), call)
	case iSkip:
		if in.a == 0 {
			m.push(fSkip, 0, pos, call)
		} else if mark := m.regs[in.a]; mark >= 0 {
			m.push(fSkip, 0, mark, call)
		}
	}
}
