package phases

import (
	"errors"
	"io"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// Stream carries one request: an HTTP/1 connection's turn, or whatever else
// can send a head and a body. It does the framing that belongs to the
// protocol (chunks, Connection), so that nothing above knows it.
type Stream interface {
	// SendHead sends the head that r.Out describes; it may wait in a buffer
	// until the first chunk, a flush or the end.
	SendHead(r *Request) error
	// Send sends a chunk; it parks while the client does not take it. The
	// chunk with Last ends the response.
	Send(r *Request, c Chunk) error
	// Read reads decoded body bytes of the request; io.EOF at its end. It
	// parks; its errors are StatusErrors for what the client did wrong.
	Read(p []byte) (int, error)
	// ReadWithin is Read for a handler that reads piece by piece: it waits for
	// limit instead of client_body_timeout, and after actor.ErrTimeout it may
	// be called again.
	ReadWithin(p []byte, limit time.Duration) (int, error)
	// Skip throws away what has come of the body already, without parking. An
	// error is one of Read's.
	Skip() error
	// Continue answers "Expect: 100-continue" if that is still open.
	Continue() error
	// OnGone registers what to run when the client closes its connection
	// while the request is being worked on; nil takes it back. f runs on the
	// worker outside of any coroutine.
	OnGone(f func())
	// Gone tells whether the client has closed its connection.
	Gone() bool
	// Takeover hands the connection to the caller for the rest of the
	// request: raw bytes both ways. What was received and not read comes
	// first. The connection closes when the request ends.
	Takeover() (Pipe, error)
	// Abort closes the connection as soon as the request has ended, without
	// completing the response.
	Abort()
}

// A Connected is a Stream with a connection of its own.
type Connected interface {
	// Descriptor is the connection's, nil when it is closed. It stays the
	// Stream's: it is neither read nor written.
	Descriptor() *actor.FD
}

// A Releaser is a Stream whose connection can go on with its next request while
// this one, whose response is complete, is still being logged.
type Releaser interface {
	// Release is called in the log phase, by who is going to wait in it. It may
	// do nothing; what the Request holds stays until the phase has ended.
	Release()
}

// An Informer is a Stream that can tell of an informational status before the
// response.
type Informer interface {
	// Inform sends a 1xx head. It does nothing when the client's version of the
	// protocol has none or the response's head was sent.
	Inform(status int, fields []Field) error
}

// Pipe is a connection as raw bytes; its calls park.
type Pipe interface {
	io.Reader
	io.Writer
	SetReadTimeout(d time.Duration)
	SetWriteTimeout(d time.Duration)
	// Part takes the connection from the request and the server: it outlives
	// both, and the pipe is closed.
	Part() (*actor.Parcel, error)
}

// StatusError is an error that has an HTTP status of its own and the reason
// for the log; Level says how loud.
type StatusError struct {
	Status int
	Level  Level
	Reason string
}

func (e *StatusError) Error() string { return e.Reason }

// ErrGone: the client closed the connection or a filter failed; nothing more
// can be sent.
var ErrGone = errors.New("the response cannot be sent")

// Result turns an error into the verdict that ends a request with it, logged:
// a StatusError gives its status, everything else 500.
func (r *Request) Result(err error) Result {
	var se *StatusError
	if errors.As(err, &se) {
		if se.Reason != "" {
			r.Errorf(se.Level, "%s", se.Reason)
		}
		return Result(se.Status)
	}
	if errors.Is(err, ErrGone) {
		return Failed
	}
	r.Errorf(LevelError, "%v", err)
	return 500
}

// SendHeader sends the head through the location's filters, once; Status 0
// counts as 200. An error ends the request; when it is a *StatusError, Result
// turns it into the verdict with which another response is made. A filter may
// park: what other coroutines of the request send meanwhile waits behind it.
func (r *Request) SendHeader() error {
	if r.Out.Sent {
		return nil
	}
	return r.inLine(func() error { return r.sendHeader() })
}

func (r *Request) sendHeader() error {
	if r.Out.Sent {
		return nil
	}
	if r.failed {
		return ErrGone
	}
	if r.errStatus != 0 {
		r.Out.Status, r.Out.Line = r.errStatus, ""
	}
	switch {
	case r.Out.Status == 0:
		r.Out.Status = 200
	case r.Out.Status < 100 || r.Out.Status > 999:
		r.Errorf(LevelError, "%d is no status: 500 is sent", r.Out.Status)
		r.Out.Status, r.Out.Line = 500, ""
	}
	r.Out.Sent = true
	if r.IsHead() || r.Out.Status == 204 || r.Out.Status == 304 || r.Out.Status < 200 {
		r.Out.NoBody = true
	}
	if err := r.Loc.header(r); err != nil {
		var se *StatusError
		if errors.As(err, &se) && !r.headLeft {
			r.Out.Sent, r.replaced = false, Result(se.Status)
		}
		r.failed = true
		return err
	}
	return nil
}

// Send sends one chunk of the body through the location's filters, the head
// first if it was not sent.
func (r *Request) Send(c Chunk) error {
	return r.inLine(func() error { return r.send(c) })
}

func (r *Request) send(c Chunk) error {
	if !r.Out.Sent {
		if err := r.sendHeader(); err != nil {
			return err
		}
	}
	if r.failed {
		return ErrGone
	}
	if r.ended {
		return nil
	}
	if r.Out.NoBody {
		c = Chunk{Flush: c.Flush, Last: c.Last, End: c.End}
	}
	if c.Last {
		c.End = true
	}
	r.ended = c.End
	if err := r.Loc.body(r, c); err != nil {
		r.failed = true
		if !r.IsMain() {
			r.Main.failed = true // as in nginx: the connection is done for
			r.stream.Abort()
		}
		return err
	}
	return nil
}

// SendBytes sends body as the whole response, its length declared.
func (r *Request) SendBytes(body []byte) Result {
	r.Out.ContentLength = int64(len(body))
	if err := r.SendHeader(); err != nil {
		return r.FilterResult(err)
	}
	if err := r.Send(Chunk{Bytes: body, Last: r.IsMain(), End: true}); err != nil {
		return r.FilterResult(err)
	}
	return Done
}

// Finish ends the response: the head if it was not sent, and the last chunk.
func (r *Request) Finish() Result {
	if r.ended {
		return Done
	}
	if !r.Out.Sent && r.Out.ContentLength < 0 && !r.IsHead() {
		r.Out.ContentLength = 0
	}
	if err := r.Send(Chunk{Last: r.IsMain(), End: true}); err != nil {
		return r.FilterResult(err)
	}
	return Done
}

// FilterResult is the verdict for an error of the filters: their status while
// nothing was sent, else the connection is closed.
func (r *Request) FilterResult(err error) Result {
	var se *StatusError
	if errors.As(err, &se) {
		if se.Reason != "" {
			r.Errorf(se.Level, "%s", se.Reason)
		}
		if r.headLeft {
			return Failed
		}
		return Result(se.Status)
	}
	if !errors.Is(err, ErrGone) && !isClosed(err) {
		r.Errorf(LevelError, "%v", err)
	}
	return Failed
}
