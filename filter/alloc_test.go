//go:build !race

package filter

import (
	"testing"

	"github.com/luahttpd/luahttpd/phases"
)

// A response that no filter is interested in costs nothing on its way out.
func TestAllocations(t *testing.T) {
	body := []byte("hello")
	for _, c := range []struct {
		name, directives string
		most             float64
	}{
		{"nothing configured", "", 0},
		{"gzip not accepted", "gzip on; gzip_min_length 0;", 0},
		{"a constant field", "add_header X-A b;", 0},
	} {
		st := newSite(t, c.directives)
		st.content = func(r *phases.Request) phases.Result {
			r.Out.ContentType = "text/html"
			return r.SendBytes(body)
		}
		var r phases.Request
		var s sink
		st.answer(&r, &s)
		if got := testing.AllocsPerRun(100, func() { s.body.Reset(); st.answer(&r, &s) }); got > c.most {
			t.Errorf("%s: %.0f allocations, want %.0f", c.name, got, c.most)
		}
	}
}
