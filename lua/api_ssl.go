package lua

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// sslArea is the module ngx.ssl: certificates and keys, and the TLS of the
// client's connection.
var sslArea = area{open: func(e *engine, ngx *vm.Table) {
	e.module("ngx.ssl", append([]row{
		{"cert_pem_to_der", anyPhase, certToDER},
		{"parse_pem_cert", anyPhase, func(t *vm.Thread, s *state) int {
			return s.pushCerts(t, pemCerts(t.CheckString(1)), "PEM_read_bio_X509_AUX() failed")
		}},
		{"parse_der_cert", anyPhase, func(t *vm.Thread, s *state) int {
			certs, _ := x509.ParseCertificates([]byte(t.CheckString(1)))
			return s.pushCerts(t, certs, "d2i_X509_bio() failed")
		}},
		{"priv_key_pem_to_der", anyPhase, keyToDER},
		{"parse_pem_priv_key", anyPhase, func(t *vm.Thread, s *state) int {
			return s.pushKey(t, pemKey(t.CheckString(1), t.OptString(2, "")), "PEM_read_bio_PrivateKey() failed")
		}},
		{"parse_der_priv_key", anyPhase, func(t *vm.Thread, s *state) int {
			return s.pushKey(t, derKey([]byte(t.CheckString(1))), "d2i_PrivateKey_bio() failed")
		}},
	}, sslServerRows...), func(m *vm.Table) {
		for name, v := range map[string]int{"SSL3_VERSION": 0x300, "TLS1_VERSION": 0x301, "TLS1_1_VERSION": 0x302, "TLS1_2_VERSION": 0x303, "TLS1_3_VERSION": 0x304} {
			m.SetStr(name, vm.Int(v))
		}
	})
}}

// pemCerts reads the certificates of a text in PEM, nil when it has none or a
// bad one.
func pemCerts(text string) (certs []*x509.Certificate) {
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" && block.Type != "X509 CERTIFICATE" && block.Type != "TRUSTED CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil
		}
		certs = append(certs, c)
	}
	return certs
}

// pemKey reads the first private key of a text in PEM, nil if there is none.
func pemKey(text, password string) crypto.PrivateKey {
	if password != "" {
		plain, err := phases.DecryptPEM([]byte(text), password)
		if err != nil {
			return nil
		}
		text = string(plain)
	}
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		if key := derKey(block.Bytes); key != nil {
			return key
		}
	}
	return nil
}

func derKey(der []byte) crypto.PrivateKey {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key
	}
	return nil
}

func (s *state) pushCerts(t *vm.Thread, certs []*x509.Certificate, bad string) int {
	if len(certs) == 0 {
		return fail(t, bad)
	}
	t.Push(s.e.cdata(&certChain{Certs: certs}))
	return 1
}

func (s *state) pushKey(t *vm.Thread, key crypto.PrivateKey, bad string) int {
	if key == nil {
		return fail(t, bad)
	}
	t.Push(s.e.cdata(&privateKey{Key: key}))
	return 1
}

func certToDER(t *vm.Thread, s *state) int {
	certs := pemCerts(t.CheckString(1))
	if len(certs) == 0 {
		return fail(t, "PEM_read_bio_X509_AUX() failed")
	}
	var der []byte
	for _, c := range certs {
		der = append(der, c.Raw...)
	}
	t.PushBytes(der)
	return 1
}

func keyToDER(t *vm.Thread, s *state) int {
	key := pemKey(t.CheckString(1), t.OptString(2, ""))
	if key == nil {
		return fail(t, "PEM_read_bio_PrivateKey() failed")
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fail(t, "i2d_PrivateKey() failed")
	}
	t.PushBytes(der)
	return 1
}
