package filter

import (
	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// SubFilter replaces texts in response bodies, whatever the letters' case.
var SubFilter = phases.Define(phases.Spec[subFilter]{
	Name: "sub_filter",
	Directives: []phases.Directive[subFilter]{
		phases.Add("sub_filter", inLocations, conf.Exactly(2), addSubFilter),
		setTypes("sub_filter_types", func(own *subFilter) *mediaTypes { return &own.types }),
		phases.SetFlag("sub_filter_once", inLocations, func(own *subFilter) *bool { return &own.once }),
		phases.SetFlag("sub_filter_last_modified", inLocations, func(own *subFilter) *bool { return &own.lastModified }),
	},
	Default: func() subFilter { return subFilter{once: true} },
	Finish: func(own *subFilter, b *phases.Block) error {
		own.rooms = inRooms.Of(b.Config)
		return nil
	},
	Active: func(own *subFilter) bool { return len(own.pairs.Items) > 0 },
	Filter: func(own *subFilter) phases.Filter { return phases.Filter{Header: own.header, Body: own.body} },
})

type subFilter struct {
	pairs        conf.List[subPair]
	types        mediaTypes
	once         bool
	lastModified bool
	rooms        *rooms
}

type subPair struct{ match, with *phases.Template }

func addSubFilter(own *subFilter, b *phases.Block, s *conf.Stmt) (err error) {
	if s.Args[0] == "" {
		return s.Errorf("empty search pattern")
	}
	var p subPair
	if p.match, err = b.Template(s, s.Args[0]); err != nil {
		return err
	}
	if p.with, err = b.Template(s, s.Args[1]); err != nil {
		return err
	}
	own.pairs.Add(s, p)
	return nil
}

// substitution is a response in which texts are being replaced.
type substitution struct {
	patterns []subPattern
	first    [256]bool // bytes that a text may begin with
	held     []byte    // may be the beginning of a text
	tenant
}

// subPattern is one text, in lower case.
type subPattern struct {
	text  []byte
	pair  *subPair
	with  []byte // evaluated at the first match
	found bool
	spent bool
}

var substitutions = phases.NewSlot[substitution](phases.KeepNothing)

func (own *subFilter) header(next phases.HeaderFunc) phases.HeaderFunc {
	return func(r *phases.Request) error {
		o := &r.Out
		if o.ContentLength == 0 || o.Raw || !own.types.has(o.ContentType) {
			return next(r)
		}
		z := substitutions.Ensure(r)
		for i := range own.pairs.Items {
			p := &own.pairs.Items[i]
			if text := lowerASCII(p.match.Bytes(r)); len(text) > 0 {
				z.patterns = append(z.patterns, subPattern{text: text, pair: p})
				z.first[text[0]] = true
				z.first[upper(text[0])] = true
			}
		}
		if len(z.patterns) == 0 {
			substitutions.Drop(r)
			return next(r)
		}
		if r.IsMain() {
			o.ChangeBody(own.lastModified)
		}
		return next(r)
	}
}

func (own *subFilter) body(next phases.BodyFunc) phases.BodyFunc {
	return func(r *phases.Request, c phases.Chunk) error {
		z := substitutions.Get(r)
		if z == nil || r.Out.NoBody {
			return next(r, c)
		}
		m := z.enter(r, own.rooms, c.End)
		if c.End {
			defer z.leave()
		}
		err := m.each(c, func(b []byte) error {
			z.replace(r, b, false, own.once)
			if len(m.out) == 0 {
				return nil
			}
			return next(r, phases.Chunk{Bytes: m.out})
		})
		if err != nil || !c.Flush && !c.Last && !c.End {
			return err
		}
		out := phases.Chunk{Flush: c.Flush, Last: c.Last, End: c.End}
		if c.End {
			z.replace(r, nil, true, own.once)
			out.Bytes = m.out
		}
		return next(r, out)
	}
}

// replace puts into the room's out what can be let go of the body up to and with b. At
// each place the first of the texts that may stand there decides.
func (z *substitution) replace(r *phases.Request, b []byte, last, once bool) {
	m := z.room
	m.out = m.out[:0]
	b = m.join(z.held, b)
	z.held = z.held[:0]
	from := 0
	for i := 0; i < len(b); i++ {
		if !z.first[b[i]] {
			continue
		}
		p, partial := z.match(b[i:], last)
		if partial {
			m.out = append(m.out, b[from:i]...)
			z.held = append(z.held, b[i:]...)
			return
		}
		if p == nil {
			continue
		}
		m.out = append(m.out, b[from:i]...)
		if !p.found {
			p.found, p.with = true, p.pair.with.Bytes(r)
		}
		m.out = append(m.out, p.with...)
		p.spent = once
		i += len(p.text) - 1
		from = i + 1
	}
	m.out = append(m.out, b[from:]...)
}

// match finds the text that b begins with; partial: b is too short to tell.
func (z *substitution) match(b []byte, last bool) (p *subPattern, partial bool) {
	for i := range z.patterns {
		p := &z.patterns[i]
		switch {
		case p.spent:
		case len(b) < len(p.text):
			if !last && sameLetters(b, p.text[:len(b)]) {
				return nil, true
			}
		case sameLetters(b[:len(p.text)], p.text):
			return p, false
		}
	}
	return nil, false
}

// sameLetters compares b with a text in lower case; only ASCII has cases.
func sameLetters(b, lower []byte) bool {
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func lowerASCII(b []byte) []byte {
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - ('a' - 'A')
	}
	return c
}
