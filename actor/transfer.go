package actor

import (
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
)

// Read reads at least one byte, parking until there is one. At the end it returns io.EOF.
func (f *FD) Read(p []byte) (int, error) {
	if err := f.begin(&f.read); err != nil {
		return 0, err
	}
	f.w.spend()
	for {
		n, err := f.TryRead(p)
		if err != ErrWouldBlock {
			return n, err
		}
		if err := f.wait(&f.read, onRead, readable); err != nil {
			return 0, err
		}
	}
}

// TryRead is Read without parking: ErrWouldBlock when there is nothing.
func (f *FD) TryRead(p []byte) (int, error) {
	switch {
	case f.flags&open == 0:
		return 0, net.ErrClosed
	case f.flags&readable == 0:
		return 0, ErrWouldBlock
	case len(p) == 0:
		return 0, nil
	}
	n, e := f.w.Syscalls.Read(int(f.fd), p)
	for e == syscall.EINTR {
		n, e = f.w.Syscalls.Read(int(f.fd), p)
	}
	switch {
	case e == syscall.EAGAIN:
		f.again(readable)
		return 0, ErrWouldBlock
	case e != 0:
		return 0, os.NewSyscallError("read", e)
	case n == 0 && f.flags&stream != 0:
		return 0, io.EOF
	case n < len(p) && f.flags&(stream|hungup) == stream && !f.w.Syscalls.Partial:
		// Empty. After a hang-up no further event would tell of the end.
		f.flags &^= readable
	}
	return n, nil
}

// again forgets that the descriptor is ready: the loop will tell.
func (f *FD) again(side fdFlags) {
	f.flags &^= side
	if f.w.Syscalls.Partial { // the kernel may not have said EAGAIN, and then has no news
		f.w.loop.Rearm(f.handle)
	}
}

// Peek says whether bytes wait to be read: nil. At the end it returns io.EOF, when there is nothing
// ErrWouldBlock, and the error that a read would return. It always asks the kernel. Only for
// sockets.
func (f *FD) Peek() error {
	_, err := f.PeekBytes(f.w.peek[:])
	return err
}

// PeekBytes is Peek that also gives the bytes, which stay to be read. It does not park.
func (f *FD) PeekBytes(p []byte) (int, error) {
	if f.flags&open == 0 {
		return 0, net.ErrClosed
	}
	n, e := sysPeek(int(f.fd), p)
	switch {
	case e == syscall.EAGAIN:
		return 0, ErrWouldBlock
	case e != 0:
		return 0, os.NewSyscallError("recv", e)
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

// Write writes all of p, parking whenever there is no room. With an error it returns how much it
// has written.
func (f *FD) Write(p []byte) (int, error) {
	if err := f.begin(&f.write); err != nil {
		return 0, err
	}
	f.w.spend()
	done := 0
	for done < len(p) {
		n, err := f.TryWrite(p[done:])
		done += n
		if err == ErrWouldBlock {
			err = f.wait(&f.write, onWrite, writable)
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// TryWrite writes what there is room for: ErrWouldBlock when there is none.
func (f *FD) TryWrite(p []byte) (int, error) {
	switch {
	case f.flags&open == 0:
		return 0, net.ErrClosed
	case f.flags&writable == 0:
		return 0, ErrWouldBlock
	case len(p) == 0:
		return 0, nil
	}
	n, e := f.w.Syscalls.Write(int(f.fd), p)
	return f.wrote("write", n, len(p), e)
}

// wrote does the accounts of a write of n bytes out of size.
func (f *FD) wrote(call string, n, size int, e syscall.Errno) (int, error) {
	switch {
	case e == syscall.EAGAIN:
		f.again(writable)
		return 0, ErrWouldBlock
	case e == syscall.EINTR:
		return 0, nil
	case e != 0:
		return 0, os.NewSyscallError(call, e)
	case n < size && f.flags&stream != 0 && !f.w.Syscalls.Partial:
		f.flags &^= writable // full: the kernel tells when there is room again
	}
	return n, nil
}

// Writev writes all of the buffers in order, parking whenever there is no room. It consumes bufs:
// the elements are changed as the bytes leave.
func (f *FD) Writev(bufs [][]byte) (int64, error) {
	if err := f.begin(&f.write); err != nil {
		return 0, err
	}
	f.w.spend()
	var done int64
	for {
		for len(bufs) > 0 && len(bufs[0]) == 0 {
			bufs = bufs[1:]
		}
		if len(bufs) == 0 {
			return done, nil
		}
		n, err := f.tryWritev(bufs)
		done += int64(n)
		bufs = consume(bufs, n)
		if err == ErrWouldBlock {
			err = f.wait(&f.write, onWrite, writable)
		}
		if err != nil {
			return done, err
		}
	}
}

// consume takes n bytes off the front of bufs.
func consume(bufs [][]byte, n int) [][]byte {
	for n > 0 {
		if n < len(bufs[0]) {
			bufs[0] = bufs[0][n:]
			break
		}
		n -= len(bufs[0])
		bufs[0] = nil
		bufs = bufs[1:]
	}
	return bufs
}

func (f *FD) tryWritev(bufs [][]byte) (int, error) {
	switch {
	case f.flags&open == 0:
		return 0, net.ErrClosed
	case f.flags&writable == 0:
		return 0, ErrWouldBlock
	}
	bufs = bufs[:min(len(bufs), maxIovec)]
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	n, e := f.w.Syscalls.Writev(int(f.fd), bufs)
	return f.wrote("writev", n, size, e)
}

// maxSendfile is how much SendFile sends before it lets others have a turn.
const maxSendfile = 2 << 20

// SendFile sends n bytes of the file from off on, without copying them through the process. It
// returns io.ErrUnexpectedEOF when the file is shorter.
func (f *FD) SendFile(file *os.File, off, n int64) (int64, error) {
	if err := f.begin(&f.write); err != nil {
		return 0, err
	}
	f.w.spend()
	in := int(file.Fd())
	defer runtime.KeepAlive(file)
	var done, turn int64
	for done < n {
		m, err := f.trySendfile(in, off+done, int(min(n-done, maxSendfile)))
		done += int64(m)
		turn += int64(m)
		switch {
		case err == ErrWouldBlock:
			err = f.wait(&f.write, onWrite, writable)
			turn = 0
		case err == nil && turn >= maxSendfile && done < n:
			f.yield(&f.write)
			turn = 0
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

func (f *FD) trySendfile(in int, off int64, n int) (int, error) {
	switch {
	case f.flags&open == 0:
		return 0, net.ErrClosed
	case f.flags&writable == 0:
		return 0, ErrWouldBlock
	}
	m, e := f.w.Syscalls.Sendfile(int(f.fd), in, off, n)
	if m == 0 && e == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	// A short one says nothing: it may have been the file.
	return f.wrote("sendfile", m, m, e)
}
