package http1

// statusTexts are nginx's reason phrases, by code. What nginx leaves empty is empty.
var statusTexts = map[int]string{
	100: "Continue",
	101: "Switching Protocols",
	102: "Processing",
	103: "Early Hints",

	200: "OK",
	201: "Created",
	202: "Accepted",
	204: "No Content",
	206: "Partial Content",

	301: "Moved Permanently",
	302: "Moved Temporarily",
	303: "See Other",
	304: "Not Modified",
	307: "Temporary Redirect",
	308: "Permanent Redirect",

	400: "Bad Request",
	401: "Unauthorized",
	402: "Payment Required",
	403: "Forbidden",
	404: "Not Found",
	405: "Not Allowed",
	406: "Not Acceptable",
	408: "Request Time-out",
	409: "Conflict",
	410: "Gone",
	411: "Length Required",
	412: "Precondition Failed",
	413: "Request Entity Too Large",
	414: "Request-URI Too Large",
	415: "Unsupported Media Type",
	416: "Requested Range Not Satisfiable",
	421: "Misdirected Request",
	429: "Too Many Requests",

	500: "Internal Server Error",
	501: "Not Implemented",
	502: "Bad Gateway",
	503: "Service Temporarily Unavailable",
	504: "Gateway Time-out",
	505: "HTTP Version Not Supported",
	507: "Insufficient Storage",
}

const lowestStatus, highestStatus = 100, 599

// statusLines holds the whole lines: a status costs one copy.
var statusLines = func() (t [highestStatus - lowestStatus + 1]string) {
	for i := range t {
		code := i + lowestStatus
		t[i] = "HTTP/1.1 " + string(AppendInt(nil, int64(code))) + " " + statusTexts[code] + "\r\n"
	}
	return t
}()

// StatusText returns nginx's reason phrase of a code, "" when it has none.
func StatusText(code int) string {
	if code < lowestStatus || code > highestStatus {
		return ""
	}
	line := statusLines[code-lowestStatus]
	return line[len("HTTP/1.1 000 ") : len(line)-2]
}

// AppendStatusLine appends the status line of a response with CRLF; an empty reason is nginx's
// own. nginx answers HTTP/1.0 requests with HTTP/1.1 as well.
func AppendStatusLine(dst []byte, status int, reason string) []byte {
	if reason == "" && status >= lowestStatus && status <= highestStatus {
		return append(dst, statusLines[status-lowestStatus]...)
	}
	status = max(status, 0)
	dst = append(dst, "HTTP/1.1 "...)
	for least := 100; status < least && least > 1; least /= 10 { // always three digits
		dst = append(dst, '0')
	}
	dst = append(AppendInt(dst, int64(status)), ' ')
	return append(appendLine(dst, reason), '\r', '\n')
}
