package phases

import (
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/phases/http1"
)

func TestErrorPage(t *testing.T) {
	for _, c := range []struct {
		conf       string
		path, body string
		status     int
	}{
		{"error_page 404 /p;", "/none", "/p", 404},
		{"error_page 404 =200 /p;", "/none", "/p", 200},
		{"error_page 404 = /p;", "/none", "/p", 200},
		{"error_page 403 404 /p;", "/none", "/p", 404},
		{"error_page 404 @n;", "/none", "@n", 404},
		{"error_page 404 $arg_to;", "/none?to=/p", "/p", 404},
		{"error_page 404 $arg_to;", "/none?to=@n", "@n", 404},
		{"error_page 404 http://x/;", "/none", "", 302},
		{"error_page 404 =301 http://x/;", "/none", "", 301},
		{"error_page 500 /p;", "/none", "", 404},
		{"error_page 404 /none;", "/none", "", 404},
		{"error_page 404 /p; error_page 404 @n;", "/none", "/p", 404},
	} {
		cfg := mustCompile(t, "server { "+c.conf+" location = /p { answer; } location @n { answer; } location = /none { internal; } }")
		r, s := request(t, cfg, c.path)
		r.Run()
		if r.Out.Status != c.status || c.body != "" && string(s.body) != c.body {
			t.Errorf("%s: %d %q", c.conf, r.Out.Status, s.body)
		}
	}
	for conf, want := range map[string]string{
		"error_page 404 =200;":    `invalid value "=200"`,
		"error_page = /x;":        `invalid value "="`,
		"error_page x /x;":        `invalid value "x"`,
		"error_page 499 /x;":      `invalid value "499"`,
		"error_page 200 /x;":      `value "200" must be between 300 and 599`,
		"error_page 600 /x;":      `value "600" must be between 300 and 599`,
		"error_page 404 =x /x;":   `invalid value "=x"`,
		"error_page 404;":         "invalid number of arguments",
		"error_page 404 /x${;":    "closing bracket",
		"error_page 404 $nobody;": `unknown "nobody" variable`,
	} {
		if _, err := compile(t, "server { "+conf+" }"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", conf, err, want)
		}
	}
}

// TestPages: whatever has a phrase has a page, the rest has none.
func TestPages(t *testing.T) {
	cfg := mustCompile(t, "server {}")
	for status := 300; status < 700; status++ {
		page := string(cfg.page(status, TokensOn))
		want := http1.StatusText(status) != "" && status != 304 || status >= 494 && status <= 498
		if status == 304 {
			continue // it is never asked for
		}
		if (page != "") != want {
			t.Errorf("%d: %q", status, page)
		}
		if page != "" && !strings.Contains(page, "<hr><center>nginx/1.2.3</center>") {
			t.Errorf("%d: %q", status, page)
		}
	}
}
