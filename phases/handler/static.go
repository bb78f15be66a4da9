package handler

import (
	"strconv"
	"time"

	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// Static answers with files; it is the last of the content handlers.
var Static = phases.Define(phases.Spec[struct{}]{
	Name:     "static",
	Handlers: []phases.Hook[struct{}]{phases.At(phases.Content, static)},
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
	f, st, err := phases.OpenFile(string(path))
	if err != nil {
		res, level := phases.FileStatus(err)
		if res != 404 || r.Loc.Core.LogNotFound {
			r.Errorf(level, "%s", phases.OpenError(err))
		}
		return res
	}
	defer f.Close()
	switch {
	case st.IsDir():
		return redirectDirectory(r)
	case !st.Mode().IsRegular():
		r.Errorf(phases.LevelCrit, "\"%s\" is not a regular file", path)
		return 404
	case r.Method == "POST":
		return notAllowed(r)
	}
	if err := r.DiscardBody(); err != nil {
		return r.Result(err)
	}
	o := &r.Out
	o.Status, o.ContentLength = 200, st.Size()
	SetModified(r, st.ModTime(), st.Size())
	r.SetContentType()
	o.AllowRanges = true
	if err := r.SendHeader(); err != nil {
		return r.Result(err)
	}
	if o.NoBody {
		return r.Finish()
	}
	c := phases.Chunk{Last: r.IsMain(), End: true}
	if st.Size() > 0 {
		c.File, c.Size = f, st.Size()
	}
	if err := r.Send(c); err != nil {
		return r.Result(err)
	}
	return phases.Done
}

// SetModified gives the response the time and entity tag of a file that was
// modified at t and has size bytes.
func SetModified(r *phases.Request, t time.Time, size int64) {
	r.Out.LastModified = t
	if !r.Loc.Core.ETag {
		return
	}
	tag := make([]byte, 0, 32)
	tag = append(tag, '"')
	tag = strconv.AppendInt(tag, t.Unix(), 16)
	tag = append(tag, '-')
	tag = strconv.AppendInt(tag, size, 16)
	r.Out.Set("ETag", string(append(tag, '"')))
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
