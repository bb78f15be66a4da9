package pb

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/lua/luatest"
	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// Descriptors, written by hand: number and value.

func num(number int, v uint64) []byte {
	return binary.AppendUvarint(appendTag(nil, number, varint), v)
}

func sub(number int, parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return appendBytes(appendTag(nil, number, delimited), b)
}

func str(number int, s string) []byte { return sub(number, []byte(s)) }

// attr is a field of a message; of names its type.
func attr(name string, number int, k kind, of string, more ...[]byte) []byte {
	parts := [][]byte{str(1, name), num(3, uint64(number)), num(5, uint64(k))}
	if of != "" {
		parts = append(parts, str(6, of))
	}
	return sub(2, append(parts, more...)...)
}

var repeats = num(4, 3)

// descriptors has t.All, of proto3 with every kind of field, and old.M of proto2.
func descriptors() []byte {
	values := sub(5, str(1, "E"), sub(2, str(1, "ZERO"), num(2, 0)), sub(2, str(1, "ONE"), num(2, 1)), sub(2, str(1, "NEG"), num(2, 1<<64-1)))
	all := [][]byte{str(1, "All")}
	for k := kindDouble; k.valid(); k++ {
		switch k {
		case kindGroup:
		case kindMessage:
			all = append(all, attr("message", int(k), k, ".t.All"))
		case kindEnum:
			all = append(all, attr("enum", int(k), k, ".t.E"))
		default:
			all = append(all, attr(kinds[k].name, int(k), k, ""))
		}
	}
	all = append(all, attr("list", 20, kindSint32, "", repeats), attr("texts", 21, kindString, "", repeats), attr("loose", 22, kindInt32, "", repeats, sub(8, num(2, 0))),
		attr("map", 23, kindMessage, ".t.All.MapEntry", repeats), attr("one", 24, kindInt32, "", num(9, 0)), attr("other", 25, kindString, "", num(9, 0)),
		sub(3, str(1, "MapEntry"), attr("key", 1, kindString, ""), attr("value", 2, kindInt32, ""), sub(7, num(7, 1))), sub(8, str(1, "choice")))
	old := sub(4, str(1, "M"), attr("a", 1, kindInt32, "", str(7, "7")), attr("b", 2, kindBool, "", str(7, "true")), attr("c", 3, kindInt32, "", repeats), attr("m", 4, kindMessage, ".old.M"))
	extension := append([]byte{}, attr("x", 100, kindString, "", str(2, ".old.M"))...)
	extension[0] = byte(7<<3 | int(delimited)) // of the file
	return append(sub(1, str(2, "t"), sub(4, all...), values, str(12, "proto3")), sub(1, str(2, "old"), old, extension)...)
}

func run(t testing.TB, script string) string {
	t.Helper()
	m := stdlib.New(vm.Options{})
	defer m.Close()
	Register(m)
	m.Globals().SetStr("D", vm.Bytes(descriptors()))
	return luatest.Run(t, m.NewThread(), prelude+script)
}

const prelude = `local pb = require "pb" assert(pb.load(D)) local function show(v) if type(v) ~= "table" then return tostring(v) end
	local k = {} for n in pairs(v) do k[#k + 1] = tostring(n) end table.sort(k) local o = {}
	for i, n in ipairs(k) do local w = v[n] if w == nil then w = v[tonumber(n)] end o[i] = n .. "=" .. show(w) end return "{" .. table.concat(o, ",") .. "}" end
	local function round(ty, v) return show(pb.decode(ty, pb.encode(ty, v))) end local function bytes(v) return pb.tohex(pb.encode("t.All", v)) end
	local function bad(f, ...) return (tostring(select(2, pcall(f, ...))):gsub("^bad argument #%d to '%?' ", ""):gsub("^t:%d+: ", "")) end pb.option "no_default_values"
	`

