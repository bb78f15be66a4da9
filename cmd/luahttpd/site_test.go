package main

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"io/fs"

	"github.com/luahttpd/luahttpd"
)

// TestSite asks the built-in site for everything that its page shows.
func TestSite(t *testing.T) {
	dir := t.TempDir()
	sub, err := fs.Sub(site, "site")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, sub); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	// The site passes requests on to itself, so it must know its port.
	probe, err := luahttpd.Parse(strings.NewReader("events {} error_log stderr; http { server { listen 127.0.0.1:0; } }"), luahttpd.WithPrefix(dir))
	if err != nil {
		t.Fatal(err)
	}
	if err := probe.Start(); err != nil {
		t.Fatal(err)
	}
	addr := probe.Addr().String()
	if err := probe.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(addr, ":")
	srv, err := luahttpd.Parse(strings.NewReader(strings.ReplaceAll(mustRead("site/conf/nginx.conf"), "@PORT@", port)),
		luahttpd.WithPrefix(dir), luahttpd.WithStderr(&log))
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	get := func(path string) (string, http.Header) {
		resp, err := client.Get("http://" + addr + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != 200 {
			t.Errorf("%s: %s, %v: %s", path, resp.Status, err, body)
		}
		return string(body), resp.Header
	}
	page, _ := get("/")
	if strings.Contains(page, "{{") || !strings.Contains(page, "ngx.say(&quot;") && !strings.Contains(page, "ngx.say(") {
		t.Errorf("the page is not rendered: %s", page)
	}
	id := regexp.MustCompile(`data-id="(\w+)"`).FindStringSubmatch(page)
	if id == nil {
		t.Fatalf("the page has no id: %s", page)
	}
	phases, _ := get("/phases?id=" + id[1])
	for _, phase := range []string{"set", "rewrite", "access", "content", "header_filter", "body_filter", "log"} {
		if !strings.Contains(phases, phase+" ") {
			t.Errorf("phase %s is missing in %q", phase, phases)
		}
	}
	if hello, _ := get("/hello?name=you"); !strings.HasPrefix(hello, "Hello, you!\n") {
		t.Errorf("hello: %q", hello)
	}
	if body, h := get("/json?a=1"); h.Get("Content-Type") != "application/json" || !strings.Contains(body, `"a":"1"`) {
		t.Errorf("json: %q %v", body, h)
	}
	if body, h := get("/proxied/hello"); h.Get("X-Passed-On-To") != addr || !strings.HasPrefix(body, "Hello, world!\n") {
		t.Errorf("proxied: %q %v", body, h)
	}
	for path, mime := range map[string]string{"/style.css": "text/css", "/page.js": "text/javascript"} {
		if _, h := get(path); h.Get("Content-Type") != mime {
			t.Errorf("%s is %s", path, h.Get("Content-Type"))
		}
	}
	client.CloseIdleConnections()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), "[error]") {
		t.Errorf("the log has errors: %s", log.String())
	}
}
