package luahttpd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"github.com/luahttpd/luahttpd/phases"
)

// proxyHeader is what a PROXY protocol header says of the connection that
// stands behind this one; not valid when it says that it does not know.
type proxyHeader struct{ source, target netip.AddrPort }

var (
	proxySignature  = []byte("\r\n\r\n\x00\r\nQUIT\n")
	errProxyBroken  = errors.New("broken header")
	errProxyVersion = errors.New("unknown PROXY protocol version")
)

const (
	proxyV1Max  = 107 // bytes of a version 1 line
	proxyV2Head = 16
	proxyV2Max  = 4096 // bytes of a version 2 header that are accepted
)

// readProxy reads the PROXY protocol header in front of everything else.
func (c *conn) readProxy(l *phases.Listen) error {
	c.fd.SetReadDeadline(c.w.loop.Now().Add(l.Default.Core.HeaderTimeout))
	defer c.fd.SetReadDeadline(time.Time{})
	var head [proxyV2Head]byte
	// One byte at a time up to the length of the header: what follows is TLS
	// or HTTP and must stay where it is.
	if err := c.readFull(head[:8]); err != nil {
		return err
	}
	if bytes.Equal(head[:6], []byte("PROXY ")) {
		line := append(make([]byte, 0, proxyV1Max), head[:8]...)
		for !bytes.HasSuffix(line, []byte("\r\n")) {
			if len(line) == proxyV1Max {
				return errProxyBroken
			}
			line = line[:len(line)+1]
			if err := c.readFull(line[len(line)-1:]); err != nil {
				return err
			}
		}
		h, err := parseProxyV1(line[:len(line)-2])
		c.rare().proxy = h
		return err
	}
	if !bytes.Equal(head[:8], proxySignature[:8]) {
		return errProxyBroken
	}
	if err := c.readFull(head[8:]); err != nil {
		return err
	}
	if !bytes.Equal(head[:12], proxySignature) {
		return errProxyBroken
	}
	n := binary.BigEndian.Uint16(head[14:])
	if n > proxyV2Max {
		return errProxyBroken
	}
	body := make([]byte, n)
	if err := c.readFull(body); err != nil {
		return err
	}
	h, err := parseProxyV2(head[12], head[13], body)
	c.rare().proxy = h
	return err
}

func (c *conn) readFull(p []byte) error {
	for len(p) > 0 {
		n, err := c.fd.Read(p)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// parseProxyV1 reads "PROXY TCP4 source target sport dport".
func parseProxyV1(line []byte) (*proxyHeader, error) {
	f := bytes.Split(line, []byte(" "))
	if len(f) >= 2 && string(f[1]) == "UNKNOWN" {
		return nil, nil
	}
	if len(f) != 6 || string(f[1]) != "TCP4" && string(f[1]) != "TCP6" {
		return nil, errProxyBroken
	}
	parse := func(addr, port []byte) (netip.AddrPort, bool) {
		a, err := netip.ParseAddr(string(addr))
		n, perr := strconv.ParseUint(string(port), 10, 16)
		return netip.AddrPortFrom(a, uint16(n)), err == nil && perr == nil && a.Zone() == "" && a.Is4() == (string(f[1]) == "TCP4")
	}
	source, ok1 := parse(f[2], f[4])
	target, ok2 := parse(f[3], f[5])
	if !ok1 || !ok2 {
		return nil, errProxyBroken
	}
	return &proxyHeader{source, target}, nil
}

// parseProxyV2 reads what follows the signature of a binary header.
func parseProxyV2(verCmd, family byte, body []byte) (*proxyHeader, error) {
	if verCmd>>4 != 2 {
		return nil, errProxyVersion
	}
	if verCmd&0xf == 0 { // LOCAL: the proxy speaks for itself
		return nil, nil
	}
	size := map[byte]int{1: 4, 2: 16}[family>>4]
	if size == 0 || family&0xf != 1 {
		return nil, nil
	}
	if len(body) < 2*size+4 {
		return nil, errProxyBroken
	}
	at := func(addr, port int) netip.AddrPort {
		a, _ := netip.AddrFromSlice(body[addr : addr+size])
		return netip.AddrPortFrom(a, binary.BigEndian.Uint16(body[port:]))
	}
	return &proxyHeader{at(0, 2*size), at(size, 2*size+2)}, nil
}
