package vm_test

import (
	. "github.com/luahttpd/luahttpd/lua/vm"
	"strings"
	"testing"
)

func TestSyntaxErrors(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"x =", "t:1: unexpected symbol near '<eof>'"},
		{"for end", "t:1: '<name>' expected near 'end'"},
		{"local x = 'for end';\nfor end", "t:2: '<name>' expected near 'end'"},
		{"x 'y'z", "t:1: '=' expected near '<eof>'"},
		{"foo bar", "t:1: '=' expected near 'bar'"},
		{"if x then\nfoo()", "t:2: 'end' expected (to close 'if' at line 1) near '<eof>'"},
		{"if x then foo()", "t:1: 'end' expected near '<eof>'"},
		{"do\n\nend end", "t:3: '<eof>' expected near 'end'"},
		{"x = 'abc\ny = 1", "t:1: unfinished string near ''abc'"},
		{"x = 'abc", "t:1: unfinished string near '<eof>'"},
		{"x = [[abc", "t:1: unfinished long string near '<eof>'"},
		{"--[[abc", "t:1: unfinished long comment near '<eof>'"},
		{"x = 3x", "t:1: malformed number near '3x'"},
		{"x = '\\q'", "t:1: invalid escape sequence near '''"},
		{"x = 0x", "t:1: malformed number near '0x'"},
		{"x = }", "t:1: unexpected symbol near '}'"},
		{"x = $", "t:1: unexpected symbol near '$'"},
		{"f(", "t:1: unexpected symbol near '<eof>'"},
		{"f(1", "t:1: ')' expected near '<eof>'"},
		{"a.b:c = 1", "t:1: function arguments expected near '='"},
		{"f() = 1", "t:1: unexpected symbol near '='"},
		{"(f) = 1", "t:1: syntax error near '='"},
		{"'x' = 1", "t:1: unexpected symbol near ''x''"},
		{"local function f(a, 1) end", "t:1: <name> or '...' expected near '1'"},
		{"function f() return ... end", "t:1: cannot use '...' outside a vararg function near '...'"},
		{"for i in", "t:1: unexpected symbol near '<eof>'"},
		{"for i 1", "t:1: '=' or 'in' expected near '1'"},
		{"goto nowhere", "t:1: undefined label 'nowhere'"},
		{"::a:: ::a::", "t:1: duplicate label 'a'"},
		{"break", "t:1: no loop to break"},
		{"return 1 x", "t:1: '<eof>' expected near 'x'"},
		{"x = \x01", "t:1: unexpected symbol near 'char(1)'"},
		{"\x1bLJ\x02", "t: cannot load incompatible bytecode"},
		{strings.Repeat("(", 100000), "t:1: chunk has too many syntax levels"},
		{"x = " + strings.Repeat("{", 100000), "t:1: chunk has too many syntax levels"},
		{strings.Repeat("do ", 100000), "t:1: chunk has too many syntax levels"},
		{"x = " + strings.Repeat("not ", 100000) + "1", "t:1: chunk has too many syntax levels"},
		{"x = 1" + strings.Repeat(" .. 1", 100000), "t:1: chunk has too many syntax levels"},
		{"x = 1" + strings.Repeat(" + 1", 100000), "t:1: chunk has too many syntax levels"},
		{"x = f" + strings.Repeat("()", 100000), "t:1: chunk has too many syntax levels"},
	} {
		_, err := Compile([]byte(c.src), "=t")
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%.40q:\ngot  %.200s\nwant %s", c.src, got, c.want)
		}
	}
}

func TestChunkNames(t *testing.T) {
	long := strings.Repeat("d/", 40) + "file.lua"
	for _, c := range []struct{ name, want string }{
		{"=content_by_lua(nginx.conf:13)", "content_by_lua(nginx.conf:13)"},
		{"=" + strings.Repeat("x", 80), strings.Repeat("x", 59)},
		{"@x.lua", "x.lua"},
		{"@" + long, "..." + long[len(long)-56:]},
		{"return 1", `[string "return 1"]`},
		{"a\nb", `[string "a..."]`},
		{strings.Repeat("x", 80), `[string "` + strings.Repeat("x", 45) + `..."]`},
	} {
		if got := ShortName(c.name); got != c.want {
			t.Errorf("%.20q: got %q, want %q", c.name, got, c.want)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		"local a <const> = 1", "for i = 1, 2 do goto x ::x:: end", "return function(...) local t = {..., [1] = 2; x = 3} t.a, t[1] = t[1], t.a end",
		"x = [==[\r\n]]]==] .. '\\x41\\u{20ac}\\z\n  b' .. 0x1p4 .. 1e3", "repeat local x until x or not x and 5", "a.b['c']:d{}'e'[[f]]()",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		p, err := Compile([]byte(src), "=t")
		if (p == nil) != (err != nil) {
			t.Fatal(p, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "t:") {
			t.Fatal(err)
		}
	})
}
