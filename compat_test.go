package luahttpd

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/lua"
)

var rewrite = flag.Bool("rewrite", false, "write generated parts of documents and golden files anew")

// TestCompatibility holds the tables of COMPATIBILITY.md to the modules.
func TestCompatibility(t *testing.T) {
	checkGenerated(t, "COMPATIBILITY.md", "directives", directiveTable())
	checkGenerated(t, "COMPATIBILITY.md", "ignored", ignoredTable())
	checkGenerated(t, "COMPATIBILITY.md", "variables", variableTable())
	srv, err := Parse(strings.NewReader("events {} http {}"))
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	checkGenerated(t, "COMPATIBILITY.md", "modules", "`"+strings.Join(lua.Modules(srv.cfg.Load()), "` `")+"`\n")
}

func directiveTable() string {
	var b strings.Builder
	b.WriteString("| module | directives |\n|---|---|\n")
	for _, m := range modules() {
		var names []string
		m.Directives(func(name string, _ conf.Context, unused string) {
			if unused == "" && !slices.Contains(names, "`"+name+"`") {
				names = append(names, "`"+name+"`")
			}
		})
		if len(names) > 0 {
			fmt.Fprintf(&b, "| %s | %s |\n", m.Name, strings.Join(names, " "))
		}
	}
	return b.String()
}

func ignoredTable() string {
	why := map[string][]string{}
	var order []string
	for _, m := range modules() {
		m.Directives(func(name string, _ conf.Context, unused string) {
			if unused == "" {
				return
			}
			if why[unused] == nil {
				order = append(order, unused)
			}
			why[unused] = append(why[unused], "`"+name+"`")
		})
	}
	var b strings.Builder
	b.WriteString("| directives | because |\n|---|---|\n")
	for _, reason := range order {
		fmt.Fprintf(&b, "| %s | %s |\n", strings.Join(why[reason], " "), reason)
	}
	return b.String()
}

func variableTable() string {
	var names []string
	for _, m := range modules() {
		for _, name := range m.VariableNames() {
			names = append(names, "`$"+name+"`")
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ") + "\n"
}

// checkGenerated compares the part of a document between two markers with
// what it should be, or writes it with -rewrite.
func checkGenerated(t *testing.T, path, name, want string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	head, rest, ok1 := strings.Cut(string(text), begin)
	got, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no part %q", path, name)
	}
	if got == want {
		return
	}
	if !*rewrite {
		t.Errorf("the part %q of %s is out of date: go test . -run Compatibility -rewrite", name, path)
		return
	}
	if err := os.WriteFile(path, []byte(head+begin+want+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
