package phases

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// Errno writes a system error as nginx does: "2: No such file or directory".
func Errno(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		text := no.Error()
		if text != "" && text[0] >= 'a' && text[0] <= 'z' {
			text = string(text[0]-'a'+'A') + text[1:]
		}
		return fmt.Sprintf("%d: %s", int(no), text)
	}
	return err.Error()
}

// OpenError writes a failed file operation as nginx does:
// open() "/x" failed (2: No such file or directory).
func OpenError(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return fmt.Sprintf("%s() \"%s\" failed (%s)", pe.Op, pe.Path, Errno(err))
	}
	return err.Error()
}
