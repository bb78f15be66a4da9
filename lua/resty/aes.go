package resty

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"hash"

	"github.com/luahttpd/luahttpd/lua/openssl"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// gcmTag is the length of a tag in bytes.
const gcmTag = 16

// aesKey is a resty.aes object: a key and how to use it.
type aesKey struct {
	block cipher.Block
	mode  string
	iv    []byte
	pad   bool
}

// openAES makes resty.aes: cipher(size, mode), hash.*, new(key, salt, cipher,
// hash, rounds, iv_len, padding), encrypt, decrypt.
func openAES(m *vm.VM) *vm.Table {
	c := newClass[*aesKey](m, "0.16", nil)
	for name, do := range map[string]func(k *aesKey, t *vm.Thread) int{"encrypt": (*aesKey).encrypt, "decrypt": (*aesKey).decrypt} {
		c.module.SetStr(name, m.NewFunc(name, func(t *vm.Thread) int {
			if self := t.Arg(1); self.Table() == nil {
				t.Errorf("bad argument #1 self: table expected, got %s", self.Kind())
			}
			return do(c.self(t), t)
		}))
	}
	hashes := m.NewTable(0, 8)
	for name, f := range digests {
		hashes.SetStr(name, m.NewUserdata(f, nil))
	}
	c.module.SetStr("hash", hashes.Value())
	c.module.SetStr("cipher", m.NewFunc("cipher", func(t *vm.Thread) int {
		size, mode := t.OptInt(1, 128), t.OptString(2, "cbc")
		if size != 128 && size != 192 && size != 256 || modes[mode] == nil && mode != "gcm" {
			t.PushNil()
			return 1
		}
		t.Push(aesCipher(m, size, mode))
		return 1
	}))
	c.module.SetStr("new", m.NewFunc("new", func(t *vm.Thread) int {
		k, wrong := newAESKey(t)
		if wrong != "" {
			return refuse(t, wrong)
		}
		t.Push(c.object(m, k))
		return 1
	}))
	return c.module
}

func aesCipher(m *vm.VM, size int, mode string) vm.Value {
	t := m.NewTable(0, 2)
	t.SetStr("size", vm.Int(size))
	t.SetStr("cipher", vm.String(mode))
	return t.Value()
}

// newAESKey makes the key of new(self, key, salt, cipher, hash, rounds,
// iv_len, padding). It is derived as by EVP_BytesToKey unless hash is a table
// with the iv, and perhaps a method that makes the key.
func newAESKey(t *vm.Thread) (k *aesKey, wrong string) {
	secret := t.CheckString(2)
	size, mode := 128, "cbc"
	if c := t.Arg(4).Table(); c != nil {
		size, mode = int(c.GetStr("size").Num()), c.GetStr("cipher").Str()
	}
	if size != 128 && size != 192 && size != 256 || modes[mode] == nil && mode != "gcm" {
		return nil, "bad cipher"
	}
	ivLen := aes.BlockSize
	if mode == "gcm" {
		ivLen = 12
	}
	k = &aesKey{mode: mode, pad: t.OptBool(8, true)}
	var key []byte
	if own := t.Arg(5).Table(); own != nil {
		iv := own.GetStr("iv")
		if iv.Kind() != vm.KString {
			return nil, "iv is needed"
		}
		k.iv = []byte(iv.Str())
		if len(k.iv) > size/8 || len(k.iv) == 0 {
			return nil, "bad iv length"
		}
		if short := ivLen - len(k.iv); mode != "gcm" && short > 0 {
			k.iv = append(k.iv, make([]byte, short)...)
		}
		if method := own.GetStr("method"); !method.IsNil() {
			made := vm.Nil
			if r := t.CallRaw(method, vm.String(secret)); len(r) > 0 {
				made = r[0]
			}
			secret = made.Str()
		}
		if key = []byte(secret); len(key) != size/8 {
			return nil, "bad key length"
		}
	} else {
		salt := t.OptString(3, "")
		if salt != "" && len(salt) != 8 {
			return nil, "salt must be 8 characters or nil"
		}
		newHash := md5.New
		if u := t.Arg(5).Userdata(); u != nil {
			if f, ok := u.Value.(func() hash.Hash); ok {
				newHash = f
			}
		}
		if t.OptInt(6, 1) > maxRounds {
			return nil, "too many rounds"
		}
		key, k.iv = openssl.BytesToKey(newHash, secret, salt, t.OptInt(6, 1), size/8, ivLen)
		if n := t.OptInt(7, ivLen); mode == "gcm" && n > 0 && n <= aes.BlockSize {
			k.iv = append(k.iv, make([]byte, aes.BlockSize)...)[:n]
		}
	}
	k.block, _ = aes.NewCipher(key) // the length is right
	return k, ""
}

