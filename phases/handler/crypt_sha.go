package handler

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strconv"
	"strings"
)

// shaCrypt is one of the two SHA password hashes of U. Drepper's specification
// "Unix crypt using SHA-256 and SHA-512".
type shaCrypt struct {
	magic string
	hash  func() hash.Hash
	// triples say which bytes of the sum make four characters each, rest which
	// make the last ones.
	triples [][3]int
	rest    []int
}

var sha256Crypt = shaCrypt{"$5$", sha256.New, [][3]int{
	{0, 10, 20}, {21, 1, 11}, {12, 22, 2}, {3, 13, 23}, {24, 4, 14}, {15, 25, 5}, {6, 16, 26}, {27, 7, 17}, {18, 28, 8}, {9, 19, 29},
}, []int{31, 30}}

var sha512Crypt = shaCrypt{"$6$", sha512.New, [][3]int{
	{0, 21, 42}, {22, 43, 1}, {44, 2, 23}, {3, 24, 45}, {25, 46, 4}, {47, 5, 26}, {6, 27, 48}, {28, 49, 7}, {50, 8, 29}, {9, 30, 51},
	{31, 52, 10}, {53, 11, 32}, {12, 33, 54}, {34, 55, 13}, {56, 14, 35}, {15, 36, 57}, {37, 58, 16}, {59, 17, 38}, {18, 39, 60},
	{40, 61, 19}, {62, 20, 41},
}, []int{63}}

const (
	shaRounds    = 5000
	shaRoundsMin = 1000
	// shaRoundsMax is lower than the specification's 999,999,999, which would
	// take a quarter of an hour.
	shaRoundsMax = 10_000_000
	shaSaltMax   = 16
)

// cryptSHA hashes password with the salt and the rounds of want; "" if want
// cannot be used.
func cryptSHA(password, want string, v shaCrypt) string {
	salt, rounds, named := want[len(v.magic):], shaRounds, ""
	if text, ok := strings.CutPrefix(salt, "rounds="); ok {
		number, after, ok := strings.Cut(text, "$")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n > shaRoundsMax {
			return ""
		}
		salt, rounds = after, max(n, shaRoundsMin)
		named = "rounds=" + strconv.Itoa(rounds) + "$"
	}
	salt, _, _ = strings.Cut(salt, "$")
	salt = salt[:min(len(salt), shaSaltMax)]
	key := []byte(password)

	d := v.hash()
	sum := func(parts ...[]byte) []byte {
		d.Reset()
		for _, p := range parts {
			d.Write(p)
		}
		return d.Sum(nil)
	}
	b := sum(key, []byte(salt), key)
	d.Reset()
	d.Write(key)
	d.Write([]byte(salt))
	d.Write(stretch(b, len(key)))
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			d.Write(b)
		} else {
			d.Write(key)
		}
	}
	a := d.Sum(nil)
	d.Reset()
	for range key {
		d.Write(key)
	}
	p := stretch(d.Sum(nil), len(key))
	d.Reset()
	for range 16 + int(a[0]) {
		d.Write([]byte(salt))
	}
	s := stretch(d.Sum(nil), len(salt))
	for i := range rounds {
		first, last := p, a
		if i&1 == 0 {
			first, last = a, p
		}
		d.Reset()
		d.Write(first)
		if i%3 != 0 {
			d.Write(s)
		}
		if i%7 != 0 {
			d.Write(p)
		}
		d.Write(last)
		a = d.Sum(a[:0:0])
	}

	out := []byte(v.magic + named + salt + "$")
	for _, t := range v.triples {
		out = append64(out, uint32(a[t[0]])<<16|uint32(a[t[1]])<<8|uint32(a[t[2]]), 4)
	}
	var tail uint32
	for _, i := range v.rest {
		tail = tail<<8 | uint32(a[i])
	}
	return string(append64(out, tail, len(v.rest)+1))
}

// stretch repeats b until it has n bytes.
func stretch(b []byte, n int) []byte {
	out := make([]byte, 0, n)
	for len(out) < n {
		out = append(out, b[:min(len(b), n-len(out))]...)
	}
	return out
}
