package filter

import (
	"math/bits"

	"github.com/molecule-man/go-brrr"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Brotli compresses responses with brotli (RFC 7932) for clients that accept
// it; its directives are those of ngx_brotli.
var Brotli = phases.Define(phases.Spec[brotli]{
	Name: "brotli",
	Directives: append(append(compressRows("brotli", 11, func(z *brotli) *compressing { return &z.compressing }),
		phases.Set("brotli_window", inLocations, conf.Exactly(1), func(z *brotli, _ *phases.Block, s *conf.Stmt) error {
			n, ok := conf.Size(s.Args[0])
			if !ok || n < 1<<10 || n > 16<<20 || n&(n-1) != 0 {
				return s.Errorf("invalid value \"%s\", it must be a power of two from 1k to 16m", s.Args[0])
			}
			z.window = bits.Len64(uint64(n)) - 1
			return nil
		}),
	), phases.Ignore[brotli](inLocations, conf.Exactly(2), "buffers grow as they must", "brotli_buffers")...),
	Default: func() brotli { return brotli{compressing: compressing{level: 6, minLength: 20}, window: 19} },
	Finish: func(z *brotli, b *phases.Block) error {
		level, options := z.level, brrr.WriterOptions{LGWin: z.window}
		z.ready(b, encoderKey{"br", level, z.window}, func() coder {
			w, _ := brrr.NewWriterOptions(nil, level, options) // level and window were checked
			return w
		})
		z.gzip = phases.ConfOf[gzipping](b.Loc)
		return nil
	},
	Active:    func(z *brotli) bool { return z.on },
	Filter:    func(z *brotli) phases.Filter { return phases.Filter{Header: z.offer("br", z.gzip), Body: z.body} },
	Variables: []phases.Variable{ratioOf("brotli_ratio", "br")},
})

type brotli struct {
	compressing
	window int       // its logarithm: 19 (512k)
	gzip   *gzipping // for gzip_vary
}
