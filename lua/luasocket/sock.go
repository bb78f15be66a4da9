package luasocket

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// The families of addresses; a socket without one gets its descriptor with its
// first address.
const (
	unspecified = syscall.AF_UNSPEC
	inet4       = syscall.AF_INET
	inet6       = syscall.AF_INET6
)

// sock is a socket object. It owns its descriptor, which is closed at latest
// when the object is garbage: neither a request nor an actor ends it, so that
// modules may keep sockets.
type sock struct {
	l       *library
	class   *class
	fd      int // -1: none
	family  int
	waiting int // calls that wait for it
	linger  int // seconds for which closing may wait, as set

	// The limits of a call in seconds, none if negative: block of each wait, total of the whole.
	block, total float64
	start        time.Time // of the call

	buf            []byte // buf[pos:] was received and not read
	pos            int
	received, sent float64 // bytes
	birthday       time.Time
}

var (
	errTimeout = errors.New("timeout")
	errClosed  = errors.New("closed")
)

// class is a kind of sockets in one of its states, as "tcp{master}": what a
// method may be called on.
type class struct {
	kind, state string
	mt          *vm.Table
}

func (c *class) String() string { return c.kind + "{" + c.state + "}" }

// method is a method of a kind of sockets; in is the state that it wants,
// "any" for all of them.
type method struct {
	name, in string
	do       func(s *sock, t *vm.Thread) int
}

// kind is a kind of sockets with its states, of which the first is that of new
// ones.
type kind struct {
	states  []string
	methods []method
}

func kinds() map[string]kind {
	return map[string]kind{
		"tcp":        {[]string{"master", "client", "server"}, append(tcpMethods(), streamMethods()...)},
		"udp":        {[]string{"unconnected", "connected"}, append(udpMethods(), datagramMethods()...)},
		"unixstream": {[]string{"master", "client", "server"}, append(unixStreamMethods(), streamMethods()...)},
		"unixdgram":  {[]string{"unconnected", "connected"}, append(unixDatagramMethods(), datagramMethods()...)},
	}
}

// classOf makes the class, with its metatable, when it is first asked for.
func (l *library) classOf(kind, state string) *class {
	name := kind + "{" + state + "}"
	if c := l.classes[name]; c != nil {
		return c
	}
	c := &class{kind: kind, state: state, mt: l.m.NewTable(0, 4)}
	methods := l.kinds[kind].methods
	index := l.m.NewTable(0, len(methods)+1)
	for _, f := range methods {
		index.SetStr(f.name, l.m.NewFunc(f.name, func(t *vm.Thread) int { return f.do(check(t, kind, f.in), t) }))
	}
	index.SetStr("class", vm.String(name))
	c.mt.SetStr("__index", index.Value())
	c.mt.SetStr("__tostring", l.m.NewFunc("tostring", func(t *vm.Thread) int {
		s := check(t, kind, "any")
		t.PushString(fmt.Sprintf("%s: %p", s.class, s))
		return 1
	}))
	if l.classes == nil {
		l.classes = map[string]*class{}
	}
	l.classes[name] = c
	return c
}

// check is argument 1 as a socket of a kind and state.
func check(t *vm.Thread, kind, state string) *sock {
	if u := t.Arg(1).Userdata(); u != nil {
		if s, ok := u.Value.(*sock); ok && s.class.kind == kind && (state == "any" || state == s.class.state) {
			return s
		}
	}
	t.ArgError(1, kind+"{"+state+"} expected")
	return nil
}

// newSock makes a socket without a descriptor.
func (l *library) newSock(kind, state string, family int) *sock {
	s := &sock{l: l, class: l.classOf(kind, state), fd: -1, family: family, block: -1, total: -1, birthday: time.Now()}
	runtime.SetFinalizer(s, (*sock).close)
	return s
}

func (s *sock) push(t *vm.Thread) int {
	t.Push(s.l.m.NewUserdata(s, s.class.mt))
	return 1
}

// become puts the object that is argument 1 into another state.
func (s *sock) become(t *vm.Thread, state string) {
	s.class = s.l.classOf(s.class.kind, state)
	t.Arg(1).Userdata().SetMetatable(s.class.mt)
}

