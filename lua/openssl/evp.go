package openssl

import (
	"crypto/ecdsa"
	"crypto/x509"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// openEVP makes resty.evp, which lua-resty-jwt signs and verifies with. Each of
// its classes has new(self, …).
func (l *library) openEVP(module *vm.Table) {
	consts := l.vm.NewTable(0, 8)
	for name, v := range map[string]vm.Value{
		"SHA1_DIGEST": vm.String("SHA1"), "SHA256_DIGEST": vm.String("SHA256"), "SHA384_DIGEST": vm.String("SHA384"), "SHA512_DIGEST": vm.String("SHA512"),
		"RSA_PKCS1_PADDING": vm.Int(padPKCS1), "RSA_NO_PADDING": vm.Int(padNone), "RSA_PKCS1_OAEP_PADDING": vm.Int(padOAEP),
	} {
		consts.SetStr(name, v)
	}
	module.SetStr("CONST", consts.Value())
	add := func(name string, make func(t *vm.Thread) (any, error), methods map[string]func(t *vm.Thread) int) {
		c := l.newClass(name)
		c.funcs(methods)
		c.funcs(map[string]func(t *vm.Thread) int{"new": func(t *vm.Thread) int {
			v, err := make(t)
			if err != nil {
				return refuse(t, err.Error())
			}
			t.Push(c.wrap(v))
			return 1
		}})
		module.SetStr(name, c.module.Value())
	}
	private := func(t *vm.Thread) (any, error) {
		key, err := l.readKey(t.CheckString(2), "*", "pr", t.OptString(3, ""))
		return &Key{key}, err
	}
	publicly := func(t *vm.Thread) (any, error) { return l.publicOf(t.Arg(2)) }
	add("RSASigner", private, map[string]func(t *vm.Thread) int{"sign": evpSign})
	add("ECSigner", private, map[string]func(t *vm.Thread) int{"sign": evpSign, "get_raw_sig": func(t *vm.Thread) int {
		k := checkObject[*Key](t, 1, "ECSigner")
		raw, err := rawOf(k.Key, []byte(t.CheckString(2)))
		return answer(t, "get_raw_sig", raw, err)
	}})
	add("RSAVerifier", publicly, map[string]func(t *vm.Thread) int{"verify": evpVerify})
	add("ECVerifier", publicly, map[string]func(t *vm.Thread) int{"verify": evpVerify})
	add("PublicKey", publicly, map[string]func(t *vm.Thread) int{"get_public_key": func(t *vm.Thread) int { t.Push(t.Arg(1)); return 1 }})
	pads := func(t *vm.Thread, key any, i int) (any, error) {
		hash, err := hashOf(t.OptString(i+1, "SHA1"))
		return &padded{key, &scheme{hash: hash, mgf: hash, padding: t.OptInt(i, padPKCS1)}}, err
	}
	add("RSAEncryptor", func(t *vm.Thread) (any, error) {
		k, err := l.publicOf(t.Arg(2))
		if err != nil {
			return nil, err
		}
		return pads(t, k.Key, 3)
	}, map[string]func(t *vm.Thread) int{"encrypt": func(t *vm.Thread) int {
		p := checkObject[*padded](t, 1, "RSAEncryptor")
		out, err := p.encrypt(p.key, []byte(t.CheckString(2)))
		return answer(t, "encrypt", out, err)
	}})
	add("RSADecryptor", func(t *vm.Thread) (any, error) {
		k, err := private(t)
		if err != nil {
			return nil, err
		}
		return pads(t, k.(*Key).Key, 4)
	}, map[string]func(t *vm.Thread) int{"decrypt": func(t *vm.Thread) int {
		p := checkObject[*padded](t, 1, "RSADecryptor")
		out, err := p.decrypt(p.key, []byte(t.CheckString(2)))
		return answer(t, "decrypt", out, err)
	}})
	l.evpCert(add)
}

// padded is a key and how it is used.
type padded struct {
	key any
	*scheme
}

// told is an error in the words of lua-resty-jwt, which programs may know.
type told string

func (e told) Error() string { return string(e) }

// publicOf is the public key of a source: a Cert or PublicKey, or text in PEM
// or DER, of a certificate too.
func (l *library) publicOf(v vm.Value) (*Key, error) {
	if k, ok := object[*Key](v); ok {
		return k, nil
	}
	if cert, ok := object[*x509.Certificate](v); ok {
		return &Key{cert.PublicKey}, nil
	}
	if v.Kind() != vm.KString {
		return nil, told("You must pass in an key_source for a public key")
	}
	if cert, err := readCert(v.Str(), "*"); err == nil {
		return &Key{cert.PublicKey}, nil
	}
	key, err := l.readKey(v.Str(), "*", "pu", "")
	if err != nil {
		return nil, told("Couldn't load public key: " + err.Error())
	}
	return &Key{key}, nil
}

// evpSign is sign(message, digest). ECDSA signatures are r and s.
func evpSign(t *vm.Thread) int {
	k := checkObject[*Key](t, 1, "signer")
	h, err := hashOf(t.OptString(3, "SHA256"))
	if err != nil {
		return refuse(t, err.Error())
	}
	s := &scheme{hash: h, mgf: h, padding: padPKCS1, raw: true}
	out, err := s.sign(k.Key, s.sum([]byte(t.CheckString(2))))
	return answer(t, "sign", out, err)
}

// evpVerify is verify(message, signature, digest).
func evpVerify(t *vm.Thread) int {
	k := checkObject[*Key](t, 1, "verifier")
	h, err := hashOf(t.OptString(4, "SHA256"))
	if err != nil {
		return refuse(t, err.Error())
	}
	s := &scheme{hash: h, mgf: h, padding: padPKCS1}
	signature := []byte(t.CheckString(3))
	if ec, ok := public(k.Key).(*ecdsa.PublicKey); ok {
		s.raw = len(signature) == 2*((ec.Params().N.BitLen()+7)/8)
	}
	good, err := s.verify(k.Key, s.sum([]byte(t.CheckString(2))), signature)
	t.PushBool(good)
	switch {
	case err != nil:
		t.PushString(err.Error())
	case !good:
		t.PushString("Verification failed")
	default:
		return 1
	}
	return 2
}

// rawOf is an ECDSA signature as r and s, whichever form it has.
func rawOf(key any, signature []byte) ([]byte, error) {
	k, ok := public(key).(*ecdsa.PublicKey)
	if !ok {
		return nil, errKeyKind
	}
	if len(signature) == 2*((k.Params().N.BitLen()+7)/8) {
		return signature, nil
	}
	return rawSignature(k, signature)
}

func (l *library) evpCert(add func(name string, make func(t *vm.Thread) (any, error), methods map[string]func(t *vm.Thread) int)) {
	get := func(do func(cert *x509.Certificate) string) func(t *vm.Thread) int {
		return func(t *vm.Thread) int { t.PushString(do(checkObject[*x509.Certificate](t, 1, "Cert"))); return 1 }
	}
	add("Cert", func(t *vm.Thread) (any, error) { return readCert(t.CheckString(2), "*") }, map[string]func(t *vm.Thread) int{
		"get_fingerprint": func(t *vm.Thread) int {
			cert := checkObject[*x509.Certificate](t, 1, "Cert")
			h, err := hashOf(t.OptString(2, "SHA256"))
			if err != nil {
				return refuse(t, err.Error())
			}
			d := h.New()
			d.Write(cert.Raw)
			t.PushString(strings.ToUpper(hexOf(d.Sum(nil))))
			return 1
		},
		"get_public_key": func(t *vm.Thread) int {
			t.Push(l.pkey.wrap(&Key{checkObject[*x509.Certificate](t, 1, "Cert").PublicKey}))
			return 1
		},
		"get_serial":  get(func(cert *x509.Certificate) string { return cert.SerialNumber.Text(16) }),
		"get_issuer":  get(func(cert *x509.Certificate) string { return cert.Issuer.String() }),
		"get_subject": get(func(cert *x509.Certificate) string { return cert.Subject.String() }),
		"verify_trust": func(t *vm.Thread) int {
			cert := checkObject[*x509.Certificate](t, 1, "Cert")
			s := &store{roots: x509.NewCertPool()}
			if err := s.load(t.CheckString(2)); err != nil {
				t.PushBool(false)
				t.PushString("File: " + t.CheckString(2) + " could not be loaded: " + err.Error())
				return 2
			}
			_, err := cert.Verify(x509.VerifyOptions{Roots: s.roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
			if t.PushBool(err == nil); err != nil {
				t.PushString("Certificate verification failed: " + err.Error())
				return 2
			}
			return 1
		},
	})
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 2*len(b))
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}
