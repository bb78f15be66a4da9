package lua

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/lua/openssl"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/upstream"
)

// clientTLS is a location's lua_ssl_ directives made ready for its cosockets.
type clientTLS struct {
	config   *tls.Config
	verifier *upstream.Verifier
	always   bool // every peer is verified, though not its name
}

// clients are the TLS settings of a configuration, by what they say.
type clients struct{ all map[string]*clientTLS }

// ready makes the settings of a block ready; blocks that say the same share it.
func (c *clients) ready(set *tlsSettings, b *phases.Block) (*clientTLS, error) {
	key := fmt.Sprintf("%q", []any{set.trusted, set.crl, set.cert, set.key, set.keyLog, set.verifyDepth, set.protocols, set.ciphers})
	for _, s := range set.commands.Items {
		key += fmt.Sprintf(" %q", s.Args)
	}
	if made := c.all[key]; made != nil {
		return made, nil
	}
	made := &clientTLS{config: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, CipherSuites: set.ciphers}}
	if err := made.fill(set, b); err != nil {
		return nil, err
	}
	if c.all == nil {
		c.all = map[string]*clientTLS{}
	}
	c.all[key] = made
	return made, nil
}

func (c *clientTLS) fill(set *tlsSettings, b *phases.Block) (err error) {
	path := func(name string) string {
		if name == "" {
			return ""
		}
		return b.ConfPath(name)
	}
	if c.verifier, err = upstream.NewVerifier(path(set.trusted), path(set.crl), set.verifyDepth); err != nil {
		return err
	}
	if set.cert != "" {
		if set.key == "" {
			return errors.New("no \"lua_ssl_certificate_key\" is defined for certificate \"" + set.cert + "\"")
		}
		pair, err := phases.LoadKeyPair(b.Config, path(set.cert), path(set.key), nil)
		if err != nil {
			return err
		}
		c.config.Certificates = []tls.Certificate{pair}
	}
	if len(set.protocols) > 0 {
		c.config.MinVersion, c.config.MaxVersion, _ = phases.ParseProtocols(set.protocols)
	}
	if c.always, err = phases.ApplyPeerSSLCommands(set.commands, c.config); err != nil {
		return err
	}
	if set.keyLog != "" {
		c.config.KeyLogWriter, err = b.Config.OpenKeyLog(path(set.keyLog))
	}
	return err
}

// tlsSession is the session of a connection, which scripts may give to the
// next one. The peer may send it at any time after the handshake.
type tlsSession struct{ state *tls.ClientSessionState }

// Get and Put make it the only session that crypto/tls knows.
func (s *tlsSession) Get(string) (*tls.ClientSessionState, bool) { return s.state, s.state != nil }
func (s *tlsSession) Put(_ string, state *tls.ClientSessionState) {
	if state != nil {
		s.state = state
	}
}

// LuaType is what scripts see of the values that are cdata in OpenResty.
func (*tlsSession) LuaType() string { return "cdata" }

// cdata makes the value that scripts hold of one that is cdata in OpenResty.
func (e *engine) cdata(v any) vm.Value {
	if e.cdataTable == nil {
		e.cdataTable = e.vm.NewTable(0, 2)
		e.cdataTable.SetStr("__metatable", vm.String("ffi")) // as in LuaJIT
		e.cdataTable.SetStr("__tostring", e.vm.NewFunc("tostring", func(t *vm.Thread) int {
			t.PushString(fmt.Sprintf("cdata<void *>: %p", t.Arg(1).Userdata().Value))
			return 1
		}))
	}
	return e.vm.NewUserdata(v, e.cdataTable)
}

// certChain and privateKey are what ngx.ssl's parsers give to scripts.
type (
	certChain  = openssl.Chain
	privateKey = openssl.Key
)

