//go:build !race

package lua

import (
	"testing"

	"github.com/luahttpd/luahttpd/pcre"
)

// TestDataAllocations holds the data side to its budgets.
func TestDataAllocations(t *testing.T) {
	d := newDict("dogs", 1<<20)
	d.store(storeSet, "text", str("value"), 0, 0)
	d.store(storeSet, "n", number(1), 0, 0)
	cache := pcre.NewCache(10)
	parts, _ := parseReplacement("[$0] $1")
	var caps []int
	out := make([]byte, 0, 100)
	for _, c := range []struct {
		name string
		most float64
		do   func()
	}{
		{"dict.get", 0, func() { d.get("text", false) }},
		{"dict.store of the same size", 0, func() { d.store(storeSet, "text", str("other"), 0, 0) }},
		{"dict.incr", 0, func() { d.incr("n", 1, nil, 0) }},
		{"a cached expression", 0, func() {
			re, _ := cache.Compile("([a-z]+)[0-9]", pcre.CompileOnce)
			caps, _, _ = re.MatchString("hello1", 0, caps)
		}},
		{"a replacement", 0, func() { out = parts.append(out[:0], "hello", []int{0, 5, 1, 2}) }},
	} {
		c.do()
		if n := testing.AllocsPerRun(100, c.do); n > c.most {
			t.Errorf("%s: %v allocations, at most %v", c.name, n, c.most)
		}
	}
}
