package luahttpd

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// bodyReader frames a request's body.
type bodyReader struct {
	left      int64 // of a body of known length
	chunked   bool
	continued bool // 100 Continue was sent or is not needed
	ended     bool
	broken    error
	decoder   http1.ChunkedDecoder
}

func (in *bodyReader) start(h *http1.RequestHead) {
	in.chunked, in.left = h.Chunked, max(h.ContentLength, 0)
	in.ended = !h.Chunked && in.left == 0
}

func (in *bodyReader) none() { in.ended = true }

func (in *bodyReader) done() bool { return in.ended }

// Skip throws away what was received of a chunked body; of another one nothing
// can be wrong.
func (t *turn) Skip() error {
	in := &t.in
	for in.chunked && !in.ended && in.broken == nil && t.pos < t.end {
		_, n, err := in.decoder.Next(t.buf[t.pos:t.end])
		t.pos += n
		t.r.Received(n)
		in.ended = in.decoder.Done()
		if err != nil {
			return t.failBody(err)
		}
		if n == 0 {
			break
		}
	}
	return nil
}

// Read is the request's body, decoded.
func (t *turn) Read(p []byte) (int, error) {
	if t.in.ended {
		return 0, io.EOF
	}
	if t.in.broken != nil {
		return 0, t.in.broken
	}
	t.c.fd.SetReadTimeout(t.r.Loc.Core.BodyTimeout)
	n, err := t.in.read(t, p)
	t.c.fd.SetReadTimeout(0)
	if err == nil || errors.Is(err, io.EOF) && t.in.ended {
		return n, err
	}
	return n, t.failBody(err)
}

// failBody is the status for a body that cannot be read, which it stays.
func (t *turn) failBody(err error) error {
	var pe *http1.ParseError
	var se *phases.StatusError
	switch {
	case errors.As(err, &se):
	case errors.As(err, &pe):
		err = &phases.StatusError{Status: 400, Level: phases.LevelInfo, Reason: pe.Reason}
	case errors.Is(err, actor.ErrTimeout):
		t.sent.timedout = true
		err = &phases.StatusError{Status: 408, Level: phases.LevelInfo, Reason: "client timed out (110: Connection timed out) while reading client request body"}
	case gone(err):
		t.sent.silent = true
		err = &phases.StatusError{Status: 400, Level: phases.LevelInfo, Reason: "client prematurely closed connection"}
	default:
		err = &phases.StatusError{Status: 500, Level: phases.LevelError, Reason: "recv() failed (" + phases.Errno(err) + ")"}
	}
	t.in.broken = err
	t.sent.keep = false
	t.r.KeepAlive = false
	return err
}

// ReadWithin is Read with a timeout of its own, which does not end the body.
func (t *turn) ReadWithin(p []byte, limit time.Duration) (int, error) {
	if t.in.ended {
		return 0, io.EOF
	}
	if t.in.broken != nil {
		return 0, t.in.broken
	}
	t.c.fd.SetReadTimeout(limit)
	n, err := t.in.read(t, p)
	t.c.fd.SetReadTimeout(0)
	switch {
	case err == nil, errors.Is(err, actor.ErrTimeout), t.in.ended:
		return n, err
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	t.in.broken = err
	t.sent.keep, t.r.KeepAlive = false, false
	return n, err
}

// Buffered tells whether a Read would find bytes without waiting, as far as is
// known without asking the kernel.
func (t *turn) Buffered() bool { return !t.in.ended && t.in.broken == nil && t.pos < t.end }

// read returns body bytes; io.EOF comes with ended set only.
func (in *bodyReader) read(t *turn, p []byte) (int, error) {
	if in.chunked {
		return in.readChunked(t, p)
	}
	if int64(len(p)) > in.left {
		p = p[:in.left]
	}
	var n int
	var err error
	if t.pos < t.end {
		n = copy(p, t.buf[t.pos:t.end])
		t.pos += n
	} else if n, err = t.wire.Read(p); err != nil {
		return n, err
	}
	t.r.Received(n)
	if in.left -= int64(n); in.left == 0 {
		in.ended = true
	}
	return n, nil
}

func (in *bodyReader) readChunked(t *turn, p []byte) (int, error) {
	total := 0
	for total < len(p) {
		if t.pos == t.end {
			if total > 0 {
				break
			}
			// A chunk that will be too long is refused before it is waited for.
			size, left := t.r.Body.Size, in.decoder.Left()
			if limit := t.r.Loc.Core.MaxBodySize; limit > 0 && left > limit-size {
				return 0, &phases.StatusError{Status: 413, Level: phases.LevelError,
					Reason: fmt.Sprintf("client intended to send too large chunked body: %d+%d bytes", size, left)}
			}
			if err := t.fill(); err != nil {
				return 0, err
			}
		}
		// No more than fits: the data is a part of what is given.
		data, n, err := in.decoder.Next(t.buf[t.pos:min(t.end, t.pos+len(p)-total)])
		total += copy(p[total:], data)
		t.pos += n
		t.r.Received(n)
		if err != nil {
			return total, err
		}
		if in.decoder.Done() {
			in.ended = true
			if total == 0 {
				return 0, io.EOF
			}
			break
		}
	}
	return total, nil
}

// fill receives more bytes behind the request's head, which must stay.
func (t *turn) fill() error {
	base := t.head.Bytes
	if t.pos == t.end {
		t.pos, t.end = base, base
	}
	if len(t.buf)-t.end < 4096 {
		// The request's slices keep the old buffer; this one has the rest.
		grown := make([]byte, base+16<<10)
		copy(grown, t.buf[:t.end])
		t.buf = grown
	}
	n, err := t.wire.Read(t.buf[t.end:])
	t.end += n
	if n > 0 {
		return nil
	}
	return err
}
