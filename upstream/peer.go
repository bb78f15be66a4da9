package upstream

import (
	"net/netip"
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
}

// group is the primary or the backup peers of an upstream.
type group struct {
	peers  []*Peer
	backup *group
	weight int // sum of the peers' weights
	tries  int // peers that are not down
	single bool
}

// usable tells whether p may be asked now: nginx's rule of passive health.
func (p *Peer) usable(now int64) bool {
	switch {
	case p.Down:
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

// entry is one server directive and the addresses that it has at present.
type entry struct {
	like    Peer
	backup  bool
	host    string
	port    uint16
	resolve bool // at run time
	addrs   []actor.Addr
}

// arrange makes the groups of peers of the servers' addresses. The lock is held.
func (u *Upstream) arrange() {
	main := &group{}
	seen := map[string]int{} // one address may stand there several times
	known := map[string]bool{}
	for _, e := range u.entries {
		g := main
		if e.backup {
			if g.backup == nil {
				g.backup = &group{}
			}
			g = g.backup
		}
		for _, a := range e.addrs {
			p := e.like
			p.Addr, p.Name, p.u = a, a.String(), u
			key := u.Name + " " + p.Server + " " + p.Name
			seen[key]++
			key += " " + strconv.Itoa(seen[key])
			known[key] = true
			if p.peerState = u.states[key]; p.peerState == nil {
				p.peerState = &peerState{effective: p.Weight}
				u.states[key] = p.peerState
			}
			p.effective = min(p.effective, p.Weight)
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
			if !p.Down {
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

// addServer is a server directive of an upstream block.
func addServer(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	u := Of(b)
	like := Peer{Weight: 1, MaxFails: 1, FailTimeout: 10 * time.Second, Server: s.Args[0]}
	backup, resolve := false, false
	for _, a := range s.Args[1:] {
		key, value, _ := strings.Cut(a, "=")
		ok := true
		switch key {
		case "weight":
			like.Weight, ok = conf.Number(value)
			ok = ok && like.Weight > 0
		case "max_conns":
			like.MaxConns, ok = conf.Number(value)
		case "max_fails":
			like.MaxFails, ok = conf.Number(value)
		case "fail_timeout":
			like.FailTimeout, ok = conf.Sec(value)
		case "backup":
			if !u.backups {
				return s.Errorf("balancing method does not support parameter \"backup\"")
			}
			backup, ok = true, a == key
		case "down":
			like.Down, ok = true, a == key
		case "resolve":
			resolve, ok = true, a == key
		default:
			ok = false
		}
		if !ok {
			return s.Errorf("invalid parameter \"%s\"", a)
		}
	}
	host, port, ok := splitURL(s.Args[0])
	if !ok {
		return s.Errorf("invalid host in upstream \"%s\"", s.Args[0])
	}
	e := &entry{like: like, backup: backup, host: host, port: orPort(port, 80)}
	_, isAddr := literal(host, 0)
	e.resolve = resolve && !isAddr
	addrs, err := lookup(host, e.port)
	if err != nil && !e.resolve {
		return s.Errorf("host not found in upstream \"%s\"", s.Args[0])
	}
	e.addrs = addrs
	u.entries = append(u.entries, e)
	return nil
}

func orPort(port, deflt uint16) uint16 {
	if port == 0 {
		return deflt
	}
	return port
}

// splitURL reads "host", "host:port", "[::1]:port" or "unix:path"; port is 0
// when there is none.
func splitURL(s string) (host string, port uint16, ok bool) {
	if strings.HasPrefix(s, "unix:") {
		return s, 0, len(s) > 5
	}
	host, text, has := s, "", false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", 0, false
		}
		host, text = s[:end+1], s[end+1:]
		if text != "" && text[0] != ':' {
			return "", 0, false
		}
		has = text != ""
		text = strings.TrimPrefix(text, ":")
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, text, has = s[:i], s[i+1:], true
	}
	if host == "" {
		return "", 0, false
	}
	if has {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return "", 0, false
		}
		port = uint16(n)
	}
	return host, port, true
}

func isUnix(host string) bool { return strings.HasPrefix(host, "unix:") }

// literal reads host as an address that needs no look-up.
func literal(host string, port uint16) (actor.Addr, bool) {
	if path, is := strings.CutPrefix(host, "unix:"); is {
		return actor.Unix(path), true
	}
	text := host
	if strings.HasPrefix(host, "[") {
		text = strings.Trim(host, "[]")
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return actor.Addr{}, false
	}
	return actor.IP(netip.AddrPortFrom(ip, port)), true
}