// TestModule holds the answers to those of lua-protobuf 0.5, but for the order of the fields.
func TestModule(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"every kind", `return round("t.All", {double = 1.5, float = 2.25, int64 = -3, uint64 = 4, int32 = -5, fixed64 = 6, fixed32 = 7, bool = true, string = "s", message = {string = "in"},
			bytes = "b", uint32 = 11, enum = "NEG", sfixed32 = -13, sfixed64 = -14, sint32 = -15, sint64 = -16})`,
			"{bool=true,bytes=b,double=1.5,enum=NEG,fixed32=7,fixed64=6,float=2.25,int32=-5,int64=-3,message={string=in},sfixed32=-13,sfixed64=-14,sint32=-15,sint64=-16,string=s,uint32=11,uint64=4}"},
		{"bytes", `return bytes{int32 = 300, string = "a", enum = 1, sint64 = -2, fixed32 = 1}`, "28 AC 02 3D 01 00 00 00 4A 01 61 70 01 90 01 03"},
		{"lists", `return bytes{list = {1, -1}, texts = {"", "a"}, loose = {1, 2}}, round("t.All", {list = {1, -1}, texts = {"", "a"}, loose = {1, 2}})`,
			"A2 01 02 02 01 AA 01 00 AA 01 01 61 B0 01 01 B0 01 02 {list={1=1,2=-1},loose={1=1,2=2},texts={1=,2=a}}"},
		{"packed or not", `return show(pb.decode("t.All", pb.fromhex "A0 01 02 B2 01 02 05 06"))`, "{list={1=1},loose={1=5,2=6}}"},
		{"maps", `return bytes{map = {a = 1}}, round("t.All", {map = {a = 1, b = 0}}), show(pb.decode("t.All", pb.fromhex "BA 01 00"))`, "BA 01 05 0A 01 61 10 01 {map={a=1,b=0}} {map={=0}}"},
		{"one of several", `return round("t.All", {one = 0}), round("t.All", {other = "x"})`, "{choice=one,one=0} {choice=other,other=x}"},
		{"zeros of proto3", `local a = bytes{int32 = 0, string = "", list = {}} pb.option "encode_default_values" return a, bytes{int32 = 0, string = ""}`, " 28 00 4A 00"},
		{"large integers", `local b = pb.encode("t.All", {int64 = "#-0x10000000000", uint64 = "#18446744073709551615"}) local a = show(pb.decode("t.All", b)) pb.option "int64_as_string"
			local s = show(pb.decode("t.All", b)) pb.option "int64_as_hexstring" return a, s, show(pb.decode("t.All", b))`,
			"{int64=-1099511627776,uint64=-1} {int64=#-1099511627776,uint64=#18446744073709551615} {int64=#-0x10000000000,uint64=#0xFFFFFFFFFFFFFFFF}"},
		{"enumerations", `pb.option "enum_as_value" local a = round("t.All", {enum = "NEG"}) pb.option "enum_as_name" return a, round("t.All", {enum = 9}), pb.enum("t.E", "ONE"), pb.enum("t.E", -1), pb.enum("t.E", 5)`,
			"{enum=-1} {enum=9} 1 NEG"},
		{"defaults", `pb.option "auto_default_values" local a, b = show(pb.decode("old.M", "")), pb.decode("t.All", "") pb.option "use_default_values" local c = show(pb.decode("old.M", ""))
			pb.option "use_default_metatable" local d = pb.decode("old.M", "") return a, b.enum, #b.list, b.one, b.message, c, show(d), d.a, d.b`, "{} ZERO 0 nil nil {a=7,b=true} {} 7 true"},
		{"default messages", `pb.option "decode_default_message" pb.option "decode_default_array" local d = pb.decode("old.M", "") return type(d.m.m), #d.c`, "table 0"},
		{"a default metatable of one's own", `pb.option "use_default_metatable" pb.defaults("old.M", {__index = {a = 9}}) return pb.decode("old.M", "").a, pb.defaults("old.M").__index.a`, "9 9"},
		{"into a table", `return show(pb.decode("t.All", pb.encode("t.All", {int32 = 3}), {string = "kept"}))`, "{int32=3,string=kept}"},
		{"extensions", `return round(".old.M", {x = "e", a = 7, m = {b = false}})`, "{a=7,m={b=false},x=e}"},
		{"unknown fields and ends", `local o = {} for i, s in ipairs{"F0 FF FF FF FF", "F2 07 01 FF", "F3 07 08 01 F4 07 08 05", "F3 07 01", "F5 07 01"} do o[i] = show(pb.decode("old.M", pb.fromhex(s))) end return table.concat(o)`,
			"{}{}{a=5}{}{}"},
		{"types", `return table.concat({pb.type("t.All")}, " "), select(3, pb.type ".t.All.MapEntry"), select(3, pb.type "t.E"), pb.type "none"`, ".t.All All message map enum"},
		{"fields", `local n, last = 0 for name in pb.fields "t.All" do n, last = n + 1, name end local k = {} for name, _, what in pb.types() do k[#k + 1] = name end
			return n, last, table.concat({pb.field("t.All", "list")}, " ", 1, 3), select(5, pb.field("t.All", 20)), select(6, pb.field("t.All", "one")), select(4, pb.field("old.M", 1)), table.concat(k, " ")`,
			"23 other list 20 sint32 packed choice 7 .old.M .t.All .t.All.MapEntry .t.E"},
		{"clear", `pb.clear "old.M" local a = pb.type "old.M" pb.clear() return a, pb.type "t.All", (pb.load(D))`, "nil nil true"},
		{"no descriptors", `return pb.load("\255"), pb.load("\10\1\255"), pb.loadfile("/no/such/file")`, ""},
		{"wrong values", `local e = {} for i, v in ipairs{{string = {}}, {int32 = "x"}, {message = 1}, {list = 1}, {enum = "NONE"}, {enum = {}}, {double = "x"}, {int64 = 1e30}} do e[i] = bad(pb.encode, "t.All", v) end
			return table.concat(e, "; ")`, "(string expected for field 'string', got table); (number/'#number' expected for field 'int32', got string); (table expected at field 'message', got number); " +
			"(table expected at field 'list', got number); (can not encode unknown enum 'NONE' at field 'enum'); (number/string expected at enum field 'enum', got table); " +
			"(number/'#number' expected for field 'double', got string); number has no integer representation"},
		{"wrong bytes", `local e = {} for i, s in ipairs{"08 01", "28 FF", "4A FF", "4A 0A", "09 01", "15 01", "A2 01 01 FF"} do e[i] = bad(pb.decode, "t.All", pb.fromhex(s)) end return table.concat(e, "; ")`,
			"type mismatch for field 'double' at offset 2, 64bit expected for type double, got varint; invalid varint value at offset 2; invalid bytes length: 0 (at offset 2); " +
				"unfinished bytes (len 10 at offset 3); invalid fixed64 value at offset 2; invalid fixed32 value at offset 2; invalid varint value at offset 4"},
		{"no type", `return bad(pb.encode, "none", {}), bad(pb.decode, "none", ""), bad(pb.option, "none")`, "(type 'none' does not exists) (type 'none' does not exists) (invalid option 'none')"},
		{"deep", `local v = {} for i = 1, 200 do v = {message = v} end local s = "" for i = 1, 110 do local n = #s s = "\90" .. (n < 128 and string.char(n) or string.char(n % 128 + 128, math.floor(n / 128))) .. s end
			return bad(pb.encode, "t.All", v), bad(pb.decode, "t.All", s)`, "message too many levels message too many levels"},
	} {
		got := run(t, c.script)
		if c.name == "no descriptors" {
			if !strings.HasPrefix(got, "false false nil open /no/such/file") {
				t.Errorf("%s: %q", c.name, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// FuzzDecode: no bytes break decode, and what was decoded can be encoded and is the same then.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x28\xac\x02\x4a\x01a"))
	f.Add([]byte("\xba\x01\x05\x0a\x01a\x10\x01\xa2\x01\x02\x02\x01"))
	f.Add([]byte("\xf3\x07\x08\x01\xf4\x07\x5a\x02\x4a\x00"))
	m := stdlib.New(vm.Options{})
	Register(m)
	m.Globals().SetStr("D", vm.Bytes(descriptors()))
	p, err := vm.Compile([]byte(prelude+`return function(s) local ok, v = pcall(pb.decode, "t.All", s) if not ok then return end
		local b = pb.encode("t.All", v) local c = pb.encode("t.All", pb.decode("t.All", b)) assert(#b == #c, "not the same") end`), "=fuzz")
	if err != nil {
		f.Fatal(err)
	}
	r, err := m.NewThread().Call(m.Load(p))
	if err != nil {
		f.Fatal(err)
	}
	fn := r[0]
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := m.NewThread().Call(fn, vm.Bytes(b)); err != nil {
			t.Error(err)
		}
	})
}

// FuzzLoad: no descriptors break load, or what is done with the types afterwards.
func FuzzLoad(f *testing.F) {
	f.Add(descriptors())
	m := stdlib.New(vm.Options{})
	Register(m)
	p, err := vm.Compile([]byte(`local pb, s = require "pb", ... pb.clear() pb.load(s) pb.option "use_default_values" pb.option "decode_default_message"
		for t in pb.types() do for n in pb.fields(t) do pb.field(t, n) end pcall(pb.decode, t, s) pcall(pb.encode, t, {}) end`), "=fuzz")
	if err != nil {
		f.Fatal(err)
	}
	fn := m.Load(p)
	f.Fuzz(func(t *testing.T, b []byte) {
		th := m.NewThread()
		th.SetLimits(vm.Limits{Instructions: 1e7, Bytes: 256 << 20})
		if _, err := th.Call(fn, vm.Bytes(b)); err != nil && !strings.Contains(err.Error(), "limit") && !strings.Contains(err.Error(), "memory") {
			t.Error(err)
		}
	})
}
