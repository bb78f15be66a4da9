package handler

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Geo makes variables whose values depend on an address.
var Geo = phases.Define(phases.Spec[struct{}]{
	Name:       "geo",
	Directives: []phases.Directive[struct{}]{phases.Add("geo", conf.HTTP, conf.BlockN(1, 2), addGeo)},
})

// places is one geo block: networks, the narrowest of which decides, or
// ranges of IPv4 addresses.
type places struct {
	address   func(r *phases.Request, dst []byte) ([]byte, bool) // nil: the client's
	networks  map[netip.Prefix]string
	bits4     []int // lengths of the networks, longest first
	bits6     []int
	ranges    []addressRange // in order, apart from each other
	isRanges  bool
	deflt     string
	proxies   []netip.Prefix
	recursive bool
}

type addressRange struct {
	first, last netip.Addr
	value       string
}

func addGeo(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	g := &places{networks: map[netip.Prefix]string{}}
	last := len(s.Args) - 1
	for _, arg := range s.Args {
		if !strings.HasPrefix(arg, "$") {
			return s.Errorf("invalid variable name \"%s\"", arg)
		}
	}
	if last == 1 {
		var err error
		if g.address, err = b.Reference(s, s.Args[0][1:]); err != nil {
			return err
		}
	}
	if err := s.Entries(); err != nil {
		return err
	}
	for _, e := range s.Block {
		if err := g.add(b, e); err != nil {
			return err
		}
	}
	for p := range g.networks {
		bits := &g.bits6
		if p.Addr().Is4() {
			bits = &g.bits4
		}
		if !slices.Contains(*bits, p.Bits()) {
			*bits = append(*bits, p.Bits())
		}
	}
	longest := func(x, y int) int { return y - x }
	slices.SortFunc(g.bits4, longest)
	slices.SortFunc(g.bits6, longest)
	return b.DefineVariable(s, phases.Variable{Name: strings.ToLower(s.Args[last][1:]), Get: g.get, Cache: true})
}

func (g *places) add(b *phases.Block, e *conf.Stmt) error {
	switch {
	case len(e.Args) == 0 && e.Name == "ranges":
		if len(g.networks) > 0 {
			return e.Errorf("the \"ranges\" directive must be the first directive inside \"geo\" block")
		}
		g.isRanges = true
		return nil
	case len(e.Args) == 0 && e.Name == "proxy_recursive":
		g.recursive = true
		return nil
	case len(e.Args) != 1:
		return e.Errorf("invalid number of the geo parameters")
	case e.Name == "default":
		g.deflt = e.Args[0]
		return nil
	case e.Name == "proxy":
		p, err := network(b, e, e.Args[0])
		g.proxies = append(g.proxies, p)
		return err
	case g.isRanges:
		return g.addRange(b, e)
	case e.Name == "delete":
		p, err := network(b, e, e.Args[0])
		if _, ok := g.networks[p]; err == nil && !ok {
			b.Config.Warn(e, "no network \"%s\" to delete", e.Args[0])
		}
		delete(g.networks, p)
		return err
	}
	p, err := network(b, e, e.Name)
	if old, ok := g.networks[p]; err == nil && ok {
		b.Config.Warn(e, "duplicate network \"%s\", value: \"%s\", old value: \"%s\"", e.Name, e.Args[0], old)
	}
	g.networks[p] = e.Args[0]
	return err
}

func network(b *phases.Block, e *conf.Stmt, text string) (netip.Prefix, error) {
	if text == "255.255.255.255" {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 32), nil
	}
	p, exact, ok := phases.ParseCIDR(text)
	if !ok {
		return p, e.Errorf("invalid network \"%s\"", text)
	}
	if !exact {
		b.Config.Warn(e, "low address bits of %s are meaningless", text)
	}
	return p, nil
}

// addRange puts a range over those before it: where they overlap it counts.
func (g *places) addRange(b *phases.Block, e *conf.Stmt) error {
	text, remove := e.Name, e.Name == "delete"
	if remove {
		text = e.Args[0]
	}
	from, to, ok := strings.Cut(text, "-")
	first, err1 := netip.ParseAddr(from)
	last, err2 := netip.ParseAddr(to)
	if !ok || err1 != nil || err2 != nil || !first.Is4() || !last.Is4() || last.Less(first) {
		return e.Errorf("invalid range \"%s\"", text)
	}
	at := len(g.ranges)
	if at > 0 && !g.ranges[at-1].last.Less(first) {
		at, _ = slices.BinarySearchFunc(g.ranges, first, func(x addressRange, a netip.Addr) int { return x.last.Compare(a) })
	}
	var with, rest []addressRange
	end := at
	for ; end < len(g.ranges) && !last.Less(g.ranges[end].first); end++ {
		old := g.ranges[end]
		if old.first.Less(first) {
			with = append(with, addressRange{old.first, first.Prev(), old.value})
		}
		if last.Less(old.last) {
			rest = append(rest, addressRange{last.Next(), old.last, old.value})
		}
	}
	if remove && end == at {
		b.Config.Warn(e, "no address range \"%s\" to delete", text)
	}
	if !remove {
		with = append(with, addressRange{first, last, e.Args[0]})
	}
	g.ranges = slices.Replace(g.ranges, at, end, append(with, rest...)...)
	return nil
}

func (g *places) get(r *phases.Request, dst []byte) ([]byte, bool) {
	return append(dst, g.find(g.addressOf(r))...), true
}

// addressOf is the address that decides: behind proxies that are trusted, the
// one they say.
func (g *places) addressOf(r *phases.Request) netip.Addr {
	a := r.Client.Addr.Addr().Unmap()
	if g.address != nil {
		v, _ := g.address(r, nil)
		a, _ = netip.ParseAddr(string(v))
		a = a.Unmap()
	}
	if len(g.proxies) > 0 {
		a = Forwarded(r, "X-Forwarded-For", netip.AddrPortFrom(a, 0), g.proxies, g.recursive).Addr()
	}
	return a
}

func (g *places) find(a netip.Addr) string {
	if g.isRanges {
		i, _ := slices.BinarySearchFunc(g.ranges, a, func(x addressRange, a netip.Addr) int { return x.last.Compare(a) })
		if a.Is4() && i < len(g.ranges) && !a.Less(g.ranges[i].first) {
			return g.ranges[i].value
		}
		return g.deflt
	}
	bits := g.bits6
	if a.Is4() {
		bits = g.bits4
	}
	for _, n := range bits {
		if p, err := a.Prefix(n); err == nil {
			if v, ok := g.networks[p]; ok {
				return v
			}
		}
	}
	return g.deflt
}
