package lpeg

import (
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// suffix applies the operator that follows to n; nil when there is none.
func (p *reParser) suffix(n *node) *node {
	from := p.i
	switch {
	case p.take("+"):
		return p.atLeast(n, 1)
	case p.take("*"):
		return p.atLeast(n, 0)
	case p.take("?"):
		return atMost(n, 1)
	case p.take("^"):
		if m := p.times(n); m != nil {
			return m
		}
	case p.take("->"):
		p.space()
		if s, ok := p.quoted(); ok {
			return newCapture(cString, n, vm.String(s))
		}
		if i, ok := p.number(); ok {
			if i > maxShort {
				p.t.Errorf("invalid number")
			}
			m := newCapture(cNumber, n, vm.Nil)
			m.n = i
			return m
		}
		if p.take("{}") {
			return newCapture(cTable, n, vm.Nil)
		}
		if name := p.name(); name != "" {
			return p.l.over(p.t, n, p.definition(name), 2)
		}
	case p.take("=>"):
		if v, ok := p.function(); ok {
			return newRuntime(n, v)
		}
	case p.take(">>"):
		p.space()
		if name := p.name(); name != "" {
			return newCapture(cAcc, n, p.definition(name))
		}
	case p.take("~>"):
		if v, ok := p.function(); ok {
			return newCapture(cFold, n, v)
		}
	}
	p.i = from
	return nil
}

func (p *reParser) atLeast(n *node, times int) *node {
	p.l.loopable(p.t, n)
	if times > maxSize || times*(n.size+1) > maxSize {
		p.t.Errorf("pattern too big")
	}
	return atLeast(n, times)
}

// times is what follows '^': n, +n or -n.
func (p *reParser) times(n *node) *node {
	sign := byte(0)
	if p.at("+") || p.at("-") {
		sign = p.s[p.i]
		p.i++
	}
	i, ok := p.number()
	switch {
	case !ok:
		return nil
	case sign == '+':
		return p.atLeast(n, i)
	case i > maxSize || i*(n.size+2) > maxSize:
		p.t.Errorf("pattern too big")
	case i == 0:
		return nodeTrue
	case sign == '-':
		return atMost(n, i)
	}
	m := n
	for ; i > 1; i-- {
		m = seq(n, m)
	}
	return m
}

// function takes the name of a definition that must be a function.
func (p *reParser) function() (v vm.Value, ok bool) {
	p.space()
	name := p.name()
	if name == "" {
		return vm.Nil, false
	}
	v = p.definition(name)
	if v.Kind() != vm.KFunction {
		p.t.Errorf("'%s' is not a function", name)
	}
	return v, true
}

// definition is what the program defines a name as.
func (p *reParser) definition(name string) vm.Value {
	v := p.lookup(name)
	if !v.Truth() {
		p.t.Errorf("undefined name: %s", name)
	}
	return v
}

func (p *reParser) lookup(name string) vm.Value {
	if !p.defs.Truth() {
		return vm.Nil
	}
	return p.t.Index(p.defs, vm.String(name))
}

// quoted takes a string in quotes.
func (p *reParser) quoted() (s string, ok bool) {
	if !p.at("'") && !p.at(`"`) {
		return "", false
	}
	end := strings.IndexByte(p.s[p.i+1:], p.s[p.i])
	if end < 0 {
		return "", false
	}
	s = p.s[p.i+1 : p.i+1+end]
	p.i += end + 2
	return s, true
}

// primary takes the smallest part of a pattern; nil when there is none.
func (p *reParser) primary() *node {
	if p.i == len(p.s) {
		return nil
	}
	from := p.i
	if n := p.atom(); n != nil {
		return n
	}
	p.i = from
	return nil
}

// brackets are the captures around an expression, the longer marks first.
var brackets = []struct {
	begin, end string
	capture    capture
}{
	{"{~", "~}", cSubst},
	{"{|", "|}", cTable},
	{"{", "}", cSimple},
}

func (p *reParser) atom() *node {
	if s, ok := p.quoted(); ok {
		return newText(s)
	}
	switch {
	case p.take("("):
		n := p.expression()
		if p.take(")") {
			return n
		}
		return nil
	case p.take("["):
		return p.class()
	case p.take("%"):
		if name := p.name(); name != "" {
			return p.named(name)
		}
		return nil
	case p.take("{:"):
		return p.group()
	case p.take("="):
		if name := p.name(); name != "" {
			return newRuntime(newCapture(cBackref, nodeTrue, vm.String(name)), p.l.re.equal)
		}
		return nil
	case p.take("{}"):
		return newCapture(cPosition, nodeTrue, vm.Nil)
	case p.take("."):
		return newAny(1)
	case p.take("<"):
		if name := p.name(); name != "" && p.take(">") {
			return p.call(name)
		}
		return nil
	}
	for _, b := range brackets {
		if p.take(b.begin) {
			n := p.expression()
			if p.take(b.end) {
				return newCapture(b.capture, n, vm.Nil)
			}
			return nil
		}
	}
	if p.defined() != "" {
		return nil
	}
	if name := p.name(); name != "" {
		return p.call(name)
	}
	return nil
}

// group is what follows '{:'.
func (p *reParser) group() *node {
	value := vm.Nil
	from := p.i
	if name := p.name(); name != "" && p.take(":") {
		value = vm.String(name)
	} else {
		p.i = from
	}
	n := p.expression()
	if !p.take(":}") {
		return nil
	}
	return newCapture(cGroup, n, value)
}

func (p *reParser) call(name string) *node {
	if !p.grammar {
		p.t.Errorf("rule '%s' used outside a grammar", name)
	}
	return &node{kind: kOpenCall, value: vm.String(name), open: true, size: 1, values: 1}
}

// named is the pattern that a definition or a predefined name stands for.
func (p *reParser) named(name string) *node {
	if v := p.lookup(name); v.Truth() {
		return p.l.toNode(p.t, v, 2)
	}
	n := p.l.re.predefed[name]
	if n == nil {
		p.t.Errorf("name '%s' undefined", name)
	}
	return n
}

// class is what follows '['; its first item may be ']'.
func (p *reParser) class() *node {
	complement := p.take("^")
	var n *node
	for n == nil || !p.at("]") {
		item := p.item()
		if item == nil {
			return nil
		}
		if n != nil {
			item = choice(n, item)
		}
		n = item
	}
	p.i++
	if complement {
		return without(newAny(1), n)
	}
	return n
}

func (p *reParser) item() *node {
	from := p.i
	if p.take("%") {
		if name := p.name(); name != "" {
			return p.named(name)
		}
		p.i = from
	}
	rest := p.s[p.i:]
	if rest == "" {
		return nil
	}
	var c charset
	if len(rest) > 2 && rest[1] == '-' && rest[2] != ']' {
		for b := int(rest[0]); b <= int(rest[2]); b++ {
			c.add(byte(b))
		}
		p.i += 3
	} else {
		c.add(rest[0])
		p.i++
	}
	return newSet(c)
}
