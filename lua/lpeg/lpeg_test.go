package lpeg

import (
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/lua/luatest"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// prelude makes the names of lpeg.html local.
const prelude = `local lpeg, re = require "lpeg", require "re"
local P, S, R, V, B, C, Carg, Cb, Cc, Cf, Cg, Cmt, Cp, Cs, Ct = lpeg.P, lpeg.S, lpeg.R, lpeg.V, lpeg.B, lpeg.C, lpeg.Carg,
	lpeg.Cb, lpeg.Cc, lpeg.Cf, lpeg.Cg, lpeg.Cmt, lpeg.Cp, lpeg.Cs, lpeg.Ct
local function show(v)
	if type(v) ~= "table" then return tostring(v) end
	local keys, out = {}, {}
	for k in pairs(v) do keys[#keys + 1] = k end
	table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
	for _, k in ipairs(keys) do out[#out + 1] = (type(k) == "number" and "" or k .. "=") .. show(v[k]) end
	return "{" .. table.concat(out, ",") .. "}"
end
local function m(p, ...)
	local r = {n = select("#", lpeg.match(p, ...)), lpeg.match(p, ...)}
	for i = 1, r.n do r[i] = show(r[i]) end
	return table.concat(r, " ")
end
local function fails(f, ...)
	local ok, e = pcall(f, ...)
	return ok and "no error" or e
end
`

// run runs a script within limits and gives its results.
func run(t testing.TB, script string, limits vm.Limits) string {
	t.Helper()
	machine := stdlib.New(vm.Options{})
	defer machine.Close()
	Register(machine)
	th := machine.NewThread()
	th.SetLimits(limits)
	return luatest.Run(t, th, strings.ReplaceAll(prelude, "\n", " ")+script)
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct{ pattern, subject, want string }{
		{`"ab"`, "abc", "3"},
		{`3`, "abc", "4"},
		{`4`, "abc", "nil"},
		{`-4`, "abc", "1"},
		{`-3`, "abc", "nil"},
		{`true`, "", "1"},
		{`false`, "", "nil"},
		{`S"abc"^1`, "cabd", "4"},
		{`S""^0`, "cabd", "1"},
		{`R("az", "09")^2`, "a1", "3"},
		{`R()`, "a", "nil"},
		{`(1 - P"c")^0`, "abcd", "3"},
		{`P(1)^0 * -1`, "abcd", "5"},
		{`P"a"^-2`, "aaaa", "3"},
		{`P"a"^3`, "aa", "nil"},
		{`P"ab" + "ac" + "a"`, "ac", "3"},
		{`(P"ab" + P"a") * "c"`, "ac", "3"},
		{`("a" * P"b"^-1 + "ad") * "e"`, "ade", "nil"},
		{`#P"a" * C(2)`, "ab", "ab"},
		{`#(C"a" * "b") * Cp()`, "ab", "1"},
		{`-P"b" * 1`, "ab", "2"},
		{`- -P"a" * 1`, "ab", "2"},
		{`2 * B"b" * Cp()`, "abc", "3"},
		{`B(1)`, "abc", "nil"},
		{`{"(" * ((1 - S"()") + V(1))^0 * ")"}`, "(a(b)c)d", "8"},
		{`{"S", S = "a" * V"T" + "", T = "b" * V"S"}`, "abab", "5"},
		{`P{P{"x" * V(1) + "y"} * V(2), P"z"}`, "xxyz", "5"},
		{`lpeg.utfR(0x400, 0x4ff)^1`, "\xd0\xb6\xd1\x8f!", "5"},
		{`lpeg.utfR(0, 0x10ffff)`, "\xc0\x80", "nil"},
		{`("ab" * ("c" * P"ef"^-1)^0)^-1`, "abcefccefc", "11"},
		{`(P"a" * V(1))^0 * "b"`, "", "t:1: rule '1' used outside a grammar"},
		{`P{(P"a" * V(1))^0 * "b" + "c"}`, "aacbb", "6"},
	} {
		got := run(t, `return m(`+c.pattern+`, `+quote(c.subject)+`)`, vm.Limits{})
		if got != c.want {
			t.Errorf("%s of %q: %s, want %s", c.pattern, c.subject, got, c.want)
		}
	}
}

func TestCaptures(t *testing.T) {
	for _, c := range []struct{ pattern, subject, want string }{
		{`C(C(1) * 1)`, "ab", "ab a"},
		{`C(1)^0`, "abc", "a b c"},
		{`C(P(300)) / string.len`, strings.Repeat("a", 300), "300"},
		{`Cp() * 1 * Cp()`, "ab", "1 2"},
		{`Cc(1, nil, "x")`, "", "1 nil x"},
		{`Cc()`, "", "1"},
		{`Carg(2)`, "", "20"},
		{`Carg(3)`, "", "t:1: reference to absent extra argument #3"},
		{`Ct(C(1)^0 * Cg(Cc(5), "n"))`, "ab", "{a,b,n=5}"},
		{`Ct(Cg(C(1) * C(1)))`, "ab", "{a,b}"},
		{`Ct(Ct(C"a") * Ct(C"b"))`, "ab", "{{a},{b}}"},
		{`Cg(C(1), "x") * Cb"x" * Cb"x"`, "ab", "a a"},
		{`Cg(Cg(C(1), "x") * Cb"x", "y") * Cb"x"`, "ab", "t:1: back reference 'x' not found"},
		{`Cb"x"`, "", "t:1: back reference 'x' not found"},
		{`Cg(C(1), "x") * Cg(Cb"x" * C(1), "x") * Cb"x"`, "ab", "a b"},
		{`P(1) / "%0%0-%%%z"`, "a", "aa-%z"},
		{`C(1) * C(1) / "%2%1"`, "ab", "ba"},
		{`P(1) / "%1"`, "a", "t:1: invalid capture index (1)"},
		{`Ct(1) / "%1"`, "a", "t:1: invalid capture value (a table)"},
		{`P(1) / 0`, "a", "2"},
		{`C(1) * C(1) / 2`, "ab", "b"},
		{`C(1) / 2`, "ab", "t:1: no capture '2'"},
		{`P(1) / {a = 7}`, "a", "7"},
		{`P(1) / {}`, "a", "2"},
		{`C(1) * C(1) / function(a, b) return b, a end`, "ab", "b a"},
		{`P(1) / function() end`, "a", "2"},
		{`Cs((P"a" / "x" + P"b" / {} + P"c" / {c = 5} + 1)^0)`, "abcd", "xb5d"},
		{`Cs(Ct(1))`, "a", "t:1: invalid replacement value (a table)"},
		{`Cf(Cc(0) * C(1)^0, function(a, b) return a + b end)`, "123", "6"},
		{`Cf(P(1), print)`, "1", "t:1: no initial value for fold capture"},
		{`C(1) * (C(1) % function(a, b) return b .. a end)^0`, "abc", "cba"},
		{`Ct(C(1) * (C(1) % function(a, b) return b .. a end)^0)`, "abc", "{cba}"},
		{`C(1) % print`, "1", "t:1: no previous value for accumulator capture"},
		{`Cs(C(1) * (C(1) % print))`, "12", "t:1: invalid context for an accumulator capture"},
		{`Cmt(C(1), function(s, i, c) return i + 1, c .. i, s end)`, "abc", "a2 abc"},
		{`Cmt(1, function(s, i) return true end) * Cp()`, "abc", "2"},
		{`Cmt(1, function() return false end) + C(1)`, "abc", "a"},
		{`Cmt(1, function(s, i) return 1 end)`, "abc", "t:1: invalid position returned by match-time capture"},
		{`Cmt(1, function(s, i) return 5 end)`, "abc", "t:1: invalid position returned by match-time capture"},
		{`Ct((Cmt(C(1), function(s, i, c) return c ~= "b" and i, c, c end) + 1)^0)`, "abc", "{a,a,c,c}"},
		{`Cmt(Cmt(1, function(s, i) return i, 7 end) * Cc(8), function(s, i, ...) return i, select("#", ...), ... end)`, "a", "2 7 8"},
		{`(function(s, i) return i, "v" end * P"x") + Cc"w"`, "y", "w"},
		{`#Cmt(1, function(s, i) return i, "lost" end) * Cc"kept"`, "a", "kept"},
		{`P{"[" * Cg(P"="^0, "eq") * "[" * C((1 - Cmt("]" * C(P"="^0) * "]" * Cb"eq", function(s, i, a, b) return a == b end))^0) * "]"}`,
			"[=[a]]b]=]", "a]]b"},
	} {
		got := run(t, `return fails(function() local s = m(`+c.pattern+`, `+quote(c.subject)+`, 1, 10, 20) error(s, 0) end)`, vm.Limits{})
		if got != c.want {
			t.Errorf("%s of %q: %s, want %s", c.pattern, c.subject, got, c.want)
		}
	}
}

func TestMessages(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{`(P"a"^0)^0`, "loop body may accept empty string"},
		{`P{V(1) * "a"}`, "rule '1' may be left recursive"},
		{`P{"x", x = P"a"^-1 * V"x"}`, "rule 'x' may be left recursive"},
		{`P{"a", a = V"b", b = V"c" * "x", c = P"y" + V"a"}`, "rule 'a' may be left recursive"},
		{`P{"x", x = "a" * V"y"^0, y = #P(1)}`, "empty loop in rule 'x'"},
		{`P{"x"}`, "grammar has no initial rule"},
		{`P{}`, "grammar has no initial rule"},
		{`P{1}`, "rule '1' is not a pattern"},
		{`P{V"y"}`, "rule 'y' undefined in given grammar"},
		{`P{V{}}`, "rule '(a table)' undefined in given grammar"},
		{`P{P"a", b = 7}`, "rule 'b' is not a pattern"},
		{`P()`, "bad argument #1 to 'P' (value expected)"},
		{`P(nil)`, "bad argument #1 to 'P' (lpeg-pattern expected, got nil)"},
		{`V()`, "bad argument #1 to 'V' (non-nil value expected)"},
		{`B(P"a"^0)`, "bad argument #1 to 'B' (pattern may not have fixed length)"},
		{`B(C"a")`, "bad argument #1 to 'B' (pattern have captures)"},
		{`B(256)`, "bad argument #1 to 'B' (pattern too long to look behind)"},
		{`R("a")`, "bad argument #1 to 'R' (range must have two characters)"},
		{`Carg(0)`, "bad argument #1 to 'Carg' (invalid argument index)"},
		{`lpeg.utfR(2, 1)`, "bad argument #2 to 'utfR' (empty range)"},
		{`lpeg.utfR(1, 0x110000)`, "bad argument #2 to 'utfR' (invalid code point)"},
		{`P"a" / nil`, "unexpected nil as 2nd operand to LPeg '/'"},
		{`Cmt("a", 1)`, "bad argument #2 to 'Cmt' (function expected, got number)"},
		{`lpeg.setmaxstack(0)`, "bad argument #1 to 'setmaxstack' (out of range)"},
		{`lpeg.match(P{"0" * V(1) + "0"}, ("0"):rep(1000))`, "backtrack stack overflow (current limit is 400)"},
		{`local p = C(1) for i = 1, 300 do p = Ct(p) end p:match"x"`, "subcapture nesting too deep"},
		{`local p = P"a" for i = 1, 60 do p = p * p end`, "pattern too big"},
		{`local p = P"a" * "b" for i = 1, 9 do p = p^100 * -1 end`, "pattern too big"},
		{`local p = Cg(C(1), 1) for i = 2, 99 do p = p * Cg(Cb(i - 1) * Cb(i - 1), i) end (p * Cb(99)):match"a"`, "too many captures"},
	} {
		script := c.script
		if !strings.HasPrefix(script, "local ") {
			script = "local _ = " + script
		}
		if got := run(t, `return fails(function() `+script+` end)`, vm.Limits{}); !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.script, got, c.want)
		}
	}
}

