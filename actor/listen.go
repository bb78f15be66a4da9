package actor

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// DefaultBacklog is nginx's.
const DefaultBacklog = 511

// ListenOptions are those of nginx's listen directive. What is zero is the system's default.
type ListenOptions struct {
	Backlog     int  // 0: DefaultBacklog
	ReusePort   bool // several sockets for one address: one per worker
	DualStack   bool // a wildcard IPv6 socket takes IPv4 too (ipv6only=off)
	DeferAccept bool // connections are reported when their first bytes have come
	NoDelay     bool // accepted connections have TCP_NODELAY
	KeepAlive   KeepAlive
	Rcvbuf      int // bytes, for the accepted connections
	Sndbuf      int
	FastOpen    int         // length of the queue of TCP Fast Open; 0: off
	Mode        os.FileMode // of a unix socket's file; 0: 0666, as nginx has it
	Replace     bool        // a unix socket's file that nobody listens on any more is in the way of none
}

// A Listener is a listening socket. Several workers may accept from it. Its methods are for any
// goroutine.
type Listener struct {
	fd     int
	addr   Addr
	unlink atomic.Bool // the file is removed on Close
	closed atomic.Bool
	shared struct { // by the workers that accept from it
		sync.Mutex
		list atomic.Pointer[[]*acceptor] // replaced, never changed
	}
}

// Listen opens a listening socket. Its errors wrap an errno such as syscall.EADDRINUSE.
func Listen(a Addr, o ListenOptions) (*Listener, error) {
	fd, err := unix.Socket(a.family(), unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if a.IsUnix() && o.Replace {
		removeStale(a.Path)
	}
	l, err := listen(fd, a, o)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket's file that nobody listens on; errors are bind's to tell.
func removeStale(path string) {
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
	} else if st, serr := os.Lstat(path); serr == nil && st.Mode()&os.ModeSocket != 0 {
		os.Remove(path)
	}
}

func listen(fd int, a Addr, o ListenOptions) (*Listener, error) {
	if err := o.set(fd, a.family()); err != nil {
		return nil, err
	}
	if err := bind(fd, a); err != nil {
		return nil, err
	}
	l := &Listener{fd: fd, addr: a}
	if a.IsUnix() && a.Path[0] != '@' {
		l.unlink.Store(true)
		mode := o.Mode
		if mode == 0 {
			mode = 0o666
		}
		if err := os.Chmod(a.Path, mode); err != nil {
			return nil, errors.Join(err, os.Remove(a.Path))
		}
	}
	backlog := o.Backlog
	if backlog <= 0 {
		backlog = DefaultBacklog
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	return l, l.name()
}

func (o *ListenOptions) set(fd, family int) error {
	type option struct{ level, name, value int }
	options := []option{{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1}}
	if o.Rcvbuf > 0 {
		options = append(options, option{unix.SOL_SOCKET, unix.SO_RCVBUF, o.Rcvbuf})
	}
	if o.Sndbuf > 0 {
		options = append(options, option{unix.SOL_SOCKET, unix.SO_SNDBUF, o.Sndbuf})
	}
	if family != unix.AF_UNIX {
		if o.ReusePort {
			options = append(options, option{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1})
		}
		if o.DeferAccept {
			options = append(options, option{unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 1})
		}
		if o.NoDelay {
			options = append(options, option{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1}) // accepted sockets inherit it
		}
		if o.FastOpen > 0 {
			options = append(options, option{unix.IPPROTO_TCP, unix.TCP_FASTOPEN, o.FastOpen})
		}
	}
	if family == unix.AF_INET6 {
		options = append(options, option{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, flag(!o.DualStack)})
	}
	for _, s := range options {
		if err := setsockopt(fd, s.level, s.name, s.value); err != nil {
			return err
		}
	}
	if o.KeepAlive.On && family != unix.AF_UNIX {
		return o.KeepAlive.set(fd)
	}
	return nil
}

func (l *Listener) name() error {
	a, e := sysName(unix.SYS_GETSOCKNAME, l.fd)
	if e != 0 {
		return os.NewSyscallError("getsockname", e)
	}
	l.addr = a
	return nil
}

// ListenerFrom makes a Listener of one of package net's, or of an *os.File that a parent process
// has passed on. It works on a duplicate: the given one is the caller's to close.
func ListenerFrom(from syscall.Conn) (*Listener, error) {
	raw, err := from.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	cerr := raw.Control(func(p uintptr) { fd, err = unix.FcntlInt(p, unix.F_DUPFD_CLOEXEC, 0) })
	if cerr != nil {
		return nil, cerr
	}
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	l := &Listener{fd: fd}
	if err := l.adopt(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return l, nil
}

func (l *Listener) adopt() error {
	on, err := unix.GetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	if on == 0 {
		return fmt.Errorf("actor: descriptor %d is not a listening socket", l.fd)
	}
	if err := unix.SetNonblock(l.fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	return l.name()
}

// Addr is where it listens, with the port that the kernel has chosen for port 0.
func (l *Listener) Addr() Addr { return l.addr }

// File is a duplicate, to pass on to another process. The caller closes it.
func (l *Listener) File() (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(l.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), l.addr.String()), nil
}

// KeepPath has Close leave a unix socket's file, because another process goes on listening.
func (l *Listener) KeepPath() { l.unlink.Store(false) }

// Close closes the socket; workers must have stopped accepting (Unaccept). A second Close does
// nothing.
func (l *Listener) Close() error {
	if l.closed.Swap(true) {
		return nil
	}
	err := os.NewSyscallError("close", unix.Close(l.fd))
	if l.unlink.Load() {
		err = errors.Join(err, os.Remove(l.addr.Path))
	}
	return err
}
