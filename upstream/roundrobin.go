package upstream

import (
	"time"

	"github.com/luahttpd/luahttpd/phases"
)

// roundRobin is nginx's smooth weighted round robin, the default method and
// what the others fall back to.
type roundRobin struct{ u *Upstream }

func (b *roundRobin) Pick(r *phases.Request, tried *Tried) *Peer {
	now := seconds(r)
	b.u.mu.Lock()
	defer b.u.mu.Unlock()
	return b.u.next(tried, now)
}

func (b *roundRobin) Report(p *Peer, how Outcome, _ time.Duration) { b.u.report(p, how) }

// next picks by round robin, backups last. The lock is held.
func (u *Upstream) next(tried *Tried, now int64) *Peer {
	if g := u.main; g.single {
		p := g.peers[0]
		if p.down() || p.health.out || p.MaxConns > 0 && p.conns >= p.MaxConns {
			return nil
		}
		p.conns++
		return p
	}
	for g := u.main; g != nil; g = g.backup {
		g.warmUp()
		p := g.roundRobin(tried, now, nil)
		if p == nil && g.warm() {
			p = g.roundRobin(tried, now, nil)
		}
		if p != nil {
			return p.take(tried, now)
		}
	}
	return nil
}

// roundRobin turns the weights of the usable peers that only, when not nil,
// takes, and returns the one in front.
func (g *group) roundRobin(tried *Tried, now int64, only func(p *Peer) bool) *Peer {
	var best *Peer
	total := 0
	for _, p := range g.peers {
		if tried.has(p.index) || !p.usable(now) || only != nil && !only(p) {
			continue
		}
		p.current += p.effective
		total += p.effective
		if p.effective < p.Weight {
			p.effective++
		}
		if best == nil || p.current > best.current {
			best = p
		}
	}
	if best != nil {
		best.current -= total
	}
	return best
}
