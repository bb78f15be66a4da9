package phases

import "strings"

// runPostAction makes the request of post_action when the response has left;
// nobody sees what it answers.
func (r *Request) runPostAction(to string) {
	sub, se := r.NewSubrequest([]byte(to), nil, &Subrequest{Capture: true, Limit: 1})
	if se != nil {
		r.Errorf(se.Level, "%s", se.Reason)
		return
	}
	if !strings.HasPrefix(to, "@") {
		sub.Run()
		return
	}
	sub.URI, sub.Args = r.URI, r.Args
	if sub.NamedLocation(to) == Redirected {
		sub.run(sub.restart, Declined)
	}
}
