package openssl

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// oid is an object identifier with what OpenSSL calls it.
type oid struct {
	id     asn1.ObjectIdentifier
	nid    int
	sn, ln string
}

// attributes are the parts of names.
var attributes = []oid{
	{asn1.ObjectIdentifier{2, 5, 4, 3}, 13, "CN", "commonName"},
	{asn1.ObjectIdentifier{2, 5, 4, 6}, 14, "C", "countryName"},
	{asn1.ObjectIdentifier{2, 5, 4, 7}, 15, "L", "localityName"},
	{asn1.ObjectIdentifier{2, 5, 4, 8}, 16, "ST", "stateOrProvinceName"},
	{asn1.ObjectIdentifier{2, 5, 4, 10}, 17, "O", "organizationName"},
	{asn1.ObjectIdentifier{2, 5, 4, 11}, 18, "OU", "organizationalUnitName"},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, 48, "emailAddress", "emailAddress"},
	{asn1.ObjectIdentifier{2, 5, 4, 42}, 99, "GN", "givenName"},
	{asn1.ObjectIdentifier{2, 5, 4, 4}, 100, "SN", "surname"},
	{asn1.ObjectIdentifier{2, 5, 4, 5}, 105, "serialNumber", "serialNumber"},
	{asn1.ObjectIdentifier{2, 5, 4, 12}, 106, "title", "title"},
	{asn1.ObjectIdentifier{2, 5, 4, 9}, 660, "street", "streetAddress"},
	{asn1.ObjectIdentifier{2, 5, 4, 17}, 661, "postalCode", "postalCode"},
	{asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, 391, "DC", "domainComponent"},
	{asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}, 458, "UID", "userId"},
}

func (o *oid) table(m *vm.VM) *vm.Table {
	t := m.NewTable(0, 5)
	t.SetStr("id", vm.String(o.id.String()))
	t.SetStr("nid", vm.Int(o.nid))
	t.SetStr("sn", vm.String(o.sn))
	t.SetStr("ln", vm.String(o.ln))
	return t
}

// attribute finds one by any of its names.
func attribute(name string) *oid {
	for i, o := range attributes {
		if o.sn == name || o.ln == name || o.id.String() == name {
			return &attributes[i]
		}
	}
	return nil
}

// distinguished is an object of x509.name.
type distinguished struct{ parts []pkix.AttributeTypeAndValue }

func distinguish(raw []byte) (*distinguished, error) {
	var sequence pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &sequence); err != nil {
		return nil, err
	}
	d := &distinguished{}
	for _, set := range sequence {
		d.parts = append(d.parts, set...)
	}
	return d, nil
}

// part is the n-th part, from 1, as scripts see it.
func (l *library) part(d *distinguished, n int) (o *oid, v vm.Value) {
	if n < 1 || n > len(d.parts) {
		return nil, vm.Nil
	}
	p := d.parts[n-1]
	if o = attribute(p.Type.String()); o == nil {
		o = &oid{p.Type, 0, p.Type.String(), p.Type.String()}
	}
	t := o.table(l.vm)
	t.SetStr("blob", vm.String(fmt.Sprint(p.Value)))
	return o, t.Value()
}

