package pb

import (
	"math"
	"strconv"

	"github.com/luahttpd/luahttpd/lua/vm"
)

// decoder is one call of decode.
type decoder struct {
	*library
	t *vm.Thread
}

// message reads into a table.
func (d *decoder) message(m *message, r *reader, into *vm.Table, depth int) {
	if depth > maxDepth {
		d.t.Errorf("message too many levels")
	}
	for r.more() {
		d.t.Spend(1)
		n, w, ok := r.tag()
		if !ok {
			return
		}
		f := m.byNumber[n]
		switch {
		case f == nil:
			if !r.skip(n, w, depth) {
				return
			}
		case f.of != nil && f.of.pairs:
			d.check(f, w, r)
			d.pair(f, r, d.fetch(into, f.name), depth)
		case f.repeated:
			d.list(f, w, r, d.fetch(into, f.name), depth)
		default:
			if name := m.oneofName(f); name != "" {
				into.SetStr(name, vm.String(f.name))
			}
			d.check(f, w, r)
			into.SetStr(f.name, d.value(f, r, depth))
		}
	}
}

// fetch is a table in a field, made if it is not there.
func (d *decoder) fetch(in *vm.Table, name string) *vm.Table {
	if t := in.GetStr(name).Table(); t != nil {
		return t
	}
	t := d.vm.NewTable(0, 0)
	in.SetStr(name, t.Value())
	return t
}

func (d *decoder) check(f *field, w wireType, r *reader) {
	want := kinds[f.kind]
	if want.wire == w {
		return
	}
	prefix := ""
	if f.packed {
		prefix += "packed "
	}
	if f.repeated {
		prefix += "repeated "
	}
	d.t.Errorf("type mismatch for %sfield '%s' at offset %d, %s expected for type %s, got %s", prefix, f.name, r.pos+1, want.wire, want.name, w)
}

func (d *decoder) list(f *field, w wireType, r *reader, into *vm.Table, depth int) {
	if w != delimited || !f.packed && kinds[f.kind].wire == delimited {
		d.check(f, w, r)
		d.t.RawSetInt(into, into.Len()+1, d.value(f, r, depth))
		return
	}
	inner := r.inner(d.t)
	for n := into.Len() + 1; inner.more(); n++ {
		d.t.Spend(1)
		d.t.RawSetInt(into, n, d.value(f, inner, depth))
	}
}

func (d *decoder) pair(f *field, r *reader, into *vm.Table, depth int) {
	inner := r.inner(d.t)
	var got [3]vm.Value
	for inner.more() {
		n, w, ok := inner.tag()
		if !ok {
			break
		}
		g := f.of.byNumber[n]
		if g == nil || n > 2 {
			if !inner.skip(n, w, depth) {
				break
			}
			continue
		}
		d.check(g, w, inner)
		got[n] = d.value(g, inner, depth)
	}
	for n := 1; n <= 2; n++ {
		if g := f.of.byNumber[n]; got[n].IsNil() && g != nil {
			got[n] = d.deflt(g, true, depth)
		}
	}
	if k := got[1]; !k.IsNil() && k.Num() == k.Num() {
		d.t.Reserve(64)
		into.Set(k, got[2])
	}
}

