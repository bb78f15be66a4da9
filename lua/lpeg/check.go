package lpeg

// What the compiler knows about a pattern without running it, after sections
// 4.1 and 4.3 of "A Text Pattern-Matching Tool based on Parsing Expression
// Grammars" (Ierusalimschy, 2008). All of it errs on the safe side.

// memo is what a node knows about itself. Of calls it may be asked when their
// grammar is known to have no left recursion.
type memo struct {
	length           int // fixedLen + 2, 0: unknown
	nullable, nofail trool
	headfail         trool
	captures         trool
	first            *first
}

// trool is a boolean that may be unknown.
type trool uint8

const (
	unknown trool = iota
	no
	yes
)

func (t *trool) once(f func() bool) bool {
	if *t == unknown {
		*t = no
		if f() {
			*t = yes
		}
	}
	return *t == yes
}

// nullable tells whether n may match the empty string.
func (n *node) nullable() bool {
	switch n.kind {
	case kTrue, kRep, kNot, kBehind, kAnd:
		return true
	case kFalse, kSet, kText, kAny, kUTF, kOpenCall:
		return false
	}
	return n.memo.nullable.once(func() bool {
		switch n.kind {
		case kSeq:
			return n.a.nullable() && n.b.nullable()
		case kChoice:
			return n.b.nullable() || n.a.nullable()
		}
		return n.inner().nullable()
	})
}

// nofail tells whether n matches everywhere.
func (n *node) nofail() bool {
	switch n.kind {
	case kTrue, kRep:
		return true
	case kFalse, kSet, kText, kAny, kUTF, kOpenCall, kNot, kBehind, kRuntime:
		return false
	}
	return n.memo.nofail.once(func() bool {
		switch n.kind {
		case kSeq:
			return n.a.nofail() && n.b.nofail()
		case kChoice:
			return n.b.nofail() || n.a.nofail()
		}
		return n.inner().nofail()
	})
}

// inner is the pattern that n stands for or surrounds.
func (n *node) inner() *node {
	switch n.kind {
	case kCall:
		return n.rule.body
	case kGrammar:
		return n.rules[0].body
	}
	return n.a
}

// headfail tells whether only the next byte decides if n matches.
func (n *node) headfail() bool {
	switch n.kind {
	case kSet, kFalse:
		return true
	case kText:
		return len(n.text) == 1
	case kAny:
		return n.n == 1
	case kTrue, kRep, kRuntime, kNot, kBehind, kUTF, kOpenCall:
		return false
	}
	return n.memo.headfail.once(func() bool {
		switch n.kind {
		case kSeq:
			return n.b.nofail() && n.a.headfail()
		case kChoice:
			return n.a.headfail() && n.b.headfail()
		}
		return n.inner().headfail()
	})
}

// fixedLen is the number of bytes that n matches, -1 when it varies.
func (n *node) fixedLen() int {
	switch n.kind {
	case kSet:
		return 1
	case kText:
		return len(n.text)
	case kAny:
		return n.n
	case kUTF:
		if utfLen(n.n) == utfLen(n.m) {
			return utfLen(n.n)
		}
		return -1
	case kFalse, kTrue, kNot, kAnd, kBehind:
		return 0
	case kRep, kRuntime, kOpenCall:
		return -1
	}
	if n.memo.length == 0 {
		n.memo.length = 1 // recursion
		n.memo.length = n.length() + 2
	}
	return n.memo.length - 2
}

func (n *node) length() int {
	switch n.kind {
	case kSeq:
		if a, b := n.a.fixedLen(), n.b.fixedLen(); a >= 0 && b >= 0 {
			return a + b
		}
		return -1
	case kChoice:
		if a := n.a.fixedLen(); a == n.b.fixedLen() {
			return a
		}
		return -1
	}
	return n.inner().fixedLen()
}

// hasCaptures tells whether a capture is in n or in a rule that it calls.
func (n *node) hasCaptures() bool {
	switch n.kind {
	case kCapture, kRuntime:
		return true
	case kCall:
		return n.rule.captures
	case kGrammar:
		return n.rules[0].captures
	case kSeq, kChoice:
		return n.memo.captures.once(func() bool { return n.a.hasCaptures() || n.b.hasCaptures() })
	}
	return n.a != nil && n.memo.captures.once(func() bool { return n.a.hasCaptures() })
}

// first is the set of bytes that a match of a pattern can begin with, as far
// as it depends on the set of what follows: always ∪ (follow ∩ passed).
type first struct {
	always, passed charset
	empty          emptiness
}

// emptiness is zero when a pattern need not be tried where no byte of its
// first set is.
type emptiness uint8

const (
	matchesEmpty emptiness = 1 << iota // it may match the empty string
	callsLua                           // a function must be asked in any case
)

// after gives the set when follow is what can come after the pattern.
func (f *first) after(follow charset) charset { return f.always.or(follow.and(f.passed)) }

func (n *node) first() *first {
	if n.memo.first == nil {
		n.memo.first = n.findFirst()
	}
	return n.memo.first
}

func (n *node) findFirst() *first {
	f := &first{passed: fullSet, empty: matchesEmpty}
	switch n.kind {
	case kSet, kFalse, kAny, kText, kUTF:
		return &first{always: n.firstBytes()}
	case kSeq:
		a := n.a.first()
		if !n.a.nullable() {
			return &first{a.after(fullSet), charset{}, a.empty}
		}
		b := n.b.first()
		f = &first{a.after(b.always), a.passed.and(b.passed), b.empty}
		if a.empty == 0 {
			f.empty = 0
		} else if (a.empty|b.empty)&callsLua != 0 {
			f.empty = callsLua
		}
	case kChoice:
		a, b := n.a.first(), n.b.first()
		f = &first{a.always.or(b.always), a.passed.or(b.passed), a.empty | b.empty}
	case kRep:
		f.always = n.a.first().always
	case kCapture, kGrammar, kCall:
		return n.inner().first()
	case kRuntime:
		a := n.a.first()
		f = &first{always: a.after(fullSet)}
		if a.empty != 0 {
			f.empty = callsLua
		}
	case kAnd:
		a := n.a.first()
		f = &first{passed: a.after(fullSet), empty: a.empty}
	case kNot:
		if set, ok := n.a.asSet(); ok {
			return &first{always: set.not(), empty: matchesEmpty}
		}
		f.empty |= n.a.first().empty
	}
	return f
}

// firstBytes is the first set of a pattern that always takes a byte.
func (n *node) firstBytes() (c charset) {
	switch n.kind {
	case kSet:
		return *n.set
	case kAny:
		return fullSet
	case kText:
		c.add(n.text[0])
	case kUTF:
		for b := int(utfLead(n.n)); b <= int(utfLead(n.m)); b++ {
			c.add(byte(b))
		}
	}
	return c
}

// needsFollow tells whether the code for n depends on what follows.
func (n *node) needsFollow() bool {
	switch n.kind {
	case kChoice, kRep:
		return true
	case kCapture:
		return n.a.needsFollow()
	case kSeq:
		return n.b.needsFollow()
	}
	return false
}
