package luahttpd

import (
	"net/http"
	"strings"
	"testing"
)

// TestFilterErrorIsLoggedOnce: an error in a script that filters ends the connection, and the log tells it once.
func TestFilterErrorIsLoggedOnce(t *testing.T) {
	for _, script := range []string{"header_filter_by_lua_block { error('mine') }", "body_filter_by_lua_block { error('mine') }"} {
		s := startServer(t, `events {} http { server { listen 127.0.0.1:0; location / { return 200 "x"; `+script+` } } }`, t.TempDir())
		s.expected = []string{"mine"}
		if res, err := http.Get("http://" + s.Addr().String() + "/"); err == nil {
			res.Body.Close()
			t.Errorf("%s: %s", script, res.Status)
		}
		if log := s.log.String(); strings.Count(log, "[error]") != 1 {
			t.Errorf("%s: the log is\n%s", script, log)
		}
	}
}
