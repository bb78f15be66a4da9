package handler

import (
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// Static answers with files; it is the last of the content handlers.
var Static = phases.Define(phases.Spec[struct{}]{
	Name:     "static",
	Handlers: []phases.Hook[struct{}]{phases.At(phases.Content, static)},
	Init: func(cfg *phases.Config, _ *struct{}) error {
		fileCaches.Of(cfg) // workers must only find it
		return nil
	},
	Stop: closeFiles,
})

func static(r *phases.Request, _ *struct{}) phases.Result {
	if !readsFiles(r.Method) {
		return notAllowed(r)
	}
	if r.URI[len(r.URI)-1] == '/' {
		return phases.Declined
	}
	path, _, ok := r.FilePath()
	if !ok {
		return 500
	}
	files := cacheOf(r)
	var o *openFile
	if r.Loc.Core.Symlinks == phases.SymlinksFollow {
		o = files.get(path)
	}
	if o == nil {
		f, st, err := r.OpenFile(string(path))
		if err != nil {
			return unopened(r, err)
		}
		if !st.Mode().IsRegular() {
			f.Close()
			if st.IsDir() {
				return redirectDirectory(r)
			}
			r.Errorf(phases.LevelCrit, "\"%s\" is not a regular file", path)
			return 404
		}
		o = files.put(string(path), f, st)
	}
	defer files.done(o)
	if r.Method == "POST" {
		return notAllowed(r)
	}
	if err := r.DiscardBody(); err != nil {
		return r.Result(err)
	}
	return r.SendFile(o.f, o.size, o.time, o.etag)
}

// unopened is the verdict on a request whose file cannot be
// opened; the log says why.
func unopened(r *phases.Request, err error) phases.Result {
	res, level := phases.FileStatus(err)
	if res != 404 || r.Loc.Core.LogNotFound {
		r.Errorf(level, "%s", phases.OpenError(err))
	}
	return res
}

// redirectDirectory sends the client to the directory's name with its slash.
func redirectDirectory(r *phases.Request) phases.Result {
	to := http1.AppendEscaped(nil, r.URI, http1.EscapeURI)
	to = append(to, '/')
	if len(r.Args) > 0 {
		to = append(append(to, '?'), r.Args...)
	}
	r.Out.Set("Location", string(to))
	return 301
}

// notAllowed is 405 with what RFC 9110 section 15.5.6 wants beside it.
func notAllowed(r *phases.Request) phases.Result {
	r.Out.Set("Allow", "GET, HEAD")
	return 405
}
