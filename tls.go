package luahttpd

import (
	"crypto/tls"
	"errors"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
)

// tlsConn is the TLS side of a connection.
type tlsConn struct {
	*actor.TLS
	state *phases.TLSState
	srv   *phases.Server // whose configuration the handshake used
}

// handshake makes the connection a TLS one. A client that speaks HTTP gets an
// answer in HTTP: its bytes are kept for the turn.
func (c *conn) handshake(l *phases.Listen) bool {
	t := &tlsConn{}
	t.TLS = c.fd.ServerTLS(&tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		cfg, srv, err := l.TLSFor([]byte(strings.ToLower(hello.ServerName)))
		t.srv = srv
		return cfg, err
	}})
	c.fd.SetDeadline(c.w.loop.Now().Add(l.Default.Core.HeaderTimeout))
	err := t.Handshake()
	c.fd.SetDeadline(time.Time{})
	var plain *actor.NotTLS
	switch {
	case err == nil:
	case errors.As(err, &plain) && plain.Received[0] >= 'A' && plain.Received[0] <= 'Z':
		c.rare().plain = plain.Received
		return true
	case errors.Is(err, actor.ErrTimeout):
		c.logf(l, phases.LevelInfo, "client timed out (110: Connection timed out) while SSL handshaking")
		return false
	case gone(err):
		c.logf(l, phases.LevelInfo, "peer closed connection in SSL handshake while SSL handshaking")
		return false
	default:
		c.logf(l, phases.LevelInfo, "SSL_do_handshake() failed (SSL: %v) while SSL handshaking", err)
		return false
	}
	t.state = &phases.TLSState{ConnectionState: t.State()}
	if t.srv == nil {
		t.srv = l.Default
	}
	t.state.Verify, t.state.VerifyError = phases.SSLOf(t.srv).Check(t.state.PeerCertificates, c.w.loop.Now())
	c.rare().tls = t
	return true
}

// checkTLS refuses requests that a TLS server block does not take.
func (c *conn) checkTLS(r *phases.Request, l *phases.Listen) *phases.StatusError {
	if !l.SSL {
		return nil
	}
	if c.tls == nil {
		return &phases.StatusError{Status: 497, Level: phases.LevelInfo, Reason: "client sent plain HTTP request to HTTPS port while reading client request headers"}
	}
	own := phases.SSLOf(r.Server)
	if own.Verify == phases.VerifyOff {
		return nil
	}
	state := c.tls.state
	if r.Server != c.tls.srv {
		if state.ServerName != "" {
			return &phases.StatusError{Status: 421, Level: phases.LevelInfo, Reason: "client attempted to request the server name different from the one that was negotiated"}
		}
		// What another server block trusts says nothing here.
		checked := *state
		checked.Verify, checked.VerifyError = own.Check(state.PeerCertificates, c.w.loop.Now())
		state, r.Client.TLS = &checked, &checked
	}
	switch {
	case state.VerifyError != nil && own.Verify != phases.VerifyOptionalNoCA:
		return &phases.StatusError{Status: 495, Level: phases.LevelInfo, Reason: "client SSL certificate verify error: (" + state.Verify[len("FAILED:"):] + ") while reading client request headers"}
	case own.Verify == phases.VerifyOn && len(state.PeerCertificates) == 0:
		return &phases.StatusError{Status: 496, Level: phases.LevelInfo, Reason: "client sent no required SSL certificate while reading client request headers"}
	}
	return nil
}