// maxRounds bounds the work that a script asks of BytesToKey.
const maxRounds = 500_000

// mode is a mode of operation. Those with whole blocks need padding.
type mode struct {
	whole bool
	run   func(k *aesKey, b []byte, decrypt bool)
}

var modes = map[string]*mode{
	"cbc": {true, func(k *aesKey, b []byte, decrypt bool) {
		if decrypt {
			cipher.NewCBCDecrypter(k.block, k.iv[:aes.BlockSize]).CryptBlocks(b, b)
		} else {
			cipher.NewCBCEncrypter(k.block, k.iv[:aes.BlockSize]).CryptBlocks(b, b)
		}
	}},
	"ecb": {true, func(k *aesKey, b []byte, decrypt bool) {
		for ; len(b) > 0; b = b[aes.BlockSize:] {
			if decrypt {
				k.block.Decrypt(b, b)
			} else {
				k.block.Encrypt(b, b)
			}
		}
	}},
	"ctr": {false, func(k *aesKey, b []byte, decrypt bool) {
		cipher.NewCTR(k.block, k.iv[:aes.BlockSize]).XORKeyStream(b, b)
	}},
	"ofb": {false, func(k *aesKey, b []byte, decrypt bool) {
		feed := bytes.Clone(k.iv[:aes.BlockSize])
		for i := range b {
			if i%aes.BlockSize == 0 {
				k.block.Encrypt(feed, feed)
			}
			b[i] ^= feed[i%aes.BlockSize]
		}
	}},
	"cfb128": {false, func(k *aesKey, b []byte, decrypt bool) { k.feedBack(b, decrypt, aes.BlockSize) }},
	"cfb8":   {false, func(k *aesKey, b []byte, decrypt bool) { k.feedBack(b, decrypt, 1) }},
}

// feedBack is CFB with segments of n bytes.
func (k *aesKey) feedBack(b []byte, decrypt bool, n int) {
	shift, stream := bytes.Clone(k.iv[:aes.BlockSize]), make([]byte, aes.BlockSize)
	for len(b) > 0 {
		segment := b[:min(n, len(b))]
		b = b[len(segment):]
		k.block.Encrypt(stream, shift)
		copy(shift, shift[len(segment):])
		fed := shift[aes.BlockSize-len(segment):]
		if decrypt {
			copy(fed, segment)
		}
		for i := range segment {
			segment[i] ^= stream[i]
		}
		if !decrypt {
			copy(fed, segment)
		}
	}
}

// encrypt(text, aad) returns the ciphertext; with GCM a table of it and the
// tag.
func (k *aesKey) encrypt(t *vm.Thread) int {
	b := []byte(t.CheckString(2))
	if k.mode == "gcm" {
		g, _ := cipher.NewGCMWithNonceSize(k.block, len(k.iv))
		sealed := g.Seal(nil, k.iv, b, []byte(t.OptString(3, "")))
		pair := t.VM().NewTable(2, 0)
		pair.SetInt(1, vm.Bytes(sealed[:len(b)]))
		pair.SetInt(2, vm.Bytes(sealed[len(b):]))
		t.Push(pair.Value())
		return 1
	}
	m := modes[k.mode]
	if m.whole && k.pad {
		n := aes.BlockSize - len(b)%aes.BlockSize
		b = append(b, bytes.Repeat([]byte{byte(n)}, n)...)
	}
	if m.whole && len(b)%aes.BlockSize != 0 {
		return refuse(t, "EVP_EncryptFinal_ex failed")
	}
	m.run(k, b, false)
	t.PushBytes(b)
	return 1
}

// decrypt(text, tag, aad) returns the plaintext, or nil and an error for what
// was not made with the key.
func (k *aesKey) decrypt(t *vm.Thread) int {
	b := []byte(t.CheckString(2))
	if k.mode == "gcm" {
		tag := t.OptString(3, "")
		g, _ := cipher.NewGCMWithNonceSize(k.block, len(k.iv))
		if len(tag) != gcmTag {
			return refuse(t, "bad tag length")
		}
		plain, err := g.Open(nil, k.iv, append(b, tag...), []byte(t.OptString(4, "")))
		if err != nil {
			return refuse(t, "EVP_DecryptFinal_ex failed")
		}
		t.PushBytes(plain)
		return 1
	}
	m := modes[k.mode]
	if m.whole && (len(b)%aes.BlockSize != 0 || k.pad && len(b) == 0) {
		return refuse(t, "EVP_DecryptFinal_ex failed")
	}
	m.run(k, b, true)
	if m.whole && k.pad {
		n := int(b[len(b)-1])
		if n == 0 || n > aes.BlockSize || !bytes.Equal(b[len(b)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
			return refuse(t, "EVP_DecryptFinal_ex failed")
		}
		b = b[:len(b)-n]
	}
	t.PushBytes(b)
	return 1
}
