package phases

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// ocspQuery asks a responder for the status of a certificate (RFC 6960), over
// HTTP with GET (appendix A.1).
type ocspQuery struct {
	w         *actor.Worker
	core      *Core // for the resolver
	cert      *x509.Certificate
	issuer    *x509.Certificate
	responder string // "": the one that the certificate names
}

const (
	// ocspTimeout bounds a query: connecting, and each step of its rest.
	ocspTimeout = 60 * time.Second
	// ocspSizeMax bounds a response, in bytes with its head.
	ocspSizeMax = 64 << 10
	// ocspSkew is how far the responder's clock may be off.
	ocspSkew = 5 * time.Minute
)

var errNoResponder = errors.New("no OCSP responder for the certificate")

// ask returns the response as it came. It parks.
func (q *ocspQuery) ask() ([]byte, error) {
	where := q.responder
	if where == "" {
		if len(q.cert.OCSPServer) == 0 {
			return nil, errNoResponder
		}
		where = q.cert.OCSPServer[0]
	}
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" {
		return nil, fmt.Errorf("invalid URL prefix in OCSP responder \"%s\"", where)
	}
	to, err := q.address(u)
	if err != nil {
		return nil, err
	}
	question, err := ocsp.CreateRequest(q.cert, q.issuer, nil)
	if err != nil {
		return nil, err
	}
	fd, err := q.w.Dial(actor.IP(to), actor.DialOptions{Timeout: ocspTimeout})
	if err != nil {
		return nil, fmt.Errorf("connect() to %s failed (%s)", to, Errno(err))
	}
	defer fd.Close()
	fd.SetReadTimeout(ocspTimeout)
	fd.SetWriteTimeout(ocspTimeout)
	path := u.EscapedPath()
	if path == "" || path[len(path)-1] != '/' {
		path += "/"
	}
	request := "GET " + path + url.QueryEscape(base64.StdEncoding.EncodeToString(question)) + " HTTP/1.0\r\nHost: " + u.Host + "\r\n\r\n"
	if _, err := fd.Write([]byte(request)); err != nil {
		return nil, err
	}
	return readOCSP(fd)
}

// address resolves the responder's host, which needs a resolver if it is a name.
func (q *ocspQuery) address(u *url.URL) (netip.AddrPort, error) {
	port := uint64(80)
	if text := u.Port(); text != "" {
		var err error
		if port, err = strconv.ParseUint(text, 10, 16); err != nil {
			return netip.AddrPort{}, err
		}
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		return netip.AddrPortFrom(a, uint16(port)), nil
	}
	if q.core.Resolver == nil {
		return netip.AddrPort{}, fmt.Errorf("no resolver defined to resolve %s", u.Hostname())
	}
	all, err := q.core.Resolver.Lookup(q.w, u.Hostname(), q.core.ResolverTimeout)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(all[0], uint16(port)), nil
}

// readOCSP reads the answer of a responder that closes the connection behind
// it, or says how long it is.
func readOCSP(from io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(from, ocspSizeMax+1))
	switch {
	case err != nil:
		return nil, err
	case len(b) > ocspSizeMax:
		return nil, errors.New("OCSP responder sent too much")
	}
	var h http1.ResponseHead
	n, err := http1.ParseResponse(b, &h, nil)
	if err != nil {
		return nil, fmt.Errorf("OCSP responder sent an invalid response: %w", err)
	}
	body := b[n:]
	switch {
	case h.Status != 200:
		return nil, fmt.Errorf("OCSP responder sent status %d", h.Status)
	case h.Chunked:
		return nil, errors.New("OCSP responder sent a chunked response to HTTP/1.0")
	case h.ContentLength >= 0 && h.ContentLength > int64(len(body)):
		return nil, errors.New("OCSP responder prematurely closed connection")
	case h.ContentLength >= 0:
		body = body[:h.ContentLength]
	}
	return body, nil
}

// readStatus reads a response about cert. If by is not nil, it must be signed
// by it, the issuer of cert, or by whom it lets sign for it.
func readStatus(der []byte, cert, by *x509.Certificate, now time.Time) (*ocsp.Response, error) {
	r, err := ocsp.ParseResponseForCert(der, cert, nil) // what signs and is in it is checked
	if err != nil {
		return nil, err
	}
	if now.Add(ocspSkew).Before(r.ThisUpdate) || !r.NextUpdate.IsZero() && now.Add(-ocspSkew).After(r.NextUpdate) {
		return nil, errors.New("OCSP response is not valid now")
	}
	signer := r.Certificate
	switch {
	case by == nil || signer != nil && bytes.Equal(signer.Raw, by.Raw):
		return r, nil
	case signer == nil:
		return r, r.CheckSignatureFrom(by)
	case now.Before(signer.NotBefore) || now.After(signer.NotAfter):
		return nil, errors.New("the certificate of the OCSP response's signer is not valid now")
	}
	for _, use := range signer.ExtKeyUsage {
		if use == x509.ExtKeyUsageOCSPSigning {
			return r, by.CheckSignature(signer.SignatureAlgorithm, signer.RawTBSCertificate, signer.Signature)
		}
	}
	return nil, errors.New("the OCSP response is signed by whom may not sign it")
}
