package actor

import (
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var _ net.Conn = (*FD)(nil)

// Conn is the FD as a net.Conn. All of its methods are for coroutines of its worker.
func (f *FD) Conn() net.Conn { return f }

// SetReadTimeout sets how long one read may park; 0 is for ever. It counts from the next read on.
func (f *FD) SetReadTimeout(d time.Duration) { f.read.timeout = d }

// SetWriteTimeout sets how long a write may park between two steps forward; 0 is for ever. It
// counts from the next park on.
func (f *FD) SetWriteTimeout(d time.Duration) { f.write.timeout = d }

// SetReadDeadline sets when reads fail, a parked one too. The zero time is never.
func (f *FD) SetReadDeadline(t time.Time) error { return f.setDeadline(&f.read, onRead, t) }

// SetWriteDeadline sets when writes fail, a parked one too. The zero time is never.
func (f *FD) SetWriteDeadline(t time.Time) error { return f.setDeadline(&f.write, onWrite, t) }

// SetDeadline sets both.
func (f *FD) SetDeadline(t time.Time) error {
	if err := f.SetReadDeadline(t); err != nil {
		return err
	}
	return f.SetWriteDeadline(t)
}

func (f *FD) setDeadline(s *side, on uint64, t time.Time) error {
	if f.flags&open == 0 {
		return net.ErrClosed
	}
	s.deadline = 0
	if !t.IsZero() {
		s.deadline = max(int64(t.Sub(f.w.start)), 0) + 1
	}
	switch {
	case s.co == nil || s.deadline == 0 && s.timeout > 0:
	case s.deadline == 0:
		s.timer.suspend()
	case s.deadline <= f.w.now:
		s.expire(on)
	case s.timeout == 0 || s.timer.when == 0 || s.deadline < s.timer.when:
		s.timer.set(s.deadline)
	}
	return nil
}

// Local is the address of this end.
func (f *FD) Local() (Addr, error) {
	a, e := sysName(unix.SYS_GETSOCKNAME, int(f.fd))
	return a, f.check("getsockname", e)
}

// Peer is the address of the other end.
func (f *FD) Peer() (Addr, error) {
	a, e := sysName(unix.SYS_GETPEERNAME, int(f.fd))
	return a, f.check("getpeername", e)
}

// LocalAddr is Local for net.Conn; nil when it has none.
func (f *FD) LocalAddr() net.Addr { return netAddr(f.Local()) }

// RemoteAddr is Peer for net.Conn; nil when it has none.
func (f *FD) RemoteAddr() net.Addr { return netAddr(f.Peer()) }

func netAddr(a Addr, err error) net.Addr {
	if err != nil {
		return nil
	}
	return a.Net()
}

func (f *FD) check(call string, e syscall.Errno) error {
	switch {
	case f.flags&open == 0: // the number may be another's by now
		return net.ErrClosed
	case e != 0:
		return os.NewSyscallError(call, e)
	}
	return nil
}

// CloseWrite sends the end to the peer; reading goes on.
func (f *FD) CloseWrite() error { return f.shutdown(unix.SHUT_WR) }

// CloseRead ends reading; writing goes on.
func (f *FD) CloseRead() error { return f.shutdown(unix.SHUT_RD) }

func (f *FD) shutdown(how int) error {
	if f.flags&open == 0 {
		return net.ErrClosed
	}
	return os.NewSyscallError("shutdown", unix.Shutdown(int(f.fd), how))
}

// Reset closes the connection so that the peer sees a reset and the kernel keeps nothing of it.
func (f *FD) Reset() error {
	if f.flags&open == 0 {
		return nil
	}
	err := unix.SetsockoptLinger(int(f.fd), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// SetNoDelay has small segments sent at once (TCP_NODELAY).
func (f *FD) SetNoDelay(on bool) error { return f.set(unix.IPPROTO_TCP, unix.TCP_NODELAY, flag(on)) }

// SetCork holds partial segments back (TCP_CORK, nginx's tcp_nopush).
func (f *FD) SetCork(on bool) error { return f.set(unix.IPPROTO_TCP, unix.TCP_CORK, flag(on)) }

// SetKeepAlive has the kernel probe a silent peer.
func (f *FD) SetKeepAlive(k KeepAlive) error {
	if f.flags&open == 0 {
		return net.ErrClosed
	}
	return k.set(int(f.fd))
}

// TCPInfo is what the kernel knows of a TCP connection.
type TCPInfo struct {
	RTT, RTTVar time.Duration
	SndCwnd     int // segments
	RcvSpace    int // bytes
}

// TCPInfo asks the kernel.
func (f *FD) TCPInfo() (TCPInfo, error) {
	if f.flags&open == 0 {
		return TCPInfo{}, net.ErrClosed
	}
	i, err := unix.GetsockoptTCPInfo(int(f.fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return TCPInfo{}, os.NewSyscallError("getsockopt", err)
	}
	const us = time.Microsecond
	return TCPInfo{time.Duration(i.Rtt) * us, time.Duration(i.Rttvar) * us, int(i.Snd_cwnd), int(i.Rcv_space)}, nil
}

func (f *FD) set(level, option, value int) error {
	if f.flags&open == 0 {
		return net.ErrClosed
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(int(f.fd), level, option, value))
}

func flag(on bool) int {
	if on {
		return 1
	}
	return 0
}

// KeepAlive is how the kernel probes a silent peer (SO_KEEPALIVE). What is zero is the system's
// default.
type KeepAlive struct {
	On       bool
	Idle     time.Duration // before the first probe; whole seconds
	Interval time.Duration // between probes; whole seconds
	Count    int           // of probes without an answer
}

func (k KeepAlive) set(fd int) error {
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, flag(k.On))
	for _, o := range [...]struct{ option, value int }{
		{unix.TCP_KEEPIDLE, int(k.Idle / time.Second)},
		{unix.TCP_KEEPINTVL, int(k.Interval / time.Second)},
		{unix.TCP_KEEPCNT, k.Count},
	} {
		if err == nil && k.On && o.value > 0 {
			err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, o.option, o.value)
		}
	}
	return os.NewSyscallError("setsockopt", err)
}
