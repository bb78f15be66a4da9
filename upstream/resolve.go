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
	u.entries = []*entry{{like: like, places: placesOf(addrs)}}
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
	ips, err := x.r.Config.ResolverOf(core).Lookup(x.r.Worker, t.name, core.ResolverTimeout)
	if err != nil {
		return nil, err
	}
	return us.imply(t.name, port, withPort(ips, port)), nil
}

var errNoPort = errors.New("no port in upstream")

// How long after an answer the names of servers with resolve are asked for
// again at the least, and how long after there was none. In between their time
// to live decides, or valid= of the resolver.
const (
	minNamesEvery    = time.Second
	failedNamesEvery = time.Second
)

// startNames has the worker resolve the names of servers while cfg lasts.
func startNames(cfg *phases.Config, w *actor.Worker) {
	us := inConfig.Of(cfg)
	type named struct {
		u *Upstream
		e *entry
	}
	var all []named
	for _, u := range us.list {
		for _, e := range u.entries {
			if e.resolve {
				all = append(all, named{u, e})
			}
		}
	}
	us.names = make([]chore, len(all))
	for i, n := range all {
		us.names[i].repeat(w, func() time.Duration { return n.u.refresh(cfg, w, n.e) })
	}
}

// refresh resolves the name of one of the upstream's servers anew and says how
// long what was found is good. A name without an answer keeps its addresses
// unless there is no such name.
func (u *Upstream) refresh(cfg *phases.Config, w *actor.Worker, e *entry) time.Duration {
	res := cfg.ResolverOf(u.resolve)
	find := e.hosts
	if e.service != "" {
		find = e.services
	}
	places, until, err := find(res, w, u.resolve.ResolverTimeout)
	if err != nil {
		cfg.MainLog.Logf(phases.LevelError, 0, "%v, in upstream \"%s\"", err, u.Name)
		if !isNotFound(err) {
			return failedNamesEvery
		}
	}
	u.mu.Lock()
	if !samePlaces(e.places, places) {
		e.places = places
		u.arrange()
	}
	u.mu.Unlock()
	if err != nil {
		return failedNamesEvery
	}
	return max(until.Sub(w.Now()), minNamesEvery)
}

// hosts finds the addresses of the entry's host.
func (e *entry) hosts(res *phases.ResolverConf, w *actor.Worker, timeout time.Duration) ([]place, time.Time, error) {
	a, err := res.Resolve(w, e.host, timeout)
	return placesOf(withPort(a.Addrs, e.port)), a.Until, err
}

// services finds the hosts of the entry's service and their addresses: those
// of the lowest priority are the peers, the others backup peers. Of a backup
// entry there are only the first ones.
func (e *entry) services(res *phases.ResolverConf, w *actor.Worker, timeout time.Duration) (places []place, until time.Time, err error) {
	a, err := res.Services(w, e.service, timeout)
	if err != nil {
		return nil, a.Until, err
	}
	first := a.Services[0].Priority
	for _, s := range a.Services {
		first = min(first, s.Priority)
	}
	until = a.Until
	var failed error
	for _, s := range a.Services {
		if s.Priority != first && e.backup {
			continue
		}
		h, err := res.Resolve(w, s.Host, timeout)
		if err != nil {
			failed = err
			continue // there may be others
		}
		if h.Until.Before(until) {
			until = h.Until
		}
		for _, addr := range withPort(h.Addrs, s.Port) {
			places = append(places, place{addr, max(int(s.Weight), 1), s.Priority != first})
		}
	}
	if len(places) == 0 {
		return nil, until, failed
	}
	return places, until, nil
}

func withPort(ips []netip.Addr, port uint16) []actor.Addr {
	addrs := make([]actor.Addr, 0, len(ips))
	for _, ip := range ips {
		addrs = append(addrs, actor.IP(netip.AddrPortFrom(ip.Unmap(), port)))
	}
	return addrs
}

// isNotFound tells whether there is no such name (NXDOMAIN).
func isNotFound(err error) bool {
	var re *resolver.Error
	return errors.As(err, &re) && re.Code == 3
}

// samePlaces compares without regard to the order, which name servers change.
func samePlaces(a, b []place) bool {
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
