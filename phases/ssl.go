package phases

import (
	"crypto/tls"
	"crypto/x509"
	"time"

	"github.com/luahttpd/luahttpd/conf"
)

// SSL is the TLS configuration of a server block.
type SSL struct {
	Certificates conf.List[*Template]
	Keys         conf.List[*Template]
	Passwords    string
	Min, Max     uint16
	Ciphers      []uint16 // nil: the defaults
	Curves       []tls.CurveID
	Commands     SSLCommands
	Tickets      bool
	TicketKeys   conf.List[string]
	Timeout      time.Duration // of a session, 5m
	Verify       int
	Depth        int // 1
	ClientCA     string
	TrustedCA    string
	CRL          string
	Reject       bool
	// Stapling and its file (ssl_stapling_file).
	Stapling     bool
	StaplingFile string
	// StaplingResponder and OCSPResponder replace what certificates name.
	StaplingResponder string
	StaplingVerify    bool
	OCSP              int
	OCSPResponder     string
	// Hooks are set by whom scripts belong to, before the configuration is
	// finished.
	Hooks TLSHooks

	config   *tls.Config
	sessions *sessions
	// dynamic: the names of the certificates depend on the client; passwords
	// are for their keys.
	dynamic   bool
	passwords []string
	store     *sessionStore // ssl_session_cache; nil: none
	roots     *x509.CertPool
	inter     []*x509.Certificate // trusted to lead to the roots
	staplers  []*stapler          // one for each certificate, nil: none
	ocspCache *sessionStore       // nil: none
	crl       []*x509.RevocationList
	stmt      *conf.Stmt
}

// Values of SSL.Verify.
const (
	VerifyOff = iota
	VerifyOn
	VerifyOptional
	VerifyOptionalNoCA
)

// SSLModule is TLS towards clients.
var SSLModule = Define(Spec[SSL]{
	Name: "ssl",
	Default: func() SSL {
		return SSL{Min: tls.VersionTLS12, Max: tls.VersionTLS13, Tickets: true, Depth: 1, Timeout: 5 * time.Minute}
	},
	Directives: sslRows(),
	Variables:  sslVariables(),
	Init:       initSSL,
})

func sslRows() []Directive[SSL] {
	rows := []Directive[SSL]{
		Add("ssl_certificate", httpServer, conf.Exactly(1), func(own *SSL, b *Block, s *conf.Stmt) error {
			own.stmt = s
			return addSSLName(&own.Certificates, b, s)
		}),
		Add("ssl_certificate_key", httpServer, conf.Exactly(1), func(own *SSL, b *Block, s *conf.Stmt) error {
			return addSSLName(&own.Keys, b, s)
		}),
		SetString("ssl_password_file", httpServer, func(c *SSL) *string { return &c.Passwords }),
		Set("ssl_protocols", httpServer, conf.AtLeast(1), setProtocols),
		Set("ssl_ciphers", httpServer, conf.Exactly(1), setCiphers),
		Set("ssl_ecdh_curve", httpServer, conf.Exactly(1), setCurves),
		AddSSLCommand("ssl_conf_command", httpServer, func(c *SSL) *SSLCommands { return &c.Commands }),
		SetFlag("ssl_session_tickets", httpServer, func(c *SSL) *bool { return &c.Tickets }),
		Add("ssl_session_ticket_key", httpServer, conf.Exactly(1), func(own *SSL, b *Block, s *conf.Stmt) error {
			own.TicketKeys.Add(s, s.Args[0])
			return nil
		}),
		Set("ssl_session_cache", httpServer, conf.Between(1, 2), setSessionCache),
		SetDuration("ssl_session_timeout", httpServer, func(c *SSL) *time.Duration { return &c.Timeout }),
		SetEnum("ssl_verify_client", httpServer, func(c *SSL) *int { return &c.Verify }, "off", "on", "optional", "optional_no_ca"),
		SetInt("ssl_verify_depth", httpServer, func(c *SSL) *int { return &c.Depth }),
		SetString("ssl_client_certificate", httpServer, func(c *SSL) *string { return &c.ClientCA }),
		SetString("ssl_trusted_certificate", httpServer, func(c *SSL) *string { return &c.TrustedCA }),
		SetString("ssl_crl", httpServer, func(c *SSL) *string { return &c.CRL }),
		SetFlag("ssl_reject_handshake", httpServer, func(c *SSL) *bool { return &c.Reject }),
		SetFlag("ssl_stapling", httpServer, func(c *SSL) *bool { return &c.Stapling }),
		SetString("ssl_stapling_file", httpServer, func(c *SSL) *string { return &c.StaplingFile }),
		SetString("ssl_stapling_responder", httpServer, func(c *SSL) *string { return &c.StaplingResponder }),
		SetFlag("ssl_stapling_verify", httpServer, func(c *SSL) *bool { return &c.StaplingVerify }),
		SetEnum("ssl_ocsp", httpServer, func(c *SSL) *int { return &c.OCSP }, "off", "on", "leaf"),
		SetString("ssl_ocsp_responder", httpServer, func(c *SSL) *string { return &c.OCSPResponder }),
		Set("ssl_ocsp_cache", httpServer, conf.Exactly(1), setOCSPCache),
		Set("ssl", httpServer, conf.Flag(), func(own *SSL, b *Block, s *conf.Stmt) error {
			return s.Errorf("the \"ssl\" directive is gone, use the \"listen ... ssl\" directive instead")
		}),
	}
	return append(rows, Ignore[SSL](httpServer, conf.AtLeast(1), "Go's TLS decides this itself", "ssl_dhparam",
		"ssl_prefer_server_ciphers", "ssl_buffer_size", "ssl_early_data", "ssl_certificate_cache", "ssl_certificate_compression")...)
}

