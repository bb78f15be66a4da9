package filter

import (
	"github.com/klauspost/compress/zstd"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Zstd compresses responses with Zstandard (RFC 8878) for clients that accept
// it; its directives are those of zstd-nginx-module.
var Zstd = phases.Define(phases.Spec[zstandard]{
	Name: "zstd",
	Directives: append(compressRows("zstd", 22, func(z *zstandard) *compressing { return &z.compressing }),
		phases.Ignore[zstandard](inLocations, conf.Exactly(2), "buffers grow as they must", "zstd_buffers")...),
	Default: func() zstandard { return zstandard{compressing: compressing{level: 1, minLength: 20}} },
	Finish: func(z *zstandard, b *phases.Block) error {
		level := zstd.EncoderLevelFromZstd(z.level) // 22 levels are four
		z.ready(b, encoderKey{coding: "zstd", level: int(level)}, func() coder {
			// One goroutine: the worker's. The options are constants that are allowed.
			w, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(level), zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
				zstd.WithWindowSize(zstdWindow), zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true))
			return w
		})
		z.gzip = phases.ConfOf[gzipping](b.Loc)
		return nil
	},
	Active:    func(z *zstandard) bool { return z.on },
	Filter:    func(z *zstandard) phases.Filter { return phases.Filter{Header: z.offer("zstd", z.gzip), Body: z.body} },
	Variables: []phases.Variable{ratioOf("zstd_ratio", "zstd")},
})

// zstdWindow is how far back an encoder looks. Clients need not take more than
// 8 MiB (RFC 9659); a response's encoder holds twice this.
const zstdWindow = 512 << 10

type zstandard struct {
	compressing
	gzip *gzipping // for gzip_vary
}