// value reads one value of the field's kind.
func (d *decoder) value(f *field, r *reader, depth int) vm.Value {
	switch f.kind {
	case kindString, kindBytes:
		b := r.take(d.t)
		d.t.Reserve(len(b))
		return vm.Bytes(b)
	case kindMessage:
		inner := r.inner(d.t)
		if !f.of.known {
			return vm.Nil
		}
		into := d.table(f.of, depth+1)
		d.t.Reserve(128)
		d.message(f.of, inner, into, depth+1)
		return into.Value()
	}
	var bits uint64
	var ok bool
	switch w := kinds[f.kind].wire; w {
	case varint:
		if bits, ok = r.varint(); !ok {
			d.t.Errorf("invalid varint value at offset %d", r.pos+1)
		}
	case fixed32:
		if bits, ok = r.fixed(4); !ok {
			d.t.Errorf("invalid fixed32 value at offset %d", r.pos+1)
		}
	case fixed64:
		if bits, ok = r.fixed(8); !ok {
			d.t.Errorf("invalid fixed64 value at offset %d", r.pos+1)
		}
	}
	switch f.kind {
	case kindDouble:
		return vm.Number(math.Float64frombits(bits))
	case kindFloat:
		return vm.Number(float64(math.Float32frombits(uint32(bits))))
	case kindBool:
		return vm.Bool(bits != 0)
	case kindInt32, kindSfixed32:
		return d.mode.integer(uint64(int64(int32(bits))), true)
	case kindUint32, kindFixed32:
		return d.mode.integer(uint64(uint32(bits)), false)
	case kindSint32:
		return d.mode.integer(uint64(int64(int32(unzigzag(uint64(uint32(bits)))))), true)
	case kindSint64:
		return d.mode.integer(uint64(unzigzag(bits)), true)
	case kindEnum:
		if e := f.of.byNumber[int(int32(bits))]; e != nil && !d.enumAsValue {
			return vm.String(e.name)
		}
		return d.mode.integer(uint64(int64(int32(bits))), true)
	case kindUint64, kindFixed64:
		return d.mode.integer(bits, false)
	}
	return d.mode.integer(bits, true)
}

// table makes the table of a message, with the defaults that the options want.
func (d *decoder) table(m *message, depth int) *vm.Table {
	t := d.vm.NewTable(0, 0)
	defaults := d.defaults
	if defaults == autoDefaults {
		if defaults = noDefaults; m.proto3 {
			defaults = copiedDefaults
		}
	}
	d.fill(t, m, defaults == copiedDefaults, defaults != noDefaults || d.defaultArray || d.defaultMessage, depth)
	if defaults == metaDefaults {
		t.SetMetatable(d.meta(m))
	}
	return t
}

// defaultDepth is how deep decode_default_message makes messages in one another:
// types may contain themselves, more than once.
const defaultDepth = 4

// fill puts defaults into a table: those of simple fields, and tables.
func (d *decoder) fill(t *vm.Table, m *message, simple, tables bool, depth int) {
	for _, f := range m.sorted {
		switch {
		case f.repeated:
			if tables && (m.proto3 || d.defaultArray) {
				d.fetch(t, f.name)
			}
		case f.oneof > 0:
		case f.kind == kindMessage:
			if tables && d.defaultMessage && depth < defaultDepth {
				t.SetStr(f.name, d.deflt(f, m.proto3, depth))
			}
		case simple:
			t.SetStr(f.name, d.deflt(f, m.proto3, depth))
		}
	}
}

// meta is the metatable that gives a message's defaults.
func (d *decoder) meta(m *message) *vm.Table {
	t := d.metas[m]
	if t == nil {
		t = d.vm.NewTable(0, len(m.sorted)+1)
		d.metas[m] = t
		d.fill(t, m, true, false, 0)
		t.SetStr("__index", t.Value())
	}
	return t
}

// deflt is what a field is when it is not there, nil for none.
func (d *decoder) deflt(f *field, proto3 bool, depth int) vm.Value {
	if !f.hasDeflt && !proto3 && f.kind != kindMessage {
		return vm.Nil
	}
	switch f.kind {
	case kindMessage:
		d.t.Reserve(128)
		return d.table(f.of, depth+1).Value()
	case kindString, kindBytes:
		return vm.String(f.deflt)
	case kindBool:
		return vm.Bool(f.deflt == "true")
	case kindEnum:
		e := f.of.byName[f.deflt]
		if e == nil {
			e = f.of.byNumber[0]
		}
		if e == nil {
			return vm.Int(0)
		}
		if d.enumAsValue {
			return vm.Int(e.number)
		}
		return vm.String(e.name)
	}
	n, err := strconv.ParseFloat(f.deflt, 64)
	if err != nil {
		n = 0
	}
	return vm.Number(n)
}
