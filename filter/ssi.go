package filter

import (
	"bytes"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/pcre"
	"github.com/luahttpd/luahttpd/phases"
)

// SSI runs the commands of server side includes in a body: include, echo, set,
// config, if and block.
var SSI = phases.Define(phases.Spec[ssi]{
	Name:    "ssi",
	Default: func() ssi { return ssi{valueLength: 256} },
	Directives: append([]phases.Directive[ssi]{
		phases.SetFlag("ssi", inLocations|conf.LocationIf, func(own *ssi) *bool { return &own.on }),
		phases.SetFlag("ssi_silent_errors", inLocations, func(own *ssi) *bool { return &own.silent }),
		phases.SetFlag("ssi_last_modified", inLocations, func(own *ssi) *bool { return &own.lastModified }),
		phases.SetInt("ssi_value_length", inLocations, func(own *ssi) *int { return &own.valueLength }),
		setTypes("ssi_types", func(own *ssi) *mediaTypes { return &own.types }),
	}, phases.Ignore[ssi](inLocations, conf.Exactly(1), "buffers grow as they must", "ssi_min_file_chunk", "ssi_ignore_recycled_buffers")...),
	Finish: func(own *ssi, b *phases.Block) error {
		own.rooms = inRooms.Of(b.Config)
		return nil
	},
	Active: func(own *ssi) bool { return own.on },
	Filter: func(own *ssi) phases.Filter { return phases.Filter{Header: own.header, Body: own.body} },
	Init: func(cfg *phases.Config, _ *ssi) error {
		ssiCompilers.Of(cfg).Cache = pcre.NewCache(0)
		return nil
	},
	Variables: []phases.Variable{
		{Name: "date_local", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			return appendTime(dst, ssiTimeFormat(r), r.Worker.Now().Local()), true
		}},
		{Name: "date_gmt", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
			return appendTime(dst, ssiTimeFormat(r), r.Worker.Now().In(gmt)), true
		}},
	},
})

// ssi is the configuration of a block.
type ssi struct {
	on, silent, lastModified bool
	// valueLength bounds the value of a command's parameter in bytes (256).
	valueLength int
	types       mediaTypes
	rooms       *rooms
}

const (
	ssiTimeDefault  = "%A, %d-%b-%Y %H:%M:%S %Z"
	ssiErrorDefault = "[an error occurred while processing the directive]"
)

// ssiReading is a body that is being read.
type ssiReading struct {
	own  *ssi
	r    *phases.Request
	out  *ssiOutput
	page *ssiPage
	held []byte // the beginning of a command
	tenant
	timeFormat string
	errorText  string
	ifs        []ssiIf
	skipped    int // of "if" in parts that are not put out
	block      *ssiBlock
	captures   [][]byte // of the last expression of an "if"
}

// ssiOutput puts together what comes of a chunk, up to pieceSize bytes of it.
type ssiOutput struct {
	r    *phases.Request
	next phases.BodyFunc
	room *room
}

func (o *ssiOutput) text(b []byte) error {
	o.room.out = append(o.room.out, b...)
	if len(o.room.out) < pieceSize {
		return nil
	}
	return o.pass(phases.Chunk{})
}

// pass passes on what there is, with c's marks.
func (o *ssiOutput) pass(c phases.Chunk) error {
	c.Bytes = o.room.out
	if len(c.Bytes) == 0 && !c.Flush && !c.Last && !c.End {
		return nil
	}
	err := o.next(o.r, c)
	o.room.out = o.room.out[:0]
	return err
}

// ssiPage is what a request and its subrequests know together.
type ssiPage struct {
	vars   map[string][]byte
	blocks map[string][]byte
	kept   int // bytes of them, and of a block that is being read
}

// ssiPageMax bounds, in bytes, what the commands of a page and its inclusions
// may have kept: variables and blocks. What is beyond it is not.
const ssiPageMax = 4 << 20

// keep takes n bytes more, if they may be.
func (p *ssiPage) keep(n int) bool {
	if p.kept+n > ssiPageMax {
		return false
	}
	p.kept += n
	return true
}

// ssiBlock is a block that is being read.
type ssiBlock struct {
	name string
	text []byte
	over bool // there is more than is kept
}