func (l *library) openNames() {
	c := l.name
	show := method(c, func(t *vm.Thread, d *distinguished) int {
		var b []string
		for i, p := range d.parts {
			o, _ := l.part(d, i+1)
			b = append(b, o.sn+"="+fmt.Sprint(p.Value))
		}
		t.PushString(strings.Join(b, "/"))
		return 1
	})
	c.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int { t.Push(c.wrap(&distinguished{})); return 1 },
		"dup": func(t *vm.Thread) int {
			t.Push(c.wrap(&distinguished{append([]pkix.AttributeTypeAndValue(nil), checkObject[*distinguished](t, 1, "name").parts...)}))
			return 1
		},
		"add": method(c, func(t *vm.Thread, d *distinguished) int {
			o := attribute(t.CheckString(2))
			if o == nil {
				return refuse(t, "x509.name:add: invalid NID text "+t.CheckString(2))
			}
			d.parts = append(d.parts, pkix.AttributeTypeAndValue{Type: o.id, Value: t.CheckString(3)})
			t.Push(t.Arg(1))
			return 1
		}),
		"find": method(c, func(t *vm.Thread, d *distinguished) int {
			want := attribute(t.CheckString(2))
			for i := max(t.OptInt(3, 0), 0) + 1; want != nil && i <= len(d.parts); i++ {
				if o, v := l.part(d, i); o.id.Equal(want.id) {
					t.Push(v)
					t.PushInt(i)
					return 2
				}
			}
			t.PushNil()
			t.PushNil()
			return 2
		}),
		"tostring": show,
	})
	c.mt.SetStr("__tostring", l.vm.NewFunc("__tostring", show))
	list(c, func(d *distinguished) int { return len(d.parts) }, func(d *distinguished, n int) (key, v vm.Value) {
		o, v := l.part(d, n)
		if o == nil {
			return vm.Nil, vm.Nil
		}
		return vm.String(o.sn), v
	})
	l.altname.funcs(map[string]func(t *vm.Thread) int{
		"new": func(t *vm.Thread) int { t.Push(l.altname.wrap(&altnames{})); return 1 },
		"add": method(l.altname, func(t *vm.Thread, a *altnames) int {
			a.names = append(a.names, [2]string{t.CheckString(2), t.CheckString(3)})
			t.Push(t.Arg(1))
			return 1
		}),
		"tostring": method(l.altname, func(t *vm.Thread, a *altnames) int {
			var b []string
			for _, n := range a.names {
				b = append(b, n[0]+":"+n[1])
			}
			t.PushString(strings.Join(b, "/"))
			return 1
		}),
	})
	list(l.altname, func(a *altnames) int { return len(a.names) }, func(a *altnames, n int) (key, v vm.Value) {
		if n < 1 || n > len(a.names) {
			return vm.Nil, vm.Nil
		}
		return vm.String(a.names[n-1][0]), vm.String(a.names[n-1][1])
	})
}

// altnames is an object of x509.altname: kinds and names.
type altnames struct{ names [][2]string }

// list makes the objects of a class lists: # and pairs, and for a list without
// keys of its own numbers and ipairs.
func list[T any](c *class, length func(v T) int, at func(v T, n int) (key, value vm.Value)) {
	m := c.l.vm
	count := m.NewFunc("count", method(c, func(t *vm.Thread, v T) int { t.PushInt(length(v)); return 1 }))
	c.module.SetStr("count", count)
	c.mt.SetStr("__len", count)
	index := method(c, func(t *vm.Thread, v T) int {
		if t.Arg(2).Kind() == vm.KNumber {
			_, found := at(v, int(t.Arg(2).Num()))
			t.Push(found)
		} else {
			t.Push(c.module.Get(t.Arg(2)))
		}
		return 1
	})
	c.mt.SetStr("__index", m.NewFunc("__index", func(t *vm.Thread) int {
		if t.Arg(2).Kind() != vm.KNumber {
			t.Push(c.module.Get(t.Arg(2)))
			return 1
		}
		return index(t)
	}))
	c.module.SetStr("index", m.NewFunc("index", index))
	each := m.NewFunc("each", method(c, func(t *vm.Thread, v T) int {
		n := 0
		t.Push(m.NewFunc("next", func(t *vm.Thread) int {
			n++
			if n > length(v) {
				t.PushNil()
				return 1
			}
			key, found := at(v, n)
			if key.IsNil() {
				key = vm.Int(n)
			}
			t.Push(key)
			t.Push(found)
			return 2
		}))
		return 1
	}))
	for _, name := range []string{"__pairs", "__ipairs"} {
		c.mt.SetStr(name, each)
	}
	c.module.SetStr("each", each)
	c.module.SetStr("all", m.NewFunc("all", method(c, func(t *vm.Thread, v T) int {
		out := m.NewTable(0, 0)
		for n := 1; n <= length(v); n++ {
			key, found := at(v, n)
			if key.IsNil() {
				key = vm.Int(n)
			}
			out.Set(key, found)
		}
		t.Push(out.Value())
		return 1
	})))
}
