package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// lexerErrors are texts and the message nginx has for them, as "text:line".
var lexerErrors = []struct{ src, want string }{
	{"a b", `unexpected end of file, expecting ";" or "}":1`},
	{"a b\n", `unexpected end of file, expecting ";" or "}":2`},
	{"a \"b\n\n", `unexpected end of file, expecting ";" or "}":3`},
	{"a 'b", `unexpected end of file, expecting ";" or "}":1`},
	{`"a"`, `unexpected end of file, expecting ";" or "}":1`},
	{`a \`, `unexpected end of file, expecting ";" or "}":1`},
	{`a\`, `unexpected end of file, expecting ";" or "}":1`},
	{`a \;`, `unexpected end of file, expecting ";" or "}":1`},
	{"a # b;\n", `unexpected end of file, expecting ";" or "}":2`},
	{"if (\"a\")", `unexpected end of file, expecting ";" or "}":1`},
	{"e {", `unexpected end of file, expecting "}":1`},
	{"e {\n", `unexpected end of file, expecting "}":2`},
	{"e {}\nh { t { a b", `unexpected end of file, expecting ";" or "}":2`},
	{"e {\n a;\n f {\n b;\n }\n", `unexpected end of file, expecting "}":6`},
	{"}", `unexpected "}":1`},
	{"e {}\n}", `unexpected "}":2`},
	{"a;}", `unexpected "}":1`},
	{"a b }", `unexpected "}":1`},
	{";", `unexpected ";":1`},
	{"a;;", `unexpected ";":1`},
	{"e {};", `unexpected ";":1`},
	{"{", `unexpected "{":1`},
	{"a;\n\n{", `unexpected "{":3`},
	{`a "b"c;`, `unexpected "c":1`},
	{`a "b"}`, `unexpected "}":1`},
	{`a "b"#c`, `unexpected "#":1`},
	{`a "b"'c';`, `unexpected "'":1`},
	{"a \"\n\n\"b;", `unexpected "b":3`},
	{"a " + strings.Repeat("x", 5000), `too long parameter "xxxxxxxxxx..." started:1`},
	{"\na \"" + strings.Repeat("x\n", 5000), `too long parameter, probably missing terminating """ character:2`},
	{"a '" + strings.Repeat("x", MaxParameter+1) + "';", `too long parameter, probably missing terminating "'" character:1`},
	{"a " + strings.Repeat("x", MaxParameter+1) + ";", `too long parameter "xxxxxxxxxx..." started:1`},
	{"include;", `invalid number of arguments in "include" directive:1`},
	{"include a b;", `invalid number of arguments in "include" directive:1`},
	{"include a\n{}", `directive "include" is not terminated by ";":2`},
	{strings.Repeat("a {\n", MaxDepth+1), `too deep a block: the limit is 128:129`},

	{"x_by_lua_block {\n a = 1\n\n", `unexpected end of file, expecting terminating characters for lua code block:1`},
	{"x_by_lua_block {\n foo\n \"abc\n", `unexpected end of file, expecting terminating characters for lua code block:1`},
	{"x_by_lua_block {\n {\n a = \"b\" {\n c\n", `unexpected end of file, expecting terminating characters for lua code block:3`},
	{"x_by_lua_block {\n a = [[abc\n\n}", `Lua code block missing the closing long bracket "]]", the inlined Lua code may be too long:2`},
	{"x_by_lua_block {\n --[==[ abc ]=] }", `Lua code block missing the closing long bracket "]==]", the inlined Lua code may be too long:2`},
	{"x_by_lua_block {} }", `unexpected "}":1`},
	{"x_by_lua_block {};", `unexpected ";":1`},
	{"x_by_lua_block \"a {\n", `unexpected end of file, expecting ";" or "}":2`},
	{"h {\n x_by_lua_block {\n a = \"abc\n\n}", `unexpected end of file, expecting "}":5`},
}

func TestLexerErrors(t *testing.T) {
	for _, c := range lexerErrors {
		_, err := Parse("n.conf", []byte(c.src), Options{})
		want := strings.TrimSuffix(c.want, c.want[strings.LastIndex(c.want, ":"):])
		want += " in n.conf" + c.want[strings.LastIndex(c.want, ":"):]
		if err == nil || err.Error() != want {
			t.Errorf("%.60q:\n got %v\nwant %s", c.src, err, want)
		}
	}
}

