package phases

import (
	"strings"

	"github.com/luahttpd/luahttpd/phases/http1"
)

// browser is what nginx tells of a User-Agent, for the three directives that
// ask for it.
type browser struct{ msie, msie6, chrome, safari bool }

func (r *Request) browser() (b browser) {
	agent := string(r.Field("User-Agent"))
	if agent == "" || strings.Contains(agent, "Opera") {
		return b
	}
	if i := strings.Index(agent, "MSIE "); i >= 0 && i+7 < len(agent) {
		b.msie = true
		if agent[i+6] == '.' {
			c := agent[i+5]
			b.msie6 = c == '4' || c == '5' || c == '6' && !strings.Contains(agent[i+8:], "SV1")
		}
		return b
	}
	b.chrome = strings.Contains(agent, "Chrome/")
	b.safari = !b.chrome && strings.Contains(agent, "Safari/") && strings.Contains(agent, "Mac OS X")
	return b
}

// closeForBrowser is keepalive_disable.
func (r *Request) closeForBrowser(disabled []string) {
	b := r.browser()
	for _, name := range disabled {
		if name == "msie6" && b.msie6 && r.Method == "POST" || name == "safari" && b.safari {
			r.KeepAlive = false
		}
	}
}

// padding makes a page of an error long enough for browsers to show it
// (msie_padding).
var padding = strings.Repeat("<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n", 6)

// padded is page for the request's client. The original is shared.
func (r *Request) padded(page []byte, status int) []byte {
	if page == nil || status < 400 || !r.Loc.Core.MSIEPadding || r.Major < 1 {
		return page
	}
	if b := r.browser(); !b.msie && !b.chrome {
		return page
	}
	return append(page[:len(page):len(page)], padding...)
}

// refreshTo redirects by a page for browsers that lose the fragment of a
// Location (msie_refresh).
func (r *Request) refreshTo(uri string) Result {
	o := &r.Out
	o.Del("Location")
	o.Status, o.Line, o.Charset, o.ContentType, r.errStatus = 200, "", "", "text/html", 0
	o.ClearLength()
	b := []byte(`<html><head><meta http-equiv="Refresh" content="0; URL=`)
	b = http1.AppendEscaped(b, uri, http1.EscapeRefresh)
	return r.SendBytes(append(b, "\"></head><body></body></html>\r\n"...))
}
