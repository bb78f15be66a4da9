package openssl

import (
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// maxRSA bounds the keys that scripts may have made, in bits.
const maxRSA = 8192

// curves are the elliptic curves by their names, with OpenSSL's numbers.
var curves = []struct {
	names string
	nid   int
	curve elliptic.Curve
}{
	{"prime256v1 P-256 secp256r1", 415, elliptic.P256()},
	{"secp384r1 P-384", 715, elliptic.P384()},
	{"secp521r1 P-521", 716, elliptic.P521()},
	{"secp224r1 P-224", 713, elliptic.P224()},
}

// public is the public key of a key of either kind.
func public(key any) any {
	if k, ok := key.(interface{ Public() crypto.PublicKey }); ok {
		return k.Public()
	}
	return key
}

func isPrivate(key any) bool { _, ok := key.(interface{ Public() crypto.PublicKey }); return ok }

func (l *library) newKey(t *vm.Thread, where string, key any, err error) int {
	if err != nil {
		return refuse(t, where+": "+err.Error())
	}
	t.Push(l.pkey.wrap(&Key{key}))
	return 1
}

var errNoKey = errors.New("no key was found in it")

// bounded refuses keys so long that using them would take long; they may be a
// client's.
func bounded(key any) error {
	if k, ok := public(key).(*rsa.PublicKey); ok && k.N.BitLen() > 2*maxRSA {
		return errors.New("the RSA key is too long")
	}
	return nil
}

// derKey reads a key in DER; want is "pr", "pu" or "*".
func derKey(der []byte, want string) (any, error) {
	key, err := parseKey(der, want)
	if err == nil {
		err = bounded(key)
	}
	if err != nil {
		return nil, err
	}
	return key, nil
}

func parseKey(der []byte, want string) (any, error) {
	if want != "pu" {
		if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
			return key, nil
		}
		if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
			return key, nil
		}
		if key, err := x509.ParseECPrivateKey(der); err == nil {
			return key, nil
		}
	}
	if want != "pr" {
		if key, err := x509.ParsePKIXPublicKey(der); err == nil {
			return key, nil
		}
		if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
			return key, nil
		}
	}
	return nil, errNoKey
}

// readKey reads a key in PEM, DER or JWK; format "*" tries all.
func (l *library) readKey(s, format, want, password string) (any, error) {
	if strings.Contains(s, "ENCRYPTED") && format != "JWK" {
		plain, err := l.DecryptPEM([]byte(s), password)
		if err != nil {
			return nil, err
		}
		s = string(plain)
	}
	if (format == "*" || format == "PEM") && strings.Contains(s, "-----BEGIN") {
		for block, rest := pem.Decode([]byte(s)); block != nil; block, rest = pem.Decode(rest) {
			der := block.Bytes
			if key, err := derKey(der, want); err == nil {
				return key, nil
			}
			if cert, err := parseCert(der); err == nil && want != "pr" {
				return cert.PublicKey, nil
			}
		}
		return nil, errNoKey
	}
	if (format == "*" || format == "JWK") && strings.HasPrefix(strings.TrimSpace(s), "{") {
		return jwkKey(s, want)
	}
	if format == "*" || format == "DER" {
		return derKey([]byte(s), want)
	}
	return nil, errNoKey
}

// makeKey makes a new key, or puts one together from params.
func (l *library) makeKey(opts *vm.Table) (key any, err error) {
	kind := strings.ToUpper(text(field(opts, "type"), "RSA"))
	if params := field(opts, "params").Table(); params != nil {
		return composeKey(kind, params)
	}
	l.Offload(func() { key, err = generateKey(kind, opts) })
	return key, err
}

