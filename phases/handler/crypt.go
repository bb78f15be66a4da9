package handler

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// cryptSchemes are the forms of a password in a file, by how they begin. What
// begins with none of them is traditional DES. Other schemes of crypt(3), which
// all begin with "$", are not known.
var cryptSchemes = []struct {
	prefix string
	slow   bool // made to take time: not to be computed on the worker
	match  func(password, want string) bool
}{
	{"{PLAIN}", false, func(password, want string) bool { return sameText(password, want[len("{PLAIN}"):]) }},
	{"{SHA}", false, func(password, want string) bool { return matchSHA(password, want[len("{SHA}"):]) }},
	{"{SSHA}", false, func(password, want string) bool { return matchSHA(password, want[len("{SSHA}"):]) }},
	{"$apr1$", true, func(password, want string) bool { return sameText(cryptMD5(password, want, "$apr1$"), want) }},
	{"$1$", true, func(password, want string) bool { return sameText(cryptMD5(password, want, "$1$"), want) }},
	{"$5$", true, func(password, want string) bool { return sameText(cryptSHA(password, want, sha256Crypt), want) }},
	{"$6$", true, func(password, want string) bool { return sameText(cryptSHA(password, want, sha512Crypt), want) }},
	{"$2", true, func(password, want string) bool {
		return bcrypt.CompareHashAndPassword([]byte(want), []byte(password)) == nil
	}},
	{"$", false, nil},
	{"", false, func(password, want string) bool { return sameText(cryptDES(password, want), want) }},
}

// cryptScheme finds how want, from a password file, is compared; nil if that is
// not known.
func cryptScheme(want string) (match func(password, want string) bool, slow bool) {
	for _, s := range cryptSchemes {
		if strings.HasPrefix(want, s.prefix) {
			return s.match, s.slow
		}
	}
	return nil, false
}

func sameText(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// matchSHA compares with base64 of SHA-1 and, behind it, the salt if any
// (RFC 2307).
func matchSHA(password, encoded string) bool {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		raw, err = base64.RawStdEncoding.DecodeString(encoded)
	}
	if err != nil || len(raw) < sha1.Size {
		return false
	}
	sum := sha1.Sum(append([]byte(password), raw[sha1.Size:]...))
	return subtle.ConstantTimeCompare(sum[:], raw[:sha1.Size]) == 1
}

// crypt64 is the alphabet of crypt(3).
const crypt64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// append64 appends the low 6 n bits of v, the lowest first.
func append64(dst []byte, v uint32, n int) []byte {
	for ; n > 0; n-- {
		dst = append(dst, crypt64[v&0x3f])
		v >>= 6
	}
	return dst
}
