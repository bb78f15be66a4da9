package lua

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// ndkFunctions are the set-misc module's, which scripts reach as
// ndk.set_var.NAME. ok is false for text that has no such form: the result is
// then empty.
var ndkFunctions = []struct {
	name string
	do   func(text string) (result string, ok bool)
}{
	{"set_escape_uri", plain(func(s string) string { return escaped(s, http1.EscapeURIComponent) })},
	{"set_unescape_uri", plain(func(s string) string { return unescape(s, true) })},
	{"set_encode_base64", plain(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) })},
	{"set_decode_base64", func(s string) (string, bool) {
		b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
		return string(b), err == nil
	}},
	{"set_encode_hex", plain(func(s string) string { return hex.EncodeToString([]byte(s)) })},
	{"set_decode_hex", func(s string) (string, bool) {
		b, err := hex.DecodeString(s)
		return string(b), err == nil
	}},
	{"set_quote_sql_str", plain(func(s string) string { return "'" + sqlQuotes.Replace(s) + "'" })},
	{"set_quote_pgsql_str", plain(func(s string) string { return "E'" + sqlQuotes.Replace(s) + "'" })},
	{"set_quote_json_str", plain(func(s string) string { return `"` + jsonQuotes.Replace(s) + `"` })},
}

var jsonQuotes = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`, `\`, `\\`, `"`, `\"`)

func plain(do func(string) string) func(string) (string, bool) {
	return func(s string) (string, bool) { return do(s), true }
}

// ndkArea is the global ndk.
var ndkArea = area{open: func(e *engine, ngx *vm.Table) {
	ndk, set := e.vm.NewTable(0, 1), e.vm.NewTable(0, len(ndkFunctions))
	for _, f := range ndkFunctions {
		e.add(set, row{f.name, anyPhase, func(t *vm.Thread, s *state) int {
			result, _ := f.do(textArg(t, 1))
			t.PushString(result)
			return 1
		}})
	}
	mt := e.vm.NewTable(0, 1)
	mt.SetStr("__index", e.vm.NewFunc("__index", func(t *vm.Thread) int {
		t.Errorf("ndk.set_var: directive \"%s\" not found or does not use ndk_set_var_value", t.ToString(t.Arg(2)))
		return 0
	}))
	set.SetMetatable(mt)
	ndk.SetStr("set_var", set.Value())
	e.vm.Globals().SetStr("ndk", ndk.Value())
	e.vm.Builtin("ndk", func(*vm.Thread) vm.Value { return ndk.Value() })
}}
