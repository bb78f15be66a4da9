package lua

import (
	"crypto/tls"
	"encoding/binary"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
)

// sslHelloArea is the module ngx.ssl.clienthello.
var sslHelloArea = area{open: func(e *engine, ngx *vm.Table) {
	e.module("ngx.ssl.clienthello", []row{
		{"get_client_hello_server_name", "K", func(t *vm.Thread, s *state) int {
			if name := s.entry.arg.client.Hello.ServerName; name != "" {
				t.PushString(name)
			} else {
				t.PushNil()
			}
			return 1
		}},
		{"get_supported_versions", "K", func(t *vm.Thread, s *state) int {
			hello := parseHello(s.entry.arg.client.Raw())
			data, ok := hello.extension(extSupportedVersions)
			if !ok || len(data) == 0 {
				t.PushNil()
				return 1
			}
			var names []vm.Value
			for data = data[1:]; len(data) >= 2; data = data[2:] {
				if v := binary.BigEndian.Uint16(data); v >= tls.VersionTLS10 && v <= tls.VersionTLS13 {
					names = append(names, vm.String(versionName(v)))
				}
			}
			return s.pushList(t, names)
		}},
		{"get_client_hello_ciphers", "K", func(t *vm.Thread, s *state) int {
			var ids []vm.Value
			for c := parseHello(s.entry.arg.client.Raw()).ciphers; len(c) >= 2; c = c[2:] {
				if id := binary.BigEndian.Uint16(c); !isGREASE(id) {
					ids = append(ids, vm.Int(int(id)))
				}
			}
			return s.pushList(t, ids)
		}},
		{"get_client_hello_ext_present", "K", func(t *vm.Thread, s *state) int {
			var ids []vm.Value
			for _, x := range parseHello(s.entry.arg.client.Raw()).extensions {
				if !isGREASE(x.id) {
					ids = append(ids, vm.Int(int(x.id)))
				}
			}
			return s.pushList(t, ids)
		}},
		{"get_client_hello_ext", "K", func(t *vm.Thread, s *state) int {
			data, ok := parseHello(s.entry.arg.client.Raw()).extension(uint16(t.CheckInt(1)))
			if !ok {
				t.PushNil()
			} else {
				t.PushBytes(data)
			}
			return 1
		}},
		{"set_protocols", "K", setProtocols},
	})
}}

// pushList pushes an array, nil for an empty one.
func (s *state) pushList(t *vm.Thread, list []vm.Value) int {
	if len(list) == 0 {
		t.PushNil()
		return 1
	}
	table := s.e.vm.NewTable(len(list), 0)
	for i, v := range list {
		table.SetInt(i+1, v)
	}
	t.Push(table.Value())
	return 1
}

func setProtocols(t *vm.Thread, s *state) int {
	list := t.CheckTable(1)
	names := make([]string, list.Len())
	for i := range names {
		names[i] = list.GetInt(i + 1).Str()
	}
	low, high, err := phases.ParseProtocols(names)
	if err != nil {
		return fail(t, "invalid protocols failed")
	}
	if low == 0 {
		return fail(t, "no protocols")
	}
	s.entry.arg.client.Min, s.entry.arg.client.Max = low, high
	t.PushBool(true)
	return 1
}

// helloExtension is one extension of a ClientHello.
type helloExtension struct {
	id   uint16
	data []byte
}

// clientHello is what scripts ask of a ClientHello (RFC 8446, section 4.1.2).
type clientHello struct {
	ciphers    []byte
	extensions []helloExtension
}

const extSupportedVersions = 43

func (h *clientHello) extension(id uint16) ([]byte, bool) {
	for _, x := range h.extensions {
		if x.id == id {
			return x.data, true
		}
	}
	return nil, false
}

// isGREASE tells values that mean nothing (RFC 8701).
func isGREASE(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// parseHello reads the ClientHello at the beginning of records. crypto/tls has
// understood it before; what is broken all the same ends the lists.
func parseHello(records []byte) *clientHello {
	var b []byte
	for len(records) >= 5 {
		n := int(binary.BigEndian.Uint16(records[3:]))
		records = records[5:]
		n = min(n, len(records))
		b, records = append(b, records[:n]...), records[n:]
	}
	h := &clientHello{}
	take := func(n int) []byte {
		if n > len(b) {
			b = nil
			return nil
		}
		head := b[:n]
		b = b[n:]
		return head
	}
	vector := func(size int) []byte {
		n := 0
		for _, c := range take(size) {
			n = n<<8 | int(c)
		}
		return take(n)
	}
	take(4 + 2 + 32) // the message's header, legacy_version, random
	vector(1)        // legacy_session_id
	h.ciphers = vector(2)
	vector(1) // legacy_compression_methods
	b = vector(2)
	for len(b) >= 4 {
		id := binary.BigEndian.Uint16(take(2))
		h.extensions = append(h.extensions, helloExtension{id, vector(2)})
	}
	return h
}
