package luahttpd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAccessLog makes requests and reads what was logged of them.
func TestAccessLog(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"logs", "html"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ts := startServer(t, `
events {}
http {
    log_format text 'text $uri [$http_x] $sent_http_x';
    log_format json escape=json '{"x":"$http_x"}';
    log_format bare escape=none '$http_x|$http_none|${arg_a}b';
    map $arg_log $wanted { 1 1; default 0; }
    server {
        listen 127.0.0.1:0;
        location / { return 200 ok; }
        location /off { access_log off; return 200 ok; }
        location /many {
            access_log logs/text.log text;
            access_log logs/json.log json;
            access_log logs/bare.log bare buffer=4k flush=1h;
            return 200 ok;
        }
        location /if { access_log logs/if.log text if=$wanted; return 200 ok; }
        location /var { access_log logs/$arg_a.log text; return 200 ok; }
        location /if-block {
            if ($arg_a) { access_log off; }
            return 200 ok;
        }
    }
}`, dir)
	for _, uri := range []string{"/", "/off", "/many?a=1", "/if", "/if?log=1", "/var?a=z", "/if-block", "/if-block?a=1"} {
		ts.exchange(t, "GET "+uri+" HTTP/1.1\r\nHost: localhost\r\nX: \"\\\xe9\r\nConnection: close\r\n\r\n", 0)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, "logs", name))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	combined := read("access.log")
	if n := strings.Count(combined, "\n"); n != 2 {
		t.Errorf("%d lines: %s", n, combined)
	}
	if !regexp.MustCompile(`^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET / HTTP/1\.1" 200 2 "-" "-"\n`).MatchString(combined) {
		t.Error(combined)
	}
	if got := read("bare.log"); got != "" {
		t.Errorf("not buffered: %q", got)
	}
	if err := ts.ReopenLogs(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"text.log": `text /many [\x22\x5C\xE9] -` + "\n",
		"json.log": `{"x":"\"\\` + "\xe9\"}\n",
		"bare.log": "\"\\\xe9||1b\n",
		"if.log":   `text /if [\x22\x5C\xE9] -` + "\n",
		"z.log":    `text /var [\x22\x5C\xE9] -` + "\n",
	} {
		if got := read(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestAccessLogMistakes(t *testing.T) {
	for _, c := range []struct{ conf, want string }{
		{"access_log x none;", `unknown log format "none"`},
		{"access_log off combined;", `invalid parameter "combined"`},
		{"access_log x combined what;", `invalid parameter "what"`},
		{"access_log x combined buffer=0;", `invalid buffer size "0"`},
		{"access_log x combined flush=1s;", `no buffer is defined for access_log "x"`},
		{"access_log x combined gzip=10;", `invalid compression level "10"`},
		{"access_log $uri combined buffer=1k;", "buffered logs cannot have variables in name"},
		{"access_log syslog:server=127.0.0.1 combined buffer=1k;", "logs to syslog cannot be buffered"},
		{"access_log x combined buffer=1k; access_log x combined buffer=2k;", `access_log "x" already defined with conflicting parameters`},
		{"log_format a $x; log_format a $x;", `duplicate "log_format" name "a"`},
		{"log_format a escape=x $x;", `unknown log format escaping "x"`},
		{"log_format a ${x;", `the closing bracket in "x" variable is missing`},
	} {
		s, err := Parse(strings.NewReader("events {}\nhttp { "+c.conf+" }"), WithPrefix(t.TempDir()))
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.conf, err, c.want)
		}
	}
}
