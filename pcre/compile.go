package pcre

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// compiler turns nodes into a program.
type compiler struct {
	program
	p       *parser
	called  map[int]bool
	starts  map[int]int32 // where the code of each group begins
	calls   []int         // instructions whose target is a group
	opened  []int         // groups around the current node, within its assertion
	accepts *[]int        // jumps to the end of the innermost assertion, nil outside
	alt     int32         // the innermost alternation: its register, 0 if none
	marks   map[string]int32
	// leading says that only the begin of a match is asked for. There PCRE
	// looks through verbs, which must not be passed over within an attempt.
	leading bool
	// memo says that what can follow a place depends on the position alone,
	// outside of look-arounds and atomic groups, which shield counts. Then the
	// search for the longest match need not come twice to a place.
	memo   bool
	shield int
}

// compile makes a program of root. memo says that it has places to note.
func compile(p *parser, root *node, f Flags) (code *program, memo bool) {
	c := &compiler{p: p, called: map[int]bool{}, starts: map[int]int32{}, marks: map[string]int32{}}
	c.groups, c.utf = len(p.groups), p.utf()
	c.js, c.anchored = f&JavaScript != 0, f&Anchored != 0
	c.registers = 3 * c.groups // two offsets and where the group was opened
	c.callers = c.register(1)
	c.word = p.named("word")
	root.walk(func(n *node) {
		switch {
		case n.op == opCall:
			c.called[n.group] = true
		case n.op == opMark && c.marks[n.name] == 0:
			c.marks[n.name] = int32(c.register(1))
		}
	})
	c.starts[0] = 0
	c.memo = f&DFA != 0 && c.memoryless(root)
	c.node(root, &anything)
	c.emit(inst{op: iMatch})
	for _, at := range c.calls {
		c.code[at].a = c.starts[int(c.code[at].b)]
	}
	c.analyse(root)
	return &c.program, c.memo
}

func (c *compiler) register(n int) int {
	c.registers += n
	return c.registers - n
}

func (c *compiler) emit(in inst) int {
	c.code = append(c.code, in)
	return len(c.code) - 1
}

func (c *compiler) here() int32 { return int32(len(c.code)) }

// encode is text as it stands in the subject.
func (c *compiler) encode(text []rune) string {
	if c.utf {
		return string(text)
	}
	b := make([]byte, len(text))
	for i, r := range text {
		b[i] = byte(r)
	}
	return string(b)
}

// filter is f as a set, or nil if it would not rule anything out.
func filter(f firsts) *byteSet {
	if f.open {
		return nil
	}
	return &f.set
}

// node emits n. then is what can follow it.
func (c *compiler) node(n *node, then *firsts) {
	switch n.op {
	case opEmpty, opDefine:
	case opLiteral:
		c.literal(n)
	case opSet:
		c.one(n.set)
	case opByte:
		c.emit(inst{op: iByte})
	case opNewline:
		set, wide := c.split(n.set)
		c.emit(inst{op: iNewline, set: set, wide: wide})
	case opGrapheme:
		c.emit(inst{op: iGrapheme})
	case opConcat:
		c.concat(n.subs, then)
	case opAlternate:
		c.alternate(n.subs, then)
	case opRepeat:
		c.repeat(n, then)
	case opCapture:
		c.capture(n, then)
	case opAtomic:
		c.atomic(n.subs[0])
	case opLook:
		begin, end := c.look(n)
		c.code[begin].b, c.code[end].b = nowhere, nowhere
		if n.negate {
			c.code[begin].b = c.here()
		}
	case opBack:
		c.emit(inst{op: iBack, a: int32(n.min)})
	case opCond:
		c.cond(n, then)
	case opRef:
		c.emit(inst{op: iRef, fold: n.fold, refs: groupNumbers(n.refs)})
	case opCall:
		c.calls = append(c.calls, c.emit(inst{op: iCall, b: int32(n.group)}))
	default:
		c.simple(n)
	}
}

func groupNumbers(refs []int) []int32 {
	numbers := make([]int32, len(refs))
	for i, r := range refs {
		numbers[i] = int32(r)
	}
	return numbers
}

var assertions = map[op]opcode{
	opBegin: iBegin, opBeginLine: iBeginLine, opEnd: iEnd, opEndBefore: iEndBefore, opEndLine: iEndLine,
	opStart: iStart, opKeep: iKeep, opFail: iFail, opCommit: iCommit, opPrune: iPrune,
}

// simple emits assertions and verbs.
func (c *compiler) simple(n *node) {
	switch n.op {
	case opWord:
		in := inst{op: iWord}
		if n.negate {
			in.a = 1
		}
		c.emit(in)
	case opAccept:
		for i := len(c.opened) - 1; i >= 0; i-- {
			c.emit(inst{op: iClose, a: int32(c.opened[i])})
		}
		if c.accepts != nil {
			*c.accepts = append(*c.accepts, c.emit(inst{op: iAcceptLook, refs: groupNumbers(c.opened)}))
			return
		}
		c.emit(inst{op: iAccept})
	case opMark:
		c.emit(inst{op: iMark, a: c.marks[n.name]})
	case opSkip:
		if n.name != "" && c.marks[n.name] == 0 {
			return // PCRE ignores a (*SKIP) to a mark that does not exist
		}
		c.emit(inst{op: iSkip, a: c.marks[n.name]})
	case opThen:
		if c.alt == 0 {
			c.emit(inst{op: iPrune})
			return
		}
		c.emit(inst{op: iThen, a: c.alt})
	default:
		c.emit(inst{op: assertions[n.op]})
	}
}

