package lua

import (
	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// socketOptions are the options of sockets by the names that scripts have for them.
var socketOptions = map[string]actor.Option{
	"keepalive": actor.OptionKeepAlive, "reuseaddr": actor.OptionReuseAddr, "tcp-nodelay": actor.OptionNoDelay,
	"sndbuf": actor.OptionSendBuffer, "rcvbuf": actor.OptionRecvBuffer,
	"keepintvl": actor.OptionKeepInterval, "keepcnt": actor.OptionKeepCount,
}

// transparentOption binds the next connect to an address that need not be the
// system's own; it is of a socket that is not connected.
const transparentOption = "ip-transparent"

func socketSetOption(t *vm.Thread, s *state) int {
	k, v := checkCosocket(t), t.Arg(3)
	switch {
	case t.Arg(2).IsNil():
		return fail(t, "missing the \"option\" argument")
	case v.IsNil():
		return fail(t, "missing the \"value\" argument")
	}
	name := t.ToString(t.Arg(2))
	n, _ := v.ToNumber()
	if v.Kind() == vm.KBool && v.Bool() {
		n = 1
	}
	if name == transparentOption && k.kind == tcpSocket {
		k.local.transparent = v.Truth() && !(v.Kind() == vm.KNumber && n == 0)
		t.PushBool(true)
		return 1
	}
	o, text := socketOptions[name], s.noOption(k, name)
	if text != "" {
		return fail(t, text)
	}
	if err := s.descriptor(k).SetOption(o, int(n)); err != nil {
		return fail(t, socketError(err))
	}
	t.PushBool(true)
	return 1
}

func socketOption(t *vm.Thread, s *state) int {
	k := checkCosocket(t)
	if t.Arg(2).IsNil() {
		return fail(t, "missing the \"option\" argument")
	}
	name := t.ToString(t.Arg(2))
	o, text := socketOptions[name], s.noOption(k, name)
	if text != "" {
		return fail(t, text)
	}
	n, err := s.descriptor(k).Option(o)
	if err != nil {
		return fail(t, socketError(err))
	}
	t.PushInt(n)
	return 1
}

// noOption says why the socket has no such option.
func (s *state) noOption(k *cosocket, name string) string {
	switch _, known := socketOptions[name]; {
	case s.descriptor(k) == nil:
		return "closed"
	case !known:
		return "unsupported option " + name
	}
	return ""
}

func socketFD(t *vm.Thread, s *state) int {
	fd := s.descriptor(checkCosocket(t))
	if fd == nil {
		return fail(t, "closed")
	}
	t.PushInt(fd.Fd())
	return 1
}

// descriptor is that of the socket's connection, the client's for a request
// socket; nil when there is none.
func (s *state) descriptor(k *cosocket) *actor.FD {
	if k.conn != nil {
		return k.conn.fd
	}
	if k.kind != tcpSocket && k.wire != nil && s.r != nil {
		if c, ok := s.r.Main.Stream().(phases.Connected); ok {
			return c.Descriptor()
		}
	}
	return nil
}
