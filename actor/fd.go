package actor

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/poll"
	"golang.org/x/sys/unix"
)

var (
	// ErrBusy is what a second coroutine gets that wants to read, or to write, what one does
	// already.
	ErrBusy = errors.New("socket busy")

	// ErrWouldBlock is what the Try functions return when there is nothing to read or no room to
	// write. It is a net.Error that is Temporary.
	ErrWouldBlock error = wouldBlock{}

	// ErrTimeout is what an operation returns whose timeout or deadline has passed. It is a
	// net.Error.
	ErrTimeout error = timeout{}
)

type wouldBlock struct{}

func (wouldBlock) Error() string   { return "would block" }
func (wouldBlock) Timeout() bool   { return false }
func (wouldBlock) Temporary() bool { return true }

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
	accepted // counts as a connection of the worker
)

// An FD is a descriptor whose reads and writes park the running coroutine instead of blocking. It
// belongs to one worker and is used on its goroutine only. At most one coroutine reads and one
// writes at a time. It has no buffers; it may be embedded (Open), and used again when it was
// closed. It is a net.Conn, for crypto/tls and the like.
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

// NewFD puts a descriptor under the worker's loop, makes it non-blocking and owns it. On an error
// it stays the caller's.
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

// Open is NewFD for an embedded FD and a descriptor that is non-blocking already. isStream is false
// for a datagram socket.
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
	switch {
	case t != &f.read.timer:
		f.write.expire(onWrite)
	case f.read.co == nil && f.onReadable != nil:
		if waiting, ok := f.onReadable.(Expirer); ok {
			waiting.Expire(t)
		}
	default:
		f.read.expire(onRead)
	}
}

func (s *side) expire(on uint64) {
	if s.co != nil {
		s.expired = true
		s.co.wake(on)
	}
}

// wait parks until the descriptor is ready on that side, as far as the loop knows: the caller tries
// again.
func (f *FD) wait(s *side, on uint64, ready fdFlags) error {
	w := f.w
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
	switch {
	case i != nil:
		panic(i)
	case f.flags&(ready|open) == open && s.expired: // bytes that came in the same turn are worth more
		return ErrTimeout
	}
	return nil
}

// begin is what each parking operation asks first.
func (f *FD) begin(s *side) error {
	switch {
	case s.co != nil:
		return ErrBusy
	case s.deadline != 0 && s.deadline <= f.w.now:
		return ErrTimeout
	}
	return nil
}

// yield gives the worker's others a turn in the middle of an operation.
func (f *FD) yield(s *side) {
	co := f.w.current
	if co == nil {
		return
	}
	s.co = co
	i := co.park(onQueue)
	s.co = nil
	if i != nil {
		panic(i)
	}
}

// budget is how many operations a coroutine may do on descriptors that are always ready, before the
// worker's others have a turn.
const budget = 256

// spend counts an operation that may park.
func (w *Worker) spend() {
	if w.spent++; w.spent >= budget && w.current != nil {
		w.current.Yield()
	}
}

// OnReadable has the task run once, on the loop, when there is something to read or the peer has
// hung up; in a later turn if that is so already, as far as is remembered: the read may still find
// nothing. It is for a connection that waits without a coroutine. Nil takes it back. A reading
// coroutine comes first.
func (f *FD) OnReadable(t Task) {
	f.onReadable = t
	if t == nil {
		f.read.timer.suspend()
	}
	if t != nil && f.flags&(readable|open) == readable|open {
		f.w.Later((*readableFD)(f))
	}
}

// OnHangup has the function called once, on the loop, when the peer has closed its side or the
// connection has failed, whatever else goes on; in a later turn if that is so already. There may
// still be bytes to read. Nil takes it back.
func (f *FD) OnHangup(call func()) {
	f.onHangup = call
	if call != nil && f.flags&(hungup|open) == hungup|open {
		f.w.Later((*hungupFD)(f))
	}
}

// ExpireIn bounds the wait of OnReadable: its task's Expire is called after d, if the task is an
// Expirer and still waits. OnReadable(nil) and the next read take it back.
func (f *FD) ExpireIn(d time.Duration) { f.read.timer.Reset(d) }

type readableFD FD

func (f *readableFD) Run(w *Worker) {
	if t := f.onReadable; t != nil && f.flags&readable != 0 {
		f.onReadable = nil
		f.read.timer.suspend()
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

// Hungup says whether the peer has closed its side or the connection has failed, as far as the loop
// has heard.
func (f *FD) Hungup() bool { return f.flags&hungup != 0 }

// News tells whether there may be something to read or the peer may have hung up, as far as the loop
// has heard up to the beginning of this turn; Peek asks the kernel.
func (f *FD) News() bool { return f.flags&(readable|hungup) != 0 || f.w.loop.Pending(f.handle) }

// Fd is the descriptor's number.
func (f *FD) Fd() int { return int(f.fd) }

// Worker is the one that the descriptor belongs to.
func (f *FD) Worker() *Worker { return f.w }

// Closed says whether it was closed or detached.
func (f *FD) Closed() bool { return f.flags&open == 0 }

// Close closes the descriptor. Coroutines that are parked on it go on with net.ErrClosed. A second
// Close does nothing.
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
	if f.flags&accepted != 0 {
		f.w.accepted.Add(-1)
	}
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
