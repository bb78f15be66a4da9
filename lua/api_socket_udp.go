package lua

import (
	"errors"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// udpArea is ngx.socket.udp, for unix datagrams too.
var udpArea = area{
	rows: []row{{"socket.udp", waiting, func(t *vm.Thread, s *state) int {
		if t.NArg() != 0 {
			t.Errorf("expecting zero arguments, but got %d", t.NArg())
		}
		t.Push(s.e.newSocket(&datagrams{}, s.e.udpTable))
		return 1
	}}},
	open: func(e *engine, ngx *vm.Table) { e.udpTable = e.methodTable(udpMethods) },
}

var udpMethods = []row{
	{"bind", waiting, udpBind},
	{"setpeername", waiting, udpSetPeer},
	{"send", waiting, udpSend},
	{"receive", waiting, udpReceive},
	{"settimeout", waiting, func(t *vm.Thread, s *state) int {
		if n := t.NArg(); n != 2 {
			t.Errorf("ngx.socket settimeout: expecting 2 arguments (including the object) but seen %d", n)
		}
		checkDatagrams(t).timeout = timeoutArg(t, 2)
		return 0
	}},
	{"close", waiting, func(t *vm.Thread, s *state) int {
		if n := t.NArg(); n != 1 {
			t.Errorf("expecting 1 argument (including the object) but seen %d", n)
		}
		u := checkDatagrams(t)
		if u.fd == nil {
			return fail(t, "closed")
		}
		u.checkOwner(t, s)
		u.Close() // an error of the peer's is of no interest any more
		t.PushInt(1)
		return 1
	}},
}

// datagrams is a UDP socket of a script.
type datagrams struct {
	owner   *owner
	index   int // there
	fd      *actor.FD
	local   actor.Addr
	peer    string // for the log
	timeout time.Duration
	busy    bool // a thread reads
}

// Close closes the socket.
func (u *datagrams) Close() error {
	if u.fd == nil {
		return nil
	}
	fd := u.fd
	u.fd = nil
	u.owner.remove(u)
	return fd.Close()
}

func (u *datagrams) place() *int { return &u.index }

func checkDatagrams(t *vm.Thread) *datagrams {
	list := t.CheckTable(1)
	if u, ok := userdata[*datagrams](list.GetInt(1)); ok {
		return u
	}
	t.ArgError(1, "cosocket expected")
	return nil
}

func (u *datagrams) checkOwner(t *vm.Thread, s *state) {
	if u.owner != nil && u.owner != s.sockets() {
		t.Errorf(foreignSocket)
	}
}

func udpBind(t *vm.Thread, s *state) int {
	u := checkDatagrams(t)
	addr, text := s.lookup(dialing{host: t.CheckString(2)})
	if text != "" || addr.IsUnix() {
		return fail(t, "bad address")
	}
	u.local = addr
	t.PushInt(1)
	return 1
}

func udpSetPeer(t *vm.Thread, s *state) int {
	n := t.NArg()
	if n != 2 && n != 3 {
		t.Errorf("ngx.socket.udp setpeername: expecting 2 or 3 arguments (including the object), but seen %d", n)
	}
	u := checkDatagrams(t)
	d := dialing{host: t.CheckString(2)}
	if n == 3 {
		d.port = t.CheckInt(3)
		if d.port < 0 || d.port > 65535 {
			return fail(t, "bad port number: "+t.ToString(t.Arg(3)))
		}
	}
	u.checkOwner(t, s)
	if u.owner != nil {
		s.debugf("lua reuse socket upstream")
	}
	if u.fd != nil {
		s.debugf("lua udp socket reconnect without shutting down")
		u.Close()
	}
	u.owner = s.sockets()
	addr, text := s.lookup(d)
	if text != "" {
		return fail(t, text)
	}
	fd, err := s.e.worker.DialUDP(addr, actor.DialOptions{Local: u.local})
	if err != nil {
		s.logf(phases.LevelCrit, "connect() failed (%s)", phases.Errno(err))
		return fail(t, socketError(err))
	}
	u.fd, u.peer = fd, d.peer(addr)
	u.owner.add(u)
	t.PushInt(1)
	return 1
}

func udpSend(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 2 {
		t.Errorf("expecting 2 arguments (including the object), but got %d", n)
	}
	u := checkDatagrams(t)
	if u.fd == nil {
		s.logClosed(u, "send")
		return fail(t, "closed")
	}
	u.checkOwner(t, s)
	buf, bad := s.e.appendPayload(s.e.takeBuffer(), t.Arg(2))
	if bad != "" {
		t.ArgError(2, bad)
	}
	defer s.e.putBuffer(buf)
	n, err := u.fd.Write(buf)
	if s.debugs() {
		s.debugf("send: fd:%d %d of %d", u.fd.Fd(), n, len(buf))
	}
	if err != nil {
		s.logf(phases.LevelError, "send() failed (%s), upstream: %s", phases.Errno(err), u.peer)
		return fail(t, socketError(err))
	}
	t.PushInt(1)
	return 1
}

// datagramMax is the largest datagram that receive returns, as in OpenResty.
const datagramMax = 65536

func udpReceive(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 1 && n != 2 {
		t.Errorf("expecting 1 or 2 arguments (including the object), but got %d", n)
	}
	u := checkDatagrams(t)
	size := datagramMax
	if t.NArg() == 2 {
		if size = min(t.CheckInt(2), datagramMax); size < 0 {
			t.ArgError(2, "bad size")
		}
	}
	if u.fd == nil {
		s.logClosed(u, "receive")
		return fail(t, "closed")
	}
	u.checkOwner(t, s)
	if u.busy {
		return fail(t, "socket busy")
	}
	if s.debugs() {
		s.debugf("lua udp socket receive buffer size: %d", size)
	}
	u.busy = true
	defer func() { u.busy = false }() // also when the thread is killed
	u.fd.SetReadTimeout(or(u.timeout, s.own.readTimeout))
	buf := s.e.takeBuffer()
	if cap(buf) < size {
		buf = make([]byte, size)
	}
	defer s.e.putBuffer(buf)
	n, err := u.fd.Read(buf[:size])
	if err == nil {
		t.PushBytes(buf[:n])
		return 1
	}
	var no syscall.Errno
	switch {
	case errors.Is(err, actor.ErrTimeout):
		if s.own.logSocketErrors {
			s.logf(phases.LevelError, "lua udp socket read timed out, upstream: %s", u.peer)
		}
	case errors.As(err, &no):
		s.logf(phases.LevelError, "recv() failed (%s), upstream: %s", phases.Errno(err), u.peer)
	}
	return fail(t, socketError(err))
}
