package handler

import "github.com/luahttpd/luahttpd/phases"

// echoAroundState says how far the texts around a body are.
type echoAroundState struct{ begun, ended bool }

var echoArounds = phases.NewSlot[echoAroundState](phases.KeepNothing)

// echoFilter is echo_before_body and echo_after_body.
func echoFilter(own *echo) phases.Filter {
	if len(own.before.Items) == 0 && len(own.after.Items) == 0 {
		return phases.Filter{}
	}
	return phases.Filter{
		Header: func(next phases.HeaderFunc) phases.HeaderFunc {
			return func(r *phases.Request) error {
				if !r.Out.Raw {
					echoArounds.Ensure(r)
					r.Out.ClearLength()
				}
				return next(r)
			}
		},
		Body: func(next phases.BodyFunc) phases.BodyFunc {
			return func(r *phases.Request, c phases.Chunk) error {
				s := echoArounds.Get(r)
				if s == nil || s.ended || r.Out.NoBody {
					return next(r, c)
				}
				if !s.begun {
					s.begun = true
					if err := sendEchoes(r, own.before.Items, next); err != nil {
						return err
					}
				}
				if !c.End || len(own.after.Items) == 0 {
					return next(r, c)
				}
				s.ended = true
				last := phases.Chunk{Flush: c.Flush, Last: c.Last, End: true}
				if c.Flush, c.Last, c.End = false, false, false; c.Len() > 0 {
					if err := next(r, c); err != nil {
						return err
					}
				}
				if err := sendEchoes(r, own.after.Items, next); err != nil {
					return err
				}
				return next(r, last)
			}
		},
	}
}

func sendEchoes(r *phases.Request, commands []echoCommand, next phases.BodyFunc) error {
	for i := range commands {
		if err := next(r, phases.Chunk{Bytes: commands[i].values(r).text()}); err != nil {
			return err
		}
	}
	return nil
}
