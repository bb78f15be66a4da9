package lua

import (
	"errors"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// requestSocketArea is ngx.req.socket: the request's body as a stream, or its
// connection as raw bytes.
var requestSocketArea = area{
	rows: []row{{"req.socket", handlers, requestSocket}},
	open: func(e *engine, ngx *vm.Table) {
		e.bodyTable, e.rawTable = e.methodTable(bodyMethods), e.methodTable(append(slices.Clip(bodyMethods), row{"send", handlers, socketSend}, row{"give", handlers, socketGive}))
	},
}

var bodyMethods = []row{
	{"receive", handlers, socketReceive},
	{"receiveany", handlers, socketReceiveAny},
	{"receiveuntil", handlers, socketReceiveUntil},
	{"settimeout", handlers, socketSetTimeout},
	{"settimeouts", handlers, socketSetTimeouts},
	{"getfd", handlers, socketFD},
	{"setoption", handlers, socketSetOption},
	{"getoption", handlers, socketOption},
}

func requestSocket(t *vm.Thread, s *state) int {
	raw := false
	switch t.NArg() {
	case 0:
	case 1:
		raw = t.Arg(1).Truth()
	default:
		t.Errorf("expecting zero arguments, but got %d", t.NArg())
	}
	r := s.r
	if !r.IsMain() {
		t.Errorf("attempt to read the request body in a subrequest")
	}
	if raw {
		return s.rawSocket(t)
	}
	o := s.sockets()
	switch b := &r.Body; {
	case b.Discarded:
		return fail(t, "request body discarded")
	case b.Read:
		return fail(t, "request body already exists")
	case o.raw:
		return fail(t, "raw request socket acquired")
	case o.body, b.Streaming:
		return fail(t, "duplicate call")
	case !r.HasBody():
		return fail(t, "no body")
	}
	if err := r.Stream().Continue(); err != nil {
		return fail(t, socketError(err))
	}
	o.body, r.Body.Streaming = true, true
	k := &cosocket{e: s.e, kind: bodySocket, owner: o, wire: &requestWire{r: r}}
	o.add(k)
	t.Push(s.e.newSocket(k, s.e.bodyTable))
	return 1
}

// errAborted: the client has closed its connection before the body's end.
var errAborted = errors.New("client aborted")

// requestWire reads a request's body as it comes.
type requestWire struct {
	r     *phases.Request
	limit time.Duration
}

func (w *requestWire) Read(p []byte) (int, error) {
	n, err := w.r.ReadStream(p, w.limit)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		err = errAborted
	}
	return n, err
}

func (w *requestWire) Write(p []byte) (int, error)    { return 0, phases.ErrGone }
func (w *requestWire) SetReadTimeout(d time.Duration) { w.limit = d }
func (w *requestWire) SetWriteTimeout(time.Duration)  {}

// rawSocket takes the connection over from the server.
func (s *state) rawSocket(t *vm.Thread) int {
	r, o := s.r, s.sockets()
	m := s.memo()
	switch {
	case r.Major >= 2:
		return fail(t, "http v2 not supported yet")
	case o.raw:
		return fail(t, "duplicate call")
	case o.body:
		return fail(t, "duplicate call")
	case m.buffering:
		return fail(t, "http 1.0 buffering")
	}
	pipe, err := r.Stream().Takeover()
	if err != nil {
		return fail(t, socketError(err))
	}
	o.raw, m.raw = true, true
	if !r.Out.Sent {
		r.Out.Sent = true // nobody else is to send a head
	}
	k := &cosocket{e: s.e, kind: rawSocket, owner: o, wire: pipe}
	o.add(k)
	t.Push(s.e.newSocket(k, s.e.rawTable))
	return 1
}
