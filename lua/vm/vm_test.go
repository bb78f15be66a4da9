package vm_test

import (
	"time"

	"github.com/luahttpd/luahttpd/lua/vm"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestSemantics(t *testing.T) {
	m := newVM()
	f := load(t, m, semantics, "=semantics")
	th := m.NewThread()
	for i := 0; i < 3; i++ {
		v, err := th.Call(f)
		if err != nil || v[0].Str() != "ok" {
			t.Fatal(v, err)
		}
	}
}

// TestSame compares the results of the programs with those of C Lua.
func TestSame(t *testing.T) {
	if _, err := exec.LookPath("lua5.1"); err != nil {
		t.Skip("lua5.1 is not installed")
	}
	dir := t.TempDir()
	for _, p := range programs {
		m := newVM()
		v, err := m.NewThread().Call(load(t, m, p.src, "="+p.name))
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		got := "nil"
		if len(v) > 0 {
			got = v[0].Raw()
		}
		os.WriteFile(dir+"/p.lua", []byte("print((function() "+p.src+" end)())"), 0o644)
		out, err := exec.Command("lua5.1", dir+"/p.lua").Output()
		if err != nil {
			t.Fatal(p.name, err)
		}
		want := strings.TrimSuffix(string(out), "\n")
		if want == "" {
			want = "nil"
		}
		if got != want {
			t.Errorf("%s: %.200q, C Lua gives %.200q", p.name, got, want)
		}
	}
}

// runCaptured runs a file and gives what it writes with io.write.
func runCaptured(t *testing.T, path string) string {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m := newVM()
	defer m.Close()
	var b strings.Builder
	m.Globals().GetStr("io").Table().SetStr("write", m.NewFunc("write", func(t *vm.Thread) int {
		for i := 1; i <= t.NArg(); i++ {
			b.WriteString(t.CheckString(i))
		}
		return 0
	}))
	th := m.NewThread()
	th.SetLimits(vm.Limits{Time: 60 * time.Second})
	if _, err := th.Call(load(t, m, string(src), "@"+path)); err != nil {
		t.Errorf("%v\n%s", err, err.(*vm.Error).Traceback)
	}
	return b.String()
}
