package handler

import (
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
	"github.com/luahttpd/luahttpd/phases/http1"
)

// DAVConf is which methods of WebDAV (RFC 4918) change files, and how.
type DAVConf struct {
	methods    davMethod
	fullPath   bool // PUT makes the directories that are missing
	minDepth   int  // segments that a path must have for DELETE
	fileAccess fs.FileMode
}

type davMethod uint8

const (
	davPut davMethod = 1 << iota
	davDelete
	davMkcol
	davCopy
	davMove
)

var davMethods = map[string]davMethod{"PUT": davPut, "DELETE": davDelete, "MKCOL": davMkcol, "COPY": davCopy, "MOVE": davMove}

// DAV changes files: PUT, DELETE, MKCOL, COPY and MOVE.
var DAV = phases.Define(phases.Spec[DAVConf]{
	Name:    "dav",
	Default: func() DAVConf { return DAVConf{fileAccess: 0o600} },
	Directives: []phases.Directive[DAVConf]{
		phases.Set("dav_methods", inFiles, conf.AtLeast(1), setDAVMethods),
		phases.SetFlag("create_full_put_path", inFiles, func(own *DAVConf) *bool { return &own.fullPath }),
		phases.SetInt("min_delete_depth", inFiles, func(own *DAVConf) *int { return &own.minDepth }),
		phases.Set("dav_access", inFiles, conf.Between(1, 3), func(own *DAVConf, _ *phases.Block, s *conf.Stmt) error {
			var err error
			own.fileAccess, err = accessMode(s)
			return err
		}),
	},
	Active:   func(own *DAVConf) bool { return own.methods != 0 },
	Handlers: []phases.Hook[DAVConf]{phases.At(phases.Content, dav)},
})

func setDAVMethods(own *DAVConf, _ *phases.Block, s *conf.Stmt) error {
	own.methods = 0
	for _, name := range s.Args {
		m := davMethods[strings.ToUpper(name)]
		if m == 0 && name != "off" {
			return s.Errorf("invalid value \"%s\"", name)
		}
		own.methods |= m
	}
	return nil
}

// accessMode reads user:rw group:r all:r. What is not said of the user is rw.
func accessMode(s *conf.Stmt) (fs.FileMode, error) {
	user, mode := fs.FileMode(0o600), fs.FileMode(0)
	for _, a := range s.Args {
		who, what, _ := strings.Cut(a, ":")
		var right fs.FileMode
		switch what {
		case "rw":
			right = 6
		case "r":
			right = 4
		default:
			return 0, s.Errorf("invalid value \"%s\"", a)
		}
		switch who {
		case "user":
			user, right = 0, right<<6
		case "group":
			right <<= 3
		case "all":
		default:
			return 0, s.Errorf("invalid value \"%s\"", a)
		}
		mode |= right
	}
	return mode | user, nil
}

// directoryAccess lets those into a directory who may read its files.
func directoryAccess(mode fs.FileMode) fs.FileMode { return mode | mode&0o444>>2 }

func dav(r *phases.Request, own *DAVConf) phases.Result {
	m := davMethods[r.Method]
	if own.methods&m == 0 {
		return phases.Declined
	}
	if m != davPut && r.HasBody() {
		r.Errorf(phases.LevelError, "%s with body is unsupported", r.Method)
		return 415
	}
	name, _, ok := r.FilePath()
	if !ok {
		return 500
	}
	collection := r.URI[len(r.URI)-1] == '/'
	path := strings.TrimRight(string(name), "/")
	switch m {
	case davPut:
		return own.put(r, path, collection)
	case davDelete:
		return own.delete(r, path, collection)
	case davMkcol:
		if !collection {
			r.Errorf(phases.LevelError, "MKCOL can create a collection only")
			return 409
		}
		if err := os.Mkdir(path, directoryAccess(own.fileAccess)); err != nil {
			return davFailed(r, err, 409)
		}
		return davCreated(r)
	}
	return own.transfer(r, path, collection)
}

// davCreated answers 201 with the place of what was made.
func davCreated(r *phases.Request) phases.Result {
	r.Out.Set("Location", string(http1.AppendEscaped(nil, r.URI, http1.EscapeURI)))
	return 201
}

func (own *DAVConf) put(r *phases.Request, path string, collection bool) phases.Result {
	if collection {
		r.Errorf(phases.LevelError, "cannot PUT to a collection")
		return 409
	}
	if r.Field("Content-Range") != nil {
		r.Errorf(phases.LevelError, "PUT with range is unsupported")
		return 501
	}
	temp, err := r.TakeBody()
	if err != nil {
		return r.Result(err)
	}
	date, dated := http1.ParseHTTPDate(r.Field("Date"), r.Worker.Now())
	var res phases.Result
	r.Worker.Offload(func() { res, err = own.place(temp, path, date, dated) })
	switch {
	case err != nil:
		return davFailed(r, err, 500)
	case res == 409:
		r.Errorf(phases.LevelError, "\"%s\" could not be created (21: Is a directory)", path)
		return res
	case res == 201:
		return davCreated(r)
	}
	return res
}

// place moves the file temp to path, or removes it.
func (own *DAVConf) place(temp, path string, date time.Time, dated bool) (phases.Result, error) {
	defer os.Remove(temp) // nothing is there any more if all went well
	res := phases.Result(201)
	if st, err := os.Stat(path); err == nil {
		if st.IsDir() {
			return 409, nil
		}
		res = 204
	}
	if err := os.Chmod(temp, own.fileAccess); err != nil {
		return 500, err
	}
	if dated {
		if err := os.Chtimes(temp, date, date); err != nil {
			return 500, err
		}
	}
	var dirs fs.FileMode
	if own.fullPath {
		dirs = directoryAccess(own.fileAccess)
	}
	return res, moveFile(temp, path, dirs)
}

func (own *DAVConf) delete(r *phases.Request, path string, collection bool) phases.Result {
	if own.minDepth > 0 {
		if depth := strings.Count(strings.TrimRight(string(r.URI), "/"), "/"); depth < own.minDepth {
			r.Errorf(phases.LevelError, "insufficient URI depth:%d to DELETE", depth)
			return 409
		}
	}
	st, err := os.Lstat(path)
	if err == nil && collection && !st.IsDir() {
		_, err = os.Lstat(path + "/") // as the URI names it
	}
	if err != nil {
		return davFailed(r, err, notFoundOrConflict(err))
	}
	depth, ok := davDepth(r)
	switch {
	case st.IsDir() && !collection:
		r.Errorf(phases.LevelError, "DELETE \"%s\" failed (21: Is a directory)", path)
		return 409
	case st.IsDir() && !(ok && depth == davInfinity):
		r.Errorf(phases.LevelError, "\"Depth\" header must be infinity")
		return 400
	case !(ok && depth != 1):
		r.Errorf(phases.LevelError, "\"Depth\" header must be 0 or infinity")
		return 400
	}
	r.Worker.Offload(func() { err = os.RemoveAll(path) })
	if err != nil {
		return davFailed(r, err, 404)
	}
	return 204
}

// davInfinity is the depth of a whole tree.
const davInfinity = -1

// davDepth is the Depth field: 0, 1 or infinity, which is also what its absence
// means.
func davDepth(r *phases.Request) (depth int, ok bool) {
	switch v := r.Field("Depth"); {
	case v == nil || string(v) == "infinity":
		return davInfinity, true
	case len(v) == 1 && (v[0] == '0' || v[0] == '1'):
		return int(v[0] - '0'), true
	}
	r.Errorf(phases.LevelError, "client sent invalid \"Depth\" header: \"%s\"", r.Field("Depth"))
	return 0, false
}
