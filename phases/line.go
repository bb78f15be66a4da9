package phases

import (
	"slices"

	"github.com/luahttpd/luahttpd/actor"
)

// line keeps the parts of a response in order when its filters park: who sends
// is alone in them, the others stand behind it, first come first served.
type line struct {
	by     *actor.Coroutine // who sends, nil: nobody
	behind []standing
}

type standing struct {
	co    *actor.Coroutine
	token uint64
}

// inLine runs send when it is the current coroutine's turn, for which it parks.
// Filters that send more from inside of send are in their turn already.
func (r *Request) inLine(send func() error) error {
	l := &r.line
	co := r.Worker.Current()
	if l.by == co || co == nil { // the loop itself cannot wait
		return send()
	}
	if l.by != nil {
		l.stand(co)
	} else {
		l.by = co
	}
	through := false
	defer func() {
		// Who unwinds out of a filter leaves a response that nobody can complete.
		r.failed = r.failed || !through
		l.next()
	}()
	err := send()
	through = true
	return err
}

// stand parks until it is co's turn.
func (l *line) stand(co *actor.Coroutine) {
	at := standing{co, co.Token()}
	l.behind = append(l.behind, at)
	mine := false
	defer func() {
		switch i := slices.Index(l.behind, at); {
		case mine:
		case i >= 0: // it was killed while it stood there
			l.behind = slices.Delete(l.behind, i, i+1)
		case l.by == co: // or when its turn had come
			l.next()
		}
	}()
	co.ParkOn(at.token)
	mine = true
}

// next gives the turn to the first who waits for it.
func (l *line) next() {
	l.by = nil
	if len(l.behind) > 0 {
		first := l.behind[0]
		l.behind = slices.Delete(l.behind, 0, 1)
		l.by = first.co
		first.co.ResumeIf(first.token)
	}
}
