package conf

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what is printed to the golden files")

// Each testdata/x.conf is parsed and printed, or its error is, to x.golden.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(inputs) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, input := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(input), ".conf"), func(t *testing.T) {
			src, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			if file, err := Parse(input, src, Options{}); err != nil {
				got = []byte("error: " + err.Error() + "\n")
			} else {
				got = Format(file.Stmts)
				checkRoundTrip(t, file.Stmts)
			}
			golden := strings.TrimSuffix(input, ".conf") + ".golden"
			if *rewrite {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// checkRoundTrip parses what Format prints and compares.
func checkRoundTrip(t *testing.T, stmts []*Stmt) {
	t.Helper()
	printed := Format(stmts)
	again, err := Parse("printed", printed, Options{})
	if err != nil {
		t.Fatalf("%v in\n%q", err, printed)
	}
	if !same(stmts, again.Stmts) {
		t.Errorf("parsed again, it differs:\n%q\n%q", printed, Format(again.Stmts))
	}
}

// same compares all but positions.
func same(a, b []*Stmt) bool {
	return slices.EqualFunc(a, b, func(a, b *Stmt) bool {
		return a.Name == b.Name && slices.Equal(a.Args, b.Args) && slices.Equal(a.Quoted, b.Quoted) &&
			a.HasBlock == b.HasBlock && a.IsLua == b.IsLua && a.Lua == b.Lua && same(a.Block, b.Block)
	})
}

func TestQuote(t *testing.T) {
	for _, c := range []struct {
		text   string
		quoted bool
		want   string
	}{
		{"a", false, `a`},
		{"a", true, `"a"`},
		{"", false, `""`},
		{"a b", false, `"a b"`},
		{"a;b", false, `"a;b"`},
		{"a{1,2}", false, `"a{1,2}"`},
		{"${a}b", false, `${a}b`},
		{"#a", false, `"#a"`},
		{"a#", false, `a#`},
		{"}", false, `"}"`},
		{"a}", false, `a}`},
		{`"a`, false, `\"a`},
		{`a"b`, false, `a"b`},
		{`a"b`, true, `'a"b'`},
		{`a"b'c`, true, `"a\"b'c"`},
		{`\.php$`, false, `\.php$`},
		{`\.php$`, true, `"\.php$"`},
		{`\`, false, `\\`},
		{`\`, true, `"\\"`},
		{`\n`, false, `\\n`},
		{"a\nb", false, `a\nb`},
		{"a\nb", true, "\"a\nb\""},
		{`\ b`, false, `\ b`},
		{`\"`, true, `'\\"'`},
	} {
		got := quote(c.text, c.quoted)
		if got != c.want {
			t.Errorf("%q: got %s, want %s", c.text, got, c.want)
		}
		if s := parseOne(t, "x "+got+";"); len(s.Args) != 1 || s.Args[0] != c.text {
			t.Errorf("%s reads as %q", got, s.Args)
		}
	}
}

func FuzzParse(f *testing.F) {
	inputs, err := filepath.Glob("testdata/*.conf")
	if err != nil {
		f.Fatal(err)
	}
	for _, input := range inputs {
		src, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	for _, c := range lexerErrors {
		if len(c.src) < 1000 {
			f.Add([]byte(c.src))
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := Parse("/fuzz", src, files{"/x": "a { b; }"}.options())
		if err != nil {
			if e := err.(*Error); e.File == "" || e.Line == 0 {
				t.Errorf("no position: %v", e)
			}
			return
		}
		checkRoundTrip(t, file.Stmts)
	})
}
