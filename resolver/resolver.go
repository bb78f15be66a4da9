// Package resolver finds the addresses of host names by DNS (RFC 1035) and the
// hosts of services (RFC 2782), without blocking a worker: for the resolver
// directive, and as the system does where there is none.
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
	// InOrder begins each question with the first server; otherwise they take
	// turns.
	InOrder bool
	// Attempt is how long one server is waited for before the next is asked
	// (5s).
	Attempt time.Duration
	// Rounds is how often all servers are asked; 0: as long as there is time.
	Rounds int
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
	cache   map[string]Answer
	asking  map[string]*question
}

// Answer is what a name stands for.
type Answer struct {
	// Addrs are a host's addresses, IPv4 first; at least one without an error.
	Addrs []netip.Addr
	// Services are a service's hosts as they came.
	Services []Service
	// Until is how long the answer is good.
	Until time.Time
}

// Service is one SRV record (RFC 2782): a lower Priority comes first.
type Service struct {
	Host             string
	Port             uint16
	Priority, Weight uint16
}

// New makes a worker's resolver. Names of servers are resolved when the first
// question is asked.
func New(w *actor.Worker, c Config) *Resolver {
	if c.Attempt <= 0 {
		c.Attempt = attemptTime
	}
	return &Resolver{w: w, config: c, cache: map[string]Answer{}, asking: map[string]*question{}}
}

// Lookup returns the addresses of a name, at least one. It parks at most for
// timeout; the error is an *Error.
func (r *Resolver) Lookup(name string, timeout time.Duration) ([]netip.Addr, error) {
	a, err := r.Resolve(name, timeout)
	return a.Addrs, err
}

// Resolve is Lookup that also says how long the answer is good.
func (r *Resolver) Resolve(name string, timeout time.Duration) (Answer, error) {
	return r.answer(name, false, timeout)
}

// Services returns the hosts of a service ("_http._tcp.example.com"), at least
// one. It parks at most for timeout; the error is an *Error.
func (r *Resolver) Services(name string, timeout time.Duration) (Answer, error) {
	return r.answer(name, true, timeout)
}

func (r *Resolver) answer(name string, service bool, timeout time.Duration) (Answer, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	key := name
	if service {
		key = "SRV " + name
	}
	if a, ok := r.cache[key]; ok {
		if r.w.Now().Before(a.Until) {
			return a, nil
		}
		delete(r.cache, key)
	}
	q := r.asking[key]
	if q == nil {
		q = &question{r: r, name: name, key: key, service: service, until: r.w.Now().Add(timeout)}
		r.asking[key] = q
		r.w.Go(q.ask)
	}
	if !q.done {
		q.wait(timeout)
	}
	switch {
	case !q.done:
		return Answer{}, &Error{name, codeTimeout}
	case q.code != 0:
		return Answer{}, &Error{name, q.code}
	case len(q.answer.Addrs) == 0 && len(q.answer.Services) == 0:
		return Answer{}, &Error{name, codeNotFound}
	}
	return q.answer, nil
}

// remember keeps an answer for its time to live, or that of the configuration.
func (r *Resolver) remember(key string, a *Answer, ttl time.Duration) {
	if r.config.Valid > 0 {
		ttl = r.config.Valid
	}
	now := r.w.Now()
	a.Until = now.Add(max(ttl, 0))
	if ttl <= 0 || len(a.Addrs) == 0 && len(a.Services) == 0 {
		return
	}
	if len(r.cache) >= cacheLimit {
		for k, a := range r.cache {
			if now.After(a.Until) || len(r.cache) >= cacheLimit {
				delete(r.cache, k)
			}
		}
	}
	r.cache[key] = *a
}

// open finds the addresses of the servers, once.
func (r *Resolver) open() {
	for _, text := range r.config.Servers {
		if a, ok := serverAddr(text); ok {
			r.servers = append(r.servers, a)
			continue
		}
		host, port := splitPort(text)
		addrs, err := ofSystem(r.w, host, 5*time.Second)
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

// ofSystem asks the system for the addresses of a name server. It parks; the
// error is an *Error.
func ofSystem(w *actor.Worker, name string, timeout time.Duration) (addrs []netip.Addr, err error) {
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
