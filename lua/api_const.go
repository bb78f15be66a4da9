package lua

import "github.com/luahttpd/luahttpd/lua/vm"

// Codes of ngx.exit beside HTTP's statuses.
const (
	exitOK       = 0
	exitError    = -1
	exitAgain    = -2
	exitDone     = -4
	exitDeclined = -5
)

// constantsArea holds ngx.OK, ngx.HTTP_*, ngx.ERR and ngx.null.
var constantsArea = area{open: func(e *engine, ngx *vm.Table) {
	for _, c := range []struct {
		name  string
		value int
	}{
		{"OK", exitOK}, {"ERROR", exitError}, {"AGAIN", exitAgain}, {"DONE", exitDone}, {"DECLINED", exitDeclined},

		{"STDERR", 0}, {"EMERG", 1}, {"ALERT", 2}, {"CRIT", 3}, {"ERR", 4}, {"WARN", 5}, {"NOTICE", 6}, {"INFO", 7}, {"DEBUG", 8},

		{"HTTP_CONTINUE", 100}, {"HTTP_SWITCHING_PROTOCOLS", 101},
		{"HTTP_OK", 200}, {"HTTP_CREATED", 201}, {"HTTP_ACCEPTED", 202}, {"HTTP_NO_CONTENT", 204}, {"HTTP_PARTIAL_CONTENT", 206},
		{"HTTP_SPECIAL_RESPONSE", 300}, {"HTTP_MOVED_PERMANENTLY", 301}, {"HTTP_MOVED_TEMPORARILY", 302}, {"HTTP_SEE_OTHER", 303},
		{"HTTP_NOT_MODIFIED", 304}, {"HTTP_TEMPORARY_REDIRECT", 307}, {"HTTP_PERMANENT_REDIRECT", 308},
		{"HTTP_BAD_REQUEST", 400}, {"HTTP_UNAUTHORIZED", 401}, {"HTTP_PAYMENT_REQUIRED", 402}, {"HTTP_FORBIDDEN", 403},
		{"HTTP_NOT_FOUND", 404}, {"HTTP_NOT_ALLOWED", 405}, {"HTTP_NOT_ACCEPTABLE", 406}, {"HTTP_REQUEST_TIMEOUT", 408},
		{"HTTP_CONFLICT", 409}, {"HTTP_GONE", 410}, {"HTTP_UPGRADE_REQUIRED", 426}, {"HTTP_TOO_MANY_REQUESTS", 429},
		{"HTTP_CLOSE", 444}, {"HTTP_ILLEGAL", 451},
		{"HTTP_INTERNAL_SERVER_ERROR", 500}, {"HTTP_NOT_IMPLEMENTED", 501}, {"HTTP_METHOD_NOT_IMPLEMENTED", 501},
		{"HTTP_BAD_GATEWAY", 502}, {"HTTP_SERVICE_UNAVAILABLE", 503}, {"HTTP_GATEWAY_TIMEOUT", 504},
		{"HTTP_VERSION_NOT_SUPPORTED", 505}, {"HTTP_INSUFFICIENT_STORAGE", 507},
	} {
		ngx.SetStr(c.name, vm.Int(c.value))
	}
	for i, name := range methods {
		ngx.SetStr("HTTP_"+name, vm.Int(methodID(i)))
	}
	ngx.SetStr("null", e.null)
}}

// methods are nginx's, in the order of its bits.
var methods = [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "OPTIONS", "PROPFIND", "PROPPATCH",
	"LOCK", "UNLOCK", "PATCH", "TRACE"}

// methodID is the value of ngx.HTTP_GET and the like for an index in methods.
func methodID(i int) int { return 2 << i }
