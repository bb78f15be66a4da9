// Package poll tells a waiter when its descriptor can be read or written without blocking.
//
// A Loop is one epoll instance. Its descriptors are registered once, edge-triggered for both
// directions: a waiter hears of every change and must remember it. A Loop belongs to one goroutine;
// only Wake may be called from others.
//
// A loop that has nothing to do sleeps in the kernel and holds its thread there. Go's netpoller could
// sleep for it (an epoll descriptor can be waited for), which costs two to three switches of threads
// where this costs one, and a busy loop keeps the thread that others would be woken by.
package poll

import (
	"errors"
	"math"
	"os"
	"sync/atomic"
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
	sleeping        // in the kernel, or about to be
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
	next, end int // events[next:end] wait to be dispatched

	wake  int   // an eventfd, which ends the sleep; its events have noSlot for an index
	fault error // for take
}

const noSlot = -1

// Open makes a loop. It holds two descriptors until Close.
func Open() (*Loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(ep)
		return nil, os.NewSyscallError("eventfd", err)
	}
	// Edge-triggered: each write is an event, and nobody needs to read it.
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: noSlot}
	if err := epollCtl(ep, unix.EPOLL_CTL_ADD, wake, &ev); err != 0 {
		unix.Close(ep)
		unix.Close(wake)
		return nil, os.NewSyscallError("epoll_ctl", err)
	}
	return &Loop{ep: ep, wake: wake, events: make([]unix.EpollEvent, Batch)}, nil
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

// Pending tells whether the kernel has said something of a descriptor that its waiter has not been
// told yet: an event that waits for Dispatch.
func (l *Loop) Pending(h Handle) bool {
	for i := range l.events[l.next:l.end] {
		if ev := &l.events[l.next+i]; uint32(ev.Fd) == h.index() && uint32(ev.Pad) == h.gen() {
			return true
		}
	}
	return false
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
	if l.next < l.end {
		return l.take()
	}
	// First it lets whoever waits for this processor run, at the latest now and not at the kernel's
	// next tick: often the clients, who then have the next requests ready. A sixth less CPU per
	// request when the machine is busy, half a microsecond lost when it is not.
	yield()
	l.fetch()
	if l.next < l.end || l.fault != nil || !l.state.CompareAndSwap(running, sleeping) {
		l.state.Store(running)
		return l.take()
	}
	timeout := -1
	if !deadline.IsZero() {
		// Rounded up: waking early would only come back here.
		timeout = int(min(max(time.Until(deadline)+time.Millisecond-1, 0)/time.Millisecond, math.MaxInt32))
	}
	n, err := epollSleep(l.ep, l.events, timeout)
	l.state.Store(running)
	l.got(n, err)
	return l.take()
}

// TryPoll is Poll without waiting.
func (l *Loop) TryPoll() error {
	if l.next == l.end {
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

// fetch asks the kernel without waiting and returns the number of events, or -1.
func (l *Loop) fetch() int { return l.got(epollWait(l.ep, l.events)) }

// got keeps what the kernel has answered.
func (l *Loop) got(n int, err unix.Errno) int {
	if err != 0 {
		l.next, l.end = 0, 0
		if err != unix.EINTR {
			l.fault = os.NewSyscallError("epoll_wait", err)
			return -1
		}
		return 0
	}
	l.next, l.end = 0, n
	return n
}

// Dispatch tells the waiters. When a waiter panics, the events behind it are kept for the next
// Dispatch.
func (l *Loop) Dispatch() {
	for l.next < l.end {
		ev := &l.events[l.next]
		l.next++
		if ev.Fd == noSlot {
			continue
		}
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

// Wake makes the Poll that sleeps, or else the next one, return. Any goroutine may call it. Only
// the first call of many does any work, and only if the loop sleeps.
func (l *Loop) Wake() {
	if l.state.Swap(woken) == sleeping {
		// It cannot fail before the counter has seen 2^64 writes. When it comes late, after the
		// sleep that it was meant for, it costs one empty turn.
		wakeUp(l.wake)
	}
}

// Close releases the loop; nobody may call Wake any more. Descriptors that are still registered stay
// open.
func (l *Loop) Close() error {
	clear(l.slots)
	l.slots, l.free, l.len, l.next, l.end = nil, nil, 0, 0, 0
	return errors.Join(unix.Close(l.wake), unix.Close(l.ep))
}
