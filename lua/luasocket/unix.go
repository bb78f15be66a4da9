package luasocket

import (
	"errors"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func unixStreamMethods() []method {
	return []method{
		{"accept", "server", (*sock).accept},
		{"bind", "master", (*sock).bindPath},
		{"setsockname", "master", (*sock).bindPath},
		{"connect", "master", (*sock).connectPath},
		{"setpeername", "master", (*sock).connectPath},
		{"getsockname", "any", (*sock).getPath},
	}
}

func unixDatagramMethods() []method {
	return []method{
		{"bind", "unconnected", (*sock).bindPath},
		{"setsockname", "unconnected", (*sock).bindPath},
		{"connect", "any", (*sock).connectPath},
		{"setpeername", "any", (*sock).connectPath},
		{"sendto", "unconnected", (*sock).sendToPath},
		{"receivefrom", "unconnected", (*sock).receiveFromPath},
		{"getsockname", "any", (*sock).getPath},
	}
}

// openUnix makes socket.unix: stream and dgram, under their old names too; to
// call the module is to call stream.
func (l *library) openUnix() *vm.Table {
	t := l.m.NewTable(0, 5)
	for kind, names := range map[string][]string{"unixstream": {"stream", "tcp"}, "unixdgram": {"dgram", "udp"}} {
		f := l.m.NewFunc(names[0], func(t *vm.Thread) int { return l.createUnix(t, kind) })
		for _, name := range names {
			t.SetStr(name, f)
		}
	}
	t.SetStr("__call", l.m.NewFunc("unix", func(t *vm.Thread) int { return l.createUnix(t, "unixstream") }))
	t.SetMetatable(t)
	return t
}

func (l *library) createUnix(t *vm.Thread, kind string) int {
	s := l.newSock(kind, l.kinds[kind].states[0], syscall.AF_UNIX)
	number := syscall.SOCK_STREAM
	if kind == "unixdgram" {
		number = syscall.SOCK_DGRAM
	}
	if err := s.create(syscall.AF_UNIX, number); err != nil {
		return failed(t, err)
	}
	return s.push(t)
}

// pathMax is how long the kernel lets the path of a socket be.
const pathMax = 107

// path is argument i as the address of a socket.
func path(t *vm.Thread, i int) (syscall.Sockaddr, error) {
	name := t.CheckString(i)
	if len(name) > pathMax {
		return nil, errors.New("path too long")
	}
	return &syscall.SockaddrUnix{Name: name}, nil
}

func (s *sock) bindPath(t *vm.Thread) int {
	sa, err := path(t, 2)
	if err == nil {
		err = syscall.Bind(s.fd, sa)
	}
	if err != nil {
		return failed(t, err)
	}
	return one(t)
}

func (s *sock) connectPath(t *vm.Thread) int {
	s.start = time.Now()
	sa, err := path(t, 2)
	if err == nil {
		err = s.dial(t, sa)
	}
	if err != nil {
		return failed(t, err)
	}
	s.become(t, s.l.kinds[s.class.kind].states[1])
	return one(t)
}

func (s *sock) getPath(t *vm.Thread) int {
	sa, err := syscall.Getsockname(s.fd)
	if err != nil {
		return failed(t, err)
	}
	t.PushString(pathOf(sa))
	return 1
}

func pathOf(sa syscall.Sockaddr) string {
	if u, ok := sa.(*syscall.SockaddrUnix); ok {
		return u.Name
	}
	return ""
}

func (s *sock) sendToPath(t *vm.Thread) int {
	t.CheckString(2)
	sa, err := path(t, 3)
	if err != nil {
		return failed(t, err)
	}
	return s.post(t, func(data []byte) error { return syscall.Sendto(s.fd, data, 0, sa) })
}

func (s *sock) receiveFromPath(t *vm.Thread) int {
	from, err := s.take(t)
	if err != nil {
		return refused(t, err)
	}
	t.PushString(pathOf(from))
	return 2
}
