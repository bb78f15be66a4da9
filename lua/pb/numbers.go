package pb

import (
	"math"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// integerMode is how integers that a double may not hold become Lua values.
type integerMode uint8

const (
	asNumber integerMode = iota
	asString             // "#123"
	asHex                // "#0x7B"
)

// integer is a value of Lua; signed tells how its bits are meant.
func (m integerMode) integer(bits uint64, signed bool) vm.Value {
	n := int64(bits)
	if m == asNumber || n >= math.MinInt32 && n <= math.MaxUint32 && (signed || n >= 0) {
		return vm.Number(float64(n)) // beyond 2^63 negative, as there; so it can be encoded again
	}
	sign := ""
	if signed && n < 0 {
		sign, bits = "-", -bits
	}
	if m == asHex {
		return vm.String("#" + sign + "0x" + strings.ToUpper(strconv.FormatUint(bits, 16)))
	}
	return vm.String("#" + sign + strconv.FormatUint(bits, 10))
}

// toInteger reads a number or a text such as "#-0x1F".
func toInteger(t *vm.Thread, v vm.Value) (bits uint64, ok bool) {
	if n, ok := v.ToNumber(); ok && (v.Kind() == vm.KNumber || !strings.ContainsAny(v.Str(), "#xX")) {
		if !(n >= math.MinInt64 && n < math.MaxInt64) {
			t.Errorf("number has no integer representation")
		}
		return uint64(int64(n)), true
	}
	s := v.Str()
	if v.Kind() != vm.KString || s == "" {
		return 0, false
	}
	negative := false
	for s != "" && strings.ContainsRune("#+-", rune(s[0])) {
		negative = negative != (s[0] == '-')
		s = s[1:]
	}
	base := 10
	if len(s) > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		s, base = s[2:], 16
	}
	bits, err := strconv.ParseUint(s, base, 64)
	if err != nil {
		return 0, false
	}
	if negative {
		bits = -bits
	}
	return bits, true
}

func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
