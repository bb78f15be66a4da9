package pcre_test

import (
	"fmt"
	"testing"

	"github.com/luahttpd/luahttpd/pcre"
)

// flags reads options and the extra letters of these tests: U for Ungreedy is
// written (?U) in the pattern, E is DollarEndOnly.
func flags(t testing.TB, options string) pcre.Flags {
	t.Helper()
	f, err := pcre.ParseFlags(options)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, options, subject string
		start                     int
		want                      string // offsets, or "" for no match
	}{
		{"hello", "", "say hello", 0, "4 9"},
		{"([0-9]+)(h?)", "", "hello, 1234", 0, "7 11 7 11 11 11"},
		{"(hello)(.+)?", "", "hello", 0, "0 5 0 5 -1 -1"},
		{"HELLO", "i", "hello, 1234", 0, "0 5"},
		{"(?<=foo)bar|(?<=bar)baz", "", "{foobarbaz}", 0, "4 7"},
		{"(?<=foo)bar|(?<=bar)baz", "", "{foobarbaz}", 7, "7 10"},
		{`\w \w`, "x", "hello\nworld", 0, "0 2"},
		{"^world", "m", "hello\nworld", 0, "6 11"},
		{"^world", "s", "hello\nworld", 0, ""},
		{".*", "s", "hello\nworld", 0, "0 11"},
		{".*", "m", "hello\nworld", 0, "0 5"},
		{"([0-9]+)", "a", "hello, 1234", 0, ""},
		{"([0-9]+)", "a", "hello, 1234", 7, "7 11 7 11"},
		{".", "u", "你好", 0, "0 3"},
		{".", "U", "你好", 3, "3 6"},
		{".", "", "你好", 0, "0 1"},
		{`\u7AE0`, "uJ", "章", 0, "0 3"},
		{`(\G[0-9]+)`, "", "12 34", 3, "3 5 3 5"},
	} {
		re, err := pcre.Compile(c.pattern, flags(t, c.options))
		if err != nil {
			t.Errorf("%q %s: %v", c.pattern, c.options, err)
			continue
		}
		caps, ok, err := re.MatchString(c.subject, c.start, nil)
		got := ""
		if ok {
			got = fmt.Sprint(caps)
			got = got[1 : len(got)-1]
		}
		if got != c.want || err != nil {
			t.Errorf("%q %s on %q from %d: got %q %v, want %q", c.pattern, c.options, c.subject, c.start, got, err, c.want)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    string
		offset  int
	}{
		{"(abc", "missing )", 4},
		{"abc)", "unmatched parentheses", 3},
		{"*a", "nothing to repeat", 0},
		{"[abc", "missing terminating ] for character class", 4},
		{`a\`, `\ at end of pattern`, 2},
	} {
		_, err := pcre.Compile(c.pattern, 0)
		ce, ok := err.(*pcre.CompileError)
		if !ok || ce.Msg != c.want || ce.Offset != c.offset {
			t.Errorf("%q: got %v, want %s at offset %d", c.pattern, err, c.want, c.offset)
		}
	}
}

func TestFlags(t *testing.T) {
	_, err := pcre.ParseFlags("Hm")
	if want := `unknown flag "H" (flags "Hm")`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCache(t *testing.T) {
	c := pcre.NewCache(2)
	a, _ := c.Compile("a", 0)
	if again, _ := c.Compile("a", pcre.CompileOnce|pcre.JIT); again != a {
		t.Error("options that do not change the meaning miss the cache")
	}
	if other, _ := c.Compile("a", pcre.Caseless); other == a {
		t.Error("flags are not part of the key")
	}
	c.Compile("a", 0)
	c.Compile("b", 0)
	if again, _ := c.Compile("a", 0); again != a {
		t.Error("the entry used last was dropped")
	}
	if c.Len() != 2 {
		t.Errorf("%d entries, want 2", c.Len())
	}
	if _, err := c.Compile("(", 0); err == nil || c.Len() != 2 {
		t.Error("a broken pattern was kept")
	}
}
