package phases

// Postpone parts the filters that see every request's body, subrequests
// included, from those that see only the response as a whole. Its place in
// the module list decides which are which.
var Postpone = Define(Spec[struct{}]{
	Name: "postpone",
	Filter: func(*struct{}) Filter {
		return Filter{
			Header: func(next HeaderFunc) HeaderFunc {
				return func(r *Request) error {
					if r.IsMain() {
						return next(r)
					}
					return nil
				}
			},
			Body: func(next BodyFunc) BodyFunc {
				return func(r *Request, c Chunk) error {
					if r.IsMain() {
						return next(r, c)
					}
					return r.sub.send(r, c)
				}
			},
		}
	},
})

// Subrequest is what a request makes of another URI of the server.
type Subrequest struct {
	// Capture keeps the body here instead of sending it to the client.
	Capture bool
	// Limit bounds a captured body in bytes; 0: no limit. What is over it is
	// dropped and Truncated set.
	Limit     int64
	Truncated bool
	Body      []byte
	// Status is the verdict when no response was made.
	Status int
}

// send takes a subrequest's body: into memory, or on through the main
// request's filters, in order.
func (s *Subrequest) send(r *Request, c Chunk) error {
	if s.Capture {
		if s.Limit > 0 && int64(len(s.Body))+c.Len() > s.Limit {
			s.Truncated = true
			return nil
		}
		c, err := c.Load()
		s.Body = append(s.Body, c.Bytes...)
		return err
	}
	m := r.Main
	if !m.Out.Sent {
		if err := m.SendHeader(); err != nil {
			return err
		}
	}
	if m.failed {
		return ErrGone
	}
	if m.Out.NoBody || c.Len() == 0 && !c.Flush {
		return nil
	}
	c.Last, c.End = false, false
	return m.Loc.lowerBody(m, c)
}

// SubrequestLimit bounds how deep subrequests may nest (nginx's limit).
const SubrequestLimit = 50

// NewSubrequest makes a subrequest of r for uri and args that shares r's
// variables, method GET. The caller changes what it wants and calls Run.
func (r *Request) NewSubrequest(uri, args []byte, s *Subrequest) (*Request, *StatusError) {
	if r.depth >= SubrequestLimit {
		return nil, &StatusError{500, LevelError, "subrequests cycle while processing \"" + string(uri) + "\""}
	}
	sub := &Request{
		Config: r.Config, Server: r.Server, Loc: r.Server.Loc, Worker: r.Worker, Client: r.Client,
		Main: r.Main, Parent: r, Start: r.Worker.Now(), Method: "GET",
		RequestLine: r.RequestLine, Target: r.Target, Fields: r.Fields, URI: uri, Args: args,
		Major: r.Major, Minor: r.Minor, Host: r.Host, ContentLength: -1, HeadLength: r.HeadLength,
		KeepAlive: r.KeepAlive, Internal: true,
		stream: r.stream, vars: r.vars, redirects: Redirects + 1, sub: s, depth: r.depth + 1,
	}
	sub.Out.ContentLength = -1
	return sub, nil
}

// OwnVariables gives a subrequest variables of its own: copies of its parent's
// if copied, else none.
func (r *Request) OwnVariables(copied bool) {
	vars := new([]varValue)
	if copied {
		*vars = append(*vars, *r.vars...)
	}
	r.vars = vars
}

// Subrequest returns what the request was made for, nil for the client's own.
func (r *Request) Subrequest() *Subrequest { return r.sub }
