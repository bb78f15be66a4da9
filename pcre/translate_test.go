package pcre

import (
	"fmt"
	"strconv"
	"strings"
)

// highByte is where a byte above 0x7f stands in the runes regexp2 matches
// when there is no UTF: a private area without letters, digits or cases, so
// that such a byte equals itself only.
const highByte = 0xe000

// translator writes a parsed expression in regexp2's syntax.
type translator struct {
	strings.Builder
	utf   bool
	limit rune
	js    bool
	keep  int // the group that marks \K, 0 if none
}

// unsupportedError is an element regexp2 has no equal for.
func unsupportedError(at int, what string) error {
	return &CompileError{Msg: what + " is not supported", Offset: at}
}

// rune writes one character so that it means itself, in a class or out.
func (t *translator) rune(r rune) {
	switch {
	case !t.utf && r >= 0x80:
		fmt.Fprintf(t, `\x{%x}`, highByte+r)
	case r < 0x80 && (isWord(byte(r)) || strings.ContainsRune(`"%&',/:;<=>@_~!`, r)):
		t.WriteByte(byte(r))
	default:
		fmt.Fprintf(t, `\x{%x}`, r)
	}
}

func (t *translator) set(set charSet) {
	rest := set.not(t.limit)
	switch {
	case len(set) == 0:
		t.WriteString("(?!)")
		return
	case len(rest) == 0:
		t.WriteString(`[\s\S]`)
		return
	case len(rest) == 1 && rest[0].lo == rest[0].hi:
		t.WriteString("[^")
		t.rune(rest[0].lo)
		t.WriteByte(']')
		return
	}
	t.WriteByte('[')
	for _, s := range set {
		if !t.utf && s.lo < 0x80 && s.hi >= 0x80 {
			t.span(span{s.lo, 0x7f})
			s.lo = 0x80
		}
		t.span(s)
	}
	t.WriteByte(']')
}

func (t *translator) span(s span) {
	t.rune(s.lo)
	if s.hi > s.lo {
		t.WriteByte('-')
		t.rune(s.hi)
	}
}

var spelling = map[op]string{
	opEmpty:     `(?:)`,
	opBegin:     `\A`,
	opBeginLine: `(?m:^)(?!\z(?<=\n))`, // not after the last newline
	opEnd:       `\z`,
	opEndBefore: `\Z`,
	opEndLine:   `(?m:$)`,
	opStart:     `\G`,
	opFail:      `(?!)`,
}

// node writes n as one unit that a quantifier may follow, or as an assertion.
func (t *translator) node(n *node) error {
	switch n.op {
	case opLiteral:
		t.literal(n)
	case opSet:
		t.set(n.set)
	case opByte:
		if t.utf {
			return unsupportedError(n.at, `\C with UTF`)
		}
		t.set(charSet{{0, t.limit}})
	case opNewline:
		t.WriteString(`(?>\r\n|`)
		t.set(n.set)
		t.WriteByte(')')
	case opGrapheme:
		if t.utf {
			t.WriteString(`\X`)
		} else {
			t.WriteString(`(?>\r\n|[\s\S])`)
		}
	case opConcat, opAlternate:
		return t.join("(?:", n.subs, n.op == opAlternate)
	case opRepeat:
		return t.repeat(n)
	case opCapture:
		return t.join(fmt.Sprintf("(?<%d>", n.group), n.subs, false)
	case opAtomic:
		return t.join("(?>", n.subs, false)
	case opLook:
		return t.join(lookOpening(n), n.subs, false)
	case opCond:
		return t.cond(n)
	case opRef:
		t.ref(n)
	case opWord:
		t.word(n)
	case opKeep:
		fmt.Fprintf(t, `(?<%d>)`, t.keep)
	case opCall, opInCall:
		return unsupportedError(n.at, "recursion")
	case opAccept, opCommit, opPrune, opSkip, opThen, opMark:
		return unsupportedError(n.at, "(*VERB)")
	default:
		t.WriteString(spelling[n.op])
	}
	return nil
}

func (t *translator) join(opening string, subs []*node, alternate bool) error {
	t.WriteString(opening)
	for i, sub := range subs {
		if i > 0 && alternate {
			t.WriteByte('|')
		}
		if err := t.node(sub); err != nil {
			return err
		}
	}
	t.WriteByte(')')
	return nil
}

