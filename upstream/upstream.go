// Package upstream chooses a peer, carries a request to it and brings the
// answer back.
//
// The nouns: an Upstream is a named group of Peers, written as an upstream
// block or implied by proxy_pass; a Balancer chooses one of them for each try;
// an Exchange is one request carried to peers until one answers; a protocol
// writes the request and reads the answer; a pool keeps idle connections.
//
// An Exchange, its connections and the pools belong to one worker. Upstreams
// and their peers' states are shared by all of them, behind a lock that is
// held for the choice alone.
package upstream

import (
	"strings"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Upstream is a group of peers. It is immutable but for the peers' states.
type Upstream struct {
	// Name is what the configuration calls it, the host of the URL when
	// proxy_pass implies it.
	Name string
	// Port is that of an implied upstream; 0 for a block.
	Port uint16
	// Stmt is the block; nil for an implied one.
	Stmt *conf.Stmt
	// Choose, when not nil, is asked for each try in the Balancer's stead
	// (balancer_by_lua).
	Choose Chooser
	// Keepalive says what is kept of idle connections.
	Keepalive Keepalive

	entries  []*entry
	states   map[string]*peerState
	main     *group
	balancer Balancer
	method   *conf.Stmt // the directive that chose the balancer
	make     func(u *Upstream) Balancer
	backups  bool // the method knows backup peers and slow starts
	zone     *conf.Stmt
	// mandatory: a new peer is not asked before it has passed a health check.
	mandatory bool
	// mu guards the peers, which change while names are resolved, and their
	// states.
	mu      *sync.Mutex
	resolve *phases.Core // says how the names of servers are resolved
	workers *workers
}

// upstreams are the groups of a configuration by name.
type upstreams struct {
	list    []*Upstream
	workers workers
	names   []chore
	matches []*match
	checks  []*healthCheck
}

var inConfig = phases.NewConfigSlot[upstreams]()

func (us *upstreams) find(host string, port uint16) *Upstream {
	for _, u := range us.list {
		if u.Port == port && strings.EqualFold(u.Name, host) {
			return u
		}
	}
	return nil
}

// Module is the upstream block with its server and zone directives.
var Module = phases.Define(phases.Spec[struct{}]{
	Name: "upstream",
	Directives: []phases.Directive[struct{}]{
		phases.Add("upstream", conf.HTTP, conf.BlockN(1, 1), openUpstream),
		phases.Add("server", conf.Upstream, conf.AtLeast(1), addServer),
		phases.Set("zone", conf.Upstream, conf.Between(1, 2), setZone),
	},
	Variables: variables(),
	Prefixes:  prefixes(),
	Start:     startWorker,
	Stop:      stopWorker,
})

// startWorker begins what one of the workers does for all of them.
func startWorker(cfg *phases.Config, w *actor.Worker) error {
	if w.ID() != 0 {
		return nil
	}
	startNames(cfg, w)
	startChecks(cfg, w)
	startCaches(cfg, w)
	return nil
}

// stopWorker ends that and closes the worker's idle connections.
func stopWorker(cfg *phases.Config, loop *actor.Worker) {
	us := inConfig.Of(cfg)
	for i := range us.names {
		us.names[i].stop(loop)
	}
	for _, h := range us.checks {
		h.work.stop(loop)
		if loop.ID() == 0 {
			h.end()
		}
	}
	inCache.Of(cfg).work.stop(loop)
	w := us.workers.of(loop)
	for _, p := range w.pools {
		p.closed = true
		for p.newest != nil {
			p.drop(p.newest)
		}
		p.timer.Stop()
	}
}

// chore is what one worker does again and again for a configuration, on a
// coroutine.
type chore struct{ co *actor.Coroutine }

// start has the worker call f now and then every so often.
func (c *chore) start(w *actor.Worker, every time.Duration, f func()) {
	c.repeat(w, func() time.Duration { f(); return every })
}

// repeat has the worker call f again and again, each time after what f says.
func (c *chore) repeat(w *actor.Worker, f func() time.Duration) {
	c.co = w.Go(func() {
		for {
			w.Current().Sleep(f())
		}
	})
}

func (c *chore) stop(w *actor.Worker) {
	if c.co != nil && c.co.Worker() == w {
		c.co.Kill()
		c.co = nil
	}
}

// Of returns the upstream block that b is, for directives that stand in one.
func Of(b *phases.Block) *Upstream { return b.Data.(*Upstream) }

func openUpstream(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	us := inConfig.Of(b.Config)
	name := s.Args[0]
	if us.find(name, 0) != nil {
		return s.Errorf("duplicate upstream \"%s\"", name)
	}
	u := &Upstream{Name: name, Stmt: s, Keepalive: defaultKeepalive(), backups: true, workers: &us.workers, mu: &sync.Mutex{},
		states: map[string]*peerState{}}
	c := b.Child(conf.Upstream, s)
	c.Data = u
	if err := c.Compile(s.Block); err != nil {
		return err
	}
	if len(u.entries) == 0 {
		return s.Errorf("no servers are inside upstream")
	}
	primary := false
	for _, e := range u.entries {
		primary = primary || !e.backup
		if e.resolve && u.zone == nil {
			return s.Errorf("resolving names at run time requires upstream \"%s\" in shared memory", name)
		}
	}
	if !primary {
		return s.Errorf("no servers in upstream \"%s\"", name)
	}
	u.resolve = phases.BlockConf[phases.Core](c)
	if u.zone != nil {
		if err := u.adopt(b); err != nil {
			return err
		}
	}
	u.finish()
	us.list = append(us.list, u)
	return nil
}

// finish makes the upstream ready once its servers are known.
func (u *Upstream) finish() {
	u.mu.Lock()
	u.arrange()
	u.mu.Unlock()
	if u.make == nil {
		u.make = func(u *Upstream) Balancer { return &roundRobin{u} }
	}
	u.balancer = u.make(u)
}

// tries is how many peers may be asked for one request.
func (u *Upstream) tries() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for g := u.main; g != nil; g = g.backup {
		n += g.tries
	}
	return n
}

// single tells whether there is one peer, which is asked whatever its failures.
func (u *Upstream) single() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.main.single
}

// Balance makes the directive s choose the balancing method. A second one
// takes the place of the first, as in nginx. backups tells whether the method
// knows backup peers and slow starts.
func (u *Upstream) Balance(b *phases.Block, s *conf.Stmt, backups bool, method func(u *Upstream) Balancer) error {
	if u.method != nil {
		b.Config.Warn(s, "load balancing method redefined")
	}
	u.method, u.make, u.backups = s, method, backups
	return nil
}

func setZone(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	if s.Args[0] == "" {
		return s.Errorf("invalid zone name \"%s\"", s.Args[0])
	}
	if len(s.Args) == 2 {
		size, ok := conf.Size(s.Args[1])
		if !ok || size == 0 {
			return s.Errorf("invalid zone size \"%s\"", s.Args[1])
		}
		if size < 32<<10 {
			return s.Errorf("zone \"%s\" is too small", s.Args[0])
		}
	}
	Of(b).zone = s
	return nil
}
