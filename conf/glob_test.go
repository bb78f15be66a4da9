package conf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true}, {"*", "abc", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"*b", "abc", false}, {"*.conf", "a.conf.conf", true},
		{"a*b*c", "aXbXbXc", true}, {"a*b*c", "aXbXbX", false}, {"**", "a", true}, {"a**", "a", true}, {"", "", true}, {"", "a", false},
		{"?", "a", true}, {"?", "", false}, {"a?c", "abc", true}, {"??", "a", false},
		{"[abc]", "b", true}, {"[abc]", "d", false}, {"[a-c]x", "bx", true}, {"[!a-c]", "b", false}, {"[!a-c]", "d", true}, {"[^a]", "b", true},
		{"[]a]", "]", true}, {"[!]a]", "b", true}, {"[a-]", "-", true}, {"[a", "[a", true}, {"[", "[", true}, {"[a", "a", false}, {"[\\]]", "]", true},
		{"\\*", "*", true}, {"\\*", "a", false}, {"a\\", "a\\", true}, {"[0-9]*.conf", "10-x.conf", true},
	} {
		if got := match(c.pattern, c.name); got != c.want {
			t.Errorf("%q, %q: %v", c.pattern, c.name, got)
		}
	}
	if match(strings.Repeat("*a", 50), strings.Repeat("a", 10000)+"b") {
		t.Error("a match that is none")
	}
}

func TestGlobOnDisk(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"n.conf", "c/B.conf", "c/a.conf", "c/.hidden.conf", "c/a.conf~", "d/1/x", "d/2/x", "d/3/y", "*"} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte("a;"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]string{
		"/c/*.conf":  "/c/B.conf /c/a.conf",
		"/c/.*.conf": "/c/.hidden.conf",
		"/c/*":       "/c/B.conf /c/a.conf /c/a.conf~",
		"/*/*/x":     "/d/1/x /d/2/x",
		"/d/[!1]/*":  "/d/2/x /d/3/y",
		"/none/*":    "",
		"/n.conf/*":  "",
		"/d/*/z":     "",
		`/\**`:       "/*",
		"/n.con?":    "/n.conf",
	} {
		names, err := glob(dir + pattern)
		if err != nil {
			t.Fatal(err)
		}
		for i := range names {
			names[i] = strings.TrimPrefix(names[i], dir)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
}

func TestDiskErrors(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "n.conf")
	for src, want := range map[string]string{
		"include none;":       `open() "DIR/none" failed (2: No such file or directory) in DIR/n.conf:1`,
		"\ninclude DIR;":      `pread() "DIR" failed (21: Is a directory) in DIR/n.conf:2`,
		"include ./n.conf/x;": `open() "DIR/./n.conf/x" failed (20: Not a directory) in DIR/n.conf:1`,
	} {
		if err := os.WriteFile(name, []byte(strings.ReplaceAll(src, "DIR", dir)), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := ParseFile(name, Options{})
		if want = strings.ReplaceAll(want, "DIR", dir); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestRelativeMainFile(t *testing.T) {
	t.Chdir(t.TempDir())
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("n.conf", []byte("include x/*;"), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := ParseFile("n.conf", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := file.Sources[0].Name; !slices.Equal([]string{got}, []string{dir + "/n.conf"}) {
		t.Errorf("the main file is %q", got)
	}
}
