package phases

import (
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/conf"
)

// TestInert: what has no effect is told, and still checked.
func TestInert(t *testing.T) {
	compile := func(line string) (*Config, error) {
		file, err := conf.Parse("nginx.conf", []byte("http { "+line+" }"), conf.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return Compile(file, "/nginx.conf", Options{Modules: []Module{CoreModule, ProcessModule}, Logs: NewLogs(new(strings.Builder))})
	}
	cfg, err := compile("sendfile_max_chunk 1m;")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Join(cfg.Notices(), "\n"); !strings.Contains(n, "\"sendfile_max_chunk\" is accepted and ignored") {
		t.Errorf("notices: %q", n)
	}
	if _, err := compile("client_body_in_single_buffer maybe;"); err == nil {
		t.Error("a bad argument is accepted")
	}
}
