package phases

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// build makes the tls.Config of a server block.
func (own *SSL) build(cfg *Config) error {
	s := own.stmt
	if len(own.Keys.Items) < len(own.Certificates.Items) {
		return s.Errorf("no \"ssl_certificate_key\" is defined for certificate \"%s\"", own.Certificates.Items[len(own.Certificates.Items)-1].Source())
	}
	c := &tls.Config{
		MinVersion: own.Min, MaxVersion: own.Max, CipherSuites: own.Ciphers, CurvePreferences: own.Curves,
		NextProtos: []string{"http/1.1", "http/1.0", "http/0.9"}, SessionTicketsDisabled: !own.Tickets,
	}
	err := ApplySSLCommands(own.Commands, c)
	if err != nil {
		return err
	}
	own.Tickets = !c.SessionTicketsDisabled
	if own.passwords, err = readPasswords(cfg, own.Passwords); err != nil {
		return s.Errorf("%v", err)
	}
	for _, p := range own.pairs() {
		own.dynamic = own.dynamic || p.dynamic()
	}
	for _, p := range own.pairs() {
		if own.dynamic {
			break
		}
		pair, err := LoadKeyPair(cfg, p.cert.Source(), p.key.Source(), own.passwords)
		if err != nil {
			return s.Errorf("%v", err)
		}
		if own.Stapling && own.StaplingFile != "" {
			if pair.OCSPStaple, err = os.ReadFile(join(cfg.Dir, own.StaplingFile)); err != nil {
				return s.Errorf("%s", OpenError(err))
			}
		}
		c.Certificates = append(c.Certificates, pair)
		if own.Stapling && own.StaplingFile == "" {
			if err := own.addStapler(cfg, p.cert.Source(), &pair); err != nil {
				return s.Errorf("%v", err)
			}
		}
	}
	if err := own.buildSessions(cfg, c); err != nil {
		return s.Errorf("%v", err)
	}
	if err := own.verification(cfg, c); err != nil {
		return s.Errorf("%v", err)
	}
	own.config = c
	return nil
}

// LoadKeyPair reads a certificate chain and its key: files beside the
// configuration, or "data:" and the PEM text itself.
func LoadKeyPair(cfg *Config, cert, key string, passwords []string) (tls.Certificate, error) {
	read := func(name string) ([]byte, error) {
		if text, ok := strings.CutPrefix(name, "data:"); ok {
			return []byte(text), nil
		}
		b, err := os.ReadFile(join(cfg.Dir, name))
		if err != nil {
			return nil, fmt.Errorf("cannot load certificate \"%s\": %s", join(cfg.Dir, name), OpenError(err))
		}
		return b, nil
	}
	chain, err := read(cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	private, err := read(key)
	if err != nil {
		return tls.Certificate{}, errors.New(strings.Replace(err.Error(), "certificate", "certificate key", 1))
	}
	if private, err = decrypt(private, passwords); err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot load certificate key \"%s\": %v", key, err)
	}
	pair, err := tls.X509KeyPair(chain, private)
	if err != nil {
		return pair, fmt.Errorf("cannot load certificate \"%s\" with key \"%s\": %v", cert, key, err)
	}
	return pair, nil
}

// DecryptPEM opens the encrypted keys of a text in PEM with a password.
func DecryptPEM(text []byte, password string) ([]byte, error) {
	return decrypt(text, []string{password})
}

// decrypt opens encrypted keys: PKCS #8 and OpenSSL's traditional form (RFC 1423).
func decrypt(text []byte, passwords []string) ([]byte, error) {
	var out []byte
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return append(out, rest...), nil
		}
		//lint:ignore SA1019 what OpenSSL writes is what is given
		if x509.IsEncryptedPEMBlock(block) { //nolint:staticcheck
			der, err := []byte(nil), errors.New("it is encrypted and there is no password")
			for _, p := range passwords {
				if der, err = x509.DecryptPEMBlock(block, []byte(p)); err == nil { //nolint:staticcheck
					break
				}
			}
			if err != nil {
				return nil, err
			}
			block = &pem.Block{Type: block.Type, Bytes: der}
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" {
			der, err := []byte(nil), errors.New("it is encrypted and there is no password")
			for _, p := range passwords {
				if der, err = decryptPKCS8(block.Bytes, p); err == nil {
					break
				}
			}
			if err != nil {
				return nil, err
			}
			block = &pem.Block{Type: "PRIVATE KEY", Bytes: der}
		}
		out = append(out, pem.EncodeToMemory(block)...)
	}
}

func readPasswords(cfg *Config, file string) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(join(cfg.Dir, file))
	if err != nil {
		return nil, errors.New(OpenError(err))
	}
	return strings.Split(strings.TrimRight(string(b), "\n"), "\n"), nil
}

