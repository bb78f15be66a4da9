package stdlib

import "github.com/luahttpd/luahttpd/lua/vm"

// matcher matches Lua patterns.
type matcher struct {
	t        *vm.Thread
	src, pat string
	level    int
	depth    int
	steps    int
	caps     [maxCaptures]capture
	out      []byte // of gsub
	args     [maxCaptures]vm.Value

	start      int // of the pattern, after ^
	anchor     bool
	item, stop int // the pattern begins with this single-character item, which must match: item < stop
}

// newMatcher gives a matcher for a call; done takes it back. One that an error leaves behind is lost.
func (s *state) newMatcher(t *vm.Thread, src, pat string) *matcher {
	m := s.matcher
	if m == nil {
		m = &matcher{}
	} else {
		s.matcher = nil
	}
	m.t, m.src, m.pat = t, src, pat
	m.prepare()
	return m
}

// maxKept bounds the buffer that a matcher keeps.
const maxKept = 64 << 10

func (s *state) done(m *matcher) {
	if cap(m.out) > maxKept {
		m.out = nil
	}
	m.t, m.src, m.pat = nil, "", ""
	s.matcher = m
}

// prepare looks at how the pattern begins.
func (m *matcher) prepare() {
	m.start, m.anchor, m.item, m.stop, m.level, m.depth = 0, false, 0, 0, 0, 0
	if m.pat != "" && m.pat[0] == '^' {
		m.start, m.anchor = 1, true
		return
	}
	p := 0
	for p < len(m.pat) && m.pat[p] == '(' {
		p++
	}
	if p == len(m.pat) {
		return
	}
	switch m.pat[p] {
	case ')', '$', '.':
		return
	case '%':
		if p+1 < len(m.pat) && (m.pat[p+1] == 'b' || m.pat[p+1] == 'f' || m.pat[p+1]-'0' < 10) {
			return
		}
	}
	ep := m.classEnd(p)
	if ep < len(m.pat) && (m.pat[ep] == '*' || m.pat[ep] == '?' || m.pat[ep] == '-') {
		return
	}
	m.item, m.stop = p, ep
}

// from matches at s or later: it gives where the match begins and ends, end -1 for none.
func (m *matcher) from(s int) (begin, end int) {
	for {
		if m.item < m.stop {
			at := s
			for s < len(m.src) && !m.single(s, m.item, m.stop) {
				s++
			}
			m.count((s - at) / 4)
			if s >= len(m.src) {
				return s, -1
			}
		}
		m.level, m.depth = 0, 0
		if e := m.match(s, m.start); e >= 0 {
			return s, e
		}
		if s++; m.anchor || s > len(m.src) {
			return s, -1
		}
	}
}

type capture struct{ start, len int }

const (
	maxCaptures  = 32
	maxDepth     = 200 // of the matcher's recursion
	capOpen      = -1
	capPosition  = -2
	stepsPerLook = 5000 // between looks at the limits of the run
)

const (
	cAlpha = 1 << iota
	cDigit
	cLower
	cSpace
	cUpper
	cPunct
	cCntrl
	cXdigit
)

// charTypes are the classes of a byte in the C locale; classes is what a letter after % means.
var charTypes, classes = func() (types, cls [256]uint8) {
	for i := 0; i < 128; i++ {
		c := byte(i)
		var t uint8
		if c-'a' < 26 {
			t |= cAlpha | cLower
		}
		if c-'A' < 26 {
			t |= cAlpha | cUpper
		}
		if c-'0' < 10 {
			t |= cDigit | cXdigit
		}
		if c-'a' < 6 || c-'A' < 6 {
			t |= cXdigit
		}
		if c == ' ' || c-9 < 5 {
			t |= cSpace
		}
		if c < 32 || c == 127 {
			t |= cCntrl
		}
		if c > 32 && c < 127 && t&(cAlpha|cDigit) == 0 {
			t |= cPunct
		}
		types[i] = t
	}
	for c, m := range map[byte]uint8{'a': cAlpha, 'd': cDigit, 'l': cLower, 's': cSpace, 'u': cUpper, 'p': cPunct, 'c': cCntrl,
		'x': cXdigit, 'w': cAlpha | cDigit, 'g': cAlpha | cDigit | cPunct} {
		cls[c] = m
		cls[c-32] = m
	}
	return
}()

