package lpeg

import (
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// machine matches a pattern as the parsing machine of section 4 of "A Text
// Pattern-Matching Tool based on Parsing Expression Grammars" does. What it
// captures is a list of marks, which values.go makes values of afterwards.
type machine struct {
	l       *library
	t       *vm.Thread
	prog    *program
	subject string
	value   vm.Value   // the subject
	extra   []vm.Value // arguments for Carg
	stack   []entry
	marks   []mark
	open    int32      // the innermost open capture's mark, or nowhere
	results []vm.Value // what match-time captures gave

	vals    []vm.Value // see values.go
	cur     int        // the mark that is next to be evaluated
	nesting int
	pieces  int
}

// entry is a choice, or with pos < 0 where a call returns to.
type entry struct {
	pos, code      int32
	marks, results int32
	open           int32
}

// mark is the begin or the end of a capture or a whole one.
type mark struct {
	kind  markKind
	len   uint8 // of a leaf
	pos   int32
	node  int32 // of nodes; of a result: its place in results
	other int32 // of a begin: the mark of the end; of an end: of the begin
	outer int32 // of a begin: the capture around it
}

type markKind uint8

const (
	markOpen markKind = iota
	markClose
	markLeaf
	markResult // a value of a match-time capture
)

const (
	defaultStack = 400        // entries, see setmaxstack
	mostStack    = 21_474_836 // that can be set
	turn         = 1000       // instructions between two looks at the limits
	entryBytes   = 20
	markBytes    = 20
	valueBytes   = 16
	maxSubject   = 1<<31 - 1
)

// run matches the subject from pos and gives where the match ends, or -1.
func (m *machine) run(pos int) int {
	m.stack, m.marks, m.results, m.open = m.stack[:0], m.marks[:0], m.results[:0], nowhere
	m.stack = append(m.stack, entry{code: nowhere, open: nowhere})
	s, code := m.subject, m.prog.code
	pc, left := 0, turn
	for {
		if left--; left < 0 {
			m.t.Pause(turn)
			left = turn
		}
		i := &code[pc]
		pc++
		ok := true
		switch i.op {
		case opEnd:
			return pos
		case opAny:
			if ok = len(s)-pos >= int(i.n); ok {
				pos += int(i.n)
			}
		case opByte:
			if ok = pos < len(s) && s[pos] == i.c; ok {
				pos++
			}
		case opText:
			text := m.prog.texts[i.n]
			if ok = strings.HasPrefix(s[pos:], text); ok {
				pos += len(text)
				left -= len(text) >> 6
			}
		case opSet:
			if ok = pos < len(s) && m.prog.sets[i.n].has(s[pos]); ok {
				pos++
			}
		case opUTF:
			r := &m.prog.ranges[i.n]
			c, n := decodeUTF(s[pos:])
			if ok = n > 0 && r[0] <= c && c <= r[1]; ok {
				pos += n
			}
		case opTestAny:
			if pos >= len(s) {
				pc = int(i.jump)
			}
		case opTestByte:
			if pos >= len(s) || s[pos] != i.c {
				pc = int(i.jump)
			}
		case opTestSet:
			if pos >= len(s) || !m.prog.sets[i.n].has(s[pos]) {
				pc = int(i.jump)
			}
		case opSpanAny:
			pos = len(s)
		case opSpanByte:
			from := pos
			for pos < len(s) && s[pos] == i.c {
				pos++
			}
			left -= (pos - from) >> 3
		case opSpanSet:
			set, from := &m.prog.sets[i.n], pos
			for pos < len(s) && set.has(s[pos]) {
				pos++
			}
			left -= (pos - from) >> 3
		case opBack:
			if ok = int(i.n) <= pos; ok {
				pos -= int(i.n)
			}
		case opJump:
			pc = int(i.jump)
		case opCall:
			m.save(entry{pos: -1, code: int32(pc)})
			pc = int(i.jump)
		case opReturn:
			top := len(m.stack) - 1
			pc = int(m.stack[top].code)
			m.stack = m.stack[:top]
		case opChoice:
			m.save(entry{int32(pos), i.jump, int32(len(m.marks)), int32(len(m.results)), m.open})
		case opCommit:
			m.stack = m.stack[:len(m.stack)-1]
			pc = int(i.jump)
		case opPartialCommit:
			e := &m.stack[len(m.stack)-1]
			e.pos, e.marks, e.results, e.open = int32(pos), int32(len(m.marks)), int32(len(m.results)), m.open
			pc = int(i.jump)
		case opBackCommit:
			top := len(m.stack) - 1
			pos = m.back(&m.stack[top])
			m.stack = m.stack[:top]
			pc = int(i.jump)
		case opFailTwice:
			m.stack = m.stack[:len(m.stack)-1]
			ok = false
		case opFail:
			ok = false
		case opOpen:
			m.mark(mark{kind: markOpen, pos: int32(pos), node: i.n, outer: m.open})
			m.open = int32(len(m.marks) - 1)
		case opClose:
			m.close(pos)
		case opLeaf:
			m.mark(mark{kind: markLeaf, len: i.c, pos: int32(pos - int(i.c)), node: i.n})
		case opDecide:
			pos, ok = m.decide(pos)
			left -= 10
		}
		if ok {
			continue
		}
		top := len(m.stack) - 1
		for m.stack[top].pos < 0 {
			top--
		}
		e := &m.stack[top]
		m.stack = m.stack[:top]
		if pc = int(e.code); pc == nowhere {
			return -1
		}
		pos = m.back(e)
	}
}

// back restores what was captured when the choice was made.
func (m *machine) back(e *entry) int {
	m.marks = m.marks[:e.marks]
	clear(m.results[e.results:])
	m.results = m.results[:e.results]
	m.open = e.open
	return int(e.pos)
}

func (m *machine) save(e entry) {
	if n := len(m.stack); n == cap(m.stack) || n >= defaultStack {
		if n >= max(m.l.maxStack, defaultStack) {
			m.t.Errorf("backtrack stack overflow (current limit is %d)", m.l.maxStack)
		}
		if n == cap(m.stack) {
			m.t.Reserve(2 * n * entryBytes)
		}
	}
	m.stack = append(m.stack, e)
}

func (m *machine) mark(k mark) {
	if n := len(m.marks); n == cap(m.marks) {
		m.t.Reserve(2 * n * markBytes)
	}
	m.marks = append(m.marks, k)
}

// close ends the innermost open capture.
func (m *machine) close(pos int) {
	begin := m.open
	m.mark(mark{kind: markClose, pos: int32(pos), other: begin})
	m.marks[begin].other = int32(len(m.marks) - 1)
	m.open = m.marks[begin].outer
}

// decide calls the function of a match-time capture with what was captured
// in it. Its first result says where to go on, the others are captured.
func (m *machine) decide(pos int) (to int, ok bool) {
	m.close(pos)
	begin := m.marks[len(m.marks)-1].other
	outer := m.marks[begin]
	function := m.prog.nodes[outer.node].value
	m.cur = int(begin)
	base := len(m.vals)
	m.give(m.value)
	m.give(vm.Int(pos + 1))
	m.nested(false)
	r := m.t.CallRaw(function, m.vals[base:]...)
	m.drop(base)
	for _, k := range m.marks[begin:] {
		if k.kind == markResult {
			clear(m.results[k.other:])
			m.results = m.results[:k.other]
			break
		}
	}
	m.marks = m.marks[:begin]
	if len(r) == 0 || !r[0].Truth() {
		return pos, false
	}
	if to = pos; r[0].Kind() != vm.KBool {
		f, _ := r[0].ToNumber()
		if to = int(f) - 1; !(f >= 1) || to < pos || to > len(m.subject) {
			m.t.Errorf("invalid position returned by match-time capture")
		}
	}
	if r = r[1:]; len(r) == 0 {
		return to, true
	}
	m.mark(mark{kind: markOpen, pos: outer.pos, node: nowhere, outer: outer.outer})
	m.open = begin
	for _, v := range r {
		m.mark(mark{kind: markResult, pos: int32(to), other: int32(len(m.results))})
		m.results = append(m.results, v)
	}
	m.close(to)
	return to, true
}
