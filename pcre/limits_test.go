package pcre_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/pcre"
)

func compile(t testing.TB, pattern, options string) *pcre.Regex {
	t.Helper()
	re, err := pcre.Compile(pattern, flags(t, options))
	if err != nil {
		t.Fatalf("%q: %v", pattern, err)
	}
	return re
}

// TestCatastrophic has patterns whose naive matching takes ages.
func TestCatastrophic(t *testing.T) {
	as := strings.Repeat("a", 40)
	for _, c := range []struct{ pattern, options, subject string }{
		{`^(a+)+$`, "", as + "!"},
		{`^(\w+\s?)*$`, "", as + "!"},
		{`(a|aa)+$`, "", as + "!"},
		{`(x+x+)+y`, "", strings.Repeat("x", 40)},
		{`(.*)*\d(.*)*\d[^\n]!`, "", as},
		{`^(?:(?:a?){20}){20}b`, "", as},
		{`(a*)*b(?<!c)\1`, "i", as},
		{`^((a|b(?1)c)+)+$`, "", as + "!"},
	} {
		begin := time.Now()
		_, ok, err := compile(t, c.pattern, c.options).MatchString(c.subject, 0, nil)
		if ok || err != nil && !errors.Is(err, pcre.ErrMatchLimit) {
			t.Errorf("%q: got %v, %v", c.pattern, ok, err)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%q took %v", c.pattern, took)
		}
	}
}

