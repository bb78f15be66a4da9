package upstream

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// entry is one server directive and the addresses that it has at present.
type entry struct {
	like    Peer
	backup  bool
	host    string
	port    uint16
	resolve bool   // at run time
	service string // whose hosts are the peers; "": the host's addresses are
	places  []place
}

// place is an address that a server directive has, with what DNS says of it.
type place struct {
	addr   actor.Addr
	weight int  // of a service's host; 0: the directive's
	backup bool // a service's host that comes after others
}

func placesOf(addrs []actor.Addr) (places []place) {
	for _, a := range addrs {
		places = append(places, place{addr: a})
	}
	return places
}

// addServer is a server directive of an upstream block.
func addServer(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	u := Of(b)
	like := Peer{Weight: 1, MaxFails: 1, FailTimeout: 10 * time.Second, Server: s.Args[0]}
	backup, resolve, service := false, false, ""
	err := parameters(s, s.Args[1:], func(key, value string, bare bool) (ok bool) {
		switch key {
		case "weight":
			like.Weight, ok = positive(value)
		case "max_conns":
			like.MaxConns, ok = conf.Number(value)
		case "max_fails":
			like.MaxFails, ok = conf.Number(value)
		case "fail_timeout":
			like.FailTimeout, ok = conf.Sec(value)
		case "backup":
			backup, ok = true, bare
		case "down":
			like.Down, ok = true, bare
		case "resolve":
			resolve, ok = true, bare
		case "service":
			service, ok = value, value != ""
		case "slow_start":
			like.SlowStart, ok = conf.Duration(value)
		}
		return ok
	})
	switch {
	case err != nil:
		return err
	case backup && !u.backups:
		return s.Errorf("balancing method does not support parameter \"backup\"")
	case like.SlowStart > 0 && !u.backups:
		return s.Errorf("balancing method does not support parameter \"slow_start\"")
	}
	host, port, fault := splitURL(s.Args[0])
	if fault != "" {
		return s.Errorf("%s in upstream \"%s\"", fault, s.Args[0])
	}
	e := &entry{like: like, backup: backup, host: host, port: orPort(port, 80)}
	_, isAddr := literal(host, 0)
	e.resolve = resolve && !isAddr
	if service != "" {
		switch {
		case !resolve:
			return s.Errorf("service upstream \"%s\" requires \"resolve\" parameter", s.Args[0])
		case port != 0:
			return s.Errorf("service upstream \"%s\" may not have port", s.Args[0])
		case isAddr:
			return s.Errorf("service upstream \"%s\" requires domain name", s.Args[0])
		}
		if e.service = service + "." + host; !strings.Contains(service, ".") {
			e.service = "_" + service + "._tcp." + host
		}
		u.entries = append(u.entries, e)
		return nil
	}
	addrs, err := lookup(host, e.port)
	if err != nil && !e.resolve {
		return s.Errorf("host not found in upstream \"%s\"", s.Args[0])
	}
	e.places = placesOf(addrs)
	u.entries = append(u.entries, e)
	return nil
}

// parameters calls set with each of args, "key=value" or "key" alone (bare);
// what it does not take is an error.
func parameters(s *conf.Stmt, args []string, set func(key, value string, bare bool) (ok bool)) error {
	for _, a := range args {
		key, value, has := strings.Cut(a, "=")
		if !set(key, value, !has) {
			return s.Errorf("invalid parameter \"%s\"", a)
		}
	}
	return nil
}

// positive reads a number that is not 0.
func positive(text string) (n int, ok bool) {
	n, ok = conf.Number(text)
	return n, ok && n > 0
}

func orPort(port, deflt uint16) uint16 {
	if port == 0 {
		return deflt
	}
	return port
}

// splitURL reads "host", "host:port", "[::1]:port" or "unix:path"; port is 0
// when there is none. fault says in nginx's words what is wrong.
func splitURL(s string) (host string, port uint16, fault string) {
	if isUnix(s) {
		if len(s) == len("unix:") {
			fault = "no path in the unix domain socket"
		}
		return s, 0, fault
	}
	host, text, has := s, "", false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || end+1 < len(s) && s[end+1] != ':' {
			return "", 0, "invalid host"
		}
		host, has = s[:end+1], end+1 < len(s)
		text = strings.TrimPrefix(s[end+1:], ":")
	} else {
		host, text, has = strings.Cut(s, ":")
	}
	if host == "" {
		return "", 0, "no host"
	}
	if has {
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n == 0 {
			return "", 0, "invalid port"
		}
		port = uint16(n)
	}
	return host, port, ""
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
