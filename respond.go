package luahttpd

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// responseState is how far the response of a turn has come.
type responseState struct {
	head    bool // its head is in out or has left
	keep    bool // the connection may carry another request
	chunked bool
	ended   bool
	aborted bool
	taken   bool  // by Takeover
	silent  bool  // the client gets nothing: it timed out or left
	unread  bool  // the client may still be sending
	left    int64 // body bytes that the head promised, -1: unknown
	// timedout: the client stopped taking the response.
	timedout bool
}

// SendHead puts the head together in nginx's order of fields.
func (t *turn) SendHead(r *phases.Request) error {
	if t.sent.silent || t.sent.aborted {
		return phases.ErrGone
	}
	if t.sent.taken {
		return nil
	}
	o, core := &r.Out, r.Loc.Core
	t.sent.head = true
	if r.Major == 0 { // HTTP/0.9 has no head, and the body ends with the connection
		t.sent.left = -1
		r.SetHeadLength(0)
		return nil
	}
	t.frame(r)
	t.takeOut()
	b := t.out
	if o.Line != "" {
		b = append(append(append(b, "HTTP/1.1 "...), o.Line...), "\r\n"...)
	} else {
		b = http1.AppendStatusLine(b, o.Status, "")
	}
	switch {
	case o.Server == nil:
		b = append(append(append(b, "Server: "...), r.ServerToken()...), "\r\n"...)
	case *o.Server != "":
		b = http1.AppendField(b, "Server", *o.Server)
	}
	switch {
	case o.Date == nil:
		b = append(append(append(b, "Date: "...), t.c.w.httpDate()...), "\r\n"...)
	case *o.Date != "":
		b = http1.AppendField(b, "Date", *o.Date)
	}
	if o.ContentType != "" && o.Status != 204 {
		if o.Charset == "" {
			b = http1.AppendField(b, "Content-Type", o.ContentType)
		} else {
			b = http1.AppendField(b, "Content-Type", o.AppendContentType(nil))
		}
	}
	if o.ContentLength >= 0 && o.Status >= 200 && o.Status != 204 {
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, o.ContentLength, 10), "\r\n"...)
	}
	if !o.LastModified.IsZero() && o.Status != 204 {
		b = append(b, "Last-Modified: "...)
		b = append(http1.AppendHTTPDate(b, o.LastModified), "\r\n"...)
	}
	location, absolute := o.Get("Location")
	absolute = absolute && core.AbsoluteRedirect && !o.RelativeLocation && strings.HasPrefix(location, "/")
	if absolute {
		t.location = t.appendLocation(t.location[:0], r, location)
		b = http1.AppendField(b, "Location", t.location)
	}
	if o.Chunking {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	switch {
	case o.Status == 101:
		b = append(b, "Connection: upgrade\r\n"...)
	case t.sent.keep:
		b = append(b, "Connection: keep-alive\r\n"...)
		if core.KeepaliveHeader > 0 {
			b = append(b, "Keep-Alive: timeout="...)
			b = append(strconv.AppendInt(b, int64(core.KeepaliveHeader/time.Second), 10), "\r\n"...)
		}
	default:
		b = append(b, "Connection: close\r\n"...)
	}
	for _, f := range o.All() {
		if absolute && len(f.Name) == 8 && strings.EqualFold(f.Name, "Location") {
			continue
		}
		b = http1.AppendField(b, f.Name, f.Value)
	}
	b = append(b, "\r\n"...)
	r.SetHeadLength(len(b) - len(t.out))
	t.out = b
	if int64(len(t.out)) >= core.PostponeOutput {
		return t.flush(r)
	}
	return nil
}

