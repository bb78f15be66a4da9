package lpeg

import "github.com/luahttpd/luahttpd/lua/vm"

// piece is a capture that %n of a string capture stands for: a part of the
// subject, or with from < 0 the capture at mark at.
type piece struct {
	from, to int32
	at       int
}

// pieceList lists what can be referred to in the string capture at cur: its
// match, and the captures in it as far as there is room; simple ones are
// entered. It goes behind the capture and gives how long the list is.
func (m *machine) pieceList(list *[stringCaps]piece, n int) int {
	begin := m.cur
	end, _ := m.end(begin)
	list[n] = piece{from: m.marks[begin].pos, to: end}
	n++
	for m.cur++; m.inside(begin); {
		k := &m.marks[m.cur]
		simple := false
		if k.kind != markResult {
			kind, _ := m.what(k)
			simple = kind == cSimple
		}
		switch {
		case n >= stringCaps:
			_, m.cur = m.end(m.cur)
		case simple:
			n = m.pieceList(list, n)
		default:
			list[n] = piece{from: -1, at: m.cur}
			n++
			_, m.cur = m.end(m.cur)
		}
	}
	return n
}

// stringCapture adds the value of the string capture at cur to b.
func (m *machine) stringCapture(b []byte) []byte {
	m.deeper()
	_, n := m.what(&m.marks[m.cur])
	format := n.value.Str()
	var list [stringCaps]piece
	known := m.pieceList(&list, 0)
	after := m.cur
	for i := 0; i < len(format); i++ {
		c := format[i]
		if c != '%' || i+1 == len(format) {
			if c != '%' {
				b = append(b, c)
			}
			continue
		}
		i++
		d := int(format[i]) - '0'
		switch {
		case d < 0 || d > 9:
			b = append(b, format[i])
		case d >= known:
			m.t.Errorf("invalid capture index (%d)", d)
		case list[d].from >= 0:
			b = m.add(b, m.subject[list[d].from:list[d].to])
		default:
			m.cur = list[d].at
			var ok bool
			if b, ok = m.addOne(b, "capture"); !ok {
				m.t.Errorf("no values in capture index %d", d)
			}
		}
	}
	m.cur = after
	m.pieces--
	return b
}

// substitute adds the value of the substitution capture at cur to b.
func (m *machine) substitute(b []byte) []byte {
	m.deeper()
	begin := m.cur
	from := m.marks[begin].pos
	for m.cur++; m.inside(begin); {
		k := m.marks[m.cur]
		end, _ := m.end(m.cur)
		b = m.add(b, m.subject[from:k.pos])
		var ok bool
		if b, ok = m.addOne(b, "replacement"); ok {
			from = end
		} else {
			from = k.pos
		}
	}
	end, _ := m.end(begin)
	m.pieces--
	return m.add(b, m.subject[from:end])
}

func (m *machine) deeper() {
	m.t.Pause(1)
	if m.pieces++; m.pieces > maxPieces {
		m.t.Errorf("subcapture nesting too deep")
	}
}

func (m *machine) add(b []byte, s string) []byte {
	m.t.Reserve(len(s))
	return append(b, s...)
}

// addOne adds the first value of the capture at cur to b, if it has one.
func (m *machine) addOne(b []byte, what string) ([]byte, bool) {
	if k := &m.marks[m.cur]; k.kind != markResult {
		switch kind, _ := m.what(k); kind {
		case cString:
			return m.stringCapture(b), true
		case cSubst:
			return m.substitute(b), true
		case cAcc:
			m.t.Errorf("invalid context for an accumulator capture")
		}
	}
	base := len(m.vals)
	m.push()
	if len(m.vals) == base {
		return b, false
	}
	v := m.vals[base]
	m.drop(base)
	if k := v.Kind(); k != vm.KString && k != vm.KNumber {
		m.t.Errorf("invalid %s value (a %s)", what, k)
	}
	s, _ := v.ToString()
	return m.add(b, s), true
}
