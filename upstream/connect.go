package upstream

import (
	"errors"
	"net/netip"
	"os"
	"syscall"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

// connect makes or reuses a connection to the peer.
func (x *Exchange) connect(addr actor.Addr) *failure {
	r := x.r
	key := poolKey{addr: addr, tls: x.target.secure}
	if key.tls != nil {
		key.name, key.cert = key.tls.peerName(x), key.tls.identity(r)
	}
	key.local = x.try.Local
	if b := x.set.Bind; b != nil && key.local == (actor.Addr{}) {
		var ok bool
		text := b.addr.String(r)
		if key.local, ok = bindAddr(text); !ok && text != "" {
			r.Errorf(phases.LevelError, "invalid local address \"%s\" while connecting to upstream", text)
		}
	}
	if x.set.Greet {
		key.greeting = greeting(r.Client.Addr, r.Client.Local)
	}
	t := &x.try
	if t.Keep && !x.fresh {
		if c := x.w.pool(x.target.upstream).get(&key, x.stream || !x.idempotent()); c != nil {
			x.use(c, true)
			x.last().connect = 0
			return nil
		}
	}
	o := actor.DialOptions{Timeout: t.ConnectTimeout, Local: key.local}
	o.Transparent = x.set.Bind != nil && x.set.Bind.transparent
	o.KeepAlive.On = x.set.SocketKeepalive
	fd, err := x.dial(addr, o)
	if err != nil {
		return x.dialFailure(addr, err)
	}
	c := &peerConn{fd: fd, key: key, since: r.Worker.Now()}
	c.hangup = func() {
		if c.pool != nil {
			c.pool.drop(c)
		}
	}
	x.use(c, false)
	if key.greeting != "" {
		if _, err := fd.Write([]byte(key.greeting)); err != nil {
			return &failure{OnError, 502, phases.LevelError, "send() failed (" + phases.Errno(err) + ") while sending PROXY header to upstream"}
		}
	}
	if key.tls != nil {
		if f := x.handshake(key.tls, key.name); f != nil {
			return f
		}
	}
	x.last().connect = r.Worker.Now().Sub(x.last().start)
	return nil
}

// greeting is the PROXY protocol's line, version 1, for a connection from source
// to target.
func greeting(source, target netip.AddrPort) string {
	from, to := source.Addr().Unmap().WithZone(""), target.Addr().Unmap().WithZone("")
	if !from.IsValid() || from.BitLen() != to.BitLen() {
		return noGreeting
	}
	family := "TCP4"
	if from.Is6() {
		family = "TCP6"
	}
	return "PROXY " + family + " " + from.String() + " " + to.String() + " " + portText(source.Port()) + " " + portText(target.Port()) + "\r\n"
}

// noGreeting is the line of a connection that stands for nobody's.
const noGreeting = "PROXY UNKNOWN\r\n"

func (x *Exchange) use(c *peerConn, kept bool) {
	x.conn, x.kept = c, kept
	c.requests++
	c.sent, c.received = 0, 0
	c.fd.SetReadTimeout(x.try.ReadTimeout)
	c.fd.SetWriteTimeout(x.try.SendTimeout)
}

// dial connects, unless the client goes away meanwhile.
func (x *Exchange) dial(addr actor.Addr, o actor.DialOptions) (fd *actor.FD, err error) {
	x.dialing = true
	defer func() {
		x.dialing = false
		if v := recover(); v != nil {
			if i, is := v.(*actor.Interrupt); is && i.Value == errClientGone {
				err = errClientGone
				return
			}
			panic(v)
		}
	}()
	return x.r.Worker.Dial(addr, o)
}

func (x *Exchange) dialFailure(addr actor.Addr, err error) *failure {
	var call *os.SyscallError
	switch {
	case errors.As(err, &call) && call.Syscall != "connect": // not the peer's fault
		return &failure{0, 500, phases.LevelCrit, call.Syscall + "() failed (" + phases.Errno(err) + ") while connecting to upstream"}
	case errors.Is(err, actor.ErrTimeout), errors.Is(err, syscall.ETIMEDOUT):
		return &failure{OnTimeout, 504, phases.LevelError, "upstream timed out (110: Connection timed out) while connecting to upstream"}
	case !addr.IsUnix() && (errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EHOSTUNREACH)):
		return &failure{OnError, 502, phases.LevelError, "connect() failed (" + phases.Errno(err) + ") while connecting to upstream"}
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EAGAIN):
		return &failure{OnError, 502, phases.LevelError, "connect() to " + x.name + " failed (" + phases.Errno(err) + ") while connecting to upstream"}
	}
	return &failure{OnError, 502, phases.LevelCrit, "connect() to " + x.name + " failed (" + phases.Errno(err) + ") while connecting to upstream"}
}
