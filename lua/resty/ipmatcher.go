package resty

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// addresses is a set of networks, each with a value, as resty.ipmatcher has
// it: the longest prefix of an address decides, but 0 bits before all others
// that are not a whole address.
type addresses struct {
	v4, v6 []networks // by falling length of the prefix
}

// networks are the networks with prefixes of one length.
type networks struct {
	bits   int
	values map[netip.Addr]vm.Value
}

func openIPMatcher(m *vm.VM) *vm.Table {
	c := newClass(m, "0.3", map[string]func(t *vm.Thread, a *addresses) int{
		"match":     matchAddress,
		"match_bin": matchBinary,
	})
	maker := func(name string, withValues bool) {
		c.module.SetStr(name, m.NewFunc(name, func(t *vm.Thread) int {
			list := t.Arg(1).Table()
			if list == nil {
				t.Errorf("missing valid ip argument")
			}
			a := &addresses{}
			for k, v, ok := list.Next(vm.Nil); ok; k, v, ok = list.Next(k) {
				address, value := k, v
				if !withValues {
					address, value = v, vm.Bool(true)
				}
				if bad := a.add(t.ToString(address), value); bad != "" {
					return refuse(t, bad)
				}
			}
			t.Push(c.object(m, a))
			return 1
		}))
	}
	maker("new", false)
	maker("new_with_value", true)
	c.module.SetStr("parse_ipv4", m.NewFunc("parse_ipv4", parseIPv4))
	c.module.SetStr("parse_ipv6", m.NewFunc("parse_ipv6", parseIPv6))
	c.module.SetStr("split_ip", m.NewFunc("split_ip", func(t *vm.Thread) int {
		addr, mask, found := strings.Cut(t.CheckString(1), "/")
		t.PushString(addr)
		if n, err := strconv.Atoi(mask); found && err == nil {
			t.PushInt(n)
			return 2
		}
		return 1
	}))
	return c.module
}

// parseAddr reads an address of IPv4, or of IPv6 with or without brackets.
func parseAddr(s string) (netip.Addr, bool) {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") && strings.Contains(s, ":") {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil && a.Zone() == ""
}

// add adds a network and says what is wrong with it.
func (a *addresses) add(text string, value vm.Value) (bad string) {
	s, mask, masked := strings.Cut(text, "/")
	addr, ok := parseAddr(s)
	if !ok {
		return "invalid ip address: " + s
	}
	bits := addr.BitLen()
	if masked {
		if n, err := strconv.Atoi(mask); err == nil {
			bits = n
		}
	}
	p, err := addr.Prefix(bits)
	if err != nil {
		return "invalid ip address: " + text
	}
	list := &a.v4
	if addr.BitLen() == 128 {
		list = &a.v6
	}
	i := 0
	for i < len(*list) && (*list)[i].bits > bits {
		i++
	}
	if i == len(*list) || (*list)[i].bits != bits {
		*list = append(*list, networks{})
		copy((*list)[i+1:], (*list)[i:])
		(*list)[i] = networks{bits, map[netip.Addr]vm.Value{}}
	}
	(*list)[i].values[p.Addr()] = value
	return ""
}

// find gives the value of the network that an address is in.
func (a *addresses) find(addr netip.Addr) (v vm.Value, ok bool) {
	list := a.v4
	if addr.BitLen() == 128 {
		list = a.v6
	}
	if n := len(list); n > 0 && list[n-1].bits == 0 {
		if v, ok = list[0].values[addr]; ok && list[0].bits == addr.BitLen() {
			return v, true
		}
		list = list[n-1:]
	}
	for _, n := range list {
		p, _ := addr.Prefix(n.bits)
		if v, ok = n.values[p.Addr()]; ok {
			return v, true
		}
	}
	return vm.Nil, false
}

func matchAddress(t *vm.Thread, a *addresses) int {
	addr, ok := parseAddr(t.Arg(2).Str())
	return pushMatch(t, a, addr, ok)
}

// matchBinary is match for an address of 4 or 16 bytes.
func matchBinary(t *vm.Thread, a *addresses) int {
	addr, ok := netip.AddrFromSlice([]byte(t.Arg(2).Str()))
	return pushMatch(t, a, addr, ok)
}

func pushMatch(t *vm.Thread, a *addresses, addr netip.Addr, ok bool) int {
	if !ok {
		t.PushBool(false)
		t.PushString("invalid ip address, not ipv4 and ipv6")
		return 2
	}
	if v, ok := a.find(addr); ok {
		t.Push(v)
	} else {
		t.PushBool(false)
	}
	return 1
}

// parseIPv4 gives an address as a number, false when it is none.
func parseIPv4(t *vm.Thread) int {
	a, ok := parseAddr(t.Arg(1).Str())
	if !ok || !a.Is4() {
		t.PushBool(false)
		return 1
	}
	b := a.As4()
	t.PushNumber(float64(uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])))
	return 1
}

// parseIPv6 gives an address as a table of four numbers, false when it is none.
func parseIPv6(t *vm.Thread) int {
	a, ok := parseAddr(t.Arg(1).Str())
	if !ok || a.Is4() {
		t.PushBool(false)
		return 1
	}
	b := a.As16()
	out := t.VM().NewTable(4, 0)
	for i := range 4 {
		out.SetInt(i+1, vm.Number(float64(uint32(b[4*i])<<24|uint32(b[4*i+1])<<16|uint32(b[4*i+2])<<8|uint32(b[4*i+3]))))
	}
	t.Push(out.Value())
	return 1
}
