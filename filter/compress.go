package filter

import (
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// compressing is what a location says of one content coding.
type compressing struct {
	on        bool
	types     mediaTypes
	level     int
	minLength int64 // bytes (20), for responses of known length
	encoders  *sync.Pool
}

// coder compresses; it can be used again for another response.
type coder interface {
	io.WriteCloser
	Flush() error
	Reset(to io.Writer)
}

// wholeCoder has a cheaper way for a response that is all there: whole tells
// whether it took it.
type wholeCoder interface {
	whole(b []byte) (bool, error)
}

// encoder is a coder with its buffers, and what the coder writes to. A response
// has one while it is being compressed.
type encoder struct {
	coder
	pool  *sync.Pool
	z     *compression
	next  phases.BodyFunc
	input []byte // for files
	held  []byte // compressed, not passed on yet
	begun bool
	err   error
}

// compression is a response that is being compressed.
type compression struct {
	r       *phases.Request
	own     *compressing
	e       *encoder // nil: not begun, or ended
	ended   bool
	in, out int64
}

// KeepOverRedirect would be wrong: an error page decides anew.
var compressions = phases.NewSlot[compression](phases.KeepNothing)

// encoders are the free encoders of a configuration, by coding and level.
type encoders struct{ pools map[encoderKey]*sync.Pool }

type encoderKey struct {
	coding        string
	level, window int
}

var inEncoders = phases.NewConfigSlot[encoders]()

// compressRows are the directives of a coding: name is that of its flag, and
// what the others begin with.
func compressRows[T any](name string, most int, f func(*T) *compressing) []phases.Directive[T] {
	return []phases.Directive[T]{
		phases.SetFlag(name, inLocations|conf.LocationIf, func(t *T) *bool { return &f(t).on }),
		setTypes(name+"_types", func(t *T) *mediaTypes { return &f(t).types }),
		phases.Set(name+"_comp_level", inLocations, conf.Exactly(1), func(t *T, b *phases.Block, s *conf.Stmt) error {
			n, err := s.Number(0)
			least := 1
			if name == "brotli" {
				least = 0
			}
			if err == nil && (n < least || n > most) {
				return s.Errorf("value must be between %d and %d", least, most)
			}
			f(t).level = n
			return err
		}),
		phases.SetSize(name+"_min_length", inLocations, func(t *T) *int64 { return &f(t).minLength }),
	}
}

// ready finds the encoders, which make makes.
func (own *compressing) ready(b *phases.Block, key encoderKey, make func() coder) {
	all := inEncoders.Of(b.Config)
	if all.pools == nil {
		all.pools = map[encoderKey]*sync.Pool{}
	}
	p := all.pools[key]
	if p == nil {
		p = &sync.Pool{}
		p.New = func() any { return &encoder{coder: make(), pool: p} }
		all.pools[key] = p
	}
	own.encoders = p
}

// wants tells whether the response may be compressed as far as the location
// and the response are concerned.
func (own *compressing) wants(r *phases.Request) bool {
	o := &r.Out
	switch o.Status {
	case 200, 403, 404:
	default:
		return false
	}
	_, encoded := o.Get("Content-Encoding")
	return !encoded && !o.Raw && !(o.ContentLength >= 0 && o.ContentLength < own.minLength) && own.types.has(o.ContentType)
}

// offer is the head's filter of a coding that is used for those who name it;
// vary says whether others are to be told.
func (own *compressing) offer(coding string, vary *gzipping) func(next phases.HeaderFunc) phases.HeaderFunc {
	return func(next phases.HeaderFunc) phases.HeaderFunc {
		return func(r *phases.Request) error {
			if own.wants(r) {
				vary.addVary(r)
				if r.IsMain() && accepts(string(r.Field("Accept-Encoding")), coding) {
					own.begin(r, coding)
				}
			}
			return next(r)
		}
	}
}

// begin makes the response one in coding.
func (own *compressing) begin(r *phases.Request, coding string) {
	z := compressions.Ensure(r)
	*z = compression{r: r, own: own}
	o := &r.Out
	o.Add("Content-Encoding", coding)
	o.ClearLength()
	o.WeakenETag()
}

func (own *compressing) body(next phases.BodyFunc) phases.BodyFunc {
	return func(r *phases.Request, c phases.Chunk) error {
		z := compressions.Get(r)
		if z == nil || z.own != own || r.Out.NoBody || z.ended {
			return next(r, c)
		}
		e := z.e
		if e == nil {
			e = own.encoders.Get().(*encoder)
			z.e, e.z, e.next, e.err, e.begun = e, z, next, nil, false
			e.Reset(e)
			if !c.End {
				r.OnEnd(z.release)
			}
		}
		return e.compress(c)
	}
}

// release gives the encoder back.
func (z *compression) release() {
	if e := z.e; e != nil {
		z.e, e.z, e.next, e.held = nil, nil, nil, e.held[:0]
		e.pool.Put(e)
	}
}

// pieceSize is how much of a file is read at once, and how much compressed
// output is put together before it is passed on.
const pieceSize = 32 << 10

func (e *encoder) compress(c phases.Chunk) error {
	z := e.z
	first := !e.begun
	e.begun = true
	z.in += c.Len()
	left := c.Len()
	if c.File != nil && e.input == nil {
		e.input = make([]byte, pieceSize)
	}
	done := false
	err := eachPieceIn(e.input, c, func(b []byte) (err error) {
		left -= int64(len(b))
		if w, is := e.coder.(wholeCoder); is && first && left == 0 && c.End {
			if done, err = w.whole(b); done || err != nil {
				return err
			}
		}
		first = false
		_, err = e.coder.Write(b)
		if left > 0 {
			z.r.Worker.Current().Yield() // compressing takes its time
		}
		return err
	})
	switch {
	case err != nil:
	case c.End && !done:
		err = e.Close()
	case c.Flush && !done:
		err = e.Flush()
	}
	if e.err != nil {
		err = e.err // what the next filter said
	}
	z.ended = err != nil || c.End
	if err == nil && (c.Flush || c.End || c.Last) {
		c.File, c.Bytes, c.Off, c.Size = nil, e.held, 0, 0
		err = e.next(z.r, c)
		e.held = e.held[:0]
	}
	if z.ended {
		z.release()
	}
	return err
}

// Write takes what the coder has compressed.
func (e *encoder) Write(b []byte) (int, error) {
	e.z.out += int64(len(b))
	e.held = append(e.held, b...)
	if len(e.held) < pieceSize {
		return len(b), nil
	}
	e.err = e.next(e.z.r, phases.Chunk{Bytes: e.held})
	e.held = e.held[:0]
	return len(b), e.err
}

// eachPieceIn calls f with the bytes of a chunk, pieceSize of them at most; room
// is for what is read of files.
func eachPieceIn(room []byte, c phases.Chunk, f func(b []byte) error) error {
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
	for c.Size > 0 {
		n, err := c.File.ReadAt(room[:min(c.Size, int64(len(room)))], c.Off)
		if n == 0 {
			return err
		}
		if err := f(room[:n]); err != nil {
			return err
		}
		c.Off, c.Size = c.Off+int64(n), c.Size-int64(n)
	}
	return nil
}

// ratioOf makes the variable that tells how much shorter a response became,
// "3.24", under the given coding.
func ratioOf(name, coding string) phases.Variable {
	return phases.Variable{Name: name, Get: func(r *phases.Request, dst []byte) ([]byte, bool) {
		z := compressions.Get(r)
		if z == nil || z.out == 0 {
			return dst, false
		}
		if v, _ := r.Out.Get("Content-Encoding"); v != coding {
			return dst, false
		}
		ratio := (z.in*1000/z.out + 5) / 10 // in hundredths
		dst = append(strconv.AppendInt(dst, ratio/100, 10), '.')
		return append(dst, byte('0'+ratio/10%10), byte('0'+ratio%10)), true
	}}
}

// addVary tells caches that the response depends on Accept-Encoding, where
// gzip_vary says so.
func (g *gzipping) addVary(r *phases.Request) {
	if g == nil || !g.vary {
		return
	}
	for _, f := range r.Out.All() {
		if f.Name == "Vary" && f.Value == "Accept-Encoding" {
			return
		}
	}
	r.Out.Add("Vary", "Accept-Encoding")
}

// accepts reads Accept-Encoding (RFC 9110 section 12.5.3): the coding is named
// and not with a weight of 0. "*" and "x-gzip" do not count, as in nginx.
func accepts(v, coding string) bool {
	for v != "" {
		var one string
		one, v, _ = strings.Cut(v, ",")
		name, params, _ := strings.Cut(one, ";")
		if strings.EqualFold(strings.Trim(name, " \t"), coding) {
			return !zeroWeight(params)
		}
	}
	return false
}

// zeroWeight tells q=0, q=0., q=0.000; anything else is worth something. A
// weight that is none counts as 0.
func zeroWeight(params string) bool {
	key, q, ok := strings.Cut(params, "=")
	if !ok {
		return false
	}
	q = strings.Trim(q, " \t")
	if !strings.EqualFold(strings.Trim(key, " \t"), "q") {
		return false
	}
	if q == "" || len(q) > 5 || q[0] != '0' && q[0] != '1' {
		return true
	}
	return strings.Trim(q, "0.") == ""
}
