package openssl

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// What certificates, requests for them and lists of revocations have in common.

// signatures are the algorithms of certificates' signatures as OpenSSL calls
// them.
var signatures = map[x509.SignatureAlgorithm]struct {
	nid    int
	name   string
	digest crypto.Hash
}{
	x509.MD5WithRSA: {8, "RSA-MD5", crypto.MD5}, x509.SHA1WithRSA: {65, "RSA-SHA1", crypto.SHA1},
	x509.SHA256WithRSA: {668, "RSA-SHA256", crypto.SHA256}, x509.SHA384WithRSA: {669, "RSA-SHA384", crypto.SHA384},
	x509.SHA512WithRSA: {670, "RSA-SHA512", crypto.SHA512}, x509.ECDSAWithSHA1: {416, "ecdsa-with-SHA1", crypto.SHA1},
	x509.ECDSAWithSHA256: {794, "ecdsa-with-SHA256", crypto.SHA256}, x509.ECDSAWithSHA384: {795, "ecdsa-with-SHA384", crypto.SHA384},
	x509.ECDSAWithSHA512: {796, "ecdsa-with-SHA512", crypto.SHA512}, x509.PureEd25519: {1087, "ED25519", 0},
	x509.SHA256WithRSAPSS: {912, "RSASSA-PSS", crypto.SHA256}, x509.SHA384WithRSAPSS: {912, "RSASSA-PSS", crypto.SHA384}, x509.SHA512WithRSAPSS: {912, "RSASSA-PSS", crypto.SHA512},
}

// signedMethods are those that write what was signed, and tell how. of gives its
// DER; kind is its type in PEM.
func signedMethods[T any](c *class, kind string, of func(v T) (der []byte, a x509.SignatureAlgorithm, err error)) {
	where := "x509." + c.name
	if c.name == "x509" {
		where = c.name
	}
	algorithm := func(push func(t *vm.Thread, a x509.SignatureAlgorithm)) vm.Func {
		return method(c, func(t *vm.Thread, v T) int {
			_, a, err := of(v)
			if err != nil {
				return refuse(t, where+": "+err.Error())
			}
			push(t, a)
			return 1
		})
	}
	write := func(format func(t *vm.Thread) string) vm.Func {
		return method(c, func(t *vm.Thread, v T) int {
			der, _, err := of(v)
			if err == nil && !strings.EqualFold(format(t), "DER") {
				der = pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
			}
			return answer(t, where+":tostring", der, err)
		})
	}
	c.funcs(map[string]func(t *vm.Thread) int{
		"get_signature_nid":         algorithm(func(t *vm.Thread, a x509.SignatureAlgorithm) { t.PushInt(signatures[a].nid) }),
		"get_signature_name":        algorithm(func(t *vm.Thread, a x509.SignatureAlgorithm) { t.PushString(signatures[a].name) }),
		"get_signature_digest_name": algorithm(func(t *vm.Thread, a x509.SignatureAlgorithm) { t.PushString(hashNames[signatures[a].digest]) }),
		"tostring":                  write(func(t *vm.Thread) string { return t.OptString(2, "PEM") }),
		"to_PEM":                    write(func(*vm.Thread) string { return "PEM" }),
	})
}

// readDER gives the DER of what is in PEM of one of the types or in DER.
func readDER(s, format string, types ...string) ([]byte, error) {
	if format != "DER" {
		for block, rest := pem.Decode([]byte(s)); block != nil; block, rest = pem.Decode(rest) {
			for _, kind := range types {
				if block.Type == kind {
					return block.Bytes, nil
				}
			}
		}
		if format == "PEM" {
			return nil, errors.New("no " + lower(types[0]) + " in PEM was found")
		}
	}
	return []byte(s), nil
}

// unequal pushes false and why.
func unequal(t *vm.Thread, where string, err error) int {
	t.PushBool(false)
	t.PushString(where + ": " + err.Error())
	return 2
}

// checkPair tells whether the private key that is argument 2 belongs to a
// public one.
func checkPair(t *vm.Thread, where string, of any) int {
	key := checkObject[*Key](t, 2, "pkey").Key
	mine, _ := public(key).(interface{ Equal(crypto.PublicKey) bool })
	if !isPrivate(key) || mine == nil || of == nil || !mine.Equal(of) {
		return unequal(t, where+":check_private_key", errors.New("key values mismatch"))
	}
	return succeed(t)
}

// verifySignature tells whether the key that is argument 2 has made a
// signature.
func verifySignature(t *vm.Thread, where string, a x509.SignatureAlgorithm, signed, signature []byte) int {
	issuer := &x509.Certificate{PublicKey: public(checkObject[*Key](t, 2, "pkey").Key)}
	if err := issuer.CheckSignature(a, signed, signature); err != nil {
		return unequal(t, where+":verify", err)
	}
	return succeed(t)
}
