package openssl

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// readCert reads a certificate in PEM or DER.
func readCert(s, format string) (*x509.Certificate, error) {
	if format != "DER" {
		for block, rest := pem.Decode([]byte(s)); block != nil; block, rest = pem.Decode(rest) {
			if strings.HasSuffix(block.Type, "CERTIFICATE") {
				return parseCert(block.Bytes)
			}
		}
		if format == "PEM" {
			return nil, errors.New("no certificate in PEM was found")
		}
	}
	return parseCert([]byte(s))
}

func parseCert(der []byte) (*x509.Certificate, error) {
	cert, err := x509.ParseCertificate(der)
	if err == nil {
		err = bounded(cert.PublicKey)
	}
	if err != nil {
		return nil, err
	}
	return cert, nil
}

func (l *library) openX509() {
	c := l.x509
	get := func(do func(t *vm.Thread, cert *x509.Certificate) int) vm.Func { return method(c, do) }
	sum := func(what func(cert *x509.Certificate) []byte) vm.Func {
		return get(func(t *vm.Thread, cert *x509.Certificate) int {
			h, err := hashOf(t.OptString(2, "sha1"))
			if err != nil {
				return refuse(t, "x509:digest: "+err.Error())
			}
			d := h.New()
			d.Write(what(cert))
			t.PushBytes(d.Sum(nil))
			return 1
		})
	}
	urls := func(of func(cert *x509.Certificate) []string) vm.Func {
		return get(func(t *vm.Thread, cert *x509.Certificate) int {
			list := of(cert)
			switch {
			case len(list) == 0:
				t.PushNil()
			case t.Arg(2).Truth():
				out := l.vm.NewTable(len(list), 0)
				for _, u := range list {
					out.Append(vm.String(u))
				}
				t.Push(out.Value())
			default:
				t.PushString(list[0])
			}
			return 1
		})
	}
	name := func(raw func(cert *x509.Certificate) []byte) vm.Func {
		return get(func(t *vm.Thread, cert *x509.Certificate) int {
			d, err := distinguish(raw(cert))
			if err != nil {
				return refuse(t, "x509: "+err.Error())
			}
			t.Push(l.name.wrap(d))
			return 1
		})
	}
	c.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int {
			cert, err := readCert(t.CheckString(1), strings.ToUpper(t.OptString(2, "*")))
			if err != nil {
				return refuse(t, "x509.new: "+err.Error())
			}
			t.Push(c.wrap(cert))
			return 1
		},
		"dup":           func(t *vm.Thread) int { t.Push(c.wrap(checkObject[*x509.Certificate](t, 1, "x509"))); return 1 },
		"digest":        sum(func(cert *x509.Certificate) []byte { return cert.Raw }),
		"pubkey_digest": sum(subjectKey),
		"get_ocsp_url":  urls(func(cert *x509.Certificate) []string { return cert.OCSPServer }),
		"get_crl_url":   urls(func(cert *x509.Certificate) []string { return cert.CRLDistributionPoints }),
		"get_subject_name": name(func(cert *x509.Certificate) []byte {
			return cert.RawSubject
		}),
		"get_issuer_name": name(func(cert *x509.Certificate) []byte { return cert.RawIssuer }),
		"get_pubkey":      get(func(t *vm.Thread, cert *x509.Certificate) int { return l.newKey(t, "x509", cert.PublicKey, nil) }),
		"get_not_before":  get(func(t *vm.Thread, cert *x509.Certificate) int { t.PushInt(int(cert.NotBefore.Unix())); return 1 }),
		"get_not_after":   get(func(t *vm.Thread, cert *x509.Certificate) int { t.PushInt(int(cert.NotAfter.Unix())); return 1 }),
		"get_lifetime": get(func(t *vm.Thread, cert *x509.Certificate) int {
			t.PushInt(int(cert.NotBefore.Unix()))
			t.PushInt(int(cert.NotAfter.Unix()))
			return 2
		}),
		"get_serial_number": get(func(t *vm.Thread, cert *x509.Certificate) int { return l.pushBN(t, "x509", cert.SerialNumber) }),
		"get_version":       get(func(t *vm.Thread, cert *x509.Certificate) int { t.PushInt(cert.Version - 1); return 1 }),
		"get_subject_alt_name": get(func(t *vm.Thread, cert *x509.Certificate) int {
			return l.pushNames(t, namesOf(cert.DNSNames, cert.IPAddresses, cert.EmailAddresses, cert.URIs))
		}),
		"get_basic_constraints": get(l.basicConstraints),
		"check_private_key": get(func(t *vm.Thread, cert *x509.Certificate) int {
			return checkPair(t, "x509", cert.PublicKey)
		}),
		"verify": get(func(t *vm.Thread, cert *x509.Certificate) int {
			return verifySignature(t, "x509", cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
		}),
	})
	signedMethods(c, "CERTIFICATE", func(cert *x509.Certificate) ([]byte, x509.SignatureAlgorithm, error) {
		return cert.Raw, cert.SignatureAlgorithm, nil
	})
}

func certPEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// subjectKey is the bits of the public key, which X509_pubkey_digest is of.
func subjectKey(cert *x509.Certificate) []byte {
	return publicBits(cert.RawSubjectPublicKeyInfo)
}

// basicConstraints gives one field by its name or a table of all.
func (l *library) basicConstraints(t *vm.Thread, cert *x509.Certificate) int {
	if !cert.BasicConstraintsValid {
		t.PushNil()
		return 1
	}
	out := l.vm.NewTable(0, 2)
	out.SetStr("ca", vm.Bool(cert.IsCA))
	out.SetStr("pathlen", vm.Int(max(cert.MaxPathLen, 0)))
	if t.Arg(2).IsNil() {
		t.Push(out.Value())
	} else {
		t.Push(out.GetStr(lower(t.CheckString(2))))
	}
	return 1
}
