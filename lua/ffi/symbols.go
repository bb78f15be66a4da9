package ffi

import (
	"bytes"
	"encoding/hex"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// symbols are the functions of C in ffi.C, of libc and of nginx. Their
// arguments begin at 2, behind the function.
var symbols = map[string]func(l *library, t *vm.Thread) int{
	"strlen": func(l *library, t *vm.Thread) int {
		b := l.bytesOf(t, 2)
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
		t.PushInt(len(b))
		return 1
	},
	"memcmp":  compareBytes,
	"strncmp": compareBytes,
	"getpid": func(l *library, t *vm.Thread) int {
		t.PushInt(os.Getpid())
		return 1
	},
	"strerror": func(l *library, t *vm.Thread) int {
		to, _ := l.pointerOf(t, vm.String(syscall.Errno(t.CheckInt(2)).Error()))
		t.Push(l.value(&cdata{t: pointerTo(l.types["char"]), at: to}))
		return 1
	},
	"gettimeofday": func(l *library, t *vm.Thread) int { // (struct timeval *, NULL)
		const size = 8
		b, now := l.room(t, 2, 2*size), time.Now()
		putInt(b[:size], now.Unix())
		putInt(b[size:], int64(now.Nanosecond()/1000))
		t.PushInt(0)
		return 1
	},
	"ngx_hex_dump": func(l *library, t *vm.Thread) int { // (to, from, n): the end of to
		n := max(t.CheckInt(4), 0)
		from := l.room(t, 3, n)
		to := l.room(t, 2, 2*n)
		hex.Encode(to, from)
		at := l.cdataOf(t.Arg(2)).at
		at.off += 2 * n
		t.Push(l.value(&cdata{t: pointerTo(l.types["uint8_t"]), at: at}))
		return 1
	},
	"ngx_atoi":   func(l *library, t *vm.Thread) int { return l.digits(t, 10) }, // (line, n): -1 is no number
	"ngx_hextoi": func(l *library, t *vm.Thread) int { return l.digits(t, 16) },
}

func compareBytes(l *library, t *vm.Thread) int {
	a, b, n := l.bytesOf(t, 2), l.bytesOf(t, 3), max(t.CheckInt(4), 0)
	t.PushInt(bytes.Compare(a[:min(n, len(a))], b[:min(n, len(b))]))
	return 1
}

// room is n bytes of the memory that argument i points to.
func (l *library) room(t *vm.Thread, i, n int) []byte {
	b := l.bytesOf(t, i)
	if n > len(b) {
		t.Errorf("attempt to access memory out of bounds")
	}
	return b[:n]
}

func putInt(b []byte, n int64) {
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
}

func (l *library) digits(t *vm.Thread, base int) int {
	text := l.room(t, 2, max(t.CheckInt(3), 0))
	n, err := strconv.ParseUint(string(text), base, 63)
	if err != nil {
		t.PushInt(-1)
		return 1
	}
	t.PushInt(int(n))
	return 1
}
