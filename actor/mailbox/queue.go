package mailbox

import (
	"slices"
	"sync/atomic"
)

// A Queue is a critical section of one actor: one strand at a time, first come, first served. The
// strands that the holder waits for, through any number of calls, may enter too. Only on the actor's
// worker.
type Queue struct {
	actor   *Actor
	inside  []*Strand // the holder, then those below it in its call chain
	holder  atomic.Pointer[Strand]
	waiting []*turn
}

type turn struct {
	edge
	s       *Strand
	token   uint64
	granted bool
}

// NewQueue makes a queue of the actor.
func NewQueue(a *Actor) *Queue { return &Queue{actor: a} }

// Len is how many wait.
func (q *Queue) Len() int { return len(q.waiting) }

// Do runs f inside. It parks until it is the strand's turn; the error is EDEADLOCK, and f has not
// run.
func (q *Queue) Do(s *Strand, f func()) *Error {
	if n := len(q.inside); n > 0 && !q.inside[n-1].above(s) {
		if err := q.await(s); err != nil {
			return err
		}
	} else {
		q.inside = append(q.inside, s)
		q.holder.Store(s)
	}
	defer q.leave(s)
	f()
	return nil
}

// await parks until leave has let s in.
func (q *Queue) await(s *Strand) *Error {
	t := &turn{s: s, edge: edge{queue: q}}
	t.token = s.co.Token()
	q.waiting = append(q.waiting, t)
	s.waits.Store(&t.edge)
	in := false
	defer func() {
		s.waits.Store(nil)
		switch {
		case in:
		case t.granted: // killed between the two
			q.leave(s)
		default:
			q.waiting = slices.DeleteFunc(q.waiting, func(o *turn) bool { return o == t })
		}
	}()
	if err := s.deadlock(nil); err != nil {
		return err
	}
	s.quick = 0
	s.co.ParkOn(t.token)
	in = true
	return nil
}

func (q *Queue) leave(s *Strand) {
	for i := len(q.inside) - 1; i >= 0; i-- {
		if q.inside[i] == s {
			q.inside = slices.Delete(q.inside, i, i+1)
			break
		}
	}
	if n := len(q.inside); n > 0 {
		q.holder.Store(q.inside[n-1])
		return
	}
	q.holder.Store(nil)
	if len(q.waiting) == 0 {
		return
	}
	next := q.waiting[0]
	q.waiting = q.waiting[1:]
	next.granted = true
	next.s.waits.Store(nil)
	q.inside = append(q.inside, next.s)
	q.holder.Store(next.s)
	next.s.co.ResumeIf(next.token)
}
