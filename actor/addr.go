package actor

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An Addr is where a socket is: an IP address and port, or a unix socket. It is a value and costs
// no allocation.
type Addr struct {
	netip.AddrPort        // not valid: a unix socket
	Path           string // of a unix socket; "@name" is an abstract one, "" one without a name
}

// IP is the address of a TCP or UDP socket.
func IP(a netip.AddrPort) Addr { return Addr{AddrPort: a} }

// Unix is the address of a unix socket.
func Unix(path string) Addr { return Addr{Path: path} }

// IsUnix says whether it is a unix socket's.
func (a Addr) IsUnix() bool { return !a.AddrPort.IsValid() }

// String is "address:port", "[address]:port" or "unix:path".
func (a Addr) String() string {
	if a.IsUnix() {
		return "unix:" + a.Path
	}
	return a.AddrPort.String()
}

// Net is the same as package net has it.
func (a Addr) Net() net.Addr {
	if a.IsUnix() {
		return &net.UnixAddr{Name: a.Path, Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(a.AddrPort)
}

func (a Addr) family() int {
	switch {
	case a.IsUnix():
		return unix.AF_UNIX
	case a.AddrPort.Addr().Is4():
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// encode writes the address as the kernel wants it and returns its size.
func (a Addr) encode(sa *unix.RawSockaddrAny) (uint32, error) {
	switch a.family() {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		*in = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: a.AddrPort.Addr().As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&in.Port))[:], a.Port())
		return unix.SizeofSockaddrInet4, nil
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		*in = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: a.AddrPort.Addr().As16()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&in.Port))[:], a.Port())
		if zone := a.AddrPort.Addr().Zone(); zone != "" {
			if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
				in.Scope_id = uint32(n)
			} else if i, err := net.InterfaceByName(zone); err == nil {
				in.Scope_id = uint32(i.Index)
			} else {
				return 0, err
			}
		}
		return unix.SizeofSockaddrInet6, nil
	}
	un := (*unix.RawSockaddrUnix)(unsafe.Pointer(sa))
	*un = unix.RawSockaddrUnix{Family: unix.AF_UNIX}
	name := (*[len(un.Path)]byte)(unsafe.Pointer(&un.Path))
	if len(a.Path) == 0 || len(a.Path) >= len(name) {
		return 0, syscall.ENAMETOOLONG
	}
	copy(name[:], a.Path)
	const head = 2
	if a.Path[0] == '@' {
		name[0] = 0
		return uint32(head + len(a.Path)), nil
	}
	return uint32(head + len(a.Path) + 1), nil
}

// decode reads an address of the kernel's. One of a family that it does not know is an unnamed unix
// socket.
func decode(sa *unix.RawSockaddrAny, size uint32) Addr {
	switch sa.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&in.Port))[:])
		return IP(netip.AddrPortFrom(netip.AddrFrom4(in.Addr), port))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&in.Port))[:])
		ip := netip.AddrFrom16(in.Addr)
		if in.Scope_id != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(in.Scope_id), 10))
		}
		return IP(netip.AddrPortFrom(ip, port))
	}
	un := (*unix.RawSockaddrUnix)(unsafe.Pointer(sa))
	name := (*[len(un.Path)]byte)(unsafe.Pointer(&un.Path))
	n := int(size) - 2
	switch {
	case sa.Addr.Family != unix.AF_UNIX || n <= 0:
		return Addr{}
	case name[0] == 0:
		return Unix("@" + string(name[1:min(n, len(name))]))
	}
	path := name[:min(n, len(name))]
	if i := bytes.IndexByte(path, 0); i >= 0 {
		path = path[:i]
	}
	return Unix(string(path))
}
