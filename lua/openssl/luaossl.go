package openssl

import (
	"crypto/hmac"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// openLuaossl makes the modules openssl.digest, openssl.hmac and openssl.rand
// of luaossl, which lapis and pgmoon ask for: errors are raised, and update
// gives the object back.
func (l *library) openLuaossl(name string, module *vm.Table) {
	if name == "openssl.rand" {
		l.openRand(module)
		module.SetStr("ready", l.vm.NewFunc("ready", succeed))
		return
	}
	c := &class{l, name, module, l.vm.NewTable(0, 2)}
	c.mt.SetStr("__index", module.Value())
	c.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int {
			i := 1
			if name == "openssl.hmac" {
				i = 2
			}
			h, err := hashOf(t.OptString(i, "sha1"))
			if err != nil {
				t.Errorf("%s.new: %v", name, err)
			}
			d := &digest{h, h.New()}
			if i == 2 {
				d.Hash = hmac.New(h.New, []byte(t.CheckString(1)))
			}
			t.Push(c.wrap(d))
			return 1
		},
		"update": method(c, func(t *vm.Thread, d *digest) int { d.Write(rest(t, 2)); t.Push(t.Arg(1)); return 1 }),
		"final":  method(c, digestMethods["final"]),
	})
}
