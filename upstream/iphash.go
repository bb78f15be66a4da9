package upstream

import (
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// IPHash is ip_hash: clients of one /24 network, or of one IPv6 address, are
// sent to one peer.
var IPHash = phases.Define(phases.Spec[struct{}]{
	Name: "ip_hash",
	Directives: []phases.Directive[struct{}]{
		phases.Set("ip_hash", conf.Upstream, conf.Exactly(0), func(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
			return Of(b).Balance(b, s, false, func(u *Upstream) Balancer { return &ipHash{u} })
		}),
	},
})

type ipHash struct{ u *Upstream }

func (b *ipHash) Pick(r *phases.Request, tried *Tried) *Peer {
	u, now := b.u, seconds(r)
	u.mu.Lock()
	defer u.mu.Unlock()
	if tried.rounds > maxRounds || len(u.main.peers) < 2 {
		return u.next(tried, now)
	}
	var room [16]byte
	addr := room[:3]
	if ip := r.Client.Addr.Addr(); ip.Unmap().Is4() {
		a := ip.Unmap().As4()
		copy(addr, a[:])
	} else if ip.IsValid() {
		room = ip.As16()
		addr = room[:]
	}
	if !tried.begun {
		tried.hash, tried.begun = 89, true
	}
	for {
		for _, c := range addr {
			tried.hash = (tried.hash*113 + uint32(c)) % 6271
		}
		if p := u.main.at(int(tried.hash) % u.main.weight); !tried.has(p.index) && p.usable(now) {
			return p.take(tried, now)
		}
		if tried.rounds++; tried.rounds > maxRounds {
			return u.next(tried, now)
		}
	}
}

func (b *ipHash) Report(p *Peer, how Outcome, _ time.Duration) { b.u.report(p, how) }

// at returns the peer in whose part of the sum of the weights w lies.
func (g *group) at(w int) *Peer {
	i := 0
	for w >= g.peers[i].Weight {
		w -= g.peers[i].Weight
		i++
	}
	return g.peers[i]
}
