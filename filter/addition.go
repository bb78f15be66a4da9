package filter

import (
	"github.com/luahttpd/luahttpd/phases"
)

// Addition puts the responses of other locations before and behind a body.
var Addition = phases.Define(phases.Spec[addition]{
	Name: "addition",
	Directives: []phases.Directive[addition]{
		phases.SetString("add_before_body", inLocations, func(own *addition) *string { return &own.before }),
		phases.SetString("add_after_body", inLocations, func(own *addition) *string { return &own.after }),
		setTypes("addition_types", func(own *addition) *mediaTypes { return &own.types }),
	},
	Active: func(own *addition) bool { return own.before != "" || own.after != "" },
	Filter: func(own *addition) phases.Filter { return phases.Filter{Header: own.header, Body: own.body} },
})

type addition struct {
	before, after string
	types         mediaTypes
}

// additionState says how far an enclosed body is.
type additionState struct{ begun bool }

var additions = phases.NewSlot[additionState](phases.KeepNothing)

func (own *addition) header(next phases.HeaderFunc) phases.HeaderFunc {
	return func(r *phases.Request) error {
		if o := &r.Out; o.Status == 200 && r.IsMain() && !o.Raw && own.types.has(o.ContentType) {
			additions.Ensure(r)
			o.ClearLength()
			o.WeakenETag()
		}
		return next(r)
	}
}

func (own *addition) body(next phases.BodyFunc) phases.BodyFunc {
	return func(r *phases.Request, c phases.Chunk) error {
		s := additions.Get(r)
		if s == nil || r.Out.NoBody {
			return next(r, c)
		}
		if !s.begun {
			s.begun = true
			if err := include(r, own.before); err != nil {
				return err
			}
		}
		if !c.End || own.after == "" {
			return next(r, c)
		}
		last := phases.Chunk{Flush: c.Flush, Last: c.Last, End: c.End}
		c.Last, c.End = false, false
		if err := next(r, c); err != nil {
			return err
		}
		if err := include(r, own.after); err != nil {
			return err
		}
		additions.Drop(r)
		return next(r, last)
	}
}

// include sends the response of another location in between.
func include(r *phases.Request, uri string) error {
	if uri == "" {
		return nil
	}
	sub, se := r.NewSubrequest([]byte(uri), nil, &phases.Subrequest{})
	if se != nil {
		return se
	}
	sub.Run()
	return nil
}
