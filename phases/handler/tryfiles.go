package handler

import (
	"bytes"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// TryFilesConf is try_files, which blocks do not inherit.
type TryFilesConf struct {
	tries    []tried
	fallback *phases.Template // a URI or @name
	code     int              // instead of the fallback
	stmt     *conf.Stmt
}

type tried struct {
	name *phases.Template
	dir  bool
}

// TryFiles makes the first file that exists the URI.
var TryFiles = phases.Define(phases.Spec[TryFilesConf]{
	Name: "try_files",
	Directives: []phases.Directive[TryFilesConf]{
		phases.Set("try_files", conf.Server|conf.Location, conf.AtLeast(2), setTryFiles),
	},
	Finish: func(own *TryFilesConf, b *phases.Block) error {
		if own.stmt != nil && own.stmt.Parent != b.Stmt {
			*own = TryFilesConf{}
		}
		return nil
	},
	Active:   func(own *TryFilesConf) bool { return own.stmt != nil },
	Handlers: []phases.Hook[TryFilesConf]{phases.At(phases.Precontent, tryFiles)},
})

func setTryFiles(own *TryFilesConf, b *phases.Block, s *conf.Stmt) error {
	*own = TryFilesConf{stmt: s}
	last := len(s.Args) - 1
	for _, arg := range s.Args[:last] {
		name, dir := strings.CutSuffix(arg, "/")
		t, err := b.Template(s, name)
		if err != nil {
			return err
		}
		own.tries = append(own.tries, tried{t, dir})
	}
	if text, ok := strings.CutPrefix(s.Args[last], "="); ok {
		code, ok := conf.Number(text)
		if !ok || code > 999 {
			return s.Errorf("invalid code \"%s\"", text)
		}
		own.code = code
		return nil
	}
	var err error
	own.fallback, err = b.Template(s, s.Args[last])
	return err
}

func tryFiles(r *phases.Request, own *TryFilesConf) phases.Result {
	path, rootLen, ok := r.FilePath()
	if !ok {
		return 500
	}
	root := string(path[:rootLen])
	part, all := r.Aliased()
	for _, t := range own.tries {
		name := t.name.String(r)
		if _, isConst := t.name.Const(); !isConst {
			name = strings.TrimPrefix(name, string(part))
		}
		st, err := r.StatFile(root + name)
		if err != nil {
			if !phases.NoSuchFile(err) {
				r.Errorf(phases.LevelCrit, "%s", phases.OpenError(err))
			}
			continue
		}
		if st.IsDir() != t.dir {
			continue
		}
		switch {
		case !all:
			r.URI = append(part[:len(part):len(part)], name...)
		case !t.dir:
			r.URI = []byte(name)
			r.AliasURI()
		}
		return phases.Declined
	}
	if own.fallback == nil {
		return phases.Result(own.code)
	}
	to := own.fallback.Bytes(r)
	if len(to) > 0 && to[0] == '@' {
		return r.NamedLocation(string(to))
	}
	uri, args, _ := bytes.Cut(to, []byte("?"))
	return r.InternalRedirect(uri, args)
}
