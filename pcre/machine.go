package pcre

import "slices"

const (
	// MatchLimit is how many steps one match may take by default, which is
	// PCRE's default for match_limit. A step is a choice made or unmade; 64
	// characters passed by a repeat count as one.
	MatchLimit = 10_000_000
	// maxStack bounds the memory of one match, in frames of 24 bytes. Running
	// out of it is ErrMatchLimit.
	maxStack = 2 << 20
	// maxKeptStack is the largest stack kept for the next match, in frames.
	maxKeptStack = 1 << 14
)

// frameKind is what a frame means when a failure reaches it.
type frameKind uint8

const (
	fChoice  frameKind = iota // go to pc with pos
	fUndo                     // register pc was pos
	fUndo2                    // registers pc and pc+1 were pos and other
	fLonger                   // a repeat, at pos, may give back characters down to other
	fShorter                  // a lazy repeat, at pos, may take other more (unlimited: -1)
	fLook                     // as fChoice, or a failure if pc is nowhere
	fCall                     // calls beyond pos are over
	fCommit                   // verbs
	fPrune                    //
	fSkip                     // pos is where the next attempt begins
	fThen                     // pos is the register of the alternation's height
)

type frame struct {
	kind  frameKind
	pc    int32
	pos   int
	other int
}

// machine is the state of one match.
type machine struct {
	*program
	subject  []byte
	start    int // where the search began
	steps    int // left of those granted
	pace     pace
	regs     []int
	stack    []frame
	calls    []call
	dirty    bool // regs differ from a fresh attempt
	skip     int  // where (*SKIP) wants the next attempt, or -1
	longest  bool // all ways are tried, the longest wins
	bestEnd  int
	bestFrom int
	seen     []uint64 // with longest: where the attempt has been, a bit for each instruction and position
}

// outcome of an attempt.
type outcome uint8

const (
	failed  outcome = iota
	matched         // the end is in regs[1]
	over            // no match at all: (*COMMIT)
	spent           // out of steps or memory
	looping         // a group called itself without advancing
)

func (m *machine) push(kind frameKind, pc int32, pos, other int) {
	m.stack = append(m.stack, frame{kind, pc, pos, other})
}

// beenAt notes that the attempt comes to pc at pos and reports whether it has
// been there before, and so has seen all that can follow.
func (m *machine) beenAt(pc int32, pos int) bool {
	if len(m.seen) == 0 {
		return false
	}
	bit := int(pc)*(len(m.subject)+1) + pos
	if m.seen[bit>>6]&(1<<(bit&63)) != 0 {
		return true
	}
	m.seen[bit>>6] |= 1 << (bit & 63)
	return false
}

// set changes a register so that a failure undoes it.
func (m *machine) set(r int32, value int) {
	m.dirty = true
	if len(m.stack) > 0 {
		m.push(fUndo, r, m.regs[r], 0)
	}
	m.regs[r] = value
}

// set2 changes the registers r and r+1.
func (m *machine) set2(r int32, a, b int) {
	m.dirty = true
	if len(m.stack) > 0 {
		m.push(fUndo2, r, m.regs[r], m.regs[r+1])
	}
	m.regs[r], m.regs[r+1] = a, b
}

// reset makes the registers those of a fresh attempt at pos.
func (m *machine) reset() {
	if !m.dirty {
		return
	}
	for i := range m.regs {
		m.regs[i] = -1
	}
	m.calls = m.calls[:0]
	m.dirty = false
}

// undo restores what f changed.
func (m *machine) undo(f *frame) {
	switch f.kind {
	case fUndo:
		m.regs[f.pc] = f.pos
	case fUndo2:
		m.regs[f.pc], m.regs[f.pc+1] = f.pos, f.other
	case fCall:
		m.calls = m.calls[:f.pos]
	}
}

// unwind undoes everything above height.
func (m *machine) unwind(height int) {
	for len(m.stack) > height {
		last := len(m.stack) - 1
		m.undo(&m.stack[last])
		m.stack = m.stack[:last]
	}
}

// forget drops the choices from height on but keeps what undoes changes.
func (m *machine) forget(height int) {
	m.steps -= (len(m.stack) - height) >> 4
	kept := m.stack[:height]
	for _, f := range m.stack[height:] {
		if f.kind == fUndo || f.kind == fUndo2 {
			kept = append(kept, f)
		}
	}
	m.stack = kept
}

