package upstream

import (
	"strings"
	"testing"
)

func TestHealthConfig(t *testing.T) {
	const u = "upstream u { zone z 64k; server 127.0.0.1:1; } "
	in := func(s string) string {
		return u + "server { listen 127.0.0.1:1; location / { proxy_pass http://u; " + s + " } }"
	}
	for text, want := range map[string]string{
		in("health_check;"): "", in("health_check interval=1s fails=3 passes=2 uri=/x port=80 mandatory persistent jitter=1s;"): "",
		in("health_check keepalive_time=1m;"): "", in("health_check persistent;"): "\"persistent\" requires \"mandatory\"",
		in("health_check keepalive_time=x;"): "invalid parameter \"keepalive_time=x\"",
		in("health_check x;"):                "invalid parameter \"x\"",
		in("health_check fails=0;"):          "invalid parameter \"fails=0\"",
		in("health_check uri=x;"):            "invalid parameter \"uri=x\"",
		in("health_check \"uri=/a b\";"):     "invalid parameter \"uri=/a b\"",
		in("health_check port=70000;"):       "invalid parameter \"port=70000\"",
		in("health_check match=m;"):          "match \"m\" not found",
		"match m { } match m { } " + u:       "duplicate match \"m\"",
		"match m { status 99; }":             "invalid status \"99\"",
		"match m { status 300-200; }":        "invalid status \"300-200\"",
		"match m { header a b c; }":          "invalid operator \"b\"",
		"match m { body x y; }":              "invalid operator \"x\"",
		"match m { body ~ ( ; }":             "missing",
		"match m { nothing; }":               "unknown directive \"nothing\"",
		"upstream u { server 127.0.0.1:1; } server { listen 127.0.0.1:1; location / { proxy_pass http://u; health_check; } }": "must be in shared memory",
		u + "server { listen 127.0.0.1:1; location / { health_check; } }":                                                     "requires \"proxy_pass\"",
		"upstream u { zone z 64k; server a.test resolve service=http; server 127.0.0.1:1; ewma; }":                            "",
		"upstream u { zone z 64k; server a.test service=http; }":                                                              "requires \"resolve\" parameter",
		"upstream u { zone z 64k; server a.test:80 resolve service=http; }":                                                   "may not have port",
		"upstream u { zone z 64k; server 127.0.0.1 resolve service=http; }":                                                   "requires domain name",
		"upstream u { server 127.0.0.1:1 slow_start=10s; server 127.0.0.1:2; }":                                               "",
		"upstream u { hash $uri; server 127.0.0.1:1 slow_start=10s; }":                                                        "does not support parameter \"slow_start\"",
		"upstream u { server 127.0.0.1:1 slow_start=x; }":                                                                     "invalid parameter \"slow_start=x\"",
	} {
		_, err := compile(t, text, nil)
		if got := ""; err != nil {
			got = err.Error()
			if want == "" || !strings.Contains(got, want) {
				t.Errorf("%s: %s, want %q", text, got, want)
			}
		} else if want != "" {
			t.Errorf("%s: no error, want %q", text, want)
		}
	}
}
