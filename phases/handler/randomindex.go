package handler

import (
	"math/rand/v2"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// RandomIndexConf is random_index.
type RandomIndexConf struct{ On bool }

// RandomIndex answers a request for a directory by that for any file in it.
var RandomIndex = phases.Define(phases.Spec[RandomIndexConf]{
	Name: "random_index",
	Directives: []phases.Directive[RandomIndexConf]{
		phases.SetFlag("random_index", conf.Location, func(c *RandomIndexConf) *bool { return &c.On }),
	},
	Active:   func(own *RandomIndexConf) bool { return own.On },
	Handlers: []phases.Hook[RandomIndexConf]{phases.At(phases.Content, randomIndex)},
})

func randomIndex(r *phases.Request, _ *RandomIndexConf) phases.Result {
	if r.URI[len(r.URI)-1] != '/' || !readsFiles(r.Method) {
		return phases.Declined
	}
	path, _, ok := r.FilePath()
	if !ok {
		return 500
	}
	files, res := readDirectory(r, string(path))
	if res != phases.Next {
		return res
	}
	var names []string
	for _, f := range files {
		if f.Mode().IsRegular() {
			names = append(names, f.Name())
		}
	}
	if len(names) == 0 {
		return phases.Declined
	}
	name := names[rand.IntN(len(names))]
	return r.InternalRedirect(append(r.URI[:len(r.URI):len(r.URI)], name...), r.Args)
}
