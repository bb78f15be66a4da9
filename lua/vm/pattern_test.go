package vm

import "testing"

func FuzzPattern(f *testing.F) {
	f.Add("THE (quick) fox", "%f[%a]%a+()(%b())", "%1-%0")
	f.Add("key = value", "^(%w+)%s*=%s*(%w-)$", "%2%%")
	f.Add("aXb", "[^%u-]", "%9")
	m := New(Options{})
	defer m.Close()
	fn := load(f, m, `local s, p, r = ...
		s:find(p) s:match(p, -3) for a in s:gmatch(p) do end return s:gsub(p, r)`)
	f.Fuzz(func(t *testing.T, s, pattern, repl string) {
		if len(s) > 16 || len(pattern) > 16 {
			return // backtracking takes its time
		}
		th := m.NewThread()
		defer m.Release(th)
		_, err := th.Call(fn, String(s), String(pattern), String(repl))
		if e, ok := err.(*Error); ok && e.GoStack != "" {
			t.Fatal(e.Error(), e.GoStack)
		}
	})
}

func FuzzFormat(f *testing.F) {
	f.Add("%5.1f|%-8s|%q|%#x|%+d|%c|%a|%g", 1.5, "x")
	m := New(Options{})
	defer m.Close()
	fn := load(f, m, `local f, n, s = ... return f:format(n, s, n, s, n)`)
	f.Fuzz(func(t *testing.T, format string, n float64, s string) {
		th := m.NewThread()
		defer m.Release(th)
		_, err := th.Call(fn, String(format), Number(n), String(s))
		if e, ok := err.(*Error); ok && e.GoStack != "" {
			t.Fatal(e.Error(), e.GoStack)
		}
	})
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		text string
		want string // as printed; "" when it is no number
	}{
		{"10", "10"}, {"010", "10"}, {" 5. ", "5"}, {".5", "0.5"}, {"1e2", "100"}, {"1e", ""}, {"0x10", "16"}, {"-0x10", "-16"},
		{"0x", ""}, {"0x1p4", "16"}, {"0x.8", "0.5"}, {"0b11", "3"}, {"1_000", ""}, {"- 1", ""}, {"", ""}, {"inf", "inf"}, {"nan", "nan"},
		{"1e400", "inf"}, {"0x1_0", ""}, {"1e+5", "100000"}, {"10\r\n", "10"}, {"5x", ""}, {"0xffffffffffffffff", "1.844674407371e+19"},
	} {
		got := ""
		if f, ok := parseNumber(c.text); ok {
			got = formatNumber(f)
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.text, got, c.want)
		}
	}
	for _, c := range []struct {
		f    float64
		want string
	}{{1e15, "1e+15"}, {1e14, "1e+14"}, {99999999999999, "99999999999999"}, {0.1 + 0.2, "0.3"}, {1e-5, "1e-05"}, {123456789012345, "1.2345678901235e+14"}, {-1.5, "-1.5"}} {
		if got := formatNumber(c.f); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
