package phases

import (
	"slices"
	"strings"
	"testing"
)

func TestServerNames(t *testing.T) {
	cfg := mustCompile(t, `
server { listen 127.0.0.1:1; server_name first; }
server { listen 127.0.0.1:1 default_server; server_name _ deflt; }
server { listen 127.0.0.1:1; server_name exact.example.org *.example.org www.example.*; }
server { listen 127.0.0.1:1; server_name .dotted.org *.deep.example.org www.example.co.*; }
server { listen 127.0.0.1:1; server_name ~^(?<sub>x+)\.re$ ~re$; }
server { listen 127.0.0.1:1; }
`)
	for host, want := range map[string]int{
		"first": 0, "deflt": 1, "none": 1, "_": 1,
		"exact.example.org": 2, "a.example.org": 2, "a.b.example.org": 2, "example.org": 1,
		"www.example.com": 2, "www.example.co.uk": 3, "www.example.co": 2, "www.example.": 1,
		"dotted.org": 3, "a.dotted.org": 3, "xdotted.org": 1, "a.deep.example.org": 3, "deep.example.org": 2,
		"xx.re": 4, "foo.re": 4, "re.foo": 1, "": 5, ".example.org": 1, "first.": 0,
	} {
		s, err := cfg.Listens[0].Find(nil, []byte(host))
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Index(cfg.Servers, s); got != want {
			t.Errorf("%q: server block %d, want %d", host, got, want)
		}
	}
	r, _ := request(t, cfg, "/")
	if _, err := cfg.Listens[0].Find(r, []byte("xxx.re")); err != nil {
		t.Fatal(err)
	}
	if v, ok := r.Variable("sub", nil); !ok || string(v) != "xxx" {
		t.Errorf("$sub is %q", v)
	}
}

func TestServerNameMistakes(t *testing.T) {
	for names, want := range map[string]string{
		"a*": "invalid server name or wildcard", "*": "invalid server name or wildcard", "*a.b": "invalid server name or wildcard",
		"a.*.b": "invalid server name or wildcard", "*.a.*": "invalid server name or wildcard", ".": "is invalid", "~": "empty regex", "~(": "pcre",
	} {
		if _, err := compile(t, "server { server_name "+names+"; }"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", names, err)
		}
	}
	cfg := mustCompile(t, "server { listen 127.0.0.1:1; server_name a b; } server { listen 127.0.0.1:1; server_name b; }")
	if n := cfg.Notices(); len(n) != 1 || !strings.Contains(n[0], `[warn] conflicting server name "b" on 127.0.0.1:1, ignored`) {
		t.Error(n)
	}
}
