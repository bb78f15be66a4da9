package phases

import (
	"crypto/tls"
	"crypto/x509"
	"strings"

	"github.com/luahttpd/luahttpd/actor"
)

// A Handshake is a TLS handshake with a client, for scripts that take part in
// it. Only its worker touches it.
type Handshake struct {
	Config *Config
	Worker *actor.Worker
	Client *Client
	// Server is the listener's default until the client's wish is known, then
	// the one that the client names.
	Server *Server
	// Origin is how the log writes the address that the client came to.
	Origin string
	Hello  *tls.ClientHelloInfo
	// Raw returns the ClientHello as it came, with the headers of records.
	Raw func() []byte
	// TLS is the configuration of this handshake alone, which a hook may
	// change; nil while the client's hello is looked at.
	TLS *tls.Config
	// Min and Max bound the versions, 0: as configured.
	Min, Max uint16
	// Session is what is stored or fetched.
	Session *TLSSession
	// SessionID is the number of the session that the handshake began or goes
	// on with, "" if there is none.
	SessionID string
	// SSL is whose verification the client's certificate gets.
	SSL *SSL
	// Kept is what the hooks keep of the connection: TLSState.Kept.
	Kept any
}

// TLSSession is one that clients resume by its name.
type TLSSession struct {
	ID    string // 64 hexadecimal digits
	State *tls.SessionState
}

// TLSHooks are what scripts do in handshakes with clients, nil: nothing. An
// error ends the handshake but for those of a session's.
type TLSHooks struct {
	// Hello runs when the client's first message is there, of the listener's
	// default server only.
	Hello func(h *Handshake) error
	// Certificate runs before the certificate is chosen, for resumed sessions
	// too.
	Certificate func(h *Handshake) error
	// Fetch looks for the State of the session with the ID; Store gets a new
	// one. Without tickets only.
	Fetch, Store func(h *Handshake)
}

// Answer is the configuration for the rest of the handshake: tls.Config's
// GetConfigForClient.
func (h *Handshake) Answer(l *Listen, hello *tls.ClientHelloInfo) (*tls.Config, error) {
	h.Hello, h.Server = hello, l.Default
	if hook := SSLOf(l.Default).Hooks.Hello; hook != nil {
		if err := hook(h); err != nil {
			return nil, err
		}
	}
	cfg, srv, source, err := l.tlsFor([]byte(strings.ToLower(hello.ServerName)))
	if err != nil {
		return nil, err
	}
	h.Server, h.SSL = srv, SSLOf(srv)
	hooks := &source.Hooks
	ss := source.sessions
	if source.Reject || hooks.Certificate == nil && h.Min == 0 && !source.dynamic && len(source.staplers) == 0 && (ss == nil || !ss.resume(hooks)) {
		return cfg, nil
	}
	h.TLS = cfg.Clone()
	if h.Min != 0 {
		h.TLS.MinVersion, h.TLS.MaxVersion = h.Min, h.Max
	}
	if ss != nil && ss.resume(hooks) {
		ss.bind(h, hooks)
	}
	if source.dynamic {
		if h.TLS.Certificates, err = h.certificates(source); err != nil {
			return nil, err
		}
	}
	if len(source.staplers) > 0 {
		h.staple(source)
	}
	if hooks.Certificate != nil {
		if err := hooks.Certificate(h); err != nil {
			return nil, err
		}
	}
	return h.TLS, nil
}

// Trust has the client asked for a certificate, which $ssl_client_verify then
// tells of: no request is refused for it. ca are those that the client is told
// of, trusted others; depth bounds the chain.
func (h *Handshake) Trust(ca, trusted []*x509.Certificate, depth int) {
	own := &SSL{Verify: VerifyOptional, Depth: depth, roots: x509.NewCertPool()}
	names := x509.NewCertPool()
	for _, c := range ca {
		own.roots.AddCert(c)
		names.AddCert(c)
	}
	for _, c := range trusted {
		own.roots.AddCert(c)
	}
	h.SSL = own
	h.TLS.ClientAuth, h.TLS.ClientCAs = tls.RequestClientCert, names
}
