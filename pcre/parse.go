package pcre

import (
	"strings"
	"unicode/utf8"
)

// Limits of a pattern, PCRE's own.
const (
	maxNesting = 250   // parentheses within parentheses
	maxRepeat  = 65535 // the largest count of a {n,m}
	maxGroups  = 65535
	maxPattern = 65535 // bytes
)

// parser turns a pattern into nodes. It fails by panicking with a
// *CompileError, which parse recovers.
type parser struct {
	src   string
	pos   int
	flags Flags // in force at pos; (?i) and its kin change them

	limit   rune // the largest character: maxByte or maxRune
	ucp     bool // (*UCP): \d \s \w \b and POSIX classes know Unicode
	ansiCRs bool // (*BSR_ANYCRLF): \R is CR, LF or CRLF only

	depth    int
	last     int     // number of the latest group opened
	groups   []*node // captures by number, nil while open; index 0 is the whole
	names    []NamedGroup
	widths   map[int]groupWidth // of groups that are called
	later    []func()           // checks that need all groups, in the order of the pattern
	numbered []*node            // references by number, checked last
	quoting  bool               // between \Q and \E
}

// within is what branches belong to.
type within uint8

const (
	plain       within = iota
	branchReset        // (?|: each branch numbers its groups from the same start
	lookBehind         // each branch must be of fixed length
	conditional        // the branches are the two ways of a condition
)

// parse reads the whole of src. The first field of the result is the root.
func parse(src string, f Flags) (p *parser, root *node, err error) {
	p = &parser{src: src, flags: f, limit: maxByte, groups: make([]*node, 1), widths: map[int]groupWidth{}}
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case *CompileError:
			err = failure
		default:
			panic(failure)
		}
	}()
	p.options()
	if p.flags&UTF != 0 {
		p.limit = maxRune
		p.checkUTF()
	}
	if len(src) > maxPattern {
		p.fail(len(src), "regular expression is too large")
	}
	root = p.alternatives(plain)
	if p.pos < len(src) {
		p.fail(p.pos, "unmatched closing parenthesis")
	}
	p.groups[0] = root
	for _, check := range p.later {
		check()
	}
	for _, n := range p.numbered {
		if n.refs[0] >= len(p.groups) {
			p.fail(len(src), noGroup)
		}
	}
	return p, root, nil
}

func (p *parser) fail(at int, message string) {
	panic(&CompileError{p.src, message, at})
}

func (p *parser) checkUTF() {
	for i := 0; i < len(p.src); {
		r, size := utf8.DecodeRuneInString(p.src[i:])
		if r == utf8.RuneError && size == 1 {
			p.fail(i, "invalid UTF-8 string")
		}
		i += size
	}
}

// options reads the settings that may stand at the very start: (*UTF8) etc.
func (p *parser) options() {
	for strings.HasPrefix(p.src[p.pos:], "(*") {
		end := strings.IndexByte(p.src[p.pos:], ')')
		if end < 0 {
			return
		}
		switch name := p.src[p.pos+2 : p.pos+end]; name {
		case "UTF8", "UTF":
			p.flags |= UTF
		case "UCP":
			p.ucp = true
		case "BSR_ANYCRLF":
			p.ansiCRs = true
		case "BSR_UNICODE":
			p.ansiCRs = false
		case "LF", "NO_START_OPT", "NO_AUTO_POSSESS", "NO_JIT":
		default:
			return
		}
		p.pos += end + 1
	}
}

func (p *parser) has(f Flags) bool { return p.flags&f != 0 }
func (p *parser) utf() bool        { return p.limit == maxRune }
func (p *parser) rest() string     { return p.src[p.pos:] }
func (p *parser) ended() bool      { return p.pos >= len(p.src) }

// peek is the byte n after pos, or 0 beyond the end.
func (p *parser) peek(n int) byte {
	if p.pos+n < len(p.src) {
		return p.src[p.pos+n]
	}
	return 0
}

// accept steps over s if it comes next.
func (p *parser) accept(s string) bool {
	if strings.HasPrefix(p.rest(), s) {
		p.pos += len(s)
		return true
	}
	return false
}

