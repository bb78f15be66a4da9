package luahttpd

import (
	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

// tlsConn is TLS over a connection's descriptor.
type tlsConn struct {
	*actor.FD
	state *phases.TLSState
}

// farewell sends close_notify.
func (c *tlsConn) farewell() {}

func (c *conn) handshake(l *phases.Listen) bool { return false }

// checkTLS refuses requests that a TLS server block does not take.
func (c *conn) checkTLS(r *phases.Request, l *phases.Listen) *phases.StatusError { return nil }
