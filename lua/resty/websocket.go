package resty

import (
	"crypto/rand"
	_ "embed"
	"encoding/binary"
	"sync"
	"unicode/utf8"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// websocketSource has resty.websocket.protocol, .server and .client.
//
//go:embed websocket.lua
var websocketSource []byte

var websocketProto = sync.OnceValue(func() *vm.Proto {
	p, err := vm.Compile(websocketSource, "=resty.websocket")
	if err != nil {
		panic(err) // it is compiled in
	}
	return p
})

// registerWebsocket makes the modules of lua-resty-websocket available where no file has them: that
// library needs nothing which is not here, so whoever has installed it means his own.
func registerWebsocket(m *vm.VM) {
	var all *vm.Table
	for _, part := range []string{"protocol", "server", "client"} {
		m.Fallback("resty.websocket."+part, func(t *vm.Thread) vm.Value {
			if all == nil {
				host := m.NewTable(0, 4)
				for name, f := range map[string]vm.Func{"frame": wsFrame, "unmask": wsUnmask, "unfinished": wsUnfinished, "key": wsKey} {
					host.SetStr(name, m.NewFunc(name, f))
				}
				all = t.Call1(m.Load(websocketProto()), host.Value()).Table()
			}
			return all.GetStr(part)
		})
	}
}

// wsFrame is frame(final, opcode, payload, masked): the bytes of a frame, RFC 6455, 5.2.
func wsFrame(t *vm.Thread) int {
	first, payload, masked := byte(t.CheckInt(2)&0xf), t.CheckString(3), t.Arg(4).Truth()
	if t.Arg(1).Truth() {
		first |= 0x80
	}
	b := make([]byte, 0, 14+len(payload))
	switch n := len(payload); {
	case n < 126:
		b = append(b, first, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, first, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, first, 127), uint64(n))
	}
	if !masked {
		t.PushBytes(append(b, payload...))
		return 1
	}
	b[1] |= 0x80
	var key [4]byte
	rand.Read(key[:])
	b = append(b, key[:]...)
	body := len(b)
	b = append(b, payload...)
	mask(b[body:], key)
	t.PushBytes(b)
	return 1
}

// wsUnmask is unmask(data): the payload of a masked frame that begins with its key.
func wsUnmask(t *vm.Thread) int {
	data := t.CheckString(1)
	if len(data) < 4 {
		t.ArgError(1, "a key of 4 bytes expected")
	}
	b := []byte(data[4:])
	mask(b, [4]byte([]byte(data[:4])))
	t.PushBytes(b)
	return 1
}

// mask applies a key to data, or takes it off.
func mask(b []byte, key [4]byte) {
	word := uint64(binary.LittleEndian.Uint32(key[:]))
	word |= word << 32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^word)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= key[i&3]
	}
}

// wsUnfinished is unfinished(text): of how many bytes at its end the character goes on, nil when the
// text is no UTF-8.
func wsUnfinished(t *vm.Thread) int {
	if n := unfinished(t.CheckString(1)); n >= 0 {
		t.PushInt(n)
	} else {
		t.PushNil()
	}
	return 1
}

func unfinished(s string) int {
	if utf8.ValidString(s) {
		return 0
	}
	for n := 1; n < utf8.UTFMax && n <= len(s); n++ {
		if tail := s[len(s)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRuneInString(tail) && utf8.ValidString(s[:len(s)-n]) {
				return n
			}
			break
		}
	}
	return -1
}

// wsKey is key(): the 16 random bytes of a client's handshake.
func wsKey(t *vm.Thread) int {
	var key [16]byte
	rand.Read(key[:])
	t.PushBytes(key[:])
	return 1
}
