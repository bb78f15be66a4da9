package cjson

import (
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/lua/luatest"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// newVM makes a VM with the modules; null prints as "null".
func newVM(t testing.TB) *vm.VM {
	m := stdlib.New(vm.Options{})
	t.Cleanup(m.Close)
	Register(m, vm.NamedLight("null"))
	return m
}

// run runs a script and returns its result as tostring has it, or its error.
func run(t testing.TB, m *vm.VM, script string) string {
	t.Helper()
	th := m.NewThread()
	defer m.Release(th)
	return luatest.Run(t, th, `local cjson = require "cjson"; local safe = require "cjson.safe"; `+script)
}

func TestCjson(t *testing.T) {
	deep := "[" + strings.Repeat("[", 1000)
	for _, c := range []struct{ script, want string }{
		// Encoding.
		{`return cjson.encode(1), cjson.encode(1e15), cjson.encode(123456789012345), cjson.encode(0.1 + 0.2)`,
			"1 1e+15 1.2345678901234e+14 0.3"},
		{`return cjson.encode(-0.0), cjson.encode(-5), cjson.encode(1/3), cjson.encode(1e-7), cjson.encode(100)`,
			"-0 -5 0.33333333333333 1e-07 100"},
		{`return cjson.encode("a\"\\/\b\t\n\f\r\1\127\200")`, `"a\"\\\/\b\t\n\f\r\u0001\u007f` + "\xc8\""},
		{`return cjson.encode{}, cjson.encode{1, 2, nil, 4}, cjson.encode{a = true}, cjson.encode{[5] = 1}`,
			`{} [1,2,null,4] {"a":true} [null,null,null,null,1]`},
		{`return cjson.encode{[100] = 1}`, "Cannot serialise table: excessively sparse array"},
		{`return pcall(cjson.encode, {[100] = 1})`, "false Cannot serialise table: excessively sparse array"},
		{`local c = cjson.new() c.encode_sparse_array(true) return c.encode{[100] = 1}, cjson.encode_sparse_array()`, `{"100":1} false 2 10`},
		{`return cjson.encode(0/0)`, "Cannot serialise number: must not be NaN or Infinity"},
		{`local c = cjson.new() c.encode_invalid_numbers(true) return c.encode{1/0, -1/0, 0/0}`, "[Infinity,-Infinity,NaN]"},
		{`local c = cjson.new() c.encode_invalid_numbers("null") return c.encode{1/0}, c.encode_invalid_numbers()`, "[null] null"},
		{`return cjson.encode(print)`, "Cannot serialise function: type not supported"},
		{`return cjson.encode{[true] = 1}`, "Cannot serialise boolean: table key must be a number or string"},
		{`local c = cjson.new() c.encode_skip_unsupported_value_types(true) return c.encode{1, print, 2}, c.encode{a = print}`, "[1,2] {}"},
		{`return cjson.encode(cjson.empty_array), cjson.encode{a = setmetatable({}, cjson.empty_array_mt)}`, `[] {"a":[]}`},
		{`return cjson.encode(setmetatable({x = 1}, cjson.array_mt)), cjson.encode(setmetatable({1, nil}, cjson.array_mt))`, "[] [1]"},
		{`return cjson.encode(setmetatable({}, {__len = function() return 2 end, __index = function(_, i) return i * 2 end}))`, "[2,4]"},
		{`local a = {} a[1] = a return cjson.encode(a)`, "Cannot serialise, excessive nesting (1001)"},
		{`local s = cjson.encode(print) return s`, "t:1: Cannot serialise function: type not supported"},
		{`local s = cjson.encode() return s`, "t:1: bad argument #1 to 'encode' (expected 1 argument)"},
		{`local c = cjson.new() c.encode_escape_forward_slash(false) return c.encode("/"), cjson.encode("/")`, `"/" "\/"`},
		{`local c = cjson.new() c.encode_number_precision(3) return c.encode(1/3), c.encode(12345)`, "0.333 1.23e+04"},
		{`local c = cjson.new() c.encode_empty_table_as_object(false) return c.encode{}, c.encode{{}}`, "[] [[]]"},
		{`local c = cjson.new() c.encode_indent("  ") return c.encode{1, {a = 2}, {}}`, "[\n  1,\n  {\n    \"a\": 2\n  },\n  {}\n]"},
		{`return cjson.encode(cjson.null), cjson.encode(nil), tostring(cjson.null)`, "null null null"},
		{`local s = cjson.encode_number_precision(17) return s`, "t:1: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 16)"},
		{`return safe.encode(print)`, "nil Cannot serialise function: type not supported"},

		// Decoding.
		{`local v = cjson.decode('{"a":[1,2.5e1,{"b":"c"}],"d":null,"e":true}') return v.a[2], v.a[3].b, v.d == cjson.null, v.e, #v.a`,
			"25 c true true 3"},
		{`return cjson.decode('"\\u00e9\\ud83d\\ude00\\n\\/x\n"')`, "é😀\n/x\n"},
		{`return cjson.decode("0x10"), cjson.decode("010"), cjson.decode("-1.5"), cjson.decode(" Infinity"), cjson.decode("1E2 ")`, "16 10 -1.5 inf 100"},
		{`return cjson.decode('')`, "Expected value but found T_END at character 1"},
		{`return cjson.decode('{')`, "Expected object key string but found T_END at character 2"},
		{`return cjson.decode('{"a" 1}')`, "Expected colon but found T_INTEGER at character 6"},
		{`return cjson.decode('{"a":1 2}')`, "Expected comma or object end but found T_INTEGER at character 8"},
		{`return cjson.decode('{"a":1,}')`, "Expected object key string but found T_OBJ_END at character 8"},
		{`return cjson.decode('[1,]')`, "Expected value but found T_ARR_END at character 4"},
		{`return cjson.decode('[1 2]')`, "Expected comma or array end but found T_INTEGER at character 4"},
		{`return cjson.decode('{"a":1}x')`, "Expected the end but found invalid token at character 8"},
		{`return cjson.decode('"\\ud800"')`, "Expected value but found invalid unicode escape code at character 2"},
		{`return cjson.decode('"\\q"')`, "Expected value but found invalid escape code at character 2"},
		{`return cjson.decode('"ab')`, "Expected value but found unexpected end of string at character 4"},
		{`return cjson.decode('\0\0')`, "JSON parser does not support UTF-16 or UTF-32"},
		{`return cjson.decode('` + deep + `')`, "Found too many nested data structures (1001) at character 1001"},
		{`return cjson.decode('truex')`, "Expected the end but found invalid token at character 5"},
		{`return safe.decode('-')`, "nil Expected value but found invalid number at character 1"},
		{`return safe.decode('[.5]')`, "nil Expected value but found invalid token at character 2"},
		{`local c = safe.new() c.decode_invalid_numbers(false) return c.decode("0x10")`, "nil Expected value but found invalid number at character 1"},
		{`local c = cjson.new() c.decode_array_with_array_mt(true) return getmetatable(c.decode("[]")) == cjson.array_mt, cjson.encode(c.decode('{"a":[]}'))`,
			`true {"a":[]}`},
		{`local c = cjson.new() c.decode_allow_comment(true) return c.decode("/* x */ [1, // y\n2]")[2]`, "2"},
		{`local c = safe.new() c.decode_allow_comment(true) return c.decode("{}/*Unclosed")`,
			"nil Expected the end but found unclosed multi-line comment at character 13"},
		{`local c = safe.new() c.decode_allow_comment(true) return c.decode("1/**///")`, "1"},
		{`return safe.decode("[1 2.5]")`, "nil Expected comma or array end but found T_NUMBER at character 4"},
		{`return cjson.encode(setmetatable({1}, {__index = function() return 2 end})), cjson.encode(setmetatable({a = 1}, cjson.empty_array_mt))`, "[1] []"},
		{`return safe.decode("/* x */ 1")`, "nil Expected value but found invalid token at character 1"},
		{`local c = cjson.new() c.decode_max_depth(1) return pcall(c.decode, "[[]]")`, "false Found too many nested data structures (2) at character 2"},
		{`return cjson._NAME, safe._NAME, cjson._VERSION`, "cjson cjson.safe " + version},
	} {
		if got := run(t, newVM(t), c.script); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.script, got, c.want)
		}
	}
}

// FuzzDecode checks that whatever is decoded is encoded to a text that decodes
// to the same.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":null}],"c":"\u00e9\ud83d\ude00"}`, `[1e300, -0, 0x1p3, nan]`, `"\`, `[[[`, "\x00", `// x`} {
		f.Add(s)
	}
	m := newVM(f)
	p, err := vm.Compile([]byte(`local c = require("cjson.safe").new()
		c.encode_invalid_numbers(true) c.encode_sparse_array(true) c.encode_number_precision(16)
		return function(s)
			local v, err = c.decode(s)
			if err then return "" end
			local a = assert(c.encode(v))
			local w, err = c.decode(a)
			if err then return a .. ": " .. err end
			if type(v) ~= type(w) then return a .. ": another type" end
			return ""
		end`), "=t")
	if err != nil {
		f.Fatal(err)
	}
	th := m.NewThread()
	r, err := th.Call(m.Load(p))
	if err != nil {
		f.Fatal(err)
	}
	check := r[0]
	f.Fuzz(func(t *testing.T, s string) {
		r, err := th.Call(check, vm.String(s))
		if err != nil {
			t.Fatal(err)
		}
		if r[0].Str() != "" {
			t.Error(r[0].Str())
		}
	})
}
