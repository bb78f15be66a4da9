package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"strings"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// tlsConf is the proxy_ssl_ directives.
type tlsConf struct {
	serverName bool
	name       *phases.Template // nil: the URL's host
	verify     bool
	depth      int
	trusted    string
	crl        string
	cert, key  string
	passwords  string
	protocols  []string
	ciphers    string
	reuse      bool
}

func defaultTLS() tlsConf { return tlsConf{depth: 1, reuse: true} }

// secure is a tlsConf made ready. A location shares its parent's when it
// changes nothing, and so its connections.
type secure struct {
	conf   tlsConf
	config *tls.Config
	roots  *x509.CertPool
	crl    []*pkix.CertificateList
}

// tlsRows are the directives of tlsConf for the protocol whose directives begin
// with prefix ("proxy_").
func tlsRows[T any](prefix string, f func(*T) *tlsConf) []phases.Directive[T] {
	file := func(name string, field func(c *tlsConf) *string) phases.Directive[T] {
		return phases.Set(prefix+name, anywhere, conf.Exactly(1), func(own *T, b *phases.Block, s *conf.Stmt) error {
			*field(f(own)) = s.Args[0]
			if s.Args[0] != "" && !strings.HasPrefix(s.Args[0], "data:") && !phases.HasVariables(s.Args[0]) {
				*field(f(own)) = b.ConfPath(s.Args[0])
			}
			return nil
		})
	}
	rows := []phases.Directive[T]{
		phases.SetFlag(prefix+"ssl_server_name", anywhere, func(c *T) *bool { return &f(c).serverName }),
		phases.SetTemplate(prefix+"ssl_name", anywhere, func(c *T) **phases.Template { return &f(c).name }),
		phases.SetFlag(prefix+"ssl_verify", anywhere, func(c *T) *bool { return &f(c).verify }),
		phases.SetInt(prefix+"ssl_verify_depth", anywhere, func(c *T) *int { return &f(c).depth }),
		file("ssl_trusted_certificate", func(c *tlsConf) *string { return &c.trusted }),
		file("ssl_crl", func(c *tlsConf) *string { return &c.crl }),
		file("ssl_certificate", func(c *tlsConf) *string { return &c.cert }),
		file("ssl_certificate_key", func(c *tlsConf) *string { return &c.key }),
		file("ssl_password_file", func(c *tlsConf) *string { return &c.passwords }),
		phases.Set(prefix+"ssl_protocols", anywhere, conf.AtLeast(1), func(own *T, b *phases.Block, s *conf.Stmt) error {
			for _, a := range s.Args {
				if tlsVersion(a) == 0 && !strings.HasPrefix(a, "SSLv") {
					return s.Errorf("invalid value \"%s\"", a)
				}
			}
			f(own).protocols = s.Args
			return nil
		}),
		phases.SetString(prefix+"ssl_ciphers", anywhere, func(c *T) *string { return &f(c).ciphers }),
		phases.SetFlag(prefix+"ssl_session_reuse", anywhere, func(c *T) *bool { return &f(c).reuse }),
	}
	return append(rows, phases.Ignore[T](anywhere, conf.AtLeast(1), "crypto/tls chooses",
		prefix+"ssl_conf_command", prefix+"ssl_certificate_cache", prefix+"ssl_key_log")...)
}

func tlsVersion(name string) uint16 {
	switch name {
	case "TLSv1":
		return tls.VersionTLS10
	case "TLSv1.1":
		return tls.VersionTLS11
	case "TLSv1.2":
		return tls.VersionTLS12
	case "TLSv1.3":
		return tls.VersionTLS13
	}
	return 0
}

