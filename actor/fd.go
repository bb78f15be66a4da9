package actor

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/poll"
	"golang.org/x/sys/unix"
)

var (
	// ErrBusy is what a second coroutine gets that wants to read, or to write, what one does already.
	ErrBusy = errors.New("socket busy")

	// ErrWouldBlock is what the Try functions return when there is nothing to read or no room to write.
	ErrWouldBlock = errors.New("would block")

	// ErrTimeout is what an operation returns whose timeout or deadline has passed. It is a net.Error.
	ErrTimeout error = timeout{}
)

type timeout struct{}

func (timeout) Error() string        { return "timeout" }
func (timeout) Timeout() bool        { return true }
func (timeout) Temporary() bool      { return true }
func (timeout) Is(target error) bool { return target == os.ErrDeadlineExceeded }

type fdFlags uint8

const (
	readable fdFlags = 1 << iota
	writable
	hungup // the peer has sent its last byte, or the descriptor is in error
	stream // a short read means empty
	open
)

// An FD is a descriptor whose reads and writes park the running coroutine instead of blocking. It belongs to one worker
// and is used on its goroutine only. At most one coroutine reads and one writes at a time. It has no buffers; it may be
// embedded (Open), and used again when it was closed. It is a net.Conn, for crypto/tls and the like.
type FD struct {
	w          *Worker
	handle     poll.Handle
	fd         int32
	flags      fdFlags
	read       side
	write      side
	onReadable Task
	onHangup   func()
}

// A side is one direction of an FD.
type side struct {
	co       *Coroutine // parked here
	timer    Timer
	timeout  time.Duration // per operation; 0: none
	deadline int64         // on the worker's clock; 0: none
	expired  bool
}

// NewFD puts a descriptor under the worker's loop, makes it non-blocking and owns it. On an error it stays the caller's.
func (w *Worker) NewFD(fd int) (*FD, error) {
	f := &FD{}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err := f.Open(w, fd, err != nil || kind == unix.SOCK_STREAM); err != nil {
		return nil, err
	}
	return f, nil
}

// Open is NewFD for an embedded FD and a descriptor that is non-blocking already. isStream is false for a datagram socket.
func (f *FD) Open(w *Worker, fd int, isStream bool) error {
	*f = FD{w: w, fd: int32(fd), flags: open | writable}
	if isStream {
		f.flags |= stream
	}
	f.read.timer.Init(w, f)
	f.write.timer.Init(w, f)
	h, err := w.loop.Add(fd, f)
	if err != nil {
		f.flags = 0
		return err
	}
	f.handle = h
	return nil
}

// Ready takes the loop's events; it is not for others.
func (f *FD) Ready(ev poll.Events) {
	h := f.handle
	if ev&poll.Readable != 0 {
		f.flags |= readable
	}
	if ev&poll.Writable != 0 {
		f.flags |= writable
	}
	if ev&(poll.Hangup|poll.Failed) != 0 {
		f.flags |= hungup
	}
	// What runs here may close f, and open it again for another descriptor.
	if ev&poll.Readable != 0 {
		if co := f.read.co; co != nil {
			co.wake(onRead)
		} else if f.onReadable != nil {
			(*readableFD)(f).Run(f.w)
		}
	}
	if ev&poll.Writable != 0 && f.handle == h {
		if co := f.write.co; co != nil {
			co.wake(onWrite)
		}
	}
	if f.flags&hungup != 0 && f.onHangup != nil && f.handle == h {
		(*hungupFD)(f).Run(f.w)
	}
}

// Expire takes the timers' calls; it is not for others.
func (f *FD) Expire(t *Timer) {
	if t == &f.read.timer {
		f.read.expire(onRead)
	} else {
		f.write.expire(onWrite)
	}
}

func (s *side) expire(on uint64) {
	if s.co != nil {
		s.expired = true
		s.co.wake(on)
	}
}

// wait parks until the side is perhaps ready: the caller tries again.
func (s *side) wait(w *Worker, on uint64) error {
	co := w.current
	if co == nil {
		panic("actor: descriptor operation would park outside of a coroutine")
	}
	if s.co != nil {
		return ErrBusy
	}
	when := s.deadline
	if s.timeout > 0 {
		if t := w.now + int64(s.timeout); when == 0 || t < when {
			when = t
		}
	}
	if when != 0 {
		s.timer.set(when)
	}
	s.co, s.expired = co, false
	i := co.park(on)
	s.co = nil
	s.timer.suspend()
	if i != nil {
		panic(i)
	}
	if s.expired {
		return ErrTimeout
	}
	return nil
}

func (s *side) late(w *Worker) bool { return s.deadline != 0 && s.deadline <= w.now }

