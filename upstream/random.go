package upstream

import (
	"math/rand/v2"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Random is random [two [least_conn]]: any peer, as often as its weight says;
// with two the less busy one of two.
var Random = phases.Define(phases.Spec[struct{}]{
	Name: "random",
	Directives: []phases.Directive[struct{}]{
		phases.Set("random", conf.Upstream, conf.Between(0, 2), setRandom),
	},
})

func setRandom(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	if len(s.Args) > 0 && s.Args[0] != "two" {
		return s.Errorf("invalid parameter \"%s\"", s.Args[0])
	}
	if len(s.Args) == 2 && s.Args[1] != "least_conn" {
		return s.Errorf("invalid parameter \"%s\"", s.Args[1])
	}
	return Of(b).Balance(b, s, false, func(u *Upstream) Balancer { return &random{u, len(s.Args) > 0} })
}

type random struct {
	u   *Upstream
	two bool
}

func (b *random) Pick(r *phases.Request, tried *Tried) *Peer {
	u, now := b.u, seconds(r)
	u.mu.Lock()
	defer u.mu.Unlock()
	g := u.main
	if tried.rounds > maxRounds || g.single || len(g.peers) < 2 {
		return u.next(tried, now)
	}
	var first *Peer
	for {
		p := g.at(rand.IntN(g.weight))
		if p != first && !tried.has(p.index) && p.usable(now) {
			if !b.two {
				return p.take(tried, now)
			}
			if first != nil {
				if p.conns*first.Weight > first.conns*p.Weight {
					p = first
				}
				return p.take(tried, now)
			}
			first = p
		}
		if tried.rounds++; tried.rounds > maxRounds {
			return u.next(tried, now)
		}
	}
}

func (b *random) Report(p *Peer, how Outcome, _ time.Duration) { b.u.report(p, how) }
