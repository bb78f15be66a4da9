package openssl

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"math/big"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// The paddings of RSA by OpenSSL's numbers.
const (
	padPKCS1 = 1
	padNone  = 3
	padOAEP  = 4
	padPSS   = 6
)

var (
	errKeyKind = errors.New("operation not supported for this keytype")
	errPadding = errors.New("illegal or unsupported padding mode")
	errPrivate = errors.New("not a private key")
)

// scheme is how to sign or to encrypt: the arguments that follow the text.
type scheme struct {
	hash, mgf crypto.Hash
	padding   int
	salt      int
	raw       bool // ECDSA signatures are r and s, as in JWS
}

// schemeOf reads padding and opts, the arguments i and i+1.
func schemeOf(t *vm.Thread, i int, hash string) (s *scheme, err error) {
	opts := t.Arg(i + 1).Table()
	s = &scheme{padding: t.OptInt(i, padPKCS1), salt: rsa.PSSSaltLengthAuto, raw: field(opts, "ecdsa_use_raw").Truth()}
	if s.hash, err = hashOf(hash); err != nil {
		return nil, err
	}
	if n := integer(field(opts, "pss_saltlen"), -2); n >= 0 {
		s.salt = n
	} else if n == -1 {
		s.salt = rsa.PSSSaltLengthEqualsHash
	}
	if name := text(field(opts, "oaep_md"), ""); name != "" {
		if s.hash, err = hashOf(name); err != nil {
			return nil, err
		}
	}
	s.mgf = s.hash
	if name := text(field(opts, "mgf1_md"), ""); name != "" {
		s.mgf, err = hashOf(name)
	}
	return s, err
}

func (s *scheme) sum(message []byte) []byte {
	h := s.hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// sign signs a digest.
func (s *scheme) sign(key any, digest []byte) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		switch {
		case s.padding == padPSS && s.mgf == s.hash:
			return rsa.SignPSS(rand.Reader, k, s.hash, digest, &rsa.PSSOptions{SaltLength: s.salt})
		case s.padding == padPKCS1:
			return rsa.SignPKCS1v15(nil, k, s.hash, digest)
		}
		return nil, errPadding
	case *ecdsa.PrivateKey:
		der, err := ecdsa.SignASN1(rand.Reader, k, digest)
		if err != nil || !s.raw {
			return der, err
		}
		return rawSignature(&k.PublicKey, der)
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return nil, errPrivate
	}
	return nil, errKeyKind
}

// verify tells whether a signature of a digest is good.
func (s *scheme) verify(key any, digest, signature []byte) (bool, error) {
	switch k := public(key).(type) {
	case *rsa.PublicKey:
		switch {
		case s.padding == padPSS && s.mgf == s.hash:
			return rsa.VerifyPSS(k, s.hash, digest, signature, &rsa.PSSOptions{SaltLength: s.salt}) == nil, nil
		case s.padding == padPKCS1:
			return rsa.VerifyPKCS1v15(k, s.hash, digest, signature) == nil, nil
		}
		return false, errPadding
	case *ecdsa.PublicKey:
		if s.raw {
			var err error
			if signature, err = derSignature(k, signature); err != nil {
				return false, err
			}
		}
		return ecdsa.VerifyASN1(k, digest, signature), nil
	}
	return false, errKeyKind
}

type pair struct{ R, S *big.Int }

// rawSignature is r and s of an ECDSA signature, each as long as the order.
func rawSignature(k *ecdsa.PublicKey, der []byte) ([]byte, error) {
	var p pair
	size := (k.Params().N.BitLen() + 7) / 8
	if rest, err := asn1.Unmarshal(der, &p); err != nil || len(rest) > 0 || p.R.Sign() < 0 || p.S.Sign() < 0 || max(p.R.BitLen(), p.S.BitLen()) > size*8 {
		return nil, errors.New("bad signature")
	}
	return append(p.R.FillBytes(make([]byte, size)), p.S.FillBytes(make([]byte, size))...), nil
}

func derSignature(k *ecdsa.PublicKey, raw []byte) ([]byte, error) {
	size := (k.Params().N.BitLen() + 7) / 8
	if len(raw) != 2*size {
		return nil, errors.New("bad length of the signature")
	}
	return asn1.Marshal(pair{new(big.Int).SetBytes(raw[:size]), new(big.Int).SetBytes(raw[size:])})
}

func (s *scheme) encrypt(key any, plain []byte) ([]byte, error) {
	k, ok := public(key).(*rsa.PublicKey)
	if !ok {
		return nil, errKeyKind
	}
	switch s.padding {
	case padPKCS1:
		return rsa.EncryptPKCS1v15(rand.Reader, k, plain)
	case padOAEP:
		return rsa.EncryptOAEPWithOptions(rand.Reader, k, plain, &rsa.OAEPOptions{Hash: s.hash, MGFHash: s.mgf})
	case padNone:
		return power(plain, big.NewInt(int64(k.E)), k)
	}
	return nil, errPadding
}

