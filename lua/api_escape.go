package lua

import (
	"sort"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// escapeArea turns text into parts of URIs and back.
var escapeArea = area{rows: []row{
	{"escape_uri", anyPhase, ngxEscapeURI},
	{"unescape_uri", anyPhase, func(t *vm.Thread, s *state) int {
		t.PushString(unescape(textArg(t, 1), true))
		return 1
	}},
	{"encode_args", anyPhase, func(t *vm.Thread, s *state) int {
		if t.NArg() != 1 {
			t.Errorf("expecting 1 argument but seen %d", t.NArg())
		}
		t.PushString(s.e.encodeArgs(t, t.CheckTable(1)))
		return 1
	}},
	{"decode_args", anyPhase, ngxDecodeArgs},
}}

// textArg is an argument that may be any scalar, as in lua-resty-core: nil is
// an empty string.
func textArg(t *vm.Thread, i int) string {
	switch v := t.Arg(i); v.Kind() {
	case vm.KString:
		return v.Str()
	case vm.KNil:
		return ""
	default:
		return t.ToString(v)
	}
}

func ngxEscapeURI(t *vm.Thread, s *state) int {
	text, set := textArg(t, 1), http1.EscapeURIComponent
	if !t.Arg(2).IsNil() {
		if t.Arg(2).Kind() != vm.KNumber {
			t.Errorf("\"type\" is not a number")
		}
		n := t.CheckInt(2)
		if n < 0 || n > int(http1.EscapeMemcached) {
			t.Errorf("\"type\" %d out of range", n)
		}
		set = http1.Escape(n)
	}
	t.PushString(escaped(text, set))
	return 1
}

// unescape resolves %XX, and "+" as a space if plus. Other percent signs stay.
func unescape(s string, plus bool) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+' && plus:
			b = append(b, ' ')
		case c == '%' && i+2 < len(s) && hexDigit(s[i+1]) >= 0 && hexDigit(s[i+2]) >= 0:
			b = append(b, byte(hexDigit(s[i+1])<<4|hexDigit(s[i+2])))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// encodeArgs writes a table as arguments of a URI, sorted by name. It raises an
// error for keys and values that have no such form.
func (e *engine) encodeArgs(t *vm.Thread, args *vm.Table) string {
	type pair struct {
		key   string
		value vm.Value
	}
	var pairs []pair
	for k, v, ok := args.Next(vm.Nil); ok; k, v, ok = args.Next(k) {
		if k.Kind() != vm.KString {
			t.Errorf("attempt to use a non-string key in the \"args\" option table")
		}
		pairs = append(pairs, pair{k.Str(), v})
	}
	sort.Slice(pairs, func(i, j int) bool { return pairs[i].key < pairs[j].key })
	var b []byte
	add := func(key string, v vm.Value) {
		switch v.Kind() {
		case vm.KString, vm.KNumber:
			text, _ := v.ToString()
			b = append(appendArgKey(b, key), '=')
			b = http1.AppendEscaped(b, text, http1.EscapeArgument)
		case vm.KBool:
			if v.Bool() {
				b = appendArgKey(b, key)
			}
		default:
			t.Errorf("attempt to use %s as query arg value", v.Kind())
		}
	}
	for _, p := range pairs {
		list := p.value.Table()
		if list == nil {
			add(p.key, p.value)
			continue
		}
		for i := 1; !list.GetInt(i).IsNil(); i++ {
			add(p.key, list.GetInt(i))
		}
	}
	return string(b)
}

func appendArgKey(b []byte, key string) []byte {
	if len(b) > 0 {
		b = append(b, '&')
	}
	return http1.AppendEscaped(b, key, http1.EscapeArgument)
}

// defaultArgs is how many arguments, fields or the like are read when a script
// does not say; 0 reads all.
const defaultArgs = 100

func ngxDecodeArgs(t *vm.Thread, s *state) int {
	text, limit := t.CheckString(1), t.OptInt(2, defaultArgs)
	return s.pushArgs(t, text, limit, nil)
}

// decodeArgs reads arguments of a URI into a table (a new one if into is nil):
// "a" is true, "a=" empty, repeated names make an array, those without a name
// are left out.
func (e *engine) decodeArgs(text string, limit int, into *vm.Table) (table *vm.Table, truncated bool) {
	if into == nil {
		into = e.vm.NewTable(0, 4)
	}
	for n := 0; text != ""; {
		var arg string
		arg, text, _ = strings.Cut(text, "&")
		key, value, hasValue := strings.Cut(arg, "=")
		if arg == "" {
			continue
		}
		if limit > 0 && n == limit {
			return into, true
		}
		n++
		if key = unescape(key, true); key == "" {
			continue
		}
		v := vm.Bool(true)
		if hasValue {
			v = vm.String(unescape(value, true))
		}
		e.addMulti(into, key, v)
	}
	return into, false
}

// addMulti sets a field of a table, or makes it an array when there is one.
func (e *engine) addMulti(table *vm.Table, key string, v vm.Value) {
	e.addField(table, vm.String(key), v)
}

// addField is addMulti for a key that is a Value.
func (e *engine) addField(table *vm.Table, key, v vm.Value) {
	old := table.Get(key)
	switch {
	case old.IsNil():
		table.Set(key, v)
	case old.Table() != nil:
		old.Table().SetInt(old.Table().Len()+1, v)
	default:
		list := e.vm.NewTable(2, 0)
		list.SetInt(1, old)
		list.SetInt(2, v)
		table.Set(key, list.Value())
	}
}
