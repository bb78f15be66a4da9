package lpeg

import "github.com/luahttpd/luahttpd/lua/vm"

// visit is how far the search for left recursion is with a rule.
type visit uint8

const (
	unseen  visit = iota
	active        // on the way from the rule where the search began
	checked       // not left recursive
)

// grammar makes the pattern of a table of rules, argument i.
func (l *library) grammar(t *vm.Thread, src *vm.Table, i int) *node {
	rules, index := l.collect(t, src)
	if len(rules) > maxRules {
		t.ArgError(i, "grammar has too many rules")
	}
	g := &node{kind: kGrammar, fixed: true, size: 1}
	for _, r := range rules {
		g.size += r.body.size + 1
		g.values += r.body.values
	}
	l.bounded(t, g)
	var calls [][]*rule
	for _, r := range rules {
		var called []*rule
		r.body = r.body.finish(func(open *node) *node {
			n, ok := index.Get(open.value).ToNumber()
			if !ok {
				t.Errorf("rule '%s' undefined in given grammar", name(open.value))
			}
			to := rules[int(n)-1]
			to.called = true
			called = append(called, to)
			return &node{kind: kCall, rule: to, size: 1, fixed: true}
		})
		calls = append(calls, called)
	}
	rules[0].called = true
	g.rules = rules
	for _, r := range rules {
		if r.called {
			leftRecursion(t, r)
		}
	}
	for _, r := range rules {
		if r.called && r.body.loops(map[*node]bool{}) {
			t.Errorf("empty loop in rule '%s'", name(r.name))
		}
	}
	markCaptures(rules, calls)
	return g
}

// collect gives the rules of a grammar, the initial one first, and a table
// with the number of each by its name.
func (l *library) collect(t *vm.Thread, src *vm.Table) ([]*rule, *vm.Table) {
	index := l.m.NewTable(0, 8)
	initial, at := src.GetInt(1), vm.Int(1)
	if k := initial.Kind(); k == vm.KString || k == vm.KNumber {
		at = initial
		initial = t.Index(src.Value(), at)
	}
	p := l.pattern(initial)
	if p == nil {
		if initial.IsNil() {
			t.Errorf("grammar has no initial rule")
		}
		t.Errorf("initial rule '%s' is not a pattern", name(at))
	}
	rules := []*rule{{name: at, body: p.node}}
	index.Set(at, vm.Int(1))
	one := vm.Int(1)
	for k, v, ok := src.Next(vm.Nil); ok; k, v, ok = src.Next(k) {
		if vm.RawEqual(k, one) || vm.RawEqual(k, at) {
			continue
		}
		p := l.pattern(v)
		if p == nil {
			t.Errorf("rule '%s' is not a pattern", name(k))
		}
		rules = append(rules, &rule{name: k, body: p.node, index: len(rules)})
		index.Set(k, vm.Int(len(rules)))
	}
	return rules, index
}

// name is what a rule is called in messages.
func name(v vm.Value) string {
	if s, ok := v.ToString(); ok {
		return s
	}
	return "(a " + v.Kind().String() + ")"
}

// leftRecursion raises an error when a rule can get back to itself before it
// has taken a byte.
func leftRecursion(t *vm.Thread, r *rule) {
	switch r.state {
	case active:
		t.Errorf("rule '%s' may be left recursive", name(r.name))
	case unseen:
		r.state = active
		leftCalls(t, r.body, map[*node]bool{})
		r.state = checked
	}
}

// leftCalls follows the calls at the left of n and tells whether n is
// nullable, which a search that is not over cannot be asked of the node.
func leftCalls(t *vm.Thread, n *node, seen map[*node]bool) (nullable bool) {
	if v, ok := seen[n]; ok {
		return v
	}
	switch n.kind {
	case kTrue, kBehind:
		return true
	case kFalse, kSet, kText, kAny, kUTF:
		return false
	case kNot, kAnd, kRep:
		leftCalls(t, n.a, seen)
		nullable = true
	case kSeq:
		nullable = leftCalls(t, n.a, seen) && leftCalls(t, n.b, seen)
	case kChoice:
		a := leftCalls(t, n.a, seen)
		nullable = leftCalls(t, n.b, seen) || a
	case kCall:
		leftRecursion(t, n.rule)
		nullable = n.rule.body.nullable()
	case kGrammar:
		nullable = n.nullable()
	default:
		nullable = leftCalls(t, n.a, seen)
	}
	seen[n] = nullable
	return nullable
}

// loops tells whether the body of a repetition in n may match the empty
// string. The grammars in n are known not to.
func (n *node) loops(seen map[*node]bool) bool {
	for ; n != nil && n.kind != kGrammar && n.kind != kCall && !seen[n]; n = n.a {
		seen[n] = true
		if n.kind == kRep && n.a.nullable() || n.b != nil && n.b.loops(seen) {
			return true
		}
	}
	return false
}

// markCaptures finds the rules that have captures; calls are those of each.
func markCaptures(rules []*rule, calls [][]*rule) {
	callers := make([][]*rule, len(rules))
	var found []*rule
	mark := func(r *rule) {
		if !r.captures {
			r.captures = true
			found = append(found, r)
		}
	}
	for i, r := range rules {
		for _, to := range calls[i] {
			callers[to.index] = append(callers[to.index], r)
		}
		if r.body.captured(map[*node]bool{}) {
			mark(r)
		}
	}
	for len(found) > 0 {
		r := found[len(found)-1]
		found = found[:len(found)-1]
		for _, c := range callers[r.index] {
			mark(c)
		}
	}
}

// captured tells whether n has a capture itself, whatever it calls.
func (n *node) captured(seen map[*node]bool) bool {
	for ; n != nil && !seen[n]; n = n.a {
		seen[n] = true
		switch n.kind {
		case kCapture, kRuntime:
			return true
		case kCall:
			return false
		case kGrammar:
			return n.rules[0].captures
		}
		if n.b != nil && n.b.captured(seen) {
			return true
		}
	}
	return false
}
