package handler

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/luahttpd/luahttpd/phases"
)

// davFailed is the answer to a file operation that failed; missing is the
// status for a file that is not there.
func davFailed(r *phases.Request, err error, missing phases.Result) phases.Result {
	level, res := phases.LevelError, missing
	switch {
	case phases.NoSuchFile(err):
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		res = 403
	case errors.Is(err, syscall.EEXIST):
		res = 405
	case errors.Is(err, syscall.ENOSPC):
		level, res = phases.LevelCrit, 507
	default:
		level, res = phases.LevelCrit, 500
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		err = &fs.PathError{Op: link.Op, Path: link.New, Err: link.Err}
	}
	r.Errorf(level, "%s", phases.OpenError(err))
	return res
}

func notFoundOrConflict(err error) phases.Result {
	if errors.Is(err, syscall.ENOTDIR) {
		return 409
	}
	return 404
}

// moveFile renames a file, over file systems by copying it. If dirs is not 0,
// directories that are missing are made with that mode.
func moveFile(from, to string, dirs fs.FileMode) error {
	err := os.Rename(from, to)
	if errors.Is(err, fs.ErrNotExist) && dirs != 0 {
		if err = os.MkdirAll(filepath.Dir(to), dirs); err == nil {
			err = os.Rename(from, to)
		}
	}
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	st, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := copyFile(from, to, st); err != nil {
		return err
	}
	return os.Remove(from)
}

// copyFile copies a file so that its name never stands for a part of it. A
// symbolic link is copied as one.
func copyFile(from, to string, st fs.FileInfo) (err error) {
	if st.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		if err = os.Symlink(target, to); errors.Is(err, fs.ErrExist) {
			if err = os.Remove(to); err == nil {
				err = os.Symlink(target, to)
			}
		}
		return err
	}
	in, st, err := phases.OpenFile(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if !st.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: from, Err: syscall.EACCES}
	}
	out, err := os.CreateTemp(filepath.Dir(to), ".dav*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(out.Name())
		}
	}()
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Chmod(st.Mode().Perm())
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Chtimes(out.Name(), st.ModTime(), st.ModTime())
	}
	if err == nil {
		err = os.Rename(out.Name(), to)
	}
	return err
}

// copyTree copies a directory, without what is in it if only.
func copyTree(from, to string, only bool) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		target := to + path[len(from):]
		if !d.IsDir() {
			return copyFile(path, target, st)
		}
		if err := os.Mkdir(target, st.Mode().Perm()); err != nil || !only {
			return err
		}
		return fs.SkipAll
	})
}
