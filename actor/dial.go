package actor

import (
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// DialOptions say how to connect.
type DialOptions struct {
	Timeout     time.Duration // 0: as long as the kernel tries
	Local       Addr          // to connect from; the zero value is any. Port 0 is any
	Transparent bool          // Local need not be an address of this host (IP_TRANSPARENT)
	Delay       bool          // do not set TCP_NODELAY
	KeepAlive   KeepAlive
	Rcvbuf      int // bytes; 0: the system's default
	Sndbuf      int
}

// Dial connects to a TCP or unix stream socket, parking the current coroutine until that is done.
// Its errors are ErrTimeout or wrap an errno such as syscall.ECONNREFUSED.
func (w *Worker) Dial(to Addr, o DialOptions) (*FD, error) {
	return w.dial(to, unix.SOCK_STREAM, o)
}

// DialUDP makes a UDP socket, or a unix datagram socket with an address that the kernel chooses,
// that sends to one address and receives only from there; it does not park. Each Read and Write is
// a datagram; an error that the network reports, such as syscall.ECONNREFUSED, comes with a later
// one of them.
func (w *Worker) DialUDP(to Addr, o DialOptions) (*FD, error) {
	o.Delay = true
	return w.dial(to, unix.SOCK_DGRAM, o)
}

func (w *Worker) dial(to Addr, kind int, o DialOptions) (*FD, error) {
	family := to.family()
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := &FD{}
	connected := false
	defer func() { // also when the coroutine is killed while it waits
		if !connected {
			if f.Closed() {
				sysClose(fd)
			} else {
				f.Close()
			}
		}
	}()
	if err := o.set(fd, family); err != nil {
		return nil, err
	}
	var sa unix.RawSockaddrAny
	if family == unix.AF_UNIX && kind == unix.SOCK_DGRAM {
		sa.Addr.Family = unix.AF_UNIX
		if e := sysBind(fd, &sa, 2); e != 0 { // without one there are no answers
			return nil, os.NewSyscallError("bind", e)
		}
	}
	size, err := to.encode(&sa)
	if err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	e := sysConnect(fd, &sa, size)
	if e != 0 && e != syscall.EINPROGRESS {
		return nil, os.NewSyscallError("connect", e)
	}
	// Registered only now: a socket that is not connecting yet counts as hung up.
	if err := f.Open(w, fd, kind == unix.SOCK_STREAM); err != nil {
		return nil, err
	}
	if e != 0 {
		if err := f.connect(o.Timeout); err != nil {
			return nil, err
		}
	}
	connected = true
	return f, nil
}

// connect waits for the end of a connect.
func (f *FD) connect(d time.Duration) error {
	f.flags &^= writable
	f.write.timeout = d
	for f.flags&writable == 0 {
		if err := f.wait(&f.write, onWrite, writable); err != nil {
			return err
		}
		if f.Closed() { // by Worker.Close
			return net.ErrClosed
		}
	}
	f.write.timeout = 0
	n, err := unix.GetsockoptInt(int(f.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && n != 0 {
		err = syscall.Errno(n)
	}
	return os.NewSyscallError("connect", err)
}

// set sets the options of a socket that is not connected yet.
func (o *DialOptions) set(fd, family int) error {
	if o.Rcvbuf > 0 {
		if err := setsockopt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, o.Rcvbuf); err != nil {
			return err
		}
	}
	if o.Sndbuf > 0 {
		if err := setsockopt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, o.Sndbuf); err != nil {
			return err
		}
	}
	if family == unix.AF_UNIX {
		return nil
	}
	if o.KeepAlive.On {
		if err := o.KeepAlive.set(fd); err != nil {
			return err
		}
	}
	if !o.Delay {
		if err := setsockopt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return err
		}
	}
	if o.Local == (Addr{}) {
		return nil
	}
	if o.Transparent {
		level, option := unix.IPPROTO_IP, unix.IP_TRANSPARENT
		if family == unix.AF_INET6 {
			level, option = unix.IPPROTO_IPV6, unix.IPV6_TRANSPARENT
		}
		if err := setsockopt(fd, level, option, 1); err != nil {
			return err
		}
	}
	if o.Local.Port() == 0 {
		// The port is chosen by connect, which may take one that another peer's connection uses.
		// Old kernels lack it.
		unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	}
	return bind(fd, o.Local)
}

func bind(fd int, a Addr) error {
	var sa unix.RawSockaddrAny
	size, err := a.encode(&sa)
	if err != nil {
		return os.NewSyscallError("bind", err)
	}
	if e := sysBind(fd, &sa, size); e != 0 {
		return os.NewSyscallError("bind", e)
	}
	return nil
}

func setsockopt(fd, level, option, value int) error {
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, value))
}
