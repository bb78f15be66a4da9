package handler

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestOpenFiles: what is served is what the name stands for at that moment,
// though files stay open.
func TestOpenFiles(t *testing.T) {
	dir, r, answer := answering(t, "access_log off; error_log stderr crit;", "/file.html")
	path := filepath.Join(dir, "html", "file.html")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	check := func(what string, status int, text string) {
		t.Helper()
		for range 2 {
			answer()
			if r.Out.Status != status {
				t.Errorf("%s: status %d, want %d", what, r.Out.Status, status)
			}
			if status != 200 {
				continue
			}
			if got := r.Out.ContentLength; got != int64(len(text)) {
				t.Errorf("%s: %d bytes, want %d", what, got, len(text))
			}
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if tag, _ := r.Out.Get("ETag"); tag != fmt.Sprintf("\"%x-%x\"", st.ModTime().Unix(), st.Size()) {
				t.Errorf("%s: tag %s", what, tag)
			}
		}
	}
	check("new", 200, "text")
	write(path, "longer text")
	check("written again", 200, "longer text")
	if err := os.Chtimes(path, time.Time{}, time.Unix(1000, 0)); err != nil {
		t.Fatal(err)
	}
	check("touched", 200, "longer text")
	other := filepath.Join(dir, "html", "other")
	write(other, "another")
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	check("replaced", 200, "another")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check("removed", 404, "")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	check("a directory", 301, "")
}

// TestOpenFilesBounded asks for more files than may stay open.
func TestOpenFilesBounded(t *testing.T) {
	dir, r, answer := answering(t, "access_log off;", "/file.html")
	for i := range 3 * openFiles {
		name := fmt.Sprintf("f%d", i)
		if err := os.WriteFile(filepath.Join(dir, "html", name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	answer()
	c := cacheOf(r)
	for i := range 3 * openFiles {
		path := filepath.Join(dir, "html", fmt.Sprintf("f%d", i))
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		st, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		o := c.put(path, f, st)
		if again := c.get([]byte(path)); again != o {
			t.Fatal("not kept")
		}
		c.done(o)
		c.done(o)
	}
	if n := len(c.byPath); n != openFiles || n != c.recent.Len() {
		t.Errorf("%d files are open, %d in the list", n, c.recent.Len())
	}
	held := c.get([]byte(filepath.Join(dir, "html", fmt.Sprintf("f%d", 3*openFiles-1))))
	closeFiles(r.Config, r.Worker)
	if _, err := held.f.Stat(); err != nil {
		t.Error("closed while it is sent:", err)
	}
	c.done(held)
	if _, err := held.f.Stat(); err == nil {
		t.Error("still open")
	}
}
