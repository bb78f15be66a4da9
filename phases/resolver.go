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
	all map[*actor.Worker]*resolver.Resolver
}

// Lookup returns the addresses of a host name, at least one. Without a
// resolver directive (c is nil), or with local=on, the system is asked. It
// parks for timeout at most; the error is a *resolver.Error.
func (c *ResolverConf) Lookup(w *actor.Worker, name string, timeout time.Duration) ([]netip.Addr, error) {
	if c == nil || c.Local {
		return resolver.System(w, name, timeout)
	}
	return c.of(w).Lookup(name, timeout)
}

func (c *ResolverConf) of(w *actor.Worker) *resolver.Resolver {
	c.perWorker.mu.Lock()
	defer c.perWorker.mu.Unlock()
	r := c.perWorker.all[w]
	if r == nil {
		r = resolver.New(w, resolver.Config{Servers: c.Servers, Valid: c.Valid, IPv4: c.IPv4, IPv6: c.IPv6, Log: c.logError})
		if c.perWorker.all == nil {
			c.perWorker.all = map[*actor.Worker]*resolver.Resolver{}
		}
		c.perWorker.all[w] = r
	}
	return r
}

// logError logs that a server could not be reached.
func (c *ResolverConf) logError(call string, err error) {
	level := LevelAlert
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH) {
		level = LevelError
	}
	c.config.MainLog.Logf(level, 0, "%s() failed (%s) while resolving", call, Errno(err))
}
