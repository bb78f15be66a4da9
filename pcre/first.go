package pcre

import (
	"slices"
	"unicode/utf8"
)

// byteSet is a set of bytes, laid out for lookup.
type byteSet [256]bool

// firsts is what a part of an expression can begin with: one of the bytes in
// set or, if open, anything, the end of the subject too. A set that is not
// open lets the machine skip what cannot match.
type firsts struct {
	set  byteSet
	open bool
}

var anything = firsts{open: true}

func (f *firsts) add(other *firsts) {
	f.open = f.open || other.open
	for i, in := range other.set {
		f.set[i] = f.set[i] || in
	}
}

// letter reports whether f is a single byte or the two cases of a letter.
func (f *firsts) letter() bool {
	n, folded := 0, byteSet{}
	for b, in := range f.set {
		if in && !folded[lowerASCII(byte(b))] {
			folded[lowerASCII(byte(b))] = true
			n++
		}
	}
	return n == 1
}

// first is what n followed by then can begin with.
func (c *compiler) first(n *node, then *firsts) firsts {
	switch n.op {
	case opLiteral:
		return c.firstLiteral(n)
	case opSet:
		return c.firstSet(n.set)
	case opNewline:
		return c.firstSet(n.set)
	case opConcat:
		last := slices.IndexFunc(n.subs, c.consumes)
		if last < 0 {
			last = len(n.subs) - 1
		}
		f := *then
		for i := last; i >= 0; i-- {
			f = c.first(n.subs[i], &f)
		}
		return f
	case opAlternate:
		return c.firstOf(n.subs, then)
	case opCond:
		if !hasVerbs(n.subs[0]) {
			return c.firstOf(n.subs[1:], then)
		}
	case opRepeat:
		if n.max == 0 {
			return *then
		}
		if n.min > 0 && c.consumes(n.subs[0]) {
			return c.first(n.subs[0], then)
		}
		f := c.first(n.subs[0], then)
		f.add(then)
		return f
	case opCapture, opAtomic:
		return c.first(n.subs[0], then)
	case opLook:
		if !hasVerbs(n) {
			return *then
		}
	case opEmpty, opBegin, opBeginLine, opEnd, opEndBefore, opEndLine, opStart, opWord, opKeep:
		return *then
	case opFail:
		return firsts{}
	case opCommit, opPrune, opSkip, opThen, opMark:
		if c.leading {
			return *then
		}
	}
	return anything
}

// hasVerbs reports whether passing over n could be noticed.
func hasVerbs(n *node) bool {
	return contains(n, opCommit) || contains(n, opPrune) || contains(n, opSkip) || contains(n, opThen)
}

func (c *compiler) firstOf(subs []*node, then *firsts) firsts {
	var f firsts
	for _, sub := range subs {
		sub := c.first(sub, then)
		f.add(&sub)
	}
	return f
}

func (c *compiler) firstLiteral(n *node) firsts {
	if !n.fold {
		var f firsts
		f.set[c.encode(n.text[:1])[0]] = true
		return f
	}
	return c.firstSet(charSet{{n.text[0], n.text[0]}}.caseless(c.utf))
}

func (c *compiler) firstSet(set charSet) firsts {
	var f firsts
	for _, s := range set {
		lo, hi := s.lo, s.hi
		if c.utf && hi >= utf8.RuneSelf {
			lead := lo
			if lo >= utf8.RuneSelf {
				lead = rune(string(lo)[0])
			}
			hi = rune(string(hi)[0])
			lo = lead
			if s.lo <= utf8.RuneError && utf8.RuneError <= s.hi {
				hi = 0xff // bytes that are not UTF-8 are read as this rune
				lo = min(lo, 0x80)
			}
		}
		for b := lo; b <= hi; b++ {
			f.set[b] = true
		}
	}
	return f
}

// consumes reports whether n can not match the empty string.
func (c *compiler) consumes(n *node) bool {
	switch n.op {
	case opLiteral, opSet, opByte, opNewline, opGrapheme, opFail:
		return true
	case opConcat:
		for _, sub := range n.subs {
			if c.consumes(sub) {
				return true
			}
		}
	case opAlternate:
		return c.allConsume(n.subs)
	case opCond:
		return c.allConsume(n.subs[1:])
	case opCapture, opAtomic:
		return c.consumes(n.subs[0])
	case opRepeat:
		return n.min > 0 && c.consumes(n.subs[0])
	}
	return false
}

func (c *compiler) allConsume(subs []*node) bool {
	for _, sub := range subs {
		if !c.consumes(sub) {
			return false
		}
	}
	return true
}
