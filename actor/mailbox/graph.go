package mailbox

import (
	"slices"
	"strings"
)

// An edge is one wait of a strand: for the answer to a call, or for its turn in a queue. It is never
// used for another wait, so who sees the same edge twice knows that the strand has waited all the
// time between.
type edge struct {
	call  *Message
	queue *Queue
}

// maxWalk bounds the walk along the edges.
const maxWalk = 4 * MaxDepth

// on is the strand that has to go on before the wait can end, nil when that is not sure.
func (e *edge) on() *Strand {
	if e.queue != nil {
		return e.queue.holder.Load()
	}
	m := e.call
	switch {
	case m.answered.Load() || m.deferred.Load() || m.cancelled.Load():
		return nil
	case m.begun.Load():
		if m.run.split.Load() {
			return nil
		}
		return &m.run
	case m.To.serial:
		return m.To.serving.Load()
	}
	return nil
}

// cycle follows the edges from s; it returns them when they lead back.
func (s *Strand) cycle(buf []*edge) []*edge {
	for at := s; len(buf) < maxWalk; {
		e := at.waits.Load()
		if e == nil {
			return nil
		}
		buf = append(buf, e)
		if at = e.on(); at == nil {
			return nil
		}
		if at == s {
			return buf
		}
	}
	return nil
}

// deadlock is called by who has just begun to wait. Strands of other workers change while it looks;
// but edges that are there in both of two walks were all there between the two, and nobody but s
// could end such a cycle.
func (s *Strand) deadlock(m *Message) *Error {
	var buf, again [8]*edge
	first := s.cycle(buf[:0])
	if first == nil {
		return nil
	}
	if !slices.Equal(first, s.cycle(again[:0])) {
		return nil
	}
	var b strings.Builder
	b.WriteString(s.Actor.short())
	for _, e := range first {
		if e.queue != nil {
			b.WriteString(" -> queue of " + e.queue.actor.short() + " held by " + e.queue.actor.short())
			if h := e.queue.holder.Load(); h != nil && h.Msg != nil {
				b.WriteString("." + h.Msg.Cmd)
			}
			continue
		}
		b.WriteString(" -> " + e.call.To.short() + "." + e.call.Cmd)
	}
	if m == nil {
		return &Error{Code: EDEADLOCK, Msg: b.String(), Addr: s.Actor.short()}
	}
	return m.problem(EDEADLOCK, b.String())
}

// above says whether s is o, or waits for it: whether it is in the call chain of o.
func (s *Strand) above(o *Strand) bool {
	for o != s {
		if o.Msg == nil || o.Msg.caller == nil || o.Msg.cancelled.Load() || o.Msg.answered.Load() {
			return false
		}
		o = o.Msg.caller
	}
	return true
}
