package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/resolver"
)

// lookup finds the addresses of a host, /etc/hosts included, as the system
// does. It blocks.
func lookup(host string, port uint16) ([]actor.Addr, error) {
	if a, ok := literal(host, port); ok {
		return []actor.Addr{a}, nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(context.Background(), "ip", host)
	if err != nil {
		return nil, err
	}
	var v4, v6 []actor.Addr
	for _, ip := range ips {
		a := actor.IP(netip.AddrPortFrom(ip.Unmap(), port))
		if ip.Unmap().Is4() {
			v4 = append(v4, a)
		} else {
			v6 = append(v6, a)
		}
	}
	return append(v4, v6...), nil
}

// imply makes an upstream of a host's addresses. Its connections are not kept.
func (us *upstreams) imply(name string, port uint16, addrs []actor.Addr) *Upstream {
	u := &Upstream{Name: name, Port: port, workers: &us.workers, mu: &sync.Mutex{}, states: map[string]*peerState{}}
	like := Peer{Weight: 1, MaxFails: 1, FailTimeout: 10 * time.Second}
	u.entries = []*entry{{like: like, addrs: addrs}}
	u.finish()
	return u
}

// maxImplied bounds how many upstreams of addresses a worker remembers.
const maxImplied = 1024

// resolve finds the upstream for a URL that variables made: a block of that
// name, an address, or what the host's name resolves to.
func (x *Exchange) resolve(t *target, port uint16) (*Upstream, error) {
	us := inConfig.Of(x.r.Config)
	if u := us.find(t.name, port); u != nil {
		return u, nil
	}
	if port = orPort(port, t.deflt()); port == 0 && !isUnix(t.name) {
		return nil, errNoPort
	}
	if a, ok := literal(t.name, port); ok {
		u := x.w.implied[a]
		if u == nil {
			if len(x.w.implied) >= maxImplied {
				clear(x.w.implied)
			}
			u = us.imply(t.name, port, []actor.Addr{a})
			x.w.implied[a] = u
		}
		return u, nil
	}
	core := x.r.Loc.Core
	ips, err := core.Resolver.Lookup(x.r.Worker, t.name, core.ResolverTimeout)
	if err != nil {
		return nil, err
	}
	addrs := make([]actor.Addr, 0, len(ips))
	for _, ip := range ips {
		addrs = append(addrs, actor.IP(netip.AddrPortFrom(ip.Unmap(), port)))
	}
	return us.imply(t.name, port, addrs), nil
}

var errNoPort = errors.New("no port in upstream")

// namesEvery is how often the names of servers with resolve are asked for.
// The resolver remembers its answers as long as they are good.
const namesEvery = time.Second

// startNames has the worker resolve the names of servers while cfg lasts.
func startNames(cfg *phases.Config, w *actor.Worker) {
	us := inConfig.Of(cfg)
	var named []*Upstream
	for _, u := range us.list {
		for _, e := range u.entries {
			if e.resolve {
				named = append(named, u)
				break
			}
		}
	}
	if len(named) == 0 {
		return
	}
	us.names.start(w, namesEvery, func() {
		for _, u := range named {
			u.refresh(cfg, w)
		}
	})
}

// refresh resolves the names of the upstream's servers anew. A name without an
// answer keeps its addresses unless there is no such name.
func (u *Upstream) refresh(cfg *phases.Config, w *actor.Worker) {
	for _, e := range u.entries {
		if !e.resolve {
			continue
		}
		ips, err := u.resolve.Resolver.Lookup(w, e.host, u.resolve.ResolverTimeout)
		var re *resolver.Error
		if err != nil && !(errors.As(err, &re) && re.Code == notFound) {
			cfg.MainLog.Logf(phases.LevelError, 0, "%v, in upstream \"%s\"", err, u.Name)
			continue
		}
		addrs := make([]actor.Addr, 0, len(ips))
		for _, ip := range ips {
			addrs = append(addrs, actor.IP(netip.AddrPortFrom(ip.Unmap(), e.port)))
		}
		u.mu.Lock()
		if !sameAddrs(e.addrs, addrs) {
			e.addrs = addrs
			u.arrange()
		}
		u.mu.Unlock()
	}
}

// notFound is the RCODE of names that do not exist (NXDOMAIN).
const notFound = 3

// sameAddrs compares without regard to the order, which name servers change.
func sameAddrs(a, b []actor.Addr) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}
