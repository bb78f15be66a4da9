package lua

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/upstream"
)

// wire is what a cosocket reads from and writes to: a connection, its TLS, or
// what a request's client sends.
type wire interface {
	io.Reader
	io.Writer
	SetReadTimeout(d time.Duration)
	SetWriteTimeout(d time.Duration)
}

// cosocket is a socket of a script. The table that scripts hold has it as its
// first element.
type cosocket struct {
	e     *engine
	kind  socketKind
	owner *owner // who connected it last
	index int    // there
	wire  wire   // nil: not connected
	conn  *connection
	key   string // of its pool
	to    dialing
	// agreed: the connection's TLS is what the script asked for since connect.
	agreed bool
	local  localAddress
	// clientCert is for the handshake, nil: the location's.
	clientCert *tls.Certificate
	// trusted verifies the peer of the next handshake, nil: the location's.
	trusted *upstream.Verifier

	buf      []byte // buf[pos:end] was received and not read
	pos, end int

	connectTimeout, sendTimeout, readTimeout time.Duration // 0: the location's

	readClosed, writeClosed      bool
	connecting, reading, writing bool
	resolving                    bool // connecting, and not yet to an address
}

type socketKind uint8

const (
	tcpSocket  socketKind = iota
	bodySocket            // the request's body
	rawSocket             // the request's connection
)

// owned is what an owner closes in the end.
type owned interface {
	io.Closer
	// place is where the owner notes its index.
	place() *int
}

// owner is the request, or the run without one, that sockets belong to. They
// are closed with it, and no other may use them.
type owner struct {
	open   []owned
	closed int      // how many of them were, and are not counted again
	ended  []func() // to be called at the end
	// What has become of the request's own socket.
	body, raw bool
	lasting   bool // it is an actor, whose coroutines all may use the sockets
}

var ownerSlot = phases.NewSlot[owner](phases.KeepOverRedirect)

// sockets is the owner of the state's sockets.
func (s *state) sockets() *owner {
	if s.r == nil {
		if s.entry.owner == nil {
			s.entry.owner = &owner{}
		}
		return s.entry.owner
	}
	o := ownerSlot.Get(s.r)
	if o == nil {
		o = ownerSlot.Ensure(s.r)
		s.r.Main.OnEnd(o.close)
	}
	return o
}

func (o *owner) add(c owned) {
	*c.place() = len(o.open)
	o.open = append(o.open, c)
}

func (o *owner) remove(c owned) {
	i, last := *c.place(), len(o.open)-1
	o.open[i] = o.open[last]
	*o.open[i].place() = i
	o.open[last] = nil
	o.open = o.open[:last]
	o.closed++
}

func (o *owner) close() {
	for n := len(o.open); n > 0; n = len(o.open) {
		o.open[n-1].Close() // takes itself out; nobody is left to be told of an error
	}
	for _, f := range o.ended {
		f()
	}
	o.open, o.ended = nil, nil
}

// connection is a connection to a peer; it may outlive the cosocket that made
// it in a pool.
type connection struct {
	fd      *actor.FD
	tls     *actor.TLS
	peer    string // for the log
	reused  int
	pool    *socketPool // it counts there
	idle    *socketPool // it waits there
	turn    uint64      // of the worker, in which it was set aside
	timer   actor.Timer
	session *tlsSession // of its TLS
	// What the peer was told in the handshake (tlsIdentity), and whether it was
	// verified.
	shown    string
	verified bool
}

// Close closes the connection; it does not wait for anything.
func (c *connection) Close() error {
	var err error
	if c.tls != nil {
		err = c.tls.Close()
	} else {
		err = c.fd.Close()
	}
	if p := c.pool; p != nil {
		c.pool = nil
		p.left()
	}
	return err
}

func (c *connection) Read(p []byte) (int, error) {
	if c.tls != nil {
		return c.tls.Read(p)
	}
	return c.fd.Read(p)
}

func (c *connection) Write(p []byte) (int, error) {
	if c.tls != nil {
		return c.tls.Write(p)
	}
	return c.fd.Write(p)
}

func (c *connection) SetReadTimeout(d time.Duration)  { c.fd.SetReadTimeout(d) }
func (c *connection) SetWriteTimeout(d time.Duration) { c.fd.SetWriteTimeout(d) }

