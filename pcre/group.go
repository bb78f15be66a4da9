package pcre

import (
	"slices"
	"strings"
)

const maxName = 32 // bytes of a group's name

// group reads what begins with a parenthesis. It returns nil for (?i) and the
// like, which only change options.
func (p *parser) group() *node {
	if p.peek(1) == '*' && (isLetter(p.peek(2)) || p.peek(2) == ':') {
		return p.verb()
	}
	p.pos++
	if !p.accept("?") {
		return p.capture("")
	}
	switch c := p.peek(0); {
	case p.accept(":"):
		return p.body(plain)
	case p.accept("|"):
		return p.body(branchReset)
	case p.accept(">"):
		return &node{op: opAtomic, subs: []*node{p.body(plain)}}
	case p.accept("="):
		return p.look(false, false)
	case p.accept("!"):
		return p.look(false, true)
	case p.accept("<="):
		return p.look(true, false)
	case p.accept("<!"):
		return p.look(true, true)
	case c == '<':
		if !isWord(p.peek(1)) {
			p.fail(p.pos+1, "unrecognized character after (?<")
		}
		p.pos++
		return p.capture(p.name('>'))
	case p.accept("'"):
		return p.capture(p.name('\''))
	case c == 'P':
		return p.python()
	case c == '&':
		p.pos++
		return p.callName(')')
	case c == 'R' || '0' <= c && c <= '9' || (c == '+' || c == '-') && isDigit(p.peek(1)):
		return p.callNumber()
	case p.accept("("):
		return p.condition()
	case p.accept("C"):
		return p.callout()
	}
	return p.setting()
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isWord(c byte) bool   { return isLetter(c) || isDigit(c) || c == '_' }

// body reads the rest of a group. Options set inside end with it.
func (p *parser) body(in within) *node {
	outer := p.flags
	n := p.alternatives(in)
	if !p.accept(")") {
		p.fail(p.pos, "missing closing parenthesis")
	}
	p.flags = outer
	if !repeatable(n) {
		return &node{op: opConcat, subs: []*node{n}} // a group can be repeated
	}
	return n
}

func (p *parser) capture(name string) *node {
	p.last++
	if p.last > maxGroups {
		p.fail(p.pos, "too many capturing groups (maximum 65535)")
	}
	n := &node{op: opCapture, group: p.last}
	if name != "" {
		p.register(name, p.last)
	}
	for len(p.groups) <= n.group {
		p.groups = append(p.groups, nil)
	}
	n.subs = []*node{p.body(plain)}
	if p.groups[n.group] == nil {
		p.groups[n.group] = n
	}
	return n
}

// register notes the name of group. pos is just behind the name's terminator.
func (p *parser) register(name string, group int) {
	at := p.pos - 1
	for _, known := range p.names {
		if known.Index == group && known.Name != name {
			p.fail(at, "different names for subpatterns of the same number are not allowed")
		}
		if known.Name == name && known.Index != group && !p.has(DupNames) {
			p.fail(at, "two named subpatterns have the same name (PCRE2_DUPNAMES not set)")
		}
	}
	named := NamedGroup{name, group}
	if !slices.Contains(p.names, named) {
		p.names = append(p.names, named)
	}
}

// name reads a group's name and its terminator.
func (p *parser) name(terminator byte) string {
	if isDigit(p.peek(0)) {
		p.fail(p.pos, "subpattern name must start with a non-digit")
	}
	from := p.pos
	for !p.ended() && isWord(p.src[p.pos]) {
		p.pos++
	}
	name := p.src[from:p.pos]
	switch {
	case len(name) > maxName:
		p.fail(p.pos, "subpattern name is too long (maximum 32 code units)")
	case len(name) == 0 && p.peek(0) != terminator:
		p.fail(p.pos, "subpattern name expected")
	case p.ended() || p.src[p.pos] != terminator:
		p.fail(p.pos, "syntax error in subpattern name (missing terminator?)")
	case len(name) == 0:
		p.fail(p.pos, "subpattern name expected")
	}
	p.pos++
	return name
}

func (p *parser) look(behind, negate bool) *node {
	in := plain
	if behind {
		in = lookBehind
	}
	return &node{op: opLook, behind: behind, negate: negate, subs: []*node{p.body(in)}}
}

// python reads (?P<name>...), (?P=name) and (?P>name).
func (p *parser) python() *node {
	p.pos++
	switch {
	case p.accept("<"):
		return p.capture(p.name('>'))
	case p.accept("="):
		return p.refName(')')
	case p.accept(">"):
		return p.callName(')')
	}
	p.fail(p.pos, "unrecognized character after (?P")
	return nil
}

// refName reads the rest of a reference by name.
func (p *parser) refName(terminator byte) *node {
	name := p.name(terminator)
	return p.refer(&node{op: opRef, name: name, fold: p.has(Caseless)}, 0, p.pos-1)
}

// callName reads the rest of a recursion by name.
func (p *parser) callName(terminator byte) *node {
	name := p.name(terminator)
	return p.refer(&node{op: opCall, name: name, at: p.pos - 1}, 0, p.pos-1)
}

// callNumber reads (?R), (?1), (?+1) and (?-1) behind the question mark.
func (p *parser) callNumber() *node {
	group := 0
	if !p.accept("R") {
		group = p.relative()
	}
	if p.peek(0) != ')' {
		p.fail(p.pos, "(?R (recursive pattern call) must be followed by a closing parenthesis")
	}
	p.pos++
	return p.refer(&node{op: opCall, group: group, at: p.pos - 1}, group, p.pos-1)
}

// relative reads a group number, counted from here if it has a sign.
func (p *parser) relative() int {
	const tooBig = "number is too big"
	switch {
	case p.accept("+"):
		n := p.number(maxGroups, tooBig)
		if n == 0 {
			p.fail(p.pos, "a numbered reference must not be zero")
		}
		return p.last + n
	case p.accept("-"):
		n := p.number(maxGroups, tooBig)
		if n == 0 {
			p.fail(p.pos, "a numbered reference must not be zero")
		}
		if n > p.last {
			p.fail(p.pos, "reference to non-existent subpattern")
		}
		return p.last + 1 - n
	}
	return p.number(maxGroups, tooBig)
}

// callout reads the rest of (?C) or (?C1), which does nothing here.
func (p *parser) callout() *node {
	if p.number(maxRepeat, "number after (?C is greater than 255") > 255 {
		p.fail(p.pos, "number after (?C is greater than 255")
	}
	if !p.accept(")") {
		p.fail(p.pos, "closing parenthesis for (?C expected")
	}
	return nil
}

// settings are the letters of (?i) and its kin.
var settings = map[byte]Flags{
	'i': Caseless, 'm': Multiline, 's': DotAll, 'x': Extended,
	'J': DupNames, 'U': Ungreedy, 'X': 0,
}

// setting reads (?i-s), for the rest of the group, or (?i-s:...).
func (p *parser) setting() *node {
	set, clear := Flags(0), Flags(0)
	target := &set
	for {
		c := p.peek(0)
		if c == ')' || c == ':' {
			break
		}
		f, known := settings[c]
		switch {
		case c == '-':
			target = &clear
		case known:
			*target |= f
		default:
			p.fail(p.pos, "unrecognized character after (? or (?-")
		}
		p.pos++
	}
	outer := p.flags
	p.flags = p.flags&^clear | set&^clear
	if p.accept(")") {
		return nil
	}
	p.pos++
	n := p.body(plain)
	p.flags = outer
	return n
}

// condition reads the rest of (?(cond)yes|no).
func (p *parser) condition() *node {
	cond := p.test()
	outer := p.flags
	branches := p.alternatives(conditional).subs
	if p.ended() {
		p.fail(p.pos, "missing closing parenthesis")
	}
	at := p.pos
	p.pos++
	p.flags = outer
	switch {
	case cond.op == opDefine && len(branches) > 1:
		p.fail(at, "DEFINE subpattern contains more than one branch")
	case len(branches) > 2:
		p.later = append(p.later, func() { p.fail(at, "conditional subpattern contains more than two branches") })
	case len(branches) == 1:
		branches = append(branches, &node{op: opEmpty})
	}
	return &node{op: opCond, subs: append([]*node{cond}, branches...)}
}

// test reads a condition with its closing parenthesis.
func (p *parser) test() *node {
	for _, assertion := range []string{"?=", "?!", "?<=", "?<!"} {
		if p.accept(assertion) {
			return p.look(len(assertion) == 3, assertion[len(assertion)-1] == '!')
		}
	}
	n := &node{op: opIsSet}
	group := 0
	c := p.peek(0)
	switch {
	case isDigit(c) || c == '+' || c == '-':
		if group = p.relative(); group == 0 {
			p.fail(p.pos, "invalid condition (?(0)")
		}
		n.refs = []int{group}
		p.conditionEnd()
	case c == '<':
		p.pos++
		n.name = p.name('>')
		p.conditionEnd()
	case c == '\'':
		p.pos++
		n.name = p.name('\'')
		p.conditionEnd()
	case isWord(c):
		return p.wordTest()
	default:
		p.fail(p.pos, "assertion expected after (?( or (?(?C)")
	}
	return p.refer(n, group, p.pos)
}

func (p *parser) conditionEnd() {
	if !p.accept(")") {
		p.fail(p.pos, "missing closing parenthesis for condition")
	}
}

// wordTest reads a condition that is a bare name, R, R1, R&name or DEFINE.
func (p *parser) wordTest() *node {
	from := p.pos
	if p.accept("R&") {
		n := &node{op: opInCall, name: p.name(')')}
		return p.refer(n, 0, p.pos)
	}
	for isWord(p.peek(0)) {
		p.pos++
	}
	name := p.src[from:p.pos]
	p.conditionEnd()
	n := &node{op: opIsSet, name: name}
	named := strings.Contains(p.src, "<"+name+">") || strings.Contains(p.src, "'"+name+"'")
	digits, isNumber := strings.CutPrefix(name, "R")
	left, _ := trimDigits(digits)
	switch {
	case named:
	case name == "DEFINE":
		return &node{op: opDefine}
	case name == "R":
		return &node{op: opInCall, group: -1}
	case isNumber && left == "":
		p.pos = from + 1
		n.op, n.name = opInCall, ""
		n.group = p.number(maxGroups, "number is too big")
		p.pos++
	}
	return p.refer(n, n.group, p.pos)
}

// verbs are the backtracking verbs that may stand anywhere, and what each
// allows as an argument.
var verbs = map[string]struct {
	op       op
	argument argument
}{
	"":       {opMark, required},
	"MARK":   {opMark, required},
	"ACCEPT": {opAccept, refused},
	"COMMIT": {opCommit, refused},
	"F":      {opFail, refused},
	"FAIL":   {opFail, refused},
	"PRUNE":  {opPrune, allowed},
	"SKIP":   {opSkip, allowed},
	"THEN":   {opThen, allowed},
}

type argument uint8

const (
	refused argument = iota
	allowed
	required
)

// verb reads (*NAME) or (*NAME:argument).
func (p *parser) verb() *node {
	p.pos += 2
	from := p.pos
	for isLetter(p.peek(0)) {
		p.pos++
	}
	name, arg := p.src[from:p.pos], ""
	if p.accept(":") {
		end := strings.IndexByte(p.rest(), ')')
		if end < 0 {
			p.fail(len(p.src), "missing closing parenthesis")
		}
		arg = p.rest()[:end]
		p.pos += end
	}
	v, known := verbs[name]
	switch {
	case p.peek(0) != ')' || !known:
		p.fail(p.pos, "(*VERB) not recognized or malformed")
	case v.argument == required && arg == "":
		p.fail(p.pos, "(*MARK) must have an argument")
	case v.argument == refused && arg != "":
		p.fail(p.pos, "an argument is not allowed for (*ACCEPT), (*FAIL), or (*COMMIT)")
	}
	p.pos++
	return &node{op: v.op, name: arg}
}
