package pcre

import "strings"

// escape reads what begins with a backslash outside a class.
func (p *parser) escape() *node {
	p.pos++
	if p.ended() {
		p.fail(p.pos, `\ at end of pattern`)
	}
	c := p.src[p.pos]
	if set, ok := p.shorthand(); ok {
		return p.set(set)
	}
	p.pos++
	switch c {
	case 'A':
		return p.simple(opBegin)
	case 'Z':
		return p.simple(opEndBefore)
	case 'z':
		return p.simple(opEnd)
	case 'G':
		return p.simple(opStart)
	case 'K':
		return p.simple(opKeep)
	case 'b', 'B':
		return &node{op: opWord, negate: c == 'B', set: p.named("word")}
	case 'R':
		return p.lineBreak()
	case 'X':
		return p.simple(opGrapheme)
	case 'C':
		return &node{op: opByte, at: p.pos - 1}
	case 'N':
		if p.peek(0) == '{' && !p.counted() {
			p.fail(p.pos-1, unsupported)
		}
		return p.set(newline.not(p.limit))
	case 'k':
		switch {
		case p.accept("{"):
			return p.refName('}')
		case p.accept("<"):
			return p.refName('>')
		case p.accept("'"):
			return p.refName('\'')
		}
		p.fail(p.pos-1, `\k is not followed by a braced, angle-bracketed, or quoted name`)
	case 'g':
		return p.escapeG()
	case '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if n := p.refDigits(); n != nil {
			return n
		}
	}
	p.pos--
	return p.literal(p.escaped())
}

const unsupported = `PCRE does not support \L, \l, \N{name}, \U, or \u`

// lineBreak is \R. It never gives back half of a CRLF.
func (p *parser) lineBreak() *node {
	set := vertical.upTo(p.limit)
	if p.ansiCRs {
		set = charSet{{'\n', '\n'}, {'\r', '\r'}}
	}
	return &node{op: opNewline, set: set}
}

// refDigits reads \1 and the like. It returns nil if the digits are octal.
func (p *parser) refDigits() *node {
	from := p.pos - 1
	p.pos = from
	for isDigit(p.peek(0)) {
		p.pos++
	}
	if p.pos-from > 9 {
		p.fail(p.pos, "number is too big")
	}
	end := p.pos
	p.pos = from
	group := p.number(1<<30, "number is too big")
	if group < 8 || group <= p.last {
		p.pos = end
		return p.ref(group)
	}
	p.pos = from + 1
	return nil
}

// ref is a reference to a group by number, checked when all groups are known.
func (p *parser) ref(group int) *node {
	n := &node{op: opRef, refs: []int{group}, fold: p.has(Caseless)}
	p.numbered = append(p.numbered, n)
	return n
}

// escapeG reads \g in its many forms: \g1 \g{1} \g{-1} \g{name} are references,
// \g<1> \g'name' recursions.
func (p *parser) escapeG() *node {
	switch {
	case p.accept("<"):
		return p.subroutine('>')
	case p.accept("'"):
		return p.subroutine('\'')
	case p.accept("{"):
		end := strings.IndexByte(p.rest(), '}')
		if end < 0 {
			p.fail(len(p.src), badG)
		}
		if strings.Trim(p.rest()[:end], "+-0123456789") != "" {
			return p.refName('}')
		}
		n := p.ref(p.nonZero(0))
		if !p.accept("}") {
			p.fail(p.pos, badG)
		}
		return n
	}
	return p.ref(p.nonZero(1))
}

const badG = `\g is not followed by a braced, angle-bracketed, or quoted name/number or by a plain number`

// nonZero reads a group number; zero is an error behind bytes before pos.
func (p *parser) nonZero(behind int) int {
	group := p.relative()
	if group == 0 {
		p.fail(p.pos-behind, "a numbered reference must not be zero")
	}
	return group
}

// subroutine reads the rest of \g<...> or \g'...'.
func (p *parser) subroutine(terminator byte) *node {
	if c := p.peek(0); !isDigit(c) && c != '+' && c != '-' {
		return p.callName(terminator)
	}
	at := p.pos
	group := p.relative()
	if p.peek(0) != terminator {
		p.fail(at-1, badG)
	}
	p.pos++
	return p.refer(&node{op: opCall, group: group, at: p.pos - 1}, group, p.pos-1)
}

// shorthand reads \d, \p{..} and the other escapes that stand for a set. If
// there is none at pos it reads nothing.
func (p *parser) shorthand() (set charSet, ok bool) {
	c := p.peek(0)
	switch c | 0x20 {
	case 'd':
		set = p.named("digit")
	case 's':
		set = p.named("space")
	case 'w':
		set = p.named("word")
	case 'h':
		set = horizontal.upTo(p.limit)
	case 'v':
		set = vertical.upTo(p.limit)
	case 'p':
		p.pos++
		return p.property(c == 'P'), true
	default:
		return nil, false
	}
	p.pos++
	if c < 'a' {
		set = set.not(p.limit)
	}
	return set, true
}

