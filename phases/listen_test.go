package phases

import (
	"strings"
	"testing"

	"github.com/luahttpd/luahttpd/conf"
)

func TestListen(t *testing.T) {
	for text, want := range map[string]string{
		"8080": "0.0.0.0:8080", "*:8080": "0.0.0.0:8080", "127.0.0.1": "127.0.0.1:80", "127.0.0.1:1": "127.0.0.1:1", ":1": "0.0.0.0:1",
		"localhost:1": "127.0.0.1:1", "[::1]:1": "[::1]:1", "[::]": "[::]:80", "unix:/a/b": "unix:/a/b", "127.0.0.1:0": "127.0.0.1:0",
		"1-3": "0.0.0.0:1 0.0.0.0:2 0.0.0.0:3", "127.0.0.1:7-8": "127.0.0.1:7 127.0.0.1:8", "[::1]:5-5": "[::1]:5",
		"127.0.0.1:": "!invalid port", "127.0.0.1:65536": "!invalid port", "127.0.0.1:x": "!invalid port", "3-1": "!invalid port",
		"0-9": "!invalid port", "-": "!invalid port", "1-": "!invalid port", "99999": "!invalid port",
		"[::1]80": "!invalid host", "[::1": "!invalid host", "[1.2.3.4]:1": "!invalid IPv6 address", "[fe80::1%x]:1": "!invalid IPv6 address",
		"unix:": "!invalid unix socket path", "unix:/" + strings.Repeat("x", 107): "!invalid unix socket path",
	} {
		ls, err := parseListen(&conf.Stmt{Name: "listen", Args: []string{text}}, text)
		var got []string
		for _, l := range ls {
			got = append(got, l.String())
		}
		if reason, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.HasPrefix(err.Error(), reason) {
				t.Errorf("%s: %v %v, want %s", text, got, err, reason)
			}
		} else if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v %v, want %s", text, got, err, want)
		}
	}
}

func TestListenOptions(t *testing.T) {
	for _, c := range []struct{ conf, want string }{
		{"listen 1 backlog=0;", `invalid backlog "backlog=0"`},
		{"listen 1 ssl=on;", `invalid parameter "ssl=on"`},
		{"listen 1 reuseport=1;", `invalid parameter "reuseport=1"`},
		{"listen 1 what;", `invalid parameter "what"`},
		{"listen 1 rcvbuf=x;", `invalid rcvbuf "rcvbuf=x"`},
		{"listen 1 ipv6only=maybe;", `invalid ipv6only flags "maybe"`},
		{"listen 1 so_keepalive=::;", `invalid so_keepalive value: "::"`},
		{"listen 1 so_keepalive=1:2:3:4;", `invalid so_keepalive value: "1:2:3:4"`},
		{"listen 1; listen *:1;", "a duplicate listen *:1"},
	} {
		if _, err := compile(t, "server { "+c.conf+" }"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.conf, err, c.want)
		}
	}
	for _, c := range []struct{ conf, want string }{
		{"server { listen 1 default_server; } server { listen 1 default_server; }", "a duplicate default server for 0.0.0.0:1"},
		{"server { listen 1 backlog=1; } server { listen 1 backlog=1; }", "duplicate listen options for 0.0.0.0:1"},
	} {
		if _, err := compile(t, c.conf); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.conf, err, c.want)
		}
	}
	cfg := mustCompile(t, `server { listen 1; listen [::]:1; } server { listen 1 default_server backlog=7 rcvbuf=8k so_keepalive=30m::10; } server { listen 1; } server {}`)
	if n := len(cfg.Listens); n != 3 {
		t.Fatalf("%d addresses", n)
	}
	l := cfg.Listens[0]
	if len(l.Servers()) != 3 || l.Default != cfg.Servers[1] || l.Backlog != 7 || l.Rcvbuf != 8192 || !l.KeepAlive.On || l.KeepAlive.Idle.Minutes() != 30 || l.KeepAlive.Count != 10 {
		t.Errorf("%+v", l)
	}
	if d := cfg.Listens[2]; d.String() != "0.0.0.0:80" || d.Default != cfg.Servers[3] {
		t.Errorf("%s", d)
	}
}

func FuzzListen(f *testing.F) {
	for _, s := range []string{"80", "[::1]:80", "127.0.0.1:1-3", "unix:/x", "*", ":"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") && !strings.HasPrefix(text, "unix:") {
			return // no names to look up
		}
		host, _, _, fault := splitListen(text)
		if fault == "" && strings.Trim(host, "0123456789.:[]*") != "" && !strings.HasPrefix(text, "unix:") {
			return
		}
		ls, err := parseListen(&conf.Stmt{Name: "listen", Args: []string{text}}, text)
		if err != nil {
			return
		}
		for _, l := range ls {
			again, err := parseListen(&conf.Stmt{Name: "listen"}, l.String())
			if err != nil || len(again) != 1 || again[0].Addr != l.Addr || again[0].Unix != l.Unix {
				t.Errorf("%q gives %s, which gives %v %v", text, l, again, err)
			}
		}
	})
}
