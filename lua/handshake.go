package lua

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/upstream"
)

// The scripts of handshakes with clients: ssl_client_hello_by_lua,
// ssl_certificate_by_lua, ssl_session_fetch_by_lua, ssl_session_store_by_lua.
// They run without a request, in the handshake's coroutine.

// handshakeRows is the table of the phases of handshakes, a client's and a
// peer's: what the debug log says of how a script ended, and the error that
// ends the handshake then, as OpenSSL has it.
var handshakeRows = map[phase]struct {
	title string // of the run
	what  string // before "exit code"
	reuse string // before "connection reusable"
	err   error
}{
	inClientHello:      {"ssl_client_hello_by_lua", "client hello cb", "ssl client hello", errors.New("callback failed")},
	inCertificate:      {"ssl_certificate_by_lua", "cert cb", "ssl cert", errors.New("cert cb error")},
	inSessionFetch:     {"ssl_session_fetch_by_lua*", "sess get cb", "ssl session fetch", errors.New("no session")},
	inSessionStore:     {"ssl_session_store_by_lua*", "sess new cb", "ssl session store", nil},
	inProxyCertificate: {"proxy_ssl_certificate_by_lua", "cert cb", "", errors.New("callback failed")},
	inProxyVerify:      {"proxy_ssl_verify_by_lua", "cert verify callback", "", upstream.ErrVerify},
}

// clientShake is a client's handshake for the scripts in it.
type clientShake struct {
	*phases.Handshake
	keys identities
}

// keepsake is what outlives a handshake: ngx.ctx, in the engine that it is of.
type keepsake struct {
	e    *engine
	memo memo
}

// takePart sets the hooks of a block's handshakes.
func (own *Conf) takePart(b *phases.Block) {
	ssl := phases.BlockConf[phases.SSL](b)
	if ssl == nil || b.Context != conf.HTTP && b.Context != conf.Server {
		return
	}
	if own.scripts[inClientHello] != nil {
		ssl.Hooks.Hello = func(h *phases.Handshake) error { return own.shake(h, inClientHello) }
	}
	if own.scripts[inCertificate] != nil {
		ssl.Hooks.Certificate = certificateHook
	}
	if own.scripts[inSessionFetch] != nil {
		ssl.Hooks.Fetch = func(h *phases.Handshake) {
			if own.shake(h, inSessionFetch) != nil {
				h.Session.State = nil
			}
		}
	}
	if own.scripts[inSessionStore] != nil {
		ssl.Hooks.Store = func(h *phases.Handshake) { _ = own.shake(h, inSessionStore) } // logged; the client does not care
	}
}

// certificateHook runs the script of the server block that the client names:
// the certificate may be another's, the listener's default.
func certificateHook(h *phases.Handshake) error {
	own := phases.ConfOf[Conf](h.Server.Loc)
	if own == nil || own.scripts[inCertificate] == nil {
		h.Server.Core.ErrorLog.Logf(phases.LevelAlert, h.Client.ID, "no ssl_certificate_by_lua* defined in server %s", h.Server.Name)
		return handshakeRows[inCertificate].err
	}
	return own.shake(h, inCertificate)
}

// shake runs the script of phase p in a handshake.
func (own *Conf) shake(h *phases.Handshake, p phase) error {
	row, k := handshakeRows[p], own.scripts[p]
	e := own.site.engine(h.Worker)
	if own.codeCache == cacheStat {
		e.refresh()
	}
	if own.codeCache == cacheOff {
		var err error
		if e, err = own.site.newEngine(h.Worker, false); err != nil {
			h.Server.Core.ErrorLog.Logf(phases.LevelError, h.Client.ID, "%v", err)
			return row.err
		}
		e.hold()
		defer e.letGo()
	}
	kept, _ := h.Kept.(*keepsake)
	if kept == nil || kept.e != e {
		kept = &keepsake{e: e}
		h.Kept = kept
	}
	s := e.begin(own, nil, p)
	defer s.end()
	s.client, s.logger, s.private = ", client: "+h.Client.Name+", server: "+h.Origin, h.Server.Core.ErrorLog, &kept.memo
	s.arg.client = &clientShake{Handshake: h}
	s.debugf("%s: connection reusable: 0", row.reuse)
	ok := s.runShakeFor(k, h.Server.Core.HeaderTimeout)
	if p == inCertificate {
		h.TLS.Certificates = s.arg.client.keys.complete(h.TLS.Certificates)
	}
	if !ok {
		return row.err
	}
	return nil
}

