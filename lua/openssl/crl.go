package openssl

import (
	"crypto/x509"
	"math/big"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// revoked is an entry of a list of revocations as scripts see it.
func (l *library) revoked(e x509.RevocationListEntry) vm.Value {
	t := l.vm.NewTable(0, 2)
	t.SetStr("serial_number", vm.String(strings.ToUpper(hexNumber(e.SerialNumber))))
	t.SetStr("revocation_date", vm.Int(int(e.RevocationTime.Unix())))
	return t.Value()
}

// hexNumber is a number in whole bytes, as OpenSSL writes it.
func hexNumber(n *big.Int) string {
	s := n.Text(16)
	if len(s)%2 != 0 {
		s = "0" + s
	}
	return s
}

// openCRL makes x509.crl: lists of revocations that were read.
func (l *library) openCRL() {
	c := l.crl
	get := func(do func(t *vm.Thread, r *x509.RevocationList) int) vm.Func { return method(c, do) }
	c.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int { // (list in PEM or DER [, format])
			der, err := readDER(t.CheckString(1), strings.ToUpper(t.OptString(2, "*")), "X509 CRL")
			var r *x509.RevocationList
			if err == nil {
				r, err = x509.ParseRevocationList(der)
			}
			if err != nil {
				return refuse(t, "x509.crl.new: "+err.Error())
			}
			t.Push(c.wrap(r))
			return 1
		},
		"dup": func(t *vm.Thread) int { t.Push(c.wrap(checkObject[*x509.RevocationList](t, 1, "crl"))); return 1 },
		"get_issuer_name": get(func(t *vm.Thread, r *x509.RevocationList) int {
			d, err := distinguish(r.RawIssuer)
			if err != nil {
				return refuse(t, "x509.crl: "+err.Error())
			}
			t.Push(l.name.wrap(d))
			return 1
		}),
		"get_last_update": get(func(t *vm.Thread, r *x509.RevocationList) int { t.PushInt(int(r.ThisUpdate.Unix())); return 1 }),
		"get_next_update": get(func(t *vm.Thread, r *x509.RevocationList) int {
			if r.NextUpdate.IsZero() {
				t.PushNil()
			} else {
				t.PushInt(int(r.NextUpdate.Unix()))
			}
			return 1
		}),
		"get_version": get(func(t *vm.Thread, r *x509.RevocationList) int { t.PushInt(1); return 1 }),
		"get_by_serial": get(func(t *vm.Thread, r *x509.RevocationList) int {
			serial := bignum(t.Arg(2))
			if v := t.Arg(2); v.Kind() == vm.KString {
				serial, _ = parseBN(v.Str(), 16)
			}
			if serial == nil {
				return refuse(t, "x509.crl:find: expect a bn instance at #1")
			}
			for _, e := range r.RevokedCertificateEntries {
				if e.SerialNumber.Cmp(serial) == 0 {
					t.Push(l.revoked(e))
					return 1
				}
			}
			t.PushNil()
			return 1
		}),
		"verify": get(func(t *vm.Thread, r *x509.RevocationList) int {
			return verifySignature(t, "x509.crl", r.SignatureAlgorithm, r.RawTBSRevocationList, r.Signature)
		}),
	})
	signedMethods(c, "X509 CRL", func(r *x509.RevocationList) ([]byte, x509.SignatureAlgorithm, error) {
		return r.Raw, r.SignatureAlgorithm, nil
	})
	list(c, func(r *x509.RevocationList) int { return len(r.RevokedCertificateEntries) }, func(r *x509.RevocationList, n int) (key, v vm.Value) {
		if n < 1 || n > len(r.RevokedCertificateEntries) {
			return vm.Nil, vm.Nil
		}
		return vm.Nil, l.revoked(r.RevokedCertificateEntries[n-1])
	})
}
