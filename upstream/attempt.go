package upstream

import (
	"time"

	"github.com/luahttpd/luahttpd/phases"
)

// attempt is what the variables say of one try.
type attempt struct {
	start                 time.Time
	addr                  string
	status                int
	connect, header, took time.Duration // -1: it did not come to that
	length                int64
	sent, received        int64
	last                  bool // another exchange of the request follows
}

func (x *Exchange) last() *attempt {
	if len(x.attempts) == 0 {
		return nil
	}
	return &x.attempts[len(x.attempts)-1]
}

// next decides whether another try follows the failed one.
func (x *Exchange) next(f *failure) (res phases.Result, again bool) {
	r, a := x.r, x.last()
	if x.gone {
		x.ended(Unasked)
		r.Errorf(phases.LevelInfo, "epoll_wait() reported that client prematurely closed connection, so upstream connection is closed too while %s", x.doing())
		a.status = 499
		return r.ClientGone(), false
	}
	if f.reason != "" {
		r.Errorf(f.level, "%s", f.reason)
	}
	if f.cause != 0 {
		r.Errorf(phases.LevelDebug, "http next upstream, %s", f.cause.code())
	}
	if a.status == 0 || f.cause&(OnInvalidHeader|OnError|OnTimeout) != 0 {
		a.status = f.status
	}
	stale := x.kept && f.cause == OnError && x.conn != nil && x.conn.received == 0
	single := x.peer != nil && x.target.upstream.single()
	outcome := Failed
	if stale {
		outcome = Unasked
		if x.peer != nil {
			x.tried.remove(x.peer.index)
		}
	} else if f.cause == 0 {
		outcome = Unasked
	} else if f.cause == On403 || f.cause == On404 {
		outcome = Answered
	}
	kept := x.kept
	x.ended(outcome)
	x.try.Last, x.try.LastStatus = outcome, f.status
	switch {
	case f.cause == noLive || single:
		x.left = 0
	case x.left > 0:
		x.left--
	}
	if kept && f.cause == OnError {
		if x.left == 0 || x.target.upstream.Choose == nil { // a script counts this one too
			x.left++
		}
		x.fresh = true
	}
	if f.cause == 0 || f.cause == noLive || x.left == 0 || !x.mayGoOn(f.cause) {
		return phases.Result(f.status), false
	}
	return 0, true
}

// mayGoOn tells whether the configuration lets the request go to another peer.
func (x *Exchange) mayGoOn(cause Causes) bool {
	if x.begun {
		if !x.idempotent() {
			cause |= NonIdempotent
		}
		if x.stream {
			return false
		}
	}
	if d := x.set.NextTimeout; d > 0 && x.r.Worker.Now().Sub(x.start) >= d {
		return false
	}
	return x.set.NextUpstream&cause == cause
}

// idempotent tells whether a request may be sent again when nobody knows what
// became of it (RFC 9110 section 9.2.2, as nginx has it).
func (x *Exchange) idempotent() bool {
	switch x.r.Method {
	case "POST", "LOCK", "PATCH":
		return false
	}
	return true
}

func (x *Exchange) doing() string {
	switch {
	case x.conn == nil:
		return "connecting to upstream"
	case !x.whole:
		return "sending request to upstream"
	case x.r.Out.Sent:
		return "reading upstream"
	}
	return "reading response header from upstream"
}

// ended closes the connection of a try that has failed.
func (x *Exchange) ended(how Outcome) {
	a := x.last()
	a.took = x.r.Worker.Now().Sub(a.start)
	if x.conn != nil {
		x.closeConn()
	}
	x.report(how)
}

func (x *Exchange) closeConn() {
	c := x.conn
	x.conn = nil
	x.count(c)
	c.close()
}

func (x *Exchange) count(c *peerConn) {
	if a := x.last(); a != nil {
		a.sent, a.received = c.sent, c.received
	}
}

func (x *Exchange) report(how Outcome) {
	if p := x.peer; p != nil {
		x.peer = nil
		a := x.last()
		took := a.header
		if took < 0 {
			took = a.took
		}
		p.u.balancer.Report(p, how, took)
	}
}

// settle ends the use of the peer when its answer is complete: the connection
// is kept or closed.
func (x *Exchange) settle() {
	a, c := x.last(), x.conn
	a.took = x.r.Worker.Now().Sub(a.start)
	a.length = x.received
	x.conn = nil
	if c != nil {
		x.count(c)
		t, u := &x.try, x.target.upstream
		if t.Keep && x.whole && x.rd == x.wr && x.proto.reusable(x) && (t.KeepRequests == 0 || c.requests < t.KeepRequests) &&
			(u.Keepalive.Time == 0 || x.r.Worker.Now().Sub(c.since) < u.Keepalive.Time) && !c.fd.Closed() {
			c.expires = x.r.Worker.Now().Add(t.KeepIdle)
			x.w.pool(u).put(c, max(u.Keepalive.Idle, 1))
		} else {
			c.close()
		}
	}
	x.report(Answered)
}
