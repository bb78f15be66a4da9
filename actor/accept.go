package actor

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/poll"
)

const (
	acceptBatch = 8                      // connections that one worker takes in one turn at most
	acceptPause = 500 * time.Millisecond // without accepting, when there are no more descriptors
)

// An acceptor is a worker's part in a listener.
type acceptor struct {
	w      *Worker
	l      *Listener
	handle poll.Handle // 0: pausing or ended
	on     func(*FD, Addr)
	failed func(error)
	timer  Timer
	batch  int // connections to take in this turn
	ended  bool
}

// Accept has the worker accept connections, a few per turn. on is called on the loop with each
// connection, which is its to close, and the peer's address. failed hears of errors, after which
// the worker accepts nothing for half a second: such as syscall.EMFILE. Only on the worker's
// goroutine (or before Run).
//
// The kernel wakes whichever worker it likes, mostly the same one. So workers that accept from one
// listener even their connections out: one with notably more than another passes new ones on to
// that.
func (w *Worker) Accept(l *Listener, on func(fd *FD, peer Addr), failed func(error)) error {
	if w.listening[l] != nil {
		return errors.New("actor: the worker accepts from this listener already")
	}
	a := &acceptor{w: w, l: l, on: on, failed: failed, batch: 1}
	a.timer.Init(w, a)
	h, err := w.loop.AddListener(l.fd, a)
	if err != nil {
		return err
	}
	a.handle = h
	if w.listening == nil {
		w.listening = make(map[*Listener]*acceptor)
	}
	w.listening[l] = a
	l.share(func(list []*acceptor) []*acceptor { return append(list, a) })
	return nil
}

// share replaces the list of those who accept from the listener.
func (l *Listener) share(change func([]*acceptor) []*acceptor) {
	l.shared.Lock()
	defer l.shared.Unlock()
	var list []*acceptor
	if old := l.shared.list.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = change(list)
	l.shared.list.Store(&list)
}

// Unaccept ends Accept. Only on the worker's goroutine.
func (w *Worker) Unaccept(l *Listener) {
	if a := w.listening[l]; a != nil {
		a.Close()
	}
}

// Connections is the number of open ones that came by Accept. Any goroutine may ask.
func (w *Worker) Connections() int { return int(w.accepted.Load()) }

// Close ends accepting; the listener stays open.
func (a *acceptor) Close() {
	a.l.share(func(list []*acceptor) []*acceptor {
		return slices.DeleteFunc(list, func(b *acceptor) bool { return b == a })
	})
	delete(a.w.listening, a.l)
	a.timer.Stop()
	a.w.loop.Remove(a.handle)
	a.handle, a.ended = 0, true
}

// Ready accepts. One connection at first, which saves the call that finds no other; twice as many
// each time that there were enough.
func (a *acceptor) Ready(poll.Events) {
	n := a.batch
	a.batch = min(2*n, acceptBatch)
	for range n {
		if a.handle == 0 { // the callback has ended it
			return
		}
		fd, peer, e := a.w.Syscalls.Accept(a.l.fd)
		switch e {
		case 0:
			to := a.lightest()
			to.w.accepted.Add(1)
			if to != a {
				if to.w.Post(&passed{to, fd, peer}) {
					continue
				}
				to.w.accepted.Add(-1) // it has just closed
				a.w.accepted.Add(1)
			}
			if err := a.serve(fd, peer); err != nil {
				a.pause(err)
				return
			}
		case syscall.EAGAIN:
			a.batch = 1
			return
		case syscall.EINTR, syscall.ECONNABORTED, syscall.EPROTO: // the peer went away first
		default:
			a.pause(os.NewSyscallError("accept4", e))
			return
		}
	}
}

// lightest is who takes a new connection: this worker unless another one has notably fewer.
func (a *acceptor) lightest() *acceptor {
	best, least := a, a.w.accepted.Load()
	for _, b := range *a.l.shared.list.Load() {
		if n := b.w.accepted.Load(); n+n/8+4 < least {
			best, least = b, n
		}
	}
	return best
}

// serve hands the connection to the worker's callback. The connection is counted already.
func (a *acceptor) serve(fd int, peer Addr) error {
	f := &FD{}
	if err := f.Open(a.w, fd, true); err != nil {
		a.w.accepted.Add(-1)
		sysClose(fd)
		return err
	}
	f.flags |= accepted
	a.on(f, peer)
	return nil
}

// passed is a connection that another worker has accepted.
type passed struct {
	to   *acceptor
	fd   int
	peer Addr
}

func (p *passed) Run(*Worker) {
	if p.to.ended {
		p.drop()
		return
	}
	if err := p.to.serve(p.fd, p.peer); err != nil && p.to.handle != 0 {
		p.to.pause(err)
	}
}

func (p *passed) drop() {
	p.to.w.accepted.Add(-1)
	sysClose(p.fd)
}

func (a *acceptor) pause(err error) {
	a.w.loop.Remove(a.handle)
	a.handle = 0
	a.timer.Reset(acceptPause)
	if a.failed != nil {
		a.failed(err)
	}
}

// Expire goes on accepting after a pause.
func (a *acceptor) Expire(*Timer) {
	h, err := a.w.loop.AddListener(a.l.fd, a)
	if err != nil {
		a.pause(err)
		return
	}
	a.handle = h
}
