package phases

import (
	"net"
	"net/netip"

	"github.com/luahttpd/luahttpd/conf"
)

// addDebugClients is debug_connection: an address, a network, a host's name, or
// unix: for the clients of unix sockets. What is logged of requests that come
// from there is logged at every level.
func addDebugClients(own *Process, b *Block, s *conf.Stmt) error {
	text := s.Args[0]
	if text == "unix:" {
		own.Debug.Add(s, netip.Prefix{})
		return nil
	}
	if p, exact, ok := ParseCIDR(text); ok {
		if !exact {
			b.Config.Warn(s, "low address bits of %s are meaningless", text)
		}
		own.Debug.Add(s, p)
		return nil
	}
	ips, err := net.LookupIP(text)
	if err != nil {
		return s.Errorf("host not found in debug_connection \"%s\"", text)
	}
	for _, ip := range ips {
		if a, ok := netip.AddrFromSlice(ip); ok {
			own.Debug.Add(s, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
		}
	}
	return nil
}

// debugs tells whether debug_connection names the client.
func (p *Process) debugs(c *Client) bool {
	addr := c.Addr.Addr().Unmap().WithZone("")
	for _, d := range p.Debug.Items {
		if d.Contains(addr) || !d.IsValid() && c.Unix != "" {
			return true
		}
	}
	return false
}

// verbose is l with everything that its targets take.
func (l *Logger) verbose() *Logger {
	all := &Logger{slog: l.slog, max: LevelDebug, capture: l.capture}
	for _, t := range l.targets {
		all.targets = append(all.targets, &logTarget{LevelDebug, t.w})
	}
	return all
}

// ParseCIDR reads an address or a network in prefix notation. exact is false
// when address bits behind the prefix were set; they are cleared.
func ParseCIDR(s string) (p netip.Prefix, exact, ok bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), true, true
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false, false
	}
	return p.Masked(), p.Masked() == p, true
}