// ready makes the TLS of a location ready, nil if it passes to no TLS URL.
func (c *tlsConf) ready(b *phases.Block, to *pass) (*secure, error) {
	p := to.stmt
	if p == nil || !to.dynamic && !to.target.tls() || to.dynamic && strings.HasPrefix(to.text, "http://") {
		return nil, nil
	}
	s := &secure{conf: *c}
	s.config = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	if c.reuse {
		s.config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	if len(c.protocols) > 0 {
		s.config.MinVersion, s.config.MaxVersion = 0, 0
		for _, n := range c.protocols {
			if v := tlsVersion(n); v != 0 {
				if s.config.MinVersion == 0 || v < s.config.MinVersion {
					s.config.MinVersion = v
				}
				s.config.MaxVersion = max(s.config.MaxVersion, v)
			}
		}
	}
	if c.ciphers != "" {
		s.config.CipherSuites, _ = phases.ParseCiphers(c.ciphers)
	}
	if c.cert != "" {
		if c.key == "" {
			return nil, p.Errorf("no \"proxy_ssl_certificate_key\" is defined for certificate \"%s\"", c.cert)
		}
		var passwords []string
		if c.passwords != "" {
			text, err := os.ReadFile(c.passwords)
			if err != nil {
				return nil, p.Errorf("%s", phases.OpenError(err))
			}
			passwords = strings.Split(strings.TrimRight(string(text), "\n"), "\n")
		}
		pair, err := phases.LoadKeyPair(b.Config, c.cert, c.key, passwords)
		if err != nil {
			return nil, p.Errorf("%v", err)
		}
		s.config.Certificates = []tls.Certificate{pair}
	}
	if c.verify {
		if c.trusted == "" {
			return nil, p.Errorf("no proxy_ssl_trusted_certificate for proxy_ssl_verify")
		}
		pem, err := os.ReadFile(c.trusted)
		if err != nil {
			return nil, p.Errorf("cannot load \"%s\": %v", c.trusted, phases.Errno(err))
		}
		s.roots = x509.NewCertPool()
		if !s.roots.AppendCertsFromPEM(pem) {
			return nil, p.Errorf("no certificate in \"%s\"", c.trusted)
		}
	}
	if c.verify && c.crl != "" {
		var err error
		if s.crl, err = loadCRL(c.crl); err != nil {
			return nil, p.Errorf("ssl_crl \"%s\": %v", c.crl, err)
		}
	}
	return s, nil
}

// peerName is the name for SNI and the certificate.
func (s *secure) peerName(x *Exchange) string {
	if x.try.Host != "" {
		return x.try.Host
	}
	name := x.target.name
	if s.conf.name != nil {
		name = s.conf.name.String(x.r)
	}
	if host, _, ok := splitURL(name); ok {
		name = host
	}
	return name
}

var errCRL = errors.New("malformed revocation list")

// signatureOf is how a list is signed.
func signatureOf(list *pkix.CertificateList, issuer *x509.Certificate) x509.SignatureAlgorithm {
	switch list.SignatureAlgorithm.Algorithm.String() {
	case "1.2.840.113549.1.1.11":
		return x509.SHA256WithRSA
	case "1.2.840.113549.1.1.12":
		return x509.SHA384WithRSA
	case "1.2.840.113549.1.1.13":
		return x509.SHA512WithRSA
	case "1.2.840.10045.4.3.2":
		return x509.ECDSAWithSHA256
	case "1.2.840.10045.4.3.3":
		return x509.ECDSAWithSHA384
	case "1.2.840.10045.4.3.4":
		return x509.ECDSAWithSHA512
	case "1.3.101.112":
		return x509.PureEd25519
	}
	return issuer.SignatureAlgorithm
}

var errVerify = errors.New("certificate verify failed")

// handshake makes the connection a TLS one. Its failures go to the next peer
// as failed connects do.
func (x *Exchange) handshake(s *secure, name string) *failure {
	c := x.conn
	config := s.config
	if s.conf.serverName || s.conf.verify {
		config = config.Clone()
		if s.conf.serverName && name != "" && !strings.HasPrefix(name, "[") && !strings.HasPrefix(name, "unix:") {
			if _, is := literal(name, 0); !is {
				config.ServerName = name
			}
		}
	}
	var wrong string
	if s.conf.verify {
		config.VerifyConnection = func(state tls.ConnectionState) error {
			if wrong = s.check(&state, name); wrong != "" {
				return errVerify
			}
			return nil
		}
	}
	c.fd.SetReadTimeout(x.try.ConnectTimeout)
	c.fd.SetWriteTimeout(x.try.ConnectTimeout)
	c.tls = c.fd.ClientTLS(config)
	x.waiting = true
	err := c.tls.Handshake()
	x.waiting = false
	if err == nil {
		c.fd.SetReadTimeout(x.try.ReadTimeout)
		c.fd.SetWriteTimeout(x.try.SendTimeout)
		return nil
	}
	const during = " while SSL handshaking to upstream"
	switch {
	case wrong != "":
		return &failure{OnError, 502, phases.LevelError, wrong + during}
	case errors.Is(err, actor.ErrTimeout):
		return &failure{OnTimeout, 504, phases.LevelError, "upstream timed out (110: Connection timed out)" + during}
	case isEOF(err):
		return &failure{OnError, 502, phases.LevelError, "peer closed connection in SSL handshake" + during}
	}
	return &failure{OnError, 502, phases.LevelError, "SSL_do_handshake() failed (" + err.Error() + ")" + during}
}

// check verifies the peer's certificate; the reason why it fails is in nginx's
// words.
func (s *secure) check(state *tls.ConnectionState, name string) (wrong string) {
	if len(state.PeerCertificates) == 0 {
		return "upstream SSL certificate verify error: (1:no certificate)"
	}
	leaf := state.PeerCertificates[0]
	inter := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		inter.AddCert(c)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: s.roots, Intermediates: inter, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		reason := "20:unable to get local issuer certificate"
		var invalid x509.CertificateInvalidError
		switch {
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
			reason = "10:certificate has expired"
		case leaf.CheckSignatureFrom(leaf) == nil:
			reason = "18:self-signed certificate"
		}
		return "upstream SSL certificate verify error: (" + reason + ")"
	}
	reason := "22:certificate chain too long"
	for _, c := range chains {
		if len(c)-2 <= s.conf.depth {
			if reason = s.revoked(c); reason == "" {
				break
			}
		}
	}
	if reason != "" {
		return "upstream SSL certificate verify error: (" + reason + ")"
	}
	if leaf.VerifyHostname(strings.Trim(name, "[]")) != nil && (len(leaf.DNSNames) > 0 || !commonName(leaf.Subject.CommonName, name)) {
		return "upstream SSL certificate does not match \"" + name + "\""
	}
	return ""
}

