package phases

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
)

// Listen is one address that the server listens on, with what its listen
// directives say and the server blocks behind it.
type Listen struct {
	// Addr is the address of an IP socket; Unix the path of a unix one.
	Addr netip.AddrPort
	Unix string
	Hosts
	SSL, HTTP2, ProxyProtocol bool
	ReusePort, IPv6Only       bool
	Deferred, Bind            bool
	Backlog                   int // -1: the system's
	Rcvbuf, Sndbuf            int
	FastOpen                  int
	KeepAlive                 KeepAlive
	// Stmt is the directive that named the address first.
	Stmt  *conf.Stmt
	order int
	opts  bool // a directive set socket options
	deflt bool
}

// KeepAlive is so_keepalive=; zero durations and counts are the system's.
type KeepAlive struct {
	Set, On        bool
	Idle, Interval time.Duration
	Count          int
}

// String is the address as configuration and logs write it.
func (l *Listen) String() string {
	if l.Unix != "" {
		return "unix:" + l.Unix
	}
	return l.Addr.String()
}

// Wildcard tells 0.0.0.0 and [::].
func (l *Listen) Wildcard() bool { return l.Unix == "" && l.Addr.Addr().IsUnspecified() }

func setListen(own *Core, b *Block, s *conf.Stmt) error {
	addrs, err := parseListen(s, s.Args[0])
	if err != nil {
		return err
	}
	for _, l := range addrs {
		if err := listenOptions(l, s); err != nil {
			return err
		}
		if err := b.Config.addListen(b.Server, l); err != nil {
			return err
		}
	}
	return nil
}

// listenDefault adds the address of a server block without listen.
func (b *Block) listenDefault(s *conf.Stmt) error {
	for _, l := range b.Config.Listens {
		for _, srv := range l.servers {
			if srv == b.Server {
				return nil
			}
		}
	}
	addr := netip.AddrPortFrom(netip.IPv4Unspecified(), b.Config.DefaultPort)
	return b.Config.addListen(b.Server, &Listen{Addr: addr, Backlog: -1, Stmt: s})
}

// addListen joins l, just read for server srv, with the same address of
// other server blocks.
func (cfg *Config) addListen(srv *Server, l *Listen) error {
	old := cfg.listen(l)
	if old == nil {
		l.order = len(cfg.Listens)
		l.servers = []*Server{srv}
		cfg.Listens = append(cfg.Listens, l)
		if l.deflt || l.Default == nil {
			l.Default = srv
		}
		return nil
	}
	for _, s := range old.servers {
		if s == srv {
			return l.Stmt.Errorf("a duplicate listen %s", l.Stmt.Args[0])
		}
	}
	if l.opts {
		if old.opts {
			return l.Stmt.Errorf("duplicate listen options for %s", l)
		}
		keep := *old
		*old = *l
		old.Hosts, old.order, old.Stmt, old.deflt = keep.Hosts, keep.order, keep.Stmt, keep.deflt
		old.SSL, old.HTTP2, old.ProxyProtocol = keep.SSL, keep.HTTP2, keep.ProxyProtocol
	}
	if l.deflt {
		if old.deflt {
			return l.Stmt.Errorf("a duplicate default server for %s", l)
		}
		old.deflt, old.Default = true, srv
	}
	old.servers = append(old.servers, srv)
	old.SSL, old.HTTP2 = old.SSL || l.SSL, old.HTTP2 || l.HTTP2
	old.ProxyProtocol = old.ProxyProtocol || l.ProxyProtocol
	return nil
}

func (cfg *Config) listen(l *Listen) *Listen {
	for _, o := range cfg.Listens {
		if o.Addr == l.Addr && o.Unix == l.Unix {
			return o
		}
	}
	return nil
}