// Read reads at least one byte, parking until there is one. At the end it returns io.EOF.
func (f *FD) Read(p []byte) (int, error) {
	if f.read.co != nil {
		return 0, ErrBusy
	}
	if f.read.late(f.w) {
		return 0, ErrTimeout
	}
	var waited error
	for {
		n, err := f.TryRead(p)
		if err != ErrWouldBlock {
			return n, err
		}
		if waited != nil {
			return 0, waited
		}
		// A timeout gives way to bytes that came in the same turn.
		if waited = f.read.wait(f.w, onRead); waited == ErrBusy {
			return 0, waited
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

// Peek says whether bytes wait to be read: nil. At the end it returns io.EOF, when there is nothing ErrWouldBlock, and the
// error that a read would return. It always asks the kernel. Only for sockets.
func (f *FD) Peek() error {
	if f.flags&open == 0 {
		return net.ErrClosed
	}
	n, e := sysPeek(int(f.fd), f.w.peek[:])
	switch {
	case e == syscall.EAGAIN:
		return ErrWouldBlock
	case e != 0:
		return os.NewSyscallError("recv", e)
	case n == 0:
		return io.EOF
	}
	return nil
}

// Write writes all of p, parking whenever there is no room. With an error it returns how much it has written.
func (f *FD) Write(p []byte) (int, error) {
	if f.write.co != nil {
		return 0, ErrBusy
	}
	if f.write.late(f.w) {
		return 0, ErrTimeout
	}
	done := 0
	for done < len(p) {
		n, err := f.TryWrite(p[done:])
		done += n
		if err == ErrWouldBlock {
			err = f.write.wait(f.w, onWrite)
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

// Writev writes all of the buffers in order, parking whenever there is no room. It consumes bufs: the elements are changed as
// the bytes leave.
func (f *FD) Writev(bufs [][]byte) (int64, error) {
	if f.write.co != nil {
		return 0, ErrBusy
	}
	if f.write.late(f.w) {
		return 0, ErrTimeout
	}
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
			err = f.write.wait(f.w, onWrite)
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

// SendFile sends n bytes of the file from off on, without copying them through the process. It returns io.ErrUnexpectedEOF when
// the file is shorter.
func (f *FD) SendFile(file *os.File, off, n int64) (int64, error) {
	if f.write.co != nil {
		return 0, ErrBusy
	}
	if f.write.late(f.w) {
		return 0, ErrTimeout
	}
	in := int(file.Fd())
	defer runtime.KeepAlive(file)
	var done, turn int64
	for done < n {
		m, err := f.trySendfile(in, off+done, int(min(n-done, maxSendfile)))
		done += int64(m)
		turn += int64(m)
		switch {
		case err == ErrWouldBlock:
			err = f.write.wait(f.w, onWrite)
			turn = 0
		case err == nil && turn >= maxSendfile && done < n && f.w.current != nil:
			f.w.current.Yield()
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

// OnReadable has the task run once, on the loop, when there is something to read or the peer has hung up; in a later turn if
// that is so already, as far as is remembered: the read may still find nothing. It is for a connection that waits without a coroutine.
// Nil takes it back. A reading coroutine comes first.
func (f *FD) OnReadable(t Task) {
	f.onReadable = t
	if t != nil && f.flags&(readable|open) == readable|open {
		f.w.later((*readableFD)(f))
	}
}

// OnHangup has the function called once, on the loop, when the peer has closed its side or the connection has failed,
// whatever else goes on; in a later turn if that is so already. There may still be bytes to read. Nil takes it back.
func (f *FD) OnHangup(call func()) {
	f.onHangup = call
	if call != nil && f.flags&(hungup|open) == hungup|open {
		f.w.later((*hungupFD)(f))
	}
}

type readableFD FD

func (f *readableFD) Run(w *Worker) {
	if t := f.onReadable; t != nil && f.flags&readable != 0 {
		f.onReadable = nil
		t.Run(w)
	}
}

type hungupFD FD

func (f *hungupFD) Run(*Worker) {
	if call := f.onHangup; call != nil && f.flags&hungup != 0 {
		f.onHangup = nil
		call()
	}
}

// Readable says whether a read would perhaps find something, as far as is remembered.
func (f *FD) Readable() bool { return f.flags&readable != 0 }

// Hungup says whether the peer has closed its side or the connection has failed, as far as the loop has heard.
func (f *FD) Hungup() bool { return f.flags&hungup != 0 }

// Fd is the descriptor's number.
func (f *FD) Fd() int { return int(f.fd) }

// Worker is the one that the descriptor belongs to.
func (f *FD) Worker() *Worker { return f.w }

// Closed says whether it was closed or detached.
func (f *FD) Closed() bool { return f.flags&open == 0 }

// Close closes the descriptor. Coroutines that are parked on it go on with net.ErrClosed. A second Close does nothing.
func (f *FD) Close() error {
	if f.flags&open == 0 {
		return nil
	}
	f.w.loop.Forget(f.handle)
	if e := f.shut(); e != 0 {
		return os.NewSyscallError("close", e)
	}
	return nil
}

func (f *FD) shut() syscall.Errno {
	e := sysClose(int(f.fd))
	f.abandon()
	return e
}

// Detach takes the descriptor from the worker without closing it: it is the caller's.
func (f *FD) Detach() int {
	if f.flags&open == 0 {
		return -1
	}
	f.w.loop.Remove(f.handle)
	f.abandon()
	return int(f.fd)
}

func (f *FD) abandon() {
	f.flags, f.handle = 0, 0
	f.onReadable, f.onHangup = nil, nil
	f.read.timer.Stop()
	f.write.timer.Stop()
	r, w := f.read.co, f.write.co
	if r != nil {
		r.wake(onRead)
	}
	if w != nil {
		w.wake(onWrite)
	}
}
