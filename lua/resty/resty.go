// Package resty has OpenResty's own Lua libraries that reach into C through
// FFI there: resty.lrucache, the digests and ciphers of lua-resty-string,
// ngx.base64, tablepool. They are here under the same names. The modules of
// lua-resty-websocket, which scripts have from OpenResty's bundle, are too.
package resty

import "github.com/luahttpd/luahttpd/lua/vm"

// Host is what the modules need of the server.
type Host struct {
	// Now is ngx.now: seconds since 1970.
	Now func() float64
}

// Register makes the modules available to require in m. They come before
// files of the same names, which would ask for FFI.
func Register(m *vm.VM, h Host) {
	for name, open := range map[string]func(m *vm.VM) *vm.Table{
		"resty.lrucache":         h.openLRU, // lrucache.go
		"resty.lrucache.pureffi": h.openPureLRU,
		"resty.string":           openString, // text.go
		"resty.random":           openRandom, //
		"ngx.base64":             openBase64, //
		"resty.md5":              openDigest("md5"),
		"resty.sha1":             openDigest("sha1"),
		"resty.sha224":           openDigest("sha224"),
		"resty.sha256":           openDigest("sha256"),
		"resty.sha384":           openDigest("sha384"),
		"resty.sha512":           openDigest("sha512"),
		"resty.sha":              openSHA,       //
		"resty.hmac":             openHMAC,      //
		"resty.aes":              openAES,       // aes.go
		"tablepool":              openTablePool, // tablepool.go
		"resty.chash":            openCHash,     // chash.go
		"resty.signal":           openSignal,    // signal.go
		"resty.radixtree":        openRadixTree, // radixtree.go
		"resty.ipmatcher":        openIPMatcher, // ipmatcher.go
	} {
		m.Builtin(name, func(*vm.Thread) vm.Value { return open(m).Value() })
	}
	m.Builtin("luaxxhash", func(*vm.Thread) vm.Value { return m.NewFunc("xxhash32", luaXXHash) }) // xxhash.go
	registerWebsocket(m)
}
