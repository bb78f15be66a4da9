package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/phases"
)

// Verifier checks the certificates of peers that we connect to.
type Verifier struct {
	roots *x509.CertPool
	depth int
	// lists are certificate revocation lists. When there are any there must be
	// one of every issuer.
	lists []*pkix.CertificateList
}

// NewVerifier trusts the certificates in the file trusted, in PEM; an empty
// name trusts none. crl is a file of revocation lists, or empty; depth bounds
// how many certificates may stand between the peer's and the trusted one.
func NewVerifier(trusted, crl string, depth int) (*Verifier, error) {
	v := &Verifier{roots: x509.NewCertPool(), depth: depth}
	if trusted != "" {
		pem, err := os.ReadFile(trusted)
		if err != nil {
			return nil, fmt.Errorf("cannot load \"%s\": %s", trusted, phases.Errno(err))
		}
		if !v.roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in \"%s\"", trusted)
		}
	}
	if crl != "" {
		var err error
		if v.lists, err = loadCRL(crl); err != nil {
			return nil, fmt.Errorf("ssl_crl \"%s\": %v", crl, err)
		}
		if v.lists == nil {
			return nil, fmt.Errorf("ssl_crl \"%s\": %v", crl, errCRL)
		}
	}
	return v, nil
}

// Trusting is a Verifier like v whose trusted certificates are others.
func (v *Verifier) Trusting(roots *x509.CertPool) *Verifier {
	return &Verifier{roots: roots, depth: v.depth, lists: v.lists}
}

// Check verifies the chain of a connection's peer, not its name. What is wrong
// is in OpenSSL's words, with its number: "10:certificate has expired".
func (v *Verifier) Check(state *tls.ConnectionState) (wrong string) {
	if len(state.PeerCertificates) == 0 {
		return "1:no certificate"
	}
	leaf := state.PeerCertificates[0]
	inter := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		inter.AddCert(c)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: v.roots, Intermediates: inter, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		var invalid x509.CertificateInvalidError
		switch {
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(leaf.NotBefore):
			return "9:certificate is not yet valid"
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
			return "10:certificate has expired"
		case leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil:
			return "18:self-signed certificate"
		}
		return "20:unable to get local issuer certificate"
	}
	reason := "22:certificate chain too long"
	for _, c := range chains {
		if len(c)-2 <= v.depth {
			if reason = v.revoked(c); reason == "" {
				return ""
			}
		}
	}
	return reason
}

// CertificateNames says whether the certificate of a connection's peer is for
// the name, as OpenSSL compares them.
func CertificateNames(state *tls.ConnectionState, name string) bool {
	if len(state.PeerCertificates) == 0 {
		return false
	}
	leaf := state.PeerCertificates[0]
	return leaf.VerifyHostname(strings.Trim(name, "[]")) == nil || len(leaf.DNSNames) == 0 && commonName(leaf.Subject.CommonName, name)
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

// revoked says why a chain is not good.
func (v *Verifier) revoked(chain []*x509.Certificate) string {
	if v.lists == nil {
		return ""
	}
	for i, c := range chain {
		issuer := chain[min(i+1, len(chain)-1)]
		found, late := false, false
		for _, list := range v.lists {
			if issuer.CheckSignature(signatureOf(list, issuer), list.TBSCertList.Raw, list.SignatureValue.RightAlign()) != nil {
				continue
			}
			found = true
			late = late || list.HasExpired(time.Now())
			for _, e := range list.TBSCertList.RevokedCertificates {
				if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
					return "23:certificate revoked"
				}
			}
		}
		switch {
		case !found:
			return "3:unable to get certificate CRL"
		case late:
			return "12:CRL has expired"
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
