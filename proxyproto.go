package luahttpd

import (
	"errors"
	"net/netip"

	"github.com/luahttpd/luahttpd/phases"
)

// proxyHeader is what a PROXY protocol header says of the connection.
type proxyHeader struct{ source, target netip.AddrPort }

func (c *conn) readProxy(l *phases.Listen) error { return errors.New("not supported") }
