package upstream

import (
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// LeastConn is least_conn: the peer with the fewest connections for its
// weight, round robin among equals.
var LeastConn = phases.Define(phases.Spec[struct{}]{
	Name: "least_conn",
	Directives: []phases.Directive[struct{}]{
		phases.Set("least_conn", conf.Upstream, conf.Exactly(0), func(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
			return Of(b).Balance(b, s, true, func(u *Upstream) Balancer { return &leastConn{u} })
		}),
	},
})

type leastConn struct{ u *Upstream }

func (b *leastConn) Pick(r *phases.Request, tried *Tried) *Peer {
	u, now := b.u, seconds(r)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.main.single {
		return u.next(tried, now)
	}
	for g := u.main; g != nil; g = g.backup {
		g.warmUp()
		p := g.leastConn(tried, now)
		if p == nil && g.warm() {
			p = g.leastConn(tried, now)
		}
		if p != nil {
			return p.take(tried, now)
		}
	}
	return nil
}

func (g *group) leastConn(tried *Tried, now int64) *Peer {
	var best *Peer
	many := false
	for _, p := range g.peers {
		if tried.has(p.index) || !p.usable(now) {
			continue
		}
		if best == nil || p.conns*best.Weight < best.conns*p.Weight {
			best, many = p, false
		} else if p.conns*best.Weight == best.conns*p.Weight {
			many = true
		}
	}
	if many {
		least := best
		best = g.roundRobin(tried, now, func(p *Peer) bool { return p.conns*least.Weight == least.conns*p.Weight })
	}
	return best
}

func (b *leastConn) Report(p *Peer, how Outcome, _ time.Duration) { b.u.report(p, how) }
