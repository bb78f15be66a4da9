package lpeg

import "github.com/luahttpd/luahttpd/lua/vm"

// kind is what a node of a pattern is.
type kind uint8

const (
	kTrue     kind = iota // matches the empty string
	kFalse                // never matches
	kSet                  // one byte of set
	kText                 // text, of at least one byte
	kAny                  // n bytes, n > 0
	kUTF                  // a code point from n to m
	kSeq                  // a, then b
	kChoice               // a, or else b
	kRep                  // a as often as it matches
	kAnd                  // a matches here
	kNot                  // a does not match here
	kBehind               // a matches n bytes before and ends here
	kOpenCall             // the rule named value, not yet known
	kCall                 // rule
	kGrammar              // rules[0]
	kCapture              // a, captured as cap
	kRuntime              // a, then the function value decides
)

// node is a pattern as a tree. Nodes are shared between patterns and do not
// change, but for what memo remembers.
type node struct {
	kind  kind
	cap   capture
	open  bool // an open call is in it
	fixed bool // nothing is left to do for finish
	a, b  *node
	set   *charset
	text  string
	n, m  int
	value vm.Value
	rule  *rule
	rules []*rule

	size   int // nodes of the tree
	values int // Lua values in it
	memo   memo
}

// rule is a rule of a grammar.
type rule struct {
	name     vm.Value
	body     *node
	index    int
	called   bool // from some rule, or the first
	captures bool // in it or in what it calls
	state    visit
}

const (
	maxSize   = 1 << 18   // nodes of a pattern
	maxValues = 1<<16 - 1 // Lua values of a pattern
	maxRules  = 1000      // rules of a grammar
	maxBehind = 255       // bytes that a pattern can look behind
)

var (
	nodeTrue  = &node{kind: kTrue, size: 1, fixed: true}
	nodeFalse = &node{kind: kFalse, size: 1, fixed: true}
)

// charset is a set of bytes.
type charset [4]uint64

