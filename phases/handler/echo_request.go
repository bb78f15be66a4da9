package handler

import (
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/phases"
)

// echoTarget is a subrequest as a command describes it.
type echoTarget struct {
	method, uri, args string
	body, file        *string
}

func echoLocation(e *echoing, a echoArgs) phases.Result      { return e.location(a, false) }
func echoLocationAsync(e *echoing, a echoArgs) phases.Result { return e.location(a, true) }

func (e *echoing) location(a echoArgs, async bool) phases.Result {
	t := echoTarget{method: "GET", uri: a.rest[0]}
	if len(a.rest) > 1 {
		t.args = a.rest[1]
	}
	return e.subrequest(t, async)
}

func echoSubrequest(e *echoing, a echoArgs) phases.Result      { return e.parseSubrequest(a, false) }
func echoSubrequestAsync(e *echoing, a echoArgs) phases.Result { return e.parseSubrequest(a, true) }

// parseSubrequest reads METHOD URI [-q ARGS] [-b BODY] [-f FILE].
func (e *echoing) parseSubrequest(a echoArgs, async bool) phases.Result {
	if len(a.rest) < 2 {
		return e.fail("echo_subrequest: expecting a method and a URI")
	}
	t := echoTarget{method: a.rest[0], uri: a.rest[1]}
	if !knownMethod(t.method) {
		return e.fail("unknown method \"%s\"", t.method)
	}
	for i := 2; i < len(a.rest); i += 2 {
		if i+1 == len(a.rest) {
			return e.fail("echo_subrequest: option \"%s\" takes a value", a.rest[i])
		}
		switch v := a.rest[i+1]; a.rest[i] {
		case "-q":
			t.args = v
		case "-b":
			t.body = &v
		case "-f":
			t.file = &v
		default:
			return e.fail("unknown option for echo_subrequest*: \"%s\"", a.rest[i])
		}
	}
	return e.subrequest(t, async)
}

func knownMethod(m string) bool {
	switch m {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "OPTIONS", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "PATCH", "TRACE":
		return true
	}
	return false
}

// subrequest runs t, or starts it and has its output queued.
func (e *echoing) subrequest(t echoTarget, async bool) phases.Result {
	r := e.r
	path, args, ok := r.SplitURI([]byte(t.uri))
	if !ok {
		return 500
	}
	if t.args != "" {
		args = []byte(t.args)
	}
	if err := e.head(); err != nil {
		return r.Result(err)
	}
	sub, se := r.NewSubrequest(path, args, &phases.Subrequest{Capture: async || e.later.waiting()})
	if se != nil {
		return r.Result(se)
	}
	sub.Method = t.method
	if t.file != nil {
		if err := sub.SetBodyFile(r.Config.Path(*t.file), false); err != nil {
			return e.fail("%s", phases.OpenError(err))
		}
	} else if t.body != nil {
		sub.SetBody([]byte(*t.body))
	}
	if t.file != nil || t.body != nil {
		sub.SetField("Content-Length", strconv.AppendInt(nil, sub.Body.Size, 10))
	}
	if async {
		e.later.start(r, sub)
		return phases.Next
	}
	sub.Run()
	if e.later.waiting() {
		e.later.text(sub.Subrequest().Body)
	}
	return phases.Next
}

// echoExec moves the request to another location.
func echoExec(e *echoing, a echoArgs) phases.Result {
	r := e.r
	if r.Out.Sent {
		return e.fail("echo_exec: the response has begun")
	}
	uri := a.rest[0]
	if strings.HasPrefix(uri, "@") {
		return r.NamedLocation(uri)
	}
	path, args, ok := r.SplitURI([]byte(uri))
	if !ok {
		return 500
	}
	if len(a.rest) > 1 {
		args = []byte(a.rest[1])
	}
	return r.InternalRedirect(path, args)
}

// echoAbortParent has the request that made this subrequest run no further
// commands.
func echoAbortParent(e *echoing, _ echoArgs) phases.Result {
	if p := e.r.Parent; p != nil {
		if e := echoings.Get(p); e != nil {
			e.aborted = true
		}
	}
	return phases.Next
}

// echoQueue is the output that waits for subrequests which run beside the
// commands, in the order of the commands.
type echoQueue struct {
	items []echoItem
	// awaited is the item that the request waits for, wake what ends that.
	awaited int
	wake    func()
}

// echoItem is a text, or the output of a subrequest.
type echoItem struct {
	text []byte
	sub  *phases.Request
	done bool
}

func (q *echoQueue) waiting() bool { return len(q.items) > 0 }

func (q *echoQueue) text(b []byte) {
	q.items = append(q.items, echoItem{text: append([]byte(nil), b...)})
}

// start runs sub on a coroutine of its own, which ends with r at the latest.
func (q *echoQueue) start(r, sub *phases.Request) {
	at := len(q.items)
	q.items = append(q.items, echoItem{sub: sub})
	co := r.Worker.Go(func() {
		sub.Run()
		q.items[at].done = true
		if q.wake != nil && q.awaited == at {
			q.wake()
		}
	})
	r.OnEnd(co.Kill)
}

// drain sends what is queued, waiting for what is not there yet.
func (q *echoQueue) drain(r *phases.Request) error {
	co := r.Worker.Current()
	for i := range q.items {
		it := &q.items[i]
		text := it.text
		if it.sub != nil {
			if !it.done {
				token := co.Token()
				q.awaited, q.wake = i, func() { co.ResumeIf(token) }
				co.ParkOn(token)
				q.wake = nil
			}
			text = it.sub.Subrequest().Body
		}
		if err := r.Send(phases.Chunk{Bytes: text}); err != nil {
			return err
		}
	}
	q.items = q.items[:0]
	return nil
}
