package phases

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"hash"
)

// The parts of an encrypted PKCS #8 key (RFC 5958, RFC 8018 appendix A.4).
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2Params struct{ Derivation, Cipher pkix.AlgorithmIdentifier }
	pbkdf2Salt  struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

// maxIterations bounds the work that a key file may ask for.
const maxIterations = 10_000_000

var errPKCS8 = errors.New("the key's encryption is not supported")

// decryptPKCS8 opens a key as OpenSSL 3 encrypts them: PBES2 with PBKDF2 and AES or
// 3DES in CBC mode.
func decryptPKCS8(der []byte, password string) ([]byte, error) {
	var key encryptedKey
	var params pbes2Params
	var salt pbkdf2Salt
	if _, err := asn1.Unmarshal(der, &key); err != nil {
		return nil, err
	}
	if key.Algorithm.Algorithm.String() != "1.2.840.113549.1.5.13" {
		return nil, errPKCS8
	}
	if _, err := asn1.Unmarshal(key.Algorithm.Parameters.FullBytes, &params); err != nil {
		return nil, err
	}
	if params.Derivation.Algorithm.String() != "1.2.840.113549.1.5.12" {
		return nil, errPKCS8
	}
	if _, err := asn1.Unmarshal(params.Derivation.Parameters.FullBytes, &salt); err != nil {
		return nil, err
	}
	var prf func() hash.Hash
	switch salt.PRF.Algorithm.String() {
	case "", "1.2.840.113549.2.7":
		prf = sha1.New
	case "1.2.840.113549.2.9":
		prf = sha256.New
	case "1.2.840.113549.2.11":
		prf = sha512.New
	default:
		return nil, errPKCS8
	}
	size, block := 0, aes.NewCipher
	switch params.Cipher.Algorithm.String() {
	case "2.16.840.1.101.3.4.1.2":
		size = 16
	case "2.16.840.1.101.3.4.1.22":
		size = 24
	case "2.16.840.1.101.3.4.1.42":
		size = 32
	case "1.2.840.113549.3.7":
		size, block = 24, des.NewTripleDESCipher
	default:
		return nil, errPKCS8
	}
	if salt.Iterations < 1 || salt.Iterations > maxIterations {
		return nil, errPKCS8
	}
	var iv []byte
	if _, err := asn1.Unmarshal(params.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	secret, err := pbkdf2.Key(prf, password, salt.Salt, salt.Iterations, size)
	if err != nil {
		return nil, err
	}
	c, err := block(secret)
	if err != nil {
		return nil, err
	}
	if len(iv) != c.BlockSize() || len(key.Data) == 0 || len(key.Data)%len(iv) != 0 {
		return nil, errPKCS8
	}
	plain := make([]byte, len(key.Data))
	cipher.NewCBCDecrypter(c, iv).CryptBlocks(plain, key.Data)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > len(iv) {
		return nil, errors.New("bad decrypt")
	}
	return plain[:len(plain)-pad], nil
}
