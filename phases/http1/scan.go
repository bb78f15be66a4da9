package http1

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	dels  = 0x7f7f7f7f7f7f7f7f
)

// firstBelow returns the index of the first byte of b, from i on, that is less than limit or
// DEL, or len(b). Eight bytes are looked at together: borrows of the subtractions can only
// mark bytes above a true one, and the lowest mark is what is taken.
func firstBelow(b []byte, i int, limit byte) int {
	below := uint64(limit) * ones
	for ; i+8 <= len(b); i += 8 {
		x := binary.LittleEndian.Uint64(b[i:])
		d := x ^ dels
		if m := ((x-below)&^x | (d-ones)&^d) & highs; m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	for ; i < len(b); i++ {
		if b[i] < limit || b[i] == 0x7f {
			return i
		}
	}
	return i
}

// firstControl returns the index of the first control byte other than HT, or len(b).
func firstControl(b []byte, i int) int {
	for {
		i = firstBelow(b, i, 0x20)
		if i == len(b) || b[i] != '\t' {
			return i
		}
		i++
	}
}

// firstNonTarget returns the index of the first byte that cannot be in a request target, or len(b).
func firstNonTarget(b []byte, i int) int { return firstBelow(b, i, 0x21) }

// equalFold compares a token with a lower case one; both are known to be tokens.
func equalFold(s []byte, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range s {
		if s[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// trim cuts blanks (SP, HT) off both ends.
func trim(s []byte) []byte {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}