// Close closes the cosocket and its connection.
func (k *cosocket) Close() error {
	k.readClosed, k.writeClosed = true, true
	k.dropBuffer()
	if k.wire == nil {
		return nil
	}
	c := k.conn
	k.wire, k.conn = nil, nil
	k.owner.remove(k)
	if c == nil { // of the request itself
		return nil
	}
	return c.Close()
}

func (k *cosocket) place() *int { return &k.index }

// attach makes c the cosocket's connection.
func (k *cosocket) attach(s *state, c *connection) {
	o := s.sockets()
	k.wire, k.conn, k.owner = c, c, o
	k.readClosed, k.writeClosed = false, false
	if o.closed > 0 {
		o.closed--
		s.debugf("lua http cleanup reuse")
	}
	o.add(k)
}

// dropBuffer forgets what was received.
func (k *cosocket) dropBuffer() {
	k.e.putSocketBuffer(k.buf)
	k.buf, k.pos, k.end = nil, 0, 0
}

// peer is what the log says of the other end.
func (k *cosocket) peer() string {
	if k.conn != nil && k.conn.peer != "" {
		return ", upstream: " + k.conn.peer
	}
	return ""
}

// checkCosocket returns the cosocket of a script's table; name is for the
// message when the argument is none.
func checkCosocket(t *vm.Thread) *cosocket {
	list := t.CheckTable(1)
	if u := list.GetInt(1).Userdata(); u != nil {
		if k, ok := u.Value.(*cosocket); ok {
			return k
		}
	}
	t.ArgError(1, "cosocket expected")
	return nil
}

// foreignSocket is the error of using another request's socket.
const foreignSocket = "bad request: the socket is another request's, to share a connection give it back by setkeepalive and connect again"

// checkOwner raises an error when the cosocket is another request's.
func (k *cosocket) checkOwner(t *vm.Thread, s *state) {
	if k.owner != nil && !k.owner.lasting && k.owner != s.sockets() {
		t.Errorf(foreignSocket)
	}
}

// dialing tells whether a thread is connecting to a known address: the socket
// does not count as closed then.
func (k *cosocket) dialing() bool { return k.connecting && !k.resolving }

// busy pushes why another thread's operation comes first, or nothing.
func (k *cosocket) busy(t *vm.Thread, reading, writing bool) int {
	switch {
	case k.connecting:
		return fail(t, "socket busy connecting")
	case reading && k.reading:
		return fail(t, "socket busy reading")
	case writing && k.writing:
		return fail(t, "socket busy writing")
	}
	return 0
}

// socketError is the text of an error of a connection as scripts get it.
func socketError(err error) string {
	var no syscall.Errno
	switch {
	case errors.Is(err, actor.ErrTimeout):
		return "timeout"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "closed"
	case errors.Is(err, errAborted):
		return err.Error()
	case errors.As(err, &no):
		return strings.ToLower(no.Error())
	}
	return "error"
}

// logSocket logs the error of an operation on a connection.
func (s *state) logSocket(k *cosocket, doing, call string, err error) {
	var no syscall.Errno
	switch {
	case errors.Is(err, actor.ErrTimeout):
		if s.own.logSocketErrors {
			s.logf(phases.LevelError, "lua tcp socket %s timed out%s", doing, k.peer())
		}
	case errors.As(err, &no):
		level := phases.LevelError
		if k.conn != nil && k.conn.peer == "" { // a client of an actor: he may go away
			level = phases.LevelInfo
		}
		s.logf(level, "%s() failed (%s)%s", call, phases.Errno(err), k.peer())
	}
}

// logClosed logs the use of a closed socket.
func (s *state) logClosed(k any, doing string) {
	if s.own.logSocketErrors {
		s.logf(phases.LevelError, "attempt to %s data on a closed socket: u:%s", doing, fmt.Sprintf("%p", k))
	}
}

// or is d, or the location's setting.
func or(d, setting time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return setting
}

// timeoutArg is a timeout in milliseconds; those that are not positive are the
// location's.
func timeoutArg(t *vm.Thread, i int) time.Duration {
	if t.Arg(i).IsNil() {
		return 0
	}
	ms := t.CheckInt(i)
	if ms < 0 || ms > 1<<31-1 {
		t.Errorf("bad timeout value")
	}
	return time.Duration(ms) * time.Millisecond
}
