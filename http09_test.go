package luahttpd

import (
	"strings"
	"testing"
)

// TestHTTP09 has HTTP/0.9 requests answered as nginx does: by a body and the
// end of the connection.
func TestHTTP09(t *testing.T) {
	ts := startServer(t, `
events { }
http {
	server {
		listen 127.0.0.1:0;
		location = /echo { return 200 "body"; }
		location = /lua {
			content_by_lua_block {
				ngx.req.set_header("X-Foo", "howdy")
				local h = ngx.req.get_headers()
				ngx.say(ngx.status, " ", ngx.req.http_version(), " ", h["X-Foo"])
				ngx.header.x = "y"
			}
			log_by_lua_block { ngx.log(ngx.ERR, "head of ", ngx.var.bytes_sent - ngx.var.body_bytes_sent) }
		}
		location = /proxy { proxy_pass http://127.0.0.1:$server_port/echo; }
	}
}`, t.TempDir())
	ts.expected = []string{"set ngx.header.HEADER", "No such file", "head of 0"}
	for payload, want := range map[string]string{
		"GET /echo\r\n":                         "body",
		"GET /echo\n":                           "body",
		"\r\nGET /echo\r\nGET /lua\r\n":         "body", // nothing comes behind it
		"GET /lua\r\n":                          "9 0.9 nil\n",
		"GET /proxy\r\n":                        "body",
		"POST /echo\r\n":                        "HTTP/1.1 400 ",
		"GET /echo HTTP/0.9\r\nHost: a\r\n\r\n": "HTTP/1.1 400 ",
	} {
		got := ts.exchange(t, payload, 0)
		if got != want && (want[:4] != "HTTP" || !strings.HasPrefix(got, want)) {
			t.Errorf("%q: %q, want %q", payload, got, want)
		}
	}
	if got := ts.exchange(t, "GET /none\r\n", 0); !strings.HasPrefix(got, "<html>") {
		t.Errorf("an error page: %q", got)
	}
	if log := ts.log.String(); !strings.Contains(log, "head of 0") {
		t.Error(log)
	}
}
