package lpeg

import "github.com/luahttpd/luahttpd/lua/vm"

// capture is what becomes of what a pattern matches.
type capture uint8

const (
	cGroup    capture = iota // the nested values, or when it has a name none
	cSimple                  // the match, then the nested values
	cPosition                // where it is
	cConst                   // value
	cArg                     // extra argument n of match
	cBackref                 // the values of the group named value
	cTable                   // a table of the nested values
	cFunction                // what value returns for the nested values
	cQuery                   // value[the first nested value]
	cString                  // value, with %n replaced
	cNumber                  // nested value n
	cSubst                   // the match, with nested matches replaced by their values
	cFold                    // value(value(first, second), third)...
	cAcc                     // replaces the value before by value(that, nested values)
)

const (
	maxNesting = 200     // captures within captures
	maxPieces  = 10000   // string captures within string captures
	maxVals    = 1 << 20 // values at one time
	stringCaps = 10      // %0 to %9
)

// all evaluates everything that was captured.
func (m *machine) all() {
	m.cur = 0
	for m.cur < len(m.marks) {
		m.push()
	}
}

func (m *machine) give(v vm.Value) {
	if n := len(m.vals); n == cap(m.vals) {
		if n >= maxVals {
			m.t.Errorf("too many captures")
		}
		m.t.Reserve(2 * n * valueBytes)
	}
	m.vals = append(m.vals, v)
}

// giveText gives a part of the subject.
func (m *machine) giveText(from, to int32) {
	m.t.Reserve(int(to - from))
	m.give(vm.String(m.subject[from:to]))
}

// drop takes away the values from n on.
func (m *machine) drop(n int) {
	clear(m.vals[n:])
	m.vals = m.vals[:n]
}

// what gives the capture that a mark is of.
func (m *machine) what(k *mark) (capture, *node) {
	if k.node == nowhere {
		return cGroup, nil
	}
	n := m.prog.nodes[k.node]
	return n.cap, n
}

// named tells whether a capture is a group with a name.
func named(c capture, n *node) bool {
	return c == cGroup && n != nil && n.kind == kCapture && !n.value.IsNil()
}

// end gives where the capture at mark i ends, and the mark behind it.
func (m *machine) end(i int) (pos int32, next int) {
	switch k := &m.marks[i]; k.kind {
	case markOpen:
		return m.marks[k.other].pos, int(k.other) + 1
	case markLeaf:
		return k.pos + int32(k.len), i + 1
	default:
		return k.pos, i + 1
	}
}

// inside tells whether a capture is left in that which began at mark begin,
// and steps over the end when there is none.
func (m *machine) inside(begin int) bool {
	k := &m.marks[begin]
	if k.kind == markOpen && m.cur < int(k.other) {
		return true
	}
	if k.kind == markOpen {
		m.cur++
	}
	return false
}

// nested gives the values of the captures in that at cur; the match itself is
// added when there are none, or when it is asked for.
func (m *machine) nested(whole bool) int {
	base, begin := len(m.vals), m.cur
	for m.cur++; m.inside(begin); {
		m.push()
	}
	if whole || len(m.vals) == base {
		end, _ := m.end(begin)
		m.giveText(m.marks[begin].pos, end)
	}
	return len(m.vals) - base
}

// one is nested for the first value only.
func (m *machine) one() vm.Value {
	base := len(m.vals)
	m.nested(false)
	v := m.vals[base]
	m.drop(base)
	return v
}

