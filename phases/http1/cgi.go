package http1

// ParseCGI reads the head of a CGI response (RFC 3875 section 6; FastCGI, SCGI, uwsgi): fields and
// an empty line, no status line. The status is that of a Status field, else 302 with a Location
// field, else 200, as in nginx; StatusLine is "404 Not Found" or nil. A "Transfer-Encoding: chunked"
// that a script copied from elsewhere says nothing of the body. Otherwise it is [ParseResponse].
func ParseCGI(b []byte, h *ResponseHead, lim *Limits) (n int, err error) {
	n, err = h.resume(b, lim, true)
	if err != nil {
		return n, err
	}
	h.Status = 200
	for _, f := range h.Fields {
		switch {
		case equalFold(f.Name, "location") && h.StatusLine == nil:
			h.Status = 302
		case equalFold(f.Name, "status"):
			v := f.Value
			if len(v) < 3 || v[0] < '1' || v[0] > '9' || v[1] < '0' || v[1] > '9' || v[2] < '0' || v[2] > '9' || len(v) > 3 && v[3] != ' ' {
				return 0, errUpstream("upstream sent invalid status " + quoted(v))
			}
			h.StatusLine, h.Reason = v, v[min(4, len(v)):]
			h.Status = int(v[0]-'0')*100 + int(v[1]-'0')*10 + int(v[2]-'0')
		}
	}
	return n, nil
}