// loadCRL reads revocation lists, those of version 1 included.
func loadCRL(file string) (lists []*pkix.CertificateList, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		list := new(pkix.CertificateList)
		if rest, err := asn1.Unmarshal(block.Bytes, list); err != nil || len(rest) > 0 {
			return nil, errCRL
		}
		lists = append(lists, list)
	}
	return lists, nil
}

// revoked says why a chain is not good: with a proxy_ssl_crl there must be a
// list of every issuer in it.
func (s *secure) revoked(chain []*x509.Certificate) string {
	if s.conf.crl == "" {
		return ""
	}
	for i, c := range chain {
		issuer := chain[min(i+1, len(chain)-1)]
		found := false
		for _, list := range s.crl {
			if issuer.CheckSignature(signatureOf(list, issuer), list.TBSCertList.Raw, list.SignatureValue.RightAlign()) != nil {
				continue
			}
			found = true
			for _, e := range list.TBSCertList.RevokedCertificates {
				if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
					return "23:certificate revoked"
				}
			}
		}
		if !found {
			return "3:unable to get certificate CRL"
		}
	}
	return ""
}

// commonName compares a certificate without alternative names as OpenSSL does.
func commonName(cn, name string) bool {
	if rest, is := strings.CutPrefix(cn, "*."); is {
		_, parent, ok := strings.Cut(name, ".")
		return ok && strings.EqualFold(rest, parent)
	}
	return strings.EqualFold(cn, name)
}
