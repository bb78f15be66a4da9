package upstream

import (
	"crypto/tls"
	"errors"
	"os"
	"strings"
	"sync"

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
	cert, key  *phases.Template // nil: none
	passwords  string
	protocols  []string
	ciphers    []uint16 // nil: the defaults
	commands   phases.SSLCommands
	keyLog     string
	reuse      bool
	hooks      HandshakeHooks
}

func defaultTLS() tlsConf { return tlsConf{depth: 1, reuse: true} }

// secure is a tlsConf made ready. A location shares its parent's when it
// changes nothing, and so its connections.
type secure struct {
	conf   tlsConf
	config *tls.Config
	// verifier is nil when peers are not verified.
	verifier *Verifier
	// pairs are the certificates that variables name; nil: they do not.
	pairs     *keyPairs
	passwords []string
}

// keyPairs are certificates that were loaded for requests, shared by the
// workers.
type keyPairs struct {
	mu  sync.Mutex
	all map[string]*tls.Certificate
}

// maxKeyPairs bounds how many are remembered of a location.
const maxKeyPairs = 64

// load returns the certificate that variables name for the request; nil, as
// nginx does, when the name is empty.
func (s *secure) load(r *phases.Request) (*tls.Certificate, error) {
	cert, key := s.conf.cert.String(r), s.conf.key.String(r)
	if cert == "" || key == "" {
		return nil, nil
	}
	p := s.pairs
	name := cert + "\x00" + key
	p.mu.Lock()
	pair := p.all[name]
	p.mu.Unlock()
	if pair != nil {
		return pair, nil
	}
	loaded, err := phases.LoadKeyPair(r.Config, cert, key, s.passwords)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) >= maxKeyPairs {
		clear(p.all)
	}
	p.all[name] = &loaded
	return &loaded, nil
}

// prefixOf is "proxy_" of "proxy_pass".
func prefixOf(directive string) string { return strings.TrimSuffix(directive, "pass") }

// tlsRows are the directives of tlsConf for the protocol whose directives begin
// with prefix ("proxy_").
func tlsRows[T any](prefix string, f func(*T) *tlsConf) []phases.Directive[T] {
	file := func(name string, field func(c *tlsConf) *string) phases.Directive[T] {
		return phases.Set(prefix+name, anywhere, conf.Exactly(1), func(own *T, b *phases.Block, s *conf.Stmt) error {
			*field(f(own)) = s.Args[0]
			if s.Args[0] != "" {
				*field(f(own)) = b.ConfPath(s.Args[0])
			}
			return nil
		})
	}
	pem := func(name string, field func(c *tlsConf) **phases.Template) phases.Directive[T] {
		return phases.Set(prefix+name, anywhere, conf.Exactly(1), func(own *T, b *phases.Block, s *conf.Stmt) (err error) {
			*field(f(own)) = nil
			if s.Args[0] != "" {
				*field(f(own)), err = b.Template(s, s.Args[0])
			}
			return err
		})
	}
	rows := []phases.Directive[T]{
		phases.SetFlag(prefix+"ssl_server_name", anywhere, func(c *T) *bool { return &f(c).serverName }),
		phases.SetTemplate(prefix+"ssl_name", anywhere, func(c *T) **phases.Template { return &f(c).name }),
		phases.SetFlag(prefix+"ssl_verify", anywhere, func(c *T) *bool { return &f(c).verify }),
		phases.SetInt(prefix+"ssl_verify_depth", anywhere, func(c *T) *int { return &f(c).depth }),
		file("ssl_trusted_certificate", func(c *tlsConf) *string { return &c.trusted }),
		file("ssl_crl", func(c *tlsConf) *string { return &c.crl }),
		pem("ssl_certificate", func(c *tlsConf) **phases.Template { return &c.cert }),
		pem("ssl_certificate_key", func(c *tlsConf) **phases.Template { return &c.key }),
		file("ssl_password_file", func(c *tlsConf) *string { return &c.passwords }),
		phases.Set(prefix+"ssl_protocols", anywhere, conf.AtLeast(1), func(own *T, b *phases.Block, s *conf.Stmt) error {
			f(own).protocols = s.Args
			if _, _, err := phases.ParseProtocols(s.Args); err != nil {
				return s.Errorf("%v", err)
			}
			return nil
		}),
		phases.Set(prefix+"ssl_ciphers", anywhere, conf.Exactly(1), func(own *T, b *phases.Block, s *conf.Stmt) (err error) {
			f(own).ciphers, err = b.Ciphers(s)
			return err
		}),
		phases.AddSSLCommand(prefix+"ssl_conf_command", anywhere, func(c *T) *phases.SSLCommands { return &f(c).commands }),
		file("ssl_key_log", func(c *tlsConf) *string { return &c.keyLog }),
		phases.SetFlag(prefix+"ssl_session_reuse", anywhere, func(c *T) *bool { return &f(c).reuse }),
	}
	return append(rows, phases.Ignore[T](anywhere, conf.AtLeast(1), "crypto/tls chooses",
		prefix+"ssl_certificate_cache")...)
}

