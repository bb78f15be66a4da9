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
		if err := listenOptions(b, l, s); err != nil {
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
	host, first, last, fault := splitListen(text)
	if fault != "" {
		return nil, s.Errorf("%s in \"%s\" of the \"listen\" directive", fault, text)
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

// splitListen takes "host:port", "host", "port" and "host:first-last" apart;
// "" stands for any address. fault says in nginx's words what is wrong.
func splitListen(text string) (host string, first, last int, fault string) {
	ports, has := "", false
	switch {
	case strings.HasPrefix(text, "["):
		end := strings.IndexByte(text, ']')
		if end < 0 || end+1 < len(text) && text[end+1] != ':' {
			return "", 0, 0, "invalid host"
		}
		if a, err := netip.ParseAddr(text[1:end]); err != nil || !a.Is6() || a.Zone() != "" {
			return "", 0, 0, "invalid IPv6 address"
		}
		host = text[1:end]
		ports, has = strings.CutPrefix(text[end+1:], ":")
	default:
		if host, ports, has = strings.Cut(text, ":"); !has && strings.Trim(text, "0123456789-") == "" {
			host, ports, has = "", text, true
		}
	}
	if !has {
		return host, 80, 80, ""
	}
	from, to, isRange := strings.Cut(ports, "-")
	if !isRange {
		to = from
	}
	// Port 0, which nginx refuses, asks the system for a free one.
	a, ok := listenPort(from)
	b, ok2 := listenPort(to)
	if !ok || !ok2 || a > b || isRange && a == 0 {
		return "", 0, 0, "invalid port"
	}
	return host, a, b, ""
}

func listenPort(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil
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

func listenOptions(b *Block, l *Listen, s *conf.Stmt) error {
	for _, a := range s.Args[1:] {
		if err := listenOption(b, l, s, a); err != nil {
			return err
		}
	}
	return nil
}

func listenOption(b *Block, l *Listen, s *conf.Stmt, a string) error {
	switch a {
	case "default_server", "default":
		l.deflt = true
		return nil
	case "ssl":
		l.SSL = true
		return nil
	case "http2":
		l.HTTP2 = true
		return nil
	case "proxy_protocol":
		l.ProxyProtocol = true
		return nil
	}
	l.opts = true // what follows is the socket's
	key, value, has := strings.Cut(a, "=")
	if !has {
		switch key {
		case "bind":
			l.Bind = true
		case "reuseport":
			l.ReusePort = true
		case "deferred":
			l.Deferred = true
		case "multipath":
			b.Config.Notice(s, "\"%s\" is accepted and ignored: sockets use one path", a)
		default:
			return s.Errorf("invalid parameter \"%s\"", a)
		}
		return nil
	}
	number := func(to *int, ok bool, n int) error {
		if !ok {
			return s.Errorf("invalid %s \"%s\"", key, a)
		}
		*to = n
		return nil
	}
	switch key {
	case "backlog":
		n, ok := conf.Number(value)
		return number(&l.Backlog, ok && n > 0, n)
	case "fastopen":
		n, ok := conf.Number(value)
		return number(&l.FastOpen, ok, n)
	case "rcvbuf":
		n, ok := conf.Size(value)
		return number(&l.Rcvbuf, ok, int(n))
	case "sndbuf":
		n, ok := conf.Size(value)
		return number(&l.Sndbuf, ok, int(n))
	case "accept_filter":
		b.Config.Notice(s, "\"%s\" is accepted and ignored: Linux has no accept filters", a)
		return nil
	case "ipv6only":
		l.IPv6Only = value == "on"
		if value != "on" && value != "off" {
			return s.Errorf("invalid ipv6only flags \"%s\"", value)
		}
		return nil
	case "so_keepalive":
		return listenKeepalive(l, s, value)
	}
	return s.Errorf("invalid parameter \"%s\"", a)
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
