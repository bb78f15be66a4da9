package handler

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// RealIPConf says which proxies are believed and where they put the address.
type RealIPConf struct {
	from      conf.List[netip.Prefix] // the invalid prefix stands for unix sockets
	header    string                  // "": the PROXY protocol
	recursive bool
}

// RealIP replaces the client's address by the one that a trusted proxy names.
var RealIP = phases.Define(phases.Spec[RealIPConf]{
	Name:    "realip",
	Default: func() RealIPConf { return RealIPConf{header: "X-Real-IP"} },
	Directives: []phases.Directive[RealIPConf]{
		phases.Add("set_real_ip_from", inFiles, conf.Exactly(1), addRealIPFrom),
		phases.Set("real_ip_header", inFiles, conf.Exactly(1), func(own *RealIPConf, b *phases.Block, s *conf.Stmt) error {
			if own.header = s.Args[0]; own.header == "proxy_protocol" {
				own.header = ""
			}
			return nil
		}),
		phases.SetFlag("real_ip_recursive", inFiles, func(c *RealIPConf) *bool { return &c.recursive }),
	},
	Active:   func(own *RealIPConf) bool { return len(own.from.Items) > 0 },
	Handlers: []phases.Hook[RealIPConf]{phases.At(phases.PostRead, realIP), phases.At(phases.Preaccess, realIP)},
	Variables: []phases.Variable{
		{Name: "realip_remote_addr", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			if was := replaced.Get(r.Main); was != nil {
				return append(dst, was.name...), true
			}
			return append(dst, r.Client.Name...), true
		}},
		{Name: "realip_remote_port", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			addr := r.Client.Addr
			if was := replaced.Get(r.Main); was != nil {
				addr = was.addr
			}
			if !addr.IsValid() {
				return dst, true
			}
			return strconv.AppendUint(dst, uint64(addr.Port()), 10), true
		}},
	},
})

// replaced keeps the address that the connection came from.
var replaced = phases.NewSlot[struct {
	addr netip.AddrPort
	name string
}](phases.KeepOverRedirect)

func addRealIPFrom(own *RealIPConf, b *phases.Block, s *conf.Stmt) error {
	text := s.Args[0]
	if text == "unix:" {
		own.from.Add(s, netip.Prefix{})
		return nil
	}
	if p, exact, ok := phases.ParseCIDR(text); ok {
		if !exact {
			b.Config.Warn(s, "low address bits of %s are meaningless", text)
		}
		own.from.Add(s, p)
		return nil
	}
	addrs, err := net.LookupIP(text)
	if strings.Contains(text, "/") || err != nil {
		return s.Errorf("host not found in set_real_ip_from \"%s\"", text)
	}
	for _, ip := range addrs {
		a, _ := netip.AddrFromSlice(ip)
		a = a.Unmap()
		own.from.Add(s, netip.PrefixFrom(a, a.BitLen()))
	}
	return nil
}

func realIP(r *phases.Request, own *RealIPConf) phases.Result {
	if replaced.Get(r.Main) != nil {
		return phases.Declined
	}
	c := r.Client
	was := c.Addr
	if own.header == "" {
		if !c.ProxyAddr.IsValid() || !trusts(own.from.Items, was.Addr()) {
			return phases.Declined
		}
		take(r, c.ProxyAddr)
		return phases.Declined
	}
	now := Forwarded(r, own.header, was, own.from.Items, own.recursive)
	if now != was {
		take(r, now)
	}
	return phases.Declined
}

// take makes addr the client's for the rest of the request.
func take(r *phases.Request, addr netip.AddrPort) {
	c := r.Client
	was := replaced.Ensure(r.Main)
	was.addr, was.name = c.Addr, c.Name
	c.Addr, c.Name = addr, addr.Addr().String()
}

// trusts tells whether the address is one of the proxies; an invalid one is
// that of a unix socket.
func trusts(proxies []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap()
	return slices.ContainsFunc(proxies, func(p netip.Prefix) bool {
		return p.Contains(a) || !p.IsValid() && !a.IsValid()
	})
}

// Forwarded returns the address that the fields called name give for a
// request that came from a: the last in their list if a is one of the
// proxies, or if recursive the last that is none of them. What cannot be read
// ends the search.
func Forwarded(r *phases.Request, name string, a netip.AddrPort, proxies []netip.Prefix, recursive bool) netip.AddrPort {
	if !trusts(proxies, a.Addr()) {
		return a
	}
	var list []byte
	for _, f := range r.Fields {
		if strings.EqualFold(string(f.Name), name) {
			list = append(append(list, ','), f.Value...)
		}
	}
	rest := string(list)
	for trusts(proxies, a.Addr()) {
		rest = strings.TrimRight(rest, ", ")
		if rest == "" {
			return a
		}
		at := strings.LastIndexAny(rest, ", ") + 1
		next, ok := parseAddr(rest[at:])
		if !ok {
			return a
		}
		a, rest = next, rest[:at]
		if !recursive {
			return a
		}
	}
	return a
}

// parseAddr reads an address with or without a port; a v6 one may stand in
// brackets.
func parseAddr(s string) (netip.AddrPort, bool) {
	if p, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(p.Addr().Unmap(), p.Port()), true
	}
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	return netip.AddrPortFrom(a.Unmap(), 0), err == nil && a.Zone() == ""
}
