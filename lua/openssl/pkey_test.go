package openssl

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// certificate makes a CA and a certificate of it, as Lua variables in PEM.
func certificate(t testing.TB) string {
	t.Helper()
	make := func(name string, serial int64, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		cert := &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name, Organization: []string{"Example"}},
			NotBefore: time.Unix(1e9, 0), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: parent == nil,
			DNSNames: []string{name + ".example"}, OCSPServer: []string{"http://ocsp.example"},
		}
		if parent == nil {
			parent, signer = cert, key
		}
		der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		if cert, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		return cert, key
	}
	root, rootKey := make("root", 1, nil, nil)
	leaf, leafKey := make("leaf", 258, root, rootKey)
	der, err := x509.MarshalECPrivateKey(leafKey)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("local ca, crt, key = [[%s]], [[%s]], [[%s]]\n", certPEM(root), certPEM(leaf), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

func TestKeys(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"rsa", `local k = pkey.new { type = "RSA", bits = 2048 } local pub = pkey.new(k:to_PEM("public"))
			local s, p = k:sign("dog"), k:sign("dog", "sha512", k.PADDINGS.RSA_PKCS1_PSS_PADDING)
			local d = digest.new("sha256") d:update("dog")
			return k:is_private(), pub:is_private(), k:get_size(), k:get_key_type().sn, pub:verify(s, "dog"), pub:verify(s, d), pub:verify(s, "cat"),
				pub:verify(p, "dog", "sha512", k.PADDINGS.RSA_PKCS1_PSS_PADDING), k:sign(d) == s, pub:sign("x")`,
			"true false 256 rsaEncryption true true false true true nil pkey:sign: not a private key"},
		{"rsa: encrypt", `local k = pkey.new() local o = k.PADDINGS.RSA_PKCS1_OAEP_PADDING
			return k:decrypt(k:encrypt("a")), k:decrypt(k:encrypt("b", o), o), k:decrypt(k:encrypt("c", o, { oaep_md = "sha256" }), o, { oaep_md = "sha256" }),
				k:verify_recover(k:sign_raw("d"))`, "a b c d"},
		{"rsa: forms", `local k = pkey.new() local p = k:get_parameters() local n = pkey.new { type = "RSA", params = p }
			return n:to_PEM("private") == k:to_PEM("private"), pkey.new(k:tostring("private", "DER")):to_PEM("private") == k:to_PEM("private"),
				pkey.new(k:tostring("private", "JWK")):to_PEM("private") == k:to_PEM("private"), pkey.new(k:to_PEM("public", true)):to_PEM() == k:to_PEM(),
				pkey.new(k:to_PEM("private"), { type = "pu" }), p.e:to_number()`, "true true true true nil 65537"},
		{"ec", `local k = pkey.new { type = "EC", curve = "prime256v1" } local pub = pkey.new(k:to_PEM())
			local s, raw = k:sign("dog"), k:sign("dog", "sha256", nil, { ecdsa_use_raw = true })
			local p = k:get_parameters() local again = pkey.new { type = "EC", params = { group = p.group, private = p.private } }
			return pub:verify(s, "dog"), pub:verify(s, "cat"), #raw, pub:verify(raw, "dog", "sha256", nil, { ecdsa_use_raw = true }), again:to_PEM() == k:to_PEM(),
				pkey.new(k:tostring("public", "JWK")):to_PEM() == k:to_PEM(), k:derive(again) == again:derive(k)`, "true false 64 true true true true"},
		{"ed25519", `local k = pkey.new { type = "Ed25519" } local s = k:sign("dog") local pub = pkey.new(k:tostring("public", "JWK"))
			return #s, pub:verify(s, "dog"), pub:verify(s, "cat"), #k:get_parameters().private, k:get_key_type(true)`, "64 true false 32 1087"},
		{"x25519", `local a, b = pkey.new { type = "X25519" }, pkey.new { type = "X25519" } return a:derive(pkey.new(b:to_PEM())) == b:derive(a), a:get_key_type().id`,
			"true 1.3.101.110"},
		{"too long", `local e = require("resty.openssl.bn").new(65537) local n = require("resty.openssl.bn").new(1):lshift(60000) + 1
			return pkey.new { type = "RSA", params = { n = n, e = e } }`, "nil pkey.new: n and e are needed"},
		{"wrong", `return pkey.new("x"), pkey.new { type = "DH" }`, "nil nil pkey.new: unsupported type DH"},
		{"x509", `local c, k = x509.new(crt), pkey.new(key) return c:check_private_key(k), c:get_pubkey():to_PEM() == k:to_PEM(), c:get_not_before(),
				tostring(c:get_serial_number()), c:get_subject_name():tostring(), c:get_issuer_name():find("CN").blob, #c:get_subject_name(), c:get_version(),
				tostring(c:get_subject_alt_name():tostring()), c:get_ocsp_url(), tostring(c:get_crl_url()), c:get_basic_constraints("ca"), c:get_signature_name(),
				c:get_signature_digest_name(), #c:digest("sha256"), x509.new(c:to_PEM()):digest() == c:digest(), c:verify(x509.new(ca):get_pubkey()), x509.istype(c)`,
			"true true 1000000000 258 O=Example/CN=leaf root 2 2 DNS:leaf.example http://ocsp.example nil false ecdsa-with-SHA256 SHA256 32 true true true"},
		{"x509: names", `local n = require("resty.openssl.x509.name").new():add("CN", "a"):add("CN", "b") local r = {}
			for k, v in pairs(n) do r[#r + 1] = k .. v.blob .. v.nid end local _, at = n:find("2.5.4.3", 1) return r[1], r[2], at, n:add("nosuch", "x")`,
			"CNa13 CNb13 2 nil x509.name:add: invalid NID text nosuch"},
		{"chain and store", `local chain, store = require "resty.openssl.x509.chain", require("resty.openssl.x509.store").new()
			local ch = chain.new() ch:add(x509.new(crt)) ch:add(x509.new(ca)) local n = 0 for i, c in ipairs(ch) do n = n + i end
			local dup = chain.dup(ch.ctx) local good, bad = store:verify(x509.new(crt)) store:add(x509.new(ca))
			return #dup, n, dup[1]:digest() == x509.new(crt):digest(), dup[3], good, store:verify(x509.new(crt)), #store:verify(x509.new(crt), nil, true)`,
			"2 3 true nil nil true 2"},
		{"evp", `local evp = require "resty.evp" local s, v = evp.ECSigner:new(key), evp.ECVerifier:new(crt) local sig = s:sign("dog", evp.CONST.SHA256_DIGEST)
			local k = pkey.new() local r, w = evp.RSASigner:new(k:to_PEM("private")), evp.RSAVerifier:new(k:to_PEM())
			local e, d = evp.RSAEncryptor:new(k:to_PEM(), 4), evp.RSADecryptor:new(k:to_PEM("private"), nil, 4)
			return #sig, v:verify("dog", sig, "SHA256"), #s:get_raw_sig(sig), w:verify("dog", r:sign("dog", "SHA512"), "SHA512"), d:decrypt(e:encrypt("x")),
				#evp.Cert:new(crt):get_fingerprint("SHA1"), v:verify("cat", sig, "SHA256")`, "64 true 64 true x 40 false Verification failed"},
	} {
		if got := run(t, certificate(t)+c.script); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// FuzzKey reads keys and certificates of anybody.
func FuzzKey(f *testing.F) {
	f.Add(certificate(f))
	f.Add(`{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}`)
	f.Add(`{"kty":"RSA","n":"AQ","e":"AQAB","d":"AQ","p":"AQ","q":"AQ"}`)
	l := &library{}
	l.DecryptPEM = func(text []byte, _ string) ([]byte, error) { return text, nil }
	f.Fuzz(func(t *testing.T, s string) {
		for _, format := range strings.Fields("* PEM DER JWK") {
			if key, err := l.readKey(s, format, "*", ""); err == nil {
				if _, err := writeKey(key, isPrivate(key), "JWK", false); err != nil && key == nil {
					t.Error(err)
				}
			}
		}
		if cert, err := readCert(s, "*"); err == nil {
			distinguish(cert.RawSubject)
			subjectKey(cert)
		}
		parseBN(s, 16)
		parseBN(s, 0)
	})
}

// TestLongKey: a key of a client that would take long to use is refused.
func TestLongKey(t *testing.T) {
	n := new(big.Int).Lsh(big.NewInt(1), 60000)
	der := x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537})
	if _, err := derKey(der, "*"); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("%v", err)
	}
}
