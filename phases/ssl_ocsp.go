package phases

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/conf"
)

// Values of SSL.OCSP: whose status is asked for, of a client's certificates.
const (
	OCSPOff  = iota
	OCSPOn   // all but the root
	OCSPLeaf // the client's own
)

// setOCSPCache is ssl_ocsp_cache: off, or shared:name:size.
func setOCSPCache(own *SSL, b *Block, s *conf.Stmt) error {
	own.ocspCache = nil
	if s.Args[0] == "off" {
		return nil
	}
	rest, ok := strings.CutPrefix(s.Args[0], "shared:")
	name, text, _ := strings.Cut(rest, ":")
	size, sized := conf.Size(text)
	switch {
	case !ok || name == "" || !sized:
		return s.Errorf("invalid OCSP cache \"%s\"", s.Args[0])
	case size < sessionStoreMin:
		return s.Errorf("OCSP cache \"%s\" is too small", s.Args[0])
	}
	v, err := b.Zone(s, "ssl_ocsp_cache", name, size, func() any { return newSessionStore(size) })
	if err != nil {
		return err
	}
	own.ocspCache = v.(*sessionStore)
	return nil
}

var (
	errStatusUnknown = errors.New("certificate status request failed")
	errRevoked       = errors.New("certificate revoked")
)

// Examine verifies a client's certificates, asks for their status if that is
// configured, and says what $ssl_client_verify is. It may park. core is the
// server block's.
func (own *SSL) Examine(w *actor.Worker, core *Core, chain []*x509.Certificate) (verdict string, err error) {
	if own.Verify == VerifyOff || len(chain) == 0 {
		return "NONE", nil
	}
	path, err := own.check(chain, w.Now())
	if err != nil {
		return "FAILED:" + verifyText(chain, err), err
	}
	if err := own.status(w, core, path); err != nil {
		return "FAILED:" + err.Error(), err
	}
	return "SUCCESS", nil
}

// status asks for the status of the certificates of a path.
func (own *SSL) status(w *actor.Worker, core *Core, path []*x509.Certificate) error {
	n := len(path) - 1
	switch own.OCSP {
	case OCSPOff:
		n = 0
	case OCSPLeaf:
		n = min(n, 1)
	}
	for i := range n {
		status, err := own.statusOf(w, core, path[i], path[i+1])
		switch {
		case err != nil:
			core.ErrorLog.Logf(LevelError, 0, "%v while requesting certificate status", err)
			return errStatusUnknown
		case status == ocsp.Revoked:
			return errRevoked
		case status != ocsp.Good:
			return errStatusUnknown
		}
	}
	return nil
}

func (own *SSL) statusOf(w *actor.Worker, core *Core, cert, issuer *x509.Certificate) (status int, err error) {
	hash := sha256.New()
	hash.Write(issuer.RawSubject)
	hash.Write(issuer.RawSubjectPublicKeyInfo)
	hash.Write(cert.SerialNumber.Bytes())
	key := [sessionIDSize]byte(hash.Sum(nil))
	if own.ocspCache != nil {
		if b := own.ocspCache.get(key, time.Now()); b != nil {
			return int(b[0]), nil
		}
	}
	q := ocspQuery{w: w, core: core, cert: cert, issuer: issuer, responder: own.OCSPResponder}
	der, err := q.ask()
	if err != nil {
		return 0, err
	}
	r, err := readStatus(der, cert, issuer, time.Now())
	if err != nil {
		return 0, err
	}
	if own.ocspCache != nil && !r.NextUpdate.IsZero() {
		own.ocspCache.put(key, []byte{byte(r.Status)}, r.NextUpdate)
	}
	return r.Status, nil
}
