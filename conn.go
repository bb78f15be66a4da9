package luahttpd

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

// conn is a client's connection. While it waits for a request it is only this
// struct, its descriptor's and the loop's slot: no coroutine, no buffers. What
// few connections need is in extra, which the others share.
type conn struct {
	*extra
	w        *worker
	fd       *actor.FD
	socket   *origin
	since    int64 // Unix time in nanoseconds
	id       uint64
	prev     *conn
	next     *conn
	peer     packedAddr
	local    packedAddr // asked for when somebody needs it
	requests int32
	waiting  bool // in the worker's idle list
	serving  bool // in its list of those that coroutines serve
}

// extra is what only some connections have.
type extra struct {
	tls     *tlsConn
	proxied bool // the PROXY protocol header was read
	proxy   *proxyHeader
	plain   []byte // what a client that speaks HTTP to a TLS port sent first
	logging int    // requests that are still logged while others follow
}

// rare returns the connection's own extra.
func (c *conn) rare() *extra {
	if c.extra == &c.w.noExtra {
		c.extra = &extra{}
	}
	return c.extra
}

// packedAddr is a netip.AddrPort without zone in 20 bytes.
type packedAddr struct {
	ip   [16]byte
	port uint16
	set  bool
}

func pack(a netip.AddrPort) packedAddr { return packedAddr{a.Addr().As16(), a.Port(), a.IsValid()} }

func (p packedAddr) unpack() netip.AddrPort {
	if !p.set {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16(p.ip).Unmap(), p.port)
}

// connList is an intrusive list of connections, which are in one at most.
type connList struct{ first, last *conn }

func (l *connList) push(c *conn) {
	c.prev, c.next = l.last, nil
	if l.last != nil {
		l.last.next = c
	} else {
		l.first = c
	}
	l.last = c
}

func (l *connList) remove(c *conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	} else {
		l.last = c.prev
	}
	c.prev, c.next = nil, nil
}

// all is the connections of the list as it is now: what is done to one may take
// others off.
func (l *connList) all() (conns []*conn) {
	for c := l.first; c != nil; c = c.next {
		conns = append(conns, c)
	}
	return conns
}

// begin waits for the first request of a new connection.
func (c *conn) begin() {
	l := c.w.now.find(c)
	if l == nil {
		c.close()
		return
	}
	c.wait(l.Default.Core.HeaderTimeout)
}

// wait leaves the connection to the loop until bytes come.
func (c *conn) wait(timeout time.Duration) {
	c.served()
	c.waiting = true
	c.w.idle.push(c)
	c.w.stats.Waiting.Add(1)
	if c.tls != nil {
		c.tls.OnReadable(c)
	} else {
		c.fd.OnReadable(c)
	}
	c.fd.ExpireIn(timeout)
}

// served is the end of the time in which a coroutine serves the connection.
func (c *conn) served() {
	if c.serving {
		c.serving = false
		c.w.active.remove(c)
	}
}

func (c *conn) wake() {
	c.waiting = false
	c.w.idle.remove(c)
	c.w.stats.Waiting.Add(-1)
	c.fd.OnReadable(nil)
}

// Run is called by the loop when the waiting connection becomes readable.
func (c *conn) Run(w *actor.Worker) {
	c.wake()
	w.Serve(c)
}

// Expire is called by the loop when the connection has waited too long.
func (c *conn) Expire(*actor.Timer) {
	if c.waiting {
		if l := c.w.now.cfg.MainLog; c.requests == 0 && l.Enabled(phases.LevelInfo) {
			l.Log(phases.LevelInfo, c.id, "client timed out (110: Connection timed out) while waiting for request, client: "+c.peerName()+", server: "+c.socket.key)
		}
		c.close()
	}
}

// close ends the connection, with TLS's farewell as far as that needs no
// waiting.
func (c *conn) close() {
	if c.tls != nil {
		c.end(c.tls.TLS.Close)
	} else {
		c.end(c.fd.Close)
	}
}

// cut closes the connection under whoever works on it.
func (c *conn) cut() { c.end(c.fd.Close) }

// reset closes it and drops what the system has not sent yet.
func (c *conn) reset() { c.end(c.fd.Reset) }

func (c *conn) end(shut func() error) {
	if c.fd.Closed() {
		return
	}
	if c.waiting {
		c.wake()
	}
	_ = shut() // it is closed, whatever the system says
	c.w.conns--
	c.w.stats.Active.Add(-1)
}