func classMatch(c, cl byte) bool {
	if m := classes[cl]; m != 0 {
		return (charTypes[c]&m != 0) == (cl >= 'a')
	}
	switch cl {
	case 'z':
		return c == 0
	case 'Z':
		return c != 0
	}
	return c == cl
}

// classEnd gives the end of the single-character item at p.
func (m *matcher) classEnd(p int) int {
	c := m.pat[p]
	p++
	switch c {
	case '%':
		if p >= len(m.pat) {
			m.t.Errorf("malformed pattern (ends with '%%')")
		}
		return p + 1
	case '[':
		if p < len(m.pat) && m.pat[p] == '^' {
			p++
		}
		for {
			if p >= len(m.pat) {
				m.t.Errorf("malformed pattern (missing ']')")
			}
			cc := m.pat[p]
			p++
			if cc == '%' && p < len(m.pat) {
				p++
			}
			if p < len(m.pat) && m.pat[p] == ']' {
				return p + 1
			}
		}
	}
	return p
}

func (m *matcher) single(s, p, ep int) bool {
	if s >= len(m.src) {
		return false
	}
	c := m.src[s]
	switch m.pat[p] {
	case '.':
		return true
	case '%':
		return classMatch(c, m.pat[p+1])
	case '[':
		return m.set(c, p+1, ep-1)
	}
	return m.pat[p] == c
}

// set tells whether c is in the set between p and ec, where the closing bracket is.
func (m *matcher) set(c byte, p, ec int) bool {
	yes := true
	if m.pat[p] == '^' {
		yes = false
		p++
	}
	for ; p < ec; p++ {
		switch {
		case m.pat[p] == '%':
			p++
			if classMatch(c, m.pat[p]) {
				return yes
			}
		case p+2 < ec && m.pat[p+1] == '-':
			if m.pat[p] <= c && c <= m.pat[p+2] {
				return yes
			}
			p += 2
		case m.pat[p] == c:
			return yes
		}
	}
	return !yes
}

// count looks at the run's limits now and then.
func (m *matcher) count(n int) {
	if m.steps += n; m.steps >= stepsPerLook {
		m.t.Pause(m.steps / 2)
		m.steps = 0
	}
}

// match matches the pattern from p on at s and gives the end of the match, -1 for none.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxDepth {
		m.t.Errorf("pattern too complex")
	}
	e := m.doMatch(s, p)
	m.depth--
	return e
}

func (m *matcher) doMatch(s, p int) int {
	m.count(1)
	for {
		if p == len(m.pat) {
			return s
		}
		switch m.pat[p] {
		case '(':
			if p+1 < len(m.pat) && m.pat[p+1] == ')' {
				return m.open(s, p+2, capPosition)
			}
			return m.open(s, p+1, capOpen)
		case ')':
			return m.close(s, p+1)
		case '$':
			if p+1 == len(m.pat) {
				if s == len(m.src) {
					return s
				}
				return -1
			}
		case '%':
			if p+1 < len(m.pat) {
				switch c := m.pat[p+1]; {
				case c == 'b':
					if s = m.balance(s, p+2); s < 0 {
						return -1
					}
					p += 4
					continue
				case c == 'f':
					p += 2
					if p >= len(m.pat) || m.pat[p] != '[' {
						m.t.Errorf("missing '[' after '%%f' in pattern")
					}
					ep := m.classEnd(p)
					var prev, cur byte
					if s > 0 {
						prev = m.src[s-1]
					}
					if s < len(m.src) {
						cur = m.src[s]
					}
					if m.set(prev, p+1, ep-1) || !m.set(cur, p+1, ep-1) {
						return -1
					}
					p = ep
					continue
				case c-'0' < 10:
					if s = m.backRef(s, c); s < 0 {
						return -1
					}
					p += 2
					continue
				}
			}
		}
		ep := m.classEnd(p)
		var q byte
		if ep < len(m.pat) {
			q = m.pat[ep]
		}
		switch q {
		case '?':
			if m.single(s, p, ep) {
				if e := m.match(s+1, ep+1); e >= 0 {
					return e
				}
			}
			p = ep + 1
		case '*':
			return m.expandMax(s, p, ep, 0)
		case '+':
			return m.expandMax(s, p, ep, 1)
		case '-':
			return m.expandMin(s, p, ep)
		default:
			if !m.single(s, p, ep) {
				return -1
			}
			s++
			p = ep
		}
	}
}