func TestFunctions(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{`return lpeg.version, lpeg.type(P(1)), lpeg.type("a")`, "LPeg 1.1.0 pattern nil"},
		{`local p = P"ab" return P(p) == p, p * true == p, p + false == p, P(false) * p == p`, "true true true false"},
		{`return P"b":match("abc", 2), P"c":match("abc", -1), P"":match("abc", 9), P(1):match("abc", 4)`, "3 4 4 nil"},
		{`local t = lpeg.locale() return m(t.alpha^1 * t.digit, "ab1"), lpeg.locale({}).space:match"\v"`, "4 2"},
		{`lpeg.setmaxstack(3000) return P{"0" * V(1) + "0"}:match(("0"):rep(1000))`, "1001"},
		{`return P{"0" * V(1) + -1}:match(("0"):rep(100000))`, "100001"},
		{`return Cmt(P(1)^0, function(s, i) return lpeg.match(P(1), s) and i end):match"abc"`, "4"},
		{`local t = {} for i = 3, 1000 do t[i] = V(i - 1) end t[1] = V(1000) t[2] = C"x" local p = P(t)
			t[1001] = P"y" return p:match"x", fails(P, t)`, "x bad argument #1 to '?' (grammar has too many rules)"},
		{`return pcall(lpeg.match, P(function() error("e", 0) end), "")`, "false e"},
		{`local s = ("a"):rep(100) local p = Cs((P"a" / "b")^0) return p:match(s) == ("b"):rep(100), #re.gsub(s, "'a'", "cc")`, "true 200"},
		{`return re.match("abc", "{.} {:x: . :} {=x / .}")`, "a c"},
		{`return re.find("a", "'b'"), re.find("xxabc", "'ab'")`, "nil 3 4"},
		{`return re.find("xxabc", "{'a'}{'b'}", 2), re.find("xxabc", "'x'", -4)`, "3 2 2"},
		{`return re.gsub("a1b2", "[0-9]", "<%0>"), re.gsub("hello", "[el]", {e = "3"}), (re.gsub("ab", ".", string.upper))`, "a<1>b<2> h3llo AB"},
		{`return show(re.match("a=1;b=2", "{| ({:k: %a :} '=' {:v: %d :} ';'?)^1 |}")), re.match("1,2", "(%d -> n (',' %d -> n)*) ~> add", 1)`, "t:1: undefined name: n"},
		{`return re.compile("(%d -> n (',' %d -> n)*) ~> add", {n = tonumber, add = function(a, b) return a + b end}):match"1,2,3"`, "6"},
		{`return re.compile("(%d -> n (',' %d >> add)*)", {n = tonumber, add = function(a, b) return a + b end}):match"1,2,3"`, "6"},
		{`return re.match("((a)b)", "s <- '(' ([^()] / s)* ')'"), re.match("aab", "S <- 'a' S / B  B <- 'b'")`, "7 4"},
		{`return re.match("abab", "{~ ('a' -> 'x' / .)* ~}"), re.match("ab", "{}.{}"), re.match("aaa", "'a'^2"), re.match("aaa", "'a'^+2"), re.match("aaa", "'a'^-2")`,
			"xbxb 1 3 4 3"},
		{`return re.match("ab-]", "[]%a-]+"), re.match("b", "[^a]"), re.match("x", "%w"), re.match("é", "%W+"), re.match("a", "!'b' &'a' . -- end")`, "5 2 2 3 2"},
		{`return re.compile("x <- %y", {y = "lit"}):match"lit", fails(re.compile, "%nope")`, "4 name 'nope' undefined"},
		{`return fails(re.compile, "'a' -"), fails(re.compile, "('a'"), fails(re.compile, "a <- b"), fails(re.compile, "b")`,
			"pattern error near '-' pattern error near '('a'' rule 'b' undefined in given grammar rule 'b' used outside a grammar"},
		{`return fails(re.compile, "x <- 'a' x <- 'b'"), fails(re.compile, ("("):rep(1000)), fails(re.compile, "'" .. ("a"):rep(50))`,
			"'x' already defined as a rule pattern nests too deep pattern error near ''" + strings.Repeat("a", 20) + "...'"},
	} {
		if got := run(t, c.script, vm.Limits{}); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.script, got, c.want)
		}
	}
}