// allows reports whether what set describes can begin at pos.
func (m *machine) allows(set *byteSet, pos int) bool {
	return set == nil || pos < len(m.subject) && set[m.subject[pos]]
}

// run tries to match at pos. It is one function so that an instruction costs a
// jump and no call.
func (m *machine) run(pos int) outcome {
	s := m.subject
	code := m.code
	pc := int32(0)
	m.stack = m.stack[:0]
	m.skip = -1
	m.reset()
	m.regs[0] = pos
	from := pos
	for {
		in := &code[pc]
		pc++
		switch in.op {
		case iSeen:
			if !m.beenAt(pc, pos) {
				continue
			}
		case iChar:
			if pos < len(s) && s[pos] == byte(in.a) {
				pos++
				continue
			}
		case iString:
			if len(s)-pos >= len(in.str) && string(s[pos:pos+len(in.str)]) == in.str {
				pos += len(in.str)
				continue
			}
		case iFold:
			if equalFold(s[pos:], in.str) {
				pos += len(in.str)
				continue
			}
		case iSet:
			if pos < len(s) && in.set[s[pos]] {
				pos++
				continue
			}
		case iRune:
			if n := m.runeIn(in, pos); n > 0 {
				pos += n
				continue
			}
		case iByte:
			if pos < len(s) {
				pos++
				continue
			}
		case iAny:
			if pos < len(s) {
				pos += runeLen(s, pos)
				continue
			}
		case iNewline:
			if pos+1 < len(s) && s[pos] == '\r' && s[pos+1] == '\n' {
				pos += 2
				continue
			}
			if n := m.runeIn(in, pos); n > 0 {
				pos += n
				continue
			}
		case iGrapheme:
			if pos < len(s) {
				pos = m.grapheme(pos)
				continue
			}
		case iRepeat, iRepeatLazy, iRepeatAll:
			if end, ok := m.repeat(in, pc, pos); ok {
				pos = end
				continue
			}
		case iTry, iTryElse:
			other, next := in.a, pc
			if in.op == iTryElse {
				other, next = pc, in.a
			}
			if !m.allows(in.first, pos) {
				if m.allows(in.then, pos) {
					pc = other
					continue
				}
				break
			}
			pc = next
			if m.allows(in.then, pos) {
				m.push(fChoice, other, pos, 0)
				if m.steps--; m.steps < 0 && !m.more() || len(m.stack) > maxStack {
					return spent
				}
			}
			continue
		case iJump:
			pc = in.a
			continue
		case iLoopInit:
			m.set2(in.a, 0, -1)
			continue
		case iLoop:
			if next := m.loop(in, pc, pos); next >= 0 {
				pc = next
				continue
			}
		case iLoopEnter:
			m.set2(in.a, m.regs[in.a]+1, pos)
			if m.steps--; m.steps < 0 && !m.more() || len(m.stack) > maxStack {
				return spent
			}
			continue
		case iLoopNext:
			// An empty iteration ends a repeat without an upper bound only:
			// PCRE treats the others as copies of the group.
			least, most := code[in.b].refs[0], code[in.b].refs[1]
			if pos != m.regs[in.a+1] || most != unlimited || m.regs[in.a] < int(least) {
				pc = in.b
			}
			continue
		case iOpen:
			m.set(int32(2*m.groups)+in.a, pos)
			continue
		case iClose:
			m.set2(2*in.a, m.regs[2*m.groups+int(in.a)], pos)
			continue
		case iReturn:
			if at := m.regs[m.callers]; at >= 0 && m.calls[at].group == in.a {
				pc = m.leave(at)
			}
			continue
		case iCall:
			if m.callAt(in.b, pos) {
				return looping
			}
			if m.steps--; m.steps < 0 && !m.more() || len(m.calls) >= maxCalls || len(m.stack) > maxStack {
				return spent
			}
			m.enter(pc, in.b, pos)
			pc = in.a
			continue
		case iAtomic:
			m.set(in.a, len(m.stack))
			continue
		case iAtomicEnd:
			m.forget(m.regs[in.a])
			continue
		case iLook:
			height := len(m.stack)
			m.push(fLook, in.b, pos, 0)
			m.set2(in.a, height, pos)
			if m.steps--; m.steps < 0 && !m.more() || len(m.stack) > maxStack {
				return spent
			}
			continue
		case iLookEnd:
			height := m.regs[in.a]
			pos = m.regs[in.a+1]
			m.forget(height)
			continue
		case iLookNot:
			back := m.regs[in.a+1]
			m.unwind(m.regs[in.a])
			if in.b != nowhere {
				pc, pos = in.b, back
				continue
			}
		case iBack:
			if back := m.back(pos, int(in.a)); back >= 0 {
				pos = back
				continue
			}
		case iRef:
			if n := m.reference(in, pos); n >= 0 {
				pos += n
				continue
			}
		case iIfSet:
			if !m.anySet(in.refs) {
				pc = in.b
			}
			continue
		case iIfCall:
			at := m.regs[m.callers]
			if at < 0 || in.a >= 0 && m.calls[at].group != in.a {
				pc = in.b
			}
			continue
		case iBegin, iBeginLine, iEnd, iEndBefore, iEndLine, iStart, iWord:
			if m.holds(in, pos) {
				continue
			}
		case iKeep:
			m.set(0, pos)
			continue
		case iMark:
			m.set(in.a, pos)
			continue
		case iCommit, iPrune, iSkip, iThen:
			m.verb(in, pos)
			continue
		case iAcceptLook:
			if at := m.regs[m.callers]; at >= 0 && slices.Contains(in.refs, m.calls[at].group) {
				pc = m.accept(at)
			} else {
				pc = in.a
			}
			continue
		case iMatch, iAccept:
			if at := m.regs[m.callers]; at >= 0 && (in.op == iAccept || m.calls[at].group == 0) {
				pc = m.accept(at)
				continue
			}
			m.regs[1] = pos
			if !m.longest {
				return matched
			}
			if pos > m.bestEnd {
				m.bestEnd, m.bestFrom = pos, m.regs[0]
			}
		}
		// A failure: go back to the latest choice.
		var result outcome
		if pc, pos, result = m.fail(from); result != matched {
			return result
		}
	}
}

