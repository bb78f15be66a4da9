package filter

import (
	"io"
	"iter"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Gunzip decompresses responses for clients that do not accept gzip.
var Gunzip = phases.Define(phases.Spec[gunzip]{
	Name: "gunzip",
	Directives: append([]phases.Directive[gunzip]{
		phases.SetFlag("gunzip", inLocations, func(g *gunzip) *bool { return &g.on }),
	}, phases.Ignore[gunzip](inLocations, conf.Exactly(2), "buffers grow as they must", "gunzip_buffers")...),
	Finish: func(g *gunzip, b *phases.Block) error {
		g.gzip, g.rooms = phases.ConfOf[gzipping](b.Loc), inRooms.Of(b.Config)
		return nil
	},
	Active: func(g *gunzip) bool { return g.on },
	Filter: func(g *gunzip) phases.Filter { return phases.Filter{Header: g.header, Body: g.body} },
})

type gunzip struct {
	on    bool
	gzip  *gzipping
	rooms *rooms
}

func (g *gunzip) header(next phases.HeaderFunc) phases.HeaderFunc {
	return func(r *phases.Request) error {
		o := &r.Out
		if v, _ := o.Get("Content-Encoding"); !strings.EqualFold(v, "gzip") || o.Raw {
			return next(r)
		}
		if g.gzip != nil {
			g.gzip.addVary(r)
			if g.gzip.accepted(r) {
				return next(r)
			}
		}
		inflations.Ensure(r)
		o.Del("Content-Encoding")
		o.ClearLength()
		o.WeakenETag()
		return next(r)
	}
}

// inflation is a response that is being decompressed. The decompressor runs on
// a stack of its own that is resumed for each piece of output: it yields bytes
// it has made, or nothing when it needs more input.
type inflation struct {
	input []byte
	last  bool // no more input will come
	room  *room
	err   error
	pull  func() ([]byte, bool)
}

var inflations = phases.NewSlot[inflation](phases.KeepNothing)

func (g *gunzip) body(next phases.BodyFunc) phases.BodyFunc {
	return func(r *phases.Request, c phases.Chunk) error {
		z := inflations.Get(r)
		if z == nil || r.Out.NoBody {
			return next(r, c)
		}
		if z.pull == nil {
			var stop func()
			z.room = g.rooms.take()
			z.pull, stop = iter.Pull(z.inflate)
			r.OnEnd(func() {
				stop()
				z.room.unzip.Reset(strings.NewReader("")) // it forgets the response
				g.rooms.give(z.room)
			})
		}
		pass := func(b []byte) error {
			z.input = b
			for {
				out, ok := z.pull()
				if z.err != nil {
					return z.err
				}
				if !ok || len(out) == 0 {
					return nil
				}
				if err := next(r, phases.Chunk{Bytes: out}); err != nil {
					return err
				}
			}
		}
		if err := z.room.each(c, pass); err != nil {
			return err
		}
		if c.End {
			z.last = true
			if err := pass(nil); err != nil {
				return err
			}
		}
		if c.Flush || c.Last || c.End {
			return next(r, phases.Chunk{Flush: c.Flush, Last: c.Last, End: c.End})
		}
		return nil
	}
}

const errInflate = errorText("inflate() failed: the response is not what its Content-Encoding says")

// inflate is the decompressor's side.
func (z *inflation) inflate(yield func([]byte) bool) {
	in := &inflationInput{z, yield}
	zr := &z.room.unzip
	err := zr.Reset(in)
	if err == io.EOF {
		return // nothing at all was there
	}
	if cap(z.room.out) < pieceSize {
		z.room.out = make([]byte, pieceSize)
	}
	out := z.room.out[:pieceSize]
	for err == nil {
		var n int
		n, err = zr.Read(out)
		if n > 0 && !yield(out[:n]) {
			return
		}
	}
	if err != io.EOF {
		z.err = errInflate
	}
}

// inflationInput hands the decompressor its input; it yields until some came.
// It is an io.ByteReader so that the decompressor does not read ahead.
type inflationInput struct {
	z     *inflation
	yield func([]byte) bool
}

func (in *inflationInput) more() error {
	for len(in.z.input) == 0 {
		if in.z.last {
			return io.EOF
		}
		if !in.yield(nil) {
			return io.ErrClosedPipe
		}
	}
	return nil
}

func (in *inflationInput) Read(p []byte) (int, error) {
	if err := in.more(); err != nil {
		return 0, err
	}
	n := copy(p, in.z.input)
	in.z.input = in.z.input[n:]
	return n, nil
}

func (in *inflationInput) ReadByte() (byte, error) {
	if err := in.more(); err != nil {
		return 0, err
	}
	c := in.z.input[0]
	in.z.input = in.z.input[1:]
	return c, nil
}
