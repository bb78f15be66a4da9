package upstream

import (
	"crypto/tls"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/phases"
)

// A Handshake is a TLS handshake with a peer, for scripts that take part in
// it.
type Handshake struct {
	R *phases.Request
	// Version of TLS that was agreed upon.
	Version uint16
	// Certificates holds what is shown to a peer that asks for a certificate,
	// while it is chosen: at most one, or several of other algorithms.
	Certificates []tls.Certificate
	// State is the connection's while the peer is verified. Result is the
	// verdict so far: OpenSSL's number, 0 when all is well.
	State  *tls.ConnectionState
	Result int
	// Try has the timeout that bounds a script.
	Try *Try
}

// HandshakeHooks are what scripts do in handshakes with peers, nil: nothing.
// An error ends the handshake, ErrHandshakeTimeout as one that took too long.
type HandshakeHooks struct {
	// Certificate runs when the peer asks for a certificate.
	Certificate func(h *Handshake) error
	// Verify runs when the peer has shown its own, after the server's
	// verification unless Alone is set.
	Verify func(h *Handshake) error
	Alone  bool
}

// ErrHandshakeTimeout is the error of a hook that took too long; What is what
// it did.
type ErrHandshakeTimeout struct{ What string }

func (e *ErrHandshakeTimeout) Error() string { return "timed out" }

// SetHandshakeHooks sets those of a location that passes to TLS peers; ok is
// false for one that does not.
func SetHandshakeHooks(b *phases.Block, hooks HandshakeHooks) (ok bool) {
	own := phases.BlockConf[proxyConf](b)
	p := &own.pass
	if p.stmt == nil || !p.dynamic && !p.target.tls() {
		return false
	}
	own.tls.hooks = hooks
	if own.secure != nil {
		own.secure.conf.hooks = hooks
	}
	return true
}

// hook puts the hooks into the configuration of a handshake. wrong gets the
// reason why the peer is not trusted.
func (x *Exchange) hook(s *secure, config *tls.Config, name string, wrong *string) {
	hooks := &s.conf.hooks
	h := &Handshake{R: x.r, Certificates: config.Certificates, Try: &x.try}
	if hooks.Certificate != nil {
		config.GetClientCertificate = func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			h.Version = asked.Version
			if err := hooks.Certificate(h); err != nil {
				return nil, err
			}
			for i := range h.Certificates {
				if asked.SupportsCertificate(&h.Certificates[i]) == nil {
					return &h.Certificates[i], nil
				}
			}
			if len(h.Certificates) > 0 { // let the peer say what is wrong with it
				return &h.Certificates[0], nil
			}
			return new(tls.Certificate), nil
		}
	}
	alsoVerify(config, func(state tls.ConnectionState) error {
		text := ""
		if s.conf.verify && !(hooks.Verify != nil && hooks.Alone) {
			if hooks.Verify != nil {
				x.r.Errorf(phases.LevelDebug, "proxy_ssl_verify_by_lua: openssl default verify")
			}
			text = s.verifier.Check(&state)
		}
		if hooks.Verify != nil {
			h.State, h.Version, h.Result = &state, state.Version, resultOf(text)
			before := h.Result
			if err := hooks.Verify(h); err != nil {
				return err
			}
			if h.Result != before {
				text = VerifyResultText(h.Result)
			}
		}
		switch {
		case !s.conf.verify:
		case text != "":
			*wrong = "upstream SSL certificate verify error: (" + text + ")"
			return ErrVerify
		case !CertificateNames(&state, name):
			*wrong = "upstream SSL certificate does not match \"" + name + "\""
			return ErrVerify
		}
		return nil
	})
}

// alsoVerify has a connection checked after what proxy_ssl_conf_command wants of it.
func alsoVerify(config *tls.Config, check func(state tls.ConnectionState) error) {
	before := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if before != nil {
			if err := before(state); err != nil {
				return err
			}
		}
		return check(state)
	}
}

// resultOf is the number in front of a Verifier's reason.
func resultOf(reason string) int {
	text, _, _ := strings.Cut(reason, ":")
	n, _ := strconv.Atoi(text) // "": 0
	return n
}

// VerifyResultText is "number:reason" of an OpenSSL verification result, ""
// for 0 (X509_V_OK).
func VerifyResultText(n int) string {
	if n == 0 {
		return ""
	}
	text := "unknown certificate verification error"
	switch n {
	case 1:
		text = "unspecified certificate verification error"
	case 2:
		text = "unable to get issuer certificate"
	case 7:
		text = "certificate signature failure"
	case 9:
		text = "certificate is not yet valid"
	case 10:
		text = "certificate has expired"
	case 18:
		text = "self-signed certificate"
	case 19:
		text = "self-signed certificate in certificate chain"
	case 20:
		text = "unable to get local issuer certificate"
	case 21:
		text = "unable to verify the first certificate"
	case 22:
		text = "certificate chain too long"
	case 23:
		text = "certificate revoked"
	case 24:
		text = "invalid CA certificate"
	case 50:
		text = "application verification failure"
	case 62:
		text = "hostname mismatch"
	}
	return strconv.Itoa(n) + ":" + text
}
