package lua

import (
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/upstream"
)

// The scripts of handshakes with peers: proxy_ssl_certificate_by_lua and
// proxy_ssl_verify_by_lua. They run for the request that is passed on.

// What the log says of a request in these phases.
const (
	whileCertificate = " while loading proxy ssl certificate by lua"
	whileVerify      = " while loading proxy ssl verify by lua"
)

// takePeers sets the hooks of a location's handshakes with peers.
func (own *Conf) takePeers(b *phases.Block) error {
	var hooks upstream.HandshakeHooks
	cert, verify := own.scripts[inProxyCertificate], own.scripts[inProxyVerify]
	if cert != nil {
		hooks.Certificate = func(h *upstream.Handshake) error { return own.shakePeer(h, cert, whileCertificate) }
	}
	if verify != nil {
		hooks.Verify = func(h *upstream.Handshake) error { return own.shakePeer(h, verify, whileVerify) }
		hooks.Alone = own.tls.skipDefaultVerify
	}
	if cert == nil && verify == nil || upstream.SetHandshakeHooks(b, hooks) {
		return nil
	}
	for _, k := range []*chunk{cert, verify} {
		if k != nil && k.block == b {
			return k.stmt.Errorf("%s should be used with proxy_pass https url", k.phase.context())
		}
	}
	return nil
}

// shakePeer runs a script in a handshake with a peer, no longer than the
// connection may take.
func (own *Conf) shakePeer(h *upstream.Handshake, k *chunk, what string) error {
	failed := handshakeRows[k.phase].err
	e, err := own.engine(h.R)
	if err != nil {
		h.R.Errorf(phases.LevelError, "%v", err)
		return failed
	}
	s := e.begin(own, h.R, k.phase)
	defer s.end()
	s.arg.peer = &peerShake{Handshake: h}
	ok := s.runShakeFor(k, h.Try.ConnectTimeout)
	switch {
	case s.verdict.kind == gone:
		return &upstream.ErrHandshakeTimeout{What: what}
	case !ok:
		return failed
	}
	if k.phase == inProxyCertificate {
		h.Certificates = s.arg.peer.keys.complete(h.Certificates)
	}
	return nil
}

// peerShake is a handshake with a peer for the scripts in it.
type peerShake struct {
	*upstream.Handshake
	keys identities
}
