package openssl

import (
	"crypto"
	"crypto/hkdf"
	"crypto/pbkdf2"
	"errors"
	"hash"

	"github.com/luahttpd/luahttpd/lua/vm"
	"golang.org/x/crypto/scrypt"
)

// The numbers that kdf.derive takes as types; OpenSSL's.
const (
	kdfPBKDF2 = 69
	kdfScrypt = 973
	kdfHKDF   = 1036
)

// What scripts may ask of a key derivation.
const (
	maxRounds  = 10_000_000
	maxDerived = 1 << 20  // bytes
	maxScrypt  = 32 << 20 // bytes of memory, as OpenSSL's default
)

// derivation is what a key is to be made from. The fields have different names
// in kdf.derive and kdf.new.
type derivation struct {
	kind                 int
	length               int
	hash                 crypto.Hash
	secret, salt, info   string
	rounds, mode         int
	memory, r, p, maxMem int // of scrypt
}

func (d *derivation) run() ([]byte, error) {
	if d.length < 0 || d.length > maxDerived || d.rounds > maxRounds {
		return nil, errors.New("more than is allowed")
	}
	switch d.kind {
	case kdfPBKDF2:
		return pbkdf2.Key(d.hash.New, d.secret, []byte(d.salt), max(d.rounds, 1), d.length)
	case kdfScrypt:
		if d.memory <= 0 || d.r <= 0 || d.p <= 0 || d.p > 1024 || int64(d.memory)*int64(d.r) > int64(min(d.maxMem, maxScrypt))/128 {
			return nil, errors.New("memory limit exceeded")
		}
		return scrypt.Key([]byte(d.secret), []byte(d.salt), d.memory, d.r, d.p, d.length)
	}
	switch d.mode { // of hkdf
	case 1:
		return hkdf.Extract(d.hash.New, []byte(d.secret), []byte(d.salt))
	case 2:
		return hkdf.Expand(d.hash.New, []byte(d.secret), d.info, d.length)
	}
	return hkdf.Key(d.hash.New, []byte(d.secret), []byte(d.salt), d.info, d.length)
}

func (l *library) derive(t *vm.Thread, where string, d *derivation, hash string) int {
	var err error
	if d.hash, err = hashOf(hash); err != nil {
		return refuse(t, where+": "+err.Error())
	}
	var key []byte
	rounds := d.rounds
	if d.kind == kdfScrypt {
		rounds = maxRounds
	}
	l.away(rounds, func() { key, err = d.run() })
	return answer(t, where, key, err)
}

// away runs f, elsewhere when that many rounds take long.
func (l *library) away(rounds int, f func()) {
	if rounds > 10_000 {
		l.Offload(f)
	} else {
		f()
	}
}

// deriver is an object of kdf.new: the kind and the options that were set.
type deriver struct {
	kind    int
	options *vm.Table
}

