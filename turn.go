package luahttpd

import (
	"bytes"
	"errors"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// turn is what a connection borrows from its worker while it serves requests:
// the buffers, the request, and the framing of its body and its response. It
// is the phases.Stream of HTTP/1.
type turn struct {
	c    *conn
	wire transport
	ten  *tenure

	buf      []byte // received: buf[pos:end] is not used yet
	pos, end int
	head     http1.RequestHead
	limits   http1.Limits
	path     []byte
	host     []byte

	r      phases.Request
	client phases.Client

	in       bodyReader
	out      []byte // to be sent: what was put together of the head and small chunks
	location []byte
	// The last peer and its name: the next is often the same.
	peer packedAddr
	name string
	sent responseState

	keepalive time.Duration
	onGone    func()
	listen    *phases.Listen
	// released: the connection has gone on without this turn's request, which
	// is still being logged.
	released bool
}

const (
	// headBuffer is the first size of a turn's receive buffer; it grows up to
	// what large_client_header_buffers allows.
	headBuffer = 2 << 10
	// headFields is how many fields of a head, and set by scripts, take no
	// more room.
	headFields = 16
	// outBuffer is how much of a response is put together before it is
	// written; larger pieces are written from where they lie.
	outBuffer = 4 << 10
	// keptBuffer bounds the buffers that a free turn keeps.
	keptBuffer = 64 << 10
)

func (t *turn) release() {
	t.out = t.out[:0]
	t.giveOut()
	t.c, t.wire, t.ten, t.onGone, t.listen, t.released = nil, nil, nil, nil, nil, false
	t.pos, t.end = 0, 0
	t.head.Reset()
	if len(t.buf) > keptBuffer {
		t.buf = make([]byte, headBuffer)
	}
}

// takeOut gets the buffer for what is put together, giveOut gives it back when
// nothing is in it: a request that waits with nothing to send has none.
func (t *turn) takeOut() {
	if t.out != nil {
		return
	}
	w := t.c.w
	if n := len(w.outs); n > 0 {
		t.out = w.outs[n-1]
		w.outs = w.outs[:n-1]
		return
	}
	t.out = make([]byte, 0, outBuffer)
}

func (t *turn) giveOut() {
	if len(t.out) > 0 || t.out == nil {
		return
	}
	if w := t.c.w; cap(t.out) <= keptBuffer && len(w.outs) < freeTurns {
		w.outs = append(w.outs, t.out)
	}
	t.out = nil
}

type next uint8

const (
	nextServe  next = iota // a request's head is there
	nextWait               // nothing was received: wait without a turn
	nextRefuse             // the head is bad
	nextLost               // the client went away or was too slow
)

// receive reads the head of the next request. It parks; the error is why there
// is none.
func (t *turn) receive(l *phases.Listen) (next, error) {
	c := t.c
	core := l.Default.Core
	t.limits = http1.Limits{MaxHeaders: core.MaxHeaders, MaxLine: int(max(core.LargeBufferSize, core.HeaderBuffer)),
		MaxBytes:         int(max(int64(core.LargeBuffers)*core.LargeBufferSize, core.HeaderBuffer)),
		AllowUnderscores: core.Underscores, IgnoreInvalid: core.IgnoreInvalid, HTTP09: true}
	if t.pos == t.end {
		t.pos, t.end = 0, 0
	} else if t.pos > 0 {
		t.end = copy(t.buf, t.buf[t.pos:t.end])
		t.pos = 0
	}
	t.client.Pipelined = t.end > 0
	limited := false
	for {
		if t.end > 0 {
			n, err := http1.ParseRequest(t.buf[:t.end], &t.head, &t.limits)
			if err == nil {
				if limited {
					c.fd.SetReadDeadline(time.Time{})
				}
				t.pos = n
				return nextServe, nil
			}
			if !errors.Is(err, http1.ErrShort) {
				return nextRefuse, err
			}
		}
		if t.end == len(t.buf) {
			t.buf = append(t.buf, make([]byte, min(len(t.buf), t.limits.MaxBytes+headBuffer))...)
		}
		n, err := t.tryRead(t.buf[t.end:])
		if errors.Is(err, actor.ErrWouldBlock) {
			if t.end == 0 {
				return nextWait, nil
			}
			if !limited {
				limited = true
				c.fd.SetReadDeadline(c.w.loop.Now().Add(core.HeaderTimeout))
			}
			c.w.stats.Reading.Add(1)
			n, err = t.wire.Read(t.buf[t.end:])
			c.w.stats.Reading.Add(-1)
		}
		t.end += n
		if err != nil && n == 0 {
			return nextLost, err
		}
	}
}

func (t *turn) tryRead(p []byte) (int, error) {
	if t.c.tls != nil {
		return t.c.tls.TryRead(p)
	}
	return t.c.fd.TryRead(p)
}

// lost ends a connection that gave no complete head.
func (t *turn) lost(ten *tenure, l *phases.Listen, err error) {
	if t.end == 0 {
		if t.c.requests == 0 {
			t.c.logf(l, phases.LevelInfo, "client closed connection while waiting for request")
		} else {
			l.Default.Core.ErrorLog.Logf(phases.LevelInfo, t.c.id, "client %s closed keepalive connection", t.peerName())
		}
		return
	}
	what := "request headers"
	if t.head.Line == nil {
		what = "request line"
	}
	status, reason := 400, "client prematurely closed connection while reading client "+what
	if errors.Is(err, actor.ErrTimeout) {
		status, reason = 408, "client timed out (110: Connection timed out) while reading client "+what
	}
	t.begin(ten, l)
	defer t.over()
	t.r.RequestLine, t.r.HeadLength = t.head.Line, t.end
	t.sent.silent, t.sent.timedout = true, status == 408
	t.r.Reject(&phases.StatusError{Status: status, Level: phases.LevelInfo, Reason: reason})
	t.resetTimedout()
}

// resetTimedout is reset_timedout_connection: what the system still holds for
// a client that does not take it is dropped.
func (t *turn) resetTimedout() {
	if t.sent.timedout && t.r.Loc.Core.ResetTimedout && !t.c.fd.Closed() {
		t.c.reset()
	}
}

// refuse answers a head that was not accepted.
func (t *turn) refuse(ten *tenure, l *phases.Listen, err error) {
	t.begin(ten, l)
	defer t.over()
	r := &t.r
	r.RequestLine = t.head.Line
	if m, rest, ok := bytes.Cut(t.head.Line, []byte(" ")); ok {
		r.Method = methodName(m)
		r.Target, _, _ = bytes.Cut(rest, []byte(" "))
	}
	r.Fields = namesOf(t.buf[:t.end])
	r.Major, r.Minor = 1, 1
	se := &phases.StatusError{Status: 400, Level: phases.LevelInfo, Reason: err.Error()}
	var pe *http1.ParseError
	if errors.As(err, &pe) {
		se.Status, se.Reason = pe.Status, pe.Reason
	}
	t.in.none()
	r.Reject(se)
	t.pos = t.end
	t.sent.unread = true
	t.linger()
}

// namesOf finds what the log says of a client in a head that was refused:
// fields as they came, good for nothing else.
func namesOf(head []byte) (fields []http1.Field) {
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if ok && (bytes.EqualFold(name, []byte("User-Agent")) || bytes.EqualFold(name, []byte("Referer")) || bytes.EqualFold(name, []byte("Host"))) {
			fields = append(fields, http1.Field{Name: name, Value: bytes.TrimSpace(value)})
		}
	}
	return fields
}

