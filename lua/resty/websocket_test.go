package resty

import (
	"bytes"
	"testing"

	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// wire is a script's socket that gives the bytes of the global data.
const wire = `local p, at, out = require "resty.websocket.protocol", 1, {}
	local sock = {
		receive = function(_, n)
			local s = data:sub(at, at + n - 1)
			at = at + #s
			if #s < n then return nil, "closed", s end
			return s
		end,
		send = function(_, s) data = data .. s return #s end,
	}
	local function recv(max, masked)
		local a, b, c = p.recv_frame(sock, max or 70000, masked)
		out[#out + 1] = tostring(a and #a > 20 and #a or a) .. "," .. tostring(b) .. "," .. tostring(c)
	end
	`

func TestWebsocketFrames(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"as in the RFC", `data = "\129\5Hello" .. "\129\133\55\250\33\61\127\159\77\81\88" .. "\1\3Hel\128\2lo" .. "\137\5Hello" .. "\130\126\1\0" .. ("x"):rep(256)
			for i = 1, 6 do recv() end`, "Hello,text,nil Hello,text,nil Hel,text,again lo,continuation,nil Hello,ping,nil 256,binary,nil"},
		{"round trips", `data = ""
			for _, n in ipairs { 0, 1, 125, 126, 127, 65535, 65536, 70000 } do
				for _, masked in ipairs { true, false } do
					assert(p.send_frame(sock, true, 2, ("x"):rep(n), 70000, masked))
					local got = p.recv_frame(sock, 70000, masked)
					if got ~= ("x"):rep(n) then recv() end
				end
			end`, ""},
		{"wrong", `for _, head in ipairs { "", "\129", "\193\0", "\131\0", "\139\0", "\129\0", "\129\126\1", "\129\127\0\0\0\0\0\0\0", "\129\127\0\0\0\1\0\0\0\0",
			"\129\127\0\0\0\0\128\0\0\0", "\137\126\1\0", "\9\0", "\129\126\255\255", "\129\1" } do data, at = head, 1 recv(1000, head == "\129\0") end`,
			"nil,nil,failed to receive the first 2 bytes: closed nil,nil,failed to receive the first 2 bytes: closed nil,nil,bad RSV1, RSV2, or RSV3 bits " +
				"nil,nil,reserved non-control frames nil,nil,reserved control frames nil,nil,frame unmasked nil,nil,failed to receive the 2 byte payload length: closed " +
				"nil,nil,failed to receive the 8 byte payload length: closed nil,nil,payload len too large nil,nil,payload len too large " +
				"nil,nil,too long payload for control frame nil,nil,fragmented control frame nil,nil,exceeding max payload len nil,nil,failed to read masking-len and payload: closed"},
		{"closing", `data = "\136\0" .. "\136\2\3\232" .. "\136\5\3\233bye" .. "\136\1x" .. "\136\2\3\237" .. "\136\2\3\231" .. "\136\3\3\232\255"
			for i = 1, 7 do recv() end`,
			",close,nil ,close,1000 bye,close,1001 nil,nil,close frame with a body must carry a 2-byte status code nil,nil,bad status code 1005 in a close frame " +
				"nil,nil,bad status code 999 in a close frame nil,nil,invalid UTF-8 in a text"},
		{"not UTF-8", `data = "\129\2\195\40" .. "\130\2\195\40" .. "\129\3\237\160\128" for i = 1, 3 do recv() end`,
			"nil,nil,invalid UTF-8 in a text \xc3(,binary,nil nil,nil,invalid UTF-8 in a text"},
		{"not to be sent", `data = "" for _, a in ipairs { { true, 1, ("x"):rep(11) }, { true, 9, ("x"):rep(126) }, { false, 8, "" } } do
				out[#out + 1] = select(2, p.send_frame(sock, a[1], a[2], a[3], a[2] == 9 and 1000 or 10)) end`,
			"payload too big too much payload for control frame fragmented control frame"},
	} {
		if got := run(t, wire+c.script+" return table.concat(out, ' ')"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestUnfinished(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 0, "ü": 0, "a\xc3": 1, "\xe2\x82": 2, "\xe2": 1, "x\xf0\x9f\x98": 3, "\xff": -1, "\xc3a": -1, "\x80": -1,
		"\xed\xa0": -1, "a\xf0\x9f\x98\x80": 0, "\xc3\xc3": -1} {
		if got := unfinished(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

func TestMask(t *testing.T) {
	key := [4]byte{1, 2, 3, 250}
	for n := range 40 {
		b := bytes.Repeat([]byte{'x'}, n)
		mask(b, key)
		for i := range b {
			if b[i] != 'x'^key[i&3] {
				t.Fatalf("%d: %d", n, i)
			}
		}
	}
}

// A file of the name wins over the module.
func TestWebsocketFile(t *testing.T) {
	if got := run(t, `package.loaders[5] = function() return function() return "mine" end end return require "resty.websocket.server"`); got != "mine" {
		t.Errorf("%q", got)
	}
	if got := run(t, `return require("resty.websocket.server").new ~= nil, require("resty.websocket.client")._VERSION, package.loaded["resty.websocket.client"] ~= nil`); got != "true 0.13 true" {
		t.Errorf("%q", got)
	}
}

// Whatever comes is a frame within the limit, or an error.
func FuzzWebsocketFrame(f *testing.F) {
	m := stdlib.New(vm.Options{})
	Register(m, Host{Now: func() float64 { return 0 }})
	p, err := vm.Compile([]byte(wire+`return function()
		at = 1
		while true do
			local data, kind, err = p.recv_frame(sock, 300, false)
			if not data then assert(kind == nil and type(err) == "string") return end
			assert(#data <= 300 and kind)
		end
	end`), "=t")
	if err != nil {
		f.Fatal(err)
	}
	th := m.NewThread()
	r, err := th.Call(m.Load(p))
	if err != nil {
		f.Fatal(err)
	}
	read := r[0]
	f.Add([]byte("\x81\x05Hello\x88\x02\x03\xe8"))
	f.Add([]byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m.Globals().SetStr("data", vm.String(string(b)))
		if _, err := th.Call(read); err != nil {
			t.Error(err)
		}
	})
}
