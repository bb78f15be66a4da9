package openssl

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"testing"
	"time"
)

func TestRequests(t *testing.T) {
	const made = `local csr, name, altname = require "resty.openssl.x509.csr", require "resty.openssl.x509.name", require "resty.openssl.x509.altname"
		local key, r = pkey.new { type = "EC", curve = "prime256v1" }, csr.new()
		r:set_subject_name(name.new():add("CN", "example.com"):add("O", "Example")) r:set_pubkey(key)
		r:set_subject_alt_name(altname.new():add("DNS", "a.example"):add("IP", "127.0.0.1"):add("email", "x@a.example"):add("URI", "http://a.example/")) `
	for _, c := range []struct{ name, script, want string }{
		{"made and read", made + `assert(r:sign(key)) local pem = r:to_PEM() local s = csr.new(pem) local d = csr.new(s:tostring("DER"), "DER")
			return pem:match("^[^\n]+"), tostring(s:get_subject_name()), s:get_subject_alt_name():tostring(), s:get_version(), s:get_pubkey():to_PEM() == key:to_PEM("public"),
			s:verify(key), s:get_signature_name(), s:get_signature_digest_name(), s:get_signature_nid(), s:check_private_key(key), d:tostring() == pem, csr.istype(s)`,
			"-----BEGIN CERTIFICATE REQUEST----- CN=example.com/O=Example DNS:a.example/IP:127.0.0.1/email:x@a.example/URI:http://a.example/ 0 true true ecdsa-with-SHA256 SHA256 794 true true true"},
		{"not signed", made + `return r:verify(key), r:tostring(), r:get_signature_name(), r:get_pubkey():is_private()`, "false nil nil false"},
		{"changed", made + `r:sign(key, digest.new("SHA384")) local n = r:get_signature_digest_name() r:set_subject_name(name.new()) return n, (r:to_PEM())`, "SHA384 nil"},
		{"another key", made + `local other = pkey.new { type = "EC" } return r:check_private_key(other), r:sign(other)`, "false false x509.csr:sign: key values mismatch"},
		{"another's signature", made + `r:sign(key) return r:verify(pkey.new { type = "EC" })`, "false x509.csr:verify: x509: ECDSA verification failure"},
		{"rsa", made + `local k = pkey.new { type = "RSA", bits = 2048 } r:set_pubkey(k) return r:sign(k, "sha512"), r:get_signature_name(), r:verify(k)`, "true RSA-SHA512 true"},
		{"a digest that cannot be", made + `return r:sign(key, "md5")`, "false x509.csr:sign: operation not supported for this keytype"},
		{"a public key", made + `return r:sign(pkey.new(key:to_PEM("public")))`, "false x509.csr:sign: not a private key"},
		{"names that cannot be", made + `r:set_subject_alt_name(altname.new():add("IP", "x")) local a = select(2, r:sign(key)) r:set_subject_alt_name(altname.new():add("what", "x")) return a, select(2, r:sign(key))`,
			"x509.csr:sign: invalid IP address x x509.csr:sign: unknown type what of a name"},
		{"no request", `return require("resty.openssl.x509.csr").new("x", "PEM")`, "nil x509.csr.new: no certificate request in PEM was found"},
	} {
		if got := run(t, c.script); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestRevocations(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issuer := &x509.Certificate{Subject: pkix.Name{CommonName: "root"}, SubjectKeyId: []byte{1}, KeyUsage: x509.KeyUsageCRLSign}
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Unix(1e9, 0), NextUpdate: time.Unix(2e9, 0),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(258), RevocationTime: time.Unix(1.5e9, 0)}},
	}, issuer, key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	made := fmt.Sprintf("local crl = require 'resty.openssl.x509.crl' local key, list = pkey.new([[%s]]), crl.new([[%s]])\n",
		pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}))
	for _, c := range []struct{ name, script, want string }{
		{"read", `return tostring(list:get_issuer_name()), list:get_last_update(), list:get_next_update(), list:get_version(), #list, list[1].serial_number, list[1].revocation_date,
			list:get_by_serial("0102").serial_number, list:get_by_serial(bn.new(258)).revocation_date, list:get_by_serial("01")`, "CN=root 1000000000 2000000000 1 1 0102 1500000000 0102 1500000000 nil"},
		{"lists", `local n = 0 for i, e in pairs(list) do n = n + i end return n, #list:all(), list[2]`, "1 1 nil"},
		{"signature", `return list:verify(key), list:get_signature_name(), (list:verify(pkey.new { type = "EC" })), crl.new(list:tostring("DER")):to_PEM() == list:to_PEM()`, "true ecdsa-with-SHA256 false true"},
		{"no list", `return crl.new("x")`, "nil x509.crl.new: x509: malformed crl"},
		{"a serial number that is none", `return list:get_by_serial({})`, "nil x509.crl:find: expect a bn instance at #1"},
	} {
		if got := run(t, made+c.script); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}