func (s *scheme) decrypt(key any, secret []byte) ([]byte, error) {
	k, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errPrivate
	}
	switch s.padding {
	case padPKCS1:
		return rsa.DecryptPKCS1v15(nil, k, secret)
	case padOAEP:
		return k.Decrypt(nil, secret, &rsa.OAEPOptions{Hash: s.hash, MGFHash: s.mgf})
	}
	return nil, errPadding
}

// power is RSA with the public exponent and no padding.
func power(in []byte, e *big.Int, k *rsa.PublicKey) ([]byte, error) {
	b := new(big.Int).SetBytes(in)
	if len(in) != k.Size() || b.Cmp(k.N) >= 0 {
		return nil, errors.New("bad length of the data")
	}
	return b.Exp(b, e, k.N).FillBytes(make([]byte, k.Size())), nil
}

// recover gives what a PKCS #1 signature is of: public decryption.
func recoverSigned(key any, signature []byte) ([]byte, error) {
	k, ok := public(key).(*rsa.PublicKey)
	if !ok {
		return nil, errKeyKind
	}
	b, err := power(signature, big.NewInt(int64(k.E)), k)
	if err != nil {
		return nil, err
	}
	i := 2
	for i < len(b) && b[i] == 0xff {
		i++
	}
	if b[0] != 0 || b[1] != 1 || i < 10 || i == len(b) || b[i] != 0 {
		return nil, errors.New("bad padding")
	}
	return b[i+1:], nil
}

// signArgs is what sign and verify work on: the digest of argument i, which is
// a digest object or text, and how.
func signArgs(t *vm.Thread, i int) (sum []byte, s *scheme, err error) {
	if d, ok := object[*digest](t.Arg(i)); ok {
		s = &scheme{hash: d.id, mgf: d.id, padding: padPKCS1}
		return d.Sum(nil), s, nil
	}
	message := t.CheckString(i)
	if s, err = schemeOf(t, i+2, t.OptString(i+1, "sha256")); err != nil {
		return nil, nil, err
	}
	return s.sum([]byte(message)), s, nil
}

func (l *library) openSignatures() {
	c := l.pkey
	crypt := func(name, hash string, do func(s *scheme, k *Key, in []byte) ([]byte, error)) vm.Func {
		return method(c, func(t *vm.Thread, k *Key) int {
			s, err := schemeOf(t, 3, hash)
			if err != nil {
				return refuse(t, "pkey:"+name+": "+err.Error())
			}
			out, err := do(s, k, []byte(t.CheckString(2)))
			return answer(t, "pkey:"+name, out, err)
		})
	}
	verdict := func(t *vm.Thread, name string, good bool, err error) int {
		if err != nil {
			t.PushBool(false)
			t.PushString("pkey:" + name + ": " + err.Error())
			return 2
		}
		t.PushBool(good)
		return 1
	}
	c.funcs(map[string]func(t *vm.Thread) int{
		"sign": method(c, func(t *vm.Thread, k *Key) int {
			if edward, ok := k.Key.(ed25519.PrivateKey); ok {
				t.PushBytes(ed25519.Sign(edward, []byte(t.CheckString(2))))
				return 1
			}
			sum, s, err := signArgs(t, 2)
			if err != nil {
				return refuse(t, "pkey:sign: "+err.Error())
			}
			out, err := s.sign(k.Key, sum)
			return answer(t, "pkey:sign", out, err)
		}),
		"verify": method(c, func(t *vm.Thread, k *Key) int {
			signature := []byte(t.CheckString(2))
			if edward, ok := public(k.Key).(ed25519.PublicKey); ok {
				return verdict(t, "verify", ed25519.Verify(edward, []byte(t.CheckString(3)), signature), nil)
			}
			sum, s, err := signArgs(t, 3)
			if err != nil {
				return verdict(t, "verify", false, err)
			}
			good, err := s.verify(k.Key, sum, signature)
			return verdict(t, "verify", good, err)
		}),
		"encrypt": crypt("encrypt", "sha1", func(s *scheme, k *Key, in []byte) ([]byte, error) { return s.encrypt(k.Key, in) }),
		"decrypt": crypt("decrypt", "sha1", func(s *scheme, k *Key, in []byte) ([]byte, error) { return s.decrypt(k.Key, in) }),
		"sign_raw": crypt("sign_raw", "sha256", func(s *scheme, k *Key, in []byte) ([]byte, error) {
			if s.hash = 0; s.padding == padPKCS1 {
				if _, ok := k.Key.(*rsa.PrivateKey); ok {
					return s.sign(k.Key, in)
				}
			}
			return nil, errKeyKind
		}),
		"verify_recover": crypt("verify_recover", "sha256", func(s *scheme, k *Key, in []byte) ([]byte, error) { return recoverSigned(k.Key, in) }),
		"verify_raw": method(c, func(t *vm.Thread, k *Key) int {
			s, err := schemeOf(t, 5, t.OptString(4, "sha256"))
			if err != nil {
				return verdict(t, "verify_raw", false, err)
			}
			good, err := s.verify(k.Key, []byte(t.CheckString(3)), []byte(t.CheckString(2)))
			return verdict(t, "verify_raw", good, err)
		}),
	})
}
