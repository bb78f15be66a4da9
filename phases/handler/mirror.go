package handler

import (
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// MirrorConf is the URIs that requests are mirrored to; "" is off.
type MirrorConf struct {
	uris conf.List[string]
	// Body: the request's body is read and sent along (on).
	Body bool
}

// Mirror makes subrequests in the background whose responses are ignored.
var Mirror = phases.Define(phases.Spec[MirrorConf]{
	Name:    "mirror",
	Default: func() MirrorConf { return MirrorConf{Body: true} },
	Directives: []phases.Directive[MirrorConf]{
		phases.Add("mirror", inFiles, conf.Exactly(1), func(own *MirrorConf, b *phases.Block, s *conf.Stmt) error {
			uri := s.Args[0]
			if uri == "off" {
				uri = ""
			}
			own.uris.Add(s, uri)
			return nil
		}),
		phases.SetFlag("mirror_request_body", inFiles, func(c *MirrorConf) *bool { return &c.Body }),
	},
	Active: func(own *MirrorConf) bool {
		return len(own.uris.Items) > 0 && own.uris.Items[len(own.uris.Items)-1] != ""
	},
	Handlers: []phases.Hook[MirrorConf]{phases.At(phases.Precontent, mirror)},
})

func mirror(r *phases.Request, own *MirrorConf) phases.Result {
	if !r.IsMain() {
		return phases.Declined
	}
	if own.Body {
		if err := r.ReadBody(); err != nil {
			return r.Result(err)
		}
	}
	for _, uri := range own.uris.Items {
		sub, se := r.NewSubrequest([]byte(uri), r.Args, &phases.Subrequest{Capture: true, Limit: 1})
		if se != nil {
			return r.Result(se)
		}
		sub.Method = r.Method
		if !own.Body {
			sub.Body, sub.ContentLength, sub.Chunked = phases.Body{Read: true}, -1, false
		}
		background(r, sub)
	}
	return phases.Declined
}

// background runs sub on a coroutine of its own. It lives on what r has
// received, so r does not end before it.
func background(r, sub *phases.Request) {
	done, wake := false, func() {}
	co := r.Worker.Go(func() {
		defer func() {
			done = true
			wake()
		}()
		sub.Run()
	})
	r.OnEnd(func() {
		if done {
			return
		}
		defer co.Kill() // if the wait is cut short
		waiter := r.Worker.Current()
		token := waiter.Token()
		wake = func() { waiter.ResumeIf(token) }
		waiter.ParkOn(token)
	})
}