// TestLimits has patterns that take long: the run's limits end them.
func TestLimits(t *testing.T) {
	for _, script := range []string{
		`local p = P"a"^0 for i = 1, 12 do p = (P"a" * P"a"^-1)^0 * p end return ((p * "b" + 1)^0):match(("a"):rep(1e6))`,
		`local p = P{C(V(2)^0), "a" * V(2) + "a"} lpeg.setmaxstack(1e7) return p:match(("a"):rep(1e7))`,
		`return P{-1 + 1 * V(1)}:match(("a"):rep(1e8))`,
		`return ((Cmt(0, function(s, i) return i, i end) * 1)^0):match(("a"):rep(1e8))`,
		`return Ct(C(1)^0):match(("a"):rep(1e7))`,
	} {
		got := run(t, script, vm.Limits{Instructions: 1e5, Bytes: 64 << 20})
		if !strings.Contains(got, "limit exceeded") && !strings.Contains(got, "not enough memory") {
			t.Errorf("%s: %s", script, got)
		}
	}
}

// FuzzRe compiles and matches what comes.
func FuzzRe(f *testing.F) {
	for _, s := range []string{"{~ ('a' -> '%0%0' / .)* ~}", "s <- '(' ([^()] / s)* ')'", "{| {:x: %a+ :} =x {}^-3 |}", "[]a-z]+ !. &'b' .", "a <- b 'c' b <- 'd' / a"} {
		f.Add(s, "((ab)a)")
	}
	f.Fuzz(func(t *testing.T, pattern, subject string) {
		run(t, `return fails(re.match, `+quote(subject)+`, `+quote(pattern)+`)`, vm.Limits{Instructions: 1e6, Bytes: 64 << 20})
	})
}

// quote writes a string as Lua does.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		b.WriteByte('\\')
		for d := 100; d > 0; d /= 10 {
			b.WriteByte('0' + s[i]/byte(d)%10)
		}
	}
	b.WriteByte('"')
	return b.String()
}