// begin starts a request of the connection under a configuration.
func (t *turn) begin(ten *tenure, l *phases.Listen) {
	c := t.c
	t.ten, t.listen = ten, l
	c.requests++
	c.w.stats.Requests.Add(1)
	c.w.stats.Writing.Add(1)
	ten.requests++
	t.client = phases.Client{ID: c.id, Addr: c.peer.unpack(), Local: c.localAddr(), Name: t.peerName(), Requests: int(c.requests),
		Since: time.Unix(0, c.since), Pipelined: t.client.Pipelined}
	if c.proxy != nil {
		t.client.ProxyAddr, t.client.ProxyLocal = c.proxy.source, c.proxy.target
	}
	if l.Unix != "" {
		t.client.Unix = l.Unix
	}
	if c.tls != nil {
		t.client.TLS = c.tls.state
	}
	t.r.Init(ten.cfg, c.w.loop, &t.client, t)
	t.r.Server = l.Default
	t.r.Loc = l.Default.Loc
	t.sent = responseState{}
	t.onGone = nil
	t.in = bodyReader{}
}

// peerName is the connection's, made anew only when the peer is another one.
func (t *turn) peerName() string {
	if t.name == "" || t.peer.ip != t.c.peer.ip || t.peer.set != t.c.peer.set {
		t.peer, t.name = t.c.peer, t.c.peerName()
	}
	return t.name
}

// over ends the request's use of its configuration.
func (t *turn) over() {
	t.c.w.leave(t.ten)
	t.c.w.stats.Writing.Add(-1)
}

// Hold keeps the configuration in use until release is called.
func (t *turn) Hold() (release func()) {
	w, ten := t.c.w, t.ten
	ten.requests++
	return func() { w.leave(ten) }
}

