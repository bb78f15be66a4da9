package handler

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"
)

// checkPassword compares a password with what a password file stores for it:
// {PLAIN}, {SHA}, {SSHA}, or a hash of $apr1$, $1$, $5$ or $6$. known is false
// for everything else. It may take milliseconds.
func checkPassword(stored, password string) (good, known bool) {
	same := func(a, b []byte) (bool, bool) { return subtle.ConstantTimeCompare(a, b) == 1, true }
	if plain, ok := strings.CutPrefix(stored, "{PLAIN}"); ok {
		return same([]byte(plain), []byte(password))
	}
	if text, ok := strings.CutPrefix(stored, "{SHA}"); ok {
		sum := sha1.Sum([]byte(password))
		return same([]byte(text), []byte(base64.StdEncoding.EncodeToString(sum[:])))
	}
	if text, ok := strings.CutPrefix(stored, "{SSHA}"); ok {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(raw) < sha1.Size {
			return false, true
		}
		sum := sha1.Sum(append([]byte(password), raw[sha1.Size:]...))
		return same(raw[:sha1.Size], sum[:])
	}
	parts := strings.Split(stored, "$")
	if len(parts) < 4 || parts[0] != "" {
		return false, false
	}
	switch kind := parts[1]; kind {
	case "apr1", "1":
		return same([]byte(stored), md5Crypt(password, parts[2], "$"+kind+"$"))
	case "5", "6":
		rounds, salt, given := shaRounds, parts[2], false
		if n, ok := strings.CutPrefix(salt, "rounds="); ok {
			var err error
			if rounds, err = strconv.Atoi(n); err != nil || len(parts) < 5 {
				return false, false
			}
			rounds, salt, given = min(max(rounds, minRounds), maxRounds), parts[3], true
		}
		return same([]byte(stored), shaCrypt(kind, password, salt, rounds, given))
	}
	return false, false
}

// Rounds of the SHA based crypt. Its definition allows a hundred times more;
// that would be minutes for each request.
const (
	shaRounds = 5000
	minRounds = 1000
	maxRounds = 10_000_000
)

const cryptDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// crypt64 appends three bytes as n digits, the lowest bits first.
func crypt64(dst []byte, a, b, c byte, n int) []byte {
	v := uint32(a)<<16 | uint32(b)<<8 | uint32(c)
	for ; n > 0; n-- {
		dst = append(dst, cryptDigits[v&63])
		v >>= 6
	}
	return dst
}

// md5Crypt is the hash of FreeBSD ("$1$") and of Apache ("$apr1$").
func md5Crypt(password, salt, magic string) []byte {
	salt = salt[:min(len(salt), 8)]
	inner := md5.Sum([]byte(password + salt + password))
	b := []byte(password + magic + salt)
	for n := len(password); n > 0; n -= 16 {
		b = append(b, inner[:min(n, 16)]...)
	}
	for n := len(password); n > 0; n >>= 1 {
		if n&1 == 1 {
			b = append(b, 0)
		} else {
			b = append(b, password[0])
		}
	}
	sum := md5.Sum(b)
	for i := range 1000 {
		b = b[:0]
		if i&1 == 1 {
			b = append(b, password...)
		} else {
			b = append(b, sum[:]...)
		}
		if i%3 != 0 {
			b = append(b, salt...)
		}
		if i%7 != 0 {
			b = append(b, password...)
		}
		if i&1 == 1 {
			b = append(b, sum[:]...)
		} else {
			b = append(b, password...)
		}
		sum = md5.Sum(b)
	}
	out := []byte(magic + salt + "$")
	for i := range 5 {
		last := sum[5]
		if i < 4 {
			last = sum[i+12]
		}
		out = crypt64(out, sum[i], sum[i+6], last, 4)
	}
	return crypt64(out, 0, 0, sum[11], 2)
}

// shaCrypt is the hash of glibc: "$5$" with SHA-256, "$6$" with SHA-512.
func shaCrypt(kind, password, salt string, rounds int, given bool) []byte {
	salt = salt[:min(len(salt), 16)]
	h := sha256.New()
	if kind == "6" {
		h = sha512.New()
	}
	size := h.Size()
	sum := func(parts ...[]byte) []byte {
		h.Reset()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	key, salted := []byte(password), []byte(salt)
	inner := sum(key, salted, key)
	h.Reset()
	h.Write(key)
	h.Write(salted)
	writeRepeated(h, inner, len(key))
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			h.Write(inner)
		} else {
			h.Write(key)
		}
	}
	acc := h.Sum(nil)
	h.Reset()
	for range key {
		h.Write(key)
	}
	p := repeated(h.Sum(nil), len(key))
	h.Reset()
	for range 16 + int(acc[0]) {
		h.Write(salted)
	}
	s := repeated(h.Sum(nil), len(salted))
	for i := range rounds {
		h.Reset()
		first, second := acc, p
		if i&1 == 1 {
			first, second = p, acc
		}
		h.Write(first)
		if i%3 != 0 {
			h.Write(s)
		}
		if i%7 != 0 {
			h.Write(p)
		}
		h.Write(second)
		acc = h.Sum(acc[:0:size])
	}
	out := []byte("$" + kind + "$")
	if given {
		out = append(out, "rounds="+strconv.Itoa(rounds)+"$"...)
	}
	return shaDigits(append(append(out, salt...), '$'), acc)
}

func writeRepeated(h hash.Hash, b []byte, n int) { h.Write(repeated(b, n)) }

// repeated is b over and over, n bytes of it.
func repeated(b []byte, n int) []byte { return bytes.Repeat(b, n/len(b)+1)[:n] }

// shaDigits appends a sum in the order that glibc gives its bytes.
func shaDigits(out, sum []byte) []byte {
	third := len(sum) / 3
	i, j, k := 0, third, 2*third
	for range third {
		out = crypt64(out, sum[i], sum[j], sum[k], 4)
		if len(sum) == sha256.Size {
			i, j, k = k+1, i+1, j+1
		} else {
			i, j, k = j+1, k+1, i+1
		}
	}
	if len(sum) == sha256.Size {
		return crypt64(out, 0, sum[31], sum[30], 3)
	}
	return crypt64(out, 0, 0, sum[63], 2)
}
