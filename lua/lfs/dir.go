package lfs

import (
	"os"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// directory is an open directory that is being listed.
type directory struct {
	f     *os.File // nil: closed
	names []string // read and not given yet
}

// batch is how many names are read at a time.
const batch = 100

// dir(path) gives an iterator over the names in a directory, "." and ".." too.
func (l *library) dir(t *vm.Thread) int {
	name := path(t, 1)
	f, err := os.Open(name)
	if err == nil {
		var s os.FileInfo
		if s, err = f.Stat(); err == nil && !s.IsDir() {
			err = errNotDir
		}
		if err != nil {
			f.Close()
		}
	}
	if err != nil {
		text, _ := describe(err)
		t.Errorf("cannot open %s: %s", name, text)
	}
	t.Push(l.dirs.GetStr("__index").Table().GetStr("next"))
	t.Push(l.m.NewUserdata(&directory{f: f, names: []string{".", ".."}}, l.dirs))
	return 2
}

func nextEntry(t *vm.Thread) int {
	d, ok := t.CheckUserdata(1).Value.(*directory)
	if !ok {
		t.TypeError(1, "directory metatable")
	}
	if d.f == nil {
		t.ArgError(1, "closed directory")
	}
	if len(d.names) == 0 {
		d.names, _ = d.f.Readdirnames(batch) // an error ends it, as it does readdir(3)
	}
	t.Spend(1)
	if len(d.names) == 0 {
		d.close()
		return 0
	}
	t.PushString(d.names[0])
	d.names = d.names[1:]
	return 1
}

func (d *directory) close() {
	if d.f != nil {
		d.f.Close()
		d.f, d.names = nil, nil
	}
}

func closeDir(t *vm.Thread) int {
	if d, ok := t.CheckUserdata(1).Value.(*directory); ok {
		d.close()
	}
	return 0
}
