package luahttpd

import (
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

type sysConn = syscall.Conn

// worker serves connections on one loop. Only the loop's goroutine touches it.
type worker struct {
	s       *Server
	loop    *actor.Worker
	stats   *phases.Counters
	now     *tenure // of the configuration that new requests get
	old     []*tenure
	accepts map[*actor.Listener]bool
	conns   int
	idle    connList // keep-alive connections, oldest first
	active  connList // those that coroutines serve
	turns   []*turn  // free ones
	outs    [][]byte // free buffers of theirs
	closing bool
	logging int    // requests whose connections have gone on
	noExtra extra  // of the connections that have none; never changed
	date    []byte // the Date field's value
	dateAt  int64
}

// tenure is a worker's use of one configuration: it ends when the
// configuration was replaced and the last request under it has ended.
type tenure struct {
	cfg      *phases.Config
	ports    map[string]*port // by socket
	requests int
	retired  bool
	last     uint64 // the last connection before it was replaced
}

// port is what a configuration has behind one socket.
type port struct {
	any    *phases.Listen
	byAddr map[netip.Addr]*phases.Listen
}

// freeTurns bounds how many idle turns (buffers and a request, some 10 KB) a
// worker keeps.
const freeTurns = 256

func newWorker(s *Server, id int) (*worker, error) {
	loop, err := actor.NewWorker(id)
	if err != nil {
		return nil, err
	}
	w := &worker{s: s, loop: loop, stats: s.stats.Worker(), accepts: map[*actor.Listener]bool{}}
	if s.o.syscalls != nil {
		loop.Syscalls = *s.o.syscalls
	}
	loop.OnPanic = func(v any, stack []byte) {
		s.cfg.Load().MainLog.Log(phases.LevelAlert, 0, fmt.Sprintf("panic: %v\n%s", v, stack))
	}
	return w, nil
}

func (w *worker) run() {
	if err := w.loop.Run(); err != nil {
		w.s.cfg.Load().MainLog.Log(phases.LevelAlert, 0, "worker: "+err.Error())
	}
}

// adopt starts the modules of cfg on the worker and makes it the current
// configuration. It is called from outside of the worker.
func (w *worker) adopt(cfg *phases.Config) error {
	result := make(chan error, 1)
	if !w.loop.Call(func() {
		w.loop.Go(func() {
			err := startModules(cfg, w.loop)
			if err == nil {
				w.take(cfg)
			}
			result <- err
		})
	}) {
		return ErrClosed // its loop has failed
	}
	return <-result
}

func startModules(cfg *phases.Config, loop *actor.Worker) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	for i, m := range cfg.Modules {
		if err := m.Start(cfg, loop); err != nil {
			for _, back := range cfg.Modules[:i] {
				back.Stop(cfg, loop)
			}
			return err
		}
	}
	return nil
}

// readopt goes back to a configuration that is still started.
func (w *worker) readopt(cfg *phases.Config) {
	w.loop.Call(func() {
		for i, t := range w.old {
			if t.cfg == cfg {
				w.old[i], w.now = w.now, t
				w.settle()
				return
			}
		}
	})
}

func (w *worker) take(cfg *phases.Config) {
	if w.now != nil {
		w.now.last = w.s.connections.Load()
		w.old = append(w.old, w.now)
	}
	w.now = &tenure{cfg: cfg, ports: ports(cfg)}
	for c := w.idle.first; c != nil; {
		next := c.next
		if w.now.find(c) == nil {
			c.close()
		}
		c = next
	}
}

// leave ends a use of t by a request. The last one of a configuration that was
// replaced ends it.
func (w *worker) leave(t *tenure) {
	t.requests--
	if t.requests == 0 && t != w.now {
		w.loop.AfterFunc(0, w.settle)
	}
}

// settle ends the tenures that nobody needs any more. While a reload is under
// way the server's configuration is needed: the reload may fail.
func (w *worker) settle() {
	kept := w.old[:0]
	var over []*tenure
	for _, t := range w.old {
		if w.s.cfg.Load() != t.cfg {
			if d := t.cfg.Process.ShutdownTimeout; d > 0 && !t.retired {
				last := t.last
				w.loop.AfterFunc(d, func() { w.closeUpTo(last) })
			}
			t.retire(w.loop)
		}
		if t.requests > 0 || w.s.cfg.Load() == t.cfg {
			kept = append(kept, t)
			continue
		}
		over = append(over, t)
	}
	w.old = kept
	for _, t := range over {
		w.loop.Go(func() { stopModules(t.cfg, w.loop) })
	}
}

// closeUpTo closes connections by their numbers: the configuration that they
// began under was replaced, and worker_shutdown_timeout has passed.
func (w *worker) closeUpTo(last uint64) {
	for c := w.idle.first; c != nil; {
		next := c.next
		if c.id <= last {
			c.close()
		}
		c = next
	}
	for _, c := range w.active.all() {
		if c.id <= last {
			c.cut()
		}
	}
}

// retire tells the modules once that the worker takes no new requests of the
// configuration.
func (t *tenure) retire(loop *actor.Worker) {
	if t.retired {
		return
	}
	t.retired = true
	for _, m := range t.cfg.Modules {
		m.Retire(t.cfg, loop)
	}
}

func stopModules(cfg *phases.Config, loop *actor.Worker) {
	for i := len(cfg.Modules) - 1; i >= 0; i-- {
		cfg.Modules[i].Stop(cfg, loop)
	}
}

