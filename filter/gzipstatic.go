package filter

import (
	"bytes"

	"github.com/luahttpd/luahttpd/phases"
)

// GzipStatic answers with a file's compressed form, NAME.gz beside NAME, where
// there is one.
var GzipStatic = phases.Define(phases.Spec[gzipStatic]{
	Name: "gzip_static",
	Directives: []phases.Directive[gzipStatic]{
		phases.SetEnum("gzip_static", inLocations, func(g *gzipStatic) *int { return &g.mode }, "off", "on", "always"),
	},
	Finish: func(g *gzipStatic, b *phases.Block) error {
		g.gzip = phases.ConfOf[gzipping](b.Loc)
		return nil
	},
	Active:   func(g *gzipStatic) bool { return g.mode != gzipStaticOff },
	Handlers: []phases.Hook[gzipStatic]{phases.At(phases.Content, sendCompressed)},
})

type gzipStatic struct {
	mode int
	gzip *gzipping
}

const (
	gzipStaticOff = iota
	gzipStaticOn
	gzipStaticAlways
)

func sendCompressed(r *phases.Request, g *gzipStatic) phases.Result {
	if r.Method != "GET" && r.Method != "HEAD" || bytes.HasSuffix(r.URI, []byte("/")) {
		return phases.Declined
	}
	accepted := g.mode == gzipStaticAlways || g.gzip == nil || g.gzip.accepted(r)
	if !accepted && !g.gzip.vary {
		return phases.Declined
	}
	path, _, ok := r.FilePath()
	if !ok {
		return 500
	}
	f, st, err := r.OpenFile(string(path) + ".gz")
	if err != nil {
		if !phases.NoSuchFile(err) {
			r.Errorf(phases.LevelCrit, "%s", phases.OpenError(err))
		}
		return phases.Declined
	}
	defer f.Close()
	if g.mode == gzipStaticOn && g.gzip != nil {
		g.gzip.addVary(r)
		if !accepted {
			return phases.Declined
		}
	}
	switch {
	case st.IsDir():
		return phases.Declined
	case !st.Mode().IsRegular():
		r.Errorf(phases.LevelCrit, "\"%s.gz\" is not a regular file", path)
		return 404
	}
	if err := r.DiscardBody(); err != nil {
		return r.Result(err)
	}
	r.Out.Set("Content-Encoding", "gzip")
	return r.SendFile(f, st.Size(), st.ModTime(), phases.FileTag(st.ModTime(), st.Size()))
}
