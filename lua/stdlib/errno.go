package stdlib

import "syscall"

const (
	errnoBadf  = syscall.EBADF
	errInvalid = syscall.EINVAL
)
