package stdlib_test

import (
	"testing"

	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// TestLimits meets limits of the libraries that no recorded answer of LuaJIT tells of.
func TestLimits(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct{ name, src, want string }{
		{"a numeral of a file", `local f = io.open("n", "w") f:write(("1"):rep(300)) f:close() f = io.open("n")
			local n = f:read("*n") return string.format("%.3g %d", n, #f:read("*a"))`, "1.11e+199 100"},
		{"functions that are dumped", `local n = 0 for i = 1, 2^16 + 5 do if not pcall(string.dump, loadstring("return " .. i)) then n = n + 1 end end
			return n .. " " .. select(2, pcall(string.dump, loadstring("return 0")))`, "5 too many functions are dumped"},
	} {
		m := vm.New(vm.Options{})
		stdlib.Open(m)
		p, err := vm.Compile([]byte(c.src), "=c")
		if err != nil {
			t.Fatal(err)
		}
		r, err := m.Main().Call(m.Load(p))
		if err != nil || r[0].Str() != c.want {
			t.Errorf("%s: %v, want %q (%v)", c.name, r, c.want, err)
		}
		m.Close()
	}
}