// buildSessions makes the block's way to resume sessions of c.
func (own *SSL) buildSessions(cfg *Config, c *tls.Config) error {
	ss := &sessions{store: own.store, tickets: own.Tickets, timeout: own.Timeout}
	scope := sha256.New()
	for _, pair := range c.Certificates {
		for _, der := range pair.Certificate {
			scope.Write(der)
		}
	}
	for _, p := range own.pairs() {
		if own.dynamic {
			fmt.Fprintf(scope, "%q ", p.cert.Source())
		}
	}
	fmt.Fprintf(scope, "%d %q %q", own.Verify, own.ClientCA, own.TrustedCA)
	scope.Sum(ss.scope[:0])
	switch {
	case len(own.TicketKeys.Items) > 0:
		var err error
		if ss.keys, err = ticketKeyFiles(cfg.Dir, own.TicketKeys.Items); err != nil {
			return err
		}
	case own.store != nil:
		ss.keys = own.store.ticketKeys(own.Timeout)
	default:
		ss.keys = &ticketKeys{made: true, life: own.Timeout}
	}
	c.SessionTicketsDisabled = !ss.tickets && ss.store == nil
	own.sessions = ss
	return nil
}

// verification sets up client certificates. They are checked after the
// handshake, so that a bad one gets an answer (495, 496) as from nginx.
func (own *SSL) verification(cfg *Config, c *tls.Config) error {
	if own.Verify == VerifyOff {
		return nil
	}
	if own.Verify != VerifyOptionalNoCA && own.ClientCA == "" && own.TrustedCA == "" {
		return errors.New("no ssl_client_certificate for ssl_verify_client")
	}
	if own.Verify == VerifyOptionalNoCA && own.OCSP != OCSPOff {
		return errors.New("\"ssl_ocsp\" is incompatible with \"verify_client optional_no_ca\"")
	}
	c.ClientAuth = tls.RequestClientCert
	own.roots, own.inter = x509.NewCertPool(), nil
	names := x509.NewCertPool()
	for _, file := range []string{own.ClientCA, own.TrustedCA} {
		if file == "" {
			continue
		}
		b, err := os.ReadFile(join(cfg.Dir, file))
		if err != nil {
			return errors.New(OpenError(err))
		}
		if !own.trust(b) {
			return fmt.Errorf("SSL_CTX_load_verify_locations(\"%s\") failed", join(cfg.Dir, file))
		}
		if file == own.ClientCA {
			names.AppendCertsFromPEM(b)
		}
	}
	c.ClientCAs = names
	if own.CRL == "" {
		return nil
	}
	b, err := os.ReadFile(join(cfg.Dir, own.CRL))
	if err != nil {
		return errors.New(OpenError(err))
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		list, err := x509.ParseRevocationList(block.Bytes)
		if err != nil {
			return fmt.Errorf("ssl_crl \"%s\": %v", own.CRL, err)
		}
		own.crl = append(own.crl, list)
	}
	return nil
}

// trust adds the certificates of a PEM text. As with OpenSSL a chain must lead
// to one that is its own issuer; the others help to get there.
func (own *SSL) trust(text []byte) (some bool) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		switch {
		case block.Type != "CERTIFICATE" && block.Type != "TRUSTED CERTIFICATE" || err != nil:
			continue
		case bytes.Equal(c.RawIssuer, c.RawSubject):
			own.roots.AddCert(c)
		default:
			own.inter = append(own.inter, c)
		}
		some = true
	}
	return some
}

// check verifies a client's certificates and returns the path to a root.
func (own *SSL) check(chain []*x509.Certificate, now time.Time) (path []*x509.Certificate, err error) {
	if own.roots == nil { // nil would mean those of the system
		return nil, errors.New("unable to get local issuer certificate")
	}
	inter := x509.NewCertPool()
	for _, c := range chain[1:] {
		inter.AddCert(c)
	}
	for _, c := range own.inter {
		inter.AddCert(c)
	}
	paths, err := chain[0].Verify(x509.VerifyOptions{Roots: own.roots, Intermediates: inter, CurrentTime: now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageAny}})
	if err != nil {
		return nil, err
	}
	return own.checkPaths(paths)
}

// checkPaths returns the first path that is neither too long nor revoked.
func (own *SSL) checkPaths(paths [][]*x509.Certificate) (path []*x509.Certificate, err error) {
	err = errors.New("certificate chain too long")
	for _, p := range paths {
		if len(p)-2 > own.Depth {
			continue
		}
		if err = own.revoked(p); err == nil {
			return p, nil
		}
	}
	return nil, err
}

func (own *SSL) revoked(path []*x509.Certificate) error {
	for i, c := range path[:len(path)-1] {
		for _, list := range own.crl {
			if !bytes.Equal(list.RawIssuer, c.RawIssuer) || list.CheckSignatureFrom(path[i+1]) != nil {
				continue
			}
			for _, e := range list.RevokedCertificateEntries {
				if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
					return errors.New("certificate revoked")
				}
			}
		}
	}
	return nil
}

// verifyText says why in OpenSSL's words.
func verifyText(chain []*x509.Certificate, err error) string {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		if bytes.Equal(chain[0].RawIssuer, chain[0].RawSubject) {
			return "self-signed certificate"
		}
		return "unable to verify the first certificate"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate has expired"
	}
	return err.Error()
}