func socketClientCert(t *vm.Thread, s *state) int {
	k := checkCosocket(t)
	cert, key := t.Arg(2), t.Arg(3)
	if cert.IsNil() && key.IsNil() {
		k.clientCert = nil
		t.PushBool(true)
		return 1
	}
	if cert.IsNil() || key.IsNil() {
		return fail(t, "client certificate must be supplied with corresponding private key")
	}
	chain, ok := userdata[*certChain](cert)
	if !ok {
		return fail(t, "bad cert arg: cdata expected, got "+cert.Kind().String())
	}
	secret, ok := userdata[*privateKey](key)
	if !ok {
		return fail(t, "bad pkey arg: cdata expected, got "+key.Kind().String())
	}
	k.clientCert = &tls.Certificate{PrivateKey: secret.Key, Leaf: chain.Certs[0]}
	for _, c := range chain.Certs {
		k.clientCert.Certificate = append(k.clientCert.Certificate, c.Raw)
	}
	t.PushBool(true)
	return 1
}

func socketTrustedStore(t *vm.Thread, s *state) int {
	k, store := checkCosocket(t), t.Arg(2)
	roots, ok := openssl.Trusted(store)
	switch {
	case !store.IsNil() && !ok:
		return fail(t, "bad store arg: cdata expected, got "+store.Kind().String())
	case k.conn == nil || k.readClosed || k.writeClosed:
		return fail(t, "closed")
	}
	k.checkOwner(t, s)
	if k.agreed {
		return fail(t, "ssl handshake already done; trusted store cannot be changed on an established TLS connection")
	}
	k.trusted = nil
	if ok {
		k.trusted = s.own.client.verifier.Trusting(roots)
	}
	t.PushBool(true)
	return 1
}

func userdata[T any](v vm.Value) (value T, ok bool) {
	if u := v.Userdata(); u != nil {
		value, ok = u.Value.(T)
	}
	return value, ok
}

func socketSession(t *vm.Thread, s *state) int {
	k := checkCosocket(t)
	if k.conn == nil || k.conn.tls == nil {
		return fail(t, "closed")
	}
	t.Push(s.e.cdata(k.conn.session))
	return 1
}

func socketHandshake(t *vm.Thread, s *state) int {
	if n := t.NArg(); n < 1 || n > 5 {
		t.Errorf("ngx.socket sslhandshake: expecting 1 ~ 5 arguments (including the object), but seen %d", n)
	}
	k := checkCosocket(t)
	if k.conn == nil || k.readClosed || k.writeClosed {
		s.logClosed(k, "handshake")
		return fail(t, "closed")
	}
	k.checkOwner(t, s)
	if n := k.busy(t, true, true); n > 0 {
		return n
	}
	given, wantsNone := t.Arg(2), t.Arg(2).Kind() == vm.KBool && !t.Arg(2).Bool()
	if !k.agreed {
		name := ""
		if !t.Arg(3).IsNil() {
			name = t.CheckString(3)
		}
		session, _ := userdata[*tlsSession](given)
		if text := k.agree(s, session, name, t.Arg(4).Truth()); text != "" {
			return fail(t, text)
		}
	}
	if wantsNone {
		t.PushBool(true)
		return 1
	}
	session := k.conn.session
	s.debugf("lua ssl save session: %s", session.id())
	if s.log().Enabled(phases.LevelDebug) {
		log, id := s.log(), session.id()
		k.owner.ended = append(k.owner.ended, func() { log.Logf(phases.LevelDebug, 0, "lua ssl free session: %s", id) })
	}
	t.Push(s.e.cdata(session))
	return 1
}

// agree gives the connection the TLS that is asked for; text says why it
// fails, and it is closed then. One from the pool may have it: it is as good as
// a new one when the peer was told the same and passes the same verification.
func (k *cosocket) agree(s *state, old *tlsSession, name string, verify bool) (text string) {
	shown, trusted := k.tlsIdentity(name), k.trusted
	k.trusted = nil
	if k.conn.tls != nil && k.conn.reused > 0 && k.conn.shown != shown {
		if text := k.redial(s); text != "" {
			return text
		}
	}
	if k.conn.tls == nil {
		if text := k.handshake(s, old, name); text != "" {
			return text
		}
		k.conn.shown = shown
	}
	named := name
	if !verify {
		named = ""
	}
	if (verify || s.own.client.always) && (trusted != nil || !k.conn.verified) {
		if text := k.verify(s, named, cmp.Or(trusted, s.own.client.verifier)); text != "" {
			k.Close()
			return text
		}
		k.conn.verified = verify
	}
	k.agreed = true
	return ""
}

