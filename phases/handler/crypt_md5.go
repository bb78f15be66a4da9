package handler

import (
	"crypto/md5"
	"strings"
)

const cryptMD5Rounds = 1000

// cryptMD5 is the MD5 password hash of FreeBSD's crypt ("$1$") and Apache
// ("$apr1$") with the salt of want.
func cryptMD5(password, want, magic string) string {
	salt, _, _ := strings.Cut(want[len(magic):], "$")
	salt = salt[:min(len(salt), 8)]
	key := []byte(password)

	inner := md5.Sum([]byte(password + salt + password))
	d := md5.New()
	d.Write([]byte(password + magic + salt))
	for n := len(key); n > 0; n -= len(inner) {
		d.Write(inner[:min(n, len(inner))])
	}
	for n := len(key); n > 0; n >>= 1 {
		if n&1 == 1 {
			d.Write([]byte{0})
		} else {
			d.Write(key[:1])
		}
	}
	sum := d.Sum(nil)
	for i := range cryptMD5Rounds {
		d.Reset()
		first, last := key, sum
		if i&1 == 0 {
			first, last = sum, key
		}
		d.Write(first)
		if i%3 != 0 {
			d.Write([]byte(salt))
		}
		if i%7 != 0 {
			d.Write(key)
		}
		d.Write(last)
		sum = d.Sum(sum[:0:0])
	}

	out := []byte(magic + salt + "$")
	for _, t := range [][3]int{{0, 6, 12}, {1, 7, 13}, {2, 8, 14}, {3, 9, 15}, {4, 10, 5}} {
		out = append64(out, uint32(sum[t[0]])<<16|uint32(sum[t[1]])<<8|uint32(sum[t[2]]), 4)
	}
	return string(append64(out, uint32(sum[11]), 2))
}
