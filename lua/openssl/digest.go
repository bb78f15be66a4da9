package openssl

import (
	"crypto"
	"crypto/hmac"
	_ "crypto/md5" // for crypto.Hash
	"crypto/rand"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"errors"
	"hash"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// hashes are the digests by OpenSSL's names.
var hashes = map[string]crypto.Hash{
	"md5": crypto.MD5, "sha1": crypto.SHA1, "sha224": crypto.SHA224, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512,
	"sha512-224": crypto.SHA512_224, "sha512-256": crypto.SHA512_256,
	"sha3-224": crypto.SHA3_224, "sha3-256": crypto.SHA3_256, "sha3-384": crypto.SHA3_384, "sha3-512": crypto.SHA3_512,
}

// hashNames are the names in the short form that objects have.
var hashNames = map[crypto.Hash]string{
	crypto.MD5: "MD5", crypto.SHA1: "SHA1", crypto.SHA224: "SHA224", crypto.SHA256: "SHA256", crypto.SHA384: "SHA384", crypto.SHA512: "SHA512",
}

// hashOf finds a digest by its name: "SHA256", "sha-256", "SHA2-256",
// "RSA-SHA256".
func hashOf(name string) (crypto.Hash, error) {
	key := strings.TrimPrefix(lower(name), "rsa-")
	if h, ok := hashes[key]; ok {
		return h, nil
	}
	key = strings.Replace(strings.Replace(key, "sha2-", "sha", 1), "sha-", "sha", 1)
	if h, ok := hashes[strings.ReplaceAll(key, "/", "-")]; ok {
		return h, nil
	}
	return 0, errors.New("invalid digest type \"" + name + "\"")
}

// digest is an object of resty.openssl.digest, hmac or mac.
type digest struct {
	id crypto.Hash
	hash.Hash
}

var digestMethods = map[string]func(t *vm.Thread, d *digest) int{
	"update": func(t *vm.Thread, d *digest) int { d.Write(rest(t, 2)); return succeed(t) },
	"final":  func(t *vm.Thread, d *digest) int { d.Write(rest(t, 2)); t.PushBytes(d.Sum(nil)); return 1 },
	"reset":  func(t *vm.Thread, d *digest) int { d.Reset(); return succeed(t) },
}

func (c *class) digestMethods() {
	for name, do := range digestMethods {
		c.module.SetStr(name, c.l.vm.NewFunc(name, method(c, do)))
	}
	c.funcs(map[string]func(t *vm.Thread) int{
		"get_provider_name": func(t *vm.Thread) int { t.PushString("default"); return 1 },
	})
}

func (l *library) openDigest() {
	l.digest.digestMethods()
	l.digest.funcs(map[string]func(t *vm.Thread) int{"new": func(t *vm.Thread) int {
		h, err := hashOf(t.OptString(1, "sha1"))
		if err != nil {
			return refuse(t, "digest.new: "+err.Error())
		}
		t.Push(l.digest.wrap(&digest{h, h.New()}))
		return 1
	}})
}

// openHMAC makes hmac.new(key, digest) and mac.new(key, "HMAC", cipher, digest).
func (l *library) openHMAC() {
	make := func(t *vm.Thread, c *class, name string) int {
		h, err := hashOf(name)
		if err != nil {
			return refuse(t, c.name+".new: "+err.Error())
		}
		t.Push(c.wrap(&digest{h, hmac.New(h.New, []byte(t.CheckString(1)))}))
		return 1
	}
	l.hmac.digestMethods()
	l.hmac.funcs(map[string]func(t *vm.Thread) int{"new": func(t *vm.Thread) int { return make(t, l.hmac, t.OptString(2, "sha1")) }})
	l.mac.digestMethods()
	l.mac.funcs(map[string]func(t *vm.Thread) int{"new": func(t *vm.Thread) int {
		if kind := t.CheckString(2); lower(kind) != "hmac" {
			return refuse(t, "mac.new: invalid mac type \""+kind+"\"")
		}
		return make(t, l.mac, t.OptString(4, ""))
	}})
}

// maxRandom bounds what one call makes, in bytes.
const maxRandom = 16 << 20

func (l *library) openRand(module *vm.Table) {
	module.SetStr("bytes", l.vm.NewFunc("bytes", func(t *vm.Thread) int {
		n := t.CheckInt(1)
		if n < 0 || n > maxRandom {
			return refuse(t, "rand.bytes: bad length")
		}
		t.Reserve(n)
		b := make([]byte, n)
		rand.Read(b) // never fails
		t.PushBytes(b)
		return 1
	}))
}
