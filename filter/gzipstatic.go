package filter

import (
	"bytes"

	"github.com/luahttpd/luahttpd/phases"
)

// The modules that answer with a file's compressed form beside it, where there
// is one: NAME.br, NAME.zst, NAME.gz.
var (
	BrotliStatic = compressedStatic("brotli_static", "br", ".br")
	ZstdStatic   = compressedStatic("zstd_static", "zstd", ".zst")
	GzipStatic   = compressedStatic("gzip_static", "gzip", ".gz")
)

func compressedStatic(name, coding, suffix string) phases.Module {
	return phases.Define(phases.Spec[precompressed]{
		Name: name,
		Directives: []phases.Directive[precompressed]{
			phases.SetEnum(name, inLocations, func(g *precompressed) *int { return &g.mode }, "off", "on", "always"),
		},
		Default: func() precompressed { return precompressed{coding: coding, suffix: suffix} },
		Finish: func(g *precompressed, b *phases.Block) error {
			g.gzip = phases.ConfOf[gzipping](b.Loc)
			return nil
		},
		Active:   func(g *precompressed) bool { return g.mode != staticOff },
		Handlers: []phases.Hook[precompressed]{phases.At(phases.Content, sendCompressed)},
	})
}

type precompressed struct {
	mode           int
	coding, suffix string
	gzip           *gzipping
}

const (
	staticOff = iota
	staticOn
	staticAlways
)

// accepted tells whether the client takes the coding.
func (g *precompressed) accepted(r *phases.Request) bool {
	if g.coding == "gzip" {
		return g.gzip == nil || g.gzip.accepted(r)
	}
	return r.IsMain() && accepts(string(r.Field("Accept-Encoding")), g.coding)
}

func sendCompressed(r *phases.Request, g *precompressed) phases.Result {
	if r.Method != "GET" && r.Method != "HEAD" || bytes.HasSuffix(r.URI, []byte("/")) {
		return phases.Declined
	}
	accepted := g.mode == staticAlways || g.accepted(r)
	if !accepted && (g.gzip == nil || !g.gzip.vary) {
		return phases.Declined
	}
	path, _, ok := r.FilePath()
	if !ok {
		return 500
	}
	f, st, err := r.OpenFile(string(path) + g.suffix)
	if err != nil {
		if !phases.NoSuchFile(err) {
			r.Errorf(phases.LevelCrit, "%s", phases.OpenError(err))
		}
		return phases.Declined
	}
	defer f.Close()
	if g.mode == staticOn {
		g.gzip.addVary(r)
		if !accepted {
			return phases.Declined
		}
	}
	switch {
	case st.IsDir():
		return phases.Declined
	case !st.Mode().IsRegular():
		r.Errorf(phases.LevelCrit, "\"%s%s\" is not a regular file", path, g.suffix)
		return 404
	}
	if err := r.DiscardBody(); err != nil {
		return r.Result(err)
	}
	r.Out.Set("Content-Encoding", g.coding)
	return r.SendFile(f, st.Size(), st.ModTime(), phases.FileTag(st.ModTime(), st.Size()))
}
