package resty

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"math"

	"github.com/luahttpd/luahttpd/lua/vm"
)

func openString(m *vm.VM) *vm.Table {
	t := m.NewTable(0, 3)
	t.SetStr("to_hex", m.NewFunc("to_hex", func(t *vm.Thread) int {
		t.PushString(hex.EncodeToString([]byte(t.CheckString(1))))
		return 1
	}))
	t.SetStr("atoi", m.NewFunc("atoi", func(t *vm.Thread) int {
		t.PushNumber(atoi(t.CheckString(1)))
		return 1
	}))
	t.SetStr("_VERSION", vm.String("0.16"))
	return t
}

// atoi is nginx's: -1 for what is no number of digits alone, or too large.
func atoi(s string) float64 {
	n := 0
	for i := range len(s) {
		d := int(s[i]) - '0'
		if d < 0 || d > 9 || n > (math.MaxInt-d)/10 {
			return -1
		}
		n = n*10 + d
	}
	if s == "" {
		return -1
	}
	return float64(n)
}

// maxRandom is how many random bytes one call may ask for.
const maxRandom = 64 << 20

func openRandom(m *vm.VM) *vm.Table {
	t := m.NewTable(0, 2)
	t.SetStr("bytes", m.NewFunc("bytes", func(t *vm.Thread) int {
		n := t.CheckInt(1)
		if n < 0 || n > maxRandom {
			t.ArgError(1, "length out of range")
		}
		b := make([]byte, n)
		rand.Read(b) // never fails
		t.PushBytes(b)
		return 1
	}))
	t.SetStr("_VERSION", vm.String("0.16"))
	return t
}

func openBase64(m *vm.VM) *vm.Table {
	t := m.NewTable(0, 4)
	t.SetStr("encode_base64url", m.NewFunc("encode_base64url", func(t *vm.Thread) int {
		if t.Arg(1).Kind() != vm.KString {
			return refuse(t, "must provide a string")
		}
		t.PushString(base64.RawURLEncoding.EncodeToString([]byte(t.Arg(1).Str())))
		return 1
	}))
	t.SetStr("decode_base64url", m.NewFunc("decode_base64url", func(t *vm.Thread) int {
		if t.Arg(1).Kind() != vm.KString {
			return refuse(t, "must provide a string")
		}
		b, err := base64.RawURLEncoding.DecodeString(unpadded(t.Arg(1).Str()))
		if err != nil {
			return refuse(t, "invalid input")
		}
		t.PushBytes(b)
		return 1
	}))
	t.SetStr("version", vm.String("0.1.33"))
	return t
}

// unpadded is base64 without the padding it may have.
func unpadded(s string) string {
	for len(s) > 0 && s[len(s)-1] == '=' {
		s = s[:len(s)-1]
	}
	return s
}