func setProtocols(own *SSL, b *Block, s *conf.Stmt) (err error) {
	if own.Min, own.Max, err = ParseProtocols(s.Args); err != nil {
		return s.Errorf("%v", err)
	}
	return nil
}

func setCurves(own *SSL, b *Block, s *conf.Stmt) error {
	curves, unknown := ParseCurves(s.Args[0])
	if unknown != "" {
		return s.Errorf("SSL_CTX_set1_curves_list(\"%s\") failed", unknown)
	}
	own.Curves = curves
	return nil
}

func setCiphers(own *SSL, b *Block, s *conf.Stmt) (err error) {
	own.Ciphers, err = b.Ciphers(s)
	return err
}

// Ciphers reads the cipher list of a statement like ssl_ciphers. Names that mean
// nothing here are told in a notice; a list without any other is an error. nil
// are the defaults of crypto/tls, which DEFAULT means.
func (b *Block) Ciphers(s *conf.Stmt) ([]uint16, error) {
	if s.Args[0] == "DEFAULT" {
		return nil, nil
	}
	suites, unknown := ParseCiphers(s.Args[0])
	for _, name := range unknown {
		b.Config.Notice(s, "cipher \"%s\" is not known here and ignored", name)
	}
	if len(suites) == 0 {
		return nil, s.Errorf("SSL_CTX_set_cipher_list(\"%s\") failed", s.Args[0])
	}
	return suites, nil
}

// initSSL builds the TLS configuration of every server block that listens
// with it.
func initSSL(cfg *Config, _ *SSL) error {
	for _, l := range cfg.Listens {
		if !l.SSL {
			continue
		}
		for _, srv := range l.servers {
			own := ConfOf[SSL](srv.Loc)
			if own.config != nil || own.Reject {
				continue
			}
			if len(own.Certificates.Items) == 0 {
				if srv == l.Default {
					return srv.Stmt.Errorf("no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive")
				}
				// The default's certificate is shown; whom to trust is its own.
				if err := own.verification(cfg, &tls.Config{}); err != nil {
					return srv.Stmt.Errorf("%v", err)
				}
				continue
			}
			if err := own.build(cfg); err != nil {
				return err
			}
		}
	}
	return nil
}

// tlsFor returns the configuration for a connection to l whose client named
// host ("": none), the server block of that name, and whose configuration it
// is.
func (l *Listen) tlsFor(host []byte) (*tls.Config, *Server, *SSL, error) {
	srv := l.Default
	if len(host) > 0 {
		var err error
		if srv, err = l.Find(nil, host); err != nil {
			return nil, nil, nil, err
		}
	}
	own := ConfOf[SSL](srv.Loc)
	if own.config == nil && !own.Reject {
		own = ConfOf[SSL](l.Default.Loc)
	}
	if own.Reject || own.config == nil {
		return &tls.Config{}, srv, own, nil // without a certificate: alert unrecognized_name
	}
	return own.config, srv, own, nil
}

// SSLOf returns the TLS configuration of a server block.
func SSLOf(srv *Server) *SSL { return ConfOf[SSL](srv.Loc) }
