package filter

import (
	"slices"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// Headers adds the fields that the configuration asks for: add_header,
// expires, add_trailer.
var Headers = phases.Define(phases.Spec[headers]{
	Name: "headers",
	Directives: []phases.Directive[headers]{
		phases.Add("add_header", inLocations|conf.LocationIf, conf.Between(2, 3), addHeader),
		phases.Add("add_trailer", inLocations|conf.LocationIf, conf.Between(2, 3), addHeader),
		phases.SetEnum("add_header_inherit", inLocations, func(own *headers) *int { return &own.inheritFields }, inheritWords...),
		phases.SetEnum("add_trailer_inherit", inLocations, func(own *headers) *int { return &own.inheritTrailers }, inheritWords...),
		phases.Set("expires", inLocations|conf.LocationIf, conf.Between(1, 2), setExpires),
	},
	Finish: func(own *headers, b *phases.Block) error {
		if b.Parent == nil {
			return nil
		}
		if outer := phases.ConfOf[headers](b.Parent.Loc); outer != nil {
			inheritFields(&own.fields, outer.fields.Items, own.ownFields == b.Stmt, own.inheritFields)
			inheritFields(&own.trailers, outer.trailers.Items, own.ownTrailers == b.Stmt, own.inheritTrailers)
		}
		return nil
	},
	Active: func(own *headers) bool {
		return own.expires != nil || len(own.fields.Items) > 0 || len(own.trailers.Items) > 0
	},
	Filter: func(own *headers) phases.Filter {
		f := phases.Filter{Header: func(next phases.HeaderFunc) phases.HeaderFunc {
			return func(r *phases.Request) error {
				if r.IsMain() {
					own.apply(r)
				}
				return next(r)
			}
		}}
		if len(own.trailers.Items) > 0 {
			f.Body = func(next phases.BodyFunc) phases.BodyFunc {
				return func(r *phases.Request, c phases.Chunk) error {
					if c.Last && r.Out.Chunking {
						own.trail(r)
					}
					return next(r, c)
				}
			}
		}
		return f
	},
})

type headers struct {
	fields, trailers conf.List[addedField]
	// ownFields and ownTrailers are the innermost blocks that give any.
	ownFields, ownTrailers         *conf.Stmt
	inheritFields, inheritTrailers int
	expires                        *expires
}

// inheritWords are the values of add_header_inherit: a block with fields of
// its own has only those (on), none without own ones (off), or both (merge).
var inheritWords = []string{"on", "off", "merge"}

const (
	inheritOn = iota
	inheritOff
	inheritMerge
)

// inheritFields changes what a block has besides what nginx's common rule
// gives it.
func inheritFields(l *conf.List[addedField], outer []addedField, some bool, how int) {
	switch {
	case how == inheritMerge && some:
		l.Items = append(slices.Clip(outer), l.Items...)
	case how == inheritOff && !some:
		l.Items = nil
	}
}

// addedField is one add_header or add_trailer.
type addedField struct {
	name   string
	value  *phases.Template
	always bool
}

func addHeader(own *headers, b *phases.Block, s *conf.Stmt) error {
	f := addedField{name: s.Args[0]}
	if len(s.Args) == 3 {
		if s.Args[2] != "always" {
			return s.Errorf("invalid parameter \"%s\"", s.Args[2])
		}
		f.always = true
	}
	var err error
	if f.value, err = b.Template(s, s.Args[1]); err != nil {
		return err
	}
	if s.Name == "add_trailer" {
		own.trailers.Add(s, f)
		own.ownTrailers = s.Parent
	} else {
		own.fields.Add(s, f)
		own.ownFields = s.Parent
	}
	return nil
}

// safeStatus tells the responses that get fields without "always".
func safeStatus(status int) bool {
	switch status {
	case 200, 201, 204, 206, 301, 302, 303, 304, 307, 308:
		return true
	}
	return false
}

func (own *headers) apply(r *phases.Request) {
	safe := safeStatus(r.Out.Status)
	if safe && own.expires != nil {
		own.expires.apply(r)
	}
	for i := range own.fields.Items {
		if f := &own.fields.Items[i]; safe || f.always {
			f.add(r)
		}
	}
	for i := range own.trailers.Items {
		if safe || own.trailers.Items[i].always {
			r.Out.Trailing = true
			break
		}
	}
}

// add adds the field. Last-Modified and ETag exist once, so they are replaced.
func (f *addedField) add(r *phases.Request) {
	v := f.value.String(r)
	switch {
	case strings.EqualFold(f.name, "Last-Modified"):
		r.Out.LastModified = time.Time{}
		r.Out.Del(f.name)
		if t, ok := http1.ParseHTTPDate(v, r.Worker.Now()); ok {
			r.Out.LastModified = t
			return
		}
	case strings.EqualFold(f.name, "ETag"):
		r.Out.Del(f.name)
	}
	if v != "" {
		r.Out.Add(f.name, v)
	}
}

func (own *headers) trail(r *phases.Request) {
	safe := safeStatus(r.Out.Status)
	for _, t := range own.trailers.Items {
		if !safe && !t.always {
			continue
		}
		if v := t.value.String(r); v != "" {
			r.Out.Trailers = append(r.Out.Trailers, phases.Field{Name: t.name, Value: v})
		}
	}
}