// ssiCompiler keeps the expressions of pages.
type ssiCompiler struct{ *pcre.Cache }

var (
	ssiReadings  = phases.NewSlot[ssiReading](phases.KeepNothing)
	ssiPages     = phases.NewSlot[ssiPage](phases.KeepNothing)
	ssiCompilers = phases.NewConfigSlot[ssiCompiler]()
	gmt          = time.FixedZone("GMT", 0)
)

func ssiTimeFormat(r *phases.Request) string {
	if z := ssiReadings.Get(r); z != nil {
		return z.timeFormat
	}
	return ssiTimeDefault
}

func (own *ssi) header(next phases.HeaderFunc) phases.HeaderFunc {
	return func(r *phases.Request) error {
		o := &r.Out
		if o.ContentLength == 0 || o.Raw || !own.types.has(o.ContentType) {
			return next(r)
		}
		*ssiReadings.Ensure(r) = ssiReading{own: own, r: r, page: ssiPages.Ensure(r.Main), timeFormat: ssiTimeDefault, errorText: ssiErrorDefault}
		if r.IsMain() {
			o.ChangeBody(own.lastModified)
		}
		return next(r)
	}
}

func (own *ssi) body(next phases.BodyFunc) phases.BodyFunc {
	return func(r *phases.Request, c phases.Chunk) error {
		z := ssiReadings.Get(r)
		if z == nil || r.Out.NoBody {
			return next(r, c)
		}
		m := z.enter(r, own.rooms, c.End)
		if c.End {
			defer z.leave()
		}
		m.out = m.out[:0]
		z.out = &ssiOutput{r, next, m}
		if err := m.each(c, func(b []byte) error { return z.read(b, false) }); err != nil {
			return err
		}
		if c.End {
			if err := z.read(nil, true); err != nil {
				return err
			}
		}
		return z.out.pass(phases.Chunk{Flush: c.Flush, Last: c.Last, End: c.End})
	}
}

var ssiOpening = []byte("<!--#")

// ssiHeldMax bounds in bytes what is kept of a command whose end has not come.
const ssiHeldMax = 16 << 10

// read takes the next piece of the body: what is not a command is put out.
func (z *ssiReading) read(b []byte, last bool) error {
	b = z.room.join(z.held, b)
	z.held = z.held[:0]
	for {
		at := bytes.Index(b, ssiOpening)
		if at < 0 {
			at = len(b)
			if !last {
				at -= beginsOf(b, ssiOpening)
			}
			z.held = append(z.held, b[at:]...)
			return z.text(b[:at])
		}
		if err := z.text(b[:at]); err != nil {
			return err
		}
		b = b[at:]
		c, n := scanSSI(b, z.own.valueLength)
		if n == 0 && !last && len(b) < ssiHeldMax {
			z.held = append(z.held, b...)
			return nil
		}
		if n == 0 {
			return z.text(b) // no end: it was none
		}
		if err := z.command(&c, b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
}

// beginsOf is how many bytes at the end of b are the beginning of mark.
func beginsOf(b, mark []byte) int {
	for n := min(len(b), len(mark)-1); n > 0; n-- {
		if bytes.HasSuffix(b, mark[:n]) {
			return n
		}
	}
	return 0
}

// text puts out what is no command.
func (z *ssiReading) text(b []byte) error {
	switch {
	case len(b) == 0:
		return nil
	case z.block != nil:
		return z.extend(b)
	case !z.visible():
		return nil
	}
	return z.out.text(b)
}

// extend adds to the block that is being read.
func (z *ssiReading) extend(b []byte) error {
	switch k := z.block; {
	case k.over:
		return nil
	case !z.page.keep(len(b)):
		k.over = true
		return z.failed("too much text in the block \"%s\"", k.name)
	default:
		k.text = append(k.text, b...)
		return nil
	}
}

// failed puts the error text out and the reason in the log.
func (z *ssiReading) failed(format string, a ...any) error {
	z.r.Errorf(phases.LevelError, format, a...)
	if z.own.silent || !z.visible() {
		return nil
	}
	return z.out.text([]byte(z.errorText))
}
