// Package pcre matches Perl-compatible regular expressions with the meaning
// they have in nginx directives and in ngx.re.*. Without UTF an expression
// matches bytes, only ASCII letters have two cases and only ASCII letters,
// digits and the underscore are word characters.
package pcre

import (
	"fmt"
	"unsafe"
)

// MatchError is why a match was given up: PCRE2's number for it.
type MatchError int

// Errors of Match. For subjects that are not UTF-8 there are others.
const (
	ErrMatchLimit MatchError = -47
	ErrBadStart   MatchError = -36 // within a character
	ErrRecursion  MatchError = -52 // a group calls itself for ever
)

// Error is the message of lua-nginx-module.
func (e MatchError) Error() string { return fmt.Sprintf("pcre_exec() failed: %d", int(e)) }

// CompileError says why a pattern is refused, in PCRE2's words.
type CompileError struct {
	Pattern string
	Msg     string
	Offset  int // bytes into Pattern where PCRE gives up
}

// Error is the message of nginx and of ngx.re.match. What follows the offset
// is named unless the pattern ends there.
func (e *CompileError) Error() string {
	if e.Offset >= len(e.Pattern) {
		return fmt.Sprintf("pcre2_compile() failed: %s in \"%s\"", e.Msg, e.Pattern)
	}
	return fmt.Sprintf("pcre2_compile() failed: %s in \"%s\" at \"%s\"", e.Msg, e.Pattern, e.Pattern[e.Offset:])
}

// NamedGroup is a capture group that has a name.
type NamedGroup struct {
	Name  string
	Index int // from 1
}

// Regex is a compiled expression. It is immutable apart from pooled buffers
// and may be used by several goroutines at once.
type Regex struct {
	pattern string
	flags   Flags
	groups  int
	names   []NamedGroup
	search  *searcher
}

// Compile compiles pattern. The error is a *CompileError.
func Compile(pattern string, f Flags) (*Regex, error) {
	p, root, err := parse(pattern, f)
	if err != nil {
		return nil, err
	}
	re := &Regex{pattern: pattern, flags: f, search: newSearcher(p, root, f)}
	if f&DFA == 0 {
		re.groups, re.names = len(p.groups)-1, p.names
	}
	return re, nil
}

// SetMatchLimit changes how many steps an attempt at one position may take:
// lua_regex_match_limit. Zero or less is MatchLimit. It must be called before
// the Regex is shared.
func (re *Regex) SetMatchLimit(steps int) {
	if steps <= 0 {
		steps = MatchLimit
	}
	re.search.limit = steps
}

// String is the pattern as given to Compile.
func (re *Regex) String() string { return re.pattern }

// Flags are the flags given to Compile.
func (re *Regex) Flags() Flags { return re.flags }

// NumGroups is the number of capture groups, the whole match not counted. With
// DFA there are none.
func (re *Regex) NumGroups() int { return re.groups }

// Names are the named groups in the order of the pattern. With DupNames one
// name may stand there several times. The caller must not change it.
func (re *Regex) Names() []NamedGroup { return re.names }

// Match looks for the first match that begins at or after byte start. What
// precedes start is seen by look-behinds, \b and ^. The offsets of group i are
// in the result at 2i and 2i+1, -1 if the group is unset. caps is reused if it
// is large enough, and returned in any case. err is a
// MatchError: ErrMatchLimit or ErrRecursion, or, with UTF but without
// NoUTFCheck, ErrBadStart or what is wrong with the subject. The time a match takes is bounded by its steps.
func (re *Regex) Match(subject []byte, start int, caps []int) (offsets []int, ok bool, err error) {
	return re.paced(subject, start, caps, nil)
}

func (re *Regex) paced(subject []byte, start int, caps []int, p Pacer) (offsets []int, ok bool, err error) {
	n := 2 * (re.groups + 1)
	if cap(caps) < n {
		caps = make([]int, n)
	}
	caps = caps[:n]
	for i := range caps {
		caps[i] = -1
	}
	if start < 0 || start > len(subject) {
		return caps, false, nil
	}
	ok, err = re.search.paced(subject, start, caps, p)
	return caps, ok, err
}

// MatchPaced is MatchString with somebody who hears of the work.
func (re *Regex) MatchPaced(subject string, start int, caps []int, p Pacer) (offsets []int, ok bool, err error) {
	return re.paced(unsafe.Slice(unsafe.StringData(subject), len(subject)), start, caps, p)
}

// MatchString is Match on a string.
func (re *Regex) MatchString(subject string, start int, caps []int) (offsets []int, ok bool, err error) {
	return re.Match(unsafe.Slice(unsafe.StringData(subject), len(subject)), start, caps)
}
