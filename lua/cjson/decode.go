package cjson

import "github.com/luahttpd/luahttpd/lua/vm"

func (c *codec) decode(t *vm.Thread) int {
	oneArg(t)
	text := t.CheckString(1)
	if len(text) >= 2 && (text[0] == 0 || text[1] == 0) {
		t.Errorf("JSON parser does not support UTF-16 or UTF-32")
	}
	d := decoder{codec: c, t: t, text: text, buf: c.decoded[:0]}
	d.scan()
	v := d.value()
	if d.scan(); d.kind != tokenEnd {
		d.expected("the end")
	}
	if cap(d.buf) <= maxKeptBuffer {
		c.decoded = d.buf
	}
	t.Push(v)
	return 1
}

// decoder reads one text. The current token is kind and what belongs to it.
type decoder struct {
	*codec
	t     *vm.Thread
	text  string
	pos   int
	depth int
	buf   []byte // of strings with escapes

	kind  token
	index int // where the token, or what is wrong in it, is
	wrong string
	str   string
	num   float64
	flag  bool
}

// expected raises the error of a token that is not what must stand there.
func (d *decoder) expected(what string) {
	found := d.wrong
	if d.kind != tokenError {
		found = tokenNames[d.kind]
	}
	d.t.Errorf("Expected %s but found %s at character %d", what, found, d.index+1)
}

// value makes the value that begins with the current token.
func (d *decoder) value() vm.Value {
	switch d.kind {
	case tokenString:
		return vm.String(d.str)
	case tokenInteger, tokenNumber:
		return vm.Number(d.num)
	case tokenBoolean:
		return vm.Bool(d.flag)
	case tokenNull:
		return d.null
	case tokenObjectBegin:
		return d.object()
	case tokenArrayBegin:
		return d.array()
	}
	d.expected("value")
	return vm.Nil
}

func (d *decoder) descend() {
	if d.depth++; d.depth > min(d.decodeDepth, maxNesting) {
		d.t.Errorf("Found too many nested data structures (%d) at character %d", d.depth, d.pos)
	}
}

func (d *decoder) object() vm.Value {
	d.descend()
	t := d.vm.NewTable(0, 4)
	for first := true; ; first = false {
		if d.scan(); first && d.kind == tokenObjectEnd {
			break
		}
		if d.kind != tokenString {
			d.expected("object key string")
		}
		key := d.str
		if d.scan(); d.kind != tokenColon {
			d.expected("colon")
		}
		d.scan()
		t.SetStr(key, d.value())
		d.scan()
		if d.kind == tokenObjectEnd {
			break
		}
		if d.kind != tokenComma {
			d.expected("comma or object end")
		}
	}
	d.depth--
	return t.Value()
}

func (d *decoder) array() vm.Value {
	d.descend()
	t := d.vm.NewTable(4, 0)
	if d.arrayWithMT == 1 {
		t.SetMetatable(d.arrayMT)
	}
	for n := 1; ; n++ {
		if d.scan(); n == 1 && d.kind == tokenArrayEnd {
			break
		}
		t.SetInt(n, d.value())
		d.scan()
		if d.kind == tokenArrayEnd {
			break
		}
		if d.kind != tokenComma {
			d.expected("comma or array end")
		}
	}
	d.depth--
	return t.Value()
}