func generateKey(kind string, opts *vm.Table) (any, error) {
	switch kind {
	case "RSA":
		bits := integer(field(opts, "bits"), 2048)
		if bits < 1024 || bits > maxRSA || integer(field(opts, "exp"), 65537) != 65537 {
			return nil, errors.New("bits and exponent are not supported")
		}
		return rsa.GenerateKey(rand.Reader, bits)
	case "EC":
		curve := curveOf(text(field(opts, "curve"), "prime256v1"))
		if curve == nil {
			return nil, errors.New("unknown curve")
		}
		return ecdsa.GenerateKey(curve, rand.Reader)
	case "ED25519":
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case "X25519":
		return ecdh.X25519().GenerateKey(rand.Reader)
	}
	return nil, errors.New("unsupported type " + kind)
}

func curveOf(name string) elliptic.Curve {
	for _, c := range curves {
		for n := range strings.FieldsSeq(c.names) {
			if strings.EqualFold(n, name) {
				return c.curve
			}
		}
	}
	return nil
}

// composeKey makes a key of its numbers.
func composeKey(kind string, params *vm.Table) (any, error) {
	at := func(name string) *big.Int { return bignum(params.GetStr(name)) }
	switch kind {
	case "RSA":
		n, e := at("n"), at("e")
		if n == nil || e == nil || n.BitLen() > maxRSA {
			return nil, errors.New("n and e are needed")
		}
		return rsaKey(n, e, at("d"), at("p"), at("q"))
	case "EC":
		group := params.GetStr("group")
		curve := curveOf(text(group, ""))
		for _, c := range curves {
			if group.Kind() == vm.KNumber && int(group.Num()) == c.nid {
				curve = c.curve
			}
		}
		if curve == nil {
			return nil, errors.New("unknown group")
		}
		return ecKey(curve, at("x"), at("y"), at("private"))
	case "ED25519", "X25519":
		return okpKey(kind, text(params.GetStr("public"), ""), text(params.GetStr("private"), ""))
	}
	return nil, errors.New("unsupported type " + kind)
}

func rsaKey(n, e, d, p, q *big.Int) (any, error) {
	if !e.IsInt64() || e.Int64() > 1<<31-1 || e.Sign() <= 0 || n.Sign() <= 0 {
		return nil, errors.New("bad exponent")
	}
	pub := rsa.PublicKey{N: n, E: int(e.Int64())}
	if d == nil {
		return &pub, nil
	}
	if p == nil || q == nil {
		return nil, errors.New("p and q are needed")
	}
	key := &rsa.PrivateKey{PublicKey: pub, D: d, Primes: []*big.Int{p, q}}
	if err := key.Validate(); err != nil {
		return nil, err
	}
	key.Precompute()
	return key, nil
}

func ecKey(curve elliptic.Curve, x, y, d *big.Int) (any, error) {
	size := (curve.Params().BitSize + 7) / 8
	if d != nil {
		if d.Sign() < 0 || d.BitLen() > size*8 {
			return nil, errors.New("bad private key")
		}
		return ecdsa.ParseRawPrivateKey(curve, d.FillBytes(make([]byte, size)))
	}
	if x == nil || y == nil || x.Sign() < 0 || y.Sign() < 0 || x.BitLen() > size*8 || y.BitLen() > size*8 {
		return nil, errors.New("x and y are needed")
	}
	point := append([]byte{4}, x.FillBytes(make([]byte, size))...)
	return ecdsa.ParseUncompressedPublicKey(curve, append(point, y.FillBytes(make([]byte, size))...))
}

func okpKey(kind, pub, private string) (any, error) {
	switch {
	case kind == "X25519" && private != "":
		return ecdh.X25519().NewPrivateKey([]byte(private))
	case kind == "X25519":
		return ecdh.X25519().NewPublicKey([]byte(pub))
	case len(private) == ed25519.SeedSize:
		return ed25519.NewKeyFromSeed([]byte(private)), nil
	case private == "" && len(pub) == ed25519.PublicKeySize:
		return ed25519.PublicKey(pub), nil
	}
	return nil, errors.New("bad length of the key")
}

