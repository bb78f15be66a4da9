package actor

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Syscalls are the system calls that move a descriptor's data. They never block; EAGAIN says that
// they would. An errno of zero is success. Tests replace them to have short reads and writes and
// errors.
type Syscalls struct {
	Read     func(fd int, p []byte) (int, syscall.Errno)
	Write    func(fd int, p []byte) (int, syscall.Errno)
	Writev   func(fd int, bufs [][]byte) (int, syscall.Errno) // at most maxIovec buffers, none empty
	Sendfile func(out, in int, off int64, n int) (int, syscall.Errno)
	Accept   func(fd int) (int, Addr, syscall.Errno)

	// Partial says that these are not quite the kernel's: they may move fewer bytes than they
	// could, or say EAGAIN without need. The kernel's short read means that a stream is empty and a
	// short write that it is full, which saves the call that would only say EAGAIN.
	Partial bool
}

func kernel() Syscalls {
	return Syscalls{Read: sysRead, Write: sysWrite, Writev: sysWritev, Sendfile: sysSendfile, Accept: sysAccept}
}

// OneByte is the kernel's calls moving one byte at a time, with an EAGAIN before each: the hardest
// weather for whatever reads and writes. The value is for one worker.
func OneByte() Syscalls {
	s := kernel()
	s.Partial = true
	calls := 0
	again := func() bool { calls++; return calls%2 != 0 }
	s.Read = func(fd int, p []byte) (int, syscall.Errno) {
		if again() {
			return 0, syscall.EAGAIN
		}
		return sysRead(fd, p[:1])
	}
	s.Write = func(fd int, p []byte) (int, syscall.Errno) {
		if again() {
			return 0, syscall.EAGAIN
		}
		return sysWrite(fd, p[:1])
	}
	s.Writev = func(fd int, bufs [][]byte) (int, syscall.Errno) { return s.Write(fd, bufs[0]) }
	s.Sendfile = func(out, in int, off int64, n int) (int, syscall.Errno) {
		if again() {
			return 0, syscall.EAGAIN
		}
		return sysSendfile(out, in, off, 1)
	}
	return s
}

// The calls that cannot block go past Go's scheduler (RawSyscall): 20 % less CPU per request. What
// may wait for a disk must not.

// sysRead is recv, which spares what read does for files: 0.05 us of 2.8. A pipe is not a socket.
func sysRead(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
	if e == syscall.ENOTSOCK {
		n, _, e = unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	}
	return int(n), e
}

// sysWrite is send, as sysRead is recv.
func sysWrite(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	if e == syscall.ENOTSOCK {
		n, _, e = unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	}
	return int(n), e
}

// maxIovec is how many buffers one writev takes; the kernel would take 1024.
const maxIovec = 16

func sysWritev(fd int, bufs [][]byte) (int, syscall.Errno) {
	var iov [maxIovec]unix.Iovec
	bufs = bufs[:min(len(bufs), maxIovec)]
	for i, b := range bufs {
		iov[i].Base = unsafe.SliceData(b)
		iov[i].SetLen(len(b))
	}
	n, _, e := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&iov)), uintptr(len(bufs)))
	return int(n), e
}

// sysSendfile tells the scheduler of the call only when the file may have to be waited for: for
// what is in memory, handing the processor over and back costs a fifth of the whole.
func sysSendfile(out, in int, off int64, n int) (int, syscall.Errno) {
	var r uintptr
	var e syscall.Errno
	if inMemory(in, off+int64(n)-1) {
		r, _, e = unix.RawSyscall6(unix.SYS_SENDFILE, uintptr(out), uintptr(in), uintptr(unsafe.Pointer(&off)), uintptr(n), 0, 0)
	} else {
		r, _, e = unix.Syscall6(unix.SYS_SENDFILE, uintptr(out), uintptr(in), uintptr(unsafe.Pointer(&off)), uintptr(n), 0, 0)
	}
	return int(r), e
}

// inMemory tells whether the byte at off can be read without waiting for a disk; a range whose
// last byte can is taken to be in memory whole, as read-ahead goes.
func inMemory(fd int, off int64) bool {
	var b byte
	v := unix.Iovec{Base: &b, Len: 1}
	n, _, e := unix.RawSyscall6(unix.SYS_PREADV2, uintptr(fd), uintptr(unsafe.Pointer(&v)), 1, uintptr(off), uintptr(off>>32), unix.RWF_NOWAIT)
	return e == 0 && n == 1
}

func sysPeek(fd int, p []byte) (int, syscall.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)),
		unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	return int(n), e
}

func sysAccept(fd int) (int, Addr, syscall.Errno) {
	var sa unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	n, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if e != 0 {
		return -1, Addr{}, e
	}
	return int(n), decode(&sa, size), 0
}

func sysConnect(fd int, sa *unix.RawSockaddrAny, size uint32) syscall.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(sa)), uintptr(size))
	return e
}

func sysBind(fd int, sa *unix.RawSockaddrAny, size uint32) syscall.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(sa)), uintptr(size))
	return e
}

// sysName is getsockname or getpeername.
func sysName(call uintptr, fd int) (Addr, syscall.Errno) {
	var sa unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	_, _, e := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)))
	if e != 0 {
		return Addr{}, e
	}
	return decode(&sa, size), 0
}

// sysClose may go past the scheduler: without SO_LINGER, closing a socket waits for nothing.
func sysClose(fd int) syscall.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return e
}