// char reads one character: a byte, or a rune with UTF.
func (p *parser) char() rune {
	if p.src[p.pos] < utf8.RuneSelf || !p.utf() {
		p.pos++
		return rune(p.src[p.pos-1])
	}
	r, size := utf8.DecodeRuneInString(p.rest())
	p.pos += size
	return r
}

// alternatives reads branches up to a closing parenthesis or the end.
func (p *parser) alternatives(in within) *node {
	if p.depth++; p.depth > maxNesting {
		p.fail(p.pos, "parentheses are too deeply nested")
	}
	first, highest := p.last, p.last
	var branches []*node
	for {
		n := p.branch()
		branches = append(branches, n)
		if in == lookBehind {
			at := p.pos
			p.later = append(p.later, func() { p.fixed(n, at) })
		}
		highest = max(highest, p.last)
		if !p.accept("|") {
			break
		}
		if in == branchReset {
			p.last = first
		}
	}
	p.last = highest
	p.depth--
	if len(branches) == 1 && in != conditional {
		return branches[0]
	}
	return &node{op: opAlternate, subs: branches}
}

// fixed refuses a branch of a look-behind, ending at at, whose length varies.
func (p *parser) fixed(branch *node, at int) {
	if _, ok := p.width(branch, 0); !ok {
		p.fail(at, "lookbehind assertion is not fixed length")
	}
	if !p.utf() {
		return
	}
	branch.walk(func(n *node) {
		if n.op == opByte {
			p.fail(at, `\C is not allowed in a lookbehind assertion in UTF-8 mode`)
		}
	})
}

// branch reads items with their repeats, joining plain characters.
func (p *parser) branch() *node {
	var items []*node
	for {
		p.skipBlank()
		if p.ended() || !p.quoting && (p.src[p.pos] == '|' || p.src[p.pos] == ')') {
			break
		}
		n := p.item()
		if n == nil {
			continue
		}
		n = p.repeat(n)
		if last := len(items) - 1; last >= 0 && n.op == opLiteral && items[last].op == opLiteral && n.fold == items[last].fold {
			items[last].text = append(items[last].text, n.text...)
			continue
		}
		items = append(items, n)
	}
	if len(items) == 1 {
		return items[0]
	}
	if len(items) == 0 {
		return &node{op: opEmpty}
	}
	return &node{op: opConcat, subs: items}
}

// skipBlank steps over what means nothing: comments, \E, empty \Q\E, and with
// Extended white space. It notes a \Q.
func (p *parser) skipBlank() {
	for !p.ended() {
		switch {
		case p.quoting:
			if !p.accept(`\E`) {
				return
			}
			p.quoting = false
		case p.accept(`\Q`):
			p.quoting = true
		case p.accept(`\E`):
		case strings.HasPrefix(p.rest(), "(?#"):
			end := strings.IndexByte(p.rest(), ')')
			if end < 0 {
				p.fail(len(p.src), "missing ) after (?# comment")
			}
			p.pos += end + 1
		case p.has(Extended) && spaces.has(rune(p.src[p.pos])):
			p.pos++
		case p.has(Extended) && p.src[p.pos] == '#':
			end := strings.IndexByte(p.rest(), '\n')
			if end < 0 {
				p.pos = len(p.src)
				return
			}
			p.pos += end + 1
		default:
			return
		}
	}
}

func (p *parser) literal(r rune) *node {
	return &node{op: opLiteral, text: []rune{r}, fold: p.has(Caseless)}
}

func (p *parser) set(set charSet) *node { return &node{op: opSet, set: set} }

// item reads one element. It returns nil for one that only changes options.
func (p *parser) item() *node {
	if p.quoting {
		return p.literal(p.char())
	}
	switch p.src[p.pos] {
	case '\\':
		return p.escape()
	case '[':
		p.refusePosix()
		return p.class()
	case '(':
		return p.group()
	case '.':
		p.pos++
		if p.has(DotAll) {
			return p.set(charSet{{0, p.limit}})
		}
		return p.set(newline.not(p.limit))
	case '^':
		p.pos++
		if p.has(Multiline) {
			return p.simple(opBeginLine)
		}
		return p.simple(opBegin)
	case '$':
		p.pos++
		switch {
		case p.has(Multiline):
			return p.simple(opEndLine)
		case p.has(DollarEndOnly):
			return p.simple(opEnd)
		}
		return p.simple(opEndBefore)
	case '*', '+', '?':
		p.fail(p.pos, "quantifier does not follow a repeatable item")
	case '{':
		if at := p.pos; p.counted() {
			p.fail(at+strings.IndexByte(p.src[at:], '}'), "quantifier does not follow a repeatable item")
		}
	case ']':
		if p.has(JavaScript) {
			p.fail(p.pos, "] is an invalid data character in JavaScript compatibility mode")
		}
	}
	return p.literal(p.char())
}

