package actor

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestOpenUnlinked(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "d", "f"), []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"ld": "d", "d/lf": "f", "broken": "nothing", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path  string
		from  int
		owned bool
		err   error
	}{
		{dir + "/d/f", 0, false, nil},
		{dir + "/d//f", 0, false, nil},
		{dir + "/d/lf", 0, false, syscall.ELOOP},
		{dir + "/ld/f", 0, false, syscall.ELOOP},
		{dir + "/ld/f", len(dir + "/ld"), false, nil},
		{dir + "/ld/lf", 0, true, nil},
		{dir + "/broken", 0, false, syscall.ELOOP},
		{dir + "/broken", 0, true, syscall.ENOENT},
		{dir + "/loop", 0, true, syscall.ELOOP},
		{dir + "/d/f/x", 0, false, syscall.ENOTDIR},
		{dir + "/none", 0, false, syscall.ENOENT},
	} {
		f, err := OpenUnlinked(c.path, c.from, c.owned, false)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
			t.Errorf("%s from %d: %v, want %v", c.path, c.from, err, c.err)
		}
		if err != nil {
			continue
		}
		if b, err := io.ReadAll(f); err != nil || string(b) != "text" {
			t.Errorf("%s: %q %v", c.path, b, err)
		}
		f.Close()
	}
	f, err := OpenUnlinked(dir+"/d", 0, false, true)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.IsDir() {
		t.Error(st, err)
	}
}
