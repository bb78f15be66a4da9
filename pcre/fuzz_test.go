package pcre

import (
	"regexp"
	"testing"
)

var seeds = []string{
	`^/api/v\d+/(\w+)$`, `(?i)(bot|crawl(?:er)?)[/ ](\d+)?`, `(a+)+b`, `(?<=a|bc)\b[^x-z]*?(?!c)`, `(?|(a)|(b))\1{2,3}+`,
	`\((?:[^()]++|(?R))*\)`, `(?<n>a)?(?(n)b|c)\K`, `(*UTF8)\p{Lu}[[:^alpha:]\h]+\R`, `a(*SKIP)b|(?>c(*THEN)d|e)(*ACCEPT)`,
	`\Q.*\E\x{41}\101\g{-1}()`, `((?1)a|(*COMMIT))*?$`, `(?x) a # b`, `(?:a?){2,}`, `(a|b|)*?c{0}`, `[]-a[:space:]\d-z]`,
}

// FuzzMatch compiles and matches anything: no panic, no endless match, and
// offsets that make sense.
func FuzzMatch(f *testing.F) {
	for i, s := range seeds {
		f.Add(s, uint32(i*37), "abc (a) bc\r\n ABC/é\xff", i%4)
	}
	f.Fuzz(func(t *testing.T, pattern string, flags uint32, subject string, start int) {
		re, err := Compile(pattern, Flags(flags))
		if err != nil {
			if ce, ok := err.(*CompileError); !ok || ce.Offset < 0 || ce.Offset > len(pattern) {
				t.Fatalf("%q: %v", pattern, err)
			}
			return
		}
		re.search.limit = 10_000
		caps, ok, err := re.MatchString(subject, start, nil)
		if !ok || err != nil {
			return
		}
		for i := 0; i < len(caps); i += 2 {
			if unset := caps[i] == -1 && caps[i+1] == -1 && i > 0; unset {
				continue
			}
			if caps[i] < 0 || caps[i+1] > len(subject) || caps[i] > len(subject) {
				t.Fatalf("%q on %q: group %d at %v", pattern, subject, i/2, caps[i:i+2])
			}
		}
	})
}

// common reports whether an expression means the same everywhere: no repeat
// of what may be empty, where engines differ in when they stop.
func common(p *parser, root *node) bool {
	c := &compiler{p: p}
	same := true
	root.walk(func(n *node) {
		switch n.op {
		case opRepeat:
			same = same && c.consumes(n.subs[0])
		case opCall, opKeep, opByte, opGrapheme, opCond:
			same = false
		}
	})
	return same
}

// FuzzRegexp2 compares with the .NET engine, which has look-around and
// references too.
func FuzzRegexp2(f *testing.F) {
	for i, s := range seeds {
		f.Add(s, uint32(i%16), "abc (a) bc\r\n ABC/é\xff", i%4)
	}
	f.Fuzz(func(t *testing.T, pattern string, flags uint32, subject string, start int) {
		fl := Flags(flags) & (Caseless | Multiline | DotAll | Extended | Anchored | DollarEndOnly)
		p, root, err := parse(pattern, fl)
		if err != nil || p.utf() || !common(p, root) || start < 0 || start > len(subject) {
			return
		}
		other, err := newBacktracker(p, root, fl)
		if err != nil {
			return
		}
		own := newSearcher(p, root, fl)
		own.limit = 100_000
		compareEngines(t, pattern, subject, start, len(p.groups), own.match, other.match)
	})
}

type matcher func(subject []byte, start int, caps []int) (bool, error)

func compareEngines(t *testing.T, pattern, subject string, start, groups int, a, b matcher) {
	capsA, capsB := make([]int, 2*groups), make([]int, 2*groups)
	for i := range capsA {
		capsA[i], capsB[i] = -1, -1
	}
	okA, err := a([]byte(subject), start, capsA)
	if err != nil {
		return
	}
	okB, err := b([]byte(subject), start, capsB)
	if err != nil {
		return
	}
	if okA != okB {
		t.Fatalf("%q on %q from %d: %v, the other %v", pattern, subject, start, okA, okB)
	}
	for i := range capsA {
		if okA && capsA[i] != capsB[i] {
			t.Fatalf("%q on %q from %d: %v, the other %v", pattern, subject, start, capsA, capsB)
		}
	}
}

// FuzzStd compares with package regexp on what both can say.
func FuzzStd(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "abc (a) bc ABC")
	}
	f.Fuzz(func(t *testing.T, pattern, subject string) {
		for _, s := range []string{pattern, subject} {
			for _, b := range []byte(s) {
				if b >= 0x80 || b == '\n' || b == '\v' {
					return // std is always UTF-8, $ is \z there and \s has no \v
				}
			}
		}
		std, err := regexp.Compile(pattern)
		if err != nil {
			return
		}
		p, root, err := parse(pattern, 0)
		if err != nil || !common(p, root) || p.flags != 0 || std.NumSubexp() != len(p.groups)-1 || !sameSyntax(pattern) {
			return
		}
		own := newSearcher(p, root, 0)
		own.limit = 100_000
		compareEngines(t, pattern, subject, 0, len(p.groups), own.match, func(s []byte, _ int, caps []int) (bool, error) {
			return copy(caps, std.FindSubmatchIndex(s)) > 0, nil
		})
	})
}

// different finds what std spells alike and means otherwise: \C, \v, \h, flags
// classes with brackets or escapes inside, and counts like {01}.
var different = regexp.MustCompile(`\\[^dDwWsSbB.*+?()|\[\]{}^$\\/-]|\(\?[^:]|\[[^\]]*[\[\\&-]|\[\]|\[\^\]|\{[^}]*\{|\{,|[{,]0[0-9]`)

func sameSyntax(pattern string) bool { return !different.MatchString(pattern) }
