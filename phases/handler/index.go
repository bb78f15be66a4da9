package handler

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// IndexConf is the names that are tried for a directory: "index.html" if none
// is configured.
type IndexConf struct{ names conf.List[*phases.Template] }

const inFiles = conf.HTTP | conf.Server | conf.Location

// Index answers a request for a directory by that for a file in it.
var Index = phases.Define(phases.Spec[IndexConf]{
	Name: "index",
	Default: func() IndexConf {
		return IndexConf{conf.List[*phases.Template]{Items: []*phases.Template{phases.Literal("index.html")}}}
	},
	Directives: []phases.Directive[IndexConf]{
		phases.Add("index", inFiles, conf.AtLeast(1), addIndex),
	},
	Handlers: []phases.Hook[IndexConf]{phases.At(phases.Content, index)},
})

func addIndex(own *IndexConf, b *phases.Block, s *conf.Stmt) error {
	for i, name := range s.Args {
		if name == "" {
			return s.Errorf("index \"%s\" in \"index\" directive is invalid", name)
		}
		if name[0] == '/' && i < len(s.Args)-1 {
			b.Config.Warn(s, "only the last index in \"index\" directive should be absolute")
		}
		t, err := b.Template(s, name)
		if err != nil {
			return err
		}
		own.names.Add(s, t)
	}
	return nil
}

// readsFiles tells the methods that are answered from files.
func readsFiles(method string) bool { return method == "GET" || method == "HEAD" || method == "POST" }

func index(r *phases.Request, own *IndexConf) phases.Result {
	if r.URI[len(r.URI)-1] != '/' || !readsFiles(r.Method) {
		return phases.Declined
	}
	dir, tested := "", false
	for _, t := range own.names.Items {
		name := t.String(r)
		if strings.HasPrefix(name, "/") {
			return r.InternalRedirect([]byte(name), r.Args)
		}
		if dir == "" {
			path, _, ok := r.FilePath()
			if !ok {
				return 500
			}
			dir = string(path)
		}
		_, err := r.StatFile(dir + name)
		if err == nil {
			return r.InternalRedirect(append(r.URI[:len(r.URI):len(r.URI)], name...), r.Args)
		}
		missing := errors.Is(err, fs.ErrNotExist)
		if res, _ := phases.FileStatus(err); res != 500 && !missing {
			return indexFailed(r, dir+name, res, err)
		}
		if !tested {
			if res := testDirectory(r, dir, name); res != phases.Next {
				return res
			}
			tested = true
		}
		if !missing {
			r.Errorf(phases.LevelCrit, "%s", phases.OpenError(err))
			return 500
		}
	}
	return phases.Declined
}

// testDirectory finds out why the index file is not there: a directory that
// is missing is not found, one without index files is for other handlers.
func testDirectory(r *phases.Request, dir, name string) phases.Result {
	st, err := r.StatFile(strings.TrimSuffix(dir, "/"))
	switch {
	case err == nil && st.IsDir() || errors.Is(err, fs.ErrPermission):
		return phases.Next
	case err == nil:
		r.Errorf(phases.LevelAlert, "\"%s\" is not a directory", strings.TrimSuffix(dir, "/"))
		return 500
	case errors.Is(err, fs.ErrNotExist):
		return indexFailed(r, dir+name, 404, err)
	}
	r.Errorf(phases.LevelCrit, "%s", phases.OpenError(err))
	return 500
}

func indexFailed(r *phases.Request, path string, res phases.Result, err error) phases.Result {
	switch {
	case res == 403:
		r.Errorf(phases.LevelError, "\"%s\" is forbidden (%s)", path, phases.Errno(err))
	case r.Loc.Core.LogNotFound:
		r.Errorf(phases.LevelError, "\"%s\" is not found (%s)", path, phases.Errno(err))
	}
	return res
}
