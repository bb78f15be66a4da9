package luahttpd

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/luahttpd/luahttpd"

// imports is the architecture: each package and the packages of this module
// that it may import. It is a statement of policy, not a record: a build that
// breaks it is to be mended, not this table.
var imports = map[string]string{
	"poll":           "",
	"conf":           "",
	"pcre":           "",
	"phases/http1":   "",
	"phases/setvar":  "phases/http1",
	"lua/vm":         "",
	"lua/stdlib":     "lua/vm",
	"lua/gopher":     "lua/vm",
	"lua/openssl":    "lua/vm",
	"lua/resty":      "lua/vm lua/openssl pcre",
	"actor":          "poll",
	"actor/mailbox":  "actor",
	"resolver":       "actor",
	"phases":         "resolver actor actor/mailbox conf pcre phases/http1",
	"phases/handler": "phases actor conf pcre phases/http1 phases/setvar",
	"phases/console": "phases actor actor/mailbox conf",
	"filter":         "phases actor conf pcre phases/http1",
	"upstream":       "resolver phases actor conf pcre phases/http1",
	"lua":            "lua/vm lua/stdlib resolver lua/cjson lua/ffi lua/lfs lua/lpeg lua/luasocket lua/openssl lua/pb lua/resty upstream phases actor actor/mailbox conf pcre phases/http1 phases/setvar",
	".":              "lua lua/vm upstream filter phases/console phases/handler phases phases/http1 actor actor/mailbox conf",
	"cmd/luahttpd":   ". phases lua/vm",
}

// foreign says which packages may import what is not of this module and not
// of the standard library, and system calls.
var foreign = map[string]string{
	"syscall":                       "poll actor phases . cmd/luahttpd upstream lua phases/handler lua/stdlib lua/ffi lua/lfs lua/luasocket lua/resty",
	"golang.org/x/sys/unix":         "poll actor",
	"github.com/yuin/gopher-lua":    "lua/gopher",
	"layeh.com/gopher-luar":         "lua/gopher",
	"github.com/dlclark/regexp2/v2": "pcre",
	"github.com/klauspost/compress": "filter",
}

// TestImports holds every package to the two tables.
func TestImports(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "testdata" || d.Name() == "examples") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		allowed, known := imports[dir]
		if !known {
			if parent, _, ok := strings.Cut(strings.TrimPrefix(dir, "lua/"), "/"); strings.HasPrefix(dir, "lua/") && !ok && parent != "" {
				allowed = "lua/vm pcre" // native modules
			} else {
				t.Errorf("package %s is not in the table: say what it may import", dir)
				return nil
			}
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			checkImport(t, path, dir, name, strings.Fields(allowed))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func checkImport(t *testing.T, path, dir, name string, allowed []string) {
	t.Helper()
	if own, ok := strings.CutPrefix(name, module); ok {
		own = strings.TrimPrefix(own, "/")
		if own == "" {
			own = "."
		}
		if !slices.Contains(allowed, own) {
			t.Errorf("%s: %s may not import %s", path, dir, own)
		}
		return
	}
	for prefix, who := range foreign {
		if (name == prefix || strings.HasPrefix(name, prefix+"/")) && !slices.Contains(strings.Fields(who), dir) {
			t.Errorf("%s: only %s may import %s", path, who, prefix)
		}
	}
}

// TestEveryModuleIsListed finds modules that were written and forgotten: a
// module works only at its place in modules.go.
func TestEveryModuleIsListed(t *testing.T) {
	list, err := os.ReadFile("modules.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"phases", "phases/handler", "filter", "upstream", "lua"} {
		files, _ := filepath.Glob(dir + "/*.go")
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.SplitSeq(string(src), "\n") {
				name, def, ok := strings.Cut(strings.TrimPrefix(line, "var "), " = ")
				if !ok || !strings.HasPrefix(line, "var ") || !strings.HasPrefix(strings.TrimPrefix(def, "phases."), "Define(") {
					continue
				}
				if full := filepath.Base(dir) + "." + name; !strings.Contains(string(list), full+",") {
					t.Errorf("%s: %s is not in modules.go; put it where it belongs in the order", path, full)
				}
			}
		}
	}
}
