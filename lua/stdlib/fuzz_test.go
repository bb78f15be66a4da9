package stdlib_test

import (
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/lua/stdlib"
	"github.com/luahttpd/luahttpd/lua/vm"
)

// fuzzCall calls string functions with anything, within limits: they may fail, but not panic.
func fuzzCall(f *testing.F, src string, seeds ...[]string) {
	for _, s := range seeds {
		f.Add(s[0], s[1], int64(len(s[0])))
	}
	p, err := vm.Compile([]byte(src), "=fuzz")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string, n int64) {
		m := stdlib.New(vm.Options{})
		defer m.Close()
		th := m.NewThread()
		th.SetLimits(vm.Limits{Time: time.Second, Bytes: 64 << 20})
		if _, err := th.Call(m.Load(p), vm.String(a), vm.String(b), vm.Number(float64(n))); err != nil {
			if e, ok := err.(*vm.Error); ok && e.GoStack != "" {
				t.Fatalf("%v\n%s", err, e.GoStack)
			}
		}
	})
}

func FuzzPattern(f *testing.F) {
	fuzzCall(f, `local s, p, n = ...
		for _, f in ipairs{string.find, string.match, string.gmatch} do pcall(f, s, p, n) end
		pcall(string.gsub, s, p, s) pcall(string.gsub, s, p, {}, n) pcall(string.gsub, s, p, function(...) return ... end)
		pcall(function() for a in s:gmatch(p) do end end)`,
		[]string{"hello world", "(%w+) (%w+)"}, []string{"[[x]]", "%b[]"}, []string{"THE (quick) fox", "%f[%a]%a+%f[%A]"},
		[]string{"a,b,,c", "()([^,]*)()"}, []string{"aaaa", "^(a-)%1$"}, []string{"x\x00y", "[%z\x01-\xff]"}, []string{"", "["})
}

func FuzzFormat(f *testing.F) {
	fuzzCall(f, `local s, f, n = ...
		pcall(string.format, f, s) pcall(string.format, f, n) pcall(string.format, f, n, s, n, s) pcall(string.format, f, {}, print, nil, true)`,
		[]string{"x", "%5.2s|%-10s|%q"}, []string{"1.5", "%d %5.3f %g %e %a"}, []string{"65", "%c%i%u%o%x%X%%"}, []string{"", "%099d%+.20f%#x% d"}, []string{"\x00\r\n\"", "%q%s%p"})
}
