package lua

import (
	"fmt"
	"strings"

	"github.com/luahttpd/luahttpd/lua/vm"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// controlArea ends the phase, the response or the request.
var controlArea = area{rows: []row{
	{"exit", handlers + "THUKXFOQZ", ngxExit},
	{"exec", handlers, ngxExec},
	{"redirect", handlers, ngxRedirect},
}}

func ngxExit(t *vm.Thread, s *state) int {
	code := t.CheckInt(1)
	if code == exitAgain || code == exitDone {
		t.Errorf("bad argument to 'ngx.exit': does not accept NGX_AGAIN or NGX_DONE")
	}
	abrupt := code == exitError || code == 408 || code == 499 || code == 444
	if !abrupt {
		s.checkAbortable(t)
	}
	if s.r != nil && s.sent() && code >= 300 && !abrupt {
		if code != s.r.Out.Status {
			s.logf(phases.LevelError, "attempt to set status %d via ngx.exit after sending out the response status %d", code, s.r.Out.Status)
		}
		code = 200
	}
	s.debugf("lua exit with code %d", code)
	v := verdict{kind: exited, code: code}
	if s.phase == inHeaderFilter || s.phase == inBalancer || s.phase == inSessionStore {
		s.entry.verdict = v
		return 0
	}
	s.over(t, v)
	return 0
}

// checkAbortable raises an error when subrequests of the run are still on
// their way: nothing may end it before them.
func (s *state) checkAbortable(t *vm.Thread) {
	pending := s.entry.subrequests
	for _, sub := range s.entry.threads {
		pending += sub.subrequests
	}
	if pending > 0 {
		t.Errorf("attempt to abort with pending subrequests")
	}
}

func ngxExec(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 1 && n != 2 {
		t.Errorf("expecting one or two arguments, but got %d", n)
	}
	uri := t.CheckString(1)
	if uri == "" {
		t.Errorf("The uri argument is empty")
	}
	s.checkAbortable(t)
	path, args, ok := splitURI(uri)
	if !ok {
		s.logf(phases.LevelError, "unsafe URI \"%s\" was detected", uri)
		t.Errorf("unsafe uri")
	}
	more := ""
	switch v := t.Arg(2); v.Kind() {
	case vm.KNil:
	case vm.KNumber, vm.KString:
		more, _ = v.ToString()
	case vm.KTable:
		more = s.e.encodeArgs(t, v.Table())
	default:
		t.ArgError(2, "string, number, or table expected, but got "+v.Kind().String())
	}
	if args != "" && more != "" {
		args += "&"
	}
	if s.sent() {
		t.Errorf("attempt to call ngx.exec after sending out response headers")
	}
	s.debugf("lua exec \"%s?%s\"", path, args+more)
	s.over(t, verdict{kind: redirected, uri: path, args: args + more})
	return 0
}

// splitURI takes a URI apart that a script gives for a path of this server. ok
// is false for an empty one and for those that climb above the root.
func splitURI(uri string) (path, args string, ok bool) {
	path, args, _ = strings.Cut(uri, "?")
	if path == "" {
		return "", "", false
	}
	if strings.HasPrefix(path, "@") {
		return path, args, true
	}
	path = unescape(path, false)
	if path == ".." || strings.HasPrefix(path, "../") || strings.HasSuffix(path, "/..") || strings.Contains(path, "/../") ||
		strings.IndexByte(path, 0) >= 0 {
		return "", "", false
	}
	return path, args, true
}

func ngxRedirect(t *vm.Thread, s *state) int {
	if n := t.NArg(); n != 1 && n != 2 {
		t.Errorf("expecting one or two arguments")
	}
	uri, status := t.CheckString(1), 302
	if t.NArg() == 2 {
		status = t.CheckInt(2)
		switch status {
		case 301, 302, 303, 307, 308:
		default:
			t.Errorf("only ngx.HTTP_MOVED_TEMPORARILY, ngx.HTTP_MOVED_PERMANENTLY, ngx.HTTP_PERMANENT_REDIRECT, " +
				"ngx.HTTP_SEE_OTHER, and ngx.HTTP_TEMPORARY_REDIRECT are allowed")
		}
	}
	s.checkAbortable(t)
	if s.sent() {
		t.Errorf("attempt to call ngx.redirect after sending out the headers")
	}
	for i := range len(uri) {
		if c := uri[i]; c <= 0x20 || c == 0x7f {
			t.Errorf("unsafe byte \"0x%02x\" in redirect uri \"%s\"", c, escapeLog(uri))
		}
	}
	s.r.Out.Set("Location", uri)
	s.r.Out.RelativeLocation = uri != "" && uri[0] == '/'
	s.r.Out.Status = status
	s.debugf("lua redirect to \"%s\" with code %d", uri, status)
	s.over(t, verdict{kind: exited, code: status})
	return 0
}

// escapeLog writes bytes that would break a log line as \xXX.
func escapeLog(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			fmt.Fprintf(&b, "\\x%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// escaped is s with the bytes of set as %XX.
func escaped(s string, set http1.Escape) string {
	return string(http1.AppendEscaped(nil, s, set))
}
