// Package poll tells a waiter when its descriptor can be read or written without blocking.
//
// A Loop is one epoll instance. Its descriptors are registered once, edge-triggered for both
// directions: a waiter hears of every change and must remember it. A Loop belongs to one goroutine;
// only Wake may be called from others.
//
// The epoll descriptor itself waits in Go's netpoller, so an idle loop holds no thread; under load
// the loop asks epoll_wait with a timeout of zero and never leaves its goroutine.
package poll

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Events says what has become true of a descriptor.
type Events uint8

const (
	Readable Events = 1 << iota // there are bytes, a connection or the end to read
	Writable                    // there is room to write
	Hangup                      // the peer has closed its sending side (EPOLLRDHUP), or both
	Failed                      // the descriptor is in error or closed both ways: the next read or write tells
)

// A Waiter is told of its descriptor's changes.
type Waiter interface {
	// Ready is called on the loop's goroutine. It may add and remove descriptors; it must not
	// block.
	Ready(Events)
}

// A Handle names one registration of one descriptor. It is an index and a generation: an event that
// was already on its way when the slot was given to another descriptor reaches nobody. The zero
// Handle names nothing.
type Handle uint64

func handle(index, gen uint32) Handle { return Handle(gen)<<32 | Handle(index) }

func (h Handle) index() uint32 { return uint32(h) }
func (h Handle) gen() uint32   { return uint32(h >> 32) }

type slot struct {
	waiter Waiter // nil: free
	fd     int32
	gen    uint32
}

// Batch is the number of events one Poll takes from the kernel at most.
const Batch = 256

// The state of a loop as a waker sees it.
const (
	running  uint32 = iota
	sleeping        // in Go's netpoller, or about to be
	woken           // Wake was called since the last Poll returned
)

// A Loop watches descriptors for their waiters.
type Loop struct {
	state atomic.Uint32
	ep    int
	slots []slot
	free  []uint32
	len   int

	events    []unix.EpollEvent
	next, got int // events[next:got] wait to be dispatched

	file     *os.File // ep, as Go's netpoller knows it
	raw      syscall.RawConn
	ready    func(uintptr) bool // tryOrSleep
	asked    bool               // tryOrSleep's first call was made
	deadline time.Time          // of this Poll
	armed    time.Time          // the deadline that file has; may be earlier than the one asked for, never later
	fault    error              // for take
}

// Open makes a loop. It holds one descriptor until Close.
func Open() (*Loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// os.NewFile hands only non-blocking descriptors to the netpoller.
	if err := unix.SetNonblock(ep, true); err != nil {
		unix.Close(ep)
		return nil, os.NewSyscallError("fcntl", err)
	}
	l := &Loop{ep: ep, events: make([]unix.EpollEvent, Batch), file: os.NewFile(uintptr(ep), "epoll")}
	if l.raw, err = l.file.SyscallConn(); err == nil {
		err = l.file.SetReadDeadline(time.Time{}) // fails when the netpoller did not take it
	}
	if err != nil {
		l.file.Close()
		return nil, fmt.Errorf("poll: epoll descriptor is not pollable: %w", err)
	}
	l.ready = l.tryOrSleep
	return l, nil
}

// both is what is watched of a descriptor.
const both = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

// Add registers a descriptor for both directions, edge-triggered. What is already true of it is
// reported by the next Poll. The descriptor must be non-blocking and stays the caller's.
func (l *Loop) Add(fd int, w Waiter) (Handle, error) {
	return l.add(fd, w, both)
}

// AddListener registers a listening socket: level-triggered, so that a waiter may accept as few
// connections at a time as it likes, and exclusive, so that not every loop that watches it need
// wake for one connection.
func (l *Loop) AddListener(fd int, w Waiter) (Handle, error) {
	return l.add(fd, w, unix.EPOLLIN|unix.EPOLLEXCLUSIVE)
}

func (l *Loop) add(fd int, w Waiter, events uint32) (Handle, error) {
	if w == nil {
		return 0, errors.New("poll: no waiter")
	}
	var i uint32
	if n := len(l.free); n > 0 {
		i = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		i = uint32(len(l.slots))
		l.slots = append(l.slots, slot{})
	}
	s := &l.slots[i]
	s.gen++
	if s.gen == 0 {
		s.gen = 1
	}
	ev := unix.EpollEvent{Events: events, Fd: int32(i), Pad: int32(s.gen)}
	if err := epollCtl(l.ep, unix.EPOLL_CTL_ADD, fd, &ev); err != 0 {
		l.free = append(l.free, i)
		return 0, os.NewSyscallError("epoll_ctl", err)
	}
	s.waiter, s.fd = w, int32(fd)
	l.len++
	return handle(i, s.gen), nil
}

func (l *Loop) slot(h Handle) *slot {
	if i := h.index(); int(i) < len(l.slots) {
		if s := &l.slots[i]; s.waiter != nil && s.gen == h.gen() {
			return s
		}
	}
	return nil
}

// Remove ends a registration; its waiter hears nothing more. The descriptor stays open. A handle
// that names nothing any more is ignored.
func (l *Loop) Remove(h Handle) {
	if s := l.slot(h); s != nil {
		epollCtl(l.ep, unix.EPOLL_CTL_DEL, int(s.fd), &unix.EpollEvent{}) // fails only when it is not registered
		l.drop(h.index(), s)
	}
}