// push evaluates the capture at cur, gives its values and goes behind it.
func (m *machine) push() {
	if m.nesting++; m.nesting > maxNesting+1 {
		m.t.Errorf("subcapture nesting too deep")
	}
	m.t.Pause(1)
	begin := m.cur
	k := &m.marks[begin]
	if k.kind == markResult {
		m.cur++
		m.give(m.results[k.other])
		m.nesting--
		return
	}
	switch kind, n := m.what(k); kind {
	case cPosition:
		m.cur++
		m.give(vm.Int(int(k.pos) + 1))
	case cConst:
		m.cur++
		m.give(n.value)
	case cArg:
		m.cur++
		if n.n > len(m.extra) {
			m.t.Errorf("reference to absent extra argument #%d", n.n)
		}
		m.give(m.extra[n.n-1])
	case cSimple:
		base := len(m.vals)
		m.nested(true)
		last := len(m.vals) - 1
		whole := m.vals[last]
		copy(m.vals[base+1:], m.vals[base:last])
		m.vals[base] = whole
	case cString:
		m.give(m.text(m.stringCapture(nil)))
	case cSubst:
		m.give(m.text(m.substitute(nil)))
	case cGroup:
		if named(kind, n) {
			_, m.cur = m.end(begin)
		} else {
			m.nested(false)
		}
	case cBackref:
		m.cur = m.group(begin, n.value)
		m.nested(false)
		m.cur = begin + 1
	case cTable:
		m.table(begin)
	case cFunction:
		base := len(m.vals)
		m.nested(false)
		r := m.t.CallRaw(n.value, m.vals[base:]...)
		m.drop(base)
		for _, v := range r {
			m.give(v)
		}
	case cQuery:
		if v := m.t.Index(n.value, m.one()); !v.IsNil() {
			m.give(v)
		}
	case cNumber:
		m.number(begin, n.n)
	case cFold:
		m.fold(begin, n.value)
	case cAcc:
		m.accumulate(n.value)
	}
	m.nesting--
}

func (m *machine) text(b []byte) vm.Value {
	m.t.Reserve(len(b))
	return vm.Bytes(b)
}

// group finds the last group with a name before mark i that is complete and
// not in a capture that i is not in.
func (m *machine) group(i int, name vm.Value) int {
	for i--; i >= 0; i-- {
		switch k := &m.marks[i]; k.kind {
		case markOpen: // around the reference
			continue
		case markClose:
			i = int(k.other)
		}
		m.t.Pause(1)
		if k := &m.marks[i]; k.kind != markResult {
			if kind, n := m.what(k); named(kind, n) && vm.RawEqual(n.value, name) {
				return i
			}
		}
	}
	s, _ := name.ToString()
	m.t.Errorf("back reference '%s' not found", s)
	return 0
}

func (m *machine) table(begin int) {
	t := m.l.m.NewTable(0, 0)
	m.t.Reserve(tableBytes)
	size := 0
	base := len(m.vals)
	for m.cur++; m.inside(begin); {
		kind, n := cGroup, (*node)(nil)
		if k := &m.marks[m.cur]; k.kind != markResult {
			kind, n = m.what(k)
		}
		switch {
		case named(kind, n):
			m.t.SetIndex(t.Value(), n.value, m.one())
			continue
		case kind == cAcc && size > 0: // it goes on with what is in the table
			m.give(t.GetInt(size))
			size--
		}
		m.push()
		for _, v := range m.vals[base:] {
			size++
			t.SetInt(size, v)
		}
		m.t.Reserve((len(m.vals) - base) * valueBytes)
		m.drop(base)
	}
	m.give(t.Value())
}

const tableBytes = 64

func (m *machine) number(begin, i int) {
	if i == 0 {
		_, m.cur = m.end(begin)
		return
	}
	base := len(m.vals)
	if m.nested(false) < i {
		m.t.Errorf("no capture '%d'", i)
	}
	v := m.vals[base+i-1]
	m.drop(base)
	m.give(v)
}

func (m *machine) fold(begin int, f vm.Value) {
	base := len(m.vals)
	m.cur++
	if !m.inside(begin) {
		m.t.Errorf("no initial value for fold capture")
	}
	if m.push(); len(m.vals) == base {
		m.t.Errorf("no initial value for fold capture")
	}
	for m.drop(base + 1); m.inside(begin); {
		m.push()
		v := m.t.Call1(f, m.vals[base:]...)
		m.drop(base)
		m.give(v)
	}
}

func (m *machine) accumulate(f vm.Value) {
	base := len(m.vals) - 1
	if base < 0 {
		m.t.Errorf("no previous value for accumulator capture")
	}
	m.nested(false)
	v := m.t.Call1(f, m.vals[base:]...)
	m.drop(base)
	m.give(v)
}
