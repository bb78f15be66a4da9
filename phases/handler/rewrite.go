// Package handler holds the handlers that come with the server, one file and
// one phases.Module each: what answers from files, what changes or refuses a
// request before that, and what logs it.
package handler

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// RewriteConf is what a block says of rewriting; what it does is the block's
// list of operations.
type RewriteConf struct {
	// Log writes what rewrite and if find to the error log as notices.
	Log bool
	// Warn tells in the error log when a variable is used before it was set.
	Warn bool
}

const inRewrite = conf.Server | conf.ServerIf | conf.Location | conf.LocationIf

// Rewrite changes, redirects and answers requests by operations that run in
// the order in which they are written.
var Rewrite = phases.Define(phases.Spec[RewriteConf]{
	Name:    "rewrite",
	Default: func() RewriteConf { return RewriteConf{Warn: true} },
	Directives: []phases.Directive[RewriteConf]{
		phases.Add("rewrite", inRewrite, conf.Between(2, 3), addRewrite),
		phases.Add("return", inRewrite, conf.Between(1, 2), addReturn),
		phases.Add("break", inRewrite, conf.Exactly(0), addBreak),
		phases.Add("if", inRewrite, conf.BlockN(1, 15), addIf),
		phases.Add("set", inRewrite, conf.Exactly(2), addSet),
		phases.SetFlag("rewrite_log", conf.HTTP|inRewrite, func(c *RewriteConf) *bool { return &c.Log }),
		phases.SetFlag("uninitialized_variable_warn", conf.HTTP|inRewrite, func(c *RewriteConf) *bool { return &c.Warn }),
	},
})

// logs tells whether the block's operations write notices for r.
func (own *RewriteConf) logs(r *phases.Request) bool {
	return own.Log || r.LogEnabled(phases.LevelDebug)
}

// match matches subject and logs the outcome; captures of earlier matches are
// gone when it fails.
func (own *RewriteConf) match(r *phases.Request, x *phases.Regex, pattern string, subject []byte) (bool, error) {
	ok, err := x.Match(r, subject)
	if err != nil {
		r.Errorf(phases.LevelAlert, "%v on \"%s\" using \"%s\"", err, subject, pattern)
		return false, err
	}
	verb := "matches"
	if !ok {
		verb = "does not match"
		r.SetCaptures(nil, nil)
	}
	if own.logs(r) {
		r.Errorf(phases.LevelNotice, "\"%s\" %s \"%s\"", pattern, verb, subject)
	}
	return ok, nil
}

func addBreak(own *RewriteConf, b *phases.Block, s *conf.Stmt) error {
	b.AddOp(func(r *phases.Request) phases.Result {
		r.KeepLocation()
		r.EndOps()
		return phases.Declined
	})
	return nil
}

func addSet(own *RewriteConf, b *phases.Block, s *conf.Stmt) error {
	name, ok := strings.CutPrefix(s.Args[0], "$")
	if !ok {
		return s.Errorf("invalid variable name \"%s\"", s.Args[0])
	}
	set, err := b.SettableVariable(s, name)
	if err != nil {
		return err
	}
	b.Unset(name, func(r *phases.Request) {
		if phases.ConfOf[RewriteConf](r.Loc).Warn {
			r.Errorf(phases.LevelWarn, "using uninitialized \"%s\" variable", name)
		}
	})
	value, err := b.Template(s, s.Args[1])
	if err != nil {
		return err
	}
	b.AddOp(func(r *phases.Request) phases.Result {
		set(r, value.Append(r, []byte{}))
		return phases.Declined
	})
	return nil
}

// addReturn is "return code", "return code text" and "return URL".
func addReturn(own *RewriteConf, b *phases.Block, s *conf.Stmt) error {
	status, ok := conf.Number(s.Args[0])
	text := ""
	switch {
	case !ok && len(s.Args) == 1 && absolute(s.Args[0]):
		status, text = 302, s.Args[0]
	case !ok || status > 999:
		return s.Errorf("invalid return code \"%s\"", s.Args[0])
	case len(s.Args) == 2:
		text = s.Args[1]
	}
	t, err := b.Template(s, text)
	if err != nil {
		return err
	}
	if status >= 400 && text == "" {
		b.AddOp(func(r *phases.Request) phases.Result { return phases.Result(status) })
		return nil
	}
	b.AddOp(func(r *phases.Request) phases.Result { return Answer(r, status, t) })
	return nil
}

// Answer responds with a status and a text of the location's media type; for
// a redirect the text is the place.
func Answer(r *phases.Request, status int, text *phases.Template) phases.Result {
	if err := r.DiscardBody(); err != nil {
		return r.Result(err)
	}
	r.Out.Status = status
	switch status {
	case 301, 302, 303, 307, 308:
		r.Out.Set("Location", text.String(r))
		return phases.Result(status)
	}
	body := text.Bytes(r)
	r.SetContentType()
	return r.SendBytes(body)
}

// absolute tells the places that rewrite and return redirect to without being
// told so.
func absolute(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "$scheme")
}
