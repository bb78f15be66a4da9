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
	// Fit: a captured body that is larger than subrequest_output_buffer_size
	// of the subrequest's location is an error, as in nginx of the connection.
	Fit bool
	// NoPages answers an error status with an empty body: neither error_page
	// nor the built-in page is for who reads Status itself.
	NoPages bool
	// Produced: some of the body has come, and was sent on.
	Produced bool
	// Status is the verdict when no response was made.
	Status int
	// Ended, when not nil, is called when the response has been made and the
	// subrequest's variables still have their values.
	Ended func(sub *Request)
}

// send takes a subrequest's body: into memory, to where its parent's body
// goes when that is captured, or on through the main request's filters.
func (s *Subrequest) send(r *Request, c Chunk) error {
	if s.Capture {
		if limit := r.Loc.Core.SubrequestBuffer; s.Fit && int64(len(s.Body))+c.Len() > limit {
			r.Errorf(LevelError, "too big subrequest response: %d bytes or more", int64(len(s.Body))+c.Len())
			s.Body = nil
			return ErrGone
		}
		return s.capture(c)
	}
	c.Last, c.End = false, false
	if c.Len() == 0 && !c.Flush {
		return nil
	}
	s.Produced = s.Produced || c.Len() > 0
	return r.Parent.inLine(func() error { return r.Parent.sendOf(c) })
}

// sendOf sends a chunk of a subrequest of p as a part of p's body.
func (p *Request) sendOf(c Chunk) error {
	if !p.Out.Sent {
		if err := p.sendHeader(); err != nil {
			return err
		}
	}
	if p.failed {
		return ErrGone
	}
	if p.Out.NoBody {
		return nil
	}
	if p.IsMain() {
		return p.Loc.lowerBody(p, c)
	}
	return p.sub.send(p, c)
}

// capture appends a chunk to Body, as far as Limit allows.
func (s *Subrequest) capture(c Chunk) error {
	if free := s.Limit - int64(len(s.Body)); s.Limit > 0 && c.Len() > free {
		s.Truncated = true
		if c.File != nil {
			c.Size = free
		} else {
			c.Bytes = c.Bytes[:free]
		}
	}
	if c.File == nil {
		s.Body = append(s.Body, c.Bytes...)
		return nil
	}
	from := len(s.Body)
	s.Body = append(s.Body, make([]byte, c.Size)...)
	n, err := c.File.ReadAt(s.Body[from:], c.Off)
	if err != nil {
		s.Body = s.Body[:from+n]
	}
	return err
}

// SubrequestLimit bounds how deep subrequests may nest (nginx's limit).
const SubrequestLimit = 50

// NewSubrequest makes a subrequest of r for uri and args, method GET, that
// shares r's variables and the body that r has read. The caller changes what
// it wants and calls Run.
func (r *Request) NewSubrequest(uri, args []byte, s *Subrequest) (*Request, *StatusError) {
	if r.depth >= SubrequestLimit {
		return nil, &StatusError{500, LevelError, "subrequests cycle while processing \"" + string(uri) + "\""}
	}
	r.shared = true
	sub := &Request{
		Config: r.Config, Server: r.Server, Loc: r.Server.Loc, Worker: r.Worker, Client: r.Client,
		Main: r.Main, Parent: r, Start: r.Worker.Now(), Method: "GET",
		RequestLine: r.RequestLine, Target: r.Target, Fields: r.Fields, shared: true, URI: uri, Args: args,
		Major: r.Major, Minor: r.Minor, Host: r.Host, ContentLength: -1, HeadLength: r.HeadLength,
		KeepAlive: r.KeepAlive, Internal: true,
		stream: r.stream, vars: r.vars, redirects: Redirects + 1, sub: s, depth: r.depth + 1,
	}
	sub.Out.ContentLength = -1
	if r.Body.Read {
		sub.Body, sub.ContentLength = r.Body, r.ContentLength
		sub.Body.owner, sub.Body.spare, sub.Body.received = false, nil, 0
	}
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