// ports arranges the listens of cfg by the sockets that take their connections.
func ports(cfg *phases.Config) map[string]*port {
	m := map[string]*port{}
	for _, l := range cfg.Listens {
		if !covered(cfg, l) {
			m[l.String()] = &port{any: l}
		}
	}
	for _, l := range cfg.Listens {
		if !covered(cfg, l) {
			continue
		}
		for _, o := range cfg.Listens {
			if p := m[o.String()]; p != nil && o.Wildcard() && o.Addr.Port() == l.Addr.Port() && o.Addr.Addr().Is4() == l.Addr.Addr().Is4() {
				if p.byAddr == nil {
					p.byAddr = map[netip.Addr]*phases.Listen{}
				}
				p.byAddr[l.Addr.Addr()] = l
			}
		}
	}
	return m
}

// find returns what the configuration says of c's address, nil if it does not
// listen there. A socket given by the embedding program has the first address's
// server blocks.
func (t *tenure) find(c *conn) *phases.Listen {
	p := t.ports[c.socket.key]
	if p == nil {
		if c.socket.given && len(t.cfg.Listens) > 0 {
			return t.cfg.Listens[0]
		}
		return nil
	}
	if p.byAddr != nil {
		if l := p.byAddr[c.localAddr().Addr().Unmap()]; l != nil {
			return l
		}
	}
	return p.any
}

// origin is the socket that connections come from.
type origin struct {
	key   string
	given bool
	local netip.AddrPort // when all its connections have the same
}

// listen accepts from the server's sockets and no longer from closed ones.
// The server's lock is held by the caller of Call.
func (w *worker) listen() {
	wanted := map[*actor.Listener]bool{}
	if !w.closing {
		for key, k := range w.s.sockets {
			l := k.listeners[0]
			if len(k.listeners) > 1 {
				l = k.listeners[w.loop.ID()%len(k.listeners)]
			}
			wanted[l] = true
			if w.accepts[l] {
				continue
			}
			from := &origin{key: key, given: k.given}
			if a := l.Addr(); !a.IsUnix() && !a.Addr().IsUnspecified() {
				from.local = a.AddrPort
			}
			err := w.loop.Accept(l, func(fd *actor.FD, peer actor.Addr) { w.accepted(from, fd, peer) }, w.acceptFailed)
			if err != nil {
				w.acceptFailed(err)
				continue
			}
			w.accepts[l] = true
		}
	}
	for l := range w.accepts {
		if !wanted[l] {
			w.loop.Unaccept(l)
			delete(w.accepts, l)
		}
	}
}

func (w *worker) acceptFailed(err error) {
	level := phases.LevelAlert
	if phases.Errno(err) == phases.Errno(syscall.EMFILE) {
		level = phases.LevelCrit
	}
	w.now.cfg.MainLog.Log(level, 0, fmt.Sprintf("accept4() failed (%s)", phases.Errno(err)))
}

func (w *worker) accepted(from *origin, fd *actor.FD, peer actor.Addr) {
	w.stats.Accepted.Add(1)
	id := w.s.connections.Add(1)
	if limit := w.now.cfg.Process.Connections; w.conns >= limit {
		if w.idle.first == nil {
			w.now.cfg.MainLog.Log(phases.LevelAlert, 0, fmt.Sprintf("%d worker_connections are not enough", limit))
			fd.Close()
			return
		}
		w.idle.first.close()
	}
	w.stats.Handled.Add(1)
	c := &conn{w: w, fd: fd, socket: from, id: id, since: w.loop.Now().UnixNano(), extra: &w.noExtra}
	if peer.IsValid() {
		c.peer = pack(peer.AddrPort)
	}
	w.conns++
	w.stats.Active.Add(1)
	c.begin()
}

// drain ends what can end at once: accepting and idle connections. Requests
// under way finish and are not followed by another on their connection.
func (w *worker) drain() {
	w.closing = true
	if w.now != nil {
		w.now.retire(w.loop)
	}
	for l := range w.accepts {
		w.loop.Unaccept(l)
		delete(w.accepts, l)
	}
	for w.idle.first != nil {
		w.idle.first.close()
	}
}

// retire stops the modules of every configuration; the worker serves nothing
// any more.
func (w *worker) retire() {
	done := make(chan struct{})
	ok := w.loop.Post(actor.TaskFunc(func(*actor.Worker) {
		for _, c := range w.active.all() {
			c.cut()
		}
		w.loop.Go(func() {
			defer close(done)
			for _, t := range append(w.old, w.now) {
				if t != nil {
					stopModules(t.cfg, w.loop)
				}
			}
		})
	}))
	if !ok {
		return
	}
	select {
	case <-done:
	case <-time.After(stopTimeout):
	}
}

// stopTimeout bounds how long modules may take to stop (exit_worker_by_lua).
const stopTimeout = 5 * time.Second

// httpDate is the Date field's value, made once a second.
func (w *worker) httpDate() []byte {
	if now := w.loop.Now(); now.Unix() != w.dateAt {
		w.dateAt = now.Unix()
		w.date = http1.AppendHTTPDate(w.date[:0], now)
	}
	return w.date
}

func (w *worker) takeTurn() *turn {
	if n := len(w.turns); n > 0 {
		t := w.turns[n-1]
		w.turns = w.turns[:n-1]
		return t
	}
	return &turn{buf: make([]byte, headBuffer), head: http1.RequestHead{Fields: make([]http1.Field, 0, headFields)}}
}

func (w *worker) giveTurn(t *turn) {
	if len(w.turns) < freeTurns {
		t.release()
		w.turns = append(w.turns, t)
	}
}
