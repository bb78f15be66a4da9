//go:build !race

package handler

import "testing"

var costs = []struct {
	name, directives, uri string
	status                int
	most                  float64
}{
	{"return", "access_log off; location / { return 200 ok; }", "/", 200, 0},
	{"return with a variable", "access_log off; location / { return 200 $uri; }", "/", 200, 1},
	{"redirect", "access_log off; location / { return 301 /x$uri; }", "/", 301, 3},
	{"set and if", "access_log off; location / { set $a b; if ($a = b) { return 204; } }", "/", 204, 3},
	{"rewrite", "access_log off; location / { rewrite ^/a(.*) /b$1; } location /b { return 204; }", "/a/x", 204, 6},
	{"access", "access_log off; location / { allow 127.0.0.1; allow all; return 204; }", "/", 204, 0},
	{"limits", "access_log off; location / { limit_req zone=r burst=1000000 nodelay; limit_conn c 1; empty_gif; }", "/", 200, 10},
	{"map", "access_log off; location / { return 200 $mapped; }", "/a", 200, 4},
	{"file", "access_log off; location / { }", "/file.html", 200, 4},
	{"index", "access_log off; location / { index file.html; }", "/", 200, 12},
	{"try_files", "access_log off; location / { try_files /none $uri =404; }", "/file.html", 200, 16},
	{"access log", "location / { return 200 ok; }", "/", 200, 0},
}

func TestAllocations(t *testing.T) {
	for _, c := range costs {
		_, r, answer := answering(t, c.directives, c.uri)
		answer()
		if r.Out.Status != c.status {
			t.Errorf("%s: status %d, want %d", c.name, r.Out.Status, c.status)
		}
		if got := testing.AllocsPerRun(100, answer); got > c.most {
			t.Errorf("%s: %.0f allocations, want %.0f", c.name, got, c.most)
		} else {
			t.Logf("%s: %.0f", c.name, got)
		}
	}
}

func BenchmarkHandlers(b *testing.B) {
	for _, c := range costs {
		b.Run(c.name, func(b *testing.B) {
			_, _, answer := answering(b, c.directives, c.uri)
			b.ReportAllocs()
			for b.Loop() {
				answer()
			}
		})
	}
}
