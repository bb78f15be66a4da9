package pcre

// op says what a node of a parsed expression does.
type op uint8

const (
	opEmpty     op = iota // matches the empty string
	opLiteral             // text, one rune after the other
	opSet                 // one character of set
	opByte                // \C: one byte
	opNewline             // \R
	opGrapheme            // \X
	opConcat              // subs in order
	opAlternate           // the first of subs that leads to a match
	opRepeat              // subs[0], min to max times
	opCapture             // subs[0], kept as group
	opAtomic              // subs[0], never backtracked into
	opLook                // look-around for subs[0]
	opCond                // subs[0] the condition, then subs[1] or subs[2]
	opRef                 // what one of the groups refs matched
	opIsSet               // condition: one of the groups refs is set
	opInCall              // condition: inside recursion into group (-1: any)
	opDefine              // condition: never true
	opCall                // recursion into group
	opBegin               // \A, and ^ of a single line
	opBeginLine           // ^ with Multiline
	opEnd                 // \z
	opEndBefore           // \Z, and $ of a single line: also before a last newline
	opEndLine             // $ with Multiline
	opStart               // \G
	opWord                // \b, or \B if negated
	opKeep                // \K
	opFail                // (*FAIL)
	opAccept              // (*ACCEPT)
	opCommit              // (*COMMIT)
	opPrune               // (*PRUNE)
	opSkip                // (*SKIP), or (*SKIP:name)
	opThen                // (*THEN)
	opMark                // (*MARK:name)
	opBack                // min characters back: a look-behind begins so
)

// greed is how a repeat chooses between its counts.
type greed uint8

const (
	greedy greed = iota
	lazy
	possessive
)

// unlimited is the max of a repeat without an upper bound.
const unlimited = -1

// node is one element of a parsed expression. Which fields mean something
// depends on op. Nodes are immutable after parsing.
type node struct {
	op     op
	subs   []*node
	text   []rune  // opLiteral; bytes are runes below 256 without UTF
	set    charSet // opSet
	fold   bool    // opLiteral, opRef: both cases match
	negate bool    // opLook, opWord
	behind bool    // opLook
	greed  greed   // opRepeat
	min    int     // opRepeat
	max    int     // opRepeat; unlimited
	group  int     // opCapture, opCall, opInCall
	refs   []int   // opRef, opIsSet: the groups that may be meant, in order
	name   string  // verbs
	at     int     // byte offset in the pattern, for errors found late
}

// walk calls f for n and everything below it, outermost first.
func (n *node) walk(f func(*node)) {
	f(n)
	for _, sub := range n.subs {
		sub.walk(f)
	}
}

// contains reports whether n or something below it is an o.
func contains(n *node, o op) bool {
	found := false
	n.walk(func(n *node) { found = found || n.op == o })
	return found
}

// groupWidth is what width found for a group that is called.
type groupWidth struct {
	count int
	ok    bool
}

// width is the number of characters n always matches. ok is false if that
// number varies, in which case PCRE refuses n in a look-behind.
func (p *parser) width(n *node, depth int) (count int, ok bool) {
	if depth > maxNesting {
		return 0, false // a group that calls itself
	}
	switch n.op {
	case opLiteral:
		return len(n.text), true
	case opSet, opByte:
		return 1, true
	case opNewline, opGrapheme, opRef, opAccept:
		return 0, false
	case opConcat:
		for _, sub := range n.subs {
			w, ok := p.width(sub, depth+1)
			if !ok {
				return 0, false
			}
			count += w
		}
		return count, true
	case opAlternate:
		return p.equalWidth(n.subs, depth)
	case opRepeat:
		w, ok := p.width(n.subs[0], depth+1)
		return w * n.min, ok && (n.min == n.max || w == 0)
	case opCapture, opAtomic:
		return p.width(n.subs[0], depth+1)
	case opCond:
		return p.equalWidth(n.subs[1:], depth)
	case opCall:
		if n.group >= len(p.groups) || p.groups[n.group] == nil {
			return 0, false
		}
		w, known := p.widths[n.group]
		if !known {
			w.count, w.ok = p.width(p.groups[n.group], depth+1)
			p.widths[n.group] = w
		}
		return w.count, w.ok
	}
	return 0, true // assertions and verbs
}

func (p *parser) equalWidth(subs []*node, depth int) (count int, ok bool) {
	for i, sub := range subs {
		w, ok := p.width(sub, depth+1)
		if !ok || i > 0 && w != count {
			return 0, false
		}
		count = w
	}
	return count, true
}
