// Package lfs has the module lfs, as LuaFileSystem 1.8 documents it.
package lfs

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// functions is the module.
var functions = []struct {
	name string
	f    func(l *library, t *vm.Thread) int
}{
	{"attributes", (*library).attributes},            // (path, name or table)
	{"symlinkattributes", (*library).linkAttributes}, // (path, name or table)
	{"dir", (*library).dir},                          // (path): dir.go
	{"currentdir", (*library).currentDir},            // ()
	{"chdir", (*library).changeDir},                  // (path): of the whole process
	{"mkdir", (*library).makeDir},                    // (path)
	{"rmdir", (*library).removeDir},                  // (path)
	{"link", (*library).link},                        // (old, new, symbolic)
	{"touch", (*library).touch},                      // (path, access time, modification time)
	{"setmode", (*library).setMode},                  // (file, mode): no effect on POSIX systems
	{"lock", (*library).lock},                        // (file, mode, start, length): lock.go
	{"unlock", (*library).unlock},                    // (file, start, length)
	{"lock_dir", (*library).lockDir},                 // (path)
}

// library is the module in one VM.
type library struct {
	m         *vm.VM
	dirs      *vm.Table // metatable of directory objects
	lockedDir *vm.Table // of locks of directories
}

// Register makes the module available to require in m.
func Register(m *vm.VM) {
	m.Builtin("lfs", func(*vm.Thread) vm.Value {
		l := &library{m: m}
		l.dirs = l.methods(map[string]vm.Func{"next": nextEntry, "close": closeDir})
		l.lockedDir = l.methods(map[string]vm.Func{"free": freeDir})
		l.lockedDir.SetStr("__gc", m.NewFunc("free", freeDir))
		t := m.NewTable(0, len(functions)+2)
		for _, f := range functions {
			t.SetStr(f.name, m.NewFunc(f.name, func(t *vm.Thread) int { return f.f(l, t) }))
		}
		t.SetStr("_VERSION", vm.String("LuaFileSystem 1.8.0"))
		m.Globals().SetStr("lfs", t.Value())
		return t.Value()
	})
}

// methods makes the metatable of objects with methods.
func (l *library) methods(of map[string]vm.Func) *vm.Table {
	index, meta := l.m.NewTable(0, len(of)), l.m.NewTable(0, 2)
	for name, f := range of {
		index.SetStr(name, l.m.NewFunc(name, f))
	}
	meta.SetStr("__index", index.Value())
	return meta
}

// describe gives the system's words and number of an error.
func describe(err error) (string, int) {
	var no syscall.Errno
	if errors.As(err, &no) {
		return vm.Strerror(no), int(no)
	}
	return err.Error(), 0
}

// result pushes true, or nil, message and number.
func result(t *vm.Thread, err error) int {
	if err == nil {
		t.PushBool(true)
		return 1
	}
	return failed(t, "", err)
}

func failed(t *vm.Thread, prefix string, err error) int {
	text, no := describe(err)
	t.PushNil()
	t.PushString(prefix + text)
	t.PushInt(no)
	return 3
}

// path is argument i as a path: what is behind a zero byte is not dropped, as
// in C, but makes it invalid.
func path(t *vm.Thread, i int) string {
	p := t.CheckString(i)
	if strings.IndexByte(p, 0) >= 0 {
		t.ArgError(i, "path has a zero byte")
	}
	return p
}

func (l *library) currentDir(t *vm.Thread) int {
	dir, err := os.Getwd()
	if err != nil {
		return failed(t, "", err)
	}
	t.PushString(dir)
	return 1
}

func (l *library) changeDir(t *vm.Thread) int {
	to := path(t, 1)
	if err := os.Chdir(to); err != nil {
		text, _ := describe(err)
		return t.PushError("Unable to change working directory to '%s'\n%s\n", to, text)
	}
	t.PushBool(true)
	return 1
}

func (l *library) makeDir(t *vm.Thread) int { return result(t, syscall.Mkdir(path(t, 1), 0o775)) }

func (l *library) removeDir(t *vm.Thread) int { return result(t, syscall.Rmdir(path(t, 1))) }

func (l *library) link(t *vm.Thread) int {
	from, to := path(t, 1), path(t, 2)
	if t.Arg(3).Truth() {
		return result(t, syscall.Symlink(from, to))
	}
	return result(t, syscall.Link(from, to))
}

// touch sets the times of a file, without times to now.
func (l *library) touch(t *vm.Thread) int {
	name := path(t, 1)
	access := time.Now()
	modified := access
	if t.NArg() > 1 {
		seconds := t.OptInt(2, 0)
		access, modified = time.Unix(int64(seconds), 0), time.Unix(int64(t.OptInt(3, seconds)), 0)
	}
	return result(t, os.Chtimes(name, access, modified))
}

func (l *library) setMode(t *vm.Thread) int {
	file(t, 1, "setmode")
	if mode := t.CheckString(2); mode != "binary" && mode != "text" {
		t.ArgError(2, "invalid option '"+mode+"'")
	}
	t.PushBool(true)
	t.PushString("binary")
	return 2
}
