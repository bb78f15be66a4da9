package actor

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/luahttpd/luahttpd/poll"
)

// An Interest is a descriptor that somebody else owns, what it is waited for, and what of that has come.
type Interest struct {
	FD          int
	Read, Write bool
	// Readable and Writable are set by Await. A descriptor that has failed or was closed by the peer is
	// both: the next call tells.
	Readable, Writable bool
}

// Await blocks its goroutine until one of the descriptors is ready, at most for limit (negative: without
// one, 0: it only looks). It returns ErrTimeout when none is. It is for who has no coroutine to park.
func Await(list []Interest, limit time.Duration) error {
	fds := make([]unix.PollFd, len(list))
	for i, in := range list {
		fds[i].Fd = int32(in.FD)
		if in.Read {
			fds[i].Events |= unix.POLLIN
		}
		if in.Write {
			fds[i].Events |= unix.POLLOUT
		}
	}
	n, err := pollFor(fds, limit)
	if err != nil {
		return os.NewSyscallError("poll", err)
	}
	if n == 0 {
		return ErrTimeout
	}
	for i := range list {
		const failed = unix.POLLERR | unix.POLLHUP | unix.POLLNVAL
		got := fds[i].Revents
		list[i].Readable = list[i].Read && got&(unix.POLLIN|failed) != 0
		list[i].Writable = list[i].Write && got&(unix.POLLOUT|failed) != 0
	}
	return nil
}

// pollFor is poll(2) that goes on after signals.
func pollFor(fds []unix.PollFd, limit time.Duration) (int, error) {
	end := time.Now().Add(limit)
	for {
		ms := -1
		if limit >= 0 {
			left := max(time.Until(end), 0)
			ms = int(min((left+time.Millisecond-1)/time.Millisecond, 1<<31-1))
		}
		n, err := unix.Poll(fds, ms)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// Await is the function Await for a coroutine, which parks. The loop watches duplicates: the owner may
// close its descriptors meanwhile, which ends the wait only if it shuts them down first.
func (w *Worker) Await(list []Interest, limit time.Duration) error {
	if err := Await(list, 0); err != ErrTimeout || limit == 0 {
		return err
	}
	a := &awaiting{co: w.current}
	defer a.end(w)
	for _, in := range list {
		if err := a.watch(w, in); err != nil {
			return err
		}
	}
	if limit > 0 {
		a.timer = w.AfterFunc(limit, func() {
			a.expired = true
			a.co.ResumeIf(a.token)
		})
	}
	for {
		a.token = a.co.Token()
		a.co.ParkOn(a.token)
		if err := Await(list, 0); err != ErrTimeout || a.expired {
			return err
		}
	}
}

// awaiting is one call of Await.
type awaiting struct {
	co      *Coroutine
	token   uint64
	watched []*watched
	timer   *Timer
	expired bool
}

// watched is a duplicate of one descriptor.
type watched struct {
	a      *awaiting
	fd     int
	want   poll.Events
	handle poll.Handle
}

func (a *awaiting) watch(w *Worker, in Interest) error {
	fd, err := unix.FcntlInt(uintptr(in.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	d := &watched{a: a, fd: fd, want: poll.Hangup | poll.Failed}
	a.watched = append(a.watched, d)
	if in.Read {
		d.want |= poll.Readable
	}
	if in.Write {
		d.want |= poll.Writable
	}
	d.handle, err = w.loop.Add(fd, d)
	return err
}

// Ready takes the loop's events; it is not for others.
func (d *watched) Ready(ev poll.Events) {
	if ev&d.want != 0 {
		d.a.co.ResumeIf(d.a.token)
	}
}

// end also runs when the coroutine is killed.
func (a *awaiting) end(w *Worker) {
	for _, d := range a.watched {
		w.loop.Remove(d.handle)
		sysClose(d.fd)
	}
	if a.timer != nil {
		a.timer.Stop()
	}
}

// Disconnect takes the peer of a datagram socket away: it receives from everybody again.
func Disconnect(fd int) error {
	var none unix.RawSockaddrAny // AF_UNSPEC
	if e := sysConnect(fd, &none, unix.SizeofSockaddrInet4); e != 0 {
		return os.NewSyscallError("connect", e)
	}
	return nil
}