func parseListen(s *conf.Stmt, text string) ([]*Listen, error) {
	one := func(a netip.Addr, port uint16) *Listen {
		return &Listen{Addr: netip.AddrPortFrom(a, port), Backlog: -1, Stmt: s, IPv6Only: a.Is6()}
	}
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if path == "" || len(path) > 107 {
			return nil, s.Errorf("invalid unix socket path in \"%s\" of the \"listen\" directive", text)
		}
		return []*Listen{{Unix: path, Backlog: -1, Stmt: s}}, nil
	}
	host, portText := text, ""
	if strings.HasPrefix(text, "[") {
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return nil, s.Errorf("host not found in \"%s\" of the \"listen\" directive", text)
		}
		host, portText = text[1:end], strings.TrimPrefix(text[end+1:], ":")
	} else if h, p, ok := strings.Cut(text, ":"); ok {
		host, portText = h, p
	} else if _, err := strconv.Atoi(text); err == nil {
		host, portText = "*", text
	}
	first, last := uint64(80), uint64(80)
	if portText != "" {
		from, to, isRange := strings.Cut(portText, "-")
		var err, errTo error
		// Port 0, which nginx refuses, asks the system for a free one.
		first, err = strconv.ParseUint(from, 10, 16)
		if last = first; isRange {
			last, errTo = strconv.ParseUint(to, 10, 16)
		}
		if err != nil || errTo != nil || last < first || isRange && first == 0 {
			return nil, s.Errorf("invalid port in \"%s\" of the \"listen\" directive", text)
		}
	}
	addrs, err := listenAddrs(host)
	if err != nil {
		return nil, s.Errorf("host not found in \"%s\" of the \"listen\" directive", text)
	}
	var ls []*Listen
	for _, a := range addrs {
		for port := first; port <= last; port++ {
			ls = append(ls, one(a, uint16(port)))
		}
	}
	return ls, nil
}

// listenAddrs are the addresses that a listen directive's host stands for.
func listenAddrs(host string) ([]netip.Addr, error) {
	switch host {
	case "", "*":
		return []netip.Addr{netip.IPv4Unspecified()}, nil
	case "localhost":
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	ips, err := net.LookupIP(host)
	var addrs []netip.Addr
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok {
			addrs = append(addrs, a.Unmap())
		}
	}
	return addrs, err
}

func listenOptions(l *Listen, s *conf.Stmt) error {
	for _, a := range s.Args[1:] {
		key, value, has := strings.Cut(a, "=")
		number := func(to *int) error {
			n, ok := conf.Number(value)
			if size, isSize := conf.Size(value); !ok && isSize {
				n, ok = int(size), true
			}
			if !ok {
				return s.Errorf("invalid %s \"%s\"", key, value)
			}
			*to, l.opts = n, true
			return nil
		}
		var err error
		switch key {
		case "default_server", "default":
			l.deflt = true
		case "ssl":
			l.SSL = true
		case "http2":
			l.HTTP2 = true
		case "proxy_protocol":
			l.ProxyProtocol = true
		case "bind":
			l.Bind, l.opts = true, true
		case "reuseport":
			l.ReusePort, l.opts = true, true
		case "deferred":
			l.Deferred, l.opts = true, true
		case "backlog":
			err = number(&l.Backlog)
		case "rcvbuf":
			err = number(&l.Rcvbuf)
		case "sndbuf":
			err = number(&l.Sndbuf)
		case "fastopen":
			err = number(&l.FastOpen)
		case "setfib", "accept_filter", "multipath":
			l.opts = true
		case "ipv6only":
			l.IPv6Only, l.opts = value == "on", true
			if value != "on" && value != "off" {
				err = s.Errorf("invalid ipv6only flags \"%s\"", value)
			}
		case "so_keepalive":
			err = listenKeepalive(l, s, value)
		default:
			err = s.Errorf("invalid parameter \"%s\"", a)
		}
		_ = has
		if err != nil {
			return err
		}
	}
	return nil
}

// listenKeepalive reads on, off or [idle]:[interval]:[count].
func listenKeepalive(l *Listen, s *conf.Stmt, value string) error {
	l.opts = true
	k := KeepAlive{Set: true, On: value != "off"}
	if value != "on" && value != "off" {
		f := strings.Split(value, ":")
		if len(f) > 3 {
			return s.Errorf("invalid so_keepalive value: \"%s\"", value)
		}
		f = append(f, "", "", "")
		ok := true
		if f[0] != "" {
			k.Idle, ok = conf.Duration(f[0])
		}
		if ok && f[1] != "" {
			k.Interval, ok = conf.Duration(f[1])
		}
		if ok && f[2] != "" {
			k.Count, ok = conf.Number(f[2])
		}
		if !ok || value == "::" {
			return s.Errorf("invalid so_keepalive value: \"%s\"", value)
		}
	}
	l.KeepAlive = k
	return nil
}
