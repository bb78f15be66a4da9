package phases

import (
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/pcre"
)

// Regex is an expression of the configuration. A match sets $1 … $9 and the
// variables of its named groups.
type Regex struct {
	re    *pcre.Regex
	named []namedGroup
}

type namedGroup struct {
	index int
	set   func(r *Request, value []byte)
}

// Regex compiles an expression of statement s, with nginx's messages.
func (b *Block) Regex(s *conf.Stmt, pattern string, caseless bool) (*Regex, error) {
	var f pcre.Flags
	if caseless {
		f |= pcre.Caseless
	}
	re, err := b.Config.regexes.Compile(pattern, f)
	if err != nil {
		return nil, s.Errorf("%v", err)
	}
	x := &Regex{re: re}
	for _, g := range re.Names() {
		set, err := b.SettableVariable(s, g.Name)
		if err != nil {
			return nil, err
		}
		x.named = append(x.named, namedGroup{g.Index, set})
	}
	return x, nil
}

// Groups is the number of groups without the whole match.
func (x *Regex) Groups() int { return x.re.NumGroups() }

// Match matches subject. On a match r, when not nil, gets the captures; it
// keeps subject, which must not change while the request lives. A match that
// took too long is logged and counts as an error, as nginx's pcre_exec.
func (x *Regex) Match(r *Request, subject []byte) (bool, error) {
	groups, ok, err := x.re.Match(subject, 0, nil)
	if err != nil || !ok || r == nil {
		return ok, err
	}
	r.captured, r.captures = subject, groups
	for _, g := range x.named {
		if from, to := groups[2*g.index], groups[2*g.index+1]; from >= 0 {
			g.set(r, subject[from:to:to])
		}
	}
	return true, nil
}

// Pair returns the first two groups of a match. The request's captures stay.
func (x *Regex) Pair(subject []byte) (first, second []byte, ok bool) {
	groups, ok, err := x.re.Match(subject, 0, nil)
	if err != nil || !ok || len(groups) < 6 || groups[2] < 0 || groups[4] < 0 {
		return nil, nil, false
	}
	return subject[groups[2]:groups[3]], subject[groups[4]:groups[5]], true
}
