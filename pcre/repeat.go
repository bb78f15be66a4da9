package pcre

// repeat emits sub as often as n says.
func (c *compiler) repeat(n *node, then *firsts) {
	sub := n.subs[0]
	if n.max == 0 {
		jump := c.emit(inst{op: iJump})
		c.node(sub, &anything) // it may be called
		c.code[jump].a = c.here()
		return
	}
	if set, ok := c.single(sub); ok {
		c.repeatSet(n, set, then)
		return
	}
	if n.greed == possessive {
		greedily := *n
		greedily.greed = greedy
		c.atomic(&greedily)
		return
	}
	again := c.first(sub, then)
	again.add(then)
	enter := c.first(sub, then)
	switch {
	case n.min == 1 && n.max == 1:
		c.node(sub, then)
	case n.min == 0 && n.max == 1:
		at := c.emit(choice(n.greed, &enter, then))
		c.node(sub, then)
		c.code[at].a = c.here()
		c.seen()
	case n.max == unlimited && n.min == 0 && c.consumes(sub):
		head := c.here()
		c.seen()
		at := c.emit(choice(n.greed, &enter, then))
		c.node(sub, &again)
		c.emit(inst{op: iJump, a: head})
		c.code[at].a = c.here()
	case n.max == unlimited && n.min == 1 && c.consumes(sub):
		at := c.here()
		c.node(sub, &again)
		c.seen()
		back := choice(lazy, then, &enter) // the other way round: back is the way to a
		if n.greed == lazy {
			back = choice(greedy, then, &enter)
		}
		back.a = at
		c.emit(back)
	default:
		c.counted(n, &enter, &again, then)
	}
}

// choice is the decision between going on with enter and going to a, where
// leave follows. A lazy one tries a first.
func choice(g greed, enter, leave *firsts) inst {
	if g == lazy {
		return inst{op: iTryElse, first: filter(*leave), then: filter(*enter)}
	}
	return inst{op: iTry, first: filter(*enter), then: filter(*leave)}
}

// counted emits a repeat that must count, or mind empty iterations.
func (c *compiler) counted(n *node, enter, again, then *firsts) {
	r := int32(c.register(2))
	c.emit(inst{op: iLoopInit, a: r})
	loop := c.emit(inst{
		op: iLoop, a: r, fold: n.greed == lazy, refs: []int32{int32(n.min), int32(n.max)},
		first: filter(*enter), then: filter(*then),
	})
	c.emit(inst{op: iLoopEnter, a: r})
	c.node(n.subs[0], again)
	c.emit(inst{op: iLoopNext, a: r, b: int32(loop)})
	c.code[loop].b = c.here()
}

// single is the set of characters n matches if n is always one character.
func (c *compiler) single(n *node) (charSet, bool) {
	switch {
	case n.op == opSet:
		return n.set, true
	case n.op == opByte && !c.utf:
		return charSet{{0, maxByte}}, true
	case n.op == opLiteral && len(n.text) == 1:
		set := charSet{{n.text[0], n.text[0]}}
		if n.fold {
			set = set.caseless(c.utf)
		}
		return set, true
	}
	return nil, false
}

// repeatSet emits a repeat of single characters.
func (c *compiler) repeatSet(n *node, set charSet, then *firsts) {
	if n.min == 1 && n.max == 1 {
		c.one(set)
		return
	}
	in := inst{op: iRepeat, a: int32(n.min), b: int32(n.max), then: filter(*then)}
	in.set, in.wide = c.split(set)
	if rest := set.not(c.p.limit); len(rest) == 1 && rest[0].lo == rest[0].hi && rest[0].lo < 0x80 {
		in.str = string(rest[0].lo)
	}
	switch {
	case n.greed == possessive || n.min == n.max || n.greed == greedy && c.disjoint(set, then):
		in.op = iRepeatAll
	case n.greed == lazy:
		in.op = iRepeatLazy
	}
	c.emit(in)
	c.seen()
}

// disjoint reports whether nothing of set can begin what follows, so that
// giving characters back is of no use.
func (c *compiler) disjoint(set charSet, then *firsts) bool {
	if then.open {
		return false
	}
	own := c.firstSet(set)
	for i, in := range own.set {
		if in && then.set[i] {
			return false
		}
	}
	return true
}
