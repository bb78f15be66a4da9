package upstream

import (
	"errors"
	"io"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

// watchFrom is from how many bytes of request body on an answer is watched
// for while the request is sent. Less goes to the kernel in one piece.
const watchFrom = 32 << 10

// pieceSize is how much of a request body is in memory at a time when it comes
// from a file or from the client.
const pieceSize = 16 << 10

// send sends the request to the peer. A peer may answer before it has all of
// it: then the rest is not sent and the connection not used again.
func (x *Exchange) send() *failure {
	x.sizeBuffer()
	x.waiting = true
	err := x.write()
	x.waiting = false
	x.begun = x.conn.sent > 0
	if err == nil {
		x.whole = true
		return nil
	}
	var se *phases.StatusError
	switch {
	case x.early:
		return nil
	case errors.As(err, &se):
		return &failure{0, se.Status, se.Level, se.Reason}
	case errors.Is(err, actor.ErrTimeout):
		return &failure{OnTimeout, 504, phases.LevelError, "upstream timed out (110: Connection timed out) while sending request to upstream"}
	}
	if x.answered() {
		return nil
	}
	return &failure{OnError, 502, phases.LevelError, "writev() failed (" + phases.Errno(err) + ") while sending request to upstream"}
}

// answered tells whether a peer that does not take the request any more has
// sent something before. The loop may not have told of it yet.
func (x *Exchange) answered() bool {
	if x.conn.fd.Closed() {
		return false
	}
	x.waiting = true
	n, err := x.conn.Read(x.buf[x.wr:])
	x.waiting = false
	x.wr += n
	return err == nil && n > 0
}

// sizeBuffer makes the buffer for the head of the answer.
func (x *Exchange) sizeBuffer() {
	n := int(x.set.BufferSize)
	x.giveLarge()
	if cap(x.small) < n {
		x.small = make([]byte, n)
	}
	x.buf = x.small[:n]
	x.limits.MaxBytes, x.limits.MaxLine = n, n
}

func (x *Exchange) write() error {
	r := x.r
	body := &r.Body
	memory, size := []byte(nil), int64(0)
	var file io.Reader
	switch {
	case !x.set.PassBody:
	case x.stream:
	case x.setBody != nil:
		memory = x.setBody
	case body.File != nil:
		file, size = body.Reader(), body.Size
	default:
		memory = body.Data
	}
	framed := x.proto.framed(x)
	if !x.stream && file == nil && !framed {
		if len(memory) == 0 {
			_, err := x.conn.Write(x.out)
			return err
		}
		if len(memory) > watchFrom {
			x.watch()
			defer x.unwatch()
		}
		bufs := [2][]byte{x.out, memory}
		_, err := x.conn.Writev(bufs[:])
		return err
	}
	if framed && !x.stream && file == nil && len(memory) <= pieceSize {
		return x.writeFramed(memory)
	}
	x.watch()
	defer x.unwatch()
	if file != nil && !framed && !x.early {
		if _, err := x.conn.Write(x.out); err != nil || size == 0 {
			return err
		}
		return x.conn.sendFile(body, size)
	}
	var source io.Reader = &memoryReader{memory}
	switch {
	case x.stream:
		source = streamReader{x}
	case file != nil:
		source = file
	}
	return x.writePieces(source, framed)
}

// writeFramed sends the request and a short body at once.
func (x *Exchange) writeFramed(body []byte) error {
	var room [64]byte
	around := room[:0]
	var bufs [5][]byte
	n := 0
	add := func(b []byte) {
		bufs[n] = b
		n++
	}
	part := func(f func(b []byte) []byte) {
		from := len(around)
		around = f(around)
		add(around[from:])
	}
	add(x.out)
	if len(body) > 0 {
		part(func(b []byte) []byte { return x.proto.open(b, len(body)) })
		add(body)
		part(func(b []byte) []byte { return x.proto.shut(b, len(body)) })
	}
	part(x.proto.end)
	_, err := x.conn.Writev(bufs[:n])
	return err
}

type memoryReader struct{ rest []byte }

func (m *memoryReader) Read(p []byte) (int, error) {
	if len(m.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, m.rest)
	m.rest = m.rest[n:]
	return n, nil
}

// writePieces sends the head and then the body piece by piece; the first piece
// goes with the head if it is there already.
func (x *Exchange) writePieces(source io.Reader, framed bool) error {
	data := x.w.takeLarge(pieceSize)
	defer x.w.giveLarge(data)
	var around [64]byte
	head := x.out
	if b, is := x.r.Stream().(interface{ Buffered() bool }); x.stream && !(is && b.Buffered()) {
		if _, err := x.conn.Write(head); err != nil {
			return err
		}
		head = nil
	}
	for {
		n, err := source.Read(data)
		if x.early {
			return errEarly
		}
		if n > 0 || head != nil {
			bufs := [4][]byte{head}
			if framed && n > 0 {
				before := x.proto.open(around[:0], n)
				bufs[1], bufs[3] = before, x.proto.shut(around[len(before):len(before)], n)
			}
			bufs[2], head = data[:n], nil
			if _, werr := x.conn.Writev(bufs[:]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if framed {
		_, err := x.conn.Write(x.proto.end(around[:0]))
		return err
	}
	return nil
}

// streamReader reads the client's body as it comes. An early answer interrupts
// it.
type streamReader struct{ x *Exchange }

func (s streamReader) Read(p []byte) (n int, err error) {
	x := s.x
	x.fetching, x.waiting = true, false
	defer func() {
		x.fetching, x.waiting = false, true
		x.remember(p[:n], err)
		if v := recover(); v != nil {
			if i, is := v.(*actor.Interrupt); is && i.Value == errEarly {
				n, err = 0, errEarly
				return
			}
			panic(v)
		}
	}()
	return x.r.Stream().Read(p)
}

// remember keeps a small body that was passed on as it came: $request_body and
// an error page may ask for it.
func (x *Exchange) remember(p []byte, err error) {
	b := &x.r.Body
	if x.overflow || b.Size+int64(len(p)) > x.r.Loc.Core.BodyBufferSize {
		x.overflow = true
		b.Data = nil
		return
	}
	b.Data = append(b.Data, p...)
	b.Size = int64(len(b.Data))
	if err == io.EOF || b.Size == x.r.ContentLength {
		b.Read = true
	}
}

// watch has the loop look for an answer while the request is sent.
func (x *Exchange) watch() { x.conn.onReadable(&x.watcher) }

func (x *Exchange) unwatch() {
	if c := x.conn; c != nil && !c.fd.Closed() {
		c.fd.OnReadable(nil)
		c.fd.SetWriteDeadline(time.Time{})
	}
}

type earlyTask struct{ x *Exchange }

// Run is called by the loop when the peer has sent something.
func (t *earlyTask) Run(*actor.Worker) {
	x := t.x
	if x.conn == nil || x.wr == len(x.buf) {
		return
	}
	n, err := x.conn.tryRead(x.buf[x.wr:])
	if err == actor.ErrWouldBlock {
		x.conn.onReadable(t)
		return
	}
	x.wr += n
	if n == 0 && !x.fetching {
		return // the write will find out
	}
	x.early = true
	if x.fetching {
		x.co.Interrupt(errEarly)
		return
	}
	x.conn.fd.SetWriteDeadline(time.Unix(1, 0))
}

func (c *peerConn) onReadable(t actor.Task) {
	if c.tls != nil {
		c.tls.OnReadable(t)
		return
	}
	c.fd.OnReadable(t)
}

func (c *peerConn) tryRead(p []byte) (n int, err error) {
	if c.tls != nil {
		n, err = c.tls.TryRead(p)
	} else {
		n, err = c.fd.TryRead(p)
	}
	c.received += int64(n)
	return n, err
}

func (c *peerConn) sendFile(b *phases.Body, size int64) (err error) {
	var n int64
	if c.tls != nil {
		n, err = c.tls.SendFile(b.File, 0, size)
	} else {
		n, err = c.fd.SendFile(b.File, 0, size)
	}
	c.sent += n
	return err
}
