package openssl

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
)

// jwk is a key in JSON (RFC 7517, 7518 and 8037).
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	D   string `json:"d,omitempty"`
	P   string `json:"p,omitempty"`
	Q   string `json:"q,omitempty"`
	DP  string `json:"dp,omitempty"`
	DQ  string `json:"dq,omitempty"`
	QI  string `json:"qi,omitempty"`
}

func jwkKey(s, want string) (any, error) {
	var j jwk
	if err := json.Unmarshal([]byte(s), &j); err != nil {
		return nil, errors.New("not a JWK")
	}
	if want == "pu" {
		j.D = ""
	} else if want == "pr" && j.D == "" {
		return nil, errPrivate
	}
	raw := func(s string) string {
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
		if err != nil {
			return ""
		}
		return string(b)
	}
	at := func(s string) *big.Int {
		if s == "" {
			return nil
		}
		return new(big.Int).SetBytes([]byte(raw(s)))
	}
	switch j.Kty {
	case "RSA":
		n, e := at(j.N), at(j.E)
		if n == nil || e == nil || n.BitLen() > maxRSA {
			return nil, errors.New("n and e are needed")
		}
		return rsaKey(n, e, at(j.D), at(j.P), at(j.Q))
	case "EC":
		if curve := curveOf(j.Crv); curve != nil {
			return ecKey(curve, at(j.X), at(j.Y), at(j.D))
		}
	case "OKP":
		if kind := strings.ToUpper(j.Crv); kind == "ED25519" || kind == "X25519" {
			return okpKey(kind, raw(j.X), raw(j.D))
		}
	}
	return nil, errors.New("unknown kind of JWK")
}

func keyJWK(key any, private bool) ([]byte, error) {
	if private && !isPrivate(key) {
		return nil, errPrivate
	}
	enc := func(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
	var j jwk
	switch k := public(key).(type) {
	case *rsa.PublicKey:
		j = jwk{Kty: "RSA", N: enc(k.N.Bytes()), E: enc(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			return nil, err
		}
		half := (len(point) + 1) / 2
		j = jwk{Kty: "EC", Crv: k.Params().Name, X: enc(point[1:half]), Y: enc(point[half:])}
	case ed25519.PublicKey:
		j = jwk{Kty: "OKP", Crv: "Ed25519", X: enc(k)}
	case *ecdh.PublicKey:
		j = jwk{Kty: "OKP", Crv: "X25519", X: enc(k.Bytes())}
	}
	if private {
		switch k := key.(type) {
		case *rsa.PrivateKey:
			j.D = enc(k.D.Bytes())
			if len(k.Primes) == 2 {
				k.Precompute()
				j.P, j.Q = enc(k.Primes[0].Bytes()), enc(k.Primes[1].Bytes())
				j.DP, j.DQ, j.QI = enc(k.Precomputed.Dp.Bytes()), enc(k.Precomputed.Dq.Bytes()), enc(k.Precomputed.Qinv.Bytes())
			}
		case *ecdsa.PrivateKey:
			b, err := k.Bytes()
			if err != nil {
				return nil, err
			}
			j.D = enc(b)
		case ed25519.PrivateKey:
			j.D = enc(k.Seed())
		case *ecdh.PrivateKey:
			j.D = enc(k.Bytes())
		}
	}
	return json.Marshal(j)
}