// frame decides how the client will know where the body ends, and whether the
// connection can go on behind it.
func (t *turn) frame(r *phases.Request) {
	o, core := &r.Out, r.Loc.Core
	bodyless := o.Status == 204 || o.Status == 304 || o.Status < 200
	mayChunk := !bodyless && !r.IsHead() && r.Major == 1 && r.Minor >= 1 && core.Chunked
	if o.Trailing && mayChunk {
		o.ContentLength = -1
	}
	t.sent.left = o.ContentLength
	if o.NoBody {
		t.sent.left = 0
	}
	chunked := o.ContentLength < 0 && mayChunk
	keep := r.KeepAlive && core.KeepaliveTimeout > 0 && int(t.c.requests) < core.KeepaliveRequests && !t.c.w.closing &&
		t.c.w.loop.Now().UnixNano()-t.c.since < int64(core.KeepaliveTime)
	if r.Expect100 && !t.in.continued && !t.in.done() {
		keep = false // the client may send its body or may not
	}
	if o.ContentLength < 0 && !chunked && !bodyless && !o.NoBody {
		keep = false
	}
	t.sent.keep, t.sent.chunked, o.Chunking = keep, chunked && !o.NoBody, chunked
}

// appendLocation makes a redirect to a path absolute, as port_in_redirect and
// server_name_in_redirect say.
func (t *turn) appendLocation(b []byte, r *phases.Request, location string) []byte {
	core := r.Loc.Core
	b = append(append(b, r.Scheme()...), "://"...)
	switch {
	case core.NameInRedirect && r.Server.Name != "":
		b = append(b, r.Server.Name...)
	case len(r.Host) > 0:
		b = append(b, r.Host...)
	case t.client.Local.IsValid():
		a := t.client.Local.Addr().Unmap()
		if a.Is6() {
			b = append(a.AppendTo(append(b, '[')), ']')
		} else {
			b = a.AppendTo(b)
		}
	}
	if port := t.client.Local.Port(); core.PortInRedirect && port != 0 && !(port == 80 && r.Scheme() == "http") && !(port == 443 && r.Scheme() == "https") {
		b = strconv.AppendUint(append(b, ':'), uint64(port), 10)
	}
	return append(b, location...)
}

// Send writes a chunk. Small ones are put together with what is waiting.
func (t *turn) Send(r *phases.Request, c phases.Chunk) error {
	s := &t.sent
	if s.silent || s.aborted {
		return phases.ErrGone
	}
	if s.taken { // what is sent is the business of who took the connection
		s.ended = s.ended || c.Last
		return nil
	}
	t.takeOut()
	n := c.Len()
	if n > 0 && s.left >= 0 {
		if n > s.left { // never more than was promised
			if c.File != nil {
				c.Size = s.left
			} else {
				c.Bytes = c.Bytes[:s.left]
			}
			n = s.left
		}
		s.left -= n
	}
	if n > 0 {
		if rate := r.Rate(); rate > 0 {
			if err := t.sendLimited(r, c, rate); err != nil {
				return err
			}
		} else if err := t.sendData(r, c, n); err != nil {
			return err
		}
	}
	if c.Last {
		if s.left > 0 {
			t.sent.keep = false
		}
		if s.chunked {
			t.out = appendTrailers(t.out, r.Out.Trailers)
		}
		s.ended = true
	}
	if len(t.out) > 0 && (c.Last || c.Flush || int64(len(t.out)) >= r.Loc.Core.PostponeOutput) {
		if err := t.flush(r); err != nil {
			return err
		}
	}
	t.giveOut()
	return nil
}

// appendTrailers ends a chunked body.
func appendTrailers(b []byte, trailers []phases.Field) []byte {
	b = append(b, "0\r\n"...)
	for _, f := range trailers {
		b = http1.AppendField(b, f.Name, f.Value)
	}
	return append(b, "\r\n"...)
}

// copyLimit is up to what size a chunk is copied behind the head instead of
// being written from where it lies.
const copyLimit = 16 << 10

func (t *turn) sendData(r *phases.Request, c phases.Chunk, n int64) error {
	if t.sent.chunked {
		t.out = http1.AppendChunkHeader(t.out, int(n))
	}
	var err error
	switch {
	case c.File != nil && n <= copyLimit:
		from := len(t.out)
		t.out = append(t.out, make([]byte, n)...)
		var got int
		if got, err = c.File.ReadAt(t.out[from:], c.Off); err != nil {
			t.out = t.out[:from+got]
			return t.truncated(r, err)
		}
	case c.File != nil:
		err = t.sendFile(r, c)
	case n <= copyLimit && len(t.out)+int(n) <= 2*copyLimit:
		t.out = append(t.out, c.Bytes...)
	default:
		err = t.writeBoth(r, c.Bytes)
	}
	if err == nil && t.sent.chunked {
		t.out = append(t.out, "\r\n"...)
	}
	return err
}

