package resolver

import (
	"bufio"
	"bytes"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// System resolves for one worker as the system's resolver does: /etc/hosts,
// then the servers of /etc/resolv.conf with its search list. Both files are
// read again when they have changed.
type System struct {
	w       *actor.Worker
	config  Config
	files   [2]watched // hosts, resolv.conf
	looked  time.Time  // when they were looked at last
	looking bool
	hosts   map[string][]netip.Addr
	conf    resolvConf
	dns     *Resolver
}

// The files of the system, and how often a worker looks whether they have
// changed; an address from /etc/hosts is good as long.
const (
	hostsFile  = "/etc/hosts"
	resolvFile = "/etc/resolv.conf"
	lookEvery  = 5 * time.Second
	// sizeLimit bounds what is read of either.
	sizeLimit = 4 << 20
)

// watched is a file and what was seen of it last.
type watched struct {
	path  string
	time  time.Time
	size  int64
	begun bool
}

// NewSystem makes a worker's System. What c says of servers and their order is
// left to resolv.conf.
func NewSystem(w *actor.Worker, c Config) *System { return newSystem(w, c, hostsFile, resolvFile) }

func newSystem(w *actor.Worker, c Config, hosts, resolv string) *System {
	return &System{w: w, config: c, files: [2]watched{{path: hosts}, {path: resolv}}}
}

// Resolve returns the addresses of a name, at least one. It parks at most for
// timeout; the error is an *Error.
func (s *System) Resolve(name string, timeout time.Duration) (Answer, error) {
	s.look()
	key := strings.ToLower(strings.TrimSuffix(name, "."))
	addrs := s.hosts[key]
	if len(addrs) == 0 && (key == "localhost" || strings.HasSuffix(key, ".localhost")) { // RFC 6761 section 6.3
		addrs = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	var wanted []netip.Addr
	for _, a := range addrs {
		if a.Is4() && s.config.IPv4 || a.Is6() && s.config.IPv6 {
			wanted = append(wanted, a)
		}
	}
	if len(wanted) > 0 {
		return Answer{Addrs: wanted, Until: s.w.Now().Add(lookEvery)}, nil
	}
	return s.search(name, key, timeout, (*Resolver).Resolve)
}

// Services returns the hosts of a service; see Resolver.Services.
func (s *System) Services(name string, timeout time.Duration) (Answer, error) {
	s.look()
	return s.search(name, strings.ToLower(strings.TrimSuffix(name, ".")), timeout, (*Resolver).Services)
}

// search asks for the name and for it below the domains of the search list, in
// the order that the number of its dots says.
func (s *System) search(name, key string, timeout time.Duration, ask func(r *Resolver, name string, timeout time.Duration) (Answer, error)) (Answer, error) {
	names := []string{key}
	if !strings.HasSuffix(name, ".") {
		var below []string
		for _, d := range s.conf.search {
			below = append(below, key+"."+d)
		}
		if strings.Count(key, ".") >= s.conf.ndots {
			names = append(names, below...)
		} else {
			names = append(below, key)
		}
	}
	until := s.w.Now().Add(timeout)
	code := codeNotFound
	dns := s.dns
	for _, n := range names {
		left := until.Sub(s.w.Now())
		if left <= 0 {
			code = codeTimeout
			break
		}
		a, err := ask(dns, n, min(left, s.conf.patience()))
		if err == nil {
			return a, nil
		}
		if e := err.(*Error); e.Code != codeNotFound {
			code = e.Code
		}
		if code == codeTimeout {
			break
		}
	}
	return Answer{}, &Error{key, code}
}

// look reads the files if they have changed. The first time it parks for that;
// later those who ask meanwhile go on with what is known.
func (s *System) look() {
	if s.dns != nil && (s.looking || s.w.Now().Sub(s.looked) < lookEvery) {
		return
	}
	s.looking = true
	defer func() { s.looking = false }()
	files := s.files
	var text [2][]byte
	var changed [2]bool
	s.w.Offload(func() {
		for i := range files {
			text[i], changed[i] = files[i].read()
		}
	})
	s.looked, s.files = s.w.Now(), files
	if changed[0] || s.hosts == nil {
		s.hosts = parseHosts(text[0])
	}
	if changed[1] || s.dns == nil {
		s.conf = parseResolvConf(text[1])
		c := s.config
		c.Servers, c.InOrder, c.Attempt, c.Rounds = s.conf.servers, !s.conf.rotate, s.conf.timeout, s.conf.attempts
		s.dns = New(s.w, c)
	}
}

// read returns the file's text if it is not the one that was seen last. One
// that cannot be read is empty.
func (f *watched) read() (text []byte, changed bool) {
	var seen watched
	if info, err := os.Stat(f.path); err == nil && info.Mode().IsRegular() && info.Size() <= sizeLimit {
		seen.time, seen.size = info.ModTime(), info.Size()
	}
	seen.path, seen.begun = f.path, true
	if seen == *f {
		return nil, false
	}
	*f = seen
	if seen.time.IsZero() {
		return nil, true
	}
	text, _ = os.ReadFile(f.path)
	return text, true
}

// parseHosts reads /etc/hosts: an address and its names on each line.
func parseHosts(text []byte) map[string][]netip.Addr {
	hosts := map[string][]netip.Addr{}
	for fields := range lines(text, "#") {
		ip, err := netip.ParseAddr(fields[0])
		if err != nil {
			continue
		}
		for _, name := range fields[1:] {
			name = strings.ToLower(strings.TrimSuffix(name, "."))
			if !slices.Contains(hosts[name], ip) {
				hosts[name] = append(hosts[name], ip)
			}
		}
	}
	for _, addrs := range hosts { // IPv4 first, as in answers
		slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	}
	return hosts
}

// resolvConf is what resolv.conf(5) says.
type resolvConf struct {
	servers []string // 127.0.0.1 if there is none
	search  []string
	ndots   int // 1
	rotate  bool
	// timeout is how long each server is waited for (5s), attempts how often
	// all of them are asked (2).
	timeout  time.Duration
	attempts int
}

// patience is how long one name is asked for.
func (c *resolvConf) patience() time.Duration {
	return c.timeout * time.Duration(c.attempts*len(c.servers))
}

// What is taken from the file at most, as in the C library; maxTimeout is in
// seconds.
const (
	maxServers  = 3
	maxSearch   = 32
	maxDots     = 15
	maxTimeout  = 30
	maxAttempts = 5
)

func parseResolvConf(text []byte) resolvConf {
	c := resolvConf{ndots: 1, timeout: attemptTime, attempts: 2}
	for fields := range lines(text, "#;") {
		args := fields[1:]
		switch fields[0] {
		case "nameserver":
			if len(args) > 0 && len(c.servers) < maxServers {
				if _, ok := serverAddr(args[0]); ok {
					c.servers = append(c.servers, args[0])
				}
			}
		case "search", "domain": // the last one counts
			c.search = nil
			for _, d := range args[:min(len(args), maxSearch)] {
				if d = strings.ToLower(strings.Trim(d, ".")); d != "" {
					c.search = append(c.search, d)
				}
			}
		case "options":
			for _, o := range args {
				c.option(o)
			}
		}
	}
	if len(c.servers) == 0 {
		c.servers = []string{"127.0.0.1"}
	}
	return c
}

func (c *resolvConf) option(o string) {
	name, value, _ := strings.Cut(o, ":")
	n, err := strconv.Atoi(value)
	switch {
	case o == "rotate":
		c.rotate = true
	case err != nil || n < 0:
	case name == "ndots":
		c.ndots = min(n, maxDots)
	case name == "timeout":
		c.timeout = time.Duration(min(max(n, 1), maxTimeout)) * time.Second
	case name == "attempts":
		c.attempts = min(max(n, 1), maxAttempts)
	}
}

// lines yields the words of each line that has some, without comments.
func lines(text []byte, comment string) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
			line := s.Text()
			if i := strings.IndexAny(line, comment); i >= 0 {
				line = line[:i]
			}
			if fields := strings.Fields(line); len(fields) > 0 && !yield(fields) {
				return
			}
		}
	}
}