// show prints statements in a form short enough for tables: name|arg|arg.
func show(stmts []*Stmt) string {
	var out []string
	for _, s := range stmts {
		text := strings.Join(append([]string{s.Name}, s.Args...), "|")
		switch {
		case s.HasBlock:
			text += "{" + show(s.Block) + "}"
		case s.IsLua:
			text += "{=" + s.Lua + "=}"
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

func TestTokens(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"", ""},
		{"# only a comment", ""},
		{"a;", "a"},
		{"a b\tc\r\nd\n;", "a|b|c|d"},
		{"a{}", "a{}"},
		{"a b{c;d e;}f;", "a|b{c d|e} f"},
		{"a # b c;\n d;", "a|d"},
		{"a b#c d;", "a|b#c|d"},
		{"a #b", "ERR"},
		{`a "b c" 'd e';`, "a|b c|d e"},
		{`a "b'c" 'd"e';`, `a|b'c|d"e`},
		{`a b"c d";`, `a|b"c|d"`},
		{`a'b c;`, `a'b|c`},
		{`a "\"" '\'' \" \';`, `a|"|'|"|'`},
		{`a "\\" \\;`, `a|\|\`},
		{`a "\t\r\n" \t\r\n;`, "a|\t\r\n|\t\r\n"},
		{`a \. "\." \d+\.php$;`, `a|\.|\.|\d+\.php$`},
		{`a\;b c;`, `a\;b|c`},
		{`a b\ c;`, `a|b\ c`},
		{"a b\\\nc;", "a|b\\\nc"},
		{`a b\{c;`, `a|b\{c`},
		{`a ${b}c;`, `a|${b}c`},
		{`a ${{{b;`, `a|${{{b`},
		{`a $b{c;}`, `a|$b{c}`},
		{`a $}{c;}`, `a|$}{c}`},
		{`a ${b}{c;}`, `a|${b}{c}`},
		{`a $\{b;`, `a|$\{b`},
		{`a "${b";`, `a|${b`},
		{`a "$"{c;}`, `a|${c}`},
		{`a b} c;`, `a|b}|c`},
		{`if ("a" = "b") {c;}`, `if|("a"|=|b|){c}`},
		{`a "b")c;`, `a|b|)c`},
		{"a \"b\"\n)c;", "a|b|)c"},
		{`"" a;`, `|a`},
		{`a "" '';`, `a||`},
		{`"a" b;`, `a|b`},
		{"a \"b\nc\";", "a|b\nc"},
		{"a \"b#c;{}\" d;", "a|b#c;{}|d"},
		{"\xef\xbb\xbfa \x00\xff;", "\xef\xbb\xbfa|\x00\xff"},
		{"a " + strings.Repeat("x", 9000) + ";", "a|" + strings.Repeat("x", 9000)},
	} {
		f, err := Parse("n.conf", []byte(c.src), Options{})
		got := "ERR"
		if err == nil {
			got = show(f.Stmts)
		}
		if got != c.want {
			t.Errorf("%q: got %q (%v), want %q", c.src, got, err, c.want)
		}
	}
}

func TestPositions(t *testing.T) {
	src := "a\n b # c\n;\n\nd \"\n\n\"\n{ e \\\n\n;\n\r\n}\nx_by_lua_block\n $y\n{\n --[[ \n ]] f\n}\ng;"
	f, err := Parse("n.conf", []byte(src), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var walk func(stmts []*Stmt, parent *Stmt)
	walk = func(stmts []*Stmt, parent *Stmt) {
		for _, s := range stmts {
			if s.Parent != parent || s.File != "n.conf" {
				t.Errorf("%s: wrong parent or file", s.Name)
			}
			got = append(got, fmt.Sprint(s.Name, " ", s.Start, " ", s.Line, " ", s.End))
			walk(s.Block, s)
		}
	}
	walk(f.Stmts, nil)
	want := []string{"a 1 3 3", "d 5 8 12", "e 8 10 10", "x_by_lua_block 13 15 18", "g 19 19 19"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestQuoted(t *testing.T) {
	f, err := Parse("n.conf", []byte(`map "a" b 'c' "";`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Stmts[0].Quoted; !slices.Equal(got, []bool{true, false, true, true}) {
		t.Errorf("got %v", got)
	}
}

// files is a disk in memory.
type files map[string]string

func (f files) options() Options {
	return Options{
		ReadFile: func(name string) ([]byte, error) {
			if text, ok := f[name]; ok {
				return []byte(text), nil
			}
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		},
		Glob: func(pattern string) (names []string, err error) {
			for name := range f {
				if strings.Count(name, "/") == strings.Count(pattern, "/") && match(pattern, name) {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			return names, nil
		},
	}
}

func TestInclude(t *testing.T) {
	disk := files{
		"/e/n.conf":        "a; include b.conf; h { include conf.d/*.conf; include none*; s { include /abs/p; } } z;",
		"/e/b.conf":        "b1;\n\nb2;",
		"/e/conf.d/2.conf": "two { include b.conf; }",
		"/e/conf.d/1.conf": "one;",
		"/e/conf.d/x":      "never;",
		"/abs/p":           "p;",
	}
	f, err := ParseFile("/e/n.conf", disk.options())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := show(f.Stmts), "a b1 b2 h{one two{b1 b2} s{p}} z"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if s := f.Stmts[2]; s.File != "/e/b.conf" || s.Line != 3 || s.Parent != nil {
		t.Errorf("b2 stands in %s:%d", s.File, s.Line)
	}
	if s := f.Stmts[3].Block[1].Block[0]; s.Parent != f.Stmts[3].Block[1] {
		t.Error("an included statement has the wrong parent")
	}
	var names []string
	for _, source := range f.Sources {
		names = append(names, source.Name)
	}
	want := []string{"/e/n.conf", "/e/b.conf", "/e/conf.d/1.conf", "/e/conf.d/2.conf", "/abs/p"}
	if !slices.Equal(names, want) {
		t.Errorf("sources %q, want %q", names, want)
	}
	if dump := string(f.Dump()); !strings.HasPrefix(dump, "# configuration file /e/n.conf:\na; include") ||
		!strings.HasSuffix(dump, "\n# configuration file /abs/p:\np;\n") {
		t.Errorf("dump: %s", dump)
	}
}

func TestIncludeErrors(t *testing.T) {
	deep := files{}
	for i := range MaxIncludes + 1 {
		deep[fmt.Sprintf("/d/%d", i)] = fmt.Sprintf("include %d;", i+1)
	}
	wide := files{"/d/0": "a;"}
	for i := 1; i < 20; i++ {
		wide[fmt.Sprintf("/d/%d", i)] = fmt.Sprintf("include %d; include %d;", i-1, i-1)
	}
	for _, c := range []struct {
		disk       files
		main, want string
	}{
		{files{"/n": "\ninclude x;"}, "/n", `open() "/x" failed (2: No such file or directory) in /n:2`},
		{files{}, "/n", `open() "/n" failed (2: No such file or directory)`},
		{files{"/n": "a {\n include x; }", "/x": "b; }"}, "/n", `unexpected "}" in /x:1`},
		{files{"/n": "a {\n include x; }", "/x": "\nb {"}, "/n", `unexpected end of file, expecting "}" in /x:2`},
		{files{"/n": "a { include x; }", "/x": "\nb"}, "/n", `unexpected end of file, expecting ";" or "}" in /x:2`},
		{files{"/n": "include n;"}, "/n", `file "/n" includes itself in /n:1`},
		{files{"/n": "include x;", "/x": "a {\ninclude n*; }"}, "/n", `file "/n" includes itself in /x:2`},
		{deep, "/d/0", `too deep an include of "/d/32": the limit is 32 in /d/31:1`},
		{wide, "/d/19", `too many included files: the limit is 10000`},
	} {
		_, err := ParseFile(c.main, c.disk.options())
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestParseDirectives(t *testing.T) {
	disk := files{"/e/x": "b {}", "/e/y": "\nb"}
	o := disk.options()
	o.Dir = "/e"
	for _, c := range []struct{ text, want string }{
		{"daemon off; pid /x;", "daemon|off pid|/x"},
		{"", ""},
		{"include x;", "b{}"},
		{"daemon off", `unexpected end of parameter, expecting ";" in command line`},
		{"pid \"a;\n", `unexpected end of parameter, expecting ";" in command line`},
		{"events {}", `block directives are not supported in -g option in command line`},
		{"x_by_lua_block {}", `block directives are not supported in -g option in command line`},
		{"daemon off;}", `unexpected "}" in command line`},
		{"\n\"a\"b;", `unexpected "b" in command line`},
		{"include none;", `open() "/e/none" failed (2: No such file or directory) in command line`},
		{"include y;", `unexpected end of file, expecting ";" or "}" in /e/y:2`},
	} {
		f, err := ParseDirectives(c.text, o)
		var got string
		if err != nil {
			got = err.Error()
		} else {
			got = show(f.Stmts)
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
	f, _ := ParseDirectives("a;", o)
	if got := f.Stmts[0].Unknown().Error(); got != `unknown directive "a" in command line` {
		t.Error(got)
	}
}

// The first mistake in the file is the one that Check reports, even when a
// later one is in the syntax.
func TestCheckComesFirst(t *testing.T) {
	check := func(s *Stmt) error {
		switch {
		case s.Name == "types" || s.Parent != nil && s.Parent.Name == "types":
			return nil
		case s.Name != "http":
			return s.Unknown()
		}
		return Block.Check(s)
	}
	for _, c := range []struct{ src, want string }{
		{"http {\n types { a b; }\n foo { \"a\"b; }", `unknown directive "foo" in n.conf:3`},
		{"http { types { a b } }\nfoo;", `unexpected "}" in n.conf:1`},
		{"http ;\n }", `directive "http" has no opening "{" in n.conf:1`},
		{"foo_lua {\n local x = '}'a\n}", `unknown directive "foo_lua" in n.conf:1`},
	} {
		if _, err := Parse("n.conf", []byte(c.src), Options{Check: check}); err == nil || err.Error() != c.want {
			t.Errorf("%q: got %v, want %s", c.src, err, c.want)
		}
	}
}

func TestEveryErrorHasAPosition(t *testing.T) {
	disk := files{"/x": "a {"}
	srcs := []string{"include x;", "include y;", "include n;", "include a b;", "a { include x; }"}
	for _, c := range lexerErrors {
		srcs = append(srcs, c.src)
	}
	for _, src := range srcs {
		_, err := Parse("/n", []byte(src), disk.options())
		var e *Error
		if !errors.As(err, &e) || e.File == "" || e.Line == 0 || e.Text == "" {
			t.Errorf("%.60q: %#v", src, err)
		}
	}
}
