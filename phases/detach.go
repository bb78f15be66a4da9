package phases

import (
	"bytes"
	"io"
	"slices"
	"time"

	"github.com/luahttpd/luahttpd/phases/http1"
)

// A Holder is a Stream that can keep the request's configuration in use when
// the request has ended.
type Holder interface {
	// Hold returns what ends that.
	Hold() (release func())
}

// Detach runs f on a coroutine of its own with a copy of r that has no client:
// what it sends reaches nobody, and r may end before. A body of r that is in a
// file is not copied. No phase runs but what f does; the copy ends when f
// returns.
func (r *Request) Detach(f func(d *Request)) {
	client := *r.Client
	d := &Request{
		Config: r.Config, Server: r.Server, Loc: r.Loc, Worker: r.Worker, Client: &client,
		Start: r.Worker.Now(), Method: r.Method, RequestLine: bytes.Clone(r.RequestLine), Target: bytes.Clone(r.Target),
		URI: bytes.Clone(r.URI), Args: bytes.Clone(r.Args), Major: r.Major, Minor: r.Minor, Host: bytes.Clone(r.Host),
		ContentLength: r.ContentLength, HeadLength: r.HeadLength, Internal: true, Rewritten: r.Rewritten, Moved: r.Moved,
		stream: detached{}, phase: r.phase, redirects: Redirects + 1, captures: slices.Clone(r.captures), captured: bytes.Clone(r.captured),
		aliasURI: r.aliasURI,
	}
	d.Main = d
	d.Out.reset()
	for _, f := range r.Fields {
		d.Fields = append(d.Fields, http1.Field{Name: bytes.Clone(f.Name), Value: bytes.Clone(f.Value)})
	}
	vars := make([]varValue, len(*r.vars))
	for i, v := range *r.vars {
		vars[i] = varValue{v.state, bytes.Clone(v.value)}
	}
	d.vars = &vars
	d.Body = Body{Read: true, Discarded: r.Body.Discarded}
	if r.Body.File == nil {
		d.Body.Data, d.Body.Size = bytes.Clone(r.Body.Data), r.Body.Size
	}
	if h, is := r.stream.(Holder); is {
		d.OnEnd(h.Hold())
	}
	r.Worker.Go(func() {
		defer d.end()
		f(d)
	})
}

// detached is the stream of a request that has no client.
type detached struct{}

func (detached) SendHead(r *Request) error                     { r.headLeft = true; return nil }
func (detached) Send(*Request, Chunk) error                    { return nil }
func (detached) Read([]byte) (int, error)                      { return 0, io.EOF }
func (detached) ReadWithin([]byte, time.Duration) (int, error) { return 0, io.EOF }
func (detached) Skip() error                                   { return nil }
func (detached) Continue() error                               { return nil }
func (detached) OnGone(func())                                 {}
func (detached) Gone() bool                                    { return false }
func (detached) Takeover() (Pipe, error)                       { return nil, errTaken }
func (detached) Abort()                                        {}
