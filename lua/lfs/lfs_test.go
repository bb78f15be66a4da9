package lfs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/lua/luatest"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

func TestFunctions(t *testing.T) {
	for _, c := range []struct{ script, want string }{
		{`return lfs.attributes(D .. "f", "size"), lfs.attributes(D .. "f").mode, lfs.attributes(D).mode, lfs.attributes(D .. "f", "permissions")`,
			"5 file directory rw-r-----"},
		{`local t = {} return lfs.attributes(D .. "f", t) == t, t.size, t.nlink`, "true 5 1"},
		{`return lfs.attributes(D .. "none")`, "nil cannot obtain information from file 'Dnone': No such file or directory 2"},
		{`return lfs.attributes(D, "colour")`, "invalid attribute name 'colour'"},
		{`return lfs.attributes("a\0b")`, "bad argument #1 to '?' (path has a zero byte)"},
		{`lfs.link("f", D .. "l", true) local t = lfs.symlinkattributes(D .. "l") return t.mode, t.target, lfs.symlinkattributes(D .. "l", "target"), lfs.attributes(D .. "l", "mode")`,
			"link f f file"},
		{`return lfs.symlinkattributes(D .. "f", "target")`, "nil could not obtain link target: Invalid argument 22"},
		{`lfs.link(D .. "f", D .. "h") return lfs.attributes(D .. "f", "nlink"), lfs.link(D .. "f", D .. "f")`, "2 nil File exists 17"},
		{`return lfs.mkdir(D .. "n"), lfs.mkdir(D .. "n")`, "true nil File exists 17"},
		{`lfs.mkdir(D .. "n") return lfs.rmdir(D .. "n"), lfs.rmdir(D .. "n")`, "true nil No such file or directory 2"},
		{`local t = {} for n in lfs.dir(D) do t[#t + 1] = n end table.sort(t) return table.concat(t, " ")`, ". .. f"},
		{`local i, d = lfs.dir(D) local n = 0 while d:next() do n = n + 1 end return n, pcall(d.next, d)`, "3 false bad argument #1 to '?' (closed directory)"},
		{`local i, d = lfs.dir(D) d:close() d:close() return pcall(i, d)`, "false bad argument #1 to '?' (closed directory)"},
		{`return pcall(lfs.dir, D .. "f")`, "false cannot open Df: Not a directory"},
		{`return pcall(lfs.dir, D .. "none")`, "false cannot open Dnone: No such file or directory"},
		{`return lfs.touch(D .. "f", 1000, 2000), lfs.attributes(D .. "f").access, lfs.attributes(D .. "f").modification`, "true 1000 2000"},
		{`lfs.touch(D .. "f", 1000) return lfs.attributes(D .. "f", "modification"), lfs.touch(D .. "f"), lfs.attributes(D .. "f", "change") > 1e9`, "1000 true true"},
		{`return lfs.touch(D .. "none", 1, 1)`, "nil No such file or directory 2"},
		{`local old = lfs.currentdir() local ok = lfs.chdir(D) local size = lfs.attributes("f", "size") lfs.chdir(old) return ok, size, lfs.currentdir() == old`, "true 5 true"},
		{`return lfs.chdir(D .. "none")`, "nil Unable to change working directory to 'Dnone'\nNo such file or directory\n"},
		{`local f = io.open(D .. "f") return lfs.lock(f, "r"), lfs.unlock(f), lfs.lock(f, "w")`, "true true nil Bad file descriptor"},
		{`local f = io.open(D .. "f", "r+") return lfs.lock(f, "w", 1, 2), lfs.unlock(f, 1, 2), pcall(lfs.lock, f, "x")`, "true true false lock: invalid mode"},
		{`local f = io.open(D .. "f") local ok, m = lfs.setmode(f, "text") f:close() return ok, m, pcall(lfs.setmode, f, "text")`, "true binary false setmode: closed file"},
		{`return pcall(lfs.lock, newproxy(), "r")`, "false bad argument #1 to '?' (FILE* expected, got userdata)"},
		{`local l = lfs.lock_dir(D) local again, e = lfs.lock_dir(D) l:free() local l2 = lfs.lock_dir(D) l2:free() return type(l), again, e, type(l2)`,
			"userdata nil File exists userdata"},
		{`return lfs._VERSION`, "LuaFileSystem 1.8.0"},
	} {
		if got := run(t, c.script); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", c.script, got, c.want)
		}
	}
}

// run runs a script; D is a directory with a file f of five bytes.
func run(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir() + "/"
	name := filepath.Join(dir, "f")
	if err := os.WriteFile(name, []byte("hello"), 0o640); err != nil {
		t.Fatal(err)
	}
	m := stdlib.New(vm.Options{})
	defer m.Close()
	Register(m)
	m.Globals().SetStr("D", vm.String(dir))
	return strings.ReplaceAll(luatest.Run(t, m.NewThread(), `local lfs = require "lfs" `+script), dir, "D")
}