// Forget is Remove for a descriptor that the caller closes right now: the kernel removes it then by
// itself, and a system call is saved. Only for a descriptor of which there is no duplicate.
func (l *Loop) Forget(h Handle) {
	if s := l.slot(h); s != nil {
		l.drop(h.index(), s)
	}
}

// Rearm has what is true of a descriptor reported again, as if it had just been added.
func (l *Loop) Rearm(h Handle) {
	if s := l.slot(h); s != nil {
		ev := unix.EpollEvent{Events: both, Fd: int32(h.index()), Pad: int32(h.gen())}
		epollCtl(l.ep, unix.EPOLL_CTL_MOD, int(s.fd), &ev) // fails only when it is not registered
	}
}

func (l *Loop) drop(i uint32, s *slot) {
	s.waiter = nil
	l.free = append(l.free, i)
	l.len--
}

// Len is the number of registered descriptors.
func (l *Loop) Len() int { return l.len }

// Waiters calls f with the waiter of each registered descriptor. f may remove any of them.
func (l *Loop) Waiters(f func(Waiter)) {
	for i := range l.slots {
		if w := l.slots[i].waiter; w != nil {
			f(w)
		}
	}
}

// Wait polls until the deadline and dispatches what came. The zero time is no deadline. It may
// return early with nothing dispatched.
func (l *Loop) Wait(deadline time.Time) error {
	if err := l.Poll(deadline); err != nil {
		return err
	}
	l.Dispatch()
	return nil
}

// Poll waits until there are events, Wake is called or the deadline has come (zero: none), and
// keeps the events for Dispatch. It returns at once when there are events already, or when Wake was
// called since the last Poll.
func (l *Loop) Poll(deadline time.Time) error {
	if l.next < l.got {
		return l.take()
	}
	l.deadline, l.asked = deadline, false
	err := l.raw.Read(l.ready)
	l.state.Store(running)
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		// The deadline, or Wake. It would fail every further sleep: take it away.
		l.arm(time.Time{})
		l.fetch()
	default:
		return err
	}
	return l.take()
}

// tryOrSleep is called by raw.Read: first when the netpoller will not miss what comes from now on,
// and again after the sleep if the first call says so by false.
func (l *Loop) tryOrSleep(uintptr) bool {
	if l.fetch() != 0 || l.asked || l.state.Load() == woken {
		return true
	}
	l.asked = true
	// A deadline that is already set and earlier is left: waking once for nothing is cheaper than
	// setting it each time, as most deadlines only ever move away. It is set before anyone sees the
	// loop asleep: Wake's deadline must not be overwritten.
	if !l.deadline.IsZero() && (l.armed.IsZero() || l.deadline.Before(l.armed)) {
		l.arm(l.deadline)
	}
	return !l.state.CompareAndSwap(running, sleeping)
}

// TryPoll is Poll without waiting.
func (l *Loop) TryPoll() error {
	if l.next == l.got {
		l.fetch()
	}
	if l.state.Load() == woken {
		l.state.Store(running)
	}
	return l.take()
}

func (l *Loop) take() error {
	err := l.fault
	l.fault = nil
	return err
}

func (l *Loop) arm(t time.Time) {
	if err := l.file.SetReadDeadline(t); err != nil && l.fault == nil {
		l.fault = err
	}
	l.armed = t
}

// fetch asks the kernel without waiting and returns the number of events.
func (l *Loop) fetch() int {
	n, err := epollWait(l.ep, l.events)
	if err != 0 {
		if err != unix.EINTR {
			l.fault = os.NewSyscallError("epoll_wait", err)
			return -1
		}
		n = 0
	}
	l.next, l.got = 0, n
	return n
}

// Dispatch tells the waiters. When a waiter panics, the events behind it are kept for the next
// Dispatch.
func (l *Loop) Dispatch() {
	for l.next < l.got {
		ev := &l.events[l.next]
		l.next++
		s := &l.slots[uint32(ev.Fd)]
		if s.gen != uint32(ev.Pad) || s.waiter == nil {
			continue
		}
		s.waiter.Ready(translate(ev.Events))
	}
}

func translate(e uint32) Events {
	var ev Events
	if e&unix.EPOLLIN != 0 {
		ev = Readable
	}
	if e&unix.EPOLLOUT != 0 {
		ev |= Writable
	}
	if e&unix.EPOLLRDHUP != 0 {
		ev |= Hangup | Readable
	}
	if e&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		ev |= Failed | Readable | Writable
		if e&unix.EPOLLHUP != 0 {
			ev |= Hangup
		}
	}
	return ev
}

var longAgo = time.Unix(1, 0)

// Wake makes the Poll that sleeps, or else the next one, return. Any goroutine may call it. Only
// the first call of many does any work, and only if the loop sleeps: it expires the deadline of the
// epoll descriptor, which makes the loop's goroutine runnable without a system call (a pipe would
// take two and a turn of the netpoller).
func (l *Loop) Wake() {
	if l.state.Swap(woken) == sleeping {
		// When it comes late, after the sleep that it was meant for, it costs one empty turn.
		l.file.SetReadDeadline(longAgo) // fails only on a closed loop
	}
}

// Close releases the loop. Descriptors that are still registered stay open.
func (l *Loop) Close() error {
	clear(l.slots)
	l.slots, l.free, l.len, l.next, l.got = nil, nil, 0, 0, 0
	return l.file.Close()
}