func (l *library) openKDF() {
	c := l.kdf
	for name, n := range map[string]int{
		"PBKDF2": kdfPBKDF2, "SCRYPT": kdfScrypt, "HKDF": kdfHKDF, "TLS1_PRF": 1021,
		"HKDEF_MODE_EXTRACT_AND_EXPAND": 0, "HKDEF_MODE_EXTRACT_ONLY": 1, "HKDEF_MODE_EXPAND_ONLY": 2,
	} {
		c.module.SetStr(name, vm.Int(n))
	}
	kinds := map[string]int{"pbkdf2": kdfPBKDF2, "hkdf": kdfHKDF, "scrypt": kdfScrypt}
	c.funcs(map[string]func(t *vm.Thread) int{
		"derive": func(t *vm.Thread) int {
			opts := t.CheckTable(1)
			if k, ok := object[*deriver](t.Arg(1)); ok {
				return l.deriveMore(t, k)
			}
			d := &derivation{
				kind: integer(opts.GetStr("type"), 0), length: integer(opts.GetStr("outlen"), -1), secret: text(opts.GetStr("pass"), ""),
				salt: text(opts.GetStr("salt"), ""), rounds: integer(opts.GetStr("pbkdf2_iter"), 1), mode: integer(opts.GetStr("hkdf_mode"), 0),
				info: text(opts.GetStr("hkdf_info"), ""), memory: integer(opts.GetStr("scrypt_N"), 0), r: integer(opts.GetStr("scrypt_r"), 0),
				p: integer(opts.GetStr("scrypt_p"), 0), maxMem: integer(opts.GetStr("scrypt_maxmem"), maxScrypt),
			}
			switch d.kind {
			case kdfHKDF:
				d.secret = text(opts.GetStr("hkdf_key"), "")
			case kdfPBKDF2, kdfScrypt:
			default:
				return refuse(t, "kdf.derive: unknown type")
			}
			return l.derive(t, "kdf.derive", d, text(opts.GetStr("md"), "sha1"))
		},
		"new": func(t *vm.Thread) int {
			name := t.CheckString(1)
			kind, ok := kinds[lower(name)]
			if !ok {
				return refuse(t, "kdf.new: invalid kdf type \""+name+"\"")
			}
			t.Push(c.wrap(&deriver{kind, l.vm.NewTable(0, 4)}))
			return 1
		},
		"get_provider_name": func(t *vm.Thread) int { t.PushString("default"); return 1 },
		"reset":             method(c, func(t *vm.Thread, k *deriver) int { k.options.Clear(); return succeed(t) }),
		"set_params": method(c, func(t *vm.Thread, k *deriver) int {
			copyInto(k.options, t.CheckTable(2))
			return succeed(t)
		}),
	})
}

func copyInto(to, from *vm.Table) {
	for k, v, ok := from.Next(vm.Nil); ok; k, v, ok = from.Next(k) {
		to.Set(k, v)
	}
}

// deriveMore is kdf:derive(outlen, options).
func (l *library) deriveMore(t *vm.Thread, k *deriver) int {
	opts := l.vm.NewTable(0, 4)
	copyInto(opts, k.options)
	if more := t.Arg(3).Table(); more != nil {
		copyInto(opts, more)
	}
	d := &derivation{
		kind: k.kind, length: t.OptInt(2, -1), secret: text(opts.GetStr("pass"), ""), salt: text(opts.GetStr("salt"), ""),
		rounds: integer(opts.GetStr("iter"), 2048), info: text(opts.GetStr("info"), ""), memory: integer(opts.GetStr("n"), 0),
		r: integer(opts.GetStr("r"), 0), p: integer(opts.GetStr("p"), 0), maxMem: integer(opts.GetStr("maxmem_bytes"), maxScrypt),
	}
	if k.kind == kdfHKDF {
		d.secret = text(opts.GetStr("key"), "")
		d.rounds = 1
		mode := opts.GetStr("mode")
		modes := map[string]int{"EXTRACT_AND_EXPAND": 0, "EXTRACT_ONLY": 1, "EXPAND_ONLY": 2}
		if d.mode = integer(mode, 0); mode.Kind() == vm.KString {
			d.mode = modes[mode.Str()]
		}
		if d.mode == 1 {
			d.length = 0
		}
	}
	return l.derive(t, "kdf:derive", d, text(opts.GetStr("digest"), "sha1"))
}

// BytesToKey is OpenSSL's EVP_BytesToKey: a key and an initialization vector of
// the given lengths. The caller bounds the rounds.
func BytesToKey(newHash func() hash.Hash, secret, salt string, rounds, keyLen, ivLen int) (key, iv []byte) {
	h := newHash()
	var out, last []byte
	for len(out) < keyLen+ivLen {
		h.Reset()
		h.Write(last)
		h.Write([]byte(secret))
		h.Write([]byte(salt))
		last = h.Sum(nil)
		for i := 1; i < rounds; i++ {
			h.Reset()
			h.Write(last)
			last = h.Sum(last[:0])
		}
		out = append(out, last...)
	}
	return out[:keyLen:keyLen], out[keyLen : keyLen+ivLen : keyLen+ivLen]
}
