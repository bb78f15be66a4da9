package openssl

import (
	"crypto/x509"
	"testing"

	"github.com/luahttpd/luahttpd/lua/luatest"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// run runs a script; what it returns is joined by blanks.
func run(t testing.TB, script string) string {
	t.Helper()
	m := stdlib.New(vm.Options{})
	defer m.Close()
	Register(m, Host{
		Offload: func(f func()) { f() }, DecryptPEM: func(text []byte, _ string) ([]byte, error) { return text, nil },
		Socket: func(vm.Value) []*x509.Certificate { return nil },
	})
	return luatest.Run(t, m.NewThread(), prelude+script)
}

const prelude = `local function hex(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
local o = require "resty.openssl"
local bn, digest, hmac, mac, cipher, kdf, pkey, x509, rand = o.bn, o.digest, o.hmac, o.mac, o.cipher, o.kdf, o.pkey, o.x509, o.rand
`

// TestModules holds the results to OpenSSL's; those of ciphers and digests were
// computed with openssl(1).
func TestModules(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"version", `local v = require "resty.openssl.version" return v.OPENSSL_3X, v.OPENSSL_111, v.version_num >= 0x30000000, o.get_fips_mode()`, "true false true false"},
		{"digest", `local d = digest.new("SHA256") d:update("hel", "lo") return hex(d:final())`, "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
		{"digest: default, reset", `local d = digest.new() d:update("x") d:reset() return hex(d:final("hello")), digest.istype(d), digest.istype({})`,
			"aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d true false"},
		{"digest: unknown", `return digest.new("md99")`, `nil digest.new: invalid digest type "md99"`},
		{"hmac", `return hex(hmac.new("key", "sha1"):final("hello"))`, "b34ceac4516ff23a143e61d79d0fa7a4fbe5f266"},
		{"mac", `return hex(mac.new("key", "HMAC", nil, "sha1"):final("hello"))`, "b34ceac4516ff23a143e61d79d0fa7a4fbe5f266"},
		{"luaossl", `local d, h, r = require "openssl.digest", require "openssl.hmac", require "openssl.rand"
			return hex(h.new("key", "sha1"):update("hel"):final("lo")), #d.new("sha256"):final("x"), #r.bytes(4), r.ready(), pcall(d.new, "md99")`,
			`b34ceac4516ff23a143e61d79d0fa7a4fbe5f266 32 4 true false openssl.digest.new: invalid digest type "md99"`},
		{"rand", `return #rand.bytes(16), rand.bytes(8) ~= rand.bytes(8), rand.bytes(-1)`, "16 true nil rand.bytes: bad length"},
		{"kdf.derive", `return hex(kdf.derive { type = kdf.PBKDF2, outlen = 16, pass = "1234567", md = "md5", pbkdf2_iter = 1000 })`, "7034452d0ecd5adf803f88b44dd073a2"},
		{"kdf.derive: scrypt", `return hex(kdf.derive { type = kdf.SCRYPT, outlen = 16, pass = "1234567", scrypt_N = 1024, scrypt_r = 8, scrypt_p = 16 })`,
			"f60885b7169c7b9b044a645bf2ac6e3b"},
		{"kdf:derive", `local k = kdf.new("PBKDF2") k:set_params { iter = 1000, digest = "md5", salt = "" }
			return hex(k:derive(16, { pass = "1234567" }))`, "7034452d0ecd5adf803f88b44dd073a2"},
		{"kdf: hkdf", `local k = kdf.new("HKDF") -- RFC 5869, A.1
			local opts = { digest = "sha256", key = ("\x0b"):rep(22), salt = "\0\1\2\3\4\5\6\7\8\9\10\11\12", info = "\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9" }
			return hex(k:derive(42, opts))`, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
		{"kdf: too much", `return kdf.derive { type = kdf.SCRYPT, outlen = 16, scrypt_N = 2^20, scrypt_r = 8, scrypt_p = 1 }`, "nil kdf.derive: memory limit exceeded"},
		{"cipher cbc", `local c = cipher.new("aes256") local k, iv = ("0"):rep(32), ("0"):rep(16)
			local s = c:encrypt(k, iv, "\xf0\x9f\xa6\xa2") return hex(s), c:decrypt(k, iv, s) == "\xf0\x9f\xa6\xa2"`, "bc62511ee7cf62b6db9d8602d3e067c1 true"},
		{"cipher cbc, streamed", `local c, k, iv = cipher.new("AES-128-CBC"), ("k"):rep(16), ("i"):rep(16)
			local whole = c:encrypt(k, iv, ("hello"):rep(9)) c:init(k, iv, { is_encrypt = true })
			local s = "" for i = 1, 9 do s = s .. c:update("hello") end s = s .. c:final()
			c:init(k, iv) local p = "" for i = 1, #s do p = p .. c:update(s:sub(i, i)) end
			return s == whole, p .. c:final() == ("hello"):rep(9)`, "true true"},
		{"cipher, bad key and padding", `local c = cipher.new("aes-128-cbc") return select(2, c:encrypt("k", "i", "x")), select(2, c:encrypt(("k"):rep(16), "i", "x")),
			select(2, c:encrypt(("k"):rep(16), ("i"):rep(16), "x", true)), select(2, c:decrypt(("k"):rep(16), ("i"):rep(16), ("x"):rep(16))), select(2, c:final())`,
			"cipher:encrypt: incorrect key size cipher:encrypt: incorrect iv size cipher:encrypt: wrong final block length cipher:decrypt: bad decrypt " +
				"cipher:final: cipher not initalized, call cipher:init first"},
		{"cipher gcm", `local c, k, iv = cipher.new("aes-256-gcm"), ("k"):rep(32), ("i"):rep(12)
			local s = c:encrypt(k, iv, "hello", false, "aad") local tag = c:get_aead_tag()
			return #s, #tag, c:decrypt(k, iv, s, false, "aad", tag), c:decrypt(k, iv, s, false, "aae", tag)`, "5 16 hello nil cipher:decrypt: bad tag"},
		{"cipher gcm, streamed", `local c, k, iv = cipher.new("aes-128-gcm"), ("k"):rep(16), ("i"):rep(12) local whole = c:encrypt(k, iv, "hello world", false, "aad")
			local tag = c:get_aead_tag(16) c:init(k, iv, { is_encrypt = true }) c:update_aead_aad("a") c:update_aead_aad("ad")
			local s = c:update("hello") .. c:update(" world") .. c:final() return s == whole, c:get_aead_tag(16) == tag, #c:get_aead_tag()`, "true true 8"},
		{"cipher gcm, long iv", `local c, k, iv = cipher.new("aes-128-gcm"), ("k"):rep(16), ("i"):rep(16) local s = c:encrypt(k, iv, "hello")
			return c:decrypt(k, iv, s, false, nil, c:get_aead_tag(16))`, "hello"},
		{"cipher chacha20", `local c, k, iv = cipher.new("chacha20-poly1305"), ("k"):rep(32), ("i"):rep(12) local s = c:encrypt(k, iv, "hello")
			return c:decrypt(k, iv, s, false, nil, c:get_aead_tag())`, "hello"},
		{"cipher: modes", `local r = {} for _, m in ipairs { "aes-128-ctr", "aes-192-ofb", "aes-256-cfb", "aes-128-cfb8", "des-ede3-cbc" } do
			local c = cipher.new(m) local k = ("k"):rep(m:find("des") and 24 or tonumber(m:match("%d+")) / 8) local iv = ("i"):rep(m:find("des") and 8 or 16)
			r[#r + 1] = c:decrypt(k, iv, c:encrypt(k, iv, "hello world")) == "hello world" end return unpack(r)`, "true true true true true"},
		{"cipher: derive", `local c = cipher.new("aes-128-cbc") local k, iv = c:derive("AKeyForAES", "MySat!1!", 1, "md5") return hex(k), #iv, cipher.new("rot13")`,
			`6eb1e4f2d316e4e28521cf017410c19a 16 nil cipher.new: invalid cipher type "rot13"`},
		{"bn", `local a, b = bn.new(123456), bn.from_dec("222") return tostring(-a), tostring(a + b), tostring(a - 7), tostring(2 * a), tostring(a / b), tostring(a % b),
			a > b, a == bn.new(123456), a:to_hex(), hex(a:to_binary(5)), hex(a:to_mpi()), a:to_number(), tostring(bn.new("\1\226\64", 2))`,
			"-123456 123678 123449 246912 556 24 true true 01E240 000001e240 0000000301e240 123456 123456"},
		{"bn: modular", `local p = bn.from_hex("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed")
			local x = bn.new(5):mod_exp(p - 2, p) return x:mod_mul(bn.new(5), p):is_one(), bn.new(3):mod_sub(5, 7):to_number(), p:is_prime(), bn.new(1):mod_add(1, 0)`,
			"true 5 true nil bn:mod_add: division by zero"},
		{"bn: too long", `return bn.new(2):exp(1e9), bn.new(2):lshift(1e9), bn.from_dec("1_0"), bn.from_mpi("x")`,
			"nil nil nil nil bn.from_mpi: bad MPI"},
	} {
		if got := run(t, c.script); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}
