package pcre

import (
	"bytes"
	"sync"
	"unicode/utf8"
)

// maxSeen bounds the memory the search for a longest match may use to be
// linear, in words of 64 bits.
const maxSeen = 1 << 20

// searcher finds matches with pooled machines.
type searcher struct {
	*program
	check   bool // refuse subjects that are not UTF-8
	longest bool
	memo    bool
	limit   int // steps of an attempt
	pool    sync.Pool
}

func newSearcher(p *parser, root *node, f Flags) *searcher {
	program, memo := compile(p, root, f)
	s := &searcher{
		program: program,
		memo:    memo,
		check:   p.utf() && f&NoUTFCheck == 0,
		longest: f&DFA != 0,
		limit:   MatchLimit,
	}
	s.pool.New = func() any {
		return &machine{program: s.program, longest: s.longest, regs: make([]int, s.registers), dirty: true}
	}
	return s
}

func (s *searcher) match(subject []byte, start int, caps []int) (ok bool, err error) {
	return s.paced(subject, start, caps, nil)
}

func (s *searcher) paced(subject []byte, start int, caps []int, p Pacer) (ok bool, err error) {
	if s.check {
		switch {
		case !utf8.Valid(subject):
			return false, badUTF(subject)
		case start < len(subject) && !utf8.RuneStart(subject[start]):
			return false, ErrBadStart
		}
	}
	if len(s.required) > 0 && !bytes.Contains(subject[start:], s.required) {
		return false, nil
	}
	m := s.pool.Get().(*machine)
	m.subject, m.start = subject, start
	m.pace = pace{pacer: p}
	if s.memo {
		m.forgetSeen()
	}
	ok, err = m.search(s.limit)
	if ok {
		copy(caps, m.regs)
	}
	owed := m.pace.owed
	m.subject, m.pace = nil, pace{}
	if cap(m.stack) > maxKeptStack {
		m.stack = nil
	}
	s.pool.Put(m)
	if p != nil && owed > 0 {
		p.Pause(owed)
	}
	return ok, err
}

// forgetSeen makes room to note where attempts have been, within maxSeen.
func (m *machine) forgetSeen() {
	words := (len(m.code)+1)*(len(m.subject)+1)/64 + 1
	switch {
	case words > maxSeen:
		m.seen = nil
	case words > cap(m.seen):
		m.seen = make([]uint64, words)
	default:
		m.seen = m.seen[:words]
		clear(m.seen)
	}
}

// search tries one position after the other. As in PCRE limit is for each
// attempt; all together may take as much as MatchLimit if that is more.
func (m *machine) search(limit int) (ok bool, err error) {
	left := max(limit, MatchLimit)
	for pos := m.start; ; {
		if pos = m.candidate(pos); pos < 0 {
			return false, nil
		}
		cost := 1 + len(m.regs)>>6
		if left -= cost; left < 0 {
			return false, ErrMatchLimit
		}
		m.bestEnd = -1
		m.allow(cost, min(limit, left))
		result := m.run(pos)
		left -= m.used()
		switch result {
		case matched:
			return true, nil
		case over:
			return false, nil
		case spent:
			return false, ErrMatchLimit
		case looping:
			return false, ErrRecursion
		}
		if m.bestEnd >= 0 {
			m.regs[0], m.regs[1] = m.bestFrom, m.bestEnd
			return true, nil
		}
		if pos >= len(m.subject) || m.anchored {
			return false, nil
		}
		if m.skip > pos {
			pos = m.skip
			continue
		}
		pos++
		if m.utf {
			for pos < len(m.subject) && m.subject[pos]&0xc0 == 0x80 {
				pos++
			}
		}
	}
}

// candidate is the first position from pos on where a match can begin, or -1.
func (m *machine) candidate(pos int) int {
	s := m.subject
	switch {
	case m.anchored:
		return pos
	case m.atBegin:
		if pos > 0 {
			return -1
		}
	case len(m.prefix) > 0:
		i := bytes.Index(s[pos:], m.prefix)
		if i < 0 {
			return -1
		}
		return pos + i
	case m.lead != nil:
		for pos < len(s) && !m.lead[s[pos]] {
			pos++
		}
		if pos == len(s) {
			return -1
		}
	}
	return pos
}

// analyse finds what every match begins with or contains.
func (c *compiler) analyse(root *node) {
	c.leading = true
	c.atBegin = begins(root)
	if f := c.first(root, &anything); !f.open && (!hasVerbs(root) || f.letter()) {
		c.lead = &f.set
	}
	if contains(root, opAccept) {
		return
	}
	c.prefix = []byte(c.prefixOf(root))
	if text := c.contained(root); text != string(c.prefix) {
		c.required = []byte(text)
	}
}

// begins reports whether n can only match at the begin of the subject.
func begins(n *node) bool {
	switch n.op {
	case opBegin:
		return true
	case opConcat, opCapture, opAtomic:
		return begins(n.subs[0])
	case opAlternate:
		for _, sub := range n.subs {
			if !begins(sub) {
				return false
			}
		}
		return true
	}
	return false
}

// prefixOf is the text every match of n begins with.
func (c *compiler) prefixOf(n *node) string {
	switch n.op {
	case opLiteral:
		if !n.fold {
			return c.encode(n.text)
		}
	case opConcat, opCapture, opAtomic:
		return c.prefixOf(n.subs[0])
	}
	return ""
}

// contained is the longest text every match of n contains.
func (c *compiler) contained(n *node) string {
	switch n.op {
	case opLiteral:
		if !n.fold {
			return c.encode(n.text)
		}
	case opCapture, opAtomic:
		return c.contained(n.subs[0])
	case opRepeat:
		if n.min > 0 {
			return c.contained(n.subs[0])
		}
	case opConcat:
		longest := ""
		for _, sub := range n.subs {
			if s := c.contained(sub); len(s) > len(longest) {
				longest = s
			}
		}
		return longest
	}
	return ""
}
