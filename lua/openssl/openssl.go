// Package openssl has the part of lua-resty-openssl that programs use, and the
// module resty.evp of lua-resty-jwt, on Go's crypto. In OpenResty these are
// FFI bindings to OpenSSL; the names, arguments and results are theirs, the
// texts of errors are not.
package openssl

import (
	"crypto"
	"crypto/x509"
	"math"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// Host is what the modules need of the server.
type Host struct {
	// Offload runs what takes long without holding up other requests.
	Offload func(f func())
	// DecryptPEM gives an encrypted PEM file without its encryption.
	DecryptPEM func(text []byte, password string) ([]byte, error)
	// Socket gives the certificates that the peer of a cosocket has shown.
	Socket func(v vm.Value) []*x509.Certificate
}

// Chain is a list of certificates and Key a private or public key, as scripts
// hold them; ngx.ssl makes and takes the same ones.
type (
	Chain struct{ Certs []*x509.Certificate }
	Key   struct{ Key crypto.PrivateKey }
)

// LuaType is what type() says of what is cdata in OpenResty.
func (*Chain) LuaType() string { return "cdata" }
func (*Key) LuaType() string   { return "cdata" }

// library is the modules in one VM.
type library struct {
	Host
	vm *vm.VM

	bn, digest, hmac, mac, cipher, kdf, pkey, x509, name, altname, chain, store, ssl, csr, crl *class
}

// part is a module whose new makes objects. open fills it, and those below it
// that have none; field is what it is called in the module above it.
type part struct {
	module string
	field  string
	class  **class
	open   func()
}

func (l *library) parts() []part {
	return []part{
		{"resty.openssl.bn", "bn", &l.bn, l.openBN},                  // bn.go
		{"resty.openssl.digest", "digest", &l.digest, l.openDigest},  // digest.go
		{"resty.openssl.hmac", "hmac", &l.hmac, l.openHMAC},          //
		{"resty.openssl.mac", "mac", &l.mac, nil},                    //
		{"resty.openssl.cipher", "cipher", &l.cipher, l.openCipher},  // cipher.go
		{"resty.openssl.kdf", "kdf", &l.kdf, l.openKDF},              // kdf.go
		{"resty.openssl.pkey", "pkey", &l.pkey, l.openPkey},          // pkey.go
		{"resty.openssl.x509", "x509", &l.x509, l.openX509},          // x509.go
		{"resty.openssl.x509.name", "name", &l.name, l.openNames},    // names.go
		{"resty.openssl.x509.altname", "altname", &l.altname, nil},   //
		{"resty.openssl.x509.chain", "chain", &l.chain, l.openChain}, // chain.go
		{"resty.openssl.x509.csr", "csr", &l.csr, l.openCSR},         // csr.go
		{"resty.openssl.x509.crl", "crl", &l.crl, l.openCRL},         // crl.go
		{"resty.openssl.ssl", "ssl", &l.ssl, nil},                    //
		{"resty.openssl.x509.store", "store", &l.store, l.openStore}, //
	}
}

// others are the modules without objects.
func (l *library) others() map[string]func(module *vm.Table) {
	all := map[string]func(module *vm.Table){
		"resty.openssl":         l.openAll,
		"resty.openssl.rand":    l.openRand,
		"resty.openssl.version": openVersion,
		"resty.evp":             l.openEVP, // evp.go
	}
	for _, name := range []string{"openssl.digest", "openssl.hmac", "openssl.rand"} { // luaossl.go
		all[name] = func(module *vm.Table) { l.openLuaossl(name, module) }
	}
	return all
}

// Register makes the modules available to require in m.
func Register(m *vm.VM, h Host) {
	l := &library{Host: h, vm: m}
	opened := false
	open := func() {
		if opened {
			return
		}
		opened = true
		for _, p := range l.parts() {
			*p.class = l.newClass(p.field)
		}
		for _, p := range l.parts() {
			if p.open != nil {
				p.open()
			}
		}
	}
	for _, p := range l.parts() {
		m.Builtin(p.module, func(*vm.Thread) vm.Value {
			open()
			return (*p.class).module.Value()
		})
	}
	for name, fill := range l.others() {
		m.Builtin(name, func(*vm.Thread) vm.Value {
			open()
			module := m.NewTable(0, 16)
			fill(module)
			return module.Value()
		})
	}
}

// versionNumber is the version of OpenSSL whose interfaces these are, 3.0.2, in
// OpenSSL's notation.
const versionNumber = 0x30000020

func openVersion(module *vm.Table) {
	module.SetStr("version_num", vm.Int(versionNumber))
	module.SetStr("version_text", vm.String("OpenSSL 3.0.2 in its interfaces: Go"))
	module.SetStr("OPENSSL_3X", vm.Bool(true))
	module.SetStr("OPENSSL_3_UP", vm.Bool(true))
	for _, name := range []string{"OPENSSL_4X", "OPENSSL_111", "OPENSSL_11", "OPENSSL_10", "BORINGSSL"} {
		module.SetStr(name, vm.Bool(false))
	}
}

// openAll makes resty.openssl itself, which has the others as fields.
func (l *library) openAll(module *vm.Table) {
	module.SetStr("_VERSION", vm.String("1.6.0"))
	for _, p := range l.parts() {
		in := module
		if strings.HasPrefix(p.module, "resty.openssl.x509.") {
			in = l.x509.module
		}
		in.SetStr(p.field, (*p.class).module.Value())
	}
	for name, open := range map[string]func(*vm.Table){"rand": l.openRand, "version": openVersion} {
		t := l.vm.NewTable(0, 8)
		open(t)
		module.SetStr(name, t.Value())
	}
	module.SetStr("get_fips_mode", l.vm.NewFunc("get_fips_mode", func(t *vm.Thread) int { t.PushBool(false); return 1 }))
	module.SetStr("luaossl_compat", l.vm.NewFunc("luaossl_compat", func(t *vm.Thread) int { return 0 }))
}

// class is a module whose objects are tables with the module's functions as
// methods and a Go value in the field ctx.
type class struct {
	l          *library
	name       string
	module, mt *vm.Table
}

func (l *library) newClass(name string) *class {
	c := &class{l, name, l.vm.NewTable(0, 16), l.vm.NewTable(0, 12)}
	c.mt.SetStr("__index", c.module.Value())
	c.module.SetStr("istype", l.vm.NewFunc("istype", func(t *vm.Thread) int {
		v := t.Arg(1).Table()
		t.PushBool(v != nil && v.Metatable() == c.mt)
		return 1
	}))
	return c
}

// funcs adds functions and methods.
func (c *class) funcs(list map[string]func(t *vm.Thread) int) {
	for name, do := range list {
		c.module.SetStr(name, c.l.vm.NewFunc(name, do))
	}
}

// wrap makes an object of v.
func (c *class) wrap(v any) vm.Value {
	t := c.l.vm.NewTable(0, 1)
	t.SetStr("ctx", c.l.vm.NewUserdata(v, nil))
	t.SetMetatable(c.mt)
	return t.Value()
}

// method is a method of objects with a T inside.
func method[T any](c *class, do func(t *vm.Thread, v T) int) func(t *vm.Thread) int {
	return func(t *vm.Thread) int { return do(t, checkObject[T](t, 1, c.name)) }
}

// object is the T in an object, or in the field ctx that was taken out of one.
func object[T any](v vm.Value) (got T, ok bool) {
	if t := v.Table(); t != nil {
		v = t.GetStr("ctx")
	}
	if u := v.Userdata(); u != nil {
		got, ok = u.Value.(T)
	}
	return got, ok
}

func checkObject[T any](t *vm.Thread, i int, name string) T {
	v, ok := object[T](t.Arg(i))
	if !ok {
		t.ArgError(i, "expect a "+name+" instance")
	}
	return v
}

// refuse pushes nil and why.
func refuse(t *vm.Thread, why string) int {
	t.PushNil()
	t.PushString(why)
	return 2
}

// answer pushes the bytes, or nil and why there are none.
func answer(t *vm.Thread, where string, b []byte, err error) int {
	if err != nil {
		return refuse(t, where+": "+err.Error())
	}
	t.PushBytes(b)
	return 1
}

func succeed(t *vm.Thread) int { t.PushBool(true); return 1 }

// strings are the arguments from i on, put together.
func rest(t *vm.Thread, i int) []byte {
	var b []byte
	for ; i <= t.NArg(); i++ {
		b = append(b, t.CheckString(i)...)
	}
	return b
}

// field is a field of an options table that may be absent.
func field(opts *vm.Table, name string) vm.Value {
	if opts == nil {
		return vm.Nil
	}
	return opts.GetStr(name)
}

func text(v vm.Value, otherwise string) string {
	if v.Kind() == vm.KString {
		return v.Str()
	}
	return otherwise
}

func integer(v vm.Value, otherwise int) int {
	if f, ok := v.ToNumber(); ok && f == math.Trunc(f) && math.Abs(f) < 1<<31 {
		return int(f)
	}
	return otherwise
}

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }
