package filter

import (
	"io"
	"strconv"
	"sync"

	"github.com/klauspost/compress/gzip"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Gzip compresses responses for clients that accept it.
var Gzip = phases.Define(phases.Spec[gzipping]{
	Name: "gzip",
	Directives: append([]phases.Directive[gzipping]{
		phases.SetFlag("gzip", inLocations|conf.LocationIf, func(g *gzipping) *bool { return &g.on }),
		setTypes("gzip_types", func(g *gzipping) *mediaTypes { return &g.types }),
		phases.Set("gzip_comp_level", inLocations, conf.Exactly(1), func(g *gzipping, b *phases.Block, s *conf.Stmt) error {
			n, err := s.Number(0)
			if err == nil && (n < 1 || n > 9) {
				return s.Errorf("value must be between 1 and 9")
			}
			g.level = n
			return err
		}),
		phases.SetSize("gzip_min_length", inLocations, func(g *gzipping) *int64 { return &g.minLength }),
		phases.SetFlag("gzip_vary", inLocations, func(g *gzipping) *bool { return &g.vary }),
		phases.SetEnum("gzip_http_version", inLocations, func(g *gzipping) *int { return &g.minor }, "1.0", "1.1"),
		phases.Set("gzip_proxied", inLocations, conf.AtLeast(1), setProxied),
		phases.Set("gzip_disable", inLocations, conf.AtLeast(1), setGzipDisable),
	}, phases.Ignore[gzipping](inLocations, conf.Between(1, 2), "buffers grow as they must", "gzip_buffers", "gzip_hash", "gzip_window",
		"postpone_gzipping", "gzip_no_buffer")...),
	Default: func() gzipping { return gzipping{level: 1, minLength: 20, minor: 1, proxied: proxiedOff} },
	Finish: func(g *gzipping, b *phases.Block) error {
		level := g.level
		g.writers = &sync.Pool{New: func() any {
			w, _ := gzip.NewWriterLevel(io.Discard, level) // the level was checked
			return w
		}}
		return nil
	},
	Active: func(g *gzipping) bool { return g.on },
	Filter: func(g *gzipping) phases.Filter { return phases.Filter{Header: g.header, Body: g.body} },
	Variables: []phases.Variable{{Name: "gzip_ratio", Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		z := compressions.Get(r)
		if z == nil || z.out == 0 {
			return dst, false
		}
		ratio := (z.in*1000/z.out + 5) / 10 // in hundredths
		dst = append(strconv.AppendInt(dst, ratio/100, 10), '.')
		return append(dst, byte('0'+ratio/10%10), byte('0'+ratio%10)), true
	}}},
})

// gzipping is the configuration of gzip and of who else needs to know whether
// a client takes it.
type gzipping struct {
	on        bool
	vary      bool
	types     mediaTypes
	level     int   // 1
	minLength int64 // bytes (20), for responses of known length
	minor     int   // the least HTTP/1.x
	proxied   proxied
	disable   conf.List[*phases.Regex]
	oldMSIE   bool
	writers   *sync.Pool // of *gzip.Writer
}

// compression is a response that is being compressed. It is what its writer
// writes to.
type compression struct {
	r       *phases.Request
	next    phases.BodyFunc
	w       *gzip.Writer
	held    []byte
	in, out int64
}

// KeepOverRedirect would be wrong: an error page decides anew.
var compressions = phases.NewSlot[compression](phases.KeepNothing)

func (g *gzipping) header(next phases.HeaderFunc) phases.HeaderFunc {
	return func(r *phases.Request) error {
		o := &r.Out
		switch o.Status {
		case 200, 403, 404:
		default:
			return next(r)
		}
		if _, encoded := o.Get("Content-Encoding"); encoded || o.Raw || o.ContentLength >= 0 && o.ContentLength < g.minLength ||
			!g.types.has(o.ContentType) {
			return next(r)
		}
		g.addVary(r)
		if !g.accepted(r) {
			return next(r)
		}
		compressions.Ensure(r).r = r
		o.Add("Content-Encoding", "gzip")
		o.ClearLength()
		o.WeakenETag()
		return next(r)
	}
}

// addVary tells caches that the response depends on Accept-Encoding.
func (g *gzipping) addVary(r *phases.Request) {
	if !g.vary {
		return
	}
	for _, f := range r.Out.All() {
		if f.Name == "Vary" && f.Value == "Accept-Encoding" {
			return
		}
	}
	r.Out.Add("Vary", "Accept-Encoding")
}

func (g *gzipping) body(next phases.BodyFunc) phases.BodyFunc {
	return func(r *phases.Request, c phases.Chunk) error {
		z := compressions.Get(r)
		if z == nil || r.Out.NoBody || z.w == nil && z.out > 0 {
			return next(r, c)
		}
		if z.w == nil {
			z.next, z.w = next, g.writers.Get().(*gzip.Writer)
			z.w.Reset(z)
			r.OnEnd(func() { z.release(g) })
		}
		return z.compress(g, c)
	}
}

func (z *compression) release(g *gzipping) {
	if z.w != nil {
		g.writers.Put(z.w)
		z.w = nil
	}
}

// pieceSize is how much of a file is read at once, and how much compressed
// output is put together before it is passed on.
const pieceSize = 32 << 10

func (z *compression) compress(g *gzipping, c phases.Chunk) error {
	z.in += c.Len()
	left := c.Len()
	err := eachPiece(c, func(b []byte) error {
		_, err := z.w.Write(b)
		if left -= int64(len(b)); left > 0 {
			z.r.Worker.Current().Yield() // compressing takes its time
		}
		return err
	})
	if err == nil && c.End {
		err = z.w.Close()
		z.release(g)
	} else if err == nil && c.Flush {
		err = z.w.Flush()
	}
	if err != nil {
		return err
	}
	if !c.Flush && !c.End && !c.Last {
		return nil
	}
	c.File, c.Bytes, c.Off, c.Size = nil, z.held, 0, 0
	err = z.next(z.r, c)
	z.held = z.held[:0]
	return err
}

// Write takes what the writer has compressed.
func (z *compression) Write(b []byte) (int, error) {
	z.out += int64(len(b))
	z.held = append(z.held, b...)
	if len(z.held) < pieceSize {
		return len(b), nil
	}
	err := z.next(z.r, phases.Chunk{Bytes: z.held})
	z.held = z.held[:0]
	return len(b), err
}

// eachPiece calls f with the bytes of a chunk, pieceSize of them at most.
func eachPiece(c phases.Chunk, f func(b []byte) error) error {
	for len(c.Bytes) > 0 && c.File == nil {
		n := min(len(c.Bytes), pieceSize)
		if err := f(c.Bytes[:n]); err != nil {
			return err
		}
		c.Bytes = c.Bytes[n:]
	}
	if c.File == nil || c.Size == 0 {
		return nil
	}
	buf := make([]byte, min(c.Size, pieceSize))
	for c.Size > 0 {
		n, err := c.File.ReadAt(buf[:min(c.Size, pieceSize)], c.Off)
		if n == 0 {
			return err
		}
		if err := f(buf[:n]); err != nil {
			return err
		}
		c.Off, c.Size = c.Off+int64(n), c.Size-int64(n)
	}
	return nil
}
