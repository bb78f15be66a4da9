package phases

import (
	"errors"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/resolver"
)

// resolvers are those of one resolver directive, one for each worker.
type resolvers struct {
	mu  sync.Mutex
	all map[*actor.Worker]resolves
}

// resolves is what a *resolver.Resolver and a *resolver.System do.
type resolves interface {
	Resolve(name string, timeout time.Duration) (resolver.Answer, error)
	Services(name string, timeout time.Duration) (resolver.Answer, error)
}

// ResolverOf is what resolves names for c: its resolver directive, or the
// system's files and servers if there is none.
func (cfg *Config) ResolverOf(c *Core) *ResolverConf {
	if c.Resolver != nil {
		return c.Resolver
	}
	return &cfg.system
}

// Lookup returns the addresses of a host name, at least one. It parks for
// timeout at most; the error is a *resolver.Error.
func (c *ResolverConf) Lookup(w *actor.Worker, name string, timeout time.Duration) ([]netip.Addr, error) {
	a, err := c.Resolve(w, name, timeout)
	return a.Addrs, err
}

// Resolve is Lookup that also says how long the answer is good.
func (c *ResolverConf) Resolve(w *actor.Worker, name string, timeout time.Duration) (resolver.Answer, error) {
	return c.of(w).Resolve(name, timeout)
}

// Services returns the hosts of a service, at least one, as Resolve does.
func (c *ResolverConf) Services(w *actor.Worker, name string, timeout time.Duration) (resolver.Answer, error) {
	return c.of(w).Services(name, timeout)
}

func (c *ResolverConf) of(w *actor.Worker) resolves {
	c.perWorker.mu.Lock()
	defer c.perWorker.mu.Unlock()
	r := c.perWorker.all[w]
	if r != nil {
		return r
	}
	conf := resolver.Config{Servers: c.Servers, Valid: c.Valid, IPv4: c.IPv4, IPv6: c.IPv6, Log: c.logError}
	if c.Local {
		r = resolver.NewSystem(w, conf)
	} else {
		r = resolver.New(w, conf)
	}
	if c.perWorker.all == nil {
		c.perWorker.all = map[*actor.Worker]resolves{}
	}
	c.perWorker.all[w] = r
	return r
}

// logError logs that a server could not be reached.
func (c *ResolverConf) logError(call string, err error) {
	level := LevelAlert
	if call == "connect" {
		level = LevelCrit
	} else if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) {
		level = LevelError
	}
	c.config.MainLog.Logf(level, 0, "%s() failed (%s) while resolving", call, Errno(err))
}
