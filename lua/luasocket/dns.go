package luasocket

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// What resolving says when it fails, in LuaSocket's words.
const (
	unknownHost    = "host or service not provided, or not known"
	unknownService = "service not supported for socket type"
	noHost         = "host not found"
)

// ErrUnknown is what Host.Lookup returns for a name that has no address, and
// ErrAgain when no answer came.
var (
	ErrUnknown = errors.New(unknownHost)
	ErrAgain   = errors.New("temporary failure in name resolution")
)

// reverseLimit bounds the search for the name of an address.
const reverseLimit = 10 * time.Second

func (l *library) openDNS() *vm.Table {
	t := l.m.NewTable(0, 5)
	for name, f := range map[string]vm.Func{
		"toip":        l.toIP,
		"tohostname":  l.toHostname,
		"getaddrinfo": l.getAddrInfo,
		"getnameinfo": l.getNameInfo,
		"gethostname": func(t *vm.Thread) int {
			name, err := os.Hostname()
			if err != nil {
				return failed(t, err)
			}
			t.PushString(name)
			return 1
		},
	} {
		t.SetStr(name, l.m.NewFunc(name, f))
	}
	return t
}

// addresses are a host's, those of one family unless that is unspecified.
func (l *library) addresses(t *vm.Thread, host string, family int) ([]netip.Addr, error) {
	all := []netip.Addr{{}}
	var err error
	if all[0], err = netip.ParseAddr(host); err != nil {
		if host == "" {
			return nil, ErrUnknown
		}
		if all, err = l.host.Lookup(t, host); err != nil {
			return nil, err
		}
	}
	var list []netip.Addr
	for _, a := range all {
		if family == unspecified || family == familyOf(a) {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil, ErrUnknown
	}
	return list, nil
}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return inet4
	}
	return inet6
}

// service is the port of a service, which is mostly a number.
func service(name, network string) (uint16, error) {
	if n, err := strconv.ParseUint(name, 10, 16); err == nil {
		return uint16(n), nil
	}
	n, err := net.LookupPort(network, name) // of /etc/services
	if err != nil {
		return 0, errors.New(unknownService)
	}
	return uint16(n), nil
}

// place is the address of the kernel's for a port of a host.
func place(a netip.Addr, port uint16) (syscall.Sockaddr, error) {
	if a.Is4() {
		return &syscall.SockaddrInet4{Port: int(port), Addr: a.As4()}, nil
	}
	sa := &syscall.SockaddrInet6{Port: int(port), Addr: a.As16()}
	if zone := a.Zone(); zone != "" {
		n, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			i, err := net.InterfaceByName(zone)
			if err != nil {
				return nil, ErrUnknown
			}
			n = uint64(i.Index)
		}
		sa.ZoneId = uint32(n)
	}
	return sa, nil
}

// addressOf is place the other way round; ok is false for what is no address
// of a host.
func addressOf(sa syscall.Sockaddr) (a netip.Addr, port int, ok bool) {
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrFrom4(sa.Addr), sa.Port, true
	case *syscall.SockaddrInet6:
		a = netip.AddrFrom16(sa.Addr)
		if sa.ZoneId != 0 {
			a = a.WithZone(strconv.Itoa(int(sa.ZoneId)))
		}
		return a, sa.Port, true
	}
	return a, 0, false
}

// toIP is dns.toip(host): its first IPv4 address, and all that is known of it.
func (l *library) toIP(t *vm.Thread) int {
	name := t.CheckString(1)
	list, err := l.addresses(t, name, inet4)
	if err != nil {
		return unresolved(t, err)
	}
	t.PushString(list[0].String())
	l.pushResolved(t, name, list)
	return 2
}

// toHostname is dns.tohostname(address or host): its name, and all that is
// known of it.
func (l *library) toHostname(t *vm.Thread) int {
	name := t.CheckString(1)
	list, err := l.addresses(t, name, inet4)
	if err != nil {
		return unresolved(t, err)
	}
	if list[0].String() == name {
		if name, err = l.reverse(list[0]); err != nil {
			return refuse(t, noHost)
		}
	}
	t.PushString(name)
	l.pushResolved(t, name, list)
	return 2
}

func unresolved(t *vm.Thread, err error) int {
	if err == ErrUnknown {
		return refuse(t, noHost)
	}
	return failed(t, err)
}

func (l *library) pushResolved(t *vm.Thread, name string, list []netip.Addr) {
	ips := l.m.NewTable(len(list), 0)
	for i, a := range list {
		ips.SetInt(i+1, vm.String(a.String()))
	}
	r := l.m.NewTable(0, 3)
	r.SetStr("name", vm.String(name))
	r.SetStr("alias", l.m.NewTable(0, 0).Value())
	r.SetStr("ip", ips.Value())
	t.Push(r.Value())
}

// reverse is the name of an address.
func (l *library) reverse(a netip.Addr) (name string, err error) {
	l.host.Offload(func() {
		limit, cancel := context.WithTimeout(context.Background(), reverseLimit)
		defer cancel()
		var names []string
		if names, err = net.DefaultResolver.LookupAddr(limit, a.WithZone("").String()); err == nil && len(names) == 0 {
			err = ErrUnknown
		}
		if err == nil {
			name = names[0]
			if n := len(name); n > 1 && name[n-1] == '.' {
				name = name[:n-1]
			}
		}
	})
	return name, err
}

// getAddrInfo is dns.getaddrinfo(host): its addresses with their families.
func (l *library) getAddrInfo(t *vm.Thread) int {
	list, err := l.addresses(t, t.CheckString(1), unspecified)
	if err != nil {
		return failed(t, err)
	}
	r := l.m.NewTable(len(list), 0)
	for i, a := range list {
		e := l.m.NewTable(0, 2)
		e.SetStr("family", vm.String(familyName(familyOf(a))))
		e.SetStr("addr", vm.String(a.String()))
		r.SetInt(i+1, e.Value())
	}
	t.Push(r.Value())
	return 1
}

func familyName(family int) string {
	switch family {
	case inet4:
		return "inet"
	case inet6:
		return "inet6"
	}
	return "unspec"
}

// getNameInfo is dns.getnameinfo([host [, service]]): the names of the host's
// addresses, and the service's.
func (l *library) getNameInfo(t *vm.Thread) int {
	host, port := t.OptString(1, ""), t.OptString(2, "")
	if t.Arg(1).IsNil() && t.Arg(2).IsNil() {
		t.Errorf("host and serv cannot be both nil")
	}
	r := l.m.NewTable(1, 0)
	if host != "" {
		list, err := l.addresses(t, host, unspecified)
		if err != nil {
			return failed(t, err)
		}
		for i, a := range list {
			name, err := l.reverse(a)
			if err != nil {
				name = a.String()
			}
			r.SetInt(i+1, vm.String(name))
		}
	}
	if port == "" {
		t.Push(r.Value())
		return 1
	}
	n, err := service(port, "tcp")
	if err != nil {
		return failed(t, err)
	}
	t.Push(r.Value())
	t.PushInt(int(n))
	return 2
}
