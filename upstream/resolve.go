package upstream

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
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
	u := &Upstream{Name: name, Port: port, workers: &us.workers, mu: &sync.Mutex{}, main: &group{}}
	like := Peer{Weight: 1, MaxFails: 1, FailTimeout: 10 * time.Second}
	u.main.add(like, addrs)
	u.finish()
	return u
}

// resolve finds the upstream for a URL that variables made: a block of that
// name, an address, or what the host's name resolves to.
func (x *Exchange) resolve(t *target, port uint16) (*Upstream, error) {
	us := inConfig.Of(x.r.Config)
	if u := us.find(t.name, port); u != nil {
		return u, nil
	}
	port = orPort(port, t.deflt())
	if a, ok := literal(t.name, port); ok {
		return us.imply(t.name, port, []actor.Addr{a}), nil
	}
	var addrs []actor.Addr
	var err error
	x.r.Worker.Offload(func() { addrs, err = lookup(t.name, port) })
	if err != nil {
		if d, is := err.(*net.DNSError); is && d.IsNotFound {
			return nil, errNotFound
		}
		return nil, err
	}
	return us.imply(t.name, port, addrs), nil
}

var errNotFound = &phases.StatusError{Status: 502, Reason: "3: Host not found"}
