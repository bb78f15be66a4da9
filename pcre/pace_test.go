package pcre

import (
	"errors"
	"strings"
	"testing"
)

type paces struct {
	list []int
	stop int // panic at this call
}

func (p *paces) Pause(n int) {
	p.list = append(p.list, n)
	if len(p.list) == p.stop {
		panic("stop")
	}
}

// TestPaced: a match that is told of its work in portions has the result that
// it has at once, and takes as many steps.
func TestPaced(t *testing.T) {
	for _, c := range []struct {
		pattern, subject string
		flags            Flags
		least            int
	}{
		{"^(a+)+$", strings.Repeat("a", 28) + "b", 0, MatchLimit - stride},
		{"^(a+)+$", strings.Repeat("a", 16) + "b", 0, stride / 2},
		{"(x+x+)+y\\1", strings.Repeat("x", 40), 0, MatchLimit - stride},
		{"b", strings.Repeat("a", 100), 0, 0},
		{"[ab]c", strings.Repeat("a", 3*stride) + "-c", 0, 3 * stride},
		{"(a|aa)+$", strings.Repeat("a", 2000), DFA, 2000},
	} {
		re, err := Compile(c.pattern, c.flags)
		if err != nil {
			t.Fatal(err)
		}
		p := &paces{}
		_, want, wantErr := re.MatchString(c.subject, 0, nil)
		_, ok, err := re.MatchPaced(c.subject, 0, nil, p)
		if ok != want || !errors.Is(err, wantErr) {
			t.Errorf("%s: %v %v, at once %v %v", c.pattern, ok, err, want, wantErr)
		}
		total := 0
		for _, n := range p.list {
			if total += n; n > stride+stride/10 {
				t.Errorf("%s: %d steps at once", c.pattern, n)
			}
		}
		if total < c.least || total > MatchLimit+stride {
			t.Errorf("%s: %d steps, want at least %d", c.pattern, total, c.least)
		}
		if len(p.list) > 1 {
			func() {
				defer func() { recover() }()
				re.MatchPaced(c.subject, 0, nil, &paces{stop: 1})
				t.Errorf("%s: not stopped", c.pattern)
			}()
			if _, ok, err := re.MatchString(c.subject, 0, nil); ok != want || !errors.Is(err, wantErr) {
				t.Errorf("%s: after a panic %v %v", c.pattern, ok, err)
			}
		}
	}
}