// serve answers the request whose head was received, and says whether another
// may follow on the connection.
func (t *turn) serve(ten *tenure, l *phases.Listen) bool {
	t.begin(ten, l)
	defer t.over()
	r, h := &t.r, &t.head
	r.Method, r.RequestLine, r.Target = methodName(h.Method), h.Line, originForm(h)
	r.Fields = h.Fields
	r.Major, r.Minor = h.Major, h.Minor
	r.ContentLength, r.Chunked = h.ContentLength, h.Chunked
	r.KeepAlive, r.Expect100, r.HeadLength = h.KeepAlive, h.Expect100, h.Bytes
	r.Args = h.Query
	r.RawHead = bytes.TrimLeft(t.buf[:t.pos], "\r\n")
	t.in.start(h)
	t.host = lower(t.host[:0], h.Host)
	r.Host = t.host
	if h.Dropped > 0 {
		r.Errorf(phases.LevelInfo, "client sent invalid header line: \"%s\"", h.DroppedLine)
	}
	if se := t.choose(l); se != nil {
		r.Reject(se)
	} else {
		r.Run()
	}
	if t.released {
		return false
	}
	t.watch(nil)
	return t.conclude()
}

// choose finds the server block that the request is for and its path.
func (t *turn) choose(l *phases.Listen) *phases.StatusError {
	srv, err := l.Find(&t.r, t.host)
	if err != nil {
		return &phases.StatusError{Status: 500, Level: phases.LevelAlert, Reason: err.Error()}
	}
	t.r.Server, t.r.Loc = srv, srv.Loc
	t.path, err = http1.NormalizePath(t.path[:0], t.head.Path, srv.Core.MergeSlashes)
	if err != nil {
		return &phases.StatusError{Status: 400, Level: phases.LevelInfo, Reason: err.Error()}
	}
	t.r.URI = t.path
	return t.c.checkTLS(&t.r, l)
}

// conclude says whether the connection can carry another request.
func (t *turn) conclude() bool {
	s := &t.sent
	core := t.r.Loc.Core
	t.keepalive = core.KeepaliveTimeout
	if s.aborted || s.taken || !s.keep || !s.ended || t.c.fd.Closed() {
		s.unread = !t.in.done()
		t.resetTimedout()
		return false
	}
	if !t.in.done() && !t.skipBody() {
		s.unread = true
		return false
	}
	return true
}

// skipBody reads the rest of a body that nobody asked for.
func (t *turn) skipBody() bool {
	if t.r.Expect100 && !t.in.continued {
		return false // the client waits and may not send it at all
	}
	core := t.r.Loc.Core
	until := t.c.w.loop.Now().Add(core.LingeringTime)
	t.c.fd.SetReadTimeout(core.LingeringTimeout)
	defer t.c.fd.SetReadTimeout(0)
	var scratch [4096]byte
	for !t.in.done() {
		if _, err := t.in.read(t, scratch[:]); err != nil && !t.in.done() {
			return false
		}
		if t.c.w.loop.Now().After(until) {
			return false
		}
	}
	return true
}

// linger closes the sending side and reads on for a while, so that a client
// that still sends sees the response before the connection is reset.
func (t *turn) linger() {
	core := t.r.Loc.Core
	if t.c.fd.Closed() || t.sent.aborted || core.LingeringClose == phases.LingerOff {
		return
	}
	if core.LingeringClose == phases.LingerOn && !t.sent.unread && t.pos == t.end {
		return
	}
	if t.c.tls != nil {
		t.c.tls.CloseWrite()
	}
	if t.c.fd.CloseWrite() != nil {
		return
	}
	until := t.c.w.loop.Now().Add(core.LingeringTime)
	t.c.fd.SetReadTimeout(core.LingeringTimeout)
	var scratch [4096]byte
	for t.c.w.loop.Now().Before(until) && !t.c.w.closing {
		if _, err := t.c.fd.Read(scratch[:]); err != nil {
			return
		}
	}
}

// originForm is the target without the scheme and the authority of an absolute
// form, which is what $request_uri is.
func originForm(h *http1.RequestHead) []byte {
	if h.Scheme == nil {
		return h.Target
	}
	rest := h.Target[len(h.Scheme)+len("://"):]
	from := bytes.IndexAny(rest, "/?#")
	switch {
	case from < 0:
		return []byte("/")
	case rest[from] == '/':
		return rest[from:]
	}
	return append([]byte("/"), rest[from:]...)
}

// methodName returns the method without allocating for the usual ones.
func methodName(m []byte) string {
	switch string(m) {
	case "GET":
		return "GET"
	case "HEAD":
		return "HEAD"
	case "POST":
		return "POST"
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "OPTIONS":
		return "OPTIONS"
	case "PATCH":
		return "PATCH"
	}
	return string(m)
}

func lower(dst, src []byte) []byte {
	for _, c := range src {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