func TestMatchLimit(t *testing.T) {
	cache := pcre.NewCache(0)
	cache.SetMatchLimit(1000)
	re, err := cache.Compile(`^(a+)+$`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := re.MatchString(strings.Repeat("a", 20)+"!", 0, nil); err != pcre.ErrMatchLimit {
		t.Errorf("got %v, want %v", err, pcre.ErrMatchLimit)
	}
	if _, ok, err := re.MatchString("aaa", 0, nil); !ok || err != nil {
		t.Errorf("an error stays: %v, %v", ok, err)
	}
}

func TestRecursionWithoutEnd(t *testing.T) {
	if _, _, err := compile(t, `(?R)a|b`, "").MatchString("ba", 0, nil); err != pcre.ErrRecursion {
		t.Errorf("got %v, want %v", err, pcre.ErrRecursion)
	}
	open := strings.Repeat("(", 100_000)
	if _, ok, err := compile(t, `^(\((?1)*\))`, "").MatchString(open, 0, nil); ok || err != pcre.ErrMatchLimit {
		t.Errorf("got %v, %v, want %v", ok, err, pcre.ErrMatchLimit)
	}
}

// TestLongSubjects has matches that must not cost time or memory beyond
// reason for being long.
func TestLongSubjects(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	for _, c := range []struct {
		pattern, subject string
		ok               bool
	}{
		{`a+$`, long, true},
		{`(?:a|b)+$`, long, true},
		{`(a|b)*c`, long, false},
		{`a.*b`, long, false},
		{`\Aa*?$`, long, true},
		{`x.*?y`, strings.Repeat("x", 1<<14), false},
	} {
		_, ok, err := compile(t, c.pattern, "").MatchString(c.subject, 0, nil)
		if ok != c.ok && err != pcre.ErrMatchLimit {
			t.Errorf("%q: got %v, %v, want %v", c.pattern, ok, err, c.ok)
		}
	}
}

func TestBadUTF(t *testing.T) {
	for _, c := range []struct {
		options, subject string
		start            int
		want             error
	}{
		{"u", "你好"[:4], 0, pcre.MatchError(-4)},
		{"u", "a你"[:3], 0, pcre.MatchError(-3)},
		{"u", "\xc0\x80", 0, pcre.MatchError(-17)},
		{"u", "\xe0\x80\x80", 0, pcre.MatchError(-18)},
		{"u", "\xf0\x80\x80\x80", 0, pcre.MatchError(-19)},
		{"u", "\xed\xa0\x80", 0, pcre.MatchError(-16)},
		{"u", "\xf4\x90\x80\x80", 0, pcre.MatchError(-15)},
		{"u", "\xf8\x88\x80\x80\x80", 0, pcre.MatchError(-13)},
		{"u", "ab\x80", 0, pcre.MatchError(-22)},
		{"u", "\xff", 0, pcre.MatchError(-23)},
		{"u", "\xc3(", 0, pcre.MatchError(-8)},
		{"u", "你好", 1, pcre.ErrBadStart},
		{"U", "你好"[:4], 0, nil},
		{"U", "你好", 1, nil},
		{"", "\xff", 0, nil},
	} {
		if _, _, err := compile(t, `.+\b`, c.options).MatchString(c.subject, c.start, nil); err != c.want {
			t.Errorf("%s on %q from %d: got %v, want %v", c.options, c.subject, c.start, err, c.want)
		}
	}
}

func TestLongest(t *testing.T) {
	for _, c := range []struct {
		pattern, subject string
		end              int // -1: no match
	}{
		{"(he|hell)", "hello", 4},
		{"[0-9]|[0-9][0-9]", "1234", 2},
		{"<.*?>", "<a><b>", 6},
		{"(a|ab)(c|bcd)?", "abcd", 4},
		{"(a|aa)*b", strings.Repeat("a", 4000), -1},
		{"(a|aa)*", strings.Repeat("a", 4000), 4000},
		{"(?:a?){2}(ab)?", "aab", 3},
		{"x", "y", -1},
	} {
		re := compile(t, c.pattern, "d")
		if re.NumGroups() != 0 {
			t.Errorf("%q: %d groups, want none", c.pattern, re.NumGroups())
		}
		caps, ok, err := re.MatchString(c.subject, 0, nil)
		switch {
		case err != nil || ok != (c.end >= 0):
			t.Errorf("%q on %.20q: got %v, %v", c.pattern, c.subject, ok, err)
		case ok && caps[1] != c.end:
			t.Errorf("%q on %.20q: ends at %d, want %d", c.pattern, c.subject, caps[1], c.end)
		}
	}
}

func TestNames(t *testing.T) {
	re := compile(t, `(?<a>x)(y)(?P<b>z)|(?'a'w)`, "D")
	want := []pcre.NamedGroup{{Name: "a", Index: 1}, {Name: "b", Index: 3}, {Name: "a", Index: 4}}
	got := re.Names()
	if re.NumGroups() != 4 || len(got) != len(want) {
		t.Fatalf("%d groups, names %v", re.NumGroups(), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("name %d: got %v, want %v", i, got[i], want[i])
		}
	}
}

func TestCapsAreReused(t *testing.T) {
	re := compile(t, `(a)(b)?`, "")
	caps := make([]int, 0, 10)
	got, ok, _ := re.MatchString("xa", 0, caps)
	if !ok || len(got) != 6 || &got[0] != &caps[:1][0] {
		t.Errorf("got %v %v in new memory", got, ok)
	}
	for _, start := range []int{-1, 3} {
		if _, ok, err := re.MatchString("xa", start, caps); ok || err != nil {
			t.Errorf("start %d: %v, %v", start, ok, err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	cache := pcre.NewCache(2)
	var wg sync.WaitGroup
	for _, pattern := range []string{`(\w+)=(\d+)`, `(?i)(b)|c`, `(a)\1`} {
		for range 2 {
			wg.Go(func() {
				for range 200 {
					re, err := cache.Compile(pattern, 0)
					if err != nil {
						t.Error(err)
						return
					}
					if caps, ok, err := re.MatchString("xx b=12 aa", 0, nil); !ok || err != nil || caps[2] < 3 {
						t.Errorf("%q: %v %v %v", pattern, caps, ok, err)
					}
				}
			})
		}
	}
	wg.Wait()
}