// parameters is pkey:get_parameters().
func (l *library) parameters(key any) *vm.Table {
	out := l.vm.NewTable(0, 8)
	set := func(name string, b *big.Int) {
		if b != nil {
			out.SetStr(name, l.bn.wrap(new(big.Int).Set(b)))
		}
	}
	switch k := public(key).(type) {
	case *rsa.PublicKey:
		set("n", k.N)
		set("e", big.NewInt(int64(k.E)))
	case *ecdsa.PublicKey:
		point, _ := k.Bytes()
		half := (len(point) + 1) / 2
		set("public", new(big.Int).SetBytes(point))
		set("x", new(big.Int).SetBytes(point[1:half]))
		set("y", new(big.Int).SetBytes(point[half:]))
		for _, c := range curves {
			if c.curve == k.Curve {
				out.SetStr("group", vm.Int(c.nid))
			}
		}
	case ed25519.PublicKey:
		out.SetStr("public", vm.Bytes(k))
	case *ecdh.PublicKey:
		out.SetStr("public", vm.Bytes(k.Bytes()))
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		set("d", k.D)
		if len(k.Primes) == 2 {
			k.Precompute()
			set("p", k.Primes[0])
			set("q", k.Primes[1])
			set("dmp1", k.Precomputed.Dp)
			set("dmq1", k.Precomputed.Dq)
			set("iqmp", k.Precomputed.Qinv)
		}
	case *ecdsa.PrivateKey:
		raw, _ := k.Bytes()
		set("private", new(big.Int).SetBytes(raw))
	case ed25519.PrivateKey:
		out.SetStr("private", vm.Bytes(k.Seed()))
	case *ecdh.PrivateKey:
		out.SetStr("private", vm.Bytes(k.Bytes()))
	}
	return out
}

// write gives a key in a format: PEM, DER or JWK.
func writeKey(key any, private bool, format string, pkcs1 bool) ([]byte, error) {
	if format == "JWK" {
		return keyJWK(key, private)
	}
	var der []byte
	var err error
	kind := "PUBLIC KEY"
	rsaPrivate, _ := key.(*rsa.PrivateKey)
	rsaPublic, _ := public(key).(*rsa.PublicKey)
	switch {
	case private && !isPrivate(key):
		return nil, errors.New("not a private key")
	case private && pkcs1 && rsaPrivate != nil:
		der, kind = x509.MarshalPKCS1PrivateKey(rsaPrivate), "RSA PRIVATE KEY"
	case private:
		kind = "PRIVATE KEY"
		der, err = x509.MarshalPKCS8PrivateKey(key)
	case pkcs1 && rsaPublic != nil:
		der, kind = x509.MarshalPKCS1PublicKey(rsaPublic), "RSA PUBLIC KEY"
	default:
		der, err = x509.MarshalPKIXPublicKey(public(key))
	}
	if err != nil || format == "DER" {
		return der, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), nil
}

// keyType is what get_key_type tells of a key.
func (l *library) keyType(key any) (o *oid) {
	switch public(key).(type) {
	case *rsa.PublicKey:
		return &oid{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, 6, "rsaEncryption", "rsaEncryption"}
	case *ecdsa.PublicKey:
		return &oid{asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, 408, "id-ecPublicKey", "id-ecPublicKey"}
	case ed25519.PublicKey:
		return &oid{asn1.ObjectIdentifier{1, 3, 101, 112}, 1087, "ED25519", "ED25519"}
	}
	return &oid{asn1.ObjectIdentifier{1, 3, 101, 110}, 1034, "X25519", "X25519"}
}

func keySize(key any) int {
	switch k := public(key).(type) {
	case *rsa.PublicKey:
		return k.Size()
	case *ecdsa.PublicKey:
		return 2*(k.Params().BitSize+7)/8 + 8 // of a signature in DER
	case ed25519.PublicKey:
		return ed25519.SignatureSize
	}
	return 32
}

