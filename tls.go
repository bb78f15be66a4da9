package luahttpd

import (
	"bytes"
	"crypto/tls"
	"errors"
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
func (c *conn) handshake(l *phases.Listen, ten *tenure) bool {
	t := &tlsConn{}
	h := &phases.Handshake{Config: ten.cfg, Worker: c.w.loop, Server: l.Default, SSL: phases.SSLOf(l.Default), Origin: c.socket.key,
		Client: &phases.Client{ID: c.id, Addr: c.peer.unpack(), Local: c.localAddr(), Unix: l.Unix, Name: c.peerName(), Since: time.Unix(0, c.since)}}
	if c.proxy != nil {
		h.Client.ProxyAddr, h.Client.ProxyLocal = c.proxy.source, c.proxy.target
	}
	t.TLS = c.fd.ServerTLS(&tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) { return h.Answer(l, hello) }})
	h.Raw = t.Hello
	c.fd.SetDeadline(c.w.loop.Now().Add(l.Default.Core.HeaderTimeout))
	c.logf(l, phases.LevelDebug, "reusable connection: 0")
	err := t.Handshake()
	c.fd.SetDeadline(time.Time{})
	var plain *actor.NotTLS
	switch {
	case err == nil:
		c.logf(l, phases.LevelDebug, "SSL_do_handshake: 1")
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
	t.state, t.srv = &phases.TLSState{ConnectionState: t.State(), SessionID: h.SessionID, Ciphers: h.Hello.CipherSuites, Curves: h.Hello.SupportedCurves,
		Kept: h.Kept}, h.Server
	t.state.Verify, t.state.VerifyError = h.SSL.Examine(c.w.loop, h.Server.Core, t.state.PeerCertificates)
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
	if r.Server != c.tls.srv { // or it is a former configuration's
		asked, err := l.Find(nil, bytes.ToLower([]byte(state.ServerName)))
		if state.ServerName != "" && (err != nil || asked != r.Server) {
			return &phases.StatusError{Status: 421, Level: phases.LevelInfo, Reason: "client attempted to request the server name different from the one that was negotiated"}
		}
		// What another server block trusts says nothing here.
		checked := *state
		checked.Verify, checked.VerifyError = own.Examine(c.w.loop, r.Server.Core, state.PeerCertificates)
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
