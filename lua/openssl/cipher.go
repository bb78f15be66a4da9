package openssl

import (
	"bytes"
	"crypto/aes"
	stdcipher "crypto/cipher"
	"crypto/des"
	"errors"
	"regexp"
	"strconv"

	"github.com/luahttpd/luahttpd/lua/vm"
	"golang.org/x/crypto/chacha20poly1305"
)

// tagSize is the length of an authentication tag in bytes.
const tagSize = 16

// algorithm is a cipher by its name; mode is "cbc", "ecb", "ctr", "cfb",
// "cfb8", "ofb", "gcm" or "poly1305".
type algorithm struct {
	mode            string
	keySize, ivSize int
	block           func(key []byte) (stdcipher.Block, error)
}

var (
	aesName = regexp.MustCompile(`^(?:id-)?aes-?(128|192|256)(?:-?(cbc|ecb|ctr|cfb|cfb128|cfb8|ofb|gcm))?$`)
	desName = regexp.MustCompile(`^(?:des-ede3-(cbc|ecb)|des3)$`)
)

// algorithmOf finds a cipher by OpenSSL's name.
func algorithmOf(name string) (*algorithm, error) {
	name = lower(name)
	if m := aesName.FindStringSubmatch(name); m != nil {
		bits, _ := strconv.Atoi(m[1])
		a := &algorithm{mode: m[2], keySize: bits / 8, ivSize: aes.BlockSize, block: aes.NewCipher}
		switch a.mode {
		case "":
			a.mode = "cbc"
		case "cfb128":
			a.mode = "cfb"
		case "gcm":
			a.ivSize = 12
		case "ecb":
			a.ivSize = 0
		}
		return a, nil
	}
	if m := desName.FindStringSubmatch(name); m != nil {
		a := &algorithm{mode: m[1], keySize: 24, ivSize: des.BlockSize, block: des.NewTripleDESCipher}
		if a.mode == "" {
			a.mode = "cbc"
		} else if a.mode == "ecb" {
			a.ivSize = 0
		}
		return a, nil
	}
	if name == "chacha20-poly1305" {
		return &algorithm{mode: "poly1305", keySize: chacha20poly1305.KeySize, ivSize: chacha20poly1305.NonceSize}, nil
	}
	return nil, errors.New("invalid cipher type \"" + name + "\"")
}

// cipher is an object of resty.openssl.cipher.
type cipher struct {
	*algorithm
	ready, decrypt, pad bool
	block               stdcipher.Block
	iv                  []byte
	stream              stdcipher.Stream    // of the modes that are one
	blocks              stdcipher.BlockMode // of cbc; nil for ecb
	held                []byte              // text that waits for more of its block
	aead                stdcipher.AEAD
	all, aad, tag       []byte // what the tag is about: the whole text
}

// init is begun with each message.
func (c *cipher) init(key, iv string, decrypt, pad bool) error {
	if len(key) != c.keySize {
		return errors.New("incorrect key size")
	}
	if len(iv) != c.ivSize && !(c.mode == "gcm" && len(iv) > 0 && len(iv) <= 128) && c.mode != "ecb" {
		return errors.New("incorrect iv size")
	}
	*c = cipher{algorithm: c.algorithm, ready: true, decrypt: decrypt, pad: pad, iv: []byte(iv)}
	if c.mode == "poly1305" {
		c.aead, _ = chacha20poly1305.New([]byte(key)) // the length is right
		return nil
	}
	var err error
	if c.block, err = c.algorithm.block([]byte(key)); err != nil {
		return err
	}
	switch c.mode {
	case "cbc":
		if c.blocks = stdcipher.NewCBCEncrypter(c.block, c.iv); decrypt {
			c.blocks = stdcipher.NewCBCDecrypter(c.block, c.iv)
		}
	case "ctr":
		c.stream = stdcipher.NewCTR(c.block, c.iv)
	case "ofb":
		c.stream = stdcipher.NewOFB(c.block, c.iv)
	case "cfb", "cfb8":
		c.stream = newFeedback(c.block, c.iv, c.mode == "cfb8", decrypt)
	case "gcm":
		c.aead, err = stdcipher.NewGCMWithNonceSize(c.block, len(c.iv))
		if len(c.iv) == 12 { // then the key stream is simple; else nothing comes before the end
			c.stream = stdcipher.NewCTR(c.block, append(bytes.Clone(c.iv), 0, 0, 0, 2))
		}
	}
	return err
}

