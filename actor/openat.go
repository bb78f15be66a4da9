package actor

import (
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// OpenUnlinked opens a file for reading, or only as a name if path says so,
// without following symbolic links in its path behind the first from bytes.
// If owned, links are followed whose owner is that of what they point at. A
// link that is not followed is the error ELOOP. It does not wait for what is
// on the other end of a pipe.
func OpenUnlinked(path string, from int, owned, nameOnly bool) (*os.File, error) {
	fail := func(err error) (*os.File, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: err} }
	dir := path[:from]
	if from == 0 {
		dir = "."
		if strings.HasPrefix(path, "/") {
			dir = "/"
		}
	}
	at, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	rest := strings.Split(strings.Trim(path[from:], "/"), "/")
	for i, name := range rest {
		flags := unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
		if i == len(rest)-1 {
			flags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC
			if nameOnly {
				flags = unix.O_PATH | unix.O_CLOEXEC
			}
		}
		if name == "" {
			name = "."
		}
		next, err := openUnlinked(at, name, flags, owned)
		unix.Close(at)
		if err != nil {
			return fail(err)
		}
		at = next
	}
	return os.NewFile(uintptr(at), path), nil
}

func openUnlinked(at int, name string, flags int, owned bool) (int, error) {
	if !owned {
		flags |= unix.O_NOFOLLOW
	}
	fd, err := unix.Openat(at, name, flags, 0)
	var link, target unix.Stat_t
	if err == unix.ENOTDIR && unix.Fstatat(at, name, &link, unix.AT_SYMLINK_NOFOLLOW) == nil && link.Mode&unix.S_IFMT == unix.S_IFLNK {
		err = unix.ELOOP // what O_DIRECTORY says of a link that is not followed
	}
	if err != nil {
		return -1, err
	}
	err = unix.Fstatat(at, name, &link, unix.AT_SYMLINK_NOFOLLOW)
	if err == nil {
		err = unix.Fstat(fd, &target)
	}
	if err == nil && link.Mode&unix.S_IFMT == unix.S_IFLNK && (!owned || link.Uid != target.Uid) {
		err = unix.ELOOP
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
