package luasocket

import (
	"net/netip"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func tcpMethods() []method {
	return []method{
		{"accept", "server", (*sock).accept},
		{"bind", "master", (*sock).bind},
		{"setsockname", "master", (*sock).bind},
		{"connect", "any", (*sock).connectMethod},
		{"setpeername", "any", (*sock).connectMethod},
		{"getpeername", "any", (*sock).getPeerName},
		{"getsockname", "any", (*sock).getSockName},
		{"getfamily", "any", (*sock).getFamily},
		{"gettimeout", "any", (*sock).getTimeout},
		{"getoption", "any", (*sock).getOption}, // options.go
	}
}

// streamMethods are those of sockets with connections.
func streamMethods() []method {
	return []method{
		{"listen", "master", (*sock).listen},
		{"receive", "client", (*sock).receive}, // buffer.go
		{"send", "client", (*sock).send},
		{"getstats", "client", (*sock).getStats},
		{"setstats", "client", (*sock).setStats},
		{"shutdown", "client", (*sock).shutdown},
		{"setoption", "any", (*sock).setOption},
		{"settimeout", "any", (*sock).setTimeout},
		{"dirty", "any", (*sock).dirty},
		{"getfd", "any", (*sock).getFD},
		{"setfd", "any", (*sock).setFD},
		{"close", "any", (*sock).closeMethod},
	}
}

// kindOf is the kernel's kind of the socket.
func (s *sock) kindOf() (kind int, network string) {
	if s.class.kind == "udp" {
		return syscall.SOCK_DGRAM, "udp"
	}
	return syscall.SOCK_STREAM, "tcp"
}

// creator makes socket.tcp and its like.
func creator(kind string, family int) func(l *library, t *vm.Thread) int {
	return func(l *library, t *vm.Thread) int {
		s := l.newSock(kind, l.kinds[kind].states[0], family)
		if family != unspecified {
			number, _ := s.kindOf()
			if err := s.create(family, number); err != nil {
				return failed(t, err)
			}
		}
		return s.push(t)
	}
}

// connect is socket.connect: a client in one call.
func (l *library) connect(t *vm.Thread) int {
	host, port := t.CheckString(1), t.CheckString(2)
	local, localPort := t.OptString(3, ""), t.OptString(4, "0")
	family, known := map[string]int{"unspec": unspecified, "inet": inet4, "inet6": inet6}[t.OptString(5, "unspec")]
	if !known {
		t.ArgError(5, "invalid option '"+t.CheckString(5)+"'")
	}
	s := l.newSock("tcp", "client", family)
	err := error(nil)
	if local != "" {
		err = s.bindTo(t, local, localPort)
	}
	if err == nil {
		err = s.connectTo(t, host, port)
	}
	if err != nil {
		s.close()
		return failed(t, err)
	}
	return s.push(t)
}

func (s *sock) connectMethod(t *vm.Thread) int {
	host, port := t.CheckString(2), t.CheckString(3)
	err := s.connectTo(t, host, port)
	s.become(t, "client") // also after an error: it may be under way
	if err != nil {
		return failed(t, err)
	}
	return one(t)
}

// connectTo tries the addresses of a host one after the other.
func (s *sock) connectTo(t *vm.Thread, host, port string) error {
	return s.each(t, host, port, func(sa syscall.Sockaddr) (bool, error) {
		s.start = time.Now()
		err := s.dial(t, sa)
		return s.block != 0, err
	})
}

// each calls f with the addresses of a host until it has no error or says that
// this was the last one. The socket has a descriptor of the address's family then.
func (s *sock) each(t *vm.Thread, host, port string, f func(sa syscall.Sockaddr) (more bool, err error)) error {
	kind, network := s.kindOf()
	n, err := service(port, network)
	if err != nil {
		return err
	}
	list, err := s.l.addresses(t, host, s.family)
	if err != nil {
		return err
	}
	for _, a := range list {
		var sa syscall.Sockaddr
		if sa, err = place(a, n); err != nil {
			continue
		}
		if family := familyOf(a); s.fd < 0 || s.family != family {
			s.close()
			if err = s.create(family, kind); err != nil {
				continue
			}
		}
		more := false
		if more, err = f(sa); err == nil || !more {
			break
		}
	}
	return err
}

// dial connects to one address.
func (s *sock) dial(t *vm.Thread, sa syscall.Sockaddr) error {
	if s.fd < 0 {
		return errClosed
	}
	err := syscall.Connect(s.fd, sa)
	for err == syscall.EINTR {
		err = syscall.Connect(s.fd, sa)
	}
	if err != syscall.EINPROGRESS && err != syscall.EAGAIN {
		return err
	}
	if err := s.wait(t, true); err != nil {
		return err
	}
	n, err := syscall.GetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
	if err == nil && n != 0 {
		err = syscall.Errno(n)
	}
	return err
}

func (s *sock) bind(t *vm.Thread) int {
	if err := s.bindTo(t, t.CheckString(2), t.CheckString(3)); err != nil {
		return failed(t, err)
	}
	return one(t)
}

func (s *sock) bindTo(t *vm.Thread, host, port string) error {
	if host == "*" {
		if host = netip.IPv4Unspecified().String(); s.family == inet6 {
			host = netip.IPv6Unspecified().String()
		}
	}
	return s.each(t, host, port, func(sa syscall.Sockaddr) (bool, error) { return true, syscall.Bind(s.fd, sa) })
}

func (s *sock) listen(t *vm.Thread) int {
	const backlog = 32
	if err := syscall.Listen(s.fd, t.OptInt(2, backlog)); err != nil {
		return failed(t, err)
	}
	s.become(t, "server")
	return one(t)
}

func (s *sock) accept(t *vm.Thread) int {
	s.start = time.Now()
	fd := -1
	err := s.try(t, false, func() (err error) {
		fd, _, err = syscall.Accept4(s.fd, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err == syscall.ECONNABORTED {
			return syscall.EAGAIN
		}
		return err
	})
	if err != nil {
		return failed(t, err)
	}
	client := s.l.newSock(s.class.kind, "client", s.family)
	client.fd = fd
	return client.push(t)
}

func (s *sock) shutdown(t *vm.Thread) int {
	how, ok := map[string]int{"receive": syscall.SHUT_RD, "send": syscall.SHUT_WR, "both": syscall.SHUT_RDWR}[t.OptString(2, "both")]
	if !ok {
		t.ArgError(2, "invalid option '"+t.CheckString(2)+"'")
	}
	syscall.Shutdown(s.fd, how) // LuaSocket does not look either
	return one(t)
}

func (s *sock) getFamily(t *vm.Thread) int {
	name := "inet4"
	if s.family == inet6 {
		name = "inet6"
	}
	t.PushString(name)
	return 1
}

func (s *sock) getPeerName(t *vm.Thread) int { return s.pushName(t, syscall.Getpeername) }
func (s *sock) getSockName(t *vm.Thread) int { return s.pushName(t, syscall.Getsockname) }

func (s *sock) pushName(t *vm.Thread, name func(fd int) (syscall.Sockaddr, error)) int {
	sa, err := name(s.fd)
	if err != nil {
		return failed(t, err)
	}
	a, port, _ := addressOf(sa)
	t.PushString(a.String())
	t.PushInt(port)
	t.PushString(familyName(s.family))
	return 3
}
