package phases

import (
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// errorPage is one code of an error_page directive.
type errorPage struct {
	status    int
	overwrite int // -1: keep; 0: the page's own status ("=")
	uri       *Template
	args      string
}

func addErrorPage(own *Core, b *Block, s *conf.Stmt) error {
	args := s.Args
	uri := args[len(args)-1]
	if strings.HasPrefix(uri, "=") {
		return s.Errorf("invalid value \"%s\"", uri)
	}
	codes := args[:len(args)-1]
	overwrite := -1
	if last := codes[len(codes)-1]; strings.HasPrefix(last, "=") && len(codes) > 1 {
		overwrite = 0
		if last != "=" {
			n, ok := conf.Number(last[1:])
			if !ok {
				return s.Errorf("invalid value \"%s\"", last)
			}
			overwrite = n
		}
		codes = codes[:len(codes)-1]
	}
	t, err := b.Template(s, uri)
	if err != nil {
		return err
	}
	page := errorPage{overwrite: overwrite, uri: t}
	if path, query, ok := strings.Cut(uri, "?"); ok && strings.HasPrefix(uri, "/") && !HasVariables(uri) {
		page.uri, page.args = Literal(path), query
	}
	for _, code := range codes {
		n, ok := conf.Number(code)
		if !ok || n == 499 {
			return s.Errorf("invalid value \"%s\"", code)
		}
		if n < 300 || n > 599 {
			return s.Errorf("value \"%s\" must be between 300 and 599", code)
		}
		page.status = n
		if overwrite < 0 && (n == 494 || n == 495 || n == 496 || n == 497) {
			page.overwrite = 400
		}
		own.ErrorPages.Add(s, page)
		page.overwrite = overwrite
	}
	return nil
}

// special answers with a status: the configured error page, a redirect's
// body, or the built-in page.
func (r *Request) special(status int) Result {
	r.errStatus = status
	switch status {
	case 400, 413, 414, 494, 495, 496, 497, 500, 501:
		r.KeepAlive = false
	}
	if r.sub != nil && r.sub.NoPages {
		return r.emptyPage(status)
	}
	c := r.Loc.Core
	if !r.errorPage && r.redirects > 0 {
		for _, p := range c.ErrorPages.Items {
			if p.status == status {
				return r.sendErrorPage(status, p)
			}
		}
	}
	return r.builtinPage(status)
}

// HasErrorPage tells whether error_page names the status. What is answered
// then is the built-in page if the request is for an error page already.
func (r *Request) HasErrorPage(status int) bool {
	for _, p := range r.Loc.Core.ErrorPages.Items {
		if p.status == status {
			return true
		}
	}
	return false
}

func (r *Request) sendErrorPage(status int, p errorPage) Result {
	r.errStatus = status
	r.errorPage = r.errorPage || !r.Loc.Core.RecursivePages
	switch {
	case p.overwrite > 0:
		r.errStatus = p.overwrite
	case p.overwrite == 0:
		r.errStatus = 0
	}
	uri := p.uri.String(r)
	if strings.HasPrefix(uri, "/") {
		args := p.args
		if _, isConst := p.uri.Const(); !isConst {
			uri, args, _ = strings.Cut(uri, "?")
		}
		if r.Method != "HEAD" {
			r.Method = "GET"
		}
		return r.redirected(r.InternalRedirect([]byte(uri), []byte(args)))
	}
	if strings.HasPrefix(uri, "@") {
		return r.redirected(r.NamedLocation(uri))
	}
	if r.Loc.Core.MSIERefresh && r.browser().msie {
		return r.refreshTo(uri)
	}
	r.Out.Set("Location", uri)
	switch p.overwrite {
	case 301, 302, 303, 307, 308:
	default:
		r.errStatus = 302
	}
	return r.builtinPage(r.errStatus)
}

// redirected passes on an internal redirect; one that failed has no page.
func (r *Request) redirected(res Result) Result {
	if res == Redirected {
		return res
	}
	r.errStatus = int(res)
	return r.builtinPage(int(res))
}

// emptyPage answers with a status and nothing else.
func (r *Request) emptyPage(status int) Result {
	o := &r.Out
	o.Status, o.Line, o.ContentType, o.Charset, r.errStatus = status, "", "", "", 0
	o.ClearLength()
	o.ContentLength = 0
	o.LastModified = time.Time{}
	return r.Finish()
}

// builtinPage sends nginx's page for the status.
func (r *Request) builtinPage(status int) Result {
	switch status {
	case 494, 495, 496, 497:
		r.errStatus = 400
	}
	if r.errStatus == 0 {
		r.errStatus = status
	}
	o := &r.Out
	o.Line, o.Charset = "", ""
	o.LastModified = time.Time{}
	o.AllowRanges = false
	o.Del("Accept-Ranges")
	o.Del("Content-Encoding")
	o.Del("ETag")
	if status == 201 || status == 204 || status == 304 || status < 300 {
		o.ContentLength, o.ContentType = -1, ""
		if status == 201 {
			o.ContentLength = 0
		}
		o.Status, r.errStatus = status, 0
		return r.Finish()
	}
	page := r.Config.page(status, r.Loc.Core.Tokens)
	o.ContentType = "text/html"
	if page == nil {
		o.ContentType = ""
	}
	return r.SendBytes(r.padded(page, status))
}

// pageTitles are the headings of pages whose status says less than nginx does.
var pageTitles = map[int]string{
	494: "Request Header Or Cookie Too Large",
	495: "The SSL certificate error",
	496: "No required SSL certificate was sent",
	497: "The plain HTTP request was sent to HTTPS port",
}

// page renders the built-in page of a status, nil for those that have none.
func (cfg *Config) page(status, tokens int) []byte {
	title := http1.StatusText(status)
	switch {
	case status == 302:
		title = "Found" // unlike the status line
	case status == 401:
		title = "Authorization Required"
	case status == 498: // nginx's own for "like 404"
		status, title = 404, http1.StatusText(404)
	case title == "" && pageTitles[status] == "":
		return nil
	}
	title = strconv.Itoa(status) + " " + title
	b := make([]byte, 0, 256)
	b = append(b, "<html>\r\n<head><title>"...)
	if t := pageTitles[status]; t != "" {
		b = append(b, "400 "...)
		b = append(b, t...)
		b = append(b, "</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n<center>"...)
		b = append(b, t...)
	} else {
		b = append(b, title...)
		b = append(b, "</title></head>\r\n<body>\r\n<center><h1>"...)
		b = append(b, title...)
		b = append(b, "</h1>"...)
	}
	b = append(b, "</center>\r\n<hr><center>"...)
	b = append(b, cfg.Build.token(tokens)...)
	return append(b, "</center>\r\n</body>\r\n</html>\r\n"...)
}

// token is what the Server field says at a level of server_tokens.
func (b Build) token(tokens int) string {
	if tokens == TokensOff || b.Version == "" {
		return b.Name
	}
	return b.Name + "/" + b.Version
}

// ServerToken is the value of the Server field for the request.
func (r *Request) ServerToken() string { return r.Config.Build.token(r.Loc.Core.Tokens) }
