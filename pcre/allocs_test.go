//go:build !race

package pcre_test

import "testing"

// TestAllocations: a match allocates nothing.
func TestAllocations(t *testing.T) {
	for _, c := range []struct{ pattern, options, subject string }{
		{`^/api/v\d+/users/(\d+)/orders/(\d+)$`, "", "/api/v1/users/12345/orders/6789"},
		{`(bot|crawler|chrome/(\d+))`, "i", "Mozilla/5.0 Chrome/120.0.0.0"},
		{`(?<=a)(b+?)(?!c)`, "", "abbbd"},
		{`(\w)\1`, "u", "äöüss"},
		{`nothing`, "", "of this"},
		{`(he|hell)`, "d", "hello"},
	} {
		re := compile(t, c.pattern, c.options)
		caps := make([]int, 2*(re.NumGroups()+1))
		if n := testing.AllocsPerRun(100, func() { re.MatchString(c.subject, 0, caps) }); n != 0 {
			t.Errorf("%q: %v allocations", c.pattern, n)
		}
	}
}
