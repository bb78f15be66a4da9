package upstream

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// EWMA is ewma: of two peers taken at random the one that answers faster and
// has less to do. How fast one answers is an exponentially weighted moving
// average of the time to its head, times the requests that it has. It is no
// method of nginx's.
var EWMA = phases.Define(phases.Spec[struct{}]{
	Name: "ewma",
	Directives: []phases.Directive[struct{}]{
		phases.Set("ewma", conf.Upstream, conf.Exactly(0), func(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
			return Of(b).Balance(b, s, true, func(u *Upstream) Balancer { return &ewma{u} })
		}),
	},
})

// ewmaDecay is after how long a measured time counts for 1/e of a new one, and
// is forgotten as much while nothing new is measured.
const ewmaDecay = 10 * time.Second

// ewmaState is what is known of a peer: the average in seconds when it was last
// changed.
type ewmaState struct {
	average float64
	at      time.Time // zero: nothing
}

func (s *ewmaState) now(t time.Time) float64 { return s.average * decay(t.Sub(s.at)) }

func (s *ewmaState) add(took time.Duration, t time.Time) {
	old := 0.0
	if !s.at.IsZero() {
		old = decay(t.Sub(s.at))
	}
	s.average, s.at = s.average*old+took.Seconds()*(1-old), t
}

func decay(d time.Duration) float64 { return math.Exp(-float64(max(d, 0)) / float64(ewmaDecay)) }

type ewma struct{ u *Upstream }

func (b *ewma) Pick(r *phases.Request, tried *Tried) *Peer {
	u, now := b.u, r.Worker.Now()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.main.single {
		return u.next(tried, now.Unix())
	}
	for g := u.main; g != nil; g = g.backup {
		g.warmUp()
		p := g.fastest(tried, now)
		if p == nil && g.warm() {
			p = g.fastest(tried, now)
		}
		if p != nil {
			return p.take(tried, now.Unix())
		}
	}
	return nil
}

// fastest returns the better one of two usable peers. One of which nothing is
// known counts as one like the others.
func (g *group) fastest(tried *Tried, now time.Time) *Peer {
	var pair [2]*Peer // drawn from all usable ones in one pass
	seen, known, sum := 0, 0, 0.0
	for _, p := range g.peers {
		if !p.ewma.at.IsZero() {
			known++
			sum += p.ewma.now(now)
		}
		if tried.has(p.index) || !p.usable(now.Unix()) {
			continue
		}
		if seen < 2 {
			pair[seen] = p
		} else if i := rand.IntN(seen + 1); i < 2 {
			pair[i] = p
		}
		seen++
	}
	if seen < 2 {
		return pair[0]
	}
	if rand.IntN(2) == 0 { // among equals either
		pair[0], pair[1] = pair[1], pair[0]
	}
	cost := func(p *Peer) float64 {
		took := p.ewma.now(now)
		if p.ewma.at.IsZero() {
			took = 1
			if known > 0 {
				took = sum / float64(known)
			}
		}
		return (took + 1e-6) * float64(p.conns+1) / float64(p.Weight)
	}
	if cost(pair[1]) < cost(pair[0]) {
		return pair[1]
	}
	return pair[0]
}

func (b *ewma) Report(p *Peer, how Outcome, took time.Duration) {
	if how != Unasked && took >= 0 {
		b.u.mu.Lock()
		p.ewma.add(took, time.Now())
		b.u.mu.Unlock()
	}
	b.u.report(p, how)
}