func (l *library) openPkey() {
	c := l.pkey
	paddings := l.vm.NewTable(0, 8)
	for name, n := range map[string]int{
		"RSA_PKCS1_PADDING": padPKCS1, "RSA_SSLV23_PADDING": 2, "RSA_NO_PADDING": padNone, "RSA_PKCS1_OAEP_PADDING": padOAEP,
		"RSA_X931_PADDING": 5, "RSA_PKCS1_PSS_PADDING": padPSS,
	} {
		paddings.SetStr(name, vm.Int(n))
	}
	c.module.SetStr("PADDINGS", paddings.Value())
	write := func(t *vm.Thread, k *Key, what, format string, pkcs1 bool) int {
		private := what == "private" || what == "PrivateKey"
		if !private && what != "public" && what != "PublicKey" {
			return refuse(t, "pkey:tostring: unknown type \""+what+"\"")
		}
		b, err := writeKey(k.Key, private, format, pkcs1)
		return answer(t, "pkey:tostring", b, err)
	}
	c.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int {
			if given, ok := object[*Key](t.Arg(1)); ok {
				return l.newKey(t, "pkey.new", given.Key, nil)
			}
			if t.Arg(1).Kind() != vm.KString {
				key, err := l.makeKey(t.Arg(1).Table())
				return l.newKey(t, "pkey.new", key, err)
			}
			opts := t.Arg(2).Table()
			password := text(field(opts, "passphrase"), "")
			if ask := field(opts, "passphrase_cb"); !ask.IsNil() {
				if r := t.CallRaw(ask); len(r) > 0 {
					password = text(r[0], "")
				}
			}
			key, err := l.readKey(t.CheckString(1), strings.ToUpper(text(field(opts, "format"), "*")), lower(text(field(opts, "type"), "*")), password)
			return l.newKey(t, "pkey.new: failed to load key", key, err)
		},
		"is_private":        method(c, func(t *vm.Thread, k *Key) int { t.PushBool(isPrivate(k.Key)); return 1 }),
		"get_size":          method(c, func(t *vm.Thread, k *Key) int { t.PushInt(keySize(k.Key)); return 1 }),
		"get_provider_name": func(t *vm.Thread) int { t.PushString("default"); return 1 },
		"get_parameters":    method(c, func(t *vm.Thread, k *Key) int { t.Push(l.parameters(k.Key).Value()); return 1 }),
		"get_key_type": method(c, func(t *vm.Thread, k *Key) int {
			o := l.keyType(k.Key)
			if t.Arg(2).Truth() {
				t.PushInt(o.nid)
			} else {
				t.Push(o.table(l.vm).Value())
			}
			return 1
		}),
		"get_default_digest_type": method(c, func(t *vm.Thread, k *Key) int {
			o := (&oid{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, 672, "SHA256", "sha256"}).table(l.vm)
			o.SetStr("mandatory", vm.Bool(false))
			t.Push(o.Value())
			return 1
		}),
		"tostring": method(c, func(t *vm.Thread, k *Key) int {
			return write(t, k, t.OptString(2, "public"), strings.ToUpper(t.OptString(3, "PEM")), t.Arg(4).Truth())
		}),
		"to_PEM": method(c, func(t *vm.Thread, k *Key) int {
			return write(t, k, t.OptString(2, "public"), "PEM", t.Arg(3).Truth())
		}),
		"derive": method(c, func(t *vm.Thread, k *Key) int {
			secret, err := agree(k.Key, checkObject[*Key](t, 2, "pkey").Key)
			return answer(t, "pkey:derive", secret, err)
		}),
	})
	l.openSignatures()
}

// agree is a Diffie-Hellman exchange.
func agree(own, peer any) ([]byte, error) {
	private, ok := own.(*ecdh.PrivateKey)
	if k, ec := own.(*ecdsa.PrivateKey); ec {
		var err error
		if private, err = k.ECDH(); err != nil {
			return nil, err
		}
		ok = true
	}
	pub, ok2 := public(peer).(*ecdh.PublicKey)
	if k, ec := public(peer).(*ecdsa.PublicKey); ec {
		var err error
		if pub, err = k.ECDH(); err != nil {
			return nil, err
		}
		ok2 = true
	}
	if !ok || !ok2 {
		return nil, errors.New("not supported with these keys")
	}
	return private.ECDH(pub)
}
