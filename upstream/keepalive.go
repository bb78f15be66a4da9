package upstream

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Keepalive is what an upstream's workers keep of its idle connections, each
// for itself.
type Keepalive struct {
	Idle     int           // connections (32); 0: none
	Requests int           // of one connection (1000)
	Timeout  time.Duration // a connection may be idle (60s)
	Time     time.Duration // a connection may be used (1h)
}

func defaultKeepalive() Keepalive {
	return Keepalive{Idle: 32, Requests: 1000, Timeout: time.Minute, Time: time.Hour}
}

// KeepaliveModule is the directives of an upstream block for idle connections.
var KeepaliveModule = phases.Define(phases.Spec[struct{}]{
	Name: "upstream_keepalive",
	Directives: []phases.Directive[struct{}]{
		phases.Set("keepalive", conf.Upstream, conf.Between(1, 2), func(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
			n, ok := conf.Number(s.Args[0])
			if !ok {
				return s.Errorf("invalid value \"%s\" in \"%s\" directive", s.Args[0], s.Name)
			}
			if len(s.Args) == 2 {
				if s.Args[1] != "local" {
					return s.Errorf("invalid parameter \"%s\"", s.Args[1])
				}
				b.Config.Notice(s, "\"local\" is accepted and ignored: locations share a connection only where it is the same for both")
			}
			Of(b).Keepalive.Idle = n
			return nil
		}),
		phases.Set("keepalive_requests", conf.Upstream, conf.Exactly(1), func(_ *struct{}, b *phases.Block, s *conf.Stmt) (err error) {
			Of(b).Keepalive.Requests, err = s.Number(0)
			return err
		}),
		phases.Set("keepalive_timeout", conf.Upstream, conf.Exactly(1), func(_ *struct{}, b *phases.Block, s *conf.Stmt) (err error) {
			Of(b).Keepalive.Timeout, err = s.Msec(0)
			return err
		}),
		phases.Set("keepalive_time", conf.Upstream, conf.Exactly(1), func(_ *struct{}, b *phases.Block, s *conf.Stmt) (err error) {
			Of(b).Keepalive.Time, err = s.Msec(0)
			return err
		}),
	},
})

// workers finds what a configuration's upstreams have on each worker.
type workers struct {
	byID atomic.Pointer[[]*worker]
	mu   sync.Mutex // of those who add
}

// worker is what the upstreams have on one worker: idle connections and
// exchanges that wait for the next request.
type worker struct {
	loop  *actor.Worker
	free  []*Exchange
	pools map[*Upstream]*pool
	large [][]byte // buffers for bodies
	// implied are the upstreams of addresses that variables made.
	implied map[actor.Addr]*Upstream
}

func (ws *workers) of(loop *actor.Worker) *worker {
	id := loop.ID()
	if l := ws.byID.Load(); l != nil && id < len(*l) {
		if w := (*l)[id]; w != nil && w.loop == loop {
			return w
		}
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	var list []*worker
	if l := ws.byID.Load(); l != nil {
		list = append(list, *l...)
	}
	for len(list) <= id {
		list = append(list, nil)
	}
	w := &worker{loop: loop, pools: map[*Upstream]*pool{}, implied: map[actor.Addr]*Upstream{}}
	list[id] = w
	ws.byID.Store(&list)
	return w
}

// poolKey is what two uses of one connection must have in common.
type poolKey struct {
	addr  actor.Addr
	local actor.Addr // bound to
	tls   *secure    // the settings of its verification; nil: plain
	name  string     // in its SNI and certificate
	cert  string     // of ours, when variables name it
	// greeting is the PROXY protocol's header that the connection began with.
	greeting string
}

// pool is the idle connections of an upstream on one worker, newest first.
type pool struct {
	newest, oldest *peerConn
	size           int
	timer          actor.Timer
	closed         bool
}

func (w *worker) pool(u *Upstream) *pool {
	p := w.pools[u]
	if p == nil {
		p = &pool{}
		p.timer.Init(w.loop, p)
		w.pools[u] = p
	}
	return p
}

// get takes an idle connection of the key out of the pool, or returns nil. A
// request that is once only is not sent before the kernel was asked of the
// connection.
func (p *pool) get(key *poolKey, once bool) *peerConn {
	for c := p.newest; c != nil; c = c.older {
		if c.key == *key && (!once && c.quiet() || c.silent()) {
			p.remove(c)
			return c
		}
	}
	return nil
}

// quiet tells whether the loop knows that an idle connection's peer has neither
// sent anything nor closed it: the kernel was asked since it became idle, and
// had no news. It spares a system call of silent's.
func (c *peerConn) quiet() bool {
	return c.tls == nil && c.turn != c.fd.Worker().Turn() && !c.fd.News()
}

// silent tells whether an idle connection's peer has neither sent anything nor
// closed it. The kernel is asked, since the loop may not have heard of it yet:
// what a peer sends without being asked must not answer the next request.
func (c *peerConn) silent() bool {
	if c.fd.Hungup() {
		return false
	}
	err := c.fd.Peek()
	if c.tls != nil && (err == nil || err == actor.ErrWouldBlock) { // session tickets are no answer
		_, err = c.tryRead(c.probe[:])
	}
	return err == actor.ErrWouldBlock
}

// put keeps c for later, in the place of the oldest if there are idle of them.
func (p *pool) put(c *peerConn, idle int) {
	if p.closed || idle <= 0 || c.fd.Closed() || c.fd.Hungup() {
		c.close()
		return
	}
	for p.size >= idle {
		p.drop(p.oldest)
	}
	c.pool, c.turn = p, c.fd.Worker().Turn()
	c.older, c.newer = p.newest, nil
	if p.newest != nil {
		p.newest.newer = c
	} else {
		p.oldest = c
	}
	p.newest = c
	p.size++
	c.onReadable(c)
	c.fd.OnHangup(c.hangup)
	if p.size == 1 {
		p.timer.Reset(c.expires.Sub(c.fd.Worker().Now()))
	}
}

func (p *pool) remove(c *peerConn) {
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		p.newest = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		p.oldest = c.newer
	}
	c.newer, c.older, c.pool = nil, nil, nil
	p.size--
	c.fd.OnReadable(nil)
	c.fd.OnHangup(nil)
}

