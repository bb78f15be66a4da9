package upstream

import "time"

// slowStart is the state of a peer with slow_start= that has come back: for
// that time it takes part in a growing share of the choices.
type slowStart struct {
	since  time.Time // zero: it has its whole weight
	credit float64   // choices that it may take part in
	waits  bool      // it takes no part in the present one
}

// recovered begins the slow start of a peer that can be used again. The lock is
// held.
func (p *Peer) recovered() {
	if p.SlowStart > 0 {
		p.slow = slowStart{since: time.Now()}
	}
}

// warmUp says which peers take part in the choice that follows.
func (g *group) warmUp() {
	if !g.slow {
		return
	}
	now := time.Now()
	for _, p := range g.peers {
		s := &p.slow
		if s.since.IsZero() {
			continue
		}
		share := float64(now.Sub(s.since)) / float64(p.SlowStart)
		if share >= 1 || p.SlowStart <= 0 {
			*s = slowStart{}
			continue
		}
		s.credit += share
		if s.waits = s.credit < 1; !s.waits {
			s.credit--
		}
	}
}

// warm has all peers take part and says whether some did not.
func (g *group) warm() (some bool) {
	if !g.slow {
		return false
	}
	for _, p := range g.peers {
		some = some || p.slow.waits
		p.slow.waits = false
	}
	return some
}
