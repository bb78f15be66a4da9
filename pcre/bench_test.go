package pcre

import (
	"regexp"
	"strings"
	"testing"
)

// BenchmarkMatch measures this package beside regexp2 and package regexp.
func BenchmarkMatch(b *testing.B) {
	body := strings.Repeat("GET /some/path?x=1&y=2 HTTP/1.1 abc def\n", 270) + "token=abcdef0123"
	const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
	for _, c := range []struct{ name, pattern, subject string }{
		{"path", `^/api/v\d+/users/(\d+)/orders/(\d+)$`, "/api/v1/users/12345/orders/6789"},
		{"pathMiss", `^/api/v\d+/users/(\d+)/orders/(\d+)$`, "/static/v1/users/12345/orders/6789"},
		{"agent", `(?i)(bot|crawler|spider|chrome/(\d+))`, agent + "Chrome/120.0.0.0 Safari/537.36"},
		{"agentMiss", `(?i)(bot|crawler|spider|chrome/(\d+))`, agent + "Safari/537.36"},
		{"body", `token=([a-f0-9]+)`, body},
		{"suffix", `\.(png|jpe?g|gif|css|js)$`, "/static/img/logo-2x.min.jpeg"},
		{"lazy", `<a.*?href="(.*?)"`, `text text <a class="b" title="c" href="/x/y/z">foo</a>`},
		{"php", `^(.+?\.php)(/.*)?$`, "/index.php/a/b/c"},
	} {
		p, root, err := parse(c.pattern, 0)
		if err != nil {
			b.Fatal(err)
		}
		other, err := newBacktracker(p, root, 0)
		if err != nil {
			b.Fatal(err)
		}
		std := regexp.MustCompile(c.pattern)
		for _, e := range []struct {
			name  string
			match matcher
		}{
			{"own", newSearcher(p, root, 0).match},
			{"regexp2", other.match},
			{"std", func(s []byte, _ int, caps []int) (bool, error) {
				return copy(caps, std.FindSubmatchIndex(s)) > 0, nil
			}},
		} {
			b.Run(c.name+"/"+e.name, func(b *testing.B) {
				s, caps := []byte(c.subject), make([]int, 2*len(p.groups))
				b.ReportAllocs()
				for b.Loop() {
					e.match(s, 0, caps)
				}
			})
		}
	}
}
