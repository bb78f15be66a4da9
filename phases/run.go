package phases

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"time"

	"github.com/luahttpd/luahttpd/actor"
)

// Run takes the request through every phase and the log phase, which runs
// however the others ended. It returns when the response has left (or failed).
// Subrequests have no post-read phase.
func (r *Request) Run() {
	if !r.IsMain() {
		r.run(ServerRewrite, Declined)
		return
	}
	r.run(PostRead, Declined)
}

// RunContent has a subrequest answered by the location that it was given, from
// the content phase on.
func (r *Request) RunContent() { r.run(Content, Declined) }

// Reject answers a request whose head could not be accepted: no phase runs
// but the log phase.
func (r *Request) Reject(err error) {
	r.run(Log, r.Result(err))
}

func (r *Request) run(from Phase, res Result) {
	defer r.end()
	if r.Loc == nil {
		r.Loc = r.Server.Loc
	}
	if from < Log {
		r.restart = from
		res = r.phasesFrom(from)
	}
	for res = r.conclude(res); res == Redirected; res = r.conclude(res) {
		res = r.phasesFrom(r.restart)
	}
	if to := r.Loc.Core.PostAction; to != "" && r.IsMain() && from < Log {
		r.runPostAction(to)
	}
	if r.IsMain() || r.Loc.Core.LogSubrequest {
		r.logPhase()
	}
	if r.sub != nil && r.sub.Ended != nil {
		r.sub.Ended(r)
	}
}

func (r *Request) logPhase() {
	r.phase = Log
	for _, h := range r.Loc.steps[Log] {
		h(r)
	}
}

// end runs the cleanups, also when the coroutine is killed, and every one of
// them even if another panics.
func (r *Request) end() {
	if n := len(r.cleanups); n > 0 {
		f := r.cleanups[n-1]
		r.cleanups[n-1] = nil
		r.cleanups = r.cleanups[:n-1]
		defer r.end()
		f()
		return
	}
	r.dropSlots()
	r.Body.close()
}

func (r *Request) phasesFrom(p Phase) Result {
	for r.phase = p; r.phase < Log; {
		next, res := rows[r.phase].policy(r)
		if r.replaced != 0 {
			return r.replaced
		}
		if !next {
			if res == Redirected {
				r.phase = r.restart
				continue
			}
			return res
		}
		r.phase++
	}
	return Done
}

// concludeLimit bounds how often filters may replace a response by another.
const concludeLimit = 4

// conclude ends the response that a verdict asks for. Redirected means that
// an error page is served from another location.
func (r *Request) conclude(res Result) Result {
	for tries := 0; ; tries++ {
		switch {
		case tries == concludeLimit:
			r.abort()
			return Done
		case res == Redirected:
			return res
		case res == Failed || res == Close || r.IsMain() && (res == 408 || res == 499):
			if res != Failed && !r.headLeft {
				r.Out.Status = int(res)
			}
			r.abort()
			return Done
		case res == Done || res == Next || res == Declined || res == 200:
			if res = r.Finish(); res == Done {
				return Done
			}
		case res < 300 && res != 201 && res != 204:
			if !r.Out.Sent {
				r.Out.Status = int(res)
			}
			if res = r.Finish(); res == Done {
				return Done
			}
		default:
			if r.Out.Sent {
				if r.headLeft || !r.IsMain() {
					r.abort()
					return Done
				}
				r.Out.Sent, r.ended = false, false // filters held it back
			}
			r.failed, r.replaced = false, 0
			if res = r.special(int(res)); res == Done {
				return Done
			}
		}
	}
}

// abort gives the response up: the client sees a closed connection.
func (r *Request) abort() {
	r.failed = true
	if r.IsMain() {
		r.stream.Abort()
	} else if r.sub.Status == 0 {
		r.sub.Status = 500
	}
}

// ClientGone ends the request because its client closed the connection:
// status 499, nothing sent.
func (r *Request) ClientGone() Result {
	if !r.Out.Sent {
		r.Out.Status = 499
	}
	return Failed
}

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, actor.ErrTimeout)
}

// generic: the first handler that does not decline decides.
func generic(r *Request) (bool, Result) {
	for _, h := range r.Loc.steps[r.phase] {
		switch res := h(r); res {
		case Declined:
		case Next:
			return true, Next
		default:
			return false, res
		}
	}
	return true, Next
}

// rewritePolicy runs the operations of the block in the order in which they
// were written, then the phase's handlers. A changed URI ends the phase.
func rewritePolicy(r *Request) (bool, Result) {
	if r.phase == ServerRewrite && r.Server != nil {
		r.Loc = r.Server.Loc
	}
	r.opsEnded = false
	if r.phase == ServerRewrite { // here the handlers come first
		if res := rewriteHandlers(r, r.Loc.steps[r.phase]); res != Declined {
			return false, res
		}
	} else if res := rewriteHandlers(r, r.Loc.beforeOps); res != Declined {
		return false, res
	} else if r.uriSet {
		return true, Next
	}
	ops := r.Loc.ops
	if r.phase == Rewrite && r.Loc == r.Server.Loc {
		ops = nil // no location matched: the server's operations have run
	}
	if res := RunOps(r, ops); res != Declined {
		return false, res
	}
	if r.uriSet || r.phase == ServerRewrite {
		return true, Next
	}
	if res := rewriteHandlers(r, r.Loc.steps[r.phase]); res != Declined {
		return false, res
	}
	return true, Next
}

