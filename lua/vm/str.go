package vm

import (
	"hash/maphash"
	"sync"
	"unsafe"
)

// str is a string: the header and then the bytes, in one allocation without pointers. The bytes never change. hash is 0
// until it is first asked for; those of constants are filled in when they are made, since constants are shared by VMs.
type str struct {
	hash uint32
	len  uint32
}

const strHeader = 8

// maxStr bounds a string (and so what one call can allocate at once).
const maxStr = 1 << 28

func (s *str) s() string {
	return unsafe.String((*byte)(unsafe.Add(unsafe.Pointer(s), strHeader)), int(s.len))
}

var hashSeed = maphash.MakeSeed()

func hashString(s string) uint32 { return uint32(maphash.String(hashSeed, s)) | 1 }

func (s *str) h() uint32 {
	if s.hash == 0 {
		s.hash = hashString(s.s())
	}
	return s.hash
}

func (s *str) eq(o *str) bool {
	return s.len == o.len && (s.hash == o.hash || s.hash == 0 || o.hash == 0) && s.s() == o.s()
}

// newStrBuf makes a string of n bytes and gives them out to be written before the string is seen by anyone.
func newStrBuf(n int) (*str, []byte) {
	// Never only the header: the data pointer of the empty string must not lie past the end of its allocation.
	w := make([]uint64, max(n+strHeader+7, 16)>>3)
	s := (*str)(unsafe.Pointer(&w[0]))
	s.len = uint32(n)
	return s, unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(s), strHeader)), n)
}

// Strings of one byte and the empty one exist once; they are never written after this.
var oneChar, emptyStr = func() (one [256]*str, empty *str) {
	for i := range one {
		s, b := newStrBuf(1)
		b[0] = byte(i)
		s.h()
		one[i] = s
	}
	empty, _ = newStrBuf(0)
	empty.h()
	return
}()

func newStr(x string) *str {
	if len(x) <= 1 {
		if len(x) == 0 {
			return emptyStr
		}
		return oneChar[x[0]]
	}
	if len(x) > maxStr {
		panic(errTooLong)
	}
	s, b := newStrBuf(len(x))
	copy(b, x)
	return s
}

func newStrBytes(x []byte) *str {
	if len(x) <= 1 {
		if len(x) == 0 {
			return emptyStr
		}
		return oneChar[x[0]]
	}
	if len(x) > maxStr {
		panic(errTooLong)
	}
	s, b := newStrBuf(len(x))
	copy(b, x)
	return s
}

// The names in programs (constants, library fields) are interned for the process, so that a field is mostly found by
// comparing pointers. What is in the table is immutable and looks the same to every VM. Its size is bounded: a program
// that makes ever new constants gets strings that are only slower to compare.
const (
	maxInterned    = 1 << 16
	maxInternedLen = 64
)

var interned = struct {
	sync.Mutex
	m map[string]*str
}{m: map[string]*str{}}

func intern(x string) *str {
	if len(x) <= 1 {
		return newStr(x)
	}
	if len(x) > maxInternedLen {
		s := newStr(x)
		s.h()
		return s
	}
	interned.Lock()
	defer interned.Unlock()
	if s := interned.m[x]; s != nil {
		return s
	}
	s := newStr(x)
	s.h()
	if len(interned.m) < maxInterned {
		interned.m[s.s()] = s
	}
	return s
}

// Const makes a string that is found fast as a key: for names that a program keeps, not for data.
func Const(s string) Value { return strValue(intern(s)) }