// tlsIdentity is what parts connections to one address: the name asked for and
// the certificate shown.
func (k *cosocket) tlsIdentity(name string) string {
	if k.clientCert == nil {
		return name
	}
	sum := sha256.Sum256(k.clientCert.Certificate[0])
	return name + "\x00" + string(sum[:])
}

// verify checks the peer's certificate; text says what is wrong with it.
func (k *cosocket) verify(s *state, name string, verifier *upstream.Verifier) (text string) {
	state := k.conn.tls.State()
	if wrong := verifier.Check(&state); wrong != "" {
		wrong = strings.Replace(wrong, ":", ": ", 1)
		if s.own.logSocketErrors {
			s.logf(phases.LevelError, "lua ssl certificate verify error: (%s)", wrong)
		}
		return wrong
	}
	if name != "" && !upstream.CertificateNames(&state, name) {
		if s.own.logSocketErrors {
			s.logf(phases.LevelError, "lua ssl certificate does not match host \"%s\"", name)
		}
		return "certificate host mismatch"
	}
	return ""
}

// handshake makes the connection a TLS one; text says why it fails. The
// connection is closed then.
func (k *cosocket) handshake(s *state, old *tlsSession, name string) (text string) {
	c := k.conn
	config := s.own.client.config.Clone()
	config.ServerName = name
	if k.clientCert != nil {
		config.Certificates = []tls.Certificate{*k.clientCert}
	}
	c.session = &tlsSession{}
	if old != nil {
		c.session.state = old.state
		s.debugf("lua ssl set session: %s", old.id())
	}
	config.ClientSessionCache = c.session
	if name != "" {
		s.debugf("lua ssl server name: \"%s\"", name)
	}
	timeout := or(k.connectTimeout, s.own.connectTimeout)
	c.fd.SetReadTimeout(timeout)
	c.fd.SetWriteTimeout(timeout)
	k.connecting = true
	defer func() { k.connecting = false }()
	c.tls = c.fd.ClientTLS(config)
	if err := c.tls.Handshake(); err != nil {
		text = s.logHandshake(err)
		k.Close()
		return text
	}
	state := c.tls.State()
	s.debugf("SSL: %s, cipher: \"%s %[1]s\"", versionName(state.Version), phases.CipherName(state.CipherSuite))
	if state.DidResume {
		s.debugf("SSL reused session")
	}
	return ""
}

// id is the session in the debug log.
func (s *tlsSession) id() string {
	return strings.ToUpper(strings.TrimPrefix(fmt.Sprintf("%p", s), "0x"))
}

// versionName is OpenSSL's: TLSv1.2.
func versionName(v uint16) string {
	if v == tls.VersionTLS10 {
		return "TLSv1"
	}
	return strings.Replace(tls.VersionName(v), "TLS ", "TLSv", 1)
}

// handshakeReason is what is wrong with a handshake in OpenSSL's words, for
// those who look for them in logs.
func handshakeReason(err error) string {
	text := err.Error()
	for _, r := range []struct{ has, word string }{
		{"does not look like a TLS handshake", "wrong version number"},
		{"remote error: tls: handshake failure", "sslv3 alert handshake failure"},
		{"remote error: tls: protocol version", "tlsv1 alert protocol version"},
		{"unsupported protocol version", "unsupported protocol"},
		{"no supported versions", "no protocols available"},
	} {
		if strings.Contains(text, r.has) {
			return r.word
		}
	}
	return text
}

// logHandshake logs a failed handshake and returns the text for the script.
func (s *state) logHandshake(err error) string {
	switch {
	case errors.Is(err, actor.ErrTimeout):
		return "timeout"
	case socketError(err) == "closed":
		s.logf(phases.LevelError, "peer closed connection in SSL handshake")
	default:
		s.logf(phases.LevelError, "SSL_do_handshake() failed (SSL: error:SSL routines::%s)", handshakeReason(err))
	}
	return "handshake failed"
}