// create makes the descriptor.
func (s *sock) create(family, kind int) error {
	fd, err := syscall.Socket(family, kind|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if family == inet6 {
		if err := syscall.SetsockoptInt(fd, syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, 1); err != nil {
			syscall.Close(fd)
			return err
		}
	}
	s.fd, s.family = fd, family
	return nil
}

// close closes the descriptor. Calls that wait for it end.
func (s *sock) close() {
	if s.fd < 0 {
		return
	}
	if s.waiting > 0 {
		syscall.Shutdown(s.fd, syscall.SHUT_RDWR) // of a datagram socket it says ENOTCONN, and does its work
	}
	fd := s.fd
	s.fd = -1
	if s.linger > 0 {
		go syscall.Close(fd) // the kernel waits until all is sent; the worker does not
		return
	}
	syscall.Close(fd) // an error of the peer's is of no interest any more
}

// wait waits until the socket can be read or written.
func (s *sock) wait(t *vm.Thread, write bool) error {
	if s.block == 0 {
		return errTimeout
	}
	s.waiting++
	defer func() { s.waiting-- }() // also when the thread is killed
	list := []Interest{{FD: s.fd, Read: !write, Write: write}}
	ready, err := s.l.host.Wait(t, list, s.left())
	switch {
	case err != nil:
		return err
	case s.fd < 0: // another thread has closed it
		return errClosed
	case !ready:
		return errTimeout
	}
	return nil
}

// left is how long the call may still wait; negative: as long as it takes.
func (s *sock) left() time.Duration {
	passed := time.Since(s.start).Seconds()
	switch {
	case s.block < 0 && s.total < 0:
		return -1
	case s.block < 0:
		return seconds(max(s.total-passed, 0))
	case s.total < 0:
		return seconds(max(s.block-passed, 0))
	}
	return seconds(min(s.block, max(s.total-passed, 0)))
}

// try repeats a system call until it does not say EAGAIN, and waits in between.
func (s *sock) try(t *vm.Thread, write bool, call func() error) error {
	for {
		if s.fd < 0 {
			return errClosed
		}
		err := call()
		switch err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			err = s.wait(t, write)
			if err == nil {
				continue
			}
		}
		return err
	}
}

// failed pushes nil and the error's text.
func failed(t *vm.Thread, err error) int { return refuse(t, words(err)) }

// words is an error in LuaSocket's words, or the system's.
func words(err error) string {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err.Error()
	}
	switch no {
	case syscall.EADDRINUSE:
		return "address already in use"
	case syscall.EISCONN:
		return "already connected"
	case syscall.EACCES:
		return "permission denied"
	case syscall.ECONNREFUSED:
		return "connection refused"
	case syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPIPE:
		return "closed"
	case syscall.ETIMEDOUT:
		return "timeout"
	}
	return vm.Strerror(no)
}

// The methods that all kinds have.

func (s *sock) closeMethod(t *vm.Thread) int {
	s.close()
	return one(t)
}

func (s *sock) setTimeout(t *vm.Thread) int {
	limit := t.OptNumber(2, -1)
	switch mode := t.OptString(3, "b"); {
	case strings.HasPrefix(mode, "b"):
		s.block = limit
	case strings.HasPrefix(mode, "r"), strings.HasPrefix(mode, "t"):
		s.total = limit
	default:
		t.ArgError(3, "invalid timeout mode")
	}
	return one(t)
}

func (s *sock) getTimeout(t *vm.Thread) int {
	t.PushNumber(s.block)
	t.PushNumber(s.total)
	return 2
}

func (s *sock) getFD(t *vm.Thread) int {
	t.PushInt(s.fd)
	return 1
}

// setFD lets go of the descriptor (-1), or takes one that another object has let
// go of. Others are not given away: a descriptor has one owner, who closes it.
func (s *sock) setFD(t *vm.Thread) int {
	fd := t.CheckInt(2)
	if fd >= 0 && !s.l.loose[fd] {
		t.ArgError(2, "no socket has let go of this descriptor")
	}
	delete(s.l.loose, fd)
	if s.fd >= 0 {
		if s.l.loose == nil {
			s.l.loose = map[int]bool{}
		}
		s.l.loose[s.fd] = true
	}
	s.fd = max(fd, -1)
	return 0
}

func (s *sock) dirty(t *vm.Thread) int {
	t.PushBool(s.pos < len(s.buf))
	return 1
}