func (m *matcher) expandMax(s, p, ep, least int) int {
	i := 0
	if c := m.pat[p]; c == '%' && classes[m.pat[p+1]] != 0 {
		cl, want := classes[m.pat[p+1]], m.pat[p+1] >= 'a'
		for s+i < len(m.src) && (charTypes[m.src[s+i]]&cl != 0) == want {
			i++
		}
	} else if c == '.' {
		i = len(m.src) - s
	} else {
		for m.single(s+i, p, ep) {
			i++
		}
	}
	m.count(i / 8)
	if ep+1 == len(m.pat) {
		if i >= least {
			return s + i
		}
		return -1
	}
	for ; i >= least; i-- {
		if e := m.match(s+i, ep+1); e >= 0 {
			return e
		}
	}
	return -1
}

func (m *matcher) expandMin(s, p, ep int) int {
	for {
		if e := m.match(s, ep+1); e >= 0 {
			return e
		}
		if !m.single(s, p, ep) {
			return -1
		}
		s++
	}
}

func (m *matcher) open(s, p, what int) int {
	if m.level >= maxCaptures {
		m.t.Errorf("too many captures")
	}
	m.caps[m.level] = capture{s, what}
	m.level++
	e := m.match(s, p)
	if e < 0 {
		m.level--
	}
	return e
}

func (m *matcher) close(s, p int) int {
	l := m.level - 1
	for l >= 0 && m.caps[l].len != capOpen {
		l--
	}
	if l < 0 {
		m.t.Errorf("invalid pattern capture")
	}
	m.caps[l].len = s - m.caps[l].start
	e := m.match(s, p)
	if e < 0 {
		m.caps[l].len = capOpen
	}
	return e
}

func (m *matcher) balance(s, p int) int {
	if p+1 >= len(m.pat) {
		m.t.Errorf("unbalanced pattern")
	}
	if s >= len(m.src) || m.src[s] != m.pat[p] {
		return -1
	}
	open, shut := m.pat[p], m.pat[p+1]
	n := 1
	for i := s + 1; i < len(m.src); i++ {
		switch m.src[i] {
		case shut:
			if n--; n == 0 {
				m.count((i - s) / 8)
				return i + 1
			}
		case open:
			n++
		}
	}
	m.count((len(m.src) - s) / 8)
	return -1
}

func (m *matcher) backRef(s int, c byte) int {
	l := int(c) - '1'
	if l < 0 || l >= m.level || m.caps[l].len == capOpen {
		m.t.Errorf("invalid capture index")
	}
	n := m.caps[l].len
	if n < 0 {
		n = 0
	}
	if len(m.src)-s >= n && m.src[m.caps[l].start:m.caps[l].start+n] == m.src[s:s+n] {
		return s + n
	}
	return -1
}

// capture gives capture i (from 0) of a match from s to e; the whole match when there are none.
func (m *matcher) capture(i, s, e int) vm.Value {
	if i >= m.level {
		if i != 0 {
			m.t.Errorf("invalid capture index")
		}
		return vm.String(m.src[s:e])
	}
	c := m.caps[i]
	switch c.len {
	case capPosition:
		return vm.Int(c.start + 1)
	case capOpen:
		m.t.Errorf("unfinished capture")
	}
	return vm.String(m.src[c.start : c.start+c.len])
}

// appendCapture appends what capture gives.
func (m *matcher) appendCapture(out []byte, i, s, e int) []byte {
	if i < m.level {
		if c := m.caps[i]; c.len >= 0 {
			return append(out, m.src[c.start:c.start+c.len]...)
		}
	}
	v := m.capture(i, s, e)
	if v.Kind() == vm.KNumber {
		return vm.AppendNumber(out, v.Num())
	}
	return append(out, v.Str()...)
}

// pushCaptures pushes all captures, the whole match when there are none and whole is set.
func (m *matcher) pushCaptures(s, e int, whole bool) int {
	n := m.level
	if n == 0 && whole {
		n = 1
	}
	for i := 0; i < n; i++ {
		m.t.Push(m.capture(i, s, e))
	}
	return n
}