// property reads what follows \p or \P.
func (p *parser) property(negate bool) charSet {
	const malformed = `malformed \P or \p sequence`
	if p.ended() {
		p.fail(p.pos, malformed)
	}
	name := p.rest()[:1]
	p.pos++
	if name == "{" {
		if p.accept("^") {
			negate = !negate
		}
		end := strings.IndexByte(p.rest(), '}')
		if end < 0 {
			p.fail(len(p.src), malformed)
		}
		name = p.rest()[:end]
		p.pos += end + 1
	}
	set, known := property(name, p.limit)
	if !known {
		p.fail(p.pos-1, `unknown property after \P or \p`)
	}
	if negate {
		set = set.not(p.limit)
	}
	return set
}

// named is a POSIX class. With (*UCP) the common ones know Unicode.
func (p *parser) named(name string) charSet {
	if p.ucp {
		if unicodeName := ucpNames[name]; unicodeName != "" {
			set, _ := property(unicodeName, p.limit)
			return set
		}
	}
	return posix[name]
}

var ucpNames = map[string]string{
	"alpha": "L", "lower": "Ll", "upper": "Lu", "alnum": "Xan", "space": "Xsp", "digit": "Nd", "word": "Xwd",
}

// escaped reads an escape that stands for one character. pos is behind the
// backslash.
func (p *parser) escaped() rune {
	at := p.pos
	c := p.char()
	switch c {
	case 'a':
		return '\a'
	case 'e':
		return 0x1b
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case '0', '1', '2', '3', '4', '5', '6', '7':
		return p.octal(c - '0')
	case 'o':
		if !p.accept("{") {
			p.fail(at, `missing opening brace after \o`)
		}
		return p.braced(8, "non-octal character in \\o{} (closing brace missing?)")
	case 'x':
		return p.hex()
	case 'c':
		return p.control()
	case 'u':
		if p.has(JavaScript) {
			return p.fourHex()
		}
		p.fail(at, unsupported)
	case 'U':
		if !p.has(JavaScript) {
			p.fail(at, unsupported)
		}
	case 'l', 'L':
		p.fail(at, unsupported)
	}
	return c
}

// octal reads up to two more digits.
func (p *parser) octal(value rune) rune {
	for range 2 {
		if c := p.peek(0); '0' <= c && c <= '7' {
			value = value*8 + rune(c-'0')
			p.pos++
		}
	}
	if value > p.limit {
		p.fail(p.pos-1, `octal value is greater than \377 in 8-bit non-UTF-8 mode`)
	}
	return value
}

// braced reads the digits and the closing brace of \x{..} and \o{..}.
func (p *parser) braced(base rune, missing string) rune {
	if p.peek(0) == '}' {
		p.fail(p.pos, `digits missing in \x{} or \o{}`)
	}
	value := rune(0)
	for !p.ended() && hexValue(p.src[p.pos]) < base {
		value = min(value*base+hexValue(p.src[p.pos]), maxRune+1)
		p.pos++
	}
	switch {
	case p.peek(0) != '}' && value <= p.limit:
		p.fail(p.pos, missing)
	case value > p.limit:
		p.fail(p.pos, `character code point value in \x{} or \o{} is too large`)
	case p.utf() && 0xd800 <= value && value <= 0xdfff:
		p.fail(p.pos, "disallowed Unicode code point (>= 0xd800 && <= 0xdfff)")
	}
	p.pos++
	return value
}

// hexValue is the value of a digit, or 16 if c is none.
func hexValue(c byte) rune {
	switch {
	case isDigit(c):
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return 16
}

// hex reads what follows \x.
func (p *parser) hex() rune {
	if p.has(JavaScript) {
		if a, b := hexValue(p.peek(0)), hexValue(p.peek(1)); a < 16 && b < 16 {
			p.pos += 2
			return a*16 + b
		}
		return 'x'
	}
	if p.accept("{") {
		return p.braced(16, "non-hex character in \\x{} (closing brace missing?)")
	}
	value := rune(0)
	for range 2 {
		if d := hexValue(p.peek(0)); d < 16 {
			value = value*16 + d
			p.pos++
		}
	}
	return value
}

// fourHex reads what follows \u for JavaScript.
func (p *parser) fourHex() rune {
	value := rune(0)
	for i := range 4 {
		d := hexValue(p.peek(i))
		if d == 16 {
			return 'u'
		}
		value = value*16 + d
	}
	p.pos += 4
	switch {
	case value > p.limit:
		p.fail(p.pos-1, `character value in \u.... sequence is too large`)
	case p.utf() && 0xd800 <= value && value <= 0xdfff:
		p.fail(p.pos-1, "disallowed Unicode code point (>= 0xd800 && <= 0xdfff)")
	}
	return value
}

// control reads what follows \c.
func (p *parser) control() rune {
	if p.ended() {
		p.fail(p.pos, `\c at end of pattern`)
	}
	c := p.src[p.pos]
	if c > 127 {
		p.fail(p.pos, `\c must be followed by a printable ASCII character`)
	}
	p.pos++
	if 'a' <= c && c <= 'z' {
		c -= 0x20
	}
	return rune(c ^ 0x40)
}