// fail returns to the latest choice. The outcome matched means that the match
// goes on at pc and pos.
func (m *machine) fail(from int) (pc int32, pos int, result outcome) {
	for len(m.stack) > 0 {
		last := len(m.stack) - 1
		f := &m.stack[last]
		switch f.kind {
		case fChoice:
			pc, pos = f.pc, f.pos
			m.stack = m.stack[:last]
			return pc, pos, matched
		case fLook:
			pc, pos = f.pc, f.pos
			m.stack = m.stack[:last]
			if pc != nowhere {
				return pc, pos, matched
			}
		case fLonger, fShorter:
			if m.steps--; m.steps < 0 && !m.more() {
				return 0, 0, spent
			}
			pc = f.pc
			if pos = m.another(f, last); pos >= 0 {
				return pc, pos, matched
			}
		case fCommit, fPrune, fSkip:
			kind, at := f.kind, f.pos
			if m.confine(f.other) {
				continue
			}
			switch kind {
			case fCommit:
				return 0, 0, over
			case fSkip:
				if at > from {
					m.skip = at
				}
			}
			return 0, 0, failed
		case fThen:
			m.nextBranch(f.pos, f.other)
		default:
			m.undo(f)
			m.stack = m.stack[:last]
		}
	}
	return 0, 0, failed
}

// loop decides at the head of a counted repeat: the instruction to go on
// with, or -1 for a failure.
func (m *machine) loop(in *inst, enter int32, pos int) int32 {
	count, least, most := m.regs[in.a], int(in.refs[0]), int(in.refs[1])
	switch {
	case count < least:
		return enter
	case most != unlimited && count >= most:
		return in.b
	}
	may, mayLeave := m.allows(in.first, pos), m.allows(in.then, pos)
	switch {
	case may && mayLeave && in.fold:
		m.push(fChoice, enter, pos, 0)
		return in.b
	case may && mayLeave:
		m.push(fChoice, in.b, pos, 0)
		return enter
	case may:
		return enter
	case mayLeave:
		return in.b
	}
	return -1
}
