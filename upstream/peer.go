package upstream

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Peer is one address of an upstream.
type Peer struct {
	Addr actor.Addr
	// Name is the address as logs write it, Server what the configuration says.
	Name, Server string
	Weight       int           // 1
	MaxConns     int           // connections at a time; 0: no limit
	MaxFails     int           // 1; 0: failures do not count
	FailTimeout  time.Duration // 10s
	SlowStart    time.Duration // 0: at once
	Down         bool

	u     *Upstream
	index int // among the peers of its upstream, backups included
	*peerState
}

// peerState is what is counted of a peer, behind its upstream's lock.
type peerState struct {
	current, effective int // of the smooth weighted round robin
	conns              int
	fails              int
	accessed, checked  int64 // seconds
	switched           switched
	slow               slowStart
	health             health
	ewma               ewmaState
}

// switched is whether a script has taken a peer out of use or into it.
type switched uint8

const (
	switchedNot switched = iota // it is as the configuration says
	switchedDown
	switchedUp
)

// down tells whether p is out of use. The lock is held.
func (p *Peer) down() bool { return p.switched == switchedDown || p.Down && p.switched == switchedNot }

// group is the primary or the backup peers of an upstream.
type group struct {
	peers  []*Peer
	backup *group
	weight int // sum of the peers' weights
	tries  int // peers that are not down
	single bool
	slow   bool // some peer has slow_start
}

// usable tells whether p may be asked now: nginx's rule of passive health.
func (p *Peer) usable(now int64) bool {
	switch {
	case p.down() || p.health.out || p.slow.waits:
		return false
	case p.MaxFails > 0 && p.fails >= p.MaxFails && now-p.checked <= int64(p.FailTimeout/time.Second):
		return false
	}
	return p.MaxConns == 0 || p.conns < p.MaxConns
}

// take counts the connection to p that is about to be made.
func (p *Peer) take(tried *Tried, now int64) *Peer {
	if now-p.checked > int64(p.FailTimeout/time.Second) {
		p.checked = now
	}
	p.conns++
	tried.add(p.index)
	return p
}

// report counts the end of an exchange with p.
func (u *Upstream) report(p *Peer, how Outcome) {
	now := int64(0)
	if how == Failed {
		now = time.Now().Unix()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	p.conns--
	if u.main.single {
		p.fails = 0
		return
	}
	if how != Failed {
		if p.accessed < p.checked {
			if p.MaxFails > 0 && p.fails >= p.MaxFails {
				p.recovered()
			}
			p.fails = 0
		}
		return
	}
	p.fails++
	p.accessed, p.checked = now, now
	if p.MaxFails > 0 {
		p.effective = max(p.effective-p.Weight/p.MaxFails, 0)
	}
}

// zoneStates are the states of the peers of one zone, kept over reloads.
type zoneStates struct {
	mu    sync.Mutex
	peers map[string]*peerState
}

// adopt gives the peers the states that their zone has kept of them.
func (u *Upstream) adopt(b *phases.Block) error {
	s := u.zone
	size := int64(0)
	if len(s.Args) == 2 {
		size, _ = conf.Size(s.Args[1])
	}
	v, err := b.Zone(s, "upstream", s.Args[0], size, func() any { return &zoneStates{peers: map[string]*peerState{}} })
	if err != nil {
		return err
	}
	z := v.(*zoneStates)
	u.mu, u.states = &z.mu, z.peers
	return nil
}

// arrange makes the groups of peers of the servers' addresses. The lock is held.
func (u *Upstream) arrange() {
	main := &group{}
	seen := map[string]int{} // one address may stand there several times
	known := map[string]bool{}
	for _, e := range u.entries {
		for _, a := range e.places {
			g := main
			if e.backup || a.backup {
				if g.backup == nil {
					g.backup = &group{}
				}
				g = g.backup
			}
			p := e.like
			p.Addr, p.Name, p.u = a.addr, a.addr.String(), u
			if a.weight > 0 && p.Weight == 1 {
				p.Weight = a.weight
			}
			key := u.Name + " " + p.Server + " " + p.Name
			seen[key]++
			key += " " + strconv.Itoa(seen[key])
			known[key] = true
			if p.peerState = u.states[key]; p.peerState == nil {
				p.peerState = &peerState{effective: p.Weight}
				u.states[key] = p.peerState
			}
			p.effective = min(p.effective, p.Weight)
			p.health.out = p.health.out || u.mandatory && !p.health.known
			g.slow = g.slow || p.SlowStart > 0
			g.peers = append(g.peers, &p)
		}
	}
	index := 0
	for g := main; g != nil; g = g.backup {
		g.single = g == main && len(g.peers) == 1 && g.backup == nil
		for _, p := range g.peers {
			p.index = index
			index++
			g.weight += p.Weight
			if !p.down() {
				g.tries++
			}
		}
	}
	u.main = main
	for key, s := range u.states { // of addresses that are no longer the upstream's
		if s.conns == 0 && strings.HasPrefix(key, u.Name+" ") && !known[key] {
			delete(u.states, key)
		}
	}
}
