package upstream

import (
	"strconv"
	"time"

	"github.com/luahttpd/luahttpd/phases"
)

// All are the upstreams of a configuration, the implied ones too, in the order
// of the file.
func All(cfg *phases.Config) []*Upstream { return inConfig.Of(cfg).list }

// Title is the name by which the upstream is found: an implied one has its port
// in it.
func (u *Upstream) Title() string {
	if u.Port == 0 {
		return u.Name
	}
	return u.Name + ":" + strconv.Itoa(int(u.Port))
}

// Current is the upstream that the request was passed to last, nil if it was
// to none.
func Current(r *phases.Request) *Upstream {
	if x := held.Get(r); x != nil {
		return x.target.upstream
	}
	return nil
}

// ServerInfo is what a server directive says and which addresses it has.
type ServerInfo struct {
	Name             string
	Addrs            []string
	Weight, MaxFails int
	FailTimeout      time.Duration
	Backup, Down     bool
}

// Servers are the upstream's server directives.
func (u *Upstream) Servers() []ServerInfo {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := make([]ServerInfo, len(u.entries))
	for i, e := range u.entries {
		like := &e.like
		list[i] = ServerInfo{Name: like.Server, Weight: like.Weight, MaxFails: like.MaxFails, FailTimeout: like.FailTimeout, Backup: e.backup, Down: like.Down}
		for _, p := range e.places {
			list[i].Addrs = append(list[i].Addrs, p.addr.String())
		}
	}
	return list
}

// PeerInfo is the state of a peer.
type PeerInfo struct {
	Name                       string
	Weight, Current, Effective int
	Conns, Fails, MaxFails     int
	FailTimeout                time.Duration
	Accessed, Checked          int64 // seconds since 1970; 0: never
	Down                       bool
}

// Peers are the upstream's peers of first choice, or its backup ones.
func (u *Upstream) Peers(backup bool) []PeerInfo {
	u.mu.Lock()
	defer u.mu.Unlock()
	var list []PeerInfo
	for _, p := range u.peers(backup) {
		list = append(list, PeerInfo{Name: p.Name, Weight: p.Weight, Current: p.current, Effective: p.effective, Conns: p.conns,
			Fails: p.fails, MaxFails: p.MaxFails, FailTimeout: p.FailTimeout, Accessed: p.accessed, Checked: p.checked, Down: p.down()})
	}
	return list
}

// SetDown takes a peer of Peers out of use, on all workers, or into use again.
// It reports whether there is one of that index. A reload forgets it, unless
// the upstream has a zone.
func (u *Upstream) SetDown(backup bool, index int, down bool) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	peers := u.peers(backup)
	if index < 0 || index >= len(peers) {
		return false
	}
	p := peers[index]
	p.switched = switchedUp
	if down {
		p.switched = switchedDown
	}
	u.arrange()
	return true
}

func (u *Upstream) peers(backup bool) []*Peer {
	g := u.main
	if backup {
		g = g.backup
	}
	if g == nil {
		return nil
	}
	return g.peers
}
