package filter

import (
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Charset names the encoding of texts in Content-Type and changes it where a
// charset_map says how.
var Charset = phases.Define(phases.Spec[charset]{
	Name: "charset",
	Directives: []phases.Directive[charset]{
		phases.Set("charset", inLocations|conf.LocationIf, conf.Exactly(1), func(own *charset, b *phases.Block, s *conf.Stmt) error {
			own.name = nil
			if s.Args[0] == "off" {
				return nil
			}
			var err error
			own.name, err = b.Template(s, s.Args[0])
			return err
		}),
		phases.SetString("source_charset", inLocations|conf.LocationIf, func(own *charset) *string { return &own.source }),
		phases.SetFlag("override_charset", inLocations|conf.LocationIf, func(own *charset) *bool { return &own.override }),
		setTypes("charset_types", func(own *charset) *mediaTypes { return &own.types }),
		phases.Add("charset_map", conf.HTTP, conf.BlockN(2, 2), addCharsetMap),
	},
	Finish: func(own *charset, b *phases.Block) error {
		own.maps, own.rooms = charsetMaps.Of(b.Config), inRooms.Of(b.Config)
		if own.source == "off" {
			own.source = ""
		}
		if own.name == nil || own.source == "" || b.Stmt == nil {
			return nil
		}
		if name, isConst := own.name.Const(); isConst && !strings.EqualFold(name, own.source) && own.maps.find(own.source, name) == nil {
			return b.Stmt.Errorf("no \"charset_map\" between the charsets \"%s\" and \"%s\"", own.source, name)
		}
		return nil
	},
	Active: func(own *charset) bool { return own.name != nil || own.source != "" },
	Filter: func(own *charset) phases.Filter { return phases.Filter{Header: own.header, Body: own.body} },
})

type charset struct {
	name     *phases.Template // nil: off
	source   string           // "": off
	override bool
	types    mediaTypes
	maps     *charsetTables
	rooms    *rooms
}

var charsetMaps phases.ConfigSlot[charsetTables]

// recoding is a response that is being recoded.
type recoding struct {
	table   *charsetTable
	partial []byte // the beginning of a character whose rest has not come
	tenant
}

var recodings = phases.NewSlot[recoding](phases.KeepNothing)

func (own *charset) header(next phases.HeaderFunc) phases.HeaderFunc {
	return func(r *phases.Request) error {
		own.apply(r)
		return next(r)
	}
}

func (own *charset) apply(r *phases.Request) {
	o := &r.Out
	name, given := "", charsetOf(o)
	if r.IsMain() {
		if own.name == nil || o.ContentType == "" || o.Raw || given != "" && !own.override ||
			given == "" && !own.types.has(o.ContentType, "text/xml", "text/plain", "text/vnd.wap.wml", "application/javascript", "application/rss+xml") {
			return
		}
		name = strings.Trim(own.name.String(r), `"`)
	} else {
		name = charsetOf(&r.Main.Out) // one response has one charset
	}
	source := own.source
	if given != "" {
		source = given
	}
	if name == "" {
		return
	}
	if source == "" || strings.EqualFold(source, name) {
		setCharset(o, name)
		return
	}
	if _, encoded := o.Get("Content-Encoding"); encoded {
		return
	}
	table := own.maps.find(source, name)
	if table == nil {
		r.Errorf(phases.LevelError, "no \"charset_map\" between the charsets \"%s\" and \"%s\"", source, name)
		return
	}
	setCharset(o, name)
	if table.toUTF8 != nil || table.fromUTF8 != nil {
		o.ClearLength()
	}
	recodings.Ensure(r).table = table
}

// charsetOf is the charset that a response was given.
func charsetOf(o *phases.Response) string {
	if o.Charset != "" {
		return o.Charset
	}
	_, params, _ := strings.Cut(o.ContentType, ";")
	for p := range strings.SplitSeq(params, ";") {
		k, v, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(k), "charset") {
			return strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return ""
}

func setCharset(o *phases.Response, name string) {
	o.ContentType, _, _ = strings.Cut(o.ContentType, ";")
	o.Charset = name
	if o.Status == 301 || o.Status == 302 {
		o.Charset = "" // old browsers take it for that of the next page
	}
}

func (own *charset) body(next phases.BodyFunc) phases.BodyFunc {
	return func(r *phases.Request, c phases.Chunk) error {
		z := recodings.Get(r)
		if z == nil || r.Out.NoBody {
			return next(r, c)
		}
		m := z.enter(r, own.rooms, c.End)
		if c.End {
			defer z.leave()
		}
		err := m.each(c, func(b []byte) error {
			m.out = z.append(m.out[:0], b)
			return next(r, phases.Chunk{Bytes: m.out})
		})
		if err != nil || !c.Flush && !c.Last && !c.End {
			return err
		}
		if c.End && len(z.partial) > 0 {
			if err := next(r, phases.Chunk{Bytes: []byte("?")}); err != nil {
				return err
			}
			z.partial = z.partial[:0]
		}
		return next(r, phases.Chunk{Flush: c.Flush, Last: c.Last, End: c.End})
	}
}
