package handler

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// AuthRequestConf is auth_request and auth_request_set.
type AuthRequestConf struct {
	uri  string // "": off
	sets conf.List[authSet]
}

type authSet struct {
	set   func(r *phases.Request, value []byte)
	value *phases.Template
}

// AuthRequest allows what a subrequest answers with 2xx, and denies what it
// answers with 401 or 403.
var AuthRequest = phases.Define(phases.Spec[AuthRequestConf]{
	Name: "auth_request",
	Directives: []phases.Directive[AuthRequestConf]{
		phases.Set("auth_request", inFiles, conf.Exactly(1), func(own *AuthRequestConf, b *phases.Block, s *conf.Stmt) error {
			if own.uri = s.Args[0]; own.uri == "off" {
				own.uri = ""
			}
			return nil
		}),
		phases.Add("auth_request_set", inFiles, conf.Exactly(2), addAuthSet),
	},
	Active:   func(own *AuthRequestConf) bool { return own.uri != "" },
	Handlers: []phases.Hook[AuthRequestConf]{phases.At(phases.Access, authRequest)},
})

func addAuthSet(own *AuthRequestConf, b *phases.Block, s *conf.Stmt) error {
	name, ok := strings.CutPrefix(s.Args[0], "$")
	if !ok {
		return s.Errorf("invalid variable name \"%s\"", s.Args[0])
	}
	set, err := b.SettableVariable(s, name)
	if err != nil {
		return err
	}
	value, err := b.Template(s, s.Args[1])
	own.sets.Add(s, authSet{set, value})
	return err
}

func authRequest(r *phases.Request, own *AuthRequestConf) phases.Result {
	// What the location answers with beside its head is of no interest: one
	// byte is kept of it.
	sub, se := r.NewSubrequest([]byte(own.uri), nil, &phases.Subrequest{Capture: true, Limit: 1, Ended: func(sub *phases.Request) {
		for _, s := range own.sets.Items {
			s.set(r, s.value.Append(sub, []byte{}))
		}
	}})
	if se != nil {
		return r.Result(se)
	}
	sub.Body, sub.ContentLength, sub.Chunked = phases.Body{Read: true}, -1, false
	sub.Run()
	status := sub.Out.Status
	if status == 0 {
		status = sub.Subrequest().Status
	}
	switch {
	case status >= 200 && status < 300:
		return phases.Next
	case status == 403:
		return 403
	case status == 401:
		for _, f := range sub.Out.All() {
			if strings.EqualFold(f.Name, "WWW-Authenticate") {
				r.Out.Add(f.Name, f.Value)
			}
		}
		return 401
	}
	r.Errorf(phases.LevelError, "auth request unexpected status: %d", status)
	return 500
}
