package luahttpd

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// block is one case of a script test: sections of text under a name.
//
//	=== a location answers with a text
//	--- config
//	location /t { return 200 "hi\n"; }
//	--- request
//	GET /t
//	--- response_body
//	hi
//
// Sections: main_config, http_config, config (of the server block), user_files
// (">>> name" lines, then the text), request (its first line may name the
// version, further lines are the body), more_headers, raw_request (with Go
// escapes), status, response_headers ("Name: value", "!Name" for absent),
// response_headers_like ("Name: expression"),
// response_body (exact), response_body_like (expressions), error_log and
// no_error_log (lines that the log must or must not have), lens ("plain" keeps
// the other lenses off, with the reason behind it).
type block struct {
	name     string
	file     string
	line     int
	sections map[string]string
}

var knownSections = map[string]bool{
	"main_config": true, "http_config": true, "config": true, "user_files": true, "request": true, "more_headers": true,
	"raw_request": true, "status": true, "response_headers": true, "response_body": true, "response_body_like": true, "response_headers_like": true,
	"error_log": true, "no_error_log": true, "lens": true,
}

// readBlocks parses a file of cases; a section that is not known or given
// twice fails, so that a misspelt check cannot pass.
func readBlocks(t *testing.T, path string) []*block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []*block
	var b *block
	section := ""
	for i, line := range strings.SplitAfter(string(text), "\n") {
		bare := strings.TrimRight(line, "\n")
		if name, ok := strings.CutPrefix(bare, "=== "); ok {
			if b != nil && section != "" { // the line between two cases
				b.sections[section] = trimBlank(b.sections[section])
			}
			b = &block{name: name, file: filepath.Base(path), line: i + 1, sections: map[string]string{}}
			blocks = append(blocks, b)
			section = ""
			continue
		}
		if head, ok := strings.CutPrefix(bare, "--- "); ok && b != nil {
			name, value, inline := strings.Cut(head, ": ")
			if _, twice := b.sections[name]; twice || !knownSections[name] {
				t.Fatalf("%s:%d: section %q is unknown or given twice", path, i+1, name)
			}
			section = name
			b.sections[name] = ""
			if inline {
				b.sections[name] = value + "\n"
				section = ""
			}
			continue
		}
		if section != "" {
			b.sections[section] += line
		}
	}
	return blocks
}

func (b *block) get(section string) string { return b.sections[section] }

func (b *block) has(section string) bool { _, ok := b.sections[section]; return ok }

func (b *block) lines(section string) []string {
	var lines []string
	for line := range strings.SplitSeq(b.get(section), "\n") {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// payload is what the client sends: one request that ends its connection, or
// with keep one that leaves it open.
func (b *block) payload(keep bool) (string, error) {
	if b.has("raw_request") {
		return strconv.Unquote(`"` + strings.ReplaceAll(strings.TrimSuffix(b.get("raw_request"), "\n"), "\n", "") + `"`)
	}
	first, body, _ := strings.Cut(b.get("request"), "\n")
	body = strings.TrimSuffix(body, "\n")
	f := strings.Fields(first)
	if len(f) == 2 {
		f = append(f, "HTTP/1.1")
	}
	if len(f) != 3 {
		return "", fmt.Errorf("%s:%d: bad request line %q", b.file, b.line, first)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s\r\n", strings.Join(f, " "))
	more := b.get("more_headers")
	if !strings.Contains(strings.ToLower(more), "host:") {
		s.WriteString("Host: localhost\r\n")
	}
	if !keep {
		s.WriteString("Connection: close\r\n")
	} else if f[2] == "HTTP/1.0" {
		s.WriteString("Connection: keep-alive\r\n")
	}
	for _, line := range b.lines("more_headers") {
		s.WriteString(line + "\r\n")
	}
	if body != "" && !strings.Contains(strings.ToLower(more), "transfer-encoding:") {
		fmt.Fprintf(&s, "Content-Length: %d\r\n", len(body))
	}
	return s.String() + "\r\n" + body, nil
}

// configuration is the whole nginx.conf of the case.
func (b *block) configuration(workers int) string {
	return fmt.Sprintf(`worker_processes %d; error_log stderr debug;
%s
events { worker_connections 256; }
http {
    default_type text/plain;
%s
    server {
        listen 127.0.0.1:0; server_name localhost;
%s
    }
}
`, workers, b.get("main_config"), b.get("http_config"), b.get("config"))
}

// writeFiles lays out user_files below the html directory of the prefix.
func (b *block) writeFiles(t *testing.T, prefix string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(prefix, "html"), 0o755); err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq("\n"+b.get("user_files"), "\n>>> ") {
		name, text, ok := strings.Cut(part, "\n")
		if !ok || name == "" {
			continue
		}
		path := filepath.Join(prefix, "html", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// trimBlank removes the blank line that parts two cases.
func trimBlank(text string) string {
	if strings.HasSuffix(text, "\n\n") || text == "\n" {
		return text[:len(text)-1]
	}
	return text
}
