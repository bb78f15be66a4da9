//go:build !race

package filter

import (
	"bytes"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/klauspost/compress/gzip"

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

// A long response that is changed on its way takes its memory from one that
// was before it.
func TestLongBodies(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // it empties pools
	body := bytes.Repeat([]byte("some text that ends with hell"), 40_000)
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(body)
	w.Close()
	for _, c := range []struct {
		name, directives, kind string
		body                   []byte
	}{
		{"sub_filter", "sub_filter hello bye; sub_filter_once off;", "text/html", body},
		{"charset to UTF-8", "charset utf-8; source_charset koi8-r;", "text/html", body},
		{"charset from UTF-8", "charset koi8-r; source_charset utf-8;", "text/html", append(body, "\xd0"...)},
		{"ssi", "ssi on;", "text/html", body},
		{"gunzip", "gunzip on;", "text/html", zipped.Bytes()},
	} {
		st := newRunning(t, c.directives)
		send := pieces(c.kind, c.body, 29_000)
		st.content = func(r *phases.Request) phases.Result {
			if c.name == "gunzip" {
				r.Out.Add("Content-Encoding", "gzip")
			}
			return send(r)
		}
		var r phases.Request
		var s sink
		run := func(n int) uint64 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for range n {
				s.body.Reset()
				st.get(&r, &s)
			}
			runtime.ReadMemStats(&after)
			return (after.TotalAlloc - before.TotalAlloc) / uint64(n)
		}
		run(2)
		if s.body.Len() < len(body) {
			t.Errorf("%s: %d bytes", c.name, s.body.Len())
		}
		if got := run(10); got > 8<<10 {
			t.Errorf("%s: %d bytes are allocated for a response", c.name, got)
		}
	}
}
