// Package phases takes one request through nginx's phases in order, asking in
// each the handlers that the request's location configured.
//
// The nouns: a Request passes the Phases; a Module contributes directives,
// handlers, a content handler and a Filter; a Block of the configuration is
// compiled into a Loc (location); a Template is a value with variables in it.
// What a handler sends goes through the location's filters to the Stream that
// carries the request. A handler that must wait just waits: it runs on a
// coroutine of the worker that owns the request.
package phases

import "strconv"

// Phase is one station that every request passes, in this order.
type Phase uint8

const (
	PostRead Phase = iota
	ServerRewrite
	FindConfig // internal: chooses the location
	Rewrite
	PostRewrite // internal: location again if the URI changed
	Preaccess
	Access
	PostAccess // internal: the verdict of "satisfy"
	Precontent
	Content
	Log
	phaseCount
)

// rows holds what a phase is called and how verdicts are understood in it.
var rows = [phaseCount]struct {
	name   string
	policy func(r *Request) (next bool, res Result)
}{
	PostRead:      {"post_read", generic},
	ServerRewrite: {"server_rewrite", rewritePolicy},
	FindConfig:    {"find_config", findConfig},
	Rewrite:       {"rewrite", rewritePolicy},
	PostRewrite:   {"post_rewrite", postRewrite},
	Preaccess:     {"preaccess", generic},
	Access:        {"access", accessPolicy},
	PostAccess:    {"post_access", postAccess},
	Precontent:    {"precontent", generic},
	Content:       {"content", contentPolicy},
	Log:           {"log", generic},
}

func (p Phase) String() string {
	if p < phaseCount {
		return rows[p].name
	}
	return "phase " + strconv.Itoa(int(p))
}

// Result is a handler's verdict: a verb below, or an HTTP status to answer
// with (an error page is made for it, or the configured error_page runs).
type Result int

const (
	// Declined: not mine, ask the next handler of this phase.
	Declined Result = -1
	// Next: this phase is decided, go on with the next phase.
	Next Result = 0
	// Done: the response has been sent or will not be: go to the log phase.
	Done Result = 1
	// Redirected: the request got another URI or named location (see
	// Request.InternalRedirect): run the phases again.
	Redirected Result = 2
	// Failed: close the connection without (further) response, as nginx does
	// for its status 444 and for a filter that failed half way.
	Failed Result = -2
)

// Close is nginx's status 444: the connection is closed without an answer.
const Close Result = 444

type (
	// Handler is asked in a phase; it decides or declines.
	Handler func(r *Request) Result
	// HeaderFunc passes the response head on towards the client, once.
	HeaderFunc func(r *Request) error
	// BodyFunc passes one chunk of the body on towards the client.
	BodyFunc func(r *Request, c Chunk) error
)

// Filter wraps the filters nearer to the client. Either field may be nil.
type Filter struct {
	Header func(next HeaderFunc) HeaderFunc
	Body   func(next BodyFunc) BodyFunc
}
