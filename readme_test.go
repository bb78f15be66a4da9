package luahttpd

import (
	"os"
	"strings"
	"testing"
)

// fenced returns the code blocks of a document that are marked with lang.
func fenced(t *testing.T, path, lang string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for i, part := range strings.Split(string(text), "\n```") {
		if code, ok := strings.CutPrefix(part, lang+"\n"); ok && i%2 == 1 {
			blocks = append(blocks, code)
		}
	}
	return blocks
}

// TestReadmeExamples holds the README's table of examples to what is in examples/.
func TestReadmeExamples(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[1], " `examples/") {
			continue
		}
		name := strings.Trim(cells[1], " `")
		told[name] = true
		if command := "`luahttpd -p " + name + " -c nginx.conf`"; strings.Contains(cells[2], "luahttpd -p") && !strings.Contains(cells[2], command) {
			t.Errorf("%s is not run by %s", name, cells[2])
		}
	}
	dirs, err := os.ReadDir("examples")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		name := "examples/" + d.Name()
		if d.IsDir() != told[name] {
			t.Errorf("the README does not tell of %s", name)
		}
		delete(told, name)
	}
	for name := range told {
		t.Errorf("the README tells of %s, which is not there", name)
	}
}

// TestReadme runs what the README shows.
func TestReadme(t *testing.T) {
	confs := fenced(t, "README.md", "nginx")
	if len(confs) == 0 {
		t.Fatal("no configuration is shown")
	}
	prefix := t.TempDir()
	for _, text := range confs {
		text = strings.ReplaceAll(text, "listen 8080", "listen 127.0.0.1:0")
		ts := startServer(t, text, prefix)
		if got := ts.exchange(t, "GET /hello?name=you HTTP/1.0\r\n\r\n", 0); !strings.HasSuffix(got, "Hello, you!\n") {
			t.Errorf("the handler answers %q", got)
		}
		ts.expected = []string{"Connection refused"}
		for path, want := range map[string]string{"/api/x": "403", "/none": "404"} {
			ts.expected = append(ts.expected, "No such file")
			if got := ts.exchange(t, "GET "+path+" HTTP/1.0\r\n\r\n", 0); !strings.HasPrefix(got, "HTTP/1.1 "+want) {
				t.Errorf("%s: %.40q, want %s", path, got, want)
			}
		}
	}
	for _, code := range fenced(t, "README.md", "lua") {
		file := prefix + "/app.lua"
		if err := os.WriteFile(file, []byte(code), 0o644); err != nil {
			t.Fatal(err)
		}
		ts := startServer(t, "events {} error_log stderr; http { server { listen 127.0.0.1:0; location / { content_by_lua_file "+file+"; } } }", prefix)
		if got := ts.exchange(t, "GET /?name=you HTTP/1.0\r\n\r\n", 0); !strings.HasSuffix(got, "\r\n\r\nHello, you!\n") {
			t.Errorf("app.lua answers %q", got)
		}
	}
}
