package lua

import (
	"crypto/x509"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// ocspArea is the module ngx.ocsp.
var ocspArea = area{open: func(e *engine, ngx *vm.Table) {
	e.module("ngx.ocsp", []row{
		{"get_ocsp_responder_from_der_chain", anyPhase, ocspResponder},
		{"create_ocsp_request", anyPhase, ocspRequest},
		{"validate_ocsp_response", anyPhase, ocspValidate},
		{"set_ocsp_status_resp", "X", func(t *vm.Thread, s *state) int {
			staple := []byte(t.CheckString(1))
			if len(staple) == 0 {
				return fail(t, "no OCSP response")
			}
			keys, have := s.shown()
			keys.begin(have)
			keys.staple = staple
			t.PushBool(true)
			return 1
		}},
	})
}}

// ocspPair is a certificate of a chain in DER and the one that issued it; bad
// says what is missing.
func ocspPair(chain string) (leaf, issuer *x509.Certificate, bad string) {
	certs, err := x509.ParseCertificates([]byte(chain))
	switch {
	case err != nil || len(certs) == 0:
		return nil, nil, "d2i_X509_bio() failed"
	case len(certs) == 1:
		return nil, nil, "no issuer certificate in chain"
	}
	for _, c := range certs[1:] {
		if certs[0].CheckSignatureFrom(c) == nil {
			return certs[0], c, ""
		}
	}
	return nil, nil, "issuer certificate not next to leaf"
}

func ocspResponder(t *vm.Thread, s *state) int {
	leaf, _, bad := ocspPair(t.CheckString(1))
	switch {
	case bad != "":
		return fail(t, bad)
	case len(leaf.OCSPServer) == 0:
		t.PushNil()
		return 1
	}
	url := leaf.OCSPServer[0]
	if limit := t.OptInt(2, len(url)); limit < len(url) {
		t.PushString(url[:max(limit, 0)])
		t.PushString("truncated")
		return 2
	}
	t.PushString(url)
	return 1
}

func ocspRequest(t *vm.Thread, s *state) int {
	leaf, issuer, bad := ocspPair(t.CheckString(1))
	if bad != "" {
		return fail(t, bad)
	}
	request, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		return fail(t, "i2d_OCSP_REQUEST() failed")
	}
	if limit := t.OptInt(2, len(request)); limit < len(request) {
		return fail(t, "output buffer too small")
	}
	t.PushBytes(request)
	return 1
}

func ocspValidate(t *vm.Thread, s *state) int {
	response := []byte(t.CheckString(1))
	leaf, issuer, bad := ocspPair(t.CheckString(2))
	if bad != "" {
		return fail(t, bad)
	}
	answer, err := ocsp.ParseResponseForCert(response, leaf, issuer)
	now := time.Now()
	switch {
	case err != nil:
		return fail(t, "OCSP_basic_verify() failed")
	case answer.Status == ocsp.Revoked:
		return fail(t, "certificate status \"revoked\" in the OCSP response")
	case answer.Status != ocsp.Good:
		return fail(t, "certificate status \"unknown\" in the OCSP response")
	case now.Before(answer.ThisUpdate.Add(-ocspSkew)) || !answer.NextUpdate.IsZero() && now.After(answer.NextUpdate.Add(ocspSkew)):
		return fail(t, "OCSP_check_validity() failed")
	}
	t.PushBool(true)
	return 1
}

// ocspSkew is how far clocks may differ.
const ocspSkew = 5 * time.Minute
