package phases

import "errors"

// unseen is the stream of a request whose response has left: what is sent now
// reaches nobody. The request's body can still be read.
type unseen struct{ Stream }

func (unseen) SendHead(r *Request) error  { r.headLeft = true; return nil }
func (unseen) Send(*Request, Chunk) error { return nil }
func (unseen) OnGone(func())              {}
func (unseen) Abort()                     {}
func (unseen) Takeover() (Pipe, error)    { return nil, errTaken }

var errTaken = errors.New("the connection cannot be taken over after the response")

// runPostAction is post_action: another location gets the request when its
// response has left, and is the one that logs it.
func (r *Request) runPostAction(to string) {
	r.stream = unseen{r.stream}
	r.Out.reset()
	r.errStatus = 0
	r.ended, r.failed, r.headLeft, r.errorPage = false, false, false, false
	var res Result
	if to[0] == '/' {
		res = r.InternalRedirect([]byte(to), nil)
	} else {
		res = r.NamedLocation(to)
	}
	for res == Redirected {
		res = r.conclude(r.phasesFrom(r.restart))
	}
}