func lookOpening(n *node) string {
	switch {
	case n.behind && n.negate:
		return "(?<!"
	case n.behind:
		return "(?<="
	case n.negate:
		return "(?!"
	}
	return "(?="
}

func (t *translator) literal(n *node) {
	switch {
	case n.fold:
		t.WriteString("(?i:")
	case len(n.text) > 1:
		t.WriteString("(?:")
	}
	for _, r := range n.text {
		t.rune(r)
	}
	if n.fold || len(n.text) > 1 {
		t.WriteByte(')')
	}
}

func (t *translator) repeat(n *node) error {
	if n.greed == possessive {
		t.WriteString("(?>")
	}
	if n.subs[0].op == opRepeat || n.subs[0].op == opBeginLine {
		t.WriteString("(?:")
	}
	if err := t.node(n.subs[0]); err != nil {
		return err
	}
	if n.subs[0].op == opRepeat || n.subs[0].op == opBeginLine {
		t.WriteByte(')')
	}
	switch {
	case n.min == 0 && n.max == unlimited:
		t.WriteByte('*')
	case n.min == 1 && n.max == unlimited:
		t.WriteByte('+')
	case n.min == 0 && n.max == 1:
		t.WriteByte('?')
	case n.max == unlimited:
		fmt.Fprintf(t, "{%d,}", n.min)
	default:
		fmt.Fprintf(t, "{%d,%d}", n.min, n.max)
	}
	switch n.greed {
	case lazy:
		t.WriteByte('?')
	case possessive:
		t.WriteByte(')')
	}
	return nil
}

func (t *translator) cond(n *node) error {
	switch cond := n.subs[0]; cond.op {
	case opDefine:
		// Its groups count although they can only be called.
		t.WriteString("(?(?!)")
	case opIsSet:
		for _, group := range cond.refs[:len(cond.refs)-1] {
			fmt.Fprintf(t, "(?(%d)", group)
			if err := t.node(n.subs[1]); err != nil {
				return err
			}
			t.WriteByte('|')
			defer t.WriteByte(')')
		}
		fmt.Fprintf(t, "(?(%d)", cond.refs[len(cond.refs)-1])
	case opLook:
		t.WriteString("(?")
		if err := t.node(cond); err != nil {
			return err
		}
	default:
		return unsupportedError(cond.at, "recursion")
	}
	if err := t.node(n.subs[1]); err != nil {
		return err
	}
	t.WriteByte('|')
	if err := t.node(n.subs[2]); err != nil {
		return err
	}
	t.WriteByte(')')
	return nil
}

// ref writes a reference to the first of some groups that is set.
func (t *translator) ref(n *node) {
	if n.fold {
		t.WriteString("(?i:")
	}
	if len(n.refs) == 1 && !t.js {
		t.WriteString(`\k<` + strconv.Itoa(n.refs[0]) + ">")
	} else {
		for _, group := range n.refs {
			fmt.Fprintf(t, `(?(%d)\k<%d>|`, group, group)
		}
		if !t.js {
			t.WriteString("(?!)")
		}
		t.WriteString(strings.Repeat(")", len(n.refs)))
	}
	if n.fold {
		t.WriteByte(')')
	}
}

// word writes \b or \B. Without UTF the runes leave only ASCII word
// characters; with it regexp2's own \b would know too many.
func (t *translator) word(n *node) {
	if !t.utf {
		t.WriteString(map[bool]string{false: `\b`, true: `\B`}[n.negate])
		return
	}
	var class translator
	class.utf, class.limit = true, t.limit
	class.set(n.set)
	w := class.String()
	if n.negate {
		fmt.Fprintf(t, "(?:(?<=%s)(?=%s)|(?<!%s)(?!%s))", w, w, w, w)
	} else {
		fmt.Fprintf(t, "(?:(?<=%s)(?!%s)|(?<!%s)(?=%s))", w, w, w, w)
	}
}

// translate writes the expression root in regexp2's syntax.
func translate(p *parser, root *node, f Flags) (pattern string, keep int, err error) {
	t := &translator{utf: p.utf(), limit: p.limit, js: f&JavaScript != 0}
	root.walk(func(n *node) {
		if n.op == opKeep {
			t.keep = len(p.groups)
		}
	})
	if f&Anchored != 0 {
		t.WriteString(`\G`)
	}
	if err := t.node(root); err != nil {
		return "", 0, err
	}
	return t.String(), t.keep, nil
}
