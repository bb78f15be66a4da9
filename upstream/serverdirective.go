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
		case "service":
			service, ok = value, value != ""
		case "slow_start":
			if !u.backups {
				return s.Errorf("balancing method does not support parameter \"slow_start\"")
			}
			like.SlowStart, ok = conf.Duration(value)
		default:
			ok = false
		}
		if !ok {
			return s.Errorf("invalid parameter \"%s\"", a)
		}
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
