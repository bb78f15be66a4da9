package phases

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/crypto/ocsp"
)

// stapler keeps the status of one of the server's certificates, which is shown
// to clients in the handshake (RFC 6066 section 8). It is asked for when a
// client comes, by the side; that client does not wait for it.
type stapler struct {
	cert, issuer *x509.Certificate
	responder    string
	verify       bool // the signer must be the issuer or act for it

	mu      sync.Mutex
	der     []byte
	valid   time.Time // until when der is
	refresh time.Time // when to ask again
	asking  bool
}

const (
	stapleRetry = 5 * time.Minute // after a failure, and at the earliest
	stapleLife  = time.Hour       // at the latest
)

// addStapler prepares stapling for a certificate. What is missing for it is
// told as a warning.
func (own *SSL) addStapler(cfg *Config, name string, pair *tls.Certificate) error {
	var chain []*x509.Certificate
	for _, der := range pair.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		chain = append(chain, c)
	}
	candidates := chain[1:]
	if own.TrustedCA != "" {
		b, err := os.ReadFile(join(cfg.Dir, own.TrustedCA))
		if err != nil {
			return errors.New(OpenError(err))
		}
		for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
			if c, err := x509.ParseCertificate(block.Bytes); err == nil {
				candidates = append(candidates, c)
			}
		}
	}
	st := &stapler{cert: chain[0], responder: own.StaplingResponder, verify: own.StaplingVerify}
	for _, c := range candidates {
		if bytes.Equal(c.RawSubject, st.cert.RawIssuer) && c.CheckSignature(st.cert.SignatureAlgorithm, st.cert.RawTBSCertificate, st.cert.Signature) == nil {
			st.issuer = c
			break
		}
	}
	switch {
	case st.issuer == nil:
		cfg.Warn(own.stmt, "\"ssl_stapling\" ignored, issuer certificate not found for certificate \"%s\"", name)
		st = nil
	case st.responder == "" && len(st.cert.OCSPServer) == 0:
		cfg.Warn(own.stmt, "\"ssl_stapling\" ignored, no OCSP responder URL in the certificate \"%s\"", name)
		st = nil
	}
	own.staplers = append(own.staplers, st)
	return nil
}

// staple puts what is known of the status of own's certificates in the
// handshake.
func (h *Handshake) staple(own *SSL) {
	certs := append([]tls.Certificate(nil), h.TLS.Certificates...)
	for i, st := range own.staplers {
		if st == nil || i >= len(certs) {
			continue
		}
		der, stale := st.look(time.Now())
		if certs[i].OCSPStaple = der; stale {
			core := h.Server.Core
			h.Worker.Go(func() { st.update(h, core) })
		}
	}
	h.TLS.Certificates = certs
}

// look returns the response, if there is a valid one, and whether the caller
// is to have it updated.
func (st *stapler) look(now time.Time) (der []byte, stale bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if now.Before(st.valid) {
		der = st.der
	}
	if stale = !st.asking && !now.Before(st.refresh); stale {
		st.asking = true
	}
	return der, stale
}

func (st *stapler) update(h *Handshake, core *Core) {
	var der []byte
	valid := time.Time{}
	defer func() { st.set(der, valid) }() // also when the coroutine is killed
	q := ocspQuery{w: h.Worker, core: core, cert: st.cert, issuer: st.issuer, responder: st.responder}
	got, err := q.ask()
	var r *ocsp.Response
	if err == nil {
		r, err = st.read(got)
	}
	if err != nil {
		core.ErrorLog.Logf(LevelError, 0, "%v while requesting certificate status, responder: %s", err, q.responder)
		return
	}
	if der, valid = got, r.NextUpdate; valid.IsZero() {
		valid = time.Now().Add(2 * stapleLife)
	}
}

// read judges a response; only a good status is shown.
func (st *stapler) read(der []byte) (*ocsp.Response, error) {
	by := st.issuer
	if !st.verify {
		by = nil
	}
	r, err := readStatus(der, st.cert, by, time.Now())
	switch {
	case err != nil:
		return nil, err
	case by == nil && r.Certificate == nil && r.CheckSignatureFrom(st.issuer) != nil:
		err = errors.New("the OCSP response is not signed by the issuer")
	case r.Status == ocsp.Revoked:
		err = errors.New("certificate status \"revoked\" in the OCSP response")
	case r.Status != ocsp.Good:
		err = errors.New("certificate status \"unknown\" in the OCSP response")
	}
	return r, err
}

func (st *stapler) set(der []byte, valid time.Time) {
	st.mu.Lock()
	defer st.mu.Unlock()
	now := time.Now()
	st.asking, st.refresh = false, now.Add(stapleRetry)
	if der == nil {
		return // an older one stays as long as it is valid
	}
	st.der, st.valid = der, valid
	if at := valid.Add(-stapleRetry); at.After(st.refresh) {
		st.refresh = at
	}
	if most := now.Add(stapleLife); most.Before(st.refresh) {
		st.refresh = most
	}
}
