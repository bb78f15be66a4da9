package resty

import (
	"strings"
	"testing"
)

// FuzzPrefixTree compares the tree with a look at every key.
func FuzzPrefixTree(f *testing.F) {
	f.Add("/a /ab /abc /b", "/abcd")
	f.Add(" a aa b", "aab")
	f.Fuzz(func(t *testing.T, keys, text string) {
		var tree prefixTree
		known := map[string]bool{}
		for _, key := range strings.Split(keys, " ") {
			n := tree.at(key)
			n.routes = []*route{{path: key}}
			known[key] = true
		}
		var want []string
		for i := 0; i <= len(text); i++ {
			if known[text[:i]] {
				want = append(want, text[:i])
			}
		}
		var got []string
		for _, n := range tree.prefixes(text, nil) {
			got = append(got, n.routes[0].path)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") || len(got) != len(want) {
			t.Errorf("%q in %q: %q, want %q", text, keys, got, want)
		}
	})
}