// truncated ends a response whose file became shorter while it was sent.
func (t *turn) truncated(r *phases.Request, err error) error {
	r.Errorf(phases.LevelAlert, "pread() read only part of the file: %v", err)
	return phases.ErrGone
}

func (t *turn) writeBoth(r *phases.Request, body []byte) error {
	t.c.fd.SetWriteTimeout(r.Loc.Core.SendTimeout)
	if len(t.out) == 0 {
		n, err := t.wire.Write(body)
		r.Wrote(int64(n))
		return t.writeError(r, err)
	}
	bufs := [2][]byte{t.out, body}
	n, err := t.wire.Writev(bufs[:])
	r.Wrote(n)
	t.out = t.out[:0]
	return t.writeError(r, err)
}

func (t *turn) flush(r *phases.Request) error {
	t.c.fd.SetWriteTimeout(r.Loc.Core.SendTimeout)
	n, err := t.wire.Write(t.out)
	r.Wrote(int64(n))
	t.out = t.out[:0]
	return t.writeError(r, err)
}

// sendFile sends a range of a file behind the head, by sendfile(2) where that
// is configured and possible.
func (t *turn) sendFile(r *phases.Request, c phases.Chunk) error {
	core := r.Loc.Core
	if !core.Sendfile || t.c.tls != nil {
		return t.copyFile(r, c)
	}
	fd := t.c.fd
	if len(t.out) > 0 {
		cork := core.NoPush
		if cork {
			fd.SetCork(true)
		}
		if err := t.flush(r); err != nil {
			return err
		}
		if cork {
			defer fd.SetCork(false)
		}
	}
	fd.SetWriteTimeout(core.SendTimeout)
	n, err := fd.SendFile(c.File, c.Off, c.Size)
	r.Wrote(n)
	if err != nil {
		return t.writeError(r, err)
	}
	if n < c.Size {
		return t.truncated(r, io.ErrUnexpectedEOF)
	}
	return nil
}

func (t *turn) copyFile(r *phases.Request, c phases.Chunk) error {
	buf := make([]byte, min(c.Size, 32<<10))
	for c.Size > 0 {
		n, err := c.File.ReadAt(buf[:min(int64(len(buf)), c.Size)], c.Off)
		if n == 0 {
			return t.truncated(r, err)
		}
		if err := t.writeBoth(r, buf[:n]); err != nil {
			return err
		}
		c.Off += int64(n)
		c.Size -= int64(n)
	}
	return nil
}

// sendLimited sends a chunk at rate bytes a second, after the first
// limit_rate_after.
func (t *turn) sendLimited(r *phases.Request, c phases.Chunk, rate int64) error {
	for c.Len() > 0 {
		free := r.RateAfter() + int64(t.c.w.loop.Now().Sub(r.Start).Seconds()*float64(rate)) + rate - r.BodyBytesSent() - int64(len(t.out))
		if free <= 0 {
			if err := t.flush(r); err != nil {
				return err
			}
			wait := time.Duration(-free*1000/rate+1) * time.Millisecond
			if !t.pause(max(wait, time.Millisecond)) {
				r.Errorf(phases.LevelInfo, "client prematurely closed connection")
				t.sent.aborted = true
				return phases.ErrGone
			}
			continue
		}
		part := c
		n := min(free, c.Len())
		if c.File != nil {
			part.Size = n
			c.Off, c.Size = c.Off+n, c.Size-n
		} else {
			part.Bytes, c.Bytes = c.Bytes[:n], c.Bytes[n:]
		}
		if err := t.sendData(r, part, n); err != nil {
			return err
		}
	}
	return nil
}

