// Package resolver finds the addresses of host names by DNS (RFC 1035), for
// the resolver directive, without blocking a worker.
package resolver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// Config is what the resolver directive says.
type Config struct {
	// Servers are addresses, with a port or without (53), or names that the
	// system resolves once.
	Servers []string
	// Valid replaces the time to live of answers when not 0.
	Valid time.Duration
	// IPv4 and IPv6 say which addresses to ask for.
	IPv4, IPv6 bool
	// Log, when not nil, hears of servers that cannot be reached: the system
	// call and its error.
	Log func(call string, err error)
}

// Error says why a name has no address, in nginx's words. Code is the answer's
// RCODE, or 110 when none came in time.
type Error struct {
	Name string
	Code int
}

const (
	codeFormat   = 1
	codeServer   = 2
	codeNotFound = 3
	codeTimeout  = 110
)

var reasons = map[int]string{codeFormat: "Format error", codeServer: "Server failure", codeNotFound: "Host not found",
	4: "Unimplemented", 5: "Operation refused", codeTimeout: "Operation timed out"}

func (e *Error) Error() string { return e.Name + " could not be resolved (" + e.Reason() + ")" }

// Reason is the code and its meaning: "3: Host not found".
func (e *Error) Reason() string {
	text, ok := reasons[e.Code]
	if !ok {
		text = "Unknown error"
	}
	return strconv.Itoa(e.Code) + ": " + text
}

// cacheLimit bounds how many names a Resolver remembers.
const cacheLimit = 10000

// A Resolver asks the servers of one Config for one worker. It remembers
// answers as long as they are good, and asks once for those who want the same
// name at the same time.
type Resolver struct {
	w       *actor.Worker
	config  Config
	servers []actor.Addr
	next    int // server to begin with
	cache   map[string]answer
	asking  map[string]*question
}

// answer is what is known of a name.
type answer struct {
	addrs []netip.Addr
	until time.Time
}

// New makes a worker's resolver. Names of servers are resolved when the first
// question is asked.
func New(w *actor.Worker, c Config) *Resolver {
	return &Resolver{w: w, config: c, cache: map[string]answer{}, asking: map[string]*question{}}
}

// Lookup returns the addresses of a name, at least one. It parks at most for
// timeout; the error is an *Error.
func (r *Resolver) Lookup(name string, timeout time.Duration) ([]netip.Addr, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if a, ok := r.cache[name]; ok {
		if r.w.Now().Before(a.until) {
			return a.addrs, nil
		}
		delete(r.cache, name)
	}
	q := r.asking[name]
	if q == nil {
		q = &question{r: r, name: name, until: r.w.Now().Add(timeout)}
		r.asking[name] = q
		r.w.Go(q.ask)
	}
	if !q.done {
		q.wait(timeout)
	}
	switch {
	case !q.done:
		return nil, &Error{name, codeTimeout}
	case q.code != 0:
		return nil, &Error{name, q.code}
	case len(q.addrs) == 0:
		return nil, &Error{name, codeNotFound}
	}
	return q.addrs, nil
}

// remember keeps an answer.
func (r *Resolver) remember(name string, addrs []netip.Addr, ttl time.Duration) {
	if r.config.Valid > 0 {
		ttl = r.config.Valid
	}
	if ttl <= 0 || len(addrs) == 0 {
		return
	}
	now := r.w.Now()
	if len(r.cache) >= cacheLimit {
		for k, a := range r.cache {
			if now.After(a.until) || len(r.cache) >= cacheLimit {
				delete(r.cache, k)
			}
		}
	}
	r.cache[name] = answer{addrs, now.Add(ttl)}
}

// open finds the addresses of the servers, once.
func (r *Resolver) open() {
	for _, text := range r.config.Servers {
		if a, ok := serverAddr(text); ok {
			r.servers = append(r.servers, a)
			continue
		}
		host, port := splitPort(text)
		addrs, err := System(r.w, host, 5*time.Second)
		if err != nil {
			continue // there may be others
		}
		for _, ip := range addrs {
			r.servers = append(r.servers, actor.IP(netip.AddrPortFrom(ip, port)))
		}
	}
}

func serverAddr(text string) (actor.Addr, bool) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return actor.IP(ap), true
	}
	if ip, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return actor.IP(netip.AddrPortFrom(ip, 53)), true
	}
	return actor.Addr{}, false
}

func splitPort(text string) (host string, port uint16) {
	if host, p, ok := strings.Cut(text, ":"); ok {
		if n, err := strconv.ParseUint(p, 10, 16); err == nil {
			return host, uint16(n)
		}
	}
	return text, 53
}

// System asks the system for the addresses of a name: /etc/hosts and the
// servers of resolv.conf. It parks; the error is an *Error.
func System(w *actor.Worker, name string, timeout time.Duration) (addrs []netip.Addr, err error) {
	w.Offload(func() {
		until, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		addrs, err = net.DefaultResolver.LookupNetIP(until, "ip", name)
	})
	var de *net.DNSError
	switch {
	case err == nil && len(addrs) > 0:
	case err == nil, errors.As(err, &de) && de.IsNotFound:
		return nil, &Error{name, codeNotFound}
	case errors.As(err, &de) && de.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		return nil, &Error{name, codeTimeout}
	default:
		return nil, &Error{name, codeServer}
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, nil
}
