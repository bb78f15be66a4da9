package luasocket

import (
	"net/netip"
	"strings"
	"syscall"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// Numbers that package syscall does not have for Linux.
const (
	soReusePort        = 15
	tcpFastOpen        = 23
	tcpFastOpenConnect = 30
)

// option is one that setoption or getoption knows.
type option struct {
	name, kinds   string // t: tcp, u: udp, s: streams and d: datagrams of unix sockets
	level, number int
	set           func(s *sock, o option, t *vm.Thread) error // nil: it can only be read
	get           func(s *sock, o option, t *vm.Thread) error // pushes it; nil: it can only be set
}

var options = []option{
	{"keepalive", "ts", syscall.SOL_SOCKET, syscall.SO_KEEPALIVE, setBool, getBool},
	{"reuseaddr", "tusd", syscall.SOL_SOCKET, syscall.SO_REUSEADDR, setBool, getBool},
	{"reuseport", "tu", syscall.SOL_SOCKET, soReusePort, setBool, getBool},
	{"linger", "ts", syscall.SOL_SOCKET, syscall.SO_LINGER, setLinger, getLinger},
	{"error", "tu", syscall.SOL_SOCKET, syscall.SO_ERROR, nil, getError},
	{"recv-buffer-size", "tu", syscall.SOL_SOCKET, syscall.SO_RCVBUF, setInt, getInt},
	{"send-buffer-size", "tu", syscall.SOL_SOCKET, syscall.SO_SNDBUF, setInt, getInt},
	{"bindtodevice", "t", syscall.SOL_SOCKET, syscall.SO_BINDTODEVICE, setDevice, nil},
	{"tcp-nodelay", "t", syscall.IPPROTO_TCP, syscall.TCP_NODELAY, setBool, getBool},
	{"tcp-keepidle", "t", syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE, setInt, getInt},
	{"tcp-keepcnt", "t", syscall.IPPROTO_TCP, syscall.TCP_KEEPCNT, setInt, getInt},
	{"tcp-keepintvl", "t", syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL, setInt, getInt},
	{"tcp-defer-accept", "t", syscall.IPPROTO_TCP, syscall.TCP_DEFER_ACCEPT, setInt, nil},
	{"tcp-fastopen", "t", syscall.IPPROTO_TCP, tcpFastOpen, setInt, nil},
	{"tcp-fastopen-connect", "t", syscall.IPPROTO_TCP, tcpFastOpenConnect, setInt, nil},
	{"dontroute", "u", syscall.SOL_SOCKET, syscall.SO_DONTROUTE, setBool, getBool},
	{"broadcast", "u", syscall.SOL_SOCKET, syscall.SO_BROADCAST, setBool, getBool},
	{"ip-multicast-if", "u", syscall.IPPROTO_IP, syscall.IP_MULTICAST_IF, setInterface, getInterface},
	{"ip-multicast-ttl", "u", syscall.IPPROTO_IP, syscall.IP_MULTICAST_TTL, setInt, nil},
	{"ip-multicast-loop", "u", syscall.IPPROTO_IP, syscall.IP_MULTICAST_LOOP, setBool, getBool},
	{"ip-add-membership", "u", syscall.IPPROTO_IP, syscall.IP_ADD_MEMBERSHIP, setMembership, nil},
	{"ip-drop-membership", "u", syscall.IPPROTO_IP, syscall.IP_DROP_MEMBERSHIP, setMembership, nil},
	{"ipv6-unicast-hops", "u", syscall.IPPROTO_IPV6, syscall.IPV6_UNICAST_HOPS, setInt, getInt},
	{"ipv6-multicast-hops", "u", syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_HOPS, setInt, getInt},
	{"ipv6-multicast-loop", "u", syscall.IPPROTO_IPV6, syscall.IPV6_MULTICAST_LOOP, setBool, getBool},
	{"ipv6-add-membership", "u", syscall.IPPROTO_IPV6, syscall.IPV6_JOIN_GROUP, setMembership6, nil},
	{"ipv6-drop-membership", "u", syscall.IPPROTO_IPV6, syscall.IPV6_LEAVE_GROUP, setMembership6, nil},
	{"ipv6-v6only", "tu", syscall.IPPROTO_IPV6, syscall.IPV6_V6ONLY, setBool, getBool},
}

// letters are the kinds of sockets as the table has them.
var letters = map[string]string{"tcp": "t", "udp": "u", "unixstream": "s", "unixdgram": "d"}

// option finds the option that argument 2 names.
func (s *sock) option(t *vm.Thread, usable func(o option) bool) option {
	name := t.CheckString(2)
	for _, o := range options {
		if o.name == name && strings.Contains(o.kinds, letters[s.class.kind]) && usable(o) {
			return o
		}
	}
	const most = 35
	t.ArgError(2, "unsupported option `"+name[:min(len(name), most)]+"'")
	return option{}
}

func (s *sock) setOption(t *vm.Thread) int {
	o := s.option(t, func(o option) bool { return o.set != nil })
	if o.set(s, o, t) != nil {
		return refuse(t, "setsockopt failed")
	}
	return one(t)
}

func (s *sock) getOption(t *vm.Thread) int {
	o := s.option(t, func(o option) bool { return o.get != nil })
	if o.get(s, o, t) != nil {
		return refuse(t, "getsockopt failed")
	}
	return 1
}

func setBool(s *sock, o option, t *vm.Thread) error {
	n := 0
	if t.CheckBool(3) {
		n = 1
	}
	return syscall.SetsockoptInt(s.fd, o.level, o.number, n)
}

func getBool(s *sock, o option, t *vm.Thread) error {
	n, err := syscall.GetsockoptInt(s.fd, o.level, o.number)
	if err == nil {
		t.PushBool(n != 0)
	}
	return err
}

func setInt(s *sock, o option, t *vm.Thread) error {
	return syscall.SetsockoptInt(s.fd, o.level, o.number, t.CheckInt(3))
}

func getInt(s *sock, o option, t *vm.Thread) error {
	n, err := syscall.GetsockoptInt(s.fd, o.level, o.number)
	if err == nil {
		t.PushInt(n)
	}
	return err
}

// lingerMax is the longest time in seconds that the kernel takes.
const lingerMax = 1<<16 - 1

func setLinger(s *sock, o option, t *vm.Thread) error {
	table := t.CheckTable(3)
	on, timeout := table.GetStr("on"), table.GetStr("timeout")
	if on.Kind() != vm.KBool {
		t.ArgError(3, "boolean 'on' field expected")
	}
	n, ok := timeout.ToNumber()
	if !ok {
		t.ArgError(3, "number 'timeout' field expected")
	}
	l := syscall.Linger{Linger: int32(min(max(n, 0), lingerMax))}
	if on.Truth() {
		l.Onoff = 1
	}
	err := syscall.SetsockoptLinger(s.fd, o.level, o.number, &l)
	if err == nil {
		s.linger = int(l.Linger)
	}
	return err
}

// getLinger tells what was set: package syscall cannot ask for it.
func getLinger(s *sock, o option, t *vm.Thread) error {
	onoff, err := syscall.GetsockoptInt(s.fd, o.level, o.number)
	if err != nil {
		return err
	}
	table := s.l.m.NewTable(0, 2)
	table.SetStr("on", vm.Bool(onoff != 0))
	table.SetStr("timeout", vm.Int(s.linger))
	t.Push(table.Value())
	return nil
}

func getError(s *sock, o option, t *vm.Thread) error {
	n, err := syscall.GetsockoptInt(s.fd, o.level, o.number)
	switch {
	case err != nil:
		return err
	case n == 0:
		t.PushNil()
	default:
		t.PushString(words(syscall.Errno(n)))
	}
	return nil
}

func setDevice(s *sock, o option, t *vm.Thread) error {
	return syscall.BindToDevice(s.fd, t.CheckString(3))
}

// address4 is an IPv4 address, "*" any.
func address4(t *vm.Thread, text, bad string) (a [4]byte) {
	if text == "*" {
		return a
	}
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is4() {
		t.ArgError(3, bad)
	}
	return ip.As4()
}

func setInterface(s *sock, o option, t *vm.Thread) error {
	return syscall.SetsockoptInet4Addr(s.fd, o.level, o.number, address4(t, t.CheckString(3), "ip expected"))
}

func getInterface(s *sock, o option, t *vm.Thread) error {
	a, err := syscall.GetsockoptInet4Addr(s.fd, o.level, o.number)
	if err == nil {
		t.PushString(netip.AddrFrom4(a).String())
	}
	return err
}

// field is a text in the table that is argument 3.
func field(t *vm.Thread, name string) string {
	text, ok := t.CheckTable(3).GetStr(name).ToString()
	if !ok {
		t.ArgError(3, "string '"+name+"' field expected")
	}
	return text
}

func setMembership(s *sock, o option, t *vm.Thread) error {
	m := syscall.IPMreq{
		Multiaddr: address4(t, field(t, "multiaddr"), "invalid 'multiaddr' ip address"),
		Interface: address4(t, field(t, "interface"), "invalid 'interface' ip address"),
	}
	return syscall.SetsockoptIPMreq(s.fd, o.level, o.number, &m)
}

func setMembership6(s *sock, o option, t *vm.Thread) error {
	ip, err := netip.ParseAddr(field(t, "multiaddr"))
	if err != nil || !ip.Is6() {
		t.ArgError(3, "invalid 'multiaddr' ip address")
	}
	m := syscall.IPv6Mreq{Multiaddr: ip.As16()}
	if v := t.CheckTable(3).GetStr("interface"); !v.IsNil() {
		n, ok := v.ToNumber()
		if !ok {
			t.ArgError(3, "number 'interface' field expected")
		}
		m.Interface = uint32(n)
	}
	return syscall.SetsockoptIPv6Mreq(s.fd, o.level, o.number, &m)
}