// rewriteHandlers asks handlers of a rewrite phase until one decides or
// changes the URI.
func rewriteHandlers(r *Request, handlers []Handler) Result {
	for _, h := range handlers {
		if res := h(r); res != Declined && res != Next {
			return res
		}
		if r.uriSet {
			break
		}
	}
	return Declined
}

// RunOps runs rewrite operations until one decides or ends them.
func RunOps(r *Request, ops []Handler) Result {
	for _, op := range ops {
		if res := op(r); res != Declined {
			return res
		}
		if r.opsEnded {
			return Declined
		}
	}
	return Declined
}

// EndOps stops the rewrite operations of the block ("break"; a redirecting
// rewrite sets the URI too).
func (r *Request) EndOps() { r.opsEnded = true }

// EnterIf makes the location of an "if" whose condition holds the request's
// and runs its operations. An "if" of a server block has operations only.
func (r *Request) EnterIf(l *Loc) Result {
	if r.phase != ServerRewrite {
		r.Loc = l
	}
	return RunOps(r, l.ops)
}

// KeepLocation: what the URI was changed to does not choose another location
// ("break").
func (r *Request) KeepLocation() {
	if r.uriSet {
		r.uriSet, r.Moved = false, true
	}
}

// ChangeURI gives the request another path (and, if args is not nil, other
// arguments); both are kept. If again, the location is chosen again after the
// rewrite phase, else it stays whatever the URI is.
func (r *Request) ChangeURI(uri []byte, args []byte, again bool) {
	r.URI = uri
	if args != nil {
		r.Args = args
	}
	r.Internal, r.Rewritten = true, true
	r.uriSet, r.Moved = again, r.Moved || !again
}

func findConfig(r *Request) (bool, Result) {
	r.uriSet = false
	return r.findLocation()
}

func postRewrite(r *Request) (bool, Result) {
	if !r.uriSet {
		return true, Next
	}
	r.uriSet = false
	r.redirects--
	if r.redirects == 0 {
		r.Errorf(LevelError, "rewrite or internal redirection cycle while processing \"%s\"", r.URI)
		return false, 500
	}
	r.Loc, r.restart = r.Server.Loc, FindConfig
	return false, Redirected
}

// accessPolicy is "satisfy": all must allow, or any may.
func accessPolicy(r *Request) (bool, Result) {
	r.access = 0
	if !r.IsMain() {
		return true, Next
	}
	for _, h := range r.Loc.steps[Access] {
		res := h(r)
		switch {
		case res == Declined:
		case r.Loc.Core.Satisfy == SatisfyAll:
			if res == 401 {
				return false, r.unauthorized()
			}
			if res != Next {
				return false, res
			}
		case res == Next:
			r.access = 0
			r.Out.Del("WWW-Authenticate")
			return true, Next
		case res == 401 || res == 403:
			if r.access != 401 {
				r.access = res
			}
		default:
			return false, res
		}
	}
	return true, Next
}

func postAccess(r *Request) (bool, Result) {
	if res := r.access; res != 0 {
		r.access = 0
		switch res {
		case 401:
			res = r.unauthorized()
		case 403:
			r.Errorf(LevelError, "access forbidden by rule")
		}
		return false, res
	}
	return true, Next
}

// unauthorized answers with 401, after auth_delay.
func (r *Request) unauthorized() Result {
	if d := r.Loc.Core.AuthDelay; d > 0 {
		r.Errorf(LevelInfo, "delaying unauthorized request")
		if !r.Delay(d) {
			return r.ClientGone()
		}
	}
	return 401
}

// Delay holds the request up for d. It returns early, false, when the client
// has closed its connection.
func (r *Request) Delay(d time.Duration) bool {
	co := r.Worker.Current()
	token := co.Token()
	wake := func() { co.ResumeIf(token) }
	timer := r.Worker.AfterFunc(d, wake)
	defer timer.Stop()
	r.stream.OnGone(wake)
	defer r.stream.OnGone(nil)
	co.ParkOn(token)
	return !r.stream.Gone()
}

// contentPolicy asks the location's content handler, or else those that serve
// files; when all decline there is nothing to serve.
func contentPolicy(r *Request) (bool, Result) {
	if c := r.Loc.content; c != nil {
		if res := c(r); res != Declined {
			return false, res
		}
	}
	for _, h := range r.Loc.steps[Content] {
		if res := h(r); res != Declined {
			return false, res
		}
	}
	if bytes.HasSuffix(r.URI, []byte("/")) {
		r.Errorf(LevelError, "directory index of \"%s\" is forbidden", r.Path())
		return false, 403
	}
	r.Errorf(LevelError, "no handler found")
	return false, 404
}
