package lpeg

// opcode is what an instruction of the parsing machine does. p is the
// position in the subject, a failure takes the last choice off the stack and
// goes on there.
type opcode uint8

const (
	opEnd           opcode = iota // the whole pattern has matched
	opFail                        // fail
	opFailTwice                   // drop a choice, fail
	opAny                         // take n bytes
	opByte                        // take byte c
	opText                        // take texts[n]
	opSet                         // take a byte of sets[n]
	opUTF                         // take a code point of ranges[n]
	opTestAny                     // where no byte is left, jump
	opTestByte                    // where there is no byte c, jump
	opTestSet                     // where there is no byte of sets[n], jump
	opSpanAny                     // go to the end
	opSpanByte                    // take all bytes c
	opSpanSet                     // take all bytes of sets[n]
	opBack                        // go back n bytes
	opJump                        // jump
	opCall                        // push the next instruction, jump
	opReturn                      // pop an instruction
	opChoice                      // push a choice: on failure jump
	opCommit                      // drop a choice, jump
	opPartialCommit               // bring the last choice up to here, jump
	opBackCommit                  // go back to where the last choice was made, drop it, jump
	opOpen                        // begin capture nodes[n]
	opClose                       // end the last open capture
	opLeaf                        // capture the last c bytes as nodes[n]
	opDecide                      // end the last open capture and ask its function
)

// inst is an instruction.
type inst struct {
	op   opcode
	c    byte
	n    int32
	jump int32
}

// program is a compiled pattern.
type program struct {
	code   []inst
	sets   []charset
	texts  []string
	ranges [][2]int
	nodes  []*node
}

type compiler struct {
	program
	setIndex map[charset]int32
	calls    []int // instructions whose n is the rule to call, in the grammar at hand
}

const nowhere = -1

// maxLeaf is the longest match that is captured by one instruction.
const maxLeaf = 255

// compile translates a finished pattern.
func compile(n *node) *program {
	c := &compiler{setIndex: map[charset]int32{}}
	c.gen(n, false, fullSet)
	c.emit(inst{op: opEnd})
	c.shorten()
	return &c.program
}

func (c *compiler) emit(i inst) int {
	c.code = append(c.code, i)
	return len(c.code) - 1
}

func (c *compiler) jump(op opcode, to int) int { return c.emit(inst{op: op, jump: int32(to)}) }

// here has the jump of instruction i go to the next one.
func (c *compiler) here(i int) {
	if i != nowhere {
		c.code[i].jump = int32(len(c.code))
	}
}

func (c *compiler) set(s charset) int32 {
	i, ok := c.setIndex[s]
	if !ok {
		i = int32(len(c.sets))
		c.sets = append(c.sets, s)
		c.setIndex[s] = i
	}
	return i
}

func (c *compiler) node(n *node) int32 {
	c.nodes = append(c.nodes, n)
	return int32(len(c.nodes) - 1)
}

// test jumps, to where it will be told, unless the next byte is of the set.
func (c *compiler) test(s charset) int {
	b, single := s.single()
	switch {
	case s == charset{}:
		return c.emit(inst{op: opJump})
	case s == fullSet:
		return c.emit(inst{op: opTestAny})
	case single:
		return c.emit(inst{op: opTestByte, c: b})
	}
	return c.emit(inst{op: opTestSet, n: c.set(s)})
}

// guard is a test whether a pattern can match at all, if there is one.
func (c *compiler) guard(f *first) int {
	if f.empty != 0 {
		return nowhere
	}
	return c.test(f.after(fullSet))
}

// gen translates n. With optional, n ends an optional pattern, whose choice is
// still there to go back to; follow is the first set of what comes after n.
func (c *compiler) gen(n *node, optional bool, follow charset) {
	for n.kind == kSeq {
		f := fullSet
		if n.a.needsFollow() {
			f = n.b.first().after(follow)
		}
		c.gen(n.a, false, f)
		n = n.b
	}
	switch n.kind {
	case kFalse:
		c.emit(inst{op: opFail})
	case kSet:
		c.emit(inst{op: opSet, n: c.set(*n.set)})
	case kText:
		if len(n.text) == 1 {
			c.emit(inst{op: opByte, c: n.text[0]})
			return
		}
		c.texts = append(c.texts, n.text)
		c.emit(inst{op: opText, n: int32(len(c.texts) - 1)})
	case kAny:
		c.emit(inst{op: opAny, n: int32(n.n)})
	case kUTF:
		c.ranges = append(c.ranges, [2]int{n.n, n.m})
		c.emit(inst{op: opUTF, n: int32(len(c.ranges) - 1)})
	case kChoice:
		c.choice(n, optional, follow)
	case kRep:
		c.repeat(n.a, optional, follow)
	case kAnd:
		c.and(n.a)
	case kNot:
		c.not(n.a)
	case kBehind:
		c.back(n.n)
		c.gen(n.a, false, fullSet)
	case kCall:
		c.calls = append(c.calls, c.emit(inst{op: opCall, n: int32(n.rule.index)}))
	case kGrammar:
		c.grammar(n)
	case kCapture:
		c.capture(n, follow)
	case kRuntime:
		c.emit(inst{op: opOpen, n: c.node(n)})
		c.gen(n.a, false, fullSet)
		c.emit(inst{op: opDecide})
	}
}

