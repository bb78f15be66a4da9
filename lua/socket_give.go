package lua

import (
	"bytes"
	"errors"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/actor/mailbox"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// handover is a socket on its way from one actor or request to another, as a value of a body.
type handover struct {
	parcel  *actor.Parcel
	peer    string
	session *tlsSession
	// of the socket, as they were set
	connectTimeout, sendTimeout, readTimeout time.Duration
}

// Dispose closes the socket that a body carries, if nobody has taken it.
func (b *body) Dispose() {
	if b.socket != nil {
		b.socket.parcel.Close()
	}
}

// giveCommand is the command of the message that brings a socket, if none is named.
const giveCommand = "socket"

// socketGive is sock:give(actor [, command, values …]): the socket becomes the actor's, on whichever
// worker that lives, by a message whose first value it is. sock:give(nil, nil, values …) answers the
// call that is being handled with the socket and the values. After an error the socket stays.
func socketGive(t *vm.Thread, s *state) int {
	k := checkCosocket(t)
	var to *mailbox.Actor
	name, cmd := "", t.OptString(3, giveCommand)
	m := s.message()
	if t.Arg(2).IsNil() {
		if m == nil || m.Kind != mailbox.Call {
			t.ArgError(2, "actor or name expected: there is no call to answer")
		}
		if m.Answered() || m.Deferred() {
			s.raiseError(t, &mailbox.Error{Code: mailbox.EREPLIED, Msg: "session " + session(m), Addr: m.To.Short(), Cmd: m.Cmd, Session: m.Session})
		}
	} else if to, name = s.target(t, t.Arg(2), 2); to == nil {
		s.e.site.cfg.Actors.Lost(s.e.self, name, cmd)
		return fail(t, string(mailbox.ENOACTOR))
	}
	if n := k.movable(t, s); n > 0 {
		return n
	}
	var rest []vm.Value
	if t.NArg() > 3 {
		rest = t.Args()[3:]
	}
	b, refused := s.e.pack(rest)
	if refused != nil {
		s.raiseError(t, refused)
	}
	owner := k.owner
	h, err := k.part()
	if err != nil {
		return fail(t, partError(err))
	}
	b.vals = append([]vm.Value{vm.Light(h)}, b.vals...)
	b.frozen, b.socket = true, h
	text := ""
	if to == nil {
		if !m.Reply(b) {
			text = string(mailbox.ECANCELLED)
		}
	} else if e := s.e.self.Send(to, cmd, b, s.e.worker); e != nil {
		if text = string(e.Code); e.Code == mailbox.EDEAD {
			text = string(mailbox.ENOACTOR)
		}
	}
	if text != "" {
		k.take(h, owner)
		return fail(t, text)
	}
	t.PushBool(true)
	return 1
}

// movable pushes why the socket cannot be handed over, or nothing.
func (k *cosocket) movable(t *vm.Thread, s *state) int {
	if k.wire == nil || k.readClosed || k.writeClosed {
		return fail(t, "closed")
	}
	k.checkOwner(t, s)
	if k.kind == bodySocket {
		t.Errorf("attempt to give the body of a request away")
	}
	return k.busy(t, true, true)
}

func partError(err error) string {
	if errors.Is(err, actor.ErrBusy) {
		return "socket busy"
	}
	return socketError(err)
}

// part takes the connection out of the socket, which is closed then.
func (k *cosocket) part() (*handover, error) {
	h := &handover{connectTimeout: k.connectTimeout, sendTimeout: k.sendTimeout, readTimeout: k.readTimeout}
	var err error
	if c := k.conn; c != nil {
		h.peer, h.session = c.peer, c.session
		if c.tls != nil {
			h.parcel, err = c.tls.Pack()
		} else {
			h.parcel, err = c.fd.Pack()
		}
		if p := c.pool; p != nil && err == nil {
			c.pool = nil
			p.left()
		}
	} else {
		h.parcel, err = k.wire.(phases.Pipe).Part()
	}
	if err != nil {
		return nil, err
	}
	if k.pos < k.end {
		h.parcel.Unread = append(bytes.Clone(k.buf[k.pos:k.end]), h.parcel.Unread...)
	}
	k.owner.remove(k)
	k.wire, k.conn, k.owner = nil, nil, nil
	k.readClosed, k.writeClosed = true, true
	k.dropBuffer()
	return h, nil
}

// take makes the socket that of a handover; it is closed when the connection could not be had.
func (k *cosocket) take(h *handover, o *owner) {
	k.kind = tcpSocket
	k.connectTimeout, k.sendTimeout, k.readTimeout = h.connectTimeout, h.sendTimeout, h.readTimeout
	fd, tls, err := h.parcel.Open(k.e.worker)
	if err != nil {
		k.readClosed, k.writeClosed = true, true
		return
	}
	c := &connection{fd: fd, tls: tls, peer: h.peer, session: h.session}
	k.wire, k.conn, k.owner = c, c, o
	k.readClosed, k.writeClosed = false, false
	if unread := h.parcel.Unread; len(unread) > 0 {
		k.buf = k.e.takeSocketBuffer(max(int(k.e.site.http.socketBuffer), len(unread)))
		k.pos, k.end = 0, copy(k.buf, unread)
		h.parcel.Unread = nil
	}
	o.add(k)
}

// receiveSocket makes the socket that a message has brought the engine's: that of the owner which
// engine.unpackFor has named, or else of the actor.
func (e *engine) receiveSocket(h *handover) vm.Value {
	o := e.receiver
	if o == nil {
		o = e.service.sockets()
	}
	k := &cosocket{e: e}
	k.take(h, o)
	return e.newSocket(k, e.socketTable())
}

// unpackFor is unpack for an answer: what sockets are in it belong to who has asked.
func (s *state) unpackFor(from mailbox.Body) []vm.Value {
	b, ok := from.(*body)
	if !ok || b.socket == nil {
		return s.e.unpack(from)
	}
	if s.phase != inActor {
		s.e.receiver = s.sockets()
		defer func() { s.e.receiver = nil }()
	}
	return s.e.unpack(from)
}

// sockets is the owner of what the actor has been given: they are closed with it.
func (v *service) sockets() *owner {
	if v.owner == nil {
		v.owner = &owner{lasting: true}
	}
	return v.owner
}
