package resty

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// digests are the hash functions by their names.
var digests = map[string]func() hash.Hash{
	"md5": md5.New, "sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New,
}

// openDigest makes the module of one hash function: new, update, final, reset.
func openDigest(name string) func(m *vm.VM) *vm.Table {
	return func(m *vm.VM) *vm.Table {
		c := newClass(m, "0.16", map[string]func(t *vm.Thread, h hash.Hash) int{
			"update": func(t *vm.Thread, h hash.Hash) int {
				s := t.CheckString(2)
				if n := t.OptInt(3, len(s)); n >= 0 && n < len(s) {
					s = s[:n]
				}
				h.Write([]byte(s))
				t.PushBool(true)
				return 1
			},
			"final": func(t *vm.Thread, h hash.Hash) int {
				t.PushBytes(h.Sum(nil))
				return 1
			},
			"reset": func(t *vm.Thread, h hash.Hash) int {
				h.Reset()
				t.PushBool(true)
				return 1
			},
		})
		c.module.SetStr("new", m.NewFunc("new", func(t *vm.Thread) int {
			t.Push(c.object(m, digests[name]()))
			return 1
		}))
		return c.module
	}
}

func openSHA(m *vm.VM) *vm.Table {
	t := m.NewTable(0, 1)
	t.SetStr("_VERSION", vm.String("0.16"))
	return t
}

// openHMAC makes resty.hmac: new(key, algorithm), update, final(text, hex),
// reset.
func openHMAC(m *vm.VM) *vm.Table {
	c := newClass(m, "0.06", map[string]func(t *vm.Thread, h hash.Hash) int{
		"update": func(t *vm.Thread, h hash.Hash) int {
			h.Write([]byte(t.CheckString(2)))
			t.PushBool(true)
			return 1
		},
		"final": func(t *vm.Thread, h hash.Hash) int {
			h.Write([]byte(t.OptString(2, "")))
			sum := h.Sum(nil)
			if t.Arg(3).Truth() {
				sum = hex.AppendEncode(nil, sum)
			}
			t.PushBytes(sum)
			return 1
		},
		"reset": func(t *vm.Thread, h hash.Hash) int {
			h.Reset()
			t.PushBool(true)
			return 1
		},
	})
	algorithms := m.NewTable(0, 8)
	for name, f := range map[string]string{"MD5": "md5", "SHA1": "sha1", "SHA224": "sha224", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"} {
		algorithms.SetStr(name, vm.String(f))
	}
	c.module.SetStr("ALGOS", algorithms.Value())
	c.module.SetStr("new", m.NewFunc("new", func(t *vm.Thread) int {
		f := digests[t.OptString(3, "md5")]
		if f == nil {
			return refuse(t, "unknown algorithm")
		}
		t.Push(c.object(m, hmac.New(f, []byte(t.CheckString(2)))))
		return 1
	}))
	return c.module
}
