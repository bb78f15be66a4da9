package resty

import (
	"encoding/binary"
	"math/bits"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// The primes of xxHash.
const (
	prime1 uint32 = 0x9E3779B1
	prime2 uint32 = 0x85EBCA77
	prime3 uint32 = 0xC2B2AE3D
	prime4 uint32 = 0x27D4EB2F
	prime5 uint32 = 0x165667B1
)

// xxhash32 is XXH32 (xxHash specification 0.1.1).
func xxhash32(s string, seed uint32) uint32 {
	b, h := []byte(s), seed+prime5
	next := func() uint32 {
		v := binary.LittleEndian.Uint32(b)
		b = b[4:]
		return v
	}
	if len(b) >= 16 {
		lanes := [4]uint32{seed + prime1 + prime2, seed + prime2, seed, seed - prime1}
		for len(b) >= 16 {
			for i := range lanes {
				lanes[i] = bits.RotateLeft32(lanes[i]+next()*prime2, 13) * prime1
			}
		}
		h = bits.RotateLeft32(lanes[0], 1) + bits.RotateLeft32(lanes[1], 7) + bits.RotateLeft32(lanes[2], 12) + bits.RotateLeft32(lanes[3], 18)
	}
	h += uint32(len(s))
	for len(b) >= 4 {
		h = bits.RotateLeft32(h+next()*prime3, 17) * prime4
	}
	for _, c := range b {
		h = bits.RotateLeft32(h+uint32(c)*prime5, 11) * prime1
	}
	h = (h ^ h>>15) * prime2
	h = (h ^ h>>13) * prime3
	return h ^ h>>16
}

// luaXXHash is the module luaxxhash: a function of a text and a seed.
func luaXXHash(t *vm.Thread) int {
	s := t.CheckString(1)
	t.Spend(len(s) / 64)
	t.PushNumber(float64(xxhash32(s, uint32(int64(t.OptNumber(2, 0))))))
	return 1
}
