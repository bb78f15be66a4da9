package lfs

import (
	"os"
	"syscall"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// attributeList is what lfs.attributes tells, in its order.
var attributeList = []struct {
	name string
	of   func(s *syscall.Stat_t) vm.Value
}{
	{"mode", func(s *syscall.Stat_t) vm.Value { return vm.String(fileType(uint32(s.Mode))) }},
	{"dev", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Dev)) }},
	{"ino", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Ino)) }},
	{"nlink", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Nlink)) }},
	{"uid", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Uid)) }},
	{"gid", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Gid)) }},
	{"rdev", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Rdev)) }},
	{"access", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Atim.Sec)) }},
	{"modification", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Mtim.Sec)) }},
	{"change", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Ctim.Sec)) }},
	{"size", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Size)) }},
	{"permissions", func(s *syscall.Stat_t) vm.Value { return vm.String(permissions(uint32(s.Mode))) }},
	{"blocks", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Blocks)) }},
	{"blksize", func(s *syscall.Stat_t) vm.Value { return vm.Number(float64(s.Blksize)) }},
}

var fileTypes = map[uint32]string{syscall.S_IFREG: "file", syscall.S_IFDIR: "directory", syscall.S_IFLNK: "link", syscall.S_IFSOCK: "socket",
	syscall.S_IFIFO: "named pipe", syscall.S_IFCHR: "char device", syscall.S_IFBLK: "block device"}

func fileType(mode uint32) string {
	if name := fileTypes[mode&syscall.S_IFMT]; name != "" {
		return name
	}
	return "other"
}

func permissions(mode uint32) string {
	p := []byte("rwxrwxrwx")
	for i := range p {
		if mode>>(8-i)&1 == 0 {
			p[i] = '-'
		}
	}
	return string(p)
}

func (l *library) attributes(t *vm.Thread) int { return l.stat(t, syscall.Stat) }

// linkAttributes tells of a symbolic link itself, and also its target.
func (l *library) linkAttributes(t *vm.Thread) int {
	name := path(t, 1)
	if t.Arg(2).Str() == "target" {
		target, err := os.Readlink(name)
		if err != nil {
			return failed(t, "could not obtain link target: ", err)
		}
		t.PushString(target)
		return 1
	}
	return l.stat(t, syscall.Lstat)
}

func (l *library) stat(t *vm.Thread, stat func(path string, s *syscall.Stat_t) error) int {
	name := path(t, 1)
	var s syscall.Stat_t
	if err := stat(name, &s); err != nil {
		return failed(t, "cannot obtain information from file '"+name+"': ", err)
	}
	if wanted, ok := t.Arg(2).ToString(); ok {
		for _, a := range attributeList {
			if a.name == wanted {
				t.Push(a.of(&s))
				return 1
			}
		}
		t.Errorf("invalid attribute name '%s'", wanted)
	}
	to := t.Arg(2).Table()
	if to == nil {
		to = l.m.NewTable(0, len(attributeList))
	}
	for _, a := range attributeList {
		to.SetStr(a.name, a.of(&s))
	}
	if fileType(uint32(s.Mode)) == "link" {
		if target, err := os.Readlink(name); err == nil {
			to.SetStr("target", vm.String(target))
		}
	}
	t.Push(to.Value())
	return 1
}