// update takes text in and gives what can be given of the result.
func (c *cipher) update(in []byte) []byte {
	switch {
	case c.aead != nil:
		c.all = append(c.all, in...)
		if c.stream == nil {
			return nil
		}
		fallthrough
	case c.stream != nil:
		out := make([]byte, len(in))
		c.stream.XORKeyStream(out, in)
		return out
	}
	size := c.block.BlockSize()
	c.held = append(c.held, in...)
	n := len(c.held) / size * size
	if c.decrypt && c.pad && n == len(c.held) && n > 0 {
		n -= size // the last block may be padding
	}
	out := bytes.Clone(c.held[:n])
	c.held = append([]byte(nil), c.held[n:]...)
	c.crypt(out)
	return out
}

// crypt runs whole blocks through the cipher.
func (c *cipher) crypt(b []byte) {
	if c.blocks != nil {
		c.blocks.CryptBlocks(b, b)
		return
	}
	for size := c.block.BlockSize(); len(b) > 0; b = b[size:] {
		if c.decrypt {
			c.block.Decrypt(b, b)
		} else {
			c.block.Encrypt(b, b)
		}
	}
}

// final gives the rest of the result.
func (c *cipher) final() ([]byte, error) {
	c.ready = false
	switch {
	case c.aead != nil:
		return c.close()
	case c.stream != nil:
		return nil, nil
	}
	b, size := c.held, c.block.BlockSize()
	if !c.decrypt {
		if c.pad {
			n := size - len(b)%size
			b = append(b, bytes.Repeat([]byte{byte(n)}, n)...)
		}
		if len(b)%size != 0 {
			return nil, errors.New("wrong final block length")
		}
		c.crypt(b)
		return b, nil
	}
	if len(b)%size != 0 || c.pad && len(b) != size {
		return nil, errors.New("wrong final block length")
	}
	c.crypt(b)
	if !c.pad {
		return b, nil
	}
	n := int(b[len(b)-1])
	if n == 0 || n > size || !bytes.Equal(b[len(b)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errors.New("bad decrypt")
	}
	return b[:len(b)-n], nil
}

// close makes or checks the tag.
func (c *cipher) close() ([]byte, error) {
	if c.decrypt {
		plain, err := c.aead.Open(nil, c.iv, append(c.all, c.tag...), c.aad)
		if err != nil || len(c.tag) != tagSize {
			return nil, errors.New("bad tag")
		}
		if c.stream != nil {
			return nil, nil
		}
		return plain, nil
	}
	sealed := c.aead.Seal(nil, c.iv, c.all, c.aad)
	c.tag = sealed[len(c.all):]
	if c.stream != nil {
		return nil, nil
	}
	return sealed[:len(c.all)], nil
}

// feedback is CFB with segments of a block or of one byte; crypto/cipher has
// only the first, and advises against it.
type feedback struct {
	block         stdcipher.Block
	shift, stream []byte
	used          int // of stream
	one, decrypt  bool
}

func newFeedback(b stdcipher.Block, iv []byte, one, decrypt bool) *feedback {
	return &feedback{block: b, shift: bytes.Clone(iv), stream: make([]byte, len(iv)), used: len(iv), one: one, decrypt: decrypt}
}

func (f *feedback) XORKeyStream(dst, src []byte) {
	for i, in := range src {
		if f.used == len(f.stream) || f.one {
			f.block.Encrypt(f.stream, f.shift)
			f.used = 0
		}
		out := in ^ f.stream[f.used]
		dst[i] = out
		fed := out
		if f.decrypt {
			fed = in
		}
		if f.one {
			copy(f.shift, f.shift[1:])
			f.shift[len(f.shift)-1] = fed
		} else {
			f.shift[f.used] = fed
		}
		f.used++
	}
}

func (l *library) openCipher() {
	cl := l.cipher
	run := func(name string, decrypt bool) vm.Func {
		return method(cl, func(t *vm.Thread, c *cipher) int {
			if err := c.init(t.CheckString(2), t.OptString(3, ""), decrypt, !t.Arg(5).Truth()); err != nil {
				return refuse(t, "cipher:"+name+": "+err.Error())
			}
			c.aad, c.tag = []byte(t.OptString(6, "")), []byte(t.OptString(7, ""))
			out := c.update([]byte(t.CheckString(4)))
			last, err := c.final()
			return answer(t, "cipher:"+name, append(out, last...), err)
		})
	}
	begun := func(name string, do func(t *vm.Thread, c *cipher) int) vm.Func {
		return method(cl, func(t *vm.Thread, c *cipher) int {
			if !c.ready {
				return refuse(t, "cipher:"+name+": cipher not initalized, call cipher:init first")
			}
			return do(t, c)
		})
	}
	cl.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int {
			a, err := algorithmOf(t.CheckString(1))
			if err != nil {
				return refuse(t, "cipher.new: "+err.Error())
			}
			t.Push(cl.wrap(&cipher{algorithm: a}))
			return 1
		},
		"set_buffer_size":   succeed,
		"get_provider_name": func(t *vm.Thread) int { t.PushString("default"); return 1 },
		"encrypt":           run("encrypt", false),
		"decrypt":           run("decrypt", true),
		"init": method(cl, func(t *vm.Thread, c *cipher) int {
			opts := t.Arg(4).Table()
			if err := c.init(t.CheckString(2), t.OptString(3, ""), !field(opts, "is_encrypt").Truth(), !field(opts, "no_padding").Truth()); err != nil {
				return refuse(t, "cipher:init: "+err.Error())
			}
			return succeed(t)
		}),
		"update":          begun("update", func(t *vm.Thread, c *cipher) int { t.PushBytes(c.update(rest(t, 2))); return 1 }),
		"update_aead_aad": begun("update_aead_aad", func(t *vm.Thread, c *cipher) int { c.aad = append(c.aad, t.CheckString(2)...); return succeed(t) }),
		"set_aead_tag":    begun("set_aead_tag", func(t *vm.Thread, c *cipher) int { c.tag = []byte(t.CheckString(2)); return succeed(t) }),
		"get_aead_tag": method(cl, func(t *vm.Thread, c *cipher) int {
			n := t.OptInt(2, c.keySize/2)
			if c.decrypt || len(c.tag) < n || n < 0 {
				return refuse(t, "cipher:get_aead_tag: no tag of that length")
			}
			t.PushBytes(c.tag[:n])
			return 1
		}),
		"final": begun("final", func(t *vm.Thread, c *cipher) int {
			out := c.update(rest(t, 2))
			last, err := c.final()
			return answer(t, "cipher:final", append(out, last...), err)
		}),
		"derive": method(cl, func(t *vm.Thread, c *cipher) int {
			h, err := hashOf(t.OptString(5, "sha1"))
			if err != nil {
				return refuse(t, "cipher:derive: "+err.Error())
			}
			rounds := t.OptInt(4, 1)
			if rounds > maxRounds/10 {
				return refuse(t, "cipher:derive: too many rounds")
			}
			var key, iv []byte
			secret, salt := t.CheckString(2), t.OptString(3, "")
			l.away(rounds, func() { key, iv = BytesToKey(h.New, secret, salt, rounds, c.keySize, c.ivSize) })
			t.PushBytes(key)
			t.PushBytes(iv)
			return 2
		}),
	})
}
