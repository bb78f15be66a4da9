package ffi

import (
	"errors"
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// TestHostile runs what must end in an error of Lua's.
func TestHostile(t *testing.T) {
	const deep, outside, large = "nested too deeply", "out of bounds", "unknown or too large"
	for _, c := range []struct{ name, src, want string }{
		{"a struct in itself", "ffi.cdef 'struct s { struct s { int a; }; };' local x = ffi.new('struct s').zz", "redefine"},
		{"embedded unknown", "ffi.cdef 'struct s { struct s; };'", "invalid C type"},
		{"stars", "ffi.typeof('int ' .. ('*'):rep(100000))", deep},
		{"stars by typedef", "ffi.cdef 'typedef int t0;' for i = 1, 20000 do ffi.cdef('typedef t' .. (i-1) .. ' *t' .. i .. ';') end", deep},
		{"structs", "ffi.typeof(('struct {'):rep(100000))", deep},
		{"structs by typedef", "ffi.cdef 'typedef int t0;' for i = 1, 20000 do ffi.cdef('typedef struct { t' .. (i-1) .. ' x; } t' .. i .. ';') end", deep},
		{"dimensions", "ffi.typeof('int' .. ('[1]'):rep(100000))", deep},
		{"brackets", "ffi.typeof('int (' .. ('(('):rep(100000) .. ('))'):rep(100000) .. ')')", deep},
		{"constants", "ffi.cdef('static const int x = ' .. ('-'):rep(100000) .. '1;')", deep},
		{"new", "local b = ffi.new('char[?]', 1e12)", large},
		{"new, negative", "local b = ffi.new('char[?]', -1)", large},
		{"new, not a number", "local b = ffi.new('char[?]', 0/0)", large},
		{"new, product", "local b = ffi.new('int[100000][100000][100000][100000]')", large},
		{"a large struct", "ffi.cdef('struct s { ' .. ('char a[100000000];'):rep(5) .. ' };')", large},
		{"index", "local x = ffi.new('char[4]')[1e9]", outside},
		{"index before", "local x = ffi.new('char[4]')[-1]", outside},
		{"string", "local s = ffi.string(ffi.new('char[4]'), 1e9)", outside},
		{"fill", "ffi.fill(ffi.new('char[4]'), 1e9)", outside},
		{"copy", "ffi.copy(ffi.new('char[3]'), 'abc')", outside},
		{"cast", "local x = ffi.cast('uint64_t *', 'abc')[0]", outside},
		{"an address", "local x = ffi.cast('int *', 4096)[0]", "NULL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := stdlib.New(vm.Options{})
			defer m.Close()
			Register(m, vm.Nil)
			p, err := vm.Compile([]byte("local ffi = require 'ffi'\n"+c.src), "=t")
			if err != nil {
				t.Fatal(err)
			}
			_, err = m.NewThread().Call(m.Load(p))
			var e *vm.Error
			if !errors.As(err, &e) || e.GoStack != "" || !strings.Contains(e.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