func (c *compiler) back(n int) {
	if n > 0 {
		c.emit(inst{op: opBack, n: int32(n)})
	}
}

// choice: where the next byte tells which of the two it can be, a test is
// enough.
func (c *compiler) choice(n *node, optional bool, follow charset) {
	a, b := n.a.first(), n.b.first()
	last := n.b.kind == kTrue
	apart := a.empty == 0 && a.after(fullSet).and(b.after(follow)) == charset{}
	switch {
	case n.a.headfail() || apart:
		test := c.test(a.after(fullSet))
		c.gen(n.a, false, follow)
		end := nowhere
		if !last {
			end = c.emit(inst{op: opJump})
		}
		c.here(test)
		c.gen(n.b, optional, follow)
		c.here(end)
	case optional && last:
		c.here(c.emit(inst{op: opPartialCommit}))
		c.gen(n.a, true, fullSet)
	default:
		test := c.guard(a)
		choice := c.emit(inst{op: opChoice})
		c.gen(n.a, last, fullSet)
		commit := c.emit(inst{op: opCommit})
		c.here(choice)
		c.here(test)
		c.gen(n.b, optional, follow)
		c.here(commit)
	}
}

func (c *compiler) repeat(n *node, optional bool, follow charset) {
	if set, ok := n.asSet(); ok {
		b, single := set.single()
		switch {
		case set == fullSet:
			c.emit(inst{op: opSpanAny})
		case single:
			c.emit(inst{op: opSpanByte, c: b})
		case set != charset{}:
			c.emit(inst{op: opSpanSet, n: c.set(set)})
		}
		return
	}
	f := n.first()
	if n.headfail() || f.empty == 0 && f.after(fullSet).and(follow) == (charset{}) {
		test := c.test(f.after(fullSet))
		c.gen(n, false, fullSet)
		c.jump(opJump, test)
		c.here(test)
		return
	}
	test, choice := c.guard(f), nowhere
	if optional {
		c.here(c.emit(inst{op: opPartialCommit}))
	} else {
		choice = c.emit(inst{op: opChoice})
	}
	begin := len(c.code)
	c.gen(n, false, fullSet)
	c.jump(opPartialCommit, begin)
	c.here(choice)
	c.here(test)
}

func (c *compiler) and(n *node) {
	if k := n.fixedLen(); k >= 0 && k <= maxBehind && !n.hasCaptures() {
		c.gen(n, false, fullSet)
		c.back(k)
		return
	}
	choice := c.emit(inst{op: opChoice})
	c.gen(n, false, fullSet)
	commit := c.emit(inst{op: opBackCommit})
	c.here(choice)
	c.emit(inst{op: opFail})
	c.here(commit)
}

func (c *compiler) not(n *node) {
	if n.headfail() {
		test := c.test(n.first().after(fullSet))
		c.emit(inst{op: opFail})
		c.here(test)
		return
	}
	test := c.guard(n.first())
	choice := c.emit(inst{op: opChoice})
	c.gen(n, false, fullSet)
	c.emit(inst{op: opFailTwice})
	c.here(choice)
	c.here(test)
}

func (c *compiler) capture(n *node, follow charset) {
	if k := n.a.fixedLen(); k >= 0 && k <= maxLeaf && !n.a.hasCaptures() {
		c.gen(n.a, false, follow)
		c.emit(inst{op: opLeaf, n: c.node(n), c: byte(k)})
		return
	}
	c.emit(inst{op: opOpen, n: c.node(n)})
	c.gen(n.a, false, follow)
	c.emit(inst{op: opClose})
}

// grammar: call the first rule, jump behind the last one.
func (c *compiler) grammar(n *node) {
	outer := c.calls
	c.calls = nil
	call := c.emit(inst{op: opCall})
	end := c.emit(inst{op: opJump})
	c.here(call)
	begin := make([]int, len(n.rules))
	for i, r := range n.rules {
		begin[i] = len(c.code)
		c.gen(r.body, false, fullSet)
		c.emit(inst{op: opReturn})
	}
	c.here(end)
	for _, i := range c.calls {
		at := &c.code[i]
		at.jump = int32(begin[at.n])
		if c.code[c.target(i+1)].op == opReturn {
			at.op = opJump // a tail call
		}
	}
	c.calls = outer
}

// target is where a jump at i ends up.
func (c *compiler) target(i int) int {
	for c.code[i].op == opJump {
		i = int(c.code[i].jump)
	}
	return i
}

// shorten sends jumps to jumps where those end up.
func (c *compiler) shorten() {
	for i := range c.code {
		at := &c.code[i]
		for again := true; again; {
			again = false
			switch at.op {
			case opTestAny, opTestByte, opTestSet, opCall, opChoice, opCommit, opPartialCommit, opBackCommit:
				at.jump = int32(c.target(int(at.jump)))
			case opJump:
				to := c.target(i)
				at.jump = int32(to)
				switch c.code[to].op {
				case opReturn, opFail, opFailTwice, opEnd:
					*at = c.code[to]
				case opCommit, opPartialCommit, opBackCommit:
					*at = c.code[to]
					again = true
				}
			}
		}
	}
}
