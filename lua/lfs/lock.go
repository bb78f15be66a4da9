package lfs

import (
	"os"
	"syscall"

	"github.com/luahttpd/luahttpd/lua/vm"
)

const errNotDir = syscall.ENOTDIR

// file is argument i, a file handle of the io library that is open.
func file(t *vm.Thread, i int, function string) *os.File {
	h, ok := t.CheckUserdata(i).Value.(interface{ OS() *os.File })
	if !ok {
		t.TypeError(i, "FILE*")
	}
	f := h.OS()
	if f == nil {
		t.Errorf("%s: closed file", function)
	}
	return f
}

// lock(file, mode, start, length) locks a part of a file against other
// processes, with mode "r" for reading, with "w" for writing.
func (l *library) lock(t *vm.Thread) int {
	f := file(t, 1, "lock")
	kind := int16(syscall.F_WRLCK)
	switch mode := t.CheckString(2); {
	case mode == "" || mode[0] != 'r' && mode[0] != 'w' && mode[0] != 'u':
		t.Errorf("lock: invalid mode")
	case mode[0] == 'r':
		kind = syscall.F_RDLCK
	case mode[0] == 'u':
		kind = syscall.F_UNLCK
	}
	return setLock(t, f, kind, t.OptInt(3, 0), t.OptInt(4, 0))
}

func (l *library) unlock(t *vm.Thread) int {
	return setLock(t, file(t, 1, "unlock"), syscall.F_UNLCK, t.OptInt(2, 0), t.OptInt(3, 0))
}

func setLock(t *vm.Thread, f *os.File, kind int16, start, length int) int {
	err := syscall.FcntlFlock(f.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: kind, Start: int64(start), Len: int64(length)})
	if err != nil {
		text, _ := describe(err)
		return t.PushError("%s", text)
	}
	t.PushBool(true)
	return 1
}

// dirLock is a lock of a directory: a symbolic link in it.
type dirLock struct{ name string }

func (l *library) lockDir(t *vm.Thread) int {
	name := path(t, 1) + "/lockfile.lfs"
	if err := syscall.Symlink("lock", name); err != nil {
		text, _ := describe(err)
		return t.PushError("%s", text)
	}
	t.Push(l.m.NewUserdata(&dirLock{name}, l.lockedDir))
	return 1
}

func freeDir(t *vm.Thread) int {
	if d, ok := t.CheckUserdata(1).Value.(*dirLock); ok && d.name != "" {
		syscall.Unlink(d.name)
		d.name = ""
	}
	return 0
}
