package pcre

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// runeLen is the length of the character at pos.
func runeLen(s []byte, pos int) int {
	if s[pos] < utf8.RuneSelf {
		return 1
	}
	_, size := utf8.DecodeRune(s[pos:])
	return size
}

// runeIn is the length of the character at pos if it is one in's set has,
// otherwise 0.
func (m *machine) runeIn(in *inst, pos int) int {
	if pos >= len(m.subject) {
		return 0
	}
	b := m.subject[pos]
	if !m.utf || b < utf8.RuneSelf {
		if in.set[b] {
			return 1
		}
		return 0
	}
	if in.wide == nil {
		return 0
	}
	r, size := utf8.DecodeRune(m.subject[pos:])
	if in.wide.has(r) {
		return size
	}
	return 0
}

// repeat matches as many characters as in asks for and leaves a frame for
// other counts. ok is false if there are too few.
func (m *machine) repeat(in *inst, next int32, pos int) (end int, ok bool) {
	least, most := int(in.a), int(in.b)
	low := pos
	if least > 0 {
		if low, ok = m.take(in, pos, least); !ok {
			return pos, false
		}
	}
	if most != unlimited {
		most -= least
	}
	if in.op == iRepeatLazy {
		m.push(fShorter, next, low, most)
		if m.allows(in.then, low) {
			return low, true
		}
		end = m.another(&m.stack[len(m.stack)-1], len(m.stack)-1)
		return end, end >= 0
	}
	end = m.span(in, low, most)
	m.steps -= (end - pos) >> 6
	if in.op == iRepeatAll || end == low {
		return end, true
	}
	m.push(fLonger, next, end, low)
	if m.allows(in.then, end) {
		return end, true
	}
	end = m.another(&m.stack[len(m.stack)-1], len(m.stack)-1)
	return end, end >= 0
}

// take matches exactly n characters.
func (m *machine) take(in *inst, pos, n int) (end int, ok bool) {
	if !m.utf {
		if len(m.subject)-pos < n {
			return pos, false
		}
		for _, b := range m.subject[pos : pos+n] {
			if !in.set[b] {
				return pos, false
			}
		}
		return pos + n, true
	}
	for ; n > 0; n-- {
		size := m.runeIn(in, pos)
		if size == 0 {
			return pos, false
		}
		pos += size
	}
	return pos, true
}

// span is the end of the up to most characters of in's set from pos.
func (m *machine) span(in *inst, pos, most int) int {
	s := m.subject
	if in.str != "" && most == unlimited {
		// All but one character: the usual end of a field.
		if n := bytes.IndexByte(s[pos:], in.str[0]); n >= 0 {
			return pos + n
		}
		return len(s)
	}
	if m.utf {
		for n := most; pos < len(s) && n != 0; n-- {
			if b := s[pos]; b < utf8.RuneSelf {
				if !in.set[b] {
					break
				}
				pos++
				continue
			}
			size := m.runeIn(in, pos)
			if size == 0 {
				break
			}
			pos += size
		}
		return pos
	}
	if most != unlimited {
		s = s[:min(len(s), pos+most)]
	}
	set := in.set
	for pos < len(s) && set[s[pos]] {
		pos++
	}
	return pos
}

// another tries the next count of the repeat whose frame is f, the top of the
// stack at last. It drops f when no further count is left, and returns -1
// when there was none.
func (m *machine) another(f *frame, last int) int {
	in := &m.code[f.pc-1]
	s, pos := m.subject, f.pos
	if f.kind == fLonger {
		m.steps -= (pos - f.other) >> 6
		for pos > f.other {
			pos--
			if m.utf {
				for pos > f.other && s[pos]&0xc0 == 0x80 {
					pos--
				}
			}
			if in.then == nil || pos < len(s) && in.then[s[pos]] {
				f.pos = pos
				if pos == f.other {
					m.stack = m.stack[:last]
				}
				return pos
			}
		}
		m.stack = m.stack[:last]
		return -1
	}
	for f.other != 0 {
		n := m.runeIn(in, pos)
		if n == 0 {
			break
		}
		if pos += n; pos&63 == 0 {
			m.steps--
		}
		f.other = max(f.other-1, unlimited)
		if m.allows(in.then, pos) {
			f.pos = pos
			return pos
		}
	}
	m.stack = m.stack[:last]
	return -1
}

