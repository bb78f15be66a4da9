package lua

import (
	"net/netip"
	"strconv"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// tcpArea is ngx.socket for TCP and unix streams.
var tcpArea = area{
	rows: []row{
		{"socket.tcp", waiting, newTCP},
		{"socket.stream", waiting, newTCP},
		{"socket.connect", waiting, func(t *vm.Thread, s *state) int {
			k := &cosocket{e: s.e}
			n := t.NArg()
			if n < 1 || n > 3 {
				t.Errorf("ngx.socket connect: expecting 1, 2, or 3 arguments, but seen %d", n)
			}
			if n := k.connect(t, s, 1, true); n > 1 {
				return n
			}
			t.Push(s.e.newSocket(k, s.e.tcpTable))
			return 1
		}},
	},
	open: func(e *engine, ngx *vm.Table) { e.socketTable() },
}

// tcpMethods are those of ngx.socket.tcp.
func tcpMethods() []row {
	return []row{
		{"bind", waiting, socketBind},
		{"connect", waiting, socketConnect},
		{"sslhandshake", waiting, socketHandshake},
		{"setclientcert", waiting, socketClientCert},
		{"settrustedstore", waiting, socketTrustedStore},
		{"getsslsession", waiting, socketSession},
		{"send", waiting, socketSend},
		{"receive", waiting, socketReceive},
		{"receiveany", waiting, socketReceiveAny},
		{"receiveuntil", waiting, socketReceiveUntil},
		{"settimeout", waiting, socketSetTimeout},
		{"settimeouts", waiting, socketSetTimeouts},
		{"setoption", waiting, socketSetOption},
		{"getoption", waiting, socketOption},
		{"setkeepalive", waiting, socketSetKeepalive},
		{"getreusedtimes", waiting, socketReused},
		{"getfd", waiting, socketFD},
		{"close", waiting, socketClose},
		{"give", waiting, socketGive},
	}
}

// socketTable is the metatable of TCP sockets.
func (e *engine) socketTable() *vm.Table {
	if e.tcpTable == nil {
		e.tcpTable = e.methodTable(tcpMethods())
	}
	return e.tcpTable
}

// methodTable is a metatable that holds the methods itself.
func (e *engine) methodTable(rows []row) *vm.Table {
	mt := e.vm.NewTable(0, len(rows)+1)
	for _, row := range rows {
		e.add(mt, row)
	}
	mt.SetStr("__index", mt.Value())
	return mt
}

func newTCP(t *vm.Thread, s *state) int {
	if t.NArg() != 0 {
		t.Errorf("expecting zero arguments, but got %d", t.NArg())
	}
	t.Push(s.e.newSocket(&cosocket{e: s.e}, s.e.tcpTable))
	return 1
}

// newSocket is the table that a script gets for a socket.
func (e *engine) newSocket(k any, mt *vm.Table) vm.Value {
	table := e.vm.NewTable(1, 0)
	table.SetInt(1, e.vm.NewUserdata(k, nil))
	table.SetMetatable(mt)
	return table.Value()
}

func socketBind(t *vm.Thread, s *state) int {
	n := t.NArg()
	if n < 2 || n > 3 {
		t.Errorf("ngx.socket bind: expecting 2 or 3 arguments (including the object) but seen %d", n)
	}
	k := checkCosocket(t)
	ip, err := netip.ParseAddr(t.CheckString(2))
	if err != nil {
		return fail(t, "bad address")
	}
	port := t.OptInt(3, 0)
	if port < 0 || port > 65535 {
		return fail(t, "bad port number: "+strconv.Itoa(port))
	}
	k.local = localAddress{addr: actor.IP(netip.AddrPortFrom(ip, uint16(port)))}
	t.PushInt(1)
	return 1
}

func socketSend(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 2 {
		t.Errorf("expecting 2 arguments (including the object), but got %d", n)
	}
	k := checkCosocket(t)
	if k.dialing() {
		return fail(t, "socket busy connecting")
	}
	if k.wire == nil || k.writeClosed {
		s.logClosed(k, "send")
		return fail(t, "closed")
	}
	k.checkOwner(t, s)
	if n := k.busy(t, false, true); n > 0 {
		return n
	}
	if k.kind == bodySocket {
		t.Errorf("attempt to write to request sockets")
	}
	buf, bad := s.e.appendPayload(s.e.takeBuffer(), t.Arg(2))
	if bad != "" {
		t.ArgError(2, bad)
	}
	defer s.e.putBuffer(buf)
	if len(buf) == 0 {
		t.PushInt(0)
		return 1
	}
	k.writing = true
	defer func() { k.writing = false }() // also when the thread is killed
	timeout := or(k.sendTimeout, s.own.sendTimeout)
	if s.debugs() {
		s.debugf("lua tcp socket send timeout: %d", timeout.Milliseconds())
	}
	k.wire.SetWriteTimeout(timeout)
	if _, err := k.wire.Write(buf); err != nil {
		s.logSocket(k, "write", "send", err)
		text := socketError(err)
		if text != "timeout" {
			k.writeClosed = true
		}
		return fail(t, text)
	}
	t.PushInt(len(buf))
	return 1
}

// appendPayload appends what send was given.
func (e *engine) appendPayload(buf []byte, v vm.Value) (text []byte, bad string) {
	switch v.Kind() {
	case vm.KTable:
		return e.appendArray(buf, v.Table(), true, 0)
	case vm.KNil, vm.KBool, vm.KString, vm.KNumber:
		return e.appendText(buf, v, false)
	}
	return buf, "string, number, boolean, nil, or array table expected, got " + v.Kind().String()
}

func socketSetTimeout(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 2 {
		t.Errorf("ngx.socket settimeout: expecting 2 arguments (including the object) but seen %d", n)
	}
	k := checkCosocket(t)
	d := timeoutArg(t, 2)
	k.connectTimeout, k.sendTimeout, k.readTimeout = d, d, d
	return 0
}

func socketSetTimeouts(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 4 {
		t.Errorf("ngx.socket settimeouts: expecting 4 arguments (including the object) but seen %d", n)
	}
	k := checkCosocket(t)
	k.connectTimeout, k.sendTimeout, k.readTimeout = timeoutArg(t, 2), timeoutArg(t, 3), timeoutArg(t, 4)
	return 0
}

func socketReused(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 1 {
		t.Errorf("expecting 1 argument (including the object), but got %d", n)
	}
	k := checkCosocket(t)
	if k.dialing() {
		t.PushInt(0)
		return 1
	}
	if k.conn == nil || k.readClosed && k.writeClosed {
		return fail(t, "closed")
	}
	t.PushInt(k.conn.reused)
	return 1
}

func socketClose(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 1 {
		t.Errorf("expecting 1 argument (including the object) but seen %d", n)
	}
	k := checkCosocket(t)
	if k.dialing() {
		return fail(t, "socket busy connecting")
	}
	if k.wire == nil || k.readClosed && k.writeClosed {
		return fail(t, "closed")
	}
	k.checkOwner(t, s)
	if n := k.busy(t, true, true); n > 0 {
		return n
	}
	if k.kind != tcpSocket {
		t.Errorf("attempt to close a request socket")
	}
	k.Close() // an error of the peer's is of no interest any more
	t.PushInt(1)
	return 1
}
