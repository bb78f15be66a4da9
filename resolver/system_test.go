package resolver

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// TestSystem: /etc/hosts comes first, then the names below the search list's
// domains or the name itself, as the number of its dots says.
func TestSystem(t *testing.T) {
	s := serve(t, map[string][]string{
		"short.corp.test": {"192.0.2.1"}, "short": {"192.0.2.2"}, "a.b.corp.test": {"192.0.2.3"}, "a.b": {"192.0.2.4"},
		"w.x.y.corp.test": {"192.0.2.5"}, "_x._tcp.corp.test": {"@1 1 80 h.test"},
	})
	dir := t.TempDir()
	hosts, conf := filepath.Join(dir, "hosts"), filepath.Join(dir, "resolv.conf")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(hosts, "# comment\n2001:db8::7 Here.Test here\n192.0.2.7 here.test # more\nrubbish x\n")
	write(conf, "search corp.test other.test.\noptions ndots:2 timeout:1\nnameserver "+s.addr+"\n")
	onWorker(t, func(w *actor.Worker) {
		sys := newSystem(w, Config{IPv4: true, IPv6: true}, hosts, conf)
		check := func(name, want string) {
			t.Helper()
			a, err := sys.Resolve(name, 5*time.Second)
			got := fmt.Sprint(a.Addrs)
			if err != nil {
				got = err.Error()
			} else if !a.Until.After(w.Now()) {
				t.Errorf("%s is not good", name)
			}
			if got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		check("here.TEST", "[192.0.2.7 2001:db8::7]")
		check("here", "[2001:db8::7]")
		check("localhost", "[127.0.0.1 ::1]")
		check("short", "[192.0.2.1]")
		check("short.", "[192.0.2.2]")
		check("a.b", "[192.0.2.3]")
		check("a.b.", "[192.0.2.4]")
		check("w.x.y", "[192.0.2.5]")
		check("nosuch", "nosuch could not be resolved (3: Host not found)")
		if a, err := sys.Services("_x._tcp", time.Second); err != nil || len(a.Services) != 1 {
			t.Error(a, err)
		}
		four := newSystem(w, Config{IPv4: true}, hosts, conf)
		if a, err := four.Resolve("here.test", time.Second); err != nil || len(a.Addrs) != 1 {
			t.Error(a, err)
		}
		write(hosts, "192.0.2.99 here.test\n")
		check("here.test", "[192.0.2.7 2001:db8::7]")
		sys.looked = time.Time{}
		check("here.test", "[192.0.2.99]")
		write(conf, "nameserver 127.0.0.1:1\noptions timeout:1 attempts:1\nsearch a.test b.test")
		sys.looked = time.Time{}
		begin := w.Now()
		check("here", "here could not be resolved (110: Operation timed out)")
		if took := time.Since(begin); took > 900*time.Millisecond {
			t.Errorf("a server that is not there took %v", took)
		}
		write(conf, "search corp.test\nnameserver "+s.addr)
		os.Remove(hosts)
		sys.looked = time.Time{}
		check("here.test", "here.test could not be resolved (3: Host not found)")
		check("short", "[192.0.2.1]")
	})
}

func TestParseResolvConf(t *testing.T) {
	for text, want := range map[string]string{
		"": "{[127.0.0.1] [] 1 false 5000000000 2}",
		"nameserver 192.0.2.1\nnameserver ::1\nnameserver x y\nnameserver 192.0.2.2\nnameserver 192.0.2.3":                              "{[192.0.2.1 ::1 192.0.2.2] [] 1 false 5000000000 2}",
		"; c\ndomain A.test\nsearch b.test. c.test\noptions ndots:99 rotate timeout:7\noptions attempts:3\noptions ndots:x\nnameserver": "{[127.0.0.1] [b.test c.test] 15 true 7000000000 3}",
	} {
		if got := fmt.Sprint(parseResolvConf([]byte(text))); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzSystemFiles(f *testing.F) {
	f.Add([]byte("127.0.0.1 a b\nnameserver 1.2.3.4\noptions ndots:3"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for name, addrs := range parseHosts(text) {
			if len(addrs) == 0 {
				t.Errorf("%q has no address", name)
			}
		}
		if c := parseResolvConf(text); len(c.servers) == 0 || len(c.servers) > maxServers || c.ndots > maxDots {
			t.Error(c)
		}
	})
}