// simple is a node for an assertion that cannot be repeated.
func (p *parser) simple(o op) *node {
	return &node{op: o}
}

// repeatable reports whether PCRE lets a quantifier follow n.
func repeatable(n *node) bool {
	switch n.op {
	case opBegin, opBeginLine, opEnd, opEndBefore, opEndLine, opStart, opWord, opKeep,
		opFail, opAccept, opCommit, opPrune, opSkip, opThen, opMark:
		return false
	}
	return true
}

// counted reports whether a {n}, {n,} or {n,m} comes next.
func (p *parser) counted() bool {
	s := p.rest()[1:]
	s, found := trimDigits(s)
	if !found {
		return false
	}
	if strings.HasPrefix(s, ",") {
		s, _ = trimDigits(s[1:])
	}
	return strings.HasPrefix(s, "}")
}

func trimDigits(s string) (rest string, found bool) {
	rest = strings.TrimLeft(s, "0123456789")
	return rest, len(rest) < len(s)
}

// number reads decimal digits, stopping where the value exceeds limit.
func (p *parser) number(limit int, tooBig string) int {
	n := 0
	for ; !p.ended() && '0' <= p.src[p.pos] && p.src[p.pos] <= '9'; p.pos++ {
		if n = n*10 + int(p.src[p.pos]-'0'); n > limit {
			for p.pos++; '0' <= p.peek(0) && p.peek(0) <= '9'; p.pos++ {
			}
			p.fail(p.pos, tooBig)
		}
	}
	return n
}

// repeat applies the quantifier that follows n, if any.
func (p *parser) repeat(n *node) *node {
	p.skipBlank()
	if p.ended() || p.quoting {
		return n
	}
	least, most := 0, unlimited
	switch p.src[p.pos] {
	case '*':
		p.pos++
	case '+':
		p.pos++
		least = 1
	case '?':
		p.pos++
		most = 1
	case '{':
		if !p.counted() {
			return n
		}
		least, most = p.count()
	default:
		return n
	}
	if !repeatable(n) {
		p.fail(p.pos-1, "quantifier does not follow a repeatable item")
	}
	g := greedy
	switch p.peek(0) {
	case '+':
		p.pos++
		g = possessive
	case '?':
		p.pos++
		if !p.has(Ungreedy) {
			g = lazy
		}
	default:
		if p.has(Ungreedy) {
			g = lazy
		}
	}
	if n.op == opLook {
		// More could only matter for groups inside that refer to themselves.
		// PCRE tries an assertion once more than it must.
		if most == unlimited {
			most = least + 1
		}
	}
	return &node{op: opRepeat, subs: []*node{n}, min: least, max: most, greed: g}
}

// count reads a {n,m}, which counted has seen.
func (p *parser) count() (least, most int) {
	const tooBig = "number too big in {} quantifier"
	p.pos++
	least = p.number(maxRepeat, tooBig)
	most = least
	if p.accept(",") {
		most = unlimited
		if p.src[p.pos] != '}' {
			if most = p.number(maxRepeat, tooBig); most < least {
				p.fail(p.pos, "numbers out of order in {} quantifier")
			}
		}
	}
	p.pos++
	return least, most
}

const noGroup = "reference to non-existent subpattern"

// refer has n checked when all groups are known: its name, if it has one,
// becomes group numbers; otherwise group must exist.
func (p *parser) refer(n *node, group, at int) *node {
	p.later = append(p.later, func() {
		if n.name == "" {
			if group >= len(p.groups) {
				p.fail(at, noGroup)
			}
			return
		}
		for _, named := range p.names {
			if named.Name == n.name {
				n.refs = append(n.refs, named.Index)
			}
		}
		if len(n.refs) == 0 {
			p.fail(at, noGroup)
		}
		n.group = n.refs[0]
	})
	return n
}
