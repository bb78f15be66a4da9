package pcre

// look emits an assertion between two instructions. The caller says where a
// failure of its body goes (begin's b) and, for a negative assertion, where
// its success goes (end's b).
func (c *compiler) look(n *node) (begin, end int) {
	r := int32(c.register(2))
	accepts, opened, alt := c.accepts, c.opened, c.alt
	var jumps []int
	c.accepts, c.opened, c.alt = &jumps, nil, 0
	begin = c.emit(inst{op: iLook, a: r})
	if contains(n, opThen) {
		c.alt = int32(c.register(1))
		c.emit(inst{op: iAtomic, a: c.alt})
	}
	c.shield++
	c.node(c.body(n), &anything)
	c.shield--
	for _, at := range jumps {
		c.code[at].a = c.here()
	}
	op := iLookEnd
	if n.negate {
		op = iLookNot
	}
	end = c.emit(inst{op: op, a: r})
	c.accepts, c.opened, c.alt = accepts, opened, alt
	return begin, end
}

// body is what an assertion matches. A look-behind first steps back, each
// branch by its own width.
func (c *compiler) body(n *node) *node {
	if !n.behind {
		return n.subs[0]
	}
	if n.subs[0].op != opAlternate {
		return c.steppedBack(n.subs[0])
	}
	branches := make([]*node, len(n.subs[0].subs))
	for i, sub := range n.subs[0].subs {
		branches[i] = c.steppedBack(sub)
	}
	return &node{op: opAlternate, subs: branches}
}

func (c *compiler) steppedBack(branch *node) *node {
	width, _ := c.p.width(branch, 0)
	return &node{op: opConcat, subs: []*node{{op: opBack, min: width}, branch}}
}

// cond emits (?(cond)yes|no).
func (c *compiler) cond(n *node, then *firsts) {
	var no *int32
	switch cond := n.subs[0]; cond.op {
	case opIsSet:
		at := c.emit(inst{op: iIfSet, refs: groupNumbers(cond.refs)})
		defer func() { c.code[at].b = *no }()
	case opInCall:
		at := c.emit(inst{op: iIfCall, a: int32(cond.group)})
		defer func() { c.code[at].b = *no }()
	case opDefine:
		at := c.emit(inst{op: iJump})
		defer func() { c.code[at].a = *no }()
	case opLook:
		begin, end := c.look(cond)
		if cond.negate {
			c.code[begin].b = c.here()
			begin = end
		}
		defer func() { c.code[begin].b = *no }()
	}
	c.node(n.subs[1], then)
	jump := c.emit(inst{op: iJump})
	at := c.here()
	no = &at
	c.node(n.subs[2], then)
	c.code[jump].a = c.here()
}
