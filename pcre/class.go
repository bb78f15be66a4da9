package pcre

import "strings"

// class reads a bracketed set of characters.
func (p *parser) class() *node {
	p.pos++
	negate := p.accept("^")
	var sets []charSet
	first := !p.has(JavaScript)
	for ; ; first = false {
		p.skipQuotes()
		if p.ended() {
			p.fail(p.pos, "missing terminating ] for character class")
		}
		if !p.quoting && p.src[p.pos] == ']' && !first {
			p.pos++
			break
		}
		sets = append(sets, p.member())
	}
	set := union(sets...)
	switch {
	case negate:
		return p.set(set.not(p.limit))
	case len(set) == 0:
		return p.set(nil)
	case len(set) == 1 && set[0].lo == set[0].hi:
		return &node{op: opLiteral, text: []rune{set[0].lo}}
	}
	return p.set(set)
}

// skipQuotes steps over \Q and \E within a class.
func (p *parser) skipQuotes() {
	for {
		switch {
		case p.accept(`\E`):
			p.quoting = false
		case !p.quoting && p.accept(`\Q`):
			p.quoting = true
		default:
			return
		}
	}
}

// member reads a character, a range or a named set.
func (p *parser) member() charSet {
	if set, ok := p.posixClass(); ok {
		return set
	}
	lo, set := p.classChar()
	if set != nil {
		return set
	}
	hi := lo
	p.skipQuotes()
	if !p.quoting && p.peek(0) == '-' {
		hyphen := p.pos
		p.pos++
		p.skipQuotes()
		switch {
		case p.ended() || !p.quoting && p.src[p.pos] == ']':
			p.pos = hyphen
		default:
			hi = p.upper(lo)
		}
	}
	chars := charSet{{lo, hi}}
	if p.has(Caseless) {
		return chars.caseless(p.utf())
	}
	return chars
}

// upper reads the end of a range that begins with lo.
func (p *parser) upper(lo rune) rune {
	if _, ok := p.posixClass(); ok {
		p.fail(p.pos-1, "invalid range in character class")
	}
	hi, set := p.classChar()
	if set != nil {
		p.fail(p.pos-1, "invalid range in character class")
	}
	if hi < lo {
		p.fail(p.pos-1, "range out of order in character class")
	}
	return hi
}

// classChar reads one character, or an escape that stands for a set.
func (p *parser) classChar() (rune, charSet) {
	if p.quoting || p.src[p.pos] != '\\' {
		return p.char(), nil
	}
	p.pos++
	if p.ended() {
		p.fail(p.pos, `\ at end of pattern`)
	}
	if set, ok := p.shorthand(); ok {
		if set == nil {
			set = charSet{}
		}
		return 0, set
	}
	switch p.src[p.pos] {
	case 'b':
		p.pos++
		return '\b', nil
	case 'N':
		p.fail(p.pos, `\N is not supported in a class`)
	}
	return p.escaped(), nil
}

// posixEnd finds the terminator of a [:name:], [.name.] or [=name=] at pos.
func (p *parser) posixEnd() (end int, ok bool) {
	kind := p.peek(1)
	if p.peek(0) != '[' || kind == 0 || !strings.ContainsRune(":.=", rune(kind)) {
		return 0, false
	}
	for i := p.pos + 2; i+1 < len(p.src); i++ {
		switch c, next := p.src[i], p.src[i+1]; {
		case c == '\\' && (next == ']' || next == '\\'):
			i++
		case c == ']' || c == '[' && next == kind:
			return 0, false
		case c == kind && next == ']':
			return i, true
		}
	}
	return 0, false
}

// posixClass reads a [:name:] if there is one.
func (p *parser) posixClass() (charSet, bool) {
	end, ok := p.posixEnd()
	if p.quoting || !ok {
		return nil, false
	}
	if p.peek(1) != ':' {
		p.fail(p.pos, "POSIX collating elements are not supported")
	}
	p.pos += 2
	negate := p.accept("^")
	name := p.src[p.pos:end]
	if _, known := posix[name]; !known {
		p.fail(p.pos, "unknown POSIX class name")
	}
	p.pos = end + 2
	if p.has(Caseless) && (name == "lower" || name == "upper") {
		name = "alpha"
	}
	set := p.named(name)
	if negate {
		set = set.not(p.limit)
	}
	return set, true
}

// refusePosix rejects a [:name:] outside a class.
func (p *parser) refusePosix() {
	if _, ok := p.posixEnd(); !ok {
		return
	}
	if p.peek(1) == ':' {
		p.fail(p.pos, "POSIX named classes are supported only within a class")
	}
	p.fail(p.pos, "POSIX collating elements are not supported")
}
