package handler

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/luahttpd/luahttpd/phases"
)

// transfer is COPY and MOVE of what lies at path.
func (own *DAVConf) transfer(r *phases.Request, path string, collection bool) phases.Result {
	field := r.Field("Destination")
	target, res := davDestination(r, field)
	if res != phases.Next {
		return res
	}
	if intoCollection := target[len(target)-1] == '/'; collection != intoCollection {
		r.Errorf(phases.LevelError, "both URI \"%s\" and \"Destination\" URI \"%s\" should be either collections or non-collections", r.URI, field)
		return 409
	}
	depth, ok := davDepth(r)
	switch {
	case !ok || depth == 1 || depth == 0 && r.Method == "MOVE":
		allowed := "infinity"
		if r.Method == "COPY" {
			allowed = "0 or infinity"
		}
		r.Errorf(phases.LevelError, "\"Depth\" header must be %s", allowed)
		return 400
	}
	overwrite, ok := davOverwrite(r)
	if !ok {
		return 400
	}
	to, ok := davPath(r, target)
	if !ok {
		r.Errorf(phases.LevelError, "client sent invalid \"Destination\" header: \"%s\"", field)
		return 400
	}
	if to == path || strings.HasPrefix(to, path+"/") || strings.HasPrefix(path, to+"/") {
		r.Errorf(phases.LevelError, "\"%s\" cannot be %s \"%s\": one is a part of the other", r.URI, davParticiple(r.Method), field)
		return 403
	}
	t := davTransfer{from: path, to: to, move: r.Method == "MOVE", only: depth == 0, overwrite: overwrite, collection: collection, dirAccess: directoryAccess(own.fileAccess)}
	r.Worker.Offload(t.run)
	if t.reason != "" {
		r.Errorf(phases.LevelError, "\"%s\" %s", r.URI, t.reason)
		return t.res
	}
	if t.err != nil {
		return davFailed(r, t.err, t.res)
	}
	return t.res
}

func davParticiple(method string) string {
	if method == "MOVE" {
		return "moved to"
	}
	return "copied to"
}

// davDestination is the URI in a Destination field, which must be of this
// host.
func davDestination(r *phases.Request, field []byte) (uri []byte, res phases.Result) {
	if field == nil {
		r.Errorf(phases.LevelError, "client sent no \"Destination\" header")
		return nil, 400
	}
	invalid := func() ([]byte, phases.Result) {
		r.Errorf(phases.LevelError, "client sent invalid \"Destination\" header: \"%s\"", field)
		return nil, 400
	}
	rest := field
	if len(rest) == 0 || rest[0] != '/' {
		var ok bool
		if rest, ok = bytes.CutPrefix(field, []byte(r.Scheme()+"://")); !ok || len(r.Host) == 0 {
			return invalid()
		}
		if len(rest) < len(r.Host) || !bytes.EqualFold(rest[:len(r.Host)], r.Host) {
			r.Errorf(phases.LevelError, "\"Destination\" URI \"%s\" is handled by different repository than the source URI", field)
			return nil, 400
		}
		rest = rest[len(r.Host):]
		slash := bytes.IndexByte(rest, '/')
		if slash < 0 {
			return invalid()
		}
		rest = rest[slash:]
	}
	uri, _, ok := r.SplitURI(rest)
	if !ok {
		return invalid()
	}
	return uri, phases.Next
}

func davOverwrite(r *phases.Request) (yes, ok bool) {
	v := r.Field("Overwrite")
	if v == nil {
		return true, true
	}
	switch string(bytes.ToUpper(v)) {
	case "T":
		return true, true
	case "F":
		return false, true
	}
	r.Errorf(phases.LevelError, "client sent invalid \"Overwrite\" header: \"%s\"", v)
	return false, false
}

// davPath is the file that a URI names in r's location.
func davPath(r *phases.Request, uri []byte) (string, bool) {
	part, all := r.Aliased()
	if all || !bytes.HasPrefix(uri, part) {
		return "", false
	}
	was := r.URI
	r.URI = uri
	name, _, ok := r.FilePath()
	r.URI = was
	return strings.TrimRight(string(name), "/"), ok
}

// davTransfer is a COPY or MOVE under way, apart from its request.
type davTransfer struct {
	from, to   string
	move       bool
	only       bool // the collection without what is in it
	overwrite  bool
	collection bool // both URIs end in a slash
	dirAccess  fs.FileMode

	res    phases.Result
	reason string // why it is refused
	err    error
}

func (t *davTransfer) run() {
	t.res = 204
	old, err := os.Lstat(t.to)
	switch {
	case err == nil && old.IsDir() && !t.collection:
		t.res, t.reason = 409, "could not be written over the collection \""+t.to+"\" (21: Is a directory)"
		return
	case err == nil && !t.overwrite:
		t.res, t.reason = 412, "could not be written to \""+t.to+"\" (17: File exists)"
		return
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		t.res, t.err = 404, err
		return
	}
	st, err := os.Lstat(t.from)
	if err == nil && t.collection && !st.IsDir() {
		err = &fs.PathError{Op: "lstat", Path: t.from + "/", Err: syscall.ENOTDIR}
	}
	switch {
	case err != nil:
		t.res, t.err = 404, err
	case !st.IsDir():
		t.file(st)
	case !t.collection:
		t.res, t.reason = 400, "is collection"
	default:
		if old != nil {
			if err := os.RemoveAll(t.to); err != nil {
				t.res, t.err = 404, err
				return
			}
		}
		t.tree()
	}
}

func (t *davTransfer) file(st fs.FileInfo) {
	t.res = 500
	if t.move {
		t.err = moveFile(t.from, t.to, t.dirAccess)
	} else {
		t.err = copyFile(t.from, t.to, st)
	}
	if t.err == nil {
		t.res = 204
	}
}

func (t *davTransfer) tree() {
	if t.move && os.Rename(t.from, t.to) == nil {
		t.res = 201
		return
	}
	t.res = 409
	if t.err = copyTree(t.from, t.to, t.only); t.err == nil && t.move {
		t.err = os.RemoveAll(t.from)
	}
	if t.err == nil {
		t.res = 201
	}
}
