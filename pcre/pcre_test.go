package pcre_test

import (
	"fmt"
	"testing"

	"github.com/luahttpd/luahttpd/pcre"
)

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
		// literals and classes
		{"hello", "", "say hello", 0, "4 9"},
		{"a.c", "", "a\nc abc", 0, "4 7"},
		{`\N+`, "", "ab\ncd", 0, "0 2"},
		{"[abc]+", "", "xxcabz", 0, "2 5"},
		{"[^abc]+", "", "abxyc", 0, "2 4"},
		{"[]a]+", "", "x]a]", 0, "1 4"},
		{"[^]a]+", "", "]xa", 0, "1 2"},
		{"[a-]+", "", "x-a-", 0, "1 4"},
		{"[-a]+", "", "x-a-", 0, "1 4"},
		{`[\w-]+`, "", "; a-b", 0, "2 5"},
		{`[\]\\]+`, "", `a]\b`, 0, "1 3"},
		{"[[:alpha:]]+", "", "12abC3", 0, "2 5"},
		{"[[:^digit:]]+", "", "12ab3", 0, "2 4"},
		{"[[:punct:][:space:]]+", "", "ab ,;c", 0, "2 5"},
		{"[[:xdigit:]]+", "", "xyzCAFE", 0, "3 7"},
		{"[a-z-[x]]+", "", "ab-[x]c]]", 0, "4 6"},
		{`[\d\s]+`, "", "a1 2b", 0, "1 4"},
		{`[\x41-\x43]+`, "", "xABCD", 0, "1 4"},
		{`[\101-\103]+`, "", "xABCD", 0, "1 4"},
		{`[\b]`, "", "a\x08c", 0, "1 2"},
		{`\Qa.b\E+`, "", "a.bbb", 0, "0 5"},
		{`[\Q^]\E]+`, "", "x^]y", 0, "1 3"},
		{"[a&&b]+", "", "a&b", 0, "0 3"},
		// escapes
		{`\t\x0a\e\cA\0`, "", "\t\n\x1b\x01\x00", 0, "0 5"},
		{`\x{41}\o{102}\103`, "", "ABC", 0, "0 3"},
		{`\h+`, "", "a \t\xa0b", 0, "1 4"},
		{`\H+`, "", " ab ", 0, "1 3"},
		{`\v+`, "", "a\n\r\x85b", 0, "1 4"},
		{`\V+`, "", "\nab\n", 0, "1 3"},
		{`a\Rb`, "", "a\r\nb", 0, "0 4"},
		{`a\R{2}b`, "", "a\r\nb", 0, ""},
		{`a\R{2}b`, "", "a\n\rb", 0, "0 4"},
		{`\X`, "", "\r\nb", 0, "0 2"},
		{`\C\C`, "", "é", 0, "0 2"},
		{`\p{Lu}+`, "", "abCDe", 0, "2 4"},
		{`\PL+`, "", "ab12", 0, "2 4"},
		{`\p{^Lu}+`, "", "ABcD", 0, "2 3"},
		{`\y\j`, "", "yj", 0, "0 2"},
		{`\8`, "", "8", 0, "0 1"},
		// anchors
		{"^b", "", "a\nb", 0, ""},
		{"^b", "m", "a\nb", 0, "2 3"},
		{"^", "m", "a\n", 1, ""},
		{"^$", "m", "a\n\n", 1, "2 2"},
		{"a$", "", "a\n", 0, "0 1"},
		{"a$", "", "a\n\n", 0, ""},
		{"a$", "", "a\nb", 0, ""},
		{"a$", "m", "a\nb", 0, "0 1"},
		{`a\Z`, "", "a\n", 0, "0 1"},
		{`a\z`, "", "a\n", 0, ""},
		{`\Aa`, "", "ba", 0, ""},
		{`\Ga`, "", "baa", 1, "1 2"},
		{`\Ga`, "", "bba", 1, ""},
		{"^a", "", "ba", 1, ""},
		{"(?m)^a", "", "\na", 1, "1 2"},
		{`\bfoo\b`, "", "a foo.", 0, "2 5"},
		{`\bfoo\b`, "", "afoo foo_", 0, ""},
		{`\B.\B`, "", "abc", 0, "1 2"},
		{`\b`, "", "\xe9a", 0, "1 1"},
		// repeats
		{"a{2,3}", "", "aaaa", 0, "0 3"},
		{"a{2,3}?", "", "aaaa", 0, "0 2"},
		{"a{,3}", "", "a{,3}", 0, "0 5"},
		{"a{2", "", "a{2", 0, "0 3"},
		{"x{0}y", "", "xy", 0, "1 2"},
		{"a*?b", "", "aab", 0, "0 3"},
		{"(?U)a+", "", "aaa", 0, "0 1"},
		{"(?U)a+?", "", "aaa", 0, "0 3"},
		{"a++a", "", "aaa", 0, ""},
		{"a++b", "", "aab", 0, "0 3"},
		{"(?>a+)a", "", "aaa", 0, ""},
		{"(?>a|ab)c", "", "abc", 0, ""},
		{"(a|ab)(c|bcd)(d*)", "", "abcd", 0, "0 4 0 1 1 4 4 4"},
		{"(?:a|b)*+c", "", "abac", 0, "0 4"},
		{"(a*)*", "", "aab", 0, "0 2 2 2"},
		{"(a*)+", "", "b", 0, "0 0 0 0"},
		{"(a|b)*", "", "abc", 0, "0 2 1 2"},
		{"(?:(a)|b)*", "", "ab", 0, "0 2 0 1"},
		{"(a?)*?b", "", "aab", 0, "0 3 1 2"},
		{"(|a)+", "", "aa", 0, "0 0 0 0"},
		{"(|a){2,}", "", "aa", 0, "0 0 0 0"},
		{"(a|){1,2}b", "", "aab", 0, "0 3 1 2"},
		{"(?:a?){3}b", "", "aab", 0, "0 3"},
		{".{3}", "", "ab\ncde", 0, "3 6"},
		{"(ab){2}", "", "ababab", 0, "0 4 2 4"},
		{"((a)|(b))*", "", "ab", 0, "0 2 1 2 0 1 1 2"},
		// groups
		{"(a)(b)?(c)", "", "ac", 0, "0 2 0 1 -1 -1 1 2"},
		{"(?:a)(b)", "", "ab", 0, "0 2 1 2"},
		{"(?<y>a)(?P<z>b)(?'w'c)", "", "abc", 0, "0 3 0 1 1 2 2 3"},
		{"(?|(a)|(b))(c)", "", "bc", 0, "0 2 0 1 1 2"},
		{"(?|(a)(b)|(c))(d)", "", "cd", 0, "0 2 0 1 -1 -1 1 2"},
		{"(a)|(b)", "", "b", 0, "0 1 -1 -1 0 1"},
		{"(?i)aBc", "", "AbC", 0, "0 3"},
		{"a(?i)b|c", "", "aB", 0, "0 2"},
		{"a(?i)b|c", "", "C", 0, "0 1"},
		{"(a(?i)b)c", "", "aBc", 0, "0 3 0 2"},
		{"(a(?i)b)c", "", "aBC", 0, ""},
		{"(?i:a)b", "", "AB", 0, ""},
		{"(?i:a)b", "", "Ab", 0, "0 2"},
		{"(?s).", "", "\n", 0, "0 1"},
		{"(?-s).", "s", "\n", 0, ""},
		{"(?x) a  b # c", "", "ab", 0, "0 2"},
		{"a b#c", "x", "ab", 0, "0 2"},
		{`a\ b[ ]c`, "x", "a b c", 0, "0 5"},
		{"a(?#comment)b", "", "ab", 0, "0 2"},
		{"(?x: a ) b", "", "a b", 0, "0 3"},
		{"", "", "abc", 1, "1 1"},
		// references
		{`(a|b)\1`, "", "abb", 0, "1 3 1 2"},
		{`(a)?\1b`, "", "b", 0, ""},
		{`(?i)(a)\1`, "", "aA", 0, "0 2 0 1"},
		{`(a)(?i)\1`, "", "aA", 0, "0 2 0 1"},
		{`(?<n>a|b)\k<n>\k{n}\k'n'(?P=n)\g{n}`, "", "aaaaaaa", 0, "0 6 0 1"},
		{`(a)(b)\g{-1}\g1\g{2}`, "", "abbab", 0, "0 5 0 1 1 2"},
		{`(a\1?){3}`, "", "aaaa", 0, "0 4 3 4"},
		{`\1(a)`, "", "aa", 0, ""},
		{`(?:\2b|(a))(c)?`, "", "aab", 0, "0 1 0 1 -1 -1"},
		{`(a)\01`, "", "a\x01", 0, "0 2 0 1"},
		{`(.)\1+`, "", "abccc", 0, "2 5 2 3"},
		// duplicate names and JavaScript
		{"(?<n>a)|(?<n>b)", "D", "b", 0, "0 1 -1 -1 0 1"},
		{`(?:(?<n>a)|(?<n>b))\k<n>`, "D", "abb", 0, "1 3 -1 -1 1 2"},
		{"(?J)(?<n>a)(?<n>b)", "", "ab", 0, "0 2 0 1 1 2"},
		{`(a)?\1b`, "J", "b", 0, "0 1 -1 -1"},
		{`\u0041\x41\U\x4`, "J", "AAUx4", 0, "0 5"},
		{"a[]|b", "J", "ab", 0, "1 2"},
		{"[^]", "J", "\n", 0, "0 1"},
		// assertions
		{"foo(?=bar)", "", "foobaz foobar", 0, "7 10"},
		{"foo(?!bar)", "", "foobar foobaz", 0, "7 10"},
		{"(?<=foo)bar|(?<=bar)baz", "", "{foobarbaz}", 0, "4 7"},
		{"(?<=foo)bar|(?<=bar)baz", "", "{foobarbaz}", 7, "7 10"},
		{"(?<!a)b", "", "abb", 0, "2 3"},
		{"(?<=a|bc)d", "", "bcd", 0, "2 3"},
		{"(?<=^|,)x", "", "a,x", 0, "2 3"},
		{`(?<=\d{3})x`, "", "12x123x", 0, "6 7"},
		{`(?=(a+))a*b\1`, "", "baaabac", 0, "3 6 3 4"},
		{"(?!(a)b)(a)", "", "ac", 0, "0 1 -1 -1 0 1"},
		{"(?<=(a))b", "", "ab", 0, "1 2 0 1"},
		{"(?<=a)b", "", "ab", 1, "1 2"},
		{`(?<=\bfoo)bar`, "", "foobar", 0, "3 6"},
		{"(?=a)*b", "", "b", 0, "0 1"},
		{"a(?=b(*COMMIT)c)[^d]|abd", "", "abd", 0, ""},
		{`(?=.*\d)(?=.*[a-z]).{4,}`, "", "ab1c", 0, "0 4"},
		// conditions
		{"(a)?(?(1)b|c)", "", "ab", 0, "0 2 0 1"},
		{"(a)?(?(1)b|c)", "", "c", 0, "0 1 -1 -1"},
		{"^(a)?(?(1)b)$", "", "b", 0, ""},
		{"(?(?=a)ab|cd)", "", "ab cd", 0, "0 2"},
		{"(?(?!a)cd|ab)", "", "cd", 0, "0 2"},
		{"(?(?<=x)a|b)", "", "xa", 0, "1 2"},
		{"(?<n>a)?(?(<n>)b|c)", "", "ab", 0, "0 2 0 1"},
		{"(?<n>a)?(?(n)b|c)", "", "c", 0, "0 1 -1 -1"},
		{"(?<n>a)?(?('n')b|c)", "", "ab", 0, "0 2 0 1"},
		{"(?(DEFINE)(?<d>[0-9]+))a(?&d)", "", "a12", 0, "0 3 -1 -1"},
		{`(\()?[^()]+(?(1)\))`, "", "(ab)", 0, "0 4 0 1"},
		{"(?(1)a|b)(c)?", "", "ab", 0, "1 2 -1 -1"},
		{"(a)(?(-1)b|c)", "", "ab", 0, "0 2 0 1"},
		// \K
		{`foo\Kbar`, "", "foobar", 0, "3 6"},
		{`(foo\K)?bar`, "", "foobar", 0, "3 6 0 3"},
		{`a\K`, "", "a", 0, "1 1"},
		// recursion
		{`\((?:[^()]++|(?R))*\)`, "", "x(a(b)c)d)", 0, "1 8"},
		{`^(\((?:[^()]|(?1))*\))$`, "", "(a(b)(c))", 0, "0 9 0 9"},
		{`^((.)(?1)\2|.)$`, "", "abcba", 0, "0 5 0 5 0 1"},
		{"(?<b>a|b(?&b))c", "", "bbac", 0, "0 4 0 3"},
		{`(a|b\g<1>)c`, "", "bbac", 0, "0 4 0 3"},
		{"(?P<b>a|b(?P>b))c", "", "bac", 0, "0 3 0 2"},
		{"(?1)(a)", "", "aa", 0, "0 2 1 2"},
		{"(?+1)(a|b)", "", "ba", 0, "0 2 1 2"},
		{"(a|b)(?-1)", "", "ab", 0, "0 2 0 1"},
		{"(?(R)a+|(?0)b)", "", "aab", 0, "0 3"},
		{"^(?:(?=(.))(?1))*$", "", "aa", 0, "0 2 1 2"},
		// verbs
		{"a(*F)|b", "", "ab", 0, "1 2"},
		{"a+(*COMMIT)b", "", "aac aab", 0, ""},
		{"a+(*PRUNE)b|aa", "", "aac", 0, ""},
		{"a+(*SKIP)b|.", "", "aac", 0, "2 3"},
		{"(?:a(*THEN)b|ac)", "", "ac", 0, "0 2"},
		{"a(*ACCEPT)b", "", "ac", 0, "0 1"},
		{"(a(*ACCEPT)b)c", "", "ax", 0, "0 1 0 1"},
		{"(*MARK:m)a+(*SKIP:m)b|.", "", "aac", 0, "2 3"},
		{"(?!a(*COMMIT)b)ac|ad", "", "ad", 0, "0 2"},
		// bytes
		{".", "", "\xe9", 0, "0 1"},
		{`\w`, "", "\xe9a", 0, "1 2"},
		{"(?i)\xe9", "", "\xc9", 0, ""},
		{"\xc3.", "", "é", 0, "0 2"},
		{`[\x80-\xff]+`, "", "aéb", 0, "1 3"},
		{"[^a]", "", "\xff", 0, "0 1"},
		{`\s`, "", "\x85\xa0 ", 0, "2 3"},
		{"[[:alpha:]]", "", "\xe9z", 0, "1 2"},
		// UTF-8
		{".", "u", "é", 0, "0 2"},
		{"^..$", "u", "éü", 0, "0 4"},
		{`\x{20ac}`, "u", "a€", 0, "1 4"},
		{"[à-ü]+", "u", "xéüz", 0, "1 5"},
		{"É", "iu", "é", 0, "0 2"},
		{"[É]", "iu", "é", 0, "0 2"},
		{`\w`, "u", "éa", 0, "2 3"},
		{`\bé`, "u", "aé é", 0, "1 3"},
		{`(*UCP)\w+`, "u", "éa", 0, "0 3"},
		{`\p{Greek}+`, "u", "abγδ", 0, "2 6"},
		{"(?<=é)b", "u", "éb", 0, "2 3"},
		{`(.)\1`, "iu", "aÉé", 0, "1 5 1 3"},
		{"k", "iu", "K", 0, "0 3"},
		{"[^a]", "u", "é", 0, "0 2"},
		{".", "u", "aé", 1, "1 3"},
		{"é{2}", "u", "éé", 0, "0 4"},
		{"(*UTF8)é?", "", "é", 0, "0 2"},
		{".*é", "u", "aébéc", 0, "0 6"},
		{`\R`, "u", "a ", 0, "1 4"},
		{`\h`, "u", "a\xe3\x80\x80", 0, "1 4"},
		{`\X`, "u", "e\xcc\x81x", 0, "0 3"},
		// start offsets and options
		{"a", "", "aba", 1, "2 3"},
		{"a", "a", "aba", 1, ""},
		{"ba", "a", "aba", 1, "1 3"},
		{"$", "", "ab", 2, "2 2"},
		{"a*", "", "baa", 3, "3 3"},
		{".", "s", "a\nb", 1, "1 2"},
		{"a.b", "is", "A\nB", 0, "0 3"},
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
		{"(abc", "missing closing parenthesis", 4},
		{"abc)", "unmatched closing parenthesis", 3},
		{")", "unmatched closing parenthesis", 0},
		{"(?:", "missing closing parenthesis", 3},
		{"[abc", "missing terminating ] for character class", 4},
		{"[]", "missing terminating ] for character class", 2},
		{"[^", "missing terminating ] for character class", 2},
		{`a\`, `\ at end of pattern`, 2},
		{"*a", "quantifier does not follow a repeatable item", 0},
		{"+", "quantifier does not follow a repeatable item", 0},
		{"a**", "quantifier does not follow a repeatable item", 2},
		{"a{2}{3}", "quantifier does not follow a repeatable item", 6},
		{"a|*", "quantifier does not follow a repeatable item", 2},
		{"(?i)*", "quantifier does not follow a repeatable item", 4},
		{"^*", "quantifier does not follow a repeatable item", 1},
		{`\b+`, "quantifier does not follow a repeatable item", 2},
		{"{1}", "quantifier does not follow a repeatable item", 2},
		{"(*)", "quantifier does not follow a repeatable item", 1},
		{"a{3,2}", "numbers out of order in {} quantifier", 5},
		{"a{65536}", "number too big in {} quantifier", 7},
		{"[z-a]", "range out of order in character class", 3},
		{`[a-\d]`, "invalid range in character class", 4},
		{"[[:foo:]]", "unknown POSIX class name", 3},
		{"[[.a.]]", "POSIX collating elements are not supported", 1},
		{"[:alpha:]", "POSIX named classes are supported only within a class", 0},
		{`[\N]`, `\N is not supported in a class`, 2},
		{`\1`, "reference to non-existent subpattern", 2},
		{`ab\2(a)x`, "reference to non-existent subpattern", 8},
		{`\g{-1}`, "reference to non-existent subpattern", 5},
		{`\g{0}`, "a numbered reference must not be zero", 4},
		{`\g`, "a numbered reference must not be zero", 1},
		{`\k`, `\k is not followed by a braced, angle-bracketed, or quoted name`, 1},
		{`\k{}`, "subpattern name expected", 3},
		{`\k<n>`, "reference to non-existent subpattern", 4},
		{"(?P=n)", "reference to non-existent subpattern", 5},
		{"(?&n)", "reference to non-existent subpattern", 4},
		{"(?1)", "reference to non-existent subpattern", 3},
		{"(?-1)", "reference to non-existent subpattern", 4},
		{"(?(1)a)", "reference to non-existent subpattern", 5},
		{"(?(zz)b)", "reference to non-existent subpattern", 6},
		{"(?(?:a)b)", "assertion expected after (?( or (?(?C)", 3},
		{"(?(", "assertion expected after (?( or (?(?C)", 3},
		{"(?(DEFINE)a|b)", "DEFINE subpattern contains more than one branch", 13},
		{"(?<n", "syntax error in subpattern name (missing terminator?)", 4},
		{"(?<n>a)(?<n>b)", "two named subpatterns have the same name (PCRE2_DUPNAMES not set)", 11},
		{"(?P<1>a)", "subpattern name must start with a non-digit", 4},
		{"(?<aaaaaaaaaabbbbbbbbbbccccccccccddd>x)", "subpattern name is too long (maximum 32 code units)", 36},
		{"(?<a-b>x)", "syntax error in subpattern name (missing terminator?)", 4},
		{"(?<>a)", "unrecognized character after (?<", 3},
		{"(?P!a)", "unrecognized character after (?P", 3},
		{"(?|(?<a>x)|(?<b>y))", "different names for subpatterns of the same number are not allowed", 15},
		{"(?z)", "unrecognized character after (? or (?-", 2},
		{"(?i", "unrecognized character after (? or (?-", 3},
		{"(?", "unrecognized character after (? or (?-", 2},
		{"(?#abc", "missing ) after (?# comment", 6},
		{"(?C256)", "number after (?C is greater than 255", 6},
		{"(?1a)", "(?R (recursive pattern call) must be followed by a closing parenthesis", 3},
		{"(?<=a+)b", "lookbehind assertion is not fixed length", 6},
		{"(?<=(a|bc))d", "lookbehind assertion is not fixed length", 10},
		{`(?<=\R)d`, "lookbehind assertion is not fixed length", 6},
		{`(?<=(.)\1)`, "lookbehind assertion is not fixed length", 9},
		{`\c`, `\c at end of pattern`, 2},
		{`\x{100}`, `character code point value in \x{} or \o{} is too large`, 6},
		{`\x{}`, `digits missing in \x{} or \o{}`, 3},
		{`\x{zz}`, `non-hex character in \x{} (closing brace missing?)`, 3},
		{`\o`, `missing opening brace after \o`, 1},
		{`\o{8}`, `non-octal character in \o{} (closing brace missing?)`, 3},
		{`\400`, `octal value is greater than \377 in 8-bit non-UTF-8 mode`, 3},
		{`\u`, `PCRE does not support \L, \l, \N{name}, \U, or \u`, 1},
		{`\N{a}`, `PCRE does not support \L, \l, \N{name}, \U, or \u`, 1},
		{`\p`, `malformed \P or \p sequence`, 2},
		{`\pQ`, `unknown property after \P or \p`, 2},
		{`\p{Lu`, `malformed \P or \p sequence`, 5},
		{`\p{Foo}`, `unknown property after \P or \p`, 6},
		{"(*FOO)a", "(*VERB) not recognized or malformed", 5},
		{"(*MARK)a", "(*MARK) must have an argument", 6},
		{"(*ACCEPT:a)", "an argument is not allowed for (*ACCEPT), (*FAIL), or (*COMMIT)", 10},
	} {
		_, err := pcre.Compile(c.pattern, 0)
		ce, ok := err.(*pcre.CompileError)
		if !ok || ce.Msg != c.want || ce.Offset != c.offset {
			t.Errorf("%q: got %v, want %s at offset %d", c.pattern, err, c.want, c.offset)
		}
	}
}

func TestErrorText(t *testing.T) {
	for _, c := range []struct{ pattern, want string }{
		{"(abc", `pcre2_compile() failed: missing closing parenthesis in "(abc"`},
		{"a)b", `pcre2_compile() failed: unmatched closing parenthesis in "a)b" at ")b"`},
	} {
		if _, err := pcre.Compile(c.pattern, 0); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
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