func (p *pool) drop(c *peerConn) {
	p.remove(c)
	c.close()
}

// Expire closes what was idle for too long; the loop calls it.
func (p *pool) Expire(t *actor.Timer) {
	var next time.Time
	for c := p.oldest; c != nil; {
		newer := c.newer
		if now := c.fd.Worker().Now(); !now.Before(c.expires) {
			p.drop(c)
		} else if next.IsZero() || c.expires.Before(next) {
			next = c.expires
		}
		c = newer
	}
	if p.newest != nil {
		t.Reset(time.Until(next))
	}
}

// peerConn is a connection to a peer, used or idle.
type peerConn struct {
	fd       *actor.FD
	tls      *actor.TLS // nil: plain
	key      poolKey
	requests int
	since    time.Time
	expires  time.Time // while idle
	turn     uint64    // of the worker, in which it became idle
	sent     int64     // bytes, of the current exchange
	received int64
	probe    [1]byte

	pool         *pool // nil: in use
	newer, older *peerConn
	hangup       func() // drops it from its pool
}

// Run is called by the loop when an idle connection has something to read:
// its peer speaks without being asked, so it is of no use.
func (c *peerConn) Run(*actor.Worker) {
	switch {
	case c.pool == nil:
	case c.silent():
		c.onReadable(c)
	default:
		c.pool.drop(c)
	}
}

func (c *peerConn) close() {
	if c.tls != nil {
		c.tls.Close()
		return
	}
	c.fd.Close()
}

func (c *peerConn) Read(p []byte) (n int, err error) {
	if c.tls != nil {
		n, err = c.tls.Read(p)
	} else {
		n, err = c.fd.Read(p)
	}
	c.received += int64(n)
	return n, err
}

func (c *peerConn) Write(p []byte) (n int, err error) {
	if c.tls != nil {
		n, err = c.tls.Write(p)
	} else {
		n, err = c.fd.Write(p)
	}
	c.sent += int64(n)
	return n, err
}

func (c *peerConn) Writev(bufs [][]byte) (n int64, err error) {
	if c.tls != nil {
		n, err = c.tls.Writev(bufs)
	} else {
		n, err = c.fd.Writev(bufs)
	}
	c.sent += n
	return n, err
}

func (x *Exchange) giveLarge() {
	if x.large != nil {
		x.w.giveLarge(x.large)
		x.large, x.buf = nil, nil
	}
}

// freeLarge bounds how many large buffers a worker keeps.
const freeLarge = 16

func (w *worker) takeLarge(size int) []byte {
	if n := len(w.large); n > 0 && len(w.large[n-1]) >= size {
		b := w.large[n-1]
		w.large = w.large[:n-1]
		return b[:size:cap(b)]
	}
	return make([]byte, size)
}

func (w *worker) giveLarge(b []byte) {
	if len(w.large) < freeLarge && cap(b) <= 256<<10 {
		w.large = append(w.large, b[:cap(b)])
	}
}
