package upstream

import (
	"bytes"
	"testing"
	"time"

	"github.com/luahttpd/luahttpd/actor"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// answered is what a protocol makes of a peer's bytes.
type answered struct {
	status int
	body   string
	done   bool
	reason string
}

// feed gives a protocol a peer's bytes, n at a time, as an Exchange does.
func feed(x *Exchange, p protocol, bytesOf []byte, n int) (a answered) {
	p.reset(x)
	x.head.Reset()
	var buf []byte
	headed := false
	for len(bytesOf) > 0 && !a.done {
		k := min(n, len(bytesOf))
		buf, bytesOf = append(buf, bytesOf[:k]...), bytesOf[k:]
		for more := true; more && !a.done; {
			var used int
			var err error
			var data []byte
			if !headed {
				used, err = p.readHead(x, buf)
				if headed = err == nil; headed {
					a.status = x.head.Status
				} else if err == http1.ErrShort {
					err = nil
				}
				more = headed
			} else {
				data, used, a.done, err = p.readBody(x, buf)
				a.body += string(data)
				more = used > 0 || len(data) > 0
			}
			if used > len(buf) {
				panic("more was used than there is")
			}
			if buf = buf[used:]; err != nil {
				a.reason = err.Error()
				return a
			}
			more = more && (len(buf) > 0 || headed)
		}
	}
	return a
}

func fuzzed(f *testing.F) *Exchange {
	cfg, err := compile(f, "error_log /dev/null crit; server { listen 127.0.0.1:1; }", nil)
	if err != nil {
		f.Fatal(err)
	}
	w, err := actor.NewWorker(0)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { w.Close() })
	r := &phases.Request{}
	r.Init(cfg, w, &phases.Client{Since: time.Now()}, nil)
	r.Method, r.Server = "GET", cfg.Servers[0]
	r.Loc = r.Server.Loc
	x := &Exchange{r: r}
	x.limits = http1.Limits{MaxBytes: 4096, MaxLine: 4096}
	return x
}

// FuzzFastCGI: what a peer's records mean does not depend on how they are cut,
// and what is kept of them is bounded.
func FuzzFastCGI(f *testing.F) {
	record := func(kind byte, content string) []byte {
		return append(appendRecord(nil, kind, len(content)), content...)
	}
	end := record(fcgiEnd, "\x00\x00\x00\x00\x00\x00\x00\x00")
	f.Add(bytes.Join([][]byte{record(fcgiStdout, "Status: 201 X\r\n\r\nhi"), record(fcgiStderr, "oh"), record(fcgiStdout, " there"), end}, nil), 1)
	f.Add(bytes.Join([][]byte{record(fcgiStdout, "Content-Length: 2\r\n"), record(fcgiStdout, "\r\n"), record(fcgiStdout, "hi!"), record(fcgiStdout, ""), end}, nil), 9)
	f.Add(append(record(fcgiStdout, "A: b\n\nx"), 1, 6, 0, 1, 0, 0, 9, 0), 3)
	x := fuzzed(f)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 1 {
			return
		}
		p := &fastcgi{own: &cgiConf{}}
		one := feed(x, p, bytes.Clone(b), n)
		if len(p.errors) > maxStderr || len(p.head) > 4096+n+len(b) {
			t.Errorf("%d bytes of errors, %d of a head", len(p.errors), len(p.head))
		}
		all := feed(x, &fastcgi{own: &cgiConf{}}, bytes.Clone(b), len(b)+1)
		if one.reason != "" || all.reason != "" { // how much came before may differ
			one.body, all.body = "", ""
		}
		if one != all {
			t.Errorf("by %d: %+v, at once: %+v", n, one, all)
		}
	})
}

// FuzzMemcached is FuzzFastCGI for the text protocol of memcached.
func FuzzMemcached(f *testing.F) {
	f.Add([]byte("VALUE k 2 5\r\nhello\r\nEND\r\n"), 1)
	f.Add([]byte("END\r\n"), 2)
	f.Add([]byte("VALUE k 99999999999 -5\r\nhello\r\nEND"), 3)
	x := fuzzed(f)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		if n < 1 {
			return
		}
		own := &memcachedConf{}
		one := feed(x, &memcached{own: own, key: []byte("k")}, bytes.Clone(b), n)
		all := feed(x, &memcached{own: own, key: []byte("k")}, bytes.Clone(b), len(b)+1)
		if one != all {
			t.Errorf("by %d: %+v, at once: %+v", n, one, all)
		}
	})
}

// FuzzURL: a URL that is taken has a host and no rest.
func FuzzURL(f *testing.F) {
	for _, s := range []string{"http://a:80/b?c", "https://[::1]:443", "http://unix:/x:/y", "http://", "a:0", "[x", "unix:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if host, port, fault := splitURL(s); fault == "" && host == "" {
			t.Errorf("%q: %q %d", s, host, port)
		}
		if a, _, fault := parseTarget(s); fault == "" && (a.name == "" || a.uri != "" && a.uri[0] != '/' && !isUnix(a.name)) {
			t.Errorf("%q: %+v", s, a)
		}
	})
}