func (c *compiler) concat(subs []*node, then *firsts) {
	follow := make([]firsts, len(subs))
	f := *then
	for i := len(subs) - 1; i >= 0; i-- {
		follow[i] = f
		f = c.first(subs[i], &f)
	}
	for i, sub := range subs {
		c.node(sub, &follow[i])
	}
}

// split divides a set into a table for single bytes and what lies beyond.
func (c *compiler) split(set charSet) (*byteSet, charSet) {
	limit := rune(maxByte)
	if c.utf {
		limit = utf8.RuneSelf - 1
	}
	table := new(byteSet)
	for _, s := range set.upTo(limit) {
		for r := s.lo; r <= s.hi; r++ {
			table[r] = true
		}
	}
	if !c.utf {
		return table, nil
	}
	for i, s := range set {
		if s.hi > limit {
			wide := append(charSet(nil), set[i:]...)
			wide[0].lo = max(s.lo, limit+1)
			return table, wide
		}
	}
	return table, nil
}

func full(set charSet, limit rune) bool {
	return len(set) == 1 && set[0].lo == 0 && set[0].hi >= limit
}

// one emits a match of one character of set.
func (c *compiler) one(set charSet) {
	if full(set, c.p.limit) {
		if c.utf {
			c.emit(inst{op: iAny})
		} else {
			c.emit(inst{op: iByte})
		}
		return
	}
	table, wide := c.split(set)
	if c.utf {
		c.emit(inst{op: iRune, set: table, wide: wide})
		return
	}
	c.emit(inst{op: iSet, set: table})
}

func (c *compiler) literal(n *node) {
	if !n.fold {
		c.text(c.encode(n.text))
		return
	}
	if !c.utf {
		lower := []byte(c.encode(n.text))
		for i, b := range lower {
			lower[i] = lowerASCII(b)
		}
		c.emit(inst{op: iFold, str: string(lower)})
		return
	}
	from := 0
	for i, r := range n.text {
		if unicode.SimpleFold(r) == r {
			continue
		}
		c.text(string(n.text[from:i]))
		c.one(charSet{{r, r}}.caseless(true))
		from = i + 1
	}
	c.text(string(n.text[from:]))
}

func lowerASCII(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		b |= 0x20
	}
	return b
}

func (c *compiler) text(s string) {
	switch len(s) {
	case 0:
	case 1:
		c.emit(inst{op: iChar, a: int32(s[0])})
	default:
		c.emit(inst{op: iString, str: s})
	}
}

// alternate emits branches, each but the last with a choice for the next.
func (c *compiler) alternate(subs []*node, then *firsts) {
	outer, height := c.alt, int32(0)
	if slices.ContainsFunc(subs, func(sub *node) bool { return contains(sub, opThen) }) {
		height = int32(c.register(1))
		c.alt = height
	}
	rest := make([]firsts, len(subs)+1)
	for i := len(subs) - 1; i >= 0; i-- {
		rest[i] = c.first(subs[i], then)
		rest[i].add(&rest[i+1])
	}
	var jumps []int
	for i, sub := range subs {
		try := -1
		if i < len(subs)-1 {
			try = c.emit(inst{op: iTry, first: filter(c.first(sub, then)), then: filter(rest[i+1])})
		}
		if height != 0 {
			c.emit(inst{op: iAtomic, a: height})
		}
		c.node(sub, then)
		if try >= 0 {
			jumps = append(jumps, c.emit(inst{op: iJump}))
			c.code[try].a = c.here()
		}
	}
	for _, at := range jumps {
		c.code[at].a = c.here()
	}
	c.alt = outer
	c.seen()
}

func (c *compiler) atomic(sub *node) {
	r := int32(c.register(1))
	c.emit(inst{op: iAtomic, a: r})
	c.shield++
	c.node(sub, &anything)
	c.shield--
	c.emit(inst{op: iAtomicEnd, a: r})
}

// seen emits a place that need not be passed twice at one position.
func (c *compiler) seen() {
	if c.memo && c.shield == 0 {
		c.emit(inst{op: iSeen})
	}
}

// memoryless reports whether what can follow a place within n depends on the
// position alone.
func (c *compiler) memoryless(root *node) bool {
	plain := true
	root.walk(func(n *node) {
		switch n.op {
		case opRef, opIsSet, opCall, opInCall, opKeep, opAccept, opCommit, opPrune, opSkip, opThen:
			plain = false
		case opRepeat:
			_, single := c.single(n.subs[0])
			plain = plain && (single || n.max == 1 || n.max == 0 || n.max == unlimited && n.min <= 1 && c.consumes(n.subs[0]))
		}
	})
	return plain
}

func (c *compiler) capture(n *node, then *firsts) {
	if _, known := c.starts[n.group]; !known {
		c.starts[n.group] = c.here()
	}
	c.emit(inst{op: iOpen, a: int32(n.group)})
	c.opened = append(c.opened, n.group)
	if c.called[n.group] {
		then = &anything // what follows a call is not what follows the group
	}
	c.node(n.subs[0], then)
	c.opened = c.opened[:len(c.opened)-1]
	c.emit(inst{op: iClose, a: int32(n.group)})
	if c.called[n.group] {
		c.emit(inst{op: iReturn, a: int32(n.group)})
	}
}