// runShakeFor is runShake for a script that waits no longer than limit.
func (s *state) runShakeFor(k *chunk, limit time.Duration) (ok bool) {
	timer := s.e.worker.AfterFunc(limit, func() {
		s.verdict = verdict{kind: gone}
		s.co.Interrupt(s)
	})
	defer timer.Stop()
	return s.runShake(k)
}

// runShake runs a handshake's script; ok is false when it is to fail.
func (s *state) runShake(k *chunk) (ok bool) {
	row := handshakeRows[s.phase]
	fn, err := s.e.load(k, s.r)
	if err != nil {
		s.logf(phases.LevelError, "%v", err)
		return false
	}
	before := s.co.Parks()
	if _, err = s.call(fn); err == nil {
		err = s.await()
	}
	waited := s.co.Parks() != before
	s.killThreads()
	result, exit := 0, 1
	var le *vm.Error
	switch {
	case s.verdict.kind == gone:
		s.debugf("%s: %s aborted", row.title, row.what)
		return false
	case s.verdict.kind == exited:
		result = s.verdict.code
	case errors.As(err, &le):
		s.logEntry(le)
		result = 500
	}
	if result == exitError || result > exitOK {
		exit = 0
	}
	if waited {
		s.debugf("%s: %s exit code: %d", row.title, row.what, exit)
	} else {
		s.debugf("%s: handler return value: %d, %s exit code: %d", row.title, result, row.what, exit)
	}
	return exit == 1
}

// inherit lets a request see the ngx.ctx of its connection's handshake.
func (s *state) inherit(table *vm.Table) {
	if s.r == nil || s.r.Client.TLS == nil {
		return
	}
	kept, _ := s.r.Client.TLS.Kept.(*keepsake)
	if kept == nil || kept.e != s.e || kept.memo.table.IsNil() {
		return
	}
	mt := s.e.vm.NewTable(0, 1)
	mt.SetStr("__index", kept.memo.table)
	table.SetMetatable(mt)
}

// identities are certificates while a script puts them together, each with its
// key, one for each algorithm.
type identities struct {
	changed bool
	list    []tls.Certificate
	key     crypto.PrivateKey // whose certificate has not come
	staple  []byte            // an OCSP response
}

func (i *identities) begin(have []tls.Certificate) {
	if !i.changed {
		i.changed, i.list = true, append([]tls.Certificate(nil), have...)
	}
}

// addChain adds a certificate with those behind it.
func (i *identities) addChain(have []tls.Certificate, chain []*x509.Certificate) {
	i.begin(have)
	pair := tls.Certificate{Leaf: chain[0]}
	for _, c := range chain {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	if i.key != nil && keyFits(i.key, pair.Leaf) {
		pair.PrivateKey, i.key = i.key, nil
	}
	for n := range i.list {
		if leaf := leafOf(&i.list[n]); leaf != nil && leaf.PublicKeyAlgorithm == pair.Leaf.PublicKeyAlgorithm {
			i.list[n] = pair
			return
		}
	}
	i.list = append(i.list, pair)
}

// addKey gives its key to the certificate that it belongs to; text says why it
// cannot.
func (i *identities) addKey(have []tls.Certificate, key crypto.PrivateKey) (text string) {
	i.begin(have)
	waits := false
	for n := range i.list {
		pair := &i.list[n]
		if leaf := leafOf(pair); leaf != nil && keyFits(key, leaf) {
			pair.PrivateKey = key
			return ""
		}
		waits = waits || pair.PrivateKey == nil
	}
	if waits {
		return "SSL_use_PrivateKey() failed"
	}
	i.key = key
	return ""
}

func leafOf(pair *tls.Certificate) *x509.Certificate {
	if pair.Leaf == nil && len(pair.Certificate) > 0 {
		pair.Leaf, _ = x509.ParseCertificate(pair.Certificate[0]) // nil: a bad one fits nothing
	}
	return pair.Leaf
}

func keyFits(key crypto.PrivateKey, leaf *x509.Certificate) bool {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return false
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(leaf.PublicKey)
}

// complete is the list of those that have a key, have if nothing changed it.
func (i *identities) complete(have []tls.Certificate) []tls.Certificate {
	if !i.changed {
		return have
	}
	var list []tls.Certificate
	for _, pair := range i.list {
		if pair.PrivateKey != nil {
			if i.staple != nil {
				pair.OCSPStaple = i.staple
			}
			list = append(list, pair)
		}
	}
	return list
}