// pause sleeps. It returns early, false, when the client closes its side and
// nobody else watches for that.
func (t *turn) pause(d time.Duration) bool {
	co := t.c.w.loop.Current()
	if t.onGone != nil {
		co.Sleep(d)
		return true
	}
	token := co.Token()
	wake := func() { co.ResumeIf(token) }
	timer := t.c.w.loop.AfterFunc(d, wake)
	t.c.fd.OnHangup(wake)
	co.ParkOn(token)
	timer.Stop()
	t.c.fd.OnHangup(nil)
	return !t.Gone()
}

func (t *turn) writeError(r *phases.Request, err error) error {
	if err == nil {
		return nil
	}
	t.sent.aborted = true
	switch {
	case errors.Is(err, actor.ErrTimeout):
		r.Errorf(phases.LevelInfo, "client timed out (110: Connection timed out) while sending response to client")
		t.sent.timedout = true
	case gone(err):
		r.Errorf(phases.LevelInfo, "writev() failed (%s) while sending response to client", phases.Errno(err))
	default:
		r.Errorf(phases.LevelError, "writev() failed (%s) while sending response to client", phases.Errno(err))
	}
	return phases.ErrGone
}

// Continue answers "Expect: 100-continue" when the body is asked for.
func (t *turn) Continue() error {
	if !t.r.Expect100 || t.in.continued || t.sent.head {
		return nil
	}
	t.in.continued = true
	t.c.fd.SetWriteTimeout(t.r.Loc.Core.SendTimeout)
	_, err := t.wire.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
	return t.writeError(&t.r, err)
}

// Inform sends a 1xx head before the response (RFC 9110 section 15.2).
func (t *turn) Inform(status int, fields []phases.Field) error {
	if t.r.Major != 1 || t.r.Minor < 1 || t.sent.head || t.sent.silent || t.sent.aborted {
		return nil
	}
	b := http1.AppendStatusLine(nil, status, "")
	for _, f := range fields {
		b = http1.AppendField(b, f.Name, f.Value)
	}
	t.c.fd.SetWriteTimeout(t.r.Loc.Core.SendTimeout)
	_, err := t.wire.Write(append(b, "\r\n"...))
	return t.writeError(&t.r, err)
}

// Abort has the connection closed when the request is over.
func (t *turn) Abort() { t.sent.aborted = true }

// OnGone watches for the client's end of the connection.
func (t *turn) OnGone(f func()) { t.watch(f) }

func (t *turn) watch(f func()) {
	if f == nil && t.onGone == nil {
		return
	}
	t.onGone = f
	t.c.fd.OnHangup(f)
}

// Descriptor is the connection's, for its options.
func (t *turn) Descriptor() *actor.FD {
	if t.c.fd.Closed() {
		return nil
	}
	return t.c.fd
}

// Gone tells whether the client has closed its side.
func (t *turn) Gone() bool { return t.c.fd.Closed() || t.c.fd.Hungup() }

// Takeover gives the connection to a handler as raw bytes.
func (t *turn) Takeover() (phases.Pipe, error) {
	if len(t.out) > 0 {
		if err := t.flush(&t.r); err != nil {
			return nil, err
		}
	}
	t.sent.taken, t.sent.keep = true, false
	return &pipe{t}, nil
}

// pipe is a taken over connection; what was received already comes first.
type pipe struct{ t *turn }

func (p *pipe) Read(b []byte) (int, error) {
	if t := p.t; t.pos < t.end {
		n := copy(b, t.buf[t.pos:t.end])
		t.pos += n
		return n, nil
	}
	return p.t.wire.Read(b)
}

func (p *pipe) Write(b []byte) (int, error)     { return p.t.wire.Write(b) }
func (p *pipe) SetReadTimeout(d time.Duration)  { p.t.c.fd.SetReadTimeout(d) }
func (p *pipe) SetWriteTimeout(d time.Duration) { p.t.c.fd.SetWriteTimeout(d) }

// Part implements phases.Pipe.
func (p *pipe) Part() (*actor.Parcel, error) {
	t := p.t
	t.watch(nil)
	parcel, err := t.c.part()
	if err != nil {
		return nil, err
	}
	t.wire = t.c.fd // which is closed: TLS goes with the parcel
	parcel.Unread = bytes.Clone(t.buf[t.pos:t.end])
	t.pos = t.end
	return parcel, nil
}
