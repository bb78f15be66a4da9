package phases

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// OpenFile opens a file for reading and tells what it is. Something that is
// not a regular file, a named pipe above all, does not make it wait.
func OpenFile(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, st, nil
}

// NoSuchFile tells whether a file operation failed because there is nothing
// under the name, whatever the reason.
func NoSuchFile(err error) bool {
	return errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG)
}

// FileStatus is what a request is answered with whose file cannot be opened,
// and the level at which the log says so.
func FileStatus(err error) (Result, Level) {
	switch {
	case NoSuchFile(err):
		return 404, LevelError
	case errors.Is(err, syscall.EACCES):
		return 403, LevelError
	}
	return 500, LevelCrit
}
