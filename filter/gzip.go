package filter

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Gzip compresses responses for clients that accept it.
var Gzip = phases.Define(phases.Spec[gzipping]{
	Name: "gzip",
	Directives: append(append(compressRows("gzip", 9, func(g *gzipping) *compressing { return &g.compressing }),
		phases.SetFlag("gzip_vary", inLocations, func(g *gzipping) *bool { return &g.vary }),
		phases.SetEnum("gzip_http_version", inLocations, func(g *gzipping) *int { return &g.minor }, "1.0", "1.1"),
		phases.Set("gzip_proxied", inLocations, conf.AtLeast(1), setProxied),
		phases.Set("gzip_disable", inLocations, conf.AtLeast(1), setGzipDisable),
	), phases.Ignore[gzipping](inLocations, conf.Between(1, 2), "buffers grow as they must", "gzip_buffers", "gzip_hash", "gzip_window",
		"postpone_gzipping", "gzip_no_buffer")...),
	Default: func() gzipping {
		return gzipping{compressing: compressing{level: 1, minLength: 20}, minor: 1, proxied: proxiedOff}
	},
	Finish: func(g *gzipping, b *phases.Block) error {
		level := g.level
		g.ready(b, encoderKey{coding: "gzip", level: level}, func() coder { return &gzipCoder{level: level} })
		return nil
	},
	Active:    func(g *gzipping) bool { return g.on },
	Filter:    func(g *gzipping) phases.Filter { return phases.Filter{Header: g.header, Body: g.body} },
	Variables: []phases.Variable{ratioOf("gzip_ratio", "gzip")},
})

// gzipping is the configuration of gzip and of who else needs to know whether
// a client takes it.
type gzipping struct {
	compressing
	vary    bool
	minor   int // the least HTTP/1.x
	proxied proxied
	disable conf.List[*phases.Regex]
	oldMSIE bool
}

func (g *gzipping) header(next phases.HeaderFunc) phases.HeaderFunc {
	return func(r *phases.Request) error {
		if !g.wants(r) {
			return next(r)
		}
		g.addVary(r)
		if g.accepted(r) {
			g.begin(r, "gzip")
		}
		return next(r)
	}
}

// gzipCoder writes the gzip format (RFC 1952). Its large part is made when a
// response comes in more than one piece.
type gzipCoder struct {
	level int
	to    io.Writer
	w     *gzip.Writer
	begun bool
}

func (g *gzipCoder) Reset(to io.Writer) { g.to, g.begun = to, false }

func (g *gzipCoder) begin() {
	if g.begun {
		return
	}
	g.begun = true
	if g.w == nil {
		g.w, _ = gzip.NewWriterLevel(g.to, g.level) // the level was checked
		return
	}
	g.w.Reset(g.to)
}

func (g *gzipCoder) Write(b []byte) (int, error) {
	g.begin()
	return g.w.Write(b)
}

func (g *gzipCoder) Flush() error {
	g.begin()
	return g.w.Flush()
}

func (g *gzipCoder) Close() error {
	g.begin()
	return g.w.Close()
}

// maxWhole is how much StatelessDeflate compresses as one block.
const maxWhole = 1<<15 - 1

// gzipHead: deflate, no flags, no time, fastest, Unix.
const gzipHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\x03"

// whole compresses a short response on level 1 without copying it: the result
// is as good, and the tables are small.
func (g *gzipCoder) whole(b []byte) (bool, error) {
	if g.level != 1 || len(b) == 0 || len(b) > maxWhole {
		return false, nil
	}
	if _, err := io.WriteString(g.to, gzipHead); err != nil {
		return true, err
	}
	if err := flate.StatelessDeflate(g.to, b, true, nil); err != nil {
		return true, err
	}
	var tail [8]byte
	binary.LittleEndian.PutUint32(tail[:], crc32.ChecksumIEEE(b))
	binary.LittleEndian.PutUint32(tail[4:], uint32(len(b)))
	_, err := g.to.Write(tail[:])
	return true, err
}