// back is the position n characters before pos, or -1.
func (m *machine) back(pos, n int) int {
	if !m.utf {
		return max(pos-n, -1)
	}
	for ; n > 0; n-- {
		if pos == 0 {
			return -1
		}
		for pos--; pos > 0 && m.subject[pos]&0xc0 == 0x80; pos-- {
		}
	}
	return pos
}

// holds tests an assertion without a body.
func (m *machine) holds(in *inst, pos int) bool {
	s := m.subject
	switch in.op {
	case iBegin:
		return pos == 0
	case iBeginLine:
		// As in Perl not behind a newline that ends the subject.
		return pos == 0 || pos < len(s) && s[pos-1] == '\n'
	case iEnd:
		return pos == len(s)
	case iEndBefore:
		return pos == len(s) || pos == len(s)-1 && s[pos] == '\n'
	case iEndLine:
		return pos == len(s) || s[pos] == '\n'
	case iStart:
		return pos == m.start
	}
	before := pos > 0 && m.wordBefore(pos)
	after := pos < len(s) && m.wordAt(pos)
	return (before != after) != (in.a == 1)
}

func (m *machine) wordAt(pos int) bool {
	b := m.subject[pos]
	if !m.utf || b < utf8.RuneSelf {
		return m.word.has(rune(b))
	}
	r, _ := utf8.DecodeRune(m.subject[pos:])
	return m.word.has(r)
}

func (m *machine) wordBefore(pos int) bool {
	return m.wordAt(m.back(pos, 1))
}

// grapheme is the end of the extended grapheme cluster at pos, approximately:
// marks, joiners and selectors stay with what they follow.
func (m *machine) grapheme(pos int) int {
	s := m.subject
	if s[pos] == '\r' && pos+1 < len(s) && s[pos+1] == '\n' {
		return pos + 2
	}
	if !m.utf {
		return pos + 1
	}
	r, size := utf8.DecodeRune(s[pos:])
	pos += size
	if r == '\r' || r == '\n' || unicode.Is(unicode.Cc, r) {
		return pos
	}
	for pos < len(s) {
		next, size := utf8.DecodeRune(s[pos:])
		joined := r == 0x200d || unicode.In(next, unicode.Mn, unicode.Me, unicode.Mc) ||
			next == 0x200d || next == 0x200c || 0x1f3fb <= next && next <= 0x1f3ff
		if !joined {
			break
		}
		pos += size
		r = next
	}
	return pos
}

func (m *machine) anySet(groups []int32) bool {
	for _, g := range groups {
		if m.regs[2*g+1] >= 0 {
			return true
		}
	}
	return false
}

// reference is how many bytes at pos equal what a group matched, or -1.
func (m *machine) reference(in *inst, pos int) int {
	for _, g := range in.refs {
		from, to := m.regs[2*g], m.regs[2*g+1]
		if to < 0 {
			continue
		}
		was, rest := m.subject[from:to], m.subject[pos:]
		m.steps -= len(was) >> 6
		switch {
		case in.fold && m.utf:
			return foldedRunes(was, rest)
		case in.fold:
			if len(rest) < len(was) {
				return -1
			}
			for i, b := range was {
				if lowerASCII(b) != lowerASCII(rest[i]) {
					return -1
				}
			}
			return len(was)
		case bytes.HasPrefix(rest, was):
			return len(was)
		}
		return -1
	}
	if m.js {
		return 0
	}
	return -1
}

// foldedRunes is how many bytes of rest equal was but for case, or -1.
func foldedRunes(was, rest []byte) int {
	n := 0
	for len(was) > 0 {
		a, size := utf8.DecodeRune(was)
		b, other := utf8.DecodeRune(rest[n:])
		if other == 0 || a != b && !sameFold(a, b) {
			return -1
		}
		was = was[size:]
		n += other
	}
	return n
}

func sameFold(a, b rune) bool {
	for c := unicode.SimpleFold(a); c != a; c = unicode.SimpleFold(c) {
		if c == b {
			return true
		}
	}
	return false
}

// equalFold reports whether s begins with lower, ASCII letters in any case.
func equalFold(s []byte, lower string) bool {
	if len(s) < len(lower) {
		return false
	}
	for i := range len(lower) {
		if lowerASCII(s[i]) != lower[i] {
			return false
		}
	}
	return true
}