// part takes the descriptor, with its TLS, out of the server.
func (c *conn) part() (p *actor.Parcel, err error) {
	if c.tls != nil {
		p, err = c.tls.Pack()
	} else {
		p, err = c.fd.Pack()
	}
	if err == nil {
		c.w.conns--
		c.w.stats.Active.Add(-1)
	}
	return p, err
}

func (c *conn) localAddr() netip.AddrPort {
	if c.socket.local.IsValid() {
		return c.socket.local
	}
	if !c.local.set {
		if a, err := c.fd.Local(); err == nil && a.IsValid() {
			c.local = pack(a.AddrPort)
		}
	}
	return c.local.unpack()
}

// peerName is how logs and $remote_addr write the peer's address.
func (c *conn) peerName() string {
	if c.peer.set {
		return c.peer.unpack().Addr().String()
	}
	return "unix:"
}

// transport is where a connection's bytes go: the descriptor, or TLS over it.
type transport interface {
	io.Reader
	io.Writer
	Writev([][]byte) (int64, error)
}

func (c *conn) transport() transport {
	if c.tls != nil {
		return c.tls
	}
	return c.fd
}

// Serve runs on a coroutine, from the moment the connection became readable
// until it waits again or closes.
func (c *conn) Serve() {
	ten := c.w.now
	l := ten.find(c)
	if l == nil {
		c.close()
		return
	}
	c.serving = true
	c.w.active.push(c)
	var t *turn
	keep := false
	defer func() { c.over(t, keep, recover()) }()
	if !c.greet(ten, l) {
		return
	}
	t = c.w.takeTurn()
	t.c, t.wire = c, c.transport()
	if c.plain != nil {
		t.buf = append(t.buf[:0], c.plain...)
		t.end = len(c.plain)
		t.buf = t.buf[:cap(t.buf)]
		c.plain = nil
	}
	keep = t.run(ten, l)
	wait := t.keepalive
	if !t.released {
		c.w.giveTurn(t) // not when it panics: its state is unknown too
	}
	switch {
	case !keep:
	case c.requests == 0:
		c.wait(l.Default.Core.HeaderTimeout)
	default:
		c.wait(wait)
	}
}

// over is the end of a coroutine that served the connection, with what it has
// panicked with.
func (c *conn) over(t *turn, keep bool, v any) {
	switch {
	case t != nil && t.released: // another coroutine serves it
		t.logged(v == nil)
	case v != nil: // killed, or a bug: the connection is in an unknown state
		c.served()
		c.cut()
	default:
		c.served()
		if !keep {
			c.close()
		}
	}
	if v != nil {
		panic(v)
	}
}

// run serves the requests that have come. keep tells to wait for more.
func (t *turn) run(ten *tenure, l *phases.Listen) (keep bool) {
	w := t.c.w
	for {
		what, err := t.receive(l)
		if w.now != ten { // a reload meanwhile: a request belongs to what is there when its head is
			if ten, l = w.now, w.now.find(t.c); l == nil {
				return false
			}
		}
		switch what {
		case nextWait:
			return !w.closing
		case nextLost:
			t.lost(ten, l, err)
			return false
		case nextRefuse:
			t.refuse(ten, l, err)
			return false
		}
		if keep = t.serve(ten, l); t.released {
			return false
		}
		if !keep || w.closing {
			t.linger()
			return false
		}
	}
}

// greet does what stands before the first request: the PROXY protocol header
// and the TLS handshake.
func (c *conn) greet(ten *tenure, l *phases.Listen) bool {
	if l.ProxyProtocol && !c.proxied {
		c.rare().proxied = true
		if err := c.readProxy(l); err != nil {
			level := phases.LevelError
			if gone(err) {
				level = phases.LevelInfo
			}
			c.logf(l, level, "%v while reading PROXY protocol", err)
			return false
		}
	}
	if l.SSL && c.tls == nil {
		ten.requests++ // scripts may run for the certificate
		defer c.w.leave(ten)
		return c.handshake(l, ten)
	}
	return true
}

func (c *conn) logf(l *phases.Listen, level phases.Level, format string, a ...any) {
	if log := l.Default.Core.ErrorLog; log.Enabled(level) {
		log.Logf(level, c.id, format+", client: %s, server: %s", append(a, c.peerName(), c.socket.key)...)
	}
}

// gone tells errors of a peer that went away from others.
func gone(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, syscall.ETIMEDOUT) || errors.Is(err, io.ErrUnexpectedEOF)
}
