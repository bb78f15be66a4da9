package lua

import (
	"errors"
	"slices"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// socketPool is the connections of one name that scripts have set aside, and
// who waits for one. Each engine has its own.
type socketPool struct {
	e       *engine
	key     string
	size    int
	backlog int           // of connects that may wait; -1: none waits, as many as asked for are made
	active  int           // connections that count, idle ones too
	idle    []*connection // the one set aside last is the last
	queue   []*waiter
}

// makePool makes the pool of a name.
func (s *state) makePool(key string, size, backlog int) *socketPool {
	p := &socketPool{e: s.e, key: key, size: size, backlog: backlog}
	if s.e.pools == nil {
		s.e.pools = map[string]*socketPool{}
	}
	s.e.pools[key] = p
	s.debugf("lua tcp socket keepalive create connection pool for key \"%s\"", key)
	s.debugf("lua tcp socket connection pool size: %d", size)
	return p
}

// take returns the connection that was set aside last, nil if there is none. One
// whose peer has spoken or closed since, which the loop is about to tell, is
// dropped.
func (p *socketPool) take() *connection {
	for {
		n := len(p.idle)
		if n == 0 {
			return nil
		}
		c := p.idle[n-1]
		if c.turn == p.e.worker.Turn() && !c.silent() || !c.quiet() {
			c.drop()
			continue
		}
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		c.wake()
		c.reused++
		return c
	}
}

// wake ends a connection's time in a pool.
func (c *connection) wake() {
	c.idle = nil
	c.timer.Stop()
	c.watch(nil)
}

func (c *connection) watch(t actor.Task) {
	if c.tls != nil {
		c.tls.OnReadable(t)
	} else {
		c.fd.OnReadable(t)
	}
}

// Run hears on the loop that something has come on an idle connection, which
// nobody asked for: it is closed. What TLS itself has to say does not count.
func (c *connection) Run(*actor.Worker) {
	if c.silent() {
		c.watch(c)
		return
	}
	c.drop()
}

// Expire hears on the loop that an idle connection's time is over.
func (c *connection) Expire(*actor.Timer) {
	c.idle.debug("lua tcp socket keepalive max idle timeout")
	c.drop()
}

// quiet tells whether the peer has sent nothing, its end neither, up to the
// beginning of this turn: the kernel is asked only when there is news.
func (c *connection) quiet() bool { return c.tls == nil && !c.fd.News() || c.silent() }

// silent is quiet up to now.
func (c *connection) silent() bool {
	if c.tls != nil {
		var b [1]byte
		n, err := c.tls.TryRead(b[:])
		return n == 0 && errors.Is(err, actor.ErrWouldBlock)
	}
	return errors.Is(c.fd.Peek(), actor.ErrWouldBlock)
}

// drop takes an idle connection out of its pool and closes it.
func (c *connection) drop() {
	p := c.idle
	p.debug("lua tcp socket keepalive close handler: fd:%d", c.fd.Fd())
	if i := slices.Index(p.idle, c); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	c.wake()
	c.Close() // nobody is left to be told
}

// put sets a connection aside for timeout; 0: until it is closed.
func (p *socketPool) put(s *state, c *connection, timeout time.Duration) {
	if c.pool == nil {
		c.pool = p
		p.active++
	}
	if len(p.idle) >= p.size && len(p.idle) > 0 {
		p.idle[0].drop()
	}
	c.idle, c.turn = p, p.e.worker.Turn()
	p.idle = append(p.idle, c)
	c.timer.Init(p.e.worker, c)
	if timeout > 0 {
		c.timer.Reset(timeout)
	}
	if s.debugs() {
		if timeout > 0 {
			s.debugf("lua tcp socket keepalive timeout: %d ms", timeout.Milliseconds())
		} else {
			s.debugf("lua tcp socket keepalive timeout: unlimited")
		}
	}
	c.watch(c)
	p.next()
}

// left is called when a connection that counts was closed.
func (p *socketPool) left() {
	p.active--
	p.next()
	p.free()
}

// next lets the connect go on that waits longest.
func (p *socketPool) next() {
	if len(p.queue) > 0 && (len(p.idle) > 0 || p.active < p.size) {
		p.queue[0].wake()
		p.queue = p.queue[1:]
	}
}

// free forgets a pool that has nothing left.
func (p *socketPool) free() {
	if p.active == 0 && len(p.queue) == 0 && p.e.pools[p.key] == p {
		p.debug("lua tcp socket keepalive: free connection pool for \"%s\"", p.key)
		delete(p.e.pools, p.key)
	}
}

func (p *socketPool) debug(format string, a ...any) {
	if log := p.e.site.cfg.MainLog; log.Enabled(phases.LevelDebug) {
		log.Logf(phases.LevelDebug, 0, format, a...)
	}
}

// errTooMany and the like are what connect returns to scripts.
var errTooMany = errors.New("too many waiting connect operations")

// enter counts a new connection, or waits until one is set aside or closed when
// the pool has as many as it may.
func (p *socketPool) enter(s *state, host string, port int, timeout time.Duration) (*connection, error) {
	if c := p.take(); c != nil {
		return c, nil
	}
	if p.backlog < 0 || p.active < p.size && len(p.queue) == 0 {
		p.active++
		return nil, nil
	}
	if len(p.queue) >= p.backlog {
		return nil, errTooMany
	}
	s.debugf("lua tcp socket queue connect operation for connection pool \"%s\", connecting to %s:%d", p.key, host, port)
	until := s.e.worker.Now().Add(timeout)
	for {
		w := newWaiter(s.e.worker.Current())
		if err := p.await(s, &w, until); err != nil {
			if s.own.logSocketErrors {
				s.logf(phases.LevelError, "lua tcp socket queued connect timed out, when trying to connect to %s:%d", host, port)
			}
			return nil, err
		}
		if c := p.take(); c != nil {
			return c, nil
		}
		if p.active < p.size {
			p.active++
			return nil, nil
		}
	}
}

// await parks in the queue until it is this one's turn.
func (p *socketPool) await(s *state, w *waiter, until time.Time) error {
	late := false
	timer := s.e.worker.AfterFunc(until.Sub(s.e.worker.Now()), func() {
		late = true
		w.wake()
	})
	p.queue = append(p.queue, w)
	waits := true
	defer func() {
		timer.Stop()
		for i, other := range p.queue {
			if other == w {
				p.queue = append(p.queue[:i:i], p.queue[i+1:]...)
				if waits {
					s.debugf("lua tcp socket abort queueing")
				}
				return
			}
		}
		if waits { // it was this one's turn and it does not come: the next one's
			p.next()
		}
	}()
	w.park()
	waits = false
	if late {
		return actor.ErrTimeout
	}
	return nil
}

// closePools closes all that is set aside.
func (e *engine) closePools() {
	for _, p := range e.pools {
		for len(p.idle) > 0 {
			p.idle[0].drop()
		}
	}
}

func socketSetKeepalive(t *vm.Thread, s *state) int {
	if n := t.NArg(); n < 1 || n > 3 {
		t.Errorf("expecting 1 to 3 arguments (including the object), but got %d", n)
	}
	k := checkCosocket(t)
	timeout, size := s.own.keepaliveTimeout, s.own.poolSize
	if !t.Arg(2).IsNil() {
		timeout = time.Duration(t.CheckInt(2)) * time.Millisecond
	}
	if !t.Arg(3).IsNil() {
		size = t.CheckInt(3)
	}
	if k.dialing() {
		return fail(t, "socket busy connecting")
	}
	if k.wire == nil || k.readClosed || k.writeClosed {
		return fail(t, "closed")
	}
	k.checkOwner(t, s)
	if n := k.busy(t, true, true); n > 0 {
		return n
	}
	c := k.conn
	switch {
	case c == nil:
		t.Errorf("attempt to set keepalive on a request socket")
	case k.pos < k.end:
		return fail(t, "unread data in buffer")
	}
	p := s.e.pools[k.key]
	if p == nil {
		if size <= 0 {
			t.ArgError(3, "bad \"pool_size\" option value: "+t.ToString(vm.Int(size)))
		}
		if !s.e.exiting {
			p = s.makePool(k.key, size, -1)
		}
	}
	if c.fd.Hungup() {
		k.Close()
		if p != nil {
			p.free()
		}
		return fail(t, "closed")
	}
	if !c.quiet() {
		k.Close()
		if p != nil {
			p.free()
		}
		return fail(t, "connection in dubious state")
	}
	if s.e.exiting {
		s.debugf("lua tcp socket set keepalive while process exiting, closing connection %p", c)
		k.Close()
		t.PushInt(1)
		return 1
	}
	k.owner.remove(k)
	k.wire, k.conn, k.readClosed, k.writeClosed = nil, nil, true, true
	k.dropBuffer()
	if s.debugs() {
		s.debugf("lua tcp socket set keepalive: saving connection %p", c)
	}
	p.put(s, c, timeout)
	t.PushInt(1)
	return 1
}
