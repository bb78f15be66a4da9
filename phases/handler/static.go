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
	files := cacheOf(r)
	o, res := openStatic(r, files)
	if o == nil {
		return res
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

// openStatic opens the regular file that a request's path names, or takes it
// from files; without one res is the verdict on the request. The caller has
// done with it.
func openStatic(r *phases.Request, files *fileCache) (o *openFile, res phases.Result) {
	path, _, ok := r.FilePath()
	if !ok {
		return nil, 500
	}
	if r.Loc.Core.Symlinks == phases.SymlinksFollow {
		o = files.get(path)
	}
	if o != nil {
		return o, 0
	}
	f, st, err := r.OpenFile(string(path))
	if err != nil {
		return nil, unopened(r, err)
	}
	if !st.Mode().IsRegular() {
		f.Close()
		if st.IsDir() {
			return nil, redirectDirectory(r)
		}
		r.Errorf(phases.LevelCrit, "\"%s\" is not a regular file", path)
		return nil, 404
	}
	return files.put(string(path), f, st), 0
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