// ready makes the TLS of a location ready, nil if it passes to no TLS URL.
func (c *tlsConf) ready(b *phases.Block, to *pass) (*secure, error) {
	p := to.stmt
	if p == nil || !to.dynamic && !to.target.tls() || to.dynamic && strings.HasPrefix(to.text, "http://") {
		return nil, nil
	}
	s := &secure{conf: *c}
	s.config = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, CipherSuites: c.ciphers}
	if c.reuse {
		s.config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	if len(c.protocols) > 0 {
		s.config.MinVersion, s.config.MaxVersion, _ = phases.ParseProtocols(c.protocols)
	}
	must, err := phases.ApplyPeerSSLCommands(c.commands, s.config)
	if err != nil {
		return nil, err
	}
	if must && !c.verify {
		return nil, p.Errorf("VerifyMode of \"%sssl_conf_command\" wants \"%[1]sssl_verify\"", prefixOf(p.Name))
	}
	if c.keyLog != "" {
		if s.config.KeyLogWriter, err = b.Config.OpenKeyLog(c.keyLog); err != nil {
			return nil, p.Errorf("%v", err)
		}
	}
	if c.cert != nil {
		if c.key == nil {
			return nil, p.Errorf("no \"%sssl_certificate_key\" is defined for certificate \"%s\"", prefixOf(p.Name), c.cert.Source())
		}
		if c.passwords != "" {
			text, err := os.ReadFile(c.passwords)
			if err != nil {
				return nil, p.Errorf("%s", phases.OpenError(err))
			}
			s.passwords = strings.Split(strings.TrimRight(string(text), "\n"), "\n")
		}
		cert, isConst := c.cert.Const()
		key, isConstToo := c.key.Const()
		if isConst && isConstToo {
			pair, err := phases.LoadKeyPair(b.Config, cert, key, s.passwords)
			if err != nil {
				return nil, p.Errorf("%v", err)
			}
			s.config.Certificates = []tls.Certificate{pair}
		} else {
			s.pairs = &keyPairs{all: map[string]*tls.Certificate{}}
		}
	}
	if c.verify {
		if c.trusted == "" {
			return nil, p.Errorf("no %[1]sssl_trusted_certificate for %[1]sssl_verify", prefixOf(p.Name))
		}
		if s.verifier, err = NewVerifier(c.trusted, c.crl, c.depth); err != nil {
			return nil, p.Errorf("%v", err)
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
	if host, _, fault := splitURL(name); fault == "" {
		name = host
	}
	return name
}

// identity is what else parts connections of the same settings: the
// certificate that variables name.
func (s *secure) identity(r *phases.Request) string {
	if s.pairs == nil {
		return ""
	}
	return s.conf.cert.String(r) + "\x00" + s.conf.key.String(r)
}

// ErrVerify is the error of a handshake with a peer that is not trusted.
var ErrVerify = errors.New("certificate verify failed")

// handshake makes the connection a TLS one. Its failures go to the next peer
// as failed connects do.
func (x *Exchange) handshake(s *secure, name string) *failure {
	c := x.conn
	config := s.config
	hooks := &s.conf.hooks
	hooked := s.conf.verify || hooks.Certificate != nil || hooks.Verify != nil
	if s.conf.serverName || hooked || s.pairs != nil {
		config = config.Clone()
		if s.conf.serverName && name != "" && !strings.HasPrefix(name, "[") && !strings.HasPrefix(name, "unix:") {
			if _, is := literal(name, 0); !is {
				config.ServerName = name
			}
		}
	}
	if s.pairs != nil {
		pair, err := s.load(x.r)
		if err != nil {
			return &failure{0, 500, phases.LevelError, err.Error()}
		}
		if pair != nil {
			config.Certificates = []tls.Certificate{*pair}
		}
		config.ClientSessionCache = nil // a session is of one certificate
	}
	var wrong string
	if hooked {
		x.hook(s, config, name, &wrong)
	}
	c.fd.SetReadTimeout(x.try.ConnectTimeout)
	c.fd.SetWriteTimeout(x.try.ConnectTimeout)
	c.tls = c.fd.ClientTLS(config)
	x.waiting = true
	err := c.tls.Handshake()
	x.waiting = false
	if err == nil {
		x.r.Errorf(phases.LevelDebug, "SSL_do_handshake: 1")
		c.fd.SetReadTimeout(x.try.ReadTimeout)
		c.fd.SetWriteTimeout(x.try.SendTimeout)
		return nil
	}
	var late *ErrHandshakeTimeout
	const during = " while SSL handshaking to upstream"
	switch {
	case wrong != "":
		return &failure{OnError, 502, phases.LevelError, wrong + during}
	case errors.As(err, &late):
		return &failure{OnTimeout, 504, phases.LevelError, "upstream timed out (110: Connection timed out)" + late.What}
	case errors.Is(err, actor.ErrTimeout):
		return &failure{OnTimeout, 504, phases.LevelError, "upstream timed out (110: Connection timed out)" + during}
	case isEOF(err):
		return &failure{OnError, 502, phases.LevelError, "peer closed connection in SSL handshake" + during}
	}
	level := phases.LevelError
	if errors.Is(err, ErrVerify) { // a script's verdict
		level = phases.LevelCrit
	}
	return &failure{OnError, 502, level, "SSL_do_handshake() failed (" + err.Error() + ")" + during}
}