var fullSet = charset{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

func (c *charset) add(b byte)      { c[b>>6] |= 1 << (b & 63) }
func (c *charset) has(b byte) bool { return c[b>>6]>>(b&63)&1 != 0 }

func (c charset) or(d charset) charset {
	return charset{c[0] | d[0], c[1] | d[1], c[2] | d[2], c[3] | d[3]}
}

func (c charset) and(d charset) charset {
	return charset{c[0] & d[0], c[1] & d[1], c[2] & d[2], c[3] & d[3]}
}

func (c charset) not() charset { return charset{^c[0], ^c[1], ^c[2], ^c[3]} }

// single gives the only byte of a set that has just one.
func (c *charset) single() (b byte, ok bool) {
	found := -1
	for i, w := range c {
		if w == 0 {
			continue
		}
		if found >= 0 || w&(w-1) != 0 {
			return 0, false
		}
		found = i
		for w > 1 {
			w >>= 1
			b++
		}
	}
	return b + byte(found<<6), found >= 0
}

// newSet makes the simplest node for a set.
func newSet(c charset) *node {
	switch c {
	case charset{}:
		return nodeFalse
	case fullSet:
		return newAny(1)
	}
	if b, ok := c.single(); ok {
		return newText(string([]byte{b}))
	}
	return &node{kind: kSet, set: &c, size: 1, fixed: true}
}

func newText(s string) *node {
	if s == "" {
		return nodeTrue
	}
	return &node{kind: kText, text: s, size: 1, fixed: true}
}

// newAny makes a node for n bytes; for n < 0: that there are not so many.
func newAny(n int) *node {
	switch {
	case n == 0:
		return nodeTrue
	case n < 0:
		return newUnary(kNot, newAny(max(-n, 1)))
	}
	return &node{kind: kAny, n: n, size: 1, fixed: true}
}

// asSet gives the set of a node that is one.
func (n *node) asSet() (c charset, ok bool) {
	switch {
	case n.kind == kSet:
		return *n.set, true
	case n.kind == kText && len(n.text) == 1:
		c.add(n.text[0])
		return c, true
	case n.kind == kAny && n.n == 1:
		return fullSet, true
	}
	return c, n.kind == kFalse
}

func newUnary(k kind, a *node) *node {
	return &node{kind: k, a: a, open: a.open, fixed: a.fixed, size: a.size + 1, values: a.values}
}

func newPair(k kind, a, b *node) *node {
	return &node{kind: k, a: a, b: b, open: a.open || b.open, fixed: a.fixed && b.fixed && a.kind != k,
		size: a.size + b.size + 1, values: a.values + b.values}
}

// newCapture makes a capture with a Lua value of its own.
func newCapture(c capture, a *node, value vm.Value) *node {
	n := newUnary(kCapture, a)
	n.cap, n.value = c, value
	if !value.IsNil() {
		n.values++
	}
	return n
}

// seq is a followed by b.
func seq(a, b *node) *node {
	switch {
	case a.kind == kFalse || b.kind == kTrue:
		return a
	case a.kind == kTrue:
		return b
	}
	return newPair(kSeq, a, b)
}

// choice is a, or b where a does not match.
func choice(a, b *node) *node {
	sa, ok := a.asSet()
	sb, both := b.asSet()
	switch {
	case ok && both:
		return newSet(sa.or(sb))
	case a.nofail() || b.kind == kFalse:
		return a
	case a.kind == kFalse:
		return b
	}
	return newPair(kChoice, a, b)
}

// without is a where b does not match.
func without(a, b *node) *node {
	sa, ok := a.asSet()
	if sb, both := b.asSet(); ok && both {
		return newSet(sa.and(sb.not()))
	}
	return newPair(kSeq, newUnary(kNot, b), a)
}

// atLeast is a, n times or more; a must not match the empty string.
func atLeast(a *node, n int) *node {
	r := newUnary(kRep, a)
	for ; n > 0; n-- {
		r = newPair(kSeq, a, r)
	}
	return r
}

// atMost is a, up to n times, n > 0.
func atMost(a *node, n int) *node {
	r := newPair(kChoice, a, nodeTrue)
	for ; n > 1; n-- {
		r = newPair(kChoice, newPair(kSeq, a, r), nodeTrue)
	}
	return r
}

// finish gives a tree whose sequences and choices nest to the right, as the
// compiler wants them, and in which call has replaced the open calls.
func (n *node) finish(call func(open *node) *node) *node {
	return (&finisher{call, map[*node]*node{}}).node(n)
}

type finisher struct {
	call func(open *node) *node
	done map[*node]*node
}

func (f *finisher) node(n *node) *node {
	if n.fixed && !n.open {
		return n
	}
	if d, ok := f.done[n]; ok {
		return d
	}
	var d *node
	switch {
	case n.kind == kOpenCall:
		d = f.call(n)
	case n.kind == kSeq || n.kind == kChoice:
		parts := n.parts(nil)
		for i := len(parts) - 1; i >= 0; i-- {
			if p := f.node(parts[i]); d == nil {
				d = p
			} else {
				d = newPair(n.kind, p, d)
				d.fixed = true
			}
		}
	default:
		c := *n
		c.a, c.memo, c.open, c.fixed = f.node(n.a), memo{}, false, true
		d = &c
	}
	f.done[n] = d
	return d
}

// parts lists what a left-nested chain of sequences or choices consists of. A
// part of a sequence may be one, which makes no difference to the compiler.
func (n *node) parts(list []*node) []*node {
	var spine []*node
	left := n
	for ; left.kind == n.kind; left = left.a {
		spine = append(spine, left)
	}
	list = append(list, left)
	for i := len(spine) - 1; i >= 0; i-- {
		if b := spine[i].b; n.kind == kChoice && b.kind == kChoice {
			list = b.parts(list)
		} else {
			list = append(list, b)
		}
	}
	return list
}
