package lua

import (
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// memo is what the module remembers of a request between phases; an internal
// redirect forgets it, ngx.ctx with it, as in OpenResty.
type memo struct {
	table     vm.Value  // ngx.ctx
	held      []byte    // the body so far while buffering
	buffering bool      // HTTP/1.0: the body is held until its length is known
	typeSet   bool      // a script has set Content-Type
	fieldsSet bool      // a script has set a field of the response
	eof       bool      // ngx.eof was called
	raw       bool      // the connection was taken over (ngx.req.socket)
	whole     *heldBody // what a buffered body filter waits for
	lastSeen  bool      // the body filter has let the end pass
	onAbort   vm.Value  // ngx.on_abort's function, until it is called
	abortSet  bool
	exitCode  int   // of the header filter
	err       error // the first of the output filters
}

var memoSlot = phases.NewReusedSlot[memo](phases.KeepNothing)

// memo returns the request's memo, or that of a run without a request.
func (s *state) memo() *memo {
	if s.r != nil {
		return memoSlot.Ensure(s.r)
	}
	if s.entry.private == nil {
		s.entry.private = new(memo)
	}
	return s.entry.private
}

// prepare does what comes before the first byte of a response by Lua: the
// status, the type, HTTP/1.0's buffering.
func (s *state) prepare() (buffering bool) {
	r := s.r
	m := memoSlot.Get(r)
	if r.Out.Sent {
		return false
	}
	if r.Out.Status == 0 {
		r.Out.Status = 200
	}
	if (m == nil || !m.typeSet) && r.Out.ContentType == "" && r.Out.Status != 304 && s.own.useDefaultType {
		r.SetContentType()
	}
	if m == nil || !m.fieldsSet {
		r.Out.ClearLength()
	}
	if r.Major == 1 && r.Minor == 0 && s.own.http10Buffering && r.Out.ContentLength < 0 {
		m = s.memo()
		m.buffering = true
	}
	return m != nil && m.buffering
}

// sendHead sends the response's head, or prepares it while the body is held.
func (s *state) sendHead() error {
	if s.prepare() || s.r.Out.Sent {
		return nil
	}
	return s.failed(s.r.SendHeader())
}

// send sends a part of the body.
func (s *state) send(b []byte, flush bool) error {
	s.entry.said = s.entry.said || len(b) > 0
	if s.prepare() && !s.r.IsHead() {
		m := s.memo()
		s.debugf("lua buffering output bufs for the HTTP 1.0 request")
		m.held = append(m.held, b...)
		return nil
	}
	return s.failed(s.r.Send(phases.Chunk{Bytes: b, Flush: flush}))
}

// sendLast ends the response.
func (s *state) sendLast() error {
	r := s.r
	m := memoSlot.Get(r)
	if m != nil && (m.eof || m.raw) {
		return nil
	}
	if s.prepare() && !r.Out.Sent {
		m = s.memo()
		s.debugf("lua sending HTTP 1.0 response headers")
		if r.Out.ContentLength < 0 && !r.IsHead() {
			r.Out.ContentLength = int64(len(m.held))
		}
		if err := r.SendHeader(); err != nil {
			return s.failed(err)
		}
		if err := r.Send(phases.Chunk{Bytes: m.held}); err != nil {
			return s.failed(err)
		}
		m.held = nil
	} else if err := s.failed(r.SendHeader()); err != nil {
		return err
	}
	return s.failed(r.Send(phases.Chunk{Last: r.IsMain(), End: true}))
}

// failed remembers the first error of the output filters.
func (s *state) failed(err error) error {
	if err != nil {
		if m := s.memo(); m.err == nil {
			m.err = err
		}
	}
	return err
}

// finish ends the response and returns the request's result.
func (s *state) finish() phases.Result {
	err := s.sendLast()
	if m := memoSlot.Get(s.r); m != nil && m.err != nil {
		err = m.err
	}
	if err != nil {
		return s.r.FilterResult(err)
	}
	return phases.Done
}
