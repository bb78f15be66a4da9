package luasocket

import (
	"errors"
	"net/netip"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func udpMethods() []method {
	return []method{
		{"sendto", "unconnected", (*sock).sendTo},
		{"receivefrom", "unconnected", (*sock).receiveFrom},
		{"setpeername", "any", (*sock).setPeer},
		{"setsockname", "unconnected", (*sock).bind},
		{"getpeername", "connected", (*sock).getPeerName},
		{"getsockname", "any", (*sock).getSockName},
		{"getfamily", "any", (*sock).getFamily},
		{"getoption", "any", (*sock).getOption},
	}
}

// datagramMethods are those of sockets without connections.
func datagramMethods() []method {
	return []method{
		{"send", "connected", (*sock).sendDatagram},
		{"receive", "any", (*sock).receiveDatagram},
		{"setoption", "any", (*sock).setOption},
		{"settimeout", "any", (*sock).setTimeout},
		{"gettimeout", "any", (*sock).getTimeout},
		{"dirty", "any", (*sock).dirty},
		{"getfd", "any", (*sock).getFD},
		{"setfd", "any", (*sock).setFD},
		{"close", "any", (*sock).closeMethod},
	}
}

const (
	datagramSize = 8 << 10  // what receive takes without a size
	datagramMax  = 64 << 10 // no datagram is larger
)

// refused is failed for datagrams, where there is nothing to be closed.
func refused(t *vm.Thread, err error) int {
	if err == errClosed {
		err = errors.New("refused")
	}
	return failed(t, err)
}

func (s *sock) sendDatagram(t *vm.Thread) int {
	return s.post(t, func(data []byte) error {
		_, err := syscall.Write(s.fd, data)
		return err
	})
}

// post sends argument 2 as one datagram.
func (s *sock) post(t *vm.Thread, send func(data []byte) error) int {
	data := []byte(t.CheckString(2))
	s.start = time.Now()
	if err := s.try(t, true, func() error { return send(data) }); err != nil {
		return refused(t, err)
	}
	t.PushInt(len(data))
	return 1
}

// sendTo is sendto(data, address, port): the address is none that must be
// looked up.
func (s *sock) sendTo(t *vm.Thread) int {
	t.CheckString(2)
	a, err := netip.ParseAddr(t.CheckString(3))
	port, perr := service(t.CheckString(4), "udp")
	switch {
	case perr != nil:
		return failed(t, perr)
	case err != nil || s.family != unspecified && s.family != familyOf(a):
		return failed(t, ErrUnknown)
	}
	sa, err := place(a, port)
	if err == nil && s.fd < 0 && s.family == unspecified {
		err = s.create(familyOf(a), syscall.SOCK_DGRAM)
	}
	if err != nil {
		return failed(t, err)
	}
	return s.post(t, func(data []byte) error { return syscall.Sendto(s.fd, data, 0, sa) })
}

func (s *sock) receiveDatagram(t *vm.Thread) int {
	if _, err := s.take(t); err != nil {
		return refused(t, err)
	}
	return 1
}

// take receives one datagram and pushes it; from is who has sent it.
func (s *sock) take(t *vm.Thread) (from syscall.Sockaddr, err error) {
	s.start = time.Now()
	buf := make([]byte, min(max(t.OptInt(2, datagramSize), 0), datagramMax))
	n := 0
	err = s.try(t, false, func() (err error) {
		n, from, err = syscall.Recvfrom(s.fd, buf, 0)
		return err
	})
	if err == nil {
		t.PushBytes(buf[:max(n, 0)])
	}
	return from, err
}

func (s *sock) receiveFrom(t *vm.Thread) int {
	from, err := s.take(t)
	if err != nil {
		return refused(t, err)
	}
	a, port, _ := addressOf(from)
	t.PushString(a.String())
	t.PushInt(port)
	return 3
}

// setPeer is setpeername(host, port), or setpeername("*") to have none again.
func (s *sock) setPeer(t *vm.Thread) int {
	host := t.CheckString(2)
	if host == "*" {
		s.l.host.Disconnect(s.fd) // LuaSocket does not look either
		s.become(t, "unconnected")
		return one(t)
	}
	if err := s.connectTo(t, host, t.CheckString(3)); err != nil {
		return failed(t, err)
	}
	s.become(t, "connected")
	return one(t)
}
